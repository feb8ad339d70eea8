// Tables for the studio; elements and numbers are those of all pages.

import { h, s } from "../../drawing/page/elements.js";
import { short } from "../../drawing/page/numbers.js";
import { csv, drawing, keep, png } from "./files.js";
import { t } from "./words.js";

export { h, s, short };

/**
 * A table, with a button that takes it home: head, rows of cells; a cell is text, a number (none: null) or an element. Numbers stand right.
 * @param {string} caption
 * @param {any[]} head
 * @param {any[][]} rows
 * @param {Record<string, any>} [attributes]
 */
export function table(caption, head, rows, attributes) {
  const plain = (/** @type {any} */ cell) => typeof cell === "number" || cell === null || cell === undefined;
  const right = (/** @type {any} */ cell) => plain(cell) ||
    (typeof cell === "string" && /^[-−+]?[\d.,]+(e[-+]?\d+)?$/.test(cell));
  const wide = h("div", { class: "wide", tabindex: 0, role: "region", "aria-label": caption },
    h("table", attributes, h("caption", null, caption),
      h("thead", null, h("tr", null, head.map((cell) => h("th", { scope: "col" }, cell)))),
      h("tbody", null, rows.map((row) => h("tr", null, row.map(
        (cell) => h("td", { class: right(cell) ? "n" : null }, plain(cell) ? short(cell) : cell)))))));
  return h("div", { class: "kept" }, wide, h("p", { class: "keep" }, small(t("as_csv"), caption, () => keep(caption, "csv", csv([head, ...rows]), "text/csv"))));
}

/** The two buttons that take a picture home; `find` gives the drawing when one of them is used.
 * @param {string} caption @param {() => Element} find @returns {any} */
export function keepPicture(caption, find) {
  return h("span", { class: "keep" }, small("SVG", caption, () => keep(caption, "svg", drawing(find()), "image/svg+xml")),
    small("PNG", caption, async () => keep(caption, "png", await png(drawing(find())), "image/png")));
}

/** A picture with the buttons that take it home. @param {string} caption @param {any} node @returns {any} */
export function kept(caption, node) {
  return h("div", null, node, keepPicture(caption, () => node));
}

/** A small button; its name says of what it is. @param {string} words @param {string} of @param {() => any} act */
export function small(words, of, act) {
  return h("button", { type: "button", class: "quiet", "aria-label": `${words}: ${of}`, onclick: act }, words);
}
