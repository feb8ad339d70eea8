// Another future from a step on: a change, and a run beside the first.

import { from, go } from "./address.js";
import { ask } from "./api.js";
import { h } from "./dom.js";
import { sayWrong } from "./main.js";
import { t } from "./words.js";

/** @param {any} view @param {number} step @param {any} change */
async function fork(view, step, change) {
  try {
    const made = await ask(view.name, "fork", { step, change });
    go(from(["run"], { fork: made.fork, step }));
  } catch (error) {
    sayWrong(error);
  }
}

/** @param {string} title @param {any[]} fields @param {() => void} act */
function line(title, fields, act) {
  return h("form", { class: "act", onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); act(); } }, fields, h("button", { type: "submit", "aria-label": `${t("do_fork")}: ${title}` }, t("do_fork")));
}

/** @param {string} id @param {string} label @param {any} field */
function field(id, label, field) {
  field.id = id;
  return h("div", { class: "field" }, h("label", { for: id }, label), field);
}

/** What can be changed at a step. @param {any} view @param {any} found @param {Record<string, string>} here */
export function forkForm(view, found, here) {
  if (here.fork) return "";
  const step = found.step;
  const rate = h("input", { value: (found.lr / 10).toPrecision(2), inputmode: "decimal", dir: "ltr" });
  const name = h("select", null, ["SGD", "Momentum", "Nesterov", "AdaGrad", "RMSProp", "Adam", "AdamW"].map((one) => h("option", { value: one }, one)));
  const with_ = h("input", { value: found.lr.toPrecision(2), inputmode: "decimal", dir: "ltr" });
  const layers = found.layers.filter((/** @type {any} */ layer) => layer.about !== "input").slice(0, -1);
  const layer = h("select", null, layers.map((/** @type {any} */ one) => h("option", { value: one.label }, one.label)));
  const unit = h("input", { type: "number", min: 0, value: 0 });
  return h("details", { class: "fork" }, h("summary", null, t("fork")), h("p", { class: "note" }, t("fork_says")),
    line(t("rate"), [field("fork-rate", t("rate"), rate)], () => fork(view, step, { kind: "rate", value: Number(rate.value) })),
    line(t("optimizer"), [field("fork-optimizer", t("optimizer"), name), field("fork-with", t("lr"), with_)], () => fork(view, step, { kind: "optimizer", optimizer: name.value, value: Number(with_.value) })),
    layers.length ? line(t("kill"), [field("fork-layer", `${t("kill")}: ${t("layer")}`, layer), field("fork-unit", t("unit"), unit)], () => fork(view, step, { kind: "kill", layer: layer.value, unit: Number(unit.value) })) : null);
}

/** What can be changed of a weight. @param {any} view @param {Record<string, string>} here @param {any} found */
export function weightFork(view, here, found) {
  if (here.fork) return "";
  const index = found.index, step = found.step, value = h("input", { value: found.value, inputmode: "decimal", dir: "ltr" });
  return h("details", { class: "fork" }, h("summary", null, t("fork")), h("p", { class: "note" }, t("fork_says")),
    line(t("edit"), [field("fork-value", t("edit"), value)], () => fork(view, step, { kind: "weight", name: found.name, index, value: Number(value.value) })),
    line(t("freeze"), [h("span", null, t("freeze"))], () => fork(view, step, { kind: "freeze", name: found.name, index })));
}
