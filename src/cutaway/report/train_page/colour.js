// Colours of numbers and classes, read from the style sheet so that they follow light and dark.

let palette = null;

export function readColours() {
  const probe = make("span", {class: "unseen"});
  document.body.append(probe);
  const read = name => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color.match(/[\d.]+/g).slice(0, 3).map(Number);
  };
  palette = {below: read("--below"), zero: read("--zero"), above: read("--above"), edge: read("--edge"), text: read("--text"),
    paper: read("--paper"), faint: read("--faint"), rule: read("--rule"), classes: Array.from({length: 8}, (_, k) => read(`--class${k}`)),
    runs: Array.from({length: 4}, (_, k) => read(`--run${k}`))};
  probe.remove();
}

export const paint = () => palette;
export const css = (rgb, opacity = 1) => opacity === 1 ? `rgb(${rgb.join(",")})` : `rgba(${rgb.join(",")},${opacity})`;
export const mixed = (a, b, share) => a.map((x, k) => Math.round(x + (b[k] - x) * share));

/** Blue below zero, orange above, the paper's own colour at zero; [r, g, b]. */
export function colour(v, reach) {
  if (!Number.isFinite(v)) return palette.edge;
  const share = Math.min(1, Math.abs(v) / (reach || 1)) ** 0.7;
  return mixed(palette.zero, v < 0 ? palette.below : palette.above, share);
}

/** How far numbers go from zero, but for a few outliers. */
export function reachOf(numbers) {
  const step = Math.max(1, Math.floor(numbers.length / 500)), some = [];
  for (let k = 0; k < numbers.length; k += step) if (Number.isFinite(numbers[k])) some.push(Math.abs(numbers[k]));
  some.sort((a, b) => a - b);
  return some.length ? some[Math.floor(0.98 * (some.length - 1))] || some[some.length - 1] || 1 : 1;
}

/** Paint rows x columns numbers on a canvas, one pixel each. */
export function picture(canvas, rows, columns, get, reach) {
  if (canvas.width !== columns || canvas.height !== rows) { canvas.width = columns; canvas.height = rows; }
  const context = canvas.getContext("2d"), image = context.createImageData(columns, rows);
  for (let r = 0, k = 0; r < rows; r++) for (let c = 0; c < columns; c++) {
    const rgb = colour(get(r, c), reach);
    image.data[k++] = rgb[0]; image.data[k++] = rgb[1]; image.data[k++] = rgb[2]; image.data[k++] = 255;
  }
  context.putImageData(image, 0, 0);
}
