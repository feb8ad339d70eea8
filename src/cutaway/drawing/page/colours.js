// Colours of numbers, read from the style sheet so that they follow light and dark.

/** @typedef {number[]} Colour red, green and blue, from 0 to 255 */

/** @type {Map<string, Colour>} */
const known = new Map();

/** Forget all colours: light has become dark, or dark light. */
export function repaint() {
  known.clear();
}

/** The colour that the style sheet calls --name. @param {string} name @returns {Colour} */
export function ink(name) {
  const found = known.get(name);
  if (found) return found;
  const probe = document.createElement("i"), pen = pencil(Object.assign(document.createElement("canvas"), { width: 1, height: 1 }));
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  pen.fillStyle = getComputedStyle(probe).color;
  probe.remove();
  pen.fillRect(0, 0, 1, 1);
  const made = [...pen.getImageData(0, 0, 1, 1).data.subarray(0, 3)];
  known.set(name, made);
  return made;
}

/** @param {Colour} rgb @param {number} [opacity] */
export const css = (rgb, opacity = 1) => opacity === 1 ? `rgb(${rgb.join(",")})` : `rgba(${rgb.join(",")},${opacity})`;

/** @param {Colour} a @param {Colour} b @param {number} share of b @returns {Colour} */
export const mixed = (a, b, share) => a.map((x, k) => Math.round(x + (b[k] - x) * share));

/** Blue below zero, orange above, the paper's own colour at zero. @param {number | bigint | undefined} v @param {number} reach @returns {Colour} */
export function colour(v, reach) {
  if (v === undefined) return ink("zero");
  const value = Number(v);
  if (!Number.isFinite(value)) return ink("edge");
  return mixed(ink("zero"), ink(value < 0 ? "below" : "above"), Math.min(1, Math.abs(value) / (reach || 1)) ** 0.7);
}

/** How far numbers go from zero, but for a few outliers. @param {ArrayLike<number>} numbers */
export function reachOf(numbers) {
  const step = Math.max(1, Math.floor(numbers.length / 500)), some = [];
  for (let k = 0; k < numbers.length; k += step) if (Number.isFinite(numbers[k])) some.push(Math.abs(numbers[k]));
  some.sort((a, b) => a - b);
  return some.length ? some[Math.floor(0.98 * (some.length - 1))] || some[some.length - 1] || 1 : 1;
}

/**
 * Paint rows x columns colours on a canvas, one pixel each.
 * @param {HTMLCanvasElement} canvas @param {number} rows @param {number} columns
 * @param {(row: number, column: number) => number[]} get red, green, blue, and how opaque if not wholly
 */
export function pixels(canvas, rows, columns, get) {
  if (canvas.width !== columns || canvas.height !== rows) Object.assign(canvas, { width: columns, height: rows });
  const pen = pencil(canvas), image = pen.createImageData(columns, rows);
  for (let r = 0, k = 0; r < rows; r++) for (let c = 0; c < columns; c++) {
    const [red, green, blue, opaque = 255] = get(r, c);
    image.data[k++] = red; image.data[k++] = green; image.data[k++] = blue; image.data[k++] = opaque;
  }
  pen.putImageData(image, 0, 0);
  return canvas;
}

/**
 * Paint rows x columns numbers on a canvas, one pixel each.
 * @param {HTMLCanvasElement} canvas @param {number} rows @param {number} columns
 * @param {(row: number, column: number) => number | bigint | undefined} get @param {number} reach
 */
export function picture(canvas, rows, columns, get, reach) {
  return pixels(canvas, rows, columns, (r, c) => colour(get(r, c), reach));
}

/** What draws on a canvas. @param {HTMLCanvasElement} canvas */
export function pencil(canvas) {
  const pen = canvas.getContext("2d");
  if (!pen) throw new Error("this browser cannot draw on a canvas");
  return pen;
}
