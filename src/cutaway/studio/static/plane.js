// What the network says over a plane of two of its inputs: colours, points of training, a sentence.

import { ink, pixels, repaint } from "../../drawing/page/colours.js";
import { from, place as here_ } from "./address.js";
import { ask } from "./api.js";
import { h, keepPicture, s, short } from "./dom.js";
import { sayWrong } from "./main.js";
import { t } from "./words.js";

const INKS = ["b", "a", "ok", "violet", "faint"], SIZE = 336;

/** @param {any} view @param {Record<string, string>} here @param {number | null} row whose other inputs are taken */
export function planeView(view, here, row) {
  const root = h("div", { class: "plane" }, h("h3", null, t("plane")), h("p", { class: "note" }, t("wait")));
  const how = { step: Number(here.step), fork: Number(here.fork) || 0, place: row, batch: row === null };
  const load = (/** @type {string} */ a, /** @type {string} */ b) => ask(view.name, "regions", { ...how, a, b })
    .then((found) => root.replaceChildren(h("h3", null, t("plane")), ...drawn(found, row, load)))
    .catch((error) => { root.replaceChildren(); sayWrong(error); });
  load("", "");
  return root;
}

/** The picture with its controls; what they choose is in the address. load: draws another plane, null where there is no choice.
 * @param {any} found @param {number | null} row @param {((a: string, b: string) => void) | null} load @returns {any[]} */
export function drawn(found, row, load) {
  const flat = Boolean(here_().flat), tests = Boolean(here_().tests), root = h("div");
  const toggle = (/** @type {"flat" | "tests"} */ name) => h("label", { class: "tick" }, h("input", { type: "checkbox", checked: Boolean(here_()[name]), onchange: (/** @type {any} */ event) => {
    history.replaceState(null, "", from(Object.keys(here_()), { [name]: event.target.checked ? 1 : null }));
    for (const link of document.querySelectorAll("main a[href^='#run=']")) {  // what they lead to is seen so, too
      const parts = new URLSearchParams(/** @type {string} */ (link.getAttribute("href")).slice(1));
      if (event.target.checked) parts.set(name, "1"); else parts.delete(name);
      link.setAttribute("href", `#${parts}`);
    }
    root.replaceChildren(...drawn(found, row, load));
    /** @type {any} */ (root.querySelectorAll("input[type=checkbox]")[name === "flat" ? 0 : 1])?.focus();
  } }), ` ${t(name === "flat" ? "plane_flat" : "plane_tests")}`);
  const n = found.cells, two = !found.classes.length, kinds = found.classes.length;
  repaint();
  const shares = new Map();
  for (const said of found.said) shares.set(said, (shares.get(said) ?? 0) + 1);
  const canvas = pixels(h("canvas"), n, n, (r, c) => {  // the first row lies below
    const k = (n - 1 - r) * n + c, sure = found.sure[k];
    const strong = flat ? 1 : two ? Math.abs(sure - 0.5) * 2 : (sure - 1 / kinds) / (1 - 1 / kinds);
    return [...ink(INKS[two ? Number(sure > 0.5) : found.said[k] % INKS.length]), 30 + 150 * Math.max(0, Math.min(1, strong))];
  });
  const place = (/** @type {number} */ v, /** @type {number[]} */ ends) => SIZE * (v - ends[0]) / (ends[1] - ends[0]);
  const seen = new Set(found.batch);
  const mark = (/** @type {number[]} */ [x, y, v], /** @type {string} */ cls, /** @type {number} */ r) => {
    const k = two ? Number(v > 0.5) : v, cx = place(x, found.across), cy = SIZE - place(y, found.up), full = two ? (0.15 + 1.7 * Math.abs(v - 0.5)).toFixed(2) : null;
    return k % 2 ? s("rect", { x: cx - r, y: cy - r, width: 2 * r, height: 2 * r, class: `spot m${k % INKS.length} ${cls}`, "fill-opacity": full }) : s("circle", { cx, cy, r: 1.07 * r, class: `spot m${k % INKS.length} ${cls}`, "fill-opacity": full });
  };
  const marks = [...found.points.map((/** @type {number[]} */ one, /** @type {number} */ k) => (seen.has(k) ? null : mark(one, "", 3))), ...(tests ? found.tests.map((/** @type {number[]} */ one) => mark(one, "tested", 3)) : []),
    ...found.batch.map((/** @type {number} */ k) => mark(found.points[k], "batched", 4.4))].filter(Boolean);
  const says = two ? `${t("plane_low")} – ${t("plane_high")}` : [...shares].sort().map(([k, count]) => `${found.classes[k]} ${Math.round(100 * count / (n * n))} %`).join(", ");
  const select = (/** @type {string} */ id, /** @type {string} */ label, /** @type {string} */ now, /** @type {(v: string) => void} */ act) => h("div", { class: "field" }, h("label", { for: id }, label),
    h("select", { id, onchange: (/** @type {any} */ event) => act(event.target.value) }, found.features.map((/** @type {string} */ name) => h("option", { value: name, selected: name === now }, name))));
  const legend = found.classes.slice(0, 12).map((/** @type {string} */ name, /** @type {number} */ k) => h("span", { dir: "auto" }, h("i", { class: `key m${k % INKS.length}`, "aria-hidden": "true" }, k % 2 ? "■" : "●"), ` ${name}`));
  const sheet = h("div", { class: "sheet", role: "img", "aria-label": `${found.a} × ${found.b}: ${says}` }, canvas, s("svg", { viewBox: `0 0 ${SIZE} ${SIZE}`, "aria-hidden": "true" }, marks));
  const axes = load ? h("div", { class: "act" }, select("plane-a", t("across"), found.a, (v) => load(v, v === found.b ? found.a : found.b)), select("plane-b", t("up"), found.b, (v) => load(v === found.a ? found.b : found.a, v))) : null;
  root.append(h("p", { class: "note" }, found.made ? t("plane_made", { step: found.step.toLocaleString("en") }) : row === null ? t("plane_says", { step: found.step.toLocaleString("en") }) : t("plane_row", { step: found.step.toLocaleString("en") })),
    h("div", { class: "pair plane-pair" }, h("figure", null, sheet,
      h("figcaption", { class: "note", dir: "ltr" }, `${found.a}: ${short(found.across[0])} … ${short(found.across[1])} →  ${found.b}: ${short(found.up[0])} … ${short(found.up[1])} ↑`), keepPicture(`${found.a} × ${found.b}`, () => sheet)),
    h("div", null, axes, h("p", { class: "legend" }, legend, found.batch.length ? h("span", null, h("i", { class: "key", "aria-hidden": "true" }, "◉"), ` ${t("plane_batch", { n: found.batch.length })}`) : null, tests ? h("span", null, h("i", { class: "key", "aria-hidden": "true" }, "○"), ` ${t("plane_tests")}`) : null),
      h("p", { class: "row tight" }, toggle("flat"), found.tests.length ? toggle("tests") : null), two ? null : h("p", { class: "note" }, t("plane_shares", { shares: says })))));
  return [root];
}
