// What is shown, as files to take home: a table as CSV, a drawing as SVG and PNG. All is made in the page.

/** Let the browser keep a file. @param {string} name @param {string} ending @param {BlobPart} content @param {string} [type] */
export function keep(name, ending, content, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type: type ?? "text/plain" }));
  link.download = `${name.replace(/[^\p{L}\p{M}\p{N}]+/gu, "-").replace(/^-+|-+$/g, "") || "cutaway"}.${ending}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** Rows of cells as CSV; a number has all its digits, an element its text. @param {any[][]} rows */
export function csv(rows) {
  const cell = (/** @type {any} */ one) => {
    if (one === null || one === undefined) return "";
    const text = typeof one === "number" ? String(one) : (one instanceof Node ? cellText(one) : String(one));
    const plain = text.replace(/^−(?=[\d.])/, "-").replace(/(e)−(?=\d)/, "$1-");
    return /[",\n\r]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
  };
  return `${rows.map((row) => row.map(cell).join(",")).join("\n")}\n`;
}

/** @param {Node} node */
function cellText(node) {
  return node instanceof HTMLSelectElement ? node.selectedOptions[0]?.textContent ?? "" : node.textContent ?? "";
}

const SVG = "http://www.w3.org/2000/svg";
const WRITTEN = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-linejoin", "opacity", "font-size", "font-family", "font-weight", "text-anchor"];

/** A picture as a file of its own, its colours written down: every SVG and canvas in an element, each in its place.
 * @param {Element} node @returns {string} */
export function drawing(node) {
  const own = document.implementation.createDocument(SVG, "svg");  // of which nothing is shown or loaded here
  const parts = /** @type {any[]} */ (node.matches("svg, canvas") ? [node] : [...node.querySelectorAll("svg, canvas")]);
  const views = parts.filter((one) => one.matches("svg:not(.tile)")), box = views.length === 1 ? node.getBoundingClientRect() : around(parts);
  const [, , width, height] = views.length === 1 ? views[0].getAttribute("viewBox").split(/[ ,]+/).map(Number) : [0, 0, box.width, box.height];
  const scale = box.width ? width / box.width : 1;
  const set = (/** @type {Element} */ one, /** @type {Record<string, any>} */ given) => { for (const [name, value] of Object.entries(given)) one.setAttribute(name, String(value)); return one; };
  const whole = set(own.createElementNS(SVG, "svg"), { viewBox: `0 0 ${width} ${height}`, width, height });
  whole.append(set(own.createElementNS(SVG, "rect"), { width, height, fill: paper(node) }));
  for (const part of parts) {
    const at = part.getBoundingClientRect();
    const where = views.length === 1 && part === views[0] ? { x: 0, y: 0, width, height } : { x: (at.left - box.left) * scale, y: (at.top - box.top) * scale, width: at.width * scale, height: at.height * scale };
    if (part.matches("svg")) whole.append(set(inked(part, own), where));
    else whole.append(set(own.createElementNS(SVG, "image"), { ...where, href: part.toDataURL(), preserveAspectRatio: "none", "image-rendering": getComputedStyle(part).imageRendering }));
  }
  return `<?xml version="1.0"?>\n${new XMLSerializer().serializeToString(whole)}\n`;
}

/** The box around pictures that stand side by side. @param {Element[]} parts */
function around(parts) {
  const boxes = parts.map((one) => one.getBoundingClientRect()), left = Math.min(...boxes.map((one) => one.left)), top = Math.min(...boxes.map((one) => one.top));
  return { left, top, width: Math.max(...boxes.map((one) => one.right)) - left, height: Math.max(...boxes.map((one) => one.bottom)) - top };
}

/** A copy of an SVG whose styles are written down, without what follows the pointer. @param {Element} svg @param {Document} own @returns {Element} */
function inked(svg, own) {
  const copy = /** @type {Element} */ (own.importNode(svg, true)), to = copy.querySelectorAll("*");
  svg.querySelectorAll("*").forEach((one, k) => {
    const style = getComputedStyle(one);
    for (const name of WRITTEN) to[k].setAttribute(name, style.getPropertyValue(name));
  });
  copy.querySelectorAll(".cursor").forEach((one) => one.remove());
  return copy;
}

/** The colour that a drawing lies on. @param {Element | null} node @returns {string} */
function paper(node) {
  for (let one = node; one; one = one.parentElement) {
    const colour = getComputedStyle(one).backgroundColor;
    if (!/^(transparent|rgba\(0, 0, 0, 0\))$/.test(colour)) return colour;
  }
  return "white";
}

/** A drawing as a PNG of twice its size, for screens and slides. @param {string} text @returns {Promise<Blob>} */
export async function png(text) {
  const image = new Image(), url = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
  try {
    image.src = url;
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [2 * image.naturalWidth, 2 * image.naturalHeight];
    /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d")).drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise((give, refuse) => canvas.toBlob((blob) => (blob ? give(blob) : refuse(new Error("PNG"))), "image/png"));
  } finally {
    URL.revokeObjectURL(url);
  }
}
