// What a recurrent network carries along one sequence: a map of each part, units downward, time to the right.

import { from, go } from "./address.js";
import { ask } from "./api.js";
import { h, short } from "./dom.js";
import { cellsPanel, linesPanel } from "./panels.js";
import { when } from "./seeing.js";
import { t } from "./words.js";

/** @param {any} view @param {Record<string, string>} here */
export async function statesView(view, here) {
  const found = await ask(view.name, "states", { ...when(here), place: Number(here.row) || 0 });
  const count = Math.min(found.sequence[0].length, 5), across = found.sequence.map((/** @type {any} */ row, /** @type {number} */ k) => k);
  const jump = h("input", { type: "number", min: 0, value: Number(here.row) || 0, id: "states-row", onchange: () => go(from(["run", "fork", "step", "see"], { row: Math.max(0, Number(jump.value) || 0) })) });
  const which = h("select", { id: "states-part", onchange: () => draw() }, found.scans.flatMap((/** @type {any} */ scan, /** @type {number} */ i) => scan.parts.map((/** @type {any} */ part, /** @type {number} */ k) =>
    h("option", { value: `${i},${k}` }, `${scan.name} (${scan.cells.toUpperCase()}): ${t(`part_${part.name}`)}`))));
  const place = h("div");
  const draw = () => {
    const [i, k] = which.value.split(",").map(Number), scan = found.scans[i], part = scan.parts[k];
    place.replaceChildren(cellsPanel({ title: `${scan.name}: ${t(`part_${part.name}`)}`, x: "moment", y: "unit", z: part.values, scale: part.gate ? "share" : "signed", says: said(part, scan),
      columns: undefined }));
  };
  draw();
  return h("div", null, h("p", { class: "note" }, t("states_say", { row: found.row.toLocaleString("en"), n: found.moments.toLocaleString("en") })),
    h("div", { class: "act" }, h("div", { class: "field" }, h("label", { for: "states-part" }, t("what_is_seen")), which), h("div", { class: "field" }, h("label", { for: "states-row" }, t("place_in_batch")), jump)), place,
    linesPanel({ title: t("sequence"), x: "moment", y: "value", curves: Array.from({ length: count }, (_, k) => ({ label: `${t("feature")} ${k}`, x: across, y: found.sequence.map((/** @type {number[]} */ row) => row[k]) })) }));
}

/** What stands out in a map, in words. @param {any} part @param {any} scan */
function said(part, scan) {
  const all = part.values.flat().filter((/** @type {any} */ v) => v !== null), mean = (/** @type {number[]} */ v) => v.reduce((a, b) => a + b, 0) / (v.length || 1);
  if (part.gate) return t("gate_says", { mean: short(Math.round(100 * mean(all))), open: short(Math.round(100 * all.filter((/** @type {number} */ v) => v > 0.9).length / all.length)), shut: short(Math.round(100 * all.filter((/** @type {number} */ v) => v < 0.1).length / all.length)) });
  let unit = 0, most = -1;
  part.values.forEach((/** @type {number[]} */ row, /** @type {number} */ k) => { const moved = Math.max(...row) - Math.min(...row); if (moved > most) { most = moved; unit = k; } });
  const full = all.filter((/** @type {number} */ v) => Math.abs(v) > 0.99).length / all.length;
  return `${t("state_says", { unit, moved: short(most), full: short(Math.round(100 * full)) })}${scan.reverse ? ` ${t("reads_back")}` : ""}`;
}
