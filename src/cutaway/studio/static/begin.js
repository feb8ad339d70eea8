// From a file to a design: what its columns hold, what is to be predicted, and each choice with its reason.

import { ask } from "./api.js";
import { at, go } from "./address.js";
import { h, table } from "./dom.js";
import { say, sayWrong } from "./main.js";
import { known, t } from "./words.js";

/** @param {any} about the run @returns {Promise<HTMLElement>} */
export async function beginView(about) {
  const run = about.run, found = await ask(run, "understand");
  /** @type {Record<string, string>} */
  const kinds = { ...(about.columns ?? {}) }, choices = /** @type {Record<string, any>} */ ({ ...(about.choices ?? {}) });
  if (found.inputs === "table") choices.preset ??= "fast";
  const word = (/** @type {string} */ kind) => (known(kind) ? t(kind) : kind);
  const target = h("select", { id: "target" }, found.columns.map((/** @type {any} */ c) =>
    h("option", { value: c.name, selected: c.name === (about.target || found.target), dir: "auto" }, c.name)));
  const rows = found.columns.map((/** @type {any} */ c) => [
    h("b", { dir: "auto" }, c.name),
    h("select", { "aria-label": t("kind_of", { name: c.name }), onchange: (/** @type {any} */ event) => {
      if (event.target.value) kinds[c.name] = event.target.value; else delete kinds[c.name];
    } }, h("option", { value: "" }, t("as_found", { kind: word(c.kind) })),
    found.kinds.map((/** @type {string} */ kind) => h("option", { value: kind, selected: kinds[c.name] === kind }, word(kind === "drop" ? "dropped" : kind)))),
    c.gaps, c.distinct, h("span", { class: "faint", dir: "auto" }, c.cells.filter(Boolean).slice(0, 4).join(" · "))]);
  const plan = h("div", { "aria-live": "polite" });
  const button = h("button", { type: "button", class: "strong", onclick: () => design() }, t("make_design"));

  async function design() {
    button.disabled = plan.inert = true;  // what is being designed anew is not trained
    say(t("designing"), true);
    try {
      const asked = { target: found.columns.length ? target.value : "", columns: drop(kinds, target.value), choices: clean(choices) };
      const made = await ask(run, "design", asked);
      say("");
      plan.replaceChildren(designView(run, made, choices, design));
      plan.querySelector("h2")?.scrollIntoView({ block: "start", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
      button.textContent = t("redesign");
      button.classList.remove("strong");
    } catch (error) {
      sayWrong(error);
    }
    button.disabled = plan.inert = false;
  }

  if (about.state === "designed") design();
  const head = [t("column"), t("kind"), t("gaps"), t("distinct"), t("cells")];
  return h("div", null,
    h("section", null, h("p", { class: "kicker" }, h("a", { href: at({}) }, t("home"))), h("h1", { dir: "auto" }, about.name),
      h("p", { class: "lead", dir: "auto", lang: "en" }, found.extent)),
    h("section", null, h("h2", null, found.columns.length ? t("columns") : t("labels")),
      found.columns.length ? table(t("columns"), head, rows, { class: "plain" }) : h("p", { dir: "auto" }, found.labels.join(", ") || found.target),
      found.notes.map((/** @type {string} */ note) => h("p", { class: "note", lang: "en", dir: "auto" }, note)),
      h("div", { class: "act" }, found.columns.length ? h("label", { for: "target" }, t("target")) : null, found.columns.length ? target : null, button)),
    plan);
}

/** @param {string} run @param {any} made @param {Record<string, any>} choices @param {() => Promise<void>} again */
function designView(run, made, choices, again) {
  const rows = made.rows.map((/** @type {string[]} */ row) => row.map((cell, k) => (k ? h("span", { lang: "en", dir: "ltr" }, cell) : h("b", { lang: "en" }, cell))));
  const controls = made.controls.map((/** @type {any} */ c) => {
    const id = `choose-${c.name}`, hint = t("as_designed", { now: c.now });
    const change = (/** @type {any} */ event) => { choices[c.name] = event.target.value; };
    const chosen = choices[c.name] ?? "";
    const field = c.options
      ? h("select", { id, onchange: change }, h("option", { value: "" }, hint), c.options.map((/** @type {string} */ o) => h("option", { value: o, selected: chosen === o }, c.told ? `${o}: ${c.told[o]}` : o)))
      : h("input", { id, value: chosen, placeholder: hint, dir: "ltr", autocomplete: "off", spellcheck: "false", onchange: change });
    return h("div", { class: "field" }, h("label", { for: id }, t(c.name)), field);
  });
  const start = h("button", { type: "button", class: "strong", onclick: async () => {
    start.disabled = true;
    try {
      await ask(run, "train");
      go(at({ run, live: 1 }));
    } catch (error) {
      sayWrong(error);
      start.disabled = false;
    }
  } }, t("train"));
  return h("section", null, h("h2", null, t("design")),
    h("p", { class: "lead small", lang: "en", dir: "ltr" }, made.network),
    h("p", { class: "note", lang: "en", dir: "auto" }, made.divided),
    made.remarks.length ? h("div", { class: "beware" }, h("h3", null, t("remarks")), made.remarks.map((/** @type {any} */ one) => h("p", { lang: "en", dir: "auto" }, one.text))) : null,
    table(t("design"), [t("choice"), t("value"), t("reason")], rows, { class: "plain design" }),
    made.notes.map((/** @type {string} */ note) => h("p", { class: "note", lang: "en", dir: "auto" }, note)),
    h("details", { class: "controls" }, h("summary", null, t("controls")), h("div", { class: "fields" }, controls),
      h("button", { type: "button", onclick: () => again() }, t("redesign"))),
    h("div", { class: "act" }, start, h("span", { class: "note" }, t("steps_to_do", { n: made.steps.toLocaleString("en") }), made.networks > 1 ? ` ${t("in_each", { n: made.networks })}` : null)));
}

/** Kinds without the target's. @param {Record<string, string>} kinds @param {string} target */
function drop(kinds, target) {
  return Object.fromEntries(Object.entries(kinds).filter(([name]) => name !== target));
}

/** @param {Record<string, any>} choices */
function clean(choices) {
  return Object.fromEntries(Object.entries(choices).filter(([, value]) => value !== "" && value !== null));
}
