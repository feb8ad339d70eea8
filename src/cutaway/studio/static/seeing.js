// Views of a step beside its batch: how it answers rows that were not learnt from, its filters, its landscape, its states.

import { from } from "./address.js";
import { ask } from "./api.js";
import { h, kept, s, short, table } from "./dom.js";
import { landscapeView } from "./landscape.js";
import { cellsPanel, linesPanel } from "./panels.js";
import { statesView } from "./states.js";
import { t } from "./words.js";

const VIEWS = { answers: answersView, landscape: landscapeView, filters: filtersView, states: statesView };

/** Links to the views that a step has. @param {string[]} views @param {Record<string, string>} here */
export function seeLinks(views, here) {
  const link = (/** @type {string} */ name) => h("li", null, h("a", { class: "button", href: from(["run", "fork", "step", "row", "name"], { see: name, row: here.row ?? (name === "states" ? 0 : null) }), "aria-current": here.see === name ? "page" : null }, t(`see_${name}`)));
  return h("nav", { class: "views", "aria-label": t("see") }, h("ul", null, h("li", null, `${t("see")}:`),
    here.see ? h("li", null, h("a", { class: "button", href: from(["run", "fork", "step", "row", "name"], {}) }, here.row ? t("row") : t("batch"))) : null, views.map(link)));
}

/** The view that the address asks for. @param {any} view @param {Record<string, string>} here */
export async function seeView(view, here) {
  const make = VIEWS[/** @type {keyof typeof VIEWS} */ (here.see)] ?? answersView;
  const known = (await ask(view.name, "step", when(here))).views;
  return h("section", null, h("h2", null, t(`see_${here.see}`), h("small", null, ` ${t("step_n", { n: Number(here.step).toLocaleString("en") })}`)), seeLinks(known, here), await make(view, here));
}

/** @param {Record<string, string>} here */
export function when(here) {
  return { step: Number(here.step), fork: Number(here.fork) || 0 };
}

/** @param {any} view @param {Record<string, string>} here */
async function answersView(view, here) {
  const found = await ask(view.name, "answers", when(here)), part = t(found.part === "training" ? "training_part" : found.part);
  const scores = Object.entries(found.scores).filter(([, v]) => v !== null).map(([name, v]) => `${name} ${short(/** @type {number} */ (v))}`).join(", ");
  const head = h("p", { class: "note" }, t("answers_say", { n: found.rows.toLocaleString("en"), part, step: found.step.toLocaleString("en") }), " ", h("bdi", { lang: "en" }, scores));
  const worst = (/** @type {string[]} */ names) => found.worst.length ? [h("h3", null, t("worst")), table(t("worst"), [t("row"), ...names], found.worst.map((/** @type {any[]} */ row) => [row[0].toLocaleString("en"), ...row.slice(1).map((cell) => typeof cell === "number" ? cell : h("bdi", null, cell))]), { class: "plain" })] : null;
  if (found.off) {
    const middle = found.edges.slice(1).map((/** @type {number} */ e, /** @type {number} */ k) => (e + found.edges[k]) / 2);
    const mean = found.off.reduce((/** @type {number} */ a, /** @type {number} */ b) => a + b, 0) / found.rows, over = found.off.filter((/** @type {number} */ v) => v < 0).length;
    return h("div", null, head, h("div", { class: "pair" },
      linesPanel({ title: t("said_true"), x: "said", y: "true_value", diagonal: true, says: t("said_true_says", { mean: short(mean), over: short(Math.round(100 * over / found.rows)) }), curves: [{ label: "row", x: found.said, y: found.true, dots: true }] }),
      linesPanel({ title: t("residuals"), x: "said", y: "residual", zero: true, says: t("residuals_say"), curves: [{ label: "row", x: found.said, y: found.off, dots: true }] }),
      linesPanel({ title: t("spread"), x: "residual", y: "count", zero: true, marks: [[0, "0"]], curves: [{ label: "count", x: middle, y: found.counts }] })), worst([t("true_value"), t("said"), t("residual")]));
  }
  const one = found.confusion, two = found.calibration;
  const shares = one.counts?.map((/** @type {number[]} */ row) => row.reduce((a, b) => a + b, 0));
  const right = one.counts?.reduce((/** @type {number} */ a, /** @type {number[]} */ row, /** @type {number} */ k) => a + row[k], 0);
  return h("div", null, head, h("div", { class: "pair" },
    one.counts ? cellsPanel({ title: t("confusion"), x: "said", y: "true_value", z: one.counts, rows: one.labels, columns: one.labels, text: one.labels.length < 13, scale: "plain",
      says: t("confusion_says", { right, n: found.rows, worst: confused(one, shares) }) })
      : table(t("confusion"), [t("count"), t("true_value"), t("said")], one.pairs, { class: "plain" }),
    linesPanel({ title: t("calibration"), x: "sure", y: "happened", diagonal: true, says: t("calibration_says", { e: tenths(100 * two.error), c: tenths(100 * two.chance) }),
      curves: [{ label: "net", x: two.bins.map((/** @type {number[]} */ b) => b[0]), y: two.bins.map((/** @type {number[]} */ b) => b[1]) },
        { label: "by_chance", dots: true, x: two.bins.flatMap((/** @type {number[]} */ b) => [b[0], b[0]]), y: two.bins.flatMap((/** @type {number[]} */ b) => [b[3], b[4]]) }] })), worst([t("true_value"), t("said"), t("its_probability")]));
}

/** @param {number} v */
function tenths(v) {
  return short(Number(v.toFixed(1)));
}

/** The commonest mistake, in words. @param {any} one @param {number[]} shares */
function confused(one, shares) {
  let most = 0, says = t("no_mistake");
  one.counts.forEach((/** @type {number[]} */ row, /** @type {number} */ i) => row.forEach((n, j) => {
    if (i !== j && n > most) { most = n; says = t("mistaken", { a: one.labels[i], b: one.labels[j], n, of: shares[i] }); }
  }));
  return says;
}

/** @param {any} view @param {Record<string, string>} here */
async function filtersView(view, here) {
  const found = await ask(view.name, "filters", when(here));
  return h("div", null, h("p", { class: "note" }, t("filters_say")), found.layers.map((/** @type {any} */ layer) => h("div", { class: "layer" },
    h("h3", null, h("bdi", { lang: "en" }, layer.layer), h("small", null, ` ${layer.shape.join(" × ")}`)),
    h("p", { class: "note" }, t("filters_layer", { k: layer.tiles[0].filter, size: short(layer.tiles[0].size) })),
    kept(layer.layer, h("ul", { class: "maps tiles" }, layer.tiles.map((/** @type {any} */ tile) => h("li", null, h("a", { href: from(["run", "fork", "step"], { weight: layer.weight, index: tile.index.join(",") }) }, tileOf(tile, layer)))))),
    h("details", null, h("summary", null, t("as_table")), table(layer.layer, [t("filter"), t("size_of"), t("channel"), t("largest_weight")], layer.tiles.map((/** @type {any} */ tile) => [tile.filter, tile.size, tile.channel, `[${tile.index.join(", ")}]`]), { class: "plain" })))));
}

/** A filter: cells above zero fill their place, cells below leave a rim. @param {any} tile @param {any} layer */
function tileOf(tile, layer) {
  const rows = tile.values.length, columns = tile.values[0].length, reach = Math.max(...tile.values.flat().map(Math.abs), 1e-30);
  return s("svg", { viewBox: `0 0 ${columns} ${rows}`, width: 14 * columns, class: "tile", role: "img", "aria-label": `${layer.layer}, ${t("filter")} ${tile.filter}` },
    tile.values.flatMap((/** @type {number[]} */ row, /** @type {number} */ i) => row.map((v, j) => {
      const rim = v < 0 ? 0.16 : 0;
      return s("rect", { class: `cell ${v < 0 ? "cold" : "warm"}`, x: j + rim, y: i + rim, width: 1 - 2 * rim, height: 1 - 2 * rim, "fill-opacity": (0.05 + 0.9 * Math.abs(v) / reach).toFixed(3) });
    })));
}
