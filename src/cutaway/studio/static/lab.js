// The lab: a page for each experiment, with controls that run it live. The address holds what was chosen.

import { at, go } from "./address.js";
import { get, post } from "./api.js";
import { h, short } from "./dom.js";
import { say, sayWrong } from "./main.js";
import { panel } from "./panels.js";
import { t } from "./words.js";

export class LabView {
  /** @param {any} told the experiments, and the data that there are */
  constructor(told) {
    this.told = told;
    this.name = "";
    this.run = "";
    this.shown = 0;
    this.root = h("div");
    this.stages = h("div");
    this.state = h("div", { class: "row tight", role: "status" });
  }

  /** @returns {Promise<LabView>} */
  static async make() {
    return new LabView(await get("/api/lab"));
  }

  /** Show what the address asks for; give the runs to follow. @param {Record<string, string>} here */
  show(here) {
    const choices = this.told.experiments[here.lab];
    if (!choices) { this.name = ""; this.root.replaceChildren(this.index()); return []; }
    if (this.name !== here.lab || !here.shown) {
      this.name = here.lab;
      this.root.replaceChildren(...this.page(here, choices));
      this.stages.replaceChildren(h("p", { class: "note" }, t("lab_begin")));
      this.state.replaceChildren();
    }
    if (here.shown && here.shown !== this.run) { this.stages.replaceChildren(h("p", { class: "note" }, t("wait"))); this.running(0); }
    this.run = here.shown ?? "";
    return this.run ? [this.run] : [];
  }

  index() {
    return h("section", { class: "hero" }, h("p", { class: "kicker" }, h("a", { href: at({}) }, t("home"))), h("h1", null, t("lab")), h("p", { class: "lead" }, t("lab_says")),
      h("div", { class: "cards" }, Object.keys(this.told.experiments).map((name) => h("a", { class: "card button", href: at({ lab: name }) }, h("b", null, t(`lab_${name}`)), h("span", null, t(`lab_${name}_says`))))));
  }

  /** @param {Record<string, string>} here @param {any[]} choices */
  page(here, choices) {
    /** @type {Record<string, any>} */
    const fields = {};
    const form = h("form", { class: "lab", onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); this.begin(fields).catch(sayWrong); } },
      h("div", { class: "fields" }, choices.map((choice) => {
        const field = fields[choice.name] = this.field(choice, here[choice.name] ?? choice.first);
        return h("div", { class: "field" }, h("label", { for: field.id }, t(choice.kind === "numbers" ? `${choice.name}_list` : choice.name)), field);
      })),
      choices.some((choice) => choice.kind === "surface") ? h("datalist", { id: "surfaces" }, choices.find((choice) => choice.kind === "surface").options.map((/** @type {string} */ one) => h("option", { value: one }))) : null,
      h("button", { type: "submit", class: "strong" }, t("run_it")));
    return [h("section", null, h("p", { class: "kicker" }, h("a", { href: at({ lab: "all" }) }, t("lab"))), h("h1", null, t(`lab_${this.name}`)), h("p", { class: "lead small" }, t(`lab_${this.name}_says`)), form, this.state), this.stages];
  }

  /** @param {any} choice @param {any} now */
  field(choice, now) {
    const id = `lab-${choice.name}`;
    if (choice.kind === "data") {
      return h("select", { id }, h("optgroup", { label: t("sets") }, this.told.sets.map((/** @type {string} */ one) => h("option", { value: one, selected: one === now }, one))),
        this.told.own.length ? h("optgroup", { label: t("own_files") }, this.told.own.map((/** @type {any} */ one) => h("option", { value: one.run, selected: one.run === now }, `${one.name} → ${one.target} (${one.run.slice(0, 4)})`))) : null);
    }
    if (choice.kind === "one") return h("select", { id }, choice.options.map((/** @type {string} */ one) => h("option", { value: one, selected: one === now }, one)));
    return h("input", { id, value: now, dir: "ltr", autocomplete: "off", spellcheck: "false", list: choice.kind === "surface" ? "surfaces" : null, inputmode: choice.kind === "whole" ? "numeric" : null });
  }

  /** @param {Record<string, any>} fields */
  async begin(fields) {
    if (this.run) await post(`/api/runs/${this.run}/stop`, {}).catch(() => {});
    const choices = Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, field.value]));
    const { run } = await post(`/api/lab/${this.name}`, choices);
    say("");
    go(at({ lab: this.name, ...choices, shown: run }));
  }

  /** @param {number} done */
  running(done) {
    const stop = h("button", { type: "button", onclick: () => post(`/api/runs/${this.run}/stop`, {}).catch(sayWrong) }, t("stop"));
    if (!this.state.querySelector("progress")) this.state.replaceChildren(h("span", { class: "badge training" }, t("running")), h("progress", { max: 1, value: done, "aria-label": t("running") }), stop);
    this.state.querySelector("progress")?.setAttribute("value", String(done));
  }

  /** What the stream brings. @param {any} message */
  hear(message) {
    if (message.run !== this.run) return;
    const last = message.events.filter((/** @type {any} */ event) => event.kind === "shown").pop();
    if (last) {
      const open = [...this.stages.querySelectorAll("details")].map((node) => node.open);
      this.stages.replaceChildren(h("section", null, h("h2", null, t("found")), last.words.map((/** @type {string} */ line, /** @type {number} */ k) => h("p", { class: k ? "note" : "lead small", lang: "en", dir: "auto" }, line)),
        h("div", { class: "pair" }, last.panels.map(panel)),
        last.numbers ? h("details", null, h("summary", null, t("in_numbers")), h("pre", { class: "wide", tabindex: 0, lang: "en", dir: "ltr" }, last.numbers)) : null,
        h("p", { class: "note" }, t("lab_took", { s: short(last.seconds) }))));
      [...this.stages.querySelectorAll("details")].forEach((node, k) => { node.open = open[k] ?? false; });
      this.running(last.done);
    }
    const over = message.events.find((/** @type {any} */ event) => event.kind === "over");
    if (over) {
      const known = over.why === "done" || over.why === "stopped";
      this.state.replaceChildren(h("span", { class: `badge ${known ? over.why : "failed"}` }, known ? t(over.why) : t("failed")));
      if (!known) this.state.append(h("p", { class: "wrong", lang: "en", dir: "auto" }, over.why));
      if (!this.stages.querySelector("figure")) this.stages.replaceChildren();
    }
  }
}

