// Where the units of a network's layers stand when layers are columns, and how its weights look between them.

/**
 * Choose which units are drawn: all of a few, the first and the last of many; dots never stand for one alone.
 * @param {number} units @param {number} most
 */
export const chosen = (units, most) => units <= most + 1 ? Array.from({ length: units }, (_, k) => k) : [...Array(most - 1).keys(), units - 1];

/**
 * Place the unit that is drawn at a slot of a column of `count`; `gap` leaves room for dots before the last one.
 * @param {number} slot @param {number} count @param {number} middle of the column @param {number} each pixels for a unit
 * @param {number} [gap] in units
 */
export const slotAt = (slot, count, middle, each, gap = 0) =>
  middle + (slot - (count - 1 + gap) / 2 + (slot === count - 1 ? gap : 0)) * each;

/**
 * Draw a band from the column at a to that at b, in place of more lines than can be told apart.
 * @param {number} a @param {number[]} from highest and lowest unit there @param {number} b @param {number[]} to
 */
export const band = (a, from, b, to) => `M${a} ${from[0] - 8}L${b} ${to[0] - 8}V${to[1] + 8}L${a} ${from[1] + 8}Z`;

/** Write a name with its number below the line, as z1. @param {string} name @returns {[string, string]} the second may be empty */
export function subscript(name) {
  const found = /^([^\d]*[A-Za-zθℓŷ])(\d+)(\D?.*)$/.exec(name);
  return found && !name.includes(".") ? [found[1], found[2] + found[3]] : [name, ""];
}
