// From numbers to places on a drawing: scales, their ticks, and paths through points.

/** @typedef {((value: number) => number) & {low: number, high: number, log: boolean}} Scale */

/**
 * Make a scale from numbers between low and high to pixels between a and b, evenly or by their logarithm.
 * @param {number} low @param {number} high @param {number} a @param {number} b @param {boolean} [log]
 * @returns {Scale}
 */
export function scale(low, high, a, b, log = false) {
  const of = log ? Math.log10 : (/** @type {number} */ v) => v, span = of(high) - of(low);
  const to = (/** @type {number} */ v) => a + (span ? (of(v) - of(low)) / span : 0.5) * (b - a);
  return Object.assign(to, { low, high, log });
}

/**
 * Choose about `most` round numbers on a scale: 1, 2 and 5 of each power of ten; of a long logarithmic one powers alone.
 * @param {{low: number, high: number, log?: boolean}} scale @param {number} most
 * @returns {number[]}
 */
export function ticks({ low, high, log }, most) {
  if (log) {
    const first = Math.floor(Math.log10(low)), powers = Array.from({ length: Math.ceil(Math.log10(high)) - first + 1 }, (_, k) => first + k);
    const within = (/** @type {number[]} */ some) => some.filter((v) => v >= low * (1 - 1e-9) && v <= high * (1 + 1e-9));
    const fine = within(powers.flatMap((p) => [1, 2, 5].map((part) => Number(`${part}e${p}`))));
    if (fine.length <= 1.6 * most) return fine;
    const coarse = within(powers.map((p) => Number(`1e${p}`))), stride = Math.ceil(coarse.length / (1.6 * most));
    return coarse.filter((_, k) => k % stride === 0);
  }
  if (!(high > low)) return [low];
  const rough = (high - low) / most, ten = 10 ** Math.floor(Math.log10(rough));
  const each = [1, 2, 5, 10].map((part) => part * ten).find((one) => one >= rough * 0.999) ?? ten;
  const first = Math.ceil(low / each - 1e-9), count = Math.floor(high / each + 1e-9) - first + 1;
  return Array.from({ length: count }, (_, k) => Number(((first + k) * each).toPrecision(12)));
}

/**
 * Write the path through points, broken where one is missing.
 * @param {Iterable<[number, number] | null>} points
 */
export function through(points) {
  let d = "", pen = "M";
  for (const point of points) {
    if (point) { d += `${pen}${point[0].toFixed(1)} ${point[1].toFixed(1)}`; pen = "L"; } else pen = "M";
  }
  return d;
}

/**
 * Choose which of many values are drawn: all of a few, else of each of `columns` stretches the lowest and the highest.
 * @param {ArrayLike<number>} values @param {number} columns
 * @returns {number[]} their places, in order
 */
export function outline(values, columns) {
  const n = values.length;
  if (n <= 2 * columns) return Array.from({ length: n }, (_, k) => k);
  const found = [];
  for (let c = 0; c < columns; c++) {
    const begin = Math.floor(c * n / columns), end = Math.floor((c + 1) * n / columns);
    let low = begin, high = begin;
    for (let k = begin; k < end; k++) {
      if (values[k] < values[low]) low = k;
      if (values[k] > values[high]) high = k;
    }
    found.push(Math.min(low, high));
    if (low !== high) found.push(Math.max(low, high));
  }
  return found;
}
