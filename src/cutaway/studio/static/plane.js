// What the network says over a plane of two of its inputs: colours, points of training, a sentence.

import { ink, pixels, repaint } from "../../drawing/page/colours.js";
import { ask } from "./api.js";
import { h, s, short } from "./dom.js";
import { sayWrong } from "./main.js";
import { t } from "./words.js";

const INKS = ["b", "a", "ok", "violet", "faint"], SIZE = 336;

/** @param {any} view @param {Record<string, string>} here @param {number | null} row whose other inputs are taken */
export function planeView(view, here, row) {
  const root = h("div", { class: "plane" }, h("h3", null, t("plane")), h("p", { class: "note" }, t("wait")));
  const how = { step: Number(here.step), fork: Number(here.fork) || 0, place: row };
  const load = (/** @type {string} */ a, /** @type {string} */ b) => ask(view.name, "regions", { ...how, a, b })
    .then((found) => root.replaceChildren(h("h3", null, t("plane")), ...drawn(found, row, load)))
    .catch((error) => { root.replaceChildren(); sayWrong(error); });
  load("", "");
  return root;
}

/** @param {any} found @param {number | null} row @param {(a: string, b: string) => void} load */
function drawn(found, row, load) {
  const n = found.cells, two = !found.classes.length, kinds = found.classes.length;
  repaint();
  const shares = new Map();
  for (const said of found.said) shares.set(said, (shares.get(said) ?? 0) + 1);
  const canvas = pixels(h("canvas"), n, n, (r, c) => {  // the first row lies below
    const k = (n - 1 - r) * n + c, sure = found.sure[k];
    const strong = two ? Math.abs(sure - 0.5) * 2 : (sure - 1 / kinds) / (1 - 1 / kinds);
    return [...ink(INKS[two ? Number(sure > 0.5) : found.said[k] % INKS.length]), 30 + 150 * Math.max(0, Math.min(1, strong))];
  });
  const place = (/** @type {number} */ v, /** @type {number[]} */ ends) => SIZE * (v - ends[0]) / (ends[1] - ends[0]);
  const marks = found.points.map((/** @type {number[]} */ [x, y, k]) => k % 2
    ? s("rect", { x: place(x, found.across) - 3, y: SIZE - place(y, found.up) - 3, width: 6, height: 6, class: `spot m${k % INKS.length}` })
    : s("circle", { cx: place(x, found.across), cy: SIZE - place(y, found.up), r: 3.2, class: `spot m${k % INKS.length}` }));
  const says = two ? `${t("plane_low")} – ${t("plane_high")}` : [...shares].sort().map(([k, count]) => `${found.classes[k]} ${Math.round(100 * count / (n * n))} %`).join(", ");
  const select = (/** @type {string} */ id, /** @type {string} */ label, /** @type {string} */ now, /** @type {(v: string) => void} */ act) => h("div", { class: "field" }, h("label", { for: id }, label),
    h("select", { id, onchange: (/** @type {any} */ event) => act(event.target.value) }, found.features.map((/** @type {string} */ name) => h("option", { value: name, selected: name === now }, name))));
  const legend = found.classes.slice(0, 12).map((/** @type {string} */ name, /** @type {number} */ k) => h("span", { dir: "auto" }, h("i", { class: `key m${k % INKS.length}`, "aria-hidden": "true" }, k % 2 ? "■" : "●"), ` ${name}`));
  return [h("p", { class: "note" }, row === null ? t("plane_says", { step: found.step.toLocaleString("en") }) : t("plane_row", { step: found.step.toLocaleString("en") })),
    h("div", { class: "pair plane-pair" }, h("figure", null, h("div", { class: "sheet", role: "img", "aria-label": `${found.a} × ${found.b}: ${says}` }, canvas, s("svg", { viewBox: `0 0 ${SIZE} ${SIZE}`, "aria-hidden": "true" }, marks)),
      h("figcaption", { class: "note", dir: "ltr" }, `${found.a}: ${short(found.across[0])} … ${short(found.across[1])} →  ${found.b}: ${short(found.up[0])} … ${short(found.up[1])} ↑`)),
    h("div", null, h("div", { class: "act" }, select("plane-a", t("across"), found.a, (v) => load(v, v === found.b ? found.a : found.b)), select("plane-b", t("up"), found.b, (v) => load(v === found.a ? found.b : found.a, v))),
      h("p", { class: "legend" }, legend), two ? null : h("p", { class: "note" }, t("plane_shares", { shares: says }))))];
}
