// How numbers are written: a true minus sign, few digits.

/**
 * Round to four digits; outside of `small` … `large` with a power of ten.
 * @param {number} value @param {number} small @param {number} large
 */
function written(value, small, large) {
  const rounded = Number(value.toPrecision(4)), size = Math.abs(rounded);
  const text = rounded !== 0 && (size < small || size >= large) ? rounded.toExponential() : String(rounded);
  return minus(text).replace("e+", "e");
}

/** A true minus sign in place of each hyphen. @param {string} text */
export const minus = (text) => text.replaceAll("-", "−");

/** A number in a formula. @param {number | bigint} value @returns {string} */
export function show(value) {
  if (typeof value === "bigint") return minus(String(value));
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  return written(value, 1e-4, 1e7);
}

/** A number beside an axis, where there is little room. @param {number} value */
export const tick = (value) => written(value, 1e-3, 1e4);

/** A number in a table; "–" where there is none. @param {number | null | undefined} value @returns {string} */
export function short(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return minus(value.toLocaleString("en"));
  const size = Math.abs(value);
  return minus(size >= 1e5 || size < 1e-3 ? value.toExponential(2) : String(Number(value.toPrecision(4))));
}
