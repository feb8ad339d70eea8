// Below a step: a row, a unit, a weight, each with where its numbers come from.

import { pixels } from "../../drawing/page/colours.js";
import { scale, through } from "../../drawing/page/scales.js";
import { from } from "./address.js";
import { ask } from "./api.js";
import { chart } from "./chart.js";
import { h, kept, s, short, small, table } from "./dom.js";
import { told, translated } from "./explained.js";
import { csv, keep } from "./files.js";
import { weightFork } from "./fork.js";
import { sayWrong } from "./main.js";
import { networkView } from "./network.js";
import { planeView } from "./plane.js";
import { seeLinks } from "./seeing.js";
import { t } from "./words.js";

/** @param {Record<string, string>} here */
function when(here) {
  return { step: Number(here.step), fork: Number(here.fork) || 0 };
}

/** A row: its cells, what the network is given, what each unit says. @param {any} view @param {Record<string, string>} here */
export async function rowView(view, here) {
  const found = await ask(view.name, "row", { ...when(here), place: Number(here.row) });
  const cells = found.head.map((/** @type {string} */ name, /** @type {number} */ k) => [h("b", { dir: "auto" }, name), h("span", { dir: "auto" }, found.cells[k])]);
  const layers = found.layers.map((/** @type {any} */ layer, /** @type {number} */ k) => h("div", { class: "layer" },
    h("h4", null, h("bdi", { lang: "en", dir: "ltr" }, layer.label, h("small", null, ` ${layer.about}`))),
    layer.places.length ? units(layer, found, here, k === 0) : layer.maps.length ? maps(layer, here, k === 0) : h("p", { class: "note" }, `${layer.units} · ${t("no_units")}`)));
  return h("section", null, h("h2", null, t("row_n", { n: found.row.toLocaleString("en") }), found.loss === null ? null : h("small", null, ` ℓ = ${short(found.loss)}`)),
    found.views.includes("states") ? seeLinks(["states"], here) : null,
    h("div", { class: "pair" }, h("div", null, h("h3", null, t("in_file")), found.picture ? kept(t("in_file"), found.inputs === "sequences" ? series(found.picture) : picture(found.picture)) : null, table(t("in_file"), [t("column"), t("value")], cells, { class: "plain" })),
      found.given ? h("div", null, h("h3", null, t("given")), table(t("given"), [t("feature"), t("value")], found.given.map((/** @type {any[]} */ [name, value]) => [h("span", { dir: "auto" }, name), value]), { class: "plain" })) : null),
    networkView(found, here),
    h("h3", null, t("network")), h("p", { class: "note" }, t("units_says")), layers, found.plane ? planeView(view, here, Number(here.row)) : null);
}

/** @param {any} layer @param {any} found @param {Record<string, string>} here @param {boolean} input */
function units(layer, found, here, input) {
  const reach = Math.max(...layer.values.map((/** @type {number} */ v) => Math.abs(v) || 0), 1e-30);
  const rows = layer.places.map((/** @type {number[]} */ unit, /** @type {number} */ k) => [unit.join(" "), layer.values[k], layer.gradients?.[k]]);
  return h("div", null, h("ul", { class: "units" }, layer.places.map((/** @type {number[]} */ unit, /** @type {number} */ k) => {
    const v = layer.values[k], back = layer.gradients?.[k];
    const says = `${layer.label}[${unit.join(", ")}] = ${short(v)}${back === undefined || back === null ? "" : `, ∂J = ${short(back)}`}`;
    const box = input ? h("span", { title: says, class: "unit", role: "img", "aria-label": says })
      : h("a", { class: "unit", title: says, "aria-label": says, href: from(["run", "fork", "step", "row", "name"], { layer: layer.value, unit: unit.join(",") }) }, short(v));
    box.classList.add(v < 0 ? "below" : "above");
    box.style.setProperty("--share", `${Math.round(100 * Math.abs(v || 0) / reach)}%`);
    return h("li", null, box);
  })), h("p", { class: "keep" }, small(t("as_csv"), layer.label, () => keep(layer.label, "csv", csv([[t("unit"), t("value"), "∂J"], ...rows]), "text/csv"))));
}

/** The maps of a layer's channels; each opens its largest unit. @param {any} layer @param {Record<string, string>} here @param {boolean} input */
function maps(layer, here, input) {
  return kept(layer.label, h("ul", { class: "maps" }, layer.maps.map((/** @type {any} */ map) => {
    const says = `${layer.label}[${map.unit.join(", ")}] = ${short(map.largest)}`, shown = picture(map.values);
    shown.setAttribute("aria-label", says);
    return h("li", null, input ? shown : h("a", { title: says, href: from(["run", "fork", "step", "row", "name"], { layer: layer.value, unit: map.unit.join(",") }) }, shown));
  })));
}

/** A sequence as lines over time, one for each feature. @param {number[][]} values (time, features) */
function series(values) {
  const all = values.flat(), across = scale(0, Math.max(1, values.length - 1), 0, 600), up = scale(Math.min(...all), Math.max(...all), 145, 5);
  const lines = Array.from({ length: Math.min(values[0].length, 12) }, (_, k) =>
    s("path", { class: `line ${"abcde"[k % 5]}`, d: through(values.map((row, i) => [across(i), up(row[k])])) }));
  return h("div", { class: "plot" }, s("svg", { viewBox: "0 0 600 150", role: "img", "aria-label": `${values.length} × ${values[0].length}` }, lines));
}

/** @param {any} values (height, width, channels) or (time, features) */
function picture(values) {
  const deep = Array.isArray(values[0][0]), height = values.length, width = values[0].length;
  const all = values.flat(2), grey = scale(Math.min(...all), Math.max(...all), 0, 255);
  return pixels(h("canvas", { class: "picture", role: "img", "aria-label": `${height} × ${width}` }), height, width, (r, c) => {
    const pixel = deep ? values[r][c] : [values[r][c]];
    return [0, 1, 2].map((k) => grey(pixel[pixel.length >= 3 ? k : 0]));
  });
}

/** A unit for a row. @param {any} view @param {Record<string, string>} here */
export async function unitView(view, here) {
  const unit = here.unit.split(",").map(Number);
  const found = await ask(view.name, "unit", { ...when(here), place: Number(here.row), name: here.layer, unit });
  const weights = found.weights.map((/** @type {any} */ w) => [h("a", { href: from(["run", "fork", "step", "row", "name", "layer", "unit"], { weight: w.name, index: w.index.join(",") }), dir: "ltr" }, `${w.name}[${w.index.join(", ")}]`),
    h("span", { dir: "auto" }, w.from), w.value, w.gradient]);
  return h("section", null, h("h2", { dir: "ltr" }, `${here.layer}[${here.unit}]`, h("small", null, ` = ${short(found.value)}`, found.input ? [" · ", h("bdi", null, found.input)] : null)),
    h("div", { class: "pair" }, h("div", null, h("h3", null, t("why_value")), blocks(found.blocks)),
      h("div", null, weights.length ? [h("h3", null, t(found.reads ? "reads" : "read_by")), h("p", { class: "note" }, t("open_weight")), table(t(found.reads ? "reads" : "read_by"), [t("weight"), t(found.reads ? "from" : "to"), t("value"), t("its_gradient")], weights, { class: "plain" })] : null, found.back.length ? [h("h3", null, t("why_back")), blocks(found.back)] : null)));
}

/** A weight in a step: chain rule, update, and its course. @param {any} view @param {Record<string, string>} here */
export async function weightView(view, here) {
  const index = here.index.split(",").map(Number), how = when(here);
  const found = await ask(view.name, "weight", { ...how, name: here.weight, index });
  const line = chart({ label: `${here.weight}[${here.index}]`, unit: "", zero: true });
  const course = h("div", null, h("h3", null, t("course")), h("p", { class: "note" }, t("wait")));
  ask(view.name, "course", { name: here.weight, index, fork: how.fork }).then((got) => {
    const v = got.values, every = got.steps.length === got.steps[got.steps.length - 1] + 1;
    const full = every ? v : spread(got.steps, v);
    course.replaceChildren(h("h3", null, t("course")), line.root);
    line.put([{ label: `${here.weight}[${here.index}]`, ink: "b", values: full, first: 0 }], t("course_says", { first: short(v[0]), last: short(v[v.length - 1]),
      n: got.steps[got.steps.length - 1].toLocaleString("en"), low: short(Math.min(...v)), high: short(Math.max(...v)) }));
    line.mark(how.step);
  }).catch((error) => { course.replaceChildren(); sayWrong(error); });
  return h("section", null, h("h2", { dir: "ltr" }, `${here.weight}[${here.index}]`, h("small", null, ` = ${short(found.value)}`)),
    weightFork(view, here, found),
    found.gradient.length ? h("div", { class: "pair" }, h("div", { id: "chain" }, h("h3", null, t("chain")), blocks(found.gradient)), h("div", { id: "update" }, h("h3", null, t("update")), blocks(found.update)))
      : h("p", { class: "note" }, t("no_update")),
    course);
}

/** Values at some steps as values at all: straight lines between them. @param {number[]} steps @param {number[]} values */
function spread(steps, values) {
  const full = new Float64Array(steps[steps.length - 1] + 1);
  for (let k = 1; k < steps.length; k++) for (let s = steps[k - 1]; s <= steps[k]; s++) {
    full[s] = values[k - 1] + (values[k] - values[k - 1]) * (s - steps[k - 1]) / (steps[k] - steps[k - 1]);
  }
  return full;
}

/** What `explain` says, in its blocks: titles, formulas, tables, notes. @param {any[]} given */
export function blocks(given) {
  return h("div", { class: "blocks" }, given.map((block) => block.title ? h("h4", null, told(block.title))
    : block.formula ? h("p", { class: "formula", lang: "en", dir: "ltr" }, block.formula)
      : block.table ? table(translated(block.caption) ?? block.caption, ...parted(block.table))
        : h("p", { class: block.note ? "note" : null }, told(block.note ?? block.text))));
}

/** Head and rows of a table of `explain`. @param {string[][]} given @returns {[any[], any[][]]} */
function parted(given) {
  const [head, ...rows] = given.map((row) => row.map(told));
  return [head, rows];
}
