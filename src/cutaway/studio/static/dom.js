// Elements from names, attributes and children; nothing here knows what is shown.

/**
 * Make an element. Attributes that begin with "on" are listeners; false, null and undefined are left out.
 * @param {string} name
 * @param {Record<string, any> | null} [attributes]
 * @param {...any} children
 * @returns {any}
 */
export function h(name, attributes, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/**
 * Make an element of a drawing.
 * @param {string} name
 * @param {Record<string, any> | null} [attributes]
 * @param {...any} children
 * @returns {any}
 */
export function s(name, attributes, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

/** @param {any} node @param {Record<string, any> | null | undefined} attributes @param {any[]} children */
function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, String(value));
  }
  node.append(...children.flat(9).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/**
 * A table: head, rows of cells; a cell is text, a number or an element. Numbers stand right.
 * @param {string} caption
 * @param {any[]} head
 * @param {any[][]} rows
 * @param {Record<string, any>} [attributes]
 */
export function table(caption, head, rows, attributes) {
  const right = (/** @type {any} */ cell) => typeof cell === "number" ||
    (typeof cell === "string" && /^[-−+]?[\d.,]+(e[-+]?\d+)?$/.test(cell));
  const wide = h("div", { class: "wide", tabindex: 0, role: "region", "aria-label": caption },
    h("table", attributes, h("caption", null, caption),
      h("thead", null, h("tr", null, head.map((cell) => h("th", { scope: "col" }, cell)))),
      h("tbody", null, rows.map((row) => h("tr", null, row.map(
        (cell) => h("td", { class: right(cell) ? "n" : null }, typeof cell === "number" ? short(cell) : cell)))))));
  return wide;
}

/** A number in few digits. @param {number | null | undefined} x @returns {string} */
export function short(x) {
  if (x === null || x === undefined || !Number.isFinite(x)) return "–";
  if (Number.isInteger(x) && Math.abs(x) < 1e15) return x.toLocaleString("en").replace("-", "−");
  const size = Math.abs(x);
  const text = size >= 1e5 || size < 1e-3 ? x.toExponential(2) : x.toPrecision(4).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");
  return text.replaceAll("-", "−");
}
