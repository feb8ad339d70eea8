// Tables for the studio; elements and numbers are those of all pages.

import { h, s } from "../../drawing/page/elements.js";
import { short } from "../../drawing/page/numbers.js";

export { h, s, short };

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
