// Tables of sealed pages: numbers stand right, words left, the first cell of a row is its head.

import { h } from "./elements.js";

const words = (/** @type {any} */ cell) => typeof cell === "string" && !/^[-−]?(\d|∞|NaN|$)/.test(cell);

/**
 * Make a table in a box that scrolls, by keyboard too. Cells are text or elements; null is no row.
 * @param {string} caption @param {any[]} head @param {(any[] | null)[]} rows @param {boolean} [shown] whether the caption is
 */
export function grid(caption, head, rows, shown = false) {
  const all = /** @type {any[][]} */ (rows.filter(Boolean));
  const left = (/** @type {number} */ k) => (!k || all.some((row) => words(row[k])) ? "l" : null);
  return h("div", { class: "wide", tabindex: "0", role: "group", "aria-label": caption }, h("table", null, shown ? h("caption", null, caption) : null,
    h("thead", null, h("tr", null, head.map((cell, k) => (cell ? h("th", { scope: "col", class: left(k) }, cell) : h("td"))))),
    h("tbody", null, all.map((row) => h("tr", null, row.map((cell, k) =>
      (k ? h("td", { class: words(cell) ? "l" : null }, cell) : h("th", { class: "l", scope: "row" }, cell))))))));
}
