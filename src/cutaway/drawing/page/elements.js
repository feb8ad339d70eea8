// Elements from names, attributes and children; nothing here knows what is shown.

/** @typedef {Record<string, any> | null} Attributes */

const DRAWN = new Set(["svg", "g", "line", "circle", "rect", "path", "text", "title", "image", "tspan"]);

/**
 * Make an element of HTML. A function is a listener, "click" or "onclick"; false, null and undefined are left out.
 * Text is always text, never markup.
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Attributes} [attributes]
 * @param {...any} children
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function h(name, attributes, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/**
 * Make an element of a drawing (SVG).
 * @template {keyof SVGElementTagNameMap} Name
 * @param {Name} name
 * @param {Attributes} [attributes]
 * @param {...any} children
 * @returns {SVGElementTagNameMap[Name]}
 */
export function s(name, attributes, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

/**
 * Make an element of a drawing where its name is one, else of HTML.
 * @param {string} name
 * @param {Attributes} [attributes]
 * @param {...any} children
 * @returns {any}
 */
export function make(name, attributes, ...children) {
  return DRAWN.has(name) ? s(/** @type {keyof SVGElementTagNameMap} */ (name), attributes, ...children)
    : h(/** @type {keyof HTMLElementTagNameMap} */ (name), attributes, ...children);
}

/** The element that stands in the page under this id. @param {string} id @returns {any} */
export const $ = (id) => document.getElementById(id);

/**
 * @template {Element} Node
 * @param {Node} node @param {Attributes | undefined} attributes @param {any[]} children
 */
function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (typeof value === "function") node.addEventListener(name.replace(/^on/, ""), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, String(value));
  }
  node.append(...children.flat(9).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}
