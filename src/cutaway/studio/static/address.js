// The address holds the whole state: run, step, row, unit, weight. Back and forward of the browser follow it.

/** @typedef {Record<string, string>} Place */

/** Where the page stands. @returns {Place} */
export function place() {
  return Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
}

/** The address of a place. @param {Record<string, any>} parts @returns {string} */
export function at(parts) {
  const given = Object.entries(parts).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return `#${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`;
}

/** The address of a place as far as these names go, with others in their stead.
 * @param {string[]} names @param {Record<string, any>} parts */
export function from(names, parts) {
  const here = place();
  return at({ with: here.with, flat: here.flat, tests: here.tests, ...Object.fromEntries(names.map((name) => [name, here[name]])), ...parts });
}

/** Go there. @param {string} address @param {boolean} [instead] of the place where it stands, which back then skips */
export function go(address, instead) {
  if (instead) {
    history.replaceState(null, "", address);
    dispatchEvent(new HashChangeEvent("hashchange"));
  } else {
    location.hash = address;
  }
}

/** Numbers with commas between them. @param {string | undefined} text @returns {number[]} */
export function numbers(text) {
  return text ? text.split(",").map(Number).filter(Number.isInteger) : [];
}
