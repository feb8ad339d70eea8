// A run: its curve, live and later, its futures, and below it whatever the address opens.

import { at, from, go } from "./address.js";
import { ask, get, losses, post } from "./api.js";
import { chart } from "./chart.js";
import { h, short, table } from "./dom.js";
import { sayWrong } from "./main.js";
import { stepView } from "./step.js";
import { rowView, unitView, weightView } from "./deep.js";
import { t } from "./words.js";

const INKS = ["a", "b", "c", "d", "e"];

export class RunView {
  /** @param {any} about */
  constructor(about) {
    this.about = about;
    this.name = about.run;
    this.stage = "run";
    /** @type {Float64Array[]} J of each step, by future */
    this.losses = [new Float64Array(0)];
    /** @type {Map<number, any>} */
    this.forks = new Map();
    this.epochs = /** @type {any[]} */ ([]);
    this.scored = /** @type {any} */ (null);
    this.total = 0;
    this.reported = false;
    this.shown = "";
    this.wanted = "";
    this.pending = Promise.resolve();
    this.curve = chart({ label: t("curve"), unit: "J", pick: (step) => go(from(["run", "fork"], { step })) });
    this.state = h("div", { class: "state" });
    this.futures = h("div");
    this.below = h("div", { id: "below" });
    this.trail = h("nav", { class: "trail", "aria-label": t("thread") });
    this.verdict = h("div");
    this.root = h("div", null,
      h("section", null, h("p", { class: "kicker" }, h("a", { href: at({}) }, t("home"))),
        h("div", { class: "row" }, h("h1", { dir: "auto", tabindex: -1 }, about.name, about.target ? h("small", null, ` → ${about.target}`) : null), this.state),
        this.curve.root, this.futures), this.trail, this.below, this.verdict);
  }

  /** @param {string} run */
  static about(run) {
    return get(`/api/runs/${run}`);
  }

  /** Take the losses that are there. */
  async load() {
    await this.more(0);
    this.draw();
    this.status();
  }

  /** Take the losses that are new. @param {number} fork */
  async more(fork) {
    const have = this.losses[fork] ?? new Float64Array(0);
    const got = await losses(this.name, have.length, fork);
    if (!got.length) return;
    const all = new Float64Array(have.length + got.length);
    all.set(have);
    all.set(got, have.length);
    this.losses[fork] = all;
  }

  /** What the stream brings. @param {any} message */
  hear(message) {
    if (message.run !== this.name) return;
    const changed = new Set();
    for (const event of message.events) {
      if (event.kind === "started") { this.total = event.steps; this.about.state = "training"; changed.add(0); }
      if (event.kind === "epoch") { this.epochs[event.epoch - 1] = event.row; changed.add(0); }
      if (event.kind === "ended") changed.add(0);
      if (event.kind === "scored") { this.scored = event; this.about.state = event.ended === "stopped in the studio" ? "stopped" : "done"; }
      if (event.kind === "reported") this.reported = true;
      if (event.kind === "failed") { this.about.state = "failed"; this.about.ended = event.why; }
      if (event.kind === "fork") { this.forks.set(event.fork, { ...this.forks.get(event.fork), ...event }); changed.add(event.fork); }
      if (event.kind === "forked") this.forks.set(event.fork, { ...this.forks.get(event.fork), ended: event.why });
    }
    this.pending = this.pending.then(async () => {
      for (const fork of changed) await this.more(fork);
      this.draw();
      this.status();
    }).catch(sayWrong);
  }

  draw() {
    const own = this.losses[0], n = own.length;
    let low = Infinity, where = 0;
    for (let k = 0; k < n; k++) if (own[k] < low) { low = own[k]; where = k + 1; }
    const lines = this.losses.map((values, k) => ({ label: k ? t("fork_n", { n: k }) : t("loss"), ink: INKS[k % INKS.length], values }))
      .filter((line) => line && line.values);
    for (const [k, fork] of this.forks) {
      const line = lines.find((one) => one.ink === INKS[k % INKS.length] && one.label === t("fork_n", { n: k }));
      if (line && fork.step > 1) Object.assign(line, { values: line.values.slice(fork.step - 1), first: fork.step });
    }
    const says = n ? t("curve_says", { n: n.toLocaleString("en"), first: short(own[0]), last: short(own[n - 1]), low: short(low), at: where.toLocaleString("en") })
      : t("curve_none");
    this.curve.put(lines, `${says} ${this.about.state === "training" ? t("pick_live") : t("pick")}`);
    this.futures.replaceChildren(this.forks.size ? this.forkList() : "");
  }

  forkList() {
    const rows = [...this.forks].map(([k, fork]) => {
      const mine = this.losses[k] ?? [], last = Math.min(mine.length, this.losses[0].length);
      const difference = last ? mine[last - 1] - this.losses[0][last - 1] : NaN;
      return [h("a", { href: from(["run", "step"], { fork: k, step: Math.max(fork.step, 1) }) }, h("span", { class: `ink ${INKS[k % INKS.length]}` }, "● "), t("fork_n", { n: k })),
        h("span", { dir: "auto" }, t("from_step", { n: fork.step, what: fork.what })), t("steps_done", { n: fork.done.toLocaleString("en") }),
        last ? t("fork_difference", { n: last.toLocaleString("en"), d: short(difference) }) : "", short(fork.apart), fork.ended ? (fork.ended === "done" ? t("done") : fork.ended) : t("training")];
    });
    return table(t("forks"), [t("forks"), t("change"), t("step"), t("difference"), t("apart"), t("state")], rows, { class: "plain" });
  }

  status() {
    const state = this.about.state;
    const button = (/** @type {string} */ label, /** @type {() => Promise<any>} */ act, strong = false) => h("button", { type: "button", class: strong ? "strong" : null, onclick: (/** @type {any} */ event) => {
      event.target.disabled = true;
      act().catch(sayWrong).finally(() => { event.target.disabled = false; });
    } }, label);
    const again = () => post(`/api/runs/${this.name}/again`, {}).then((answer) => go(at({ run: answer.run })));
    const done = this.losses[0].length;
    const parts = [h("span", { class: `badge ${state}` }, t(state)),
      state === "training" && this.total ? h("progress", { max: this.total, value: done, "aria-label": t("training") }) : null,
      state === "training" ? button(t("stop"), () => ask(this.name, "stop")) : null,
      state === "stopped" || state === "failed" ? button(t("go_on"), () => ask(this.name, "train").then(() => { this.about.state = "training"; this.status(); }), true) : null,
      state !== "training" ? button(t("another"), again) : null,
      this.scored ? h("a", { class: "button", href: `/api/runs/${this.name}/model`, download: "" }, t("model")) : null,
      this.scored ? h("a", { class: "button", href: `/api/runs/${this.name}/script`, download: "" }, t("script")) : null,
      this.reported ? h("a", { class: "button", href: `/api/runs/${this.name}/report`, target: "_blank", rel: "noopener" }, t("report")) : null];
    const key = parts.map((part) => part?.outerHTML.replace(/value="\d+"/, "") ?? "").join();
    if (key !== this.shown) {
      this.shown = key;
      this.state.replaceChildren(...parts.filter(Boolean));
    } else {
      this.state.querySelector("progress")?.setAttribute("value", String(done));
    }
    if (state === "failed") this.verdict.replaceChildren(h("section", null, h("p", { class: "wrong", dir: "auto" }, this.about.ended)));
    if (this.scored) this.verdict.replaceChildren(this.scores());
  }

  scores() {
    const names = [...new Set(this.scored.scores.flatMap((/** @type {any} */ one) => Object.keys(one.network)))];
    const rows = this.scored.scores.map((/** @type {any} */ one) => [t(one.part === "training" ? "training_part" : one.part), one.rows,
      ...names.flatMap((name) => [short(one.network[name]), short(one.linear[name])])]);
    const head = [t("part"), t("count"), ...names.flatMap((name) => [name, `${name}, ${t("linear")}`])];
    return h("section", null, h("h2", null, t("verdict")), h("p", { class: "lead small", lang: "en", dir: "auto" }, this.scored.verdict),
      h("p", { class: "note", lang: "en", dir: "auto" }, this.scored.words), table(t("verdict"), head, rows, { class: "plain" }));
  }

  /** Show what the address opens. @param {Record<string, string>} here */
  async show(here) {
    const step = Number(here.step) || 0, fork = Number(here.fork) || 0;
    this.curve.mark(step);
    this.trailOf(here);
    if (!step) { this.below.replaceChildren(); return; }
    const mine = JSON.stringify(here);
    this.wanted = mine;
    this.below.setAttribute("aria-busy", "true");
    try {
      const node = here.weight ? await weightView(this, here) : here.unit && here.row ? await unitView(this, here)
        : here.row ? await rowView(this, here) : await stepView(this, here, fork);
      if (this.wanted !== mine) return;
      this.below.replaceChildren(node);
      const head = this.below.querySelector("h2");
      if (head) {
        head.tabIndex = -1;
        head.focus({ preventScroll: true });
        this.trail.scrollIntoView({ block: "nearest" });
      }
    } finally {
      this.below.removeAttribute("aria-busy");
    }
  }

  /** @param {Record<string, string>} here */
  trailOf(here) {
    const parts = [[at({ run: this.name }), t("run")]];
    if (here.fork) parts.push([from(["run", "fork"], {}), t("fork_n", { n: here.fork })]);
    if (here.step) parts.push([from(["run", "fork", "step"], {}), t("step_n", { n: Number(here.step).toLocaleString("en") })]);
    if (here.row) parts.push([from(["run", "fork", "step", "row"], {}), t("row_n", { n: here.name ?? here.row })]);
    if (here.unit) parts.push([from(["run", "fork", "step", "row", "layer", "unit"], {}), `${here.layer}[${here.unit}]`]);
    if (here.weight) parts.push([from(["run", "fork", "step", "row", "layer", "unit", "weight", "index"], {}), `${here.weight}[${here.index}]`]);
    this.trail.hidden = parts.length < 2;
    this.trail.replaceChildren(h("ol", null, parts.map(([href, label], k) => h("li", null, k === parts.length - 1
      ? h("a", { href, "aria-current": "page", dir: "auto" }, label) : h("a", { href, dir: "auto" }, label)))));
  }
}
