// The network as a drawing for one row: units by what they say, weights by their size; or both by their gradients.

import { table } from "./dom.js";
import { from, go } from "./address.js";
import { slotAt } from "../../drawing/page/layers.js";
import { h, keepPicture, s, short } from "./dom.js";
import { t } from "./words.js";

const MOST = 12, GAP = 150, UNIT = 26;

/** What is drawn strongest, in a sentence and a table whose links open it. @param {[string, number[], number][]} known */
function largest(known) {
  const few = known.sort((a, b) => Math.abs(b[2]) - Math.abs(a[2])).slice(0, 24);
  const name = (/** @type {[string, number[], number]} */ [weight, index]) => `${weight}[${index.join(", ")}]`;
  return few.length ? [h("p", { class: "note" }, t("drawing_largest", { name: name(few[0]), v: short(few[0][2]) })), h("details", null, h("summary", null, t("as_table")), table(t("drawing"), [t("weight"), t("value")],
    few.map((one) => [h("a", { href: from(["run", "fork", "step", "row", "name"], { weight: one[0], index: one[1].join(",") }), dir: "ltr" }, name(one)), short(one[2])]), { class: "plain" }))] : [];
}

/** @param {any} found what `row` gives @param {Record<string, string>} here @returns {HTMLElement | null} */
export function networkView(found, here) {
  const layers = found.layers.filter((/** @type {any} */ layer) => layer.places.length && layer.places[0].length === 1);
  if (layers.length < 2 || !layers.some((/** @type {any} */ layer) => layer.drawn)) return null;
  const place = h("div"), height = UNIT * (1 + Math.min(MOST, Math.max(...layers.map((/** @type {any} */ layer) => layer.places.length)))) + 30, width = GAP * layers.length;
  const choice = h("select", { id: "flow", onchange: () => draw(choice.value === "back") },
    h("option", { value: "ahead" }, t("flow_ahead")), h("option", { value: "back" }, t("flow_back")));
  const spots = layers.map((/** @type {any} */ layer, /** @type {number} */ k) => {
    const count = Math.min(layer.places.length, MOST);
    return Array.from({ length: count }, (_, i) => [GAP * k + GAP / 2, slotAt(i, count, 30 + (height - 30) / 2, UNIT)]);
  });

  /** @param {boolean} back whether gradients are shown */
  function draw(back) {
    /** @type {any[]} */
    const parts = [];
    /** @type {[string, number[], number][]} */
    const known = [];
    layers.forEach((/** @type {any} */ layer, /** @type {number} */ k) => {
      const source = layer.drawn ? layers.indexOf(found.layers[layer.drawn.source]) : -1;
      const W = layer.drawn && (back ? layer.drawn.gradients : layer.drawn.weights);
      if (source < 0 || !W) return;
      const most = Math.max(...W.flat().map(Math.abs), 1e-30);
      W.forEach((/** @type {number[]} */ row, /** @type {number} */ i) => row.forEach((w, j) => {
        const a = spots[source][j], b = spots[k][i];
        if (!a || !b || Math.abs(w) < most / 50) return;
        known.push([layer.drawn.name, [i, j], w]);
        const line = s("line", { x1: a[0], y1: a[1], x2: b[0], y2: b[1], class: `edge ${w < 0 ? "minus" : "plus"}`, "stroke-width": (3.2 * Math.abs(w) / most).toFixed(2) },
          s("title", null, `${layer.drawn.name}[${i}, ${j}] = ${short(w)}`));
        line.addEventListener("click", () => go(from(["run", "fork", "step", "row", "name"], { weight: layer.drawn.name, index: `${i},${j}` })));
        parts.push(line);
      }));
    });
    layers.forEach((/** @type {any} */ layer, /** @type {number} */ k) => {
      const values = (back ? layer.gradients : layer.values) ?? [], most = Math.max(...values.map((/** @type {number} */ v) => Math.abs(v || 0)), 1e-30);
      parts.push(s("text", { x: GAP * k + GAP / 2, y: 14, "text-anchor": "middle", class: "name" }, layer.label));
      spots[k].forEach((/** @type {number[]} */ [x, y], /** @type {number} */ i) => {
        const v = values[i] ?? 0;
        const node = s("circle", { cx: x, cy: y, r: 4 + 6 * Math.sqrt(Math.abs(v) / most), class: `node ${v < 0 ? "minus" : v > 0 ? "plus" : "nil"}${layer.about === "input" ? "" : " opens"}` },
          s("title", null, `${layer.label}[${i}] = ${short(v)}`));
        if (layer.about !== "input") node.addEventListener("click", () => go(from(["run", "fork", "step", "row", "name"], { layer: layer.value, unit: layer.places[i].join(",") })));
        parts.push(node);
      });
    });
    place.replaceChildren(s("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": t("drawing") }, parts), ...largest(known));
  }
  draw(false);
  return h("div", { class: "drawing" }, h("h3", null, t("drawing")), h("div", { class: "act" }, h("div", { class: "field" }, h("label", { for: "flow" }, t("flow")), choice)), h("div", { class: "plot" }, place), keepPicture(t("drawing"), () => place),
    h("p", { class: "note" }, t("drawing_says", { n: MOST })));
}
