// A step: its batch, what it changes, every instruction; and the place to fork.

import { from, go } from "./address.js";
import { ask } from "./api.js";
import { h, short, table } from "./dom.js";
import { forkForm } from "./fork.js";
import { planeView } from "./plane.js";
import { seeLinks } from "./seeing.js";
import { t } from "./words.js";

/** @param {any} view @param {Record<string, string>} here @param {number} fork */
export async function stepView(view, here, fork) {
  const step = Number(here.step), found = await ask(view.name, "step", { step, fork });
  const to = (/** @type {number} */ k) => from(["run", "fork"], { step: Math.max(1, Math.min(found.done, k)) });
  const jump = h("input", { type: "number", min: 1, max: found.done, value: step, id: "jump", onchange: () => go(to(Number(jump.value) || 1)) });
  const rows = found.rows.map((/** @type {any} */ one) => [h("a", { href: from(["run", "fork", "step"], { row: one.place, name: one.row }) }, one.row.toLocaleString("en")),
    one.loss, ...one.cells.map((/** @type {string} */ cell) => h("span", { dir: "auto" }, cell))]);
  const updates = found.updates.map((/** @type {any} */ one) => [h("code", { dir: "ltr" }, one.name), h("span", { dir: "ltr" }, one.shape.join(" × ")), one.gradient, one.size, one.change,
    h("a", { href: from(["run", "fork", "step"], { weight: one.name, index: one.largest.join(",") }), dir: "ltr" }, `[${one.largest.join(", ")}]`)]);
  const listing = h("details", null, h("summary", null, t("listing")),
    h("div", { lang: "en", dir: "ltr" }, table(t("listing"), found.listing.head, found.listing.rows, { class: "listing" })));
  return h("section", null,
    h("div", { class: "row" }, h("h2", null, t("step_n", { n: step.toLocaleString("en") }), h("small", null, ` J = ${short(found.J)}`)),
      h("div", { class: "row tight" }, h("a", { class: "button", href: to(step - 1), rel: "prev" }, t("previous")), h("a", { class: "button", href: to(step + 1), rel: "next" }, t("next")),
        h("label", { for: "jump" }, t("jump")), jump)),
    h("p", { class: "note", lang: "en", dir: "auto" }, found.title),
    seeLinks(found.views, here), forkForm(view, found, here),
    found.finite ? null : h("p", { class: "wrong" }, t("no_update")),
    h("h3", null, t("batch")), h("p", { class: "note" }, t("batch_says", { n: found.size })),
    table(t("batch"), [t("row"), t("row_loss"), ...found.head.map((/** @type {string} */ name) => h("span", { dir: "auto" }, name))], rows, { class: "plain batch" }),
    updates.length ? [h("h3", null, t("updates")), table(t("updates"), [t("parameter"), t("shape"), t("gradient"), t("size"), t("moved"), t("largest")], updates, { class: "plain" })] : null,
    found.plane ? planeView(view, here, null) : null,
    listing);
}
