// A run: its curve, live and later, its futures, and below it whatever the address opens.

import { at, from, go, place } from "./address.js";
import { ask, get, losses, post } from "./api.js";
import { chart } from "./chart.js";
import { h, short, table } from "./dom.js";
import { say, sayWrong } from "./main.js";
import { seeView } from "./seeing.js";
import { livePlane, playedAddress } from "./playground.js";
import { takePage } from "./take.js";
import { stepView } from "./step.js";
import { rowView, unitView, weightView } from "./inside.js";
import { t } from "./words.js";

const PAUSE = 250;
const INKS = ["a", "b", "c", "d", "e"];

/** Losses with those that are new behind them. @param {string} run @param {number} fork @param {Float64Array} have */
async function longer(run, fork, have) {
  const got = await losses(run, have.length, fork);
  if (!got.length) return have;
  const all = new Float64Array(have.length + got.length);
  all.set(have);
  all.set(got, have.length);
  return all;
}

/** Let what was opened begin in the upper half of the window, below the thread that leads there; where it does already,
 * nothing moves. @param {HTMLElement} trail @param {HTMLElement} head */
function bringUp(trail, head) {
  const top = head.getBoundingClientRect().top, own = trail.offsetHeight;
  if (top < own || top > innerHeight / 2) scrollBy({ top: top - own - 16, behavior: "instant" });
}

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
    this.told = "";
    this.timer = /** @type {any} */ (0);
    /** @type {Set<number>} futures with losses that are not drawn yet */
    this.changed = new Set();
    /** @type {Set<string>} other runs with losses that are not drawn yet */
    this.others = new Set();
    this.shown = "";
    this.wanted = "";
    this.future = 0;  // that was looked at last
    this.pending = Promise.resolve();
    /** @type {Map<string, {about: any, losses: Float64Array}>} other runs, whose curves stand beside this one's */
    this.beside = new Map();
    this.findings = /** @type {any[] | null} */ (null);
    this.curve = chart({ label: t("curve"), unit: "J", pick: (step) => go(from(["run", "fork"], { step })) });
    this.state = h("div", { class: "state" });
    this.futures = h("div");
    this.now = about.made ? livePlane(this) : null;
    this.below = h("div", { id: "below" });
    this.trail = h("nav", { class: "trail", "aria-label": t("thread") });
    this.verdict = h("div");
    this.root = h("div", null,
      h("section", null, h("p", { class: "kicker" }, h("a", { href: at({}) }, t("home"))),
        h("div", { class: "row" }, h("h1", { dir: "auto", tabindex: -1 }, about.name, about.target ? h("small", null, ` → ${about.target}`) : null), this.state),
        this.curve.root, this.futures, this.now?.root, this.chooser()), this.trail, this.below, this.verdict);
  }

  /** The choice of a run whose curve is to stand beside this one's. */
  chooser() {
    const select = h("select", { id: "beside", onchange: () => go(from(["run", "fork", "step", "row", "name", "layer", "unit", "weight", "index"], { with: select.value })) }, h("option", { value: "" }, t("nobody")));
    get("/api/home").then((found) => select.append(...found.runs.filter((/** @type {any} */ one) => one.run !== this.name && one.done).map((/** @type {any} */ one) =>
      h("option", { value: one.run, selected: (place().with ?? "").split(",").includes(one.run) }, `${t("beside_run", { n: one.run.slice(0, 4) })}: ${one.name} → ${one.target ?? ""}`)))).catch(() => {});
    return h("div", { class: "act" }, h("div", { class: "field" }, h("label", { for: "beside" }, t("beside")), select));
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
    this.losses[fork] = await longer(this.name, fork, this.losses[fork] ?? new Float64Array(0));
  }

  /** Let the curves of other runs stand beside this one's. @param {string[]} names */
  async besides(names) {
    if (names.join() === [...this.beside.keys()].join()) return;
    this.beside.clear();
    for (const name of names) {
      if (name !== this.name) this.beside.set(name, { about: await RunView.about(name), losses: await losses(name, 0, 0) });
    }
    this.draw();
  }

  /** What the stream brings. @param {any} message */
  hear(message) {
    if (this.beside.has(message.run)) this.others.add(message.run);
    else if (message.run !== this.name) return;
    const changed = this.changed;
    for (const event of message.run === this.name ? message.events : []) {
      if (event.kind === "started") { this.total = event.steps; this.about.state = "training"; changed.add(0); }
      if (event.kind === "epoch") { this.epochs[event.epoch - 1] = event.row; changed.add(0); }
      if (event.kind === "ended") changed.add(0);
      if (event.kind === "scored") { this.scored = event; this.about.state = event.ended === "stopped in the studio" ? "stopped" : "done"; }
      if (event.kind === "reported") { this.reported = true; this.findings = event.findings ?? []; }
      if (event.kind === "failed") { this.about.state = "failed"; this.about.ended = event.why; }
      if (event.kind === "fork") { this.forks.set(event.fork, { ...this.forks.get(event.fork), ...event }); changed.add(event.fork); }
      if (event.kind === "forked") this.forks.set(event.fork, { ...this.forks.get(event.fork), ended: event.why });
    }
    if (this.timer) return;
    this.timer = setTimeout(() => {  // four times a second is live enough, and leaves time for all else
      this.pending = this.pending.then(async () => {
        const now = [...this.changed];
        this.changed.clear();
        for (const fork of now) await this.more(fork);
        for (const name of [...this.others]) {
          const other = this.beside.get(name);
          this.others.delete(name);
          if (other) other.losses = await longer(name, 0, other.losses);
        }
        this.draw();
        this.status();
      }).catch(sayWrong).finally(() => { this.timer = 0; });
    }, PAUSE);
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
    let k = this.losses.length;
    for (const [name, other] of this.beside) lines.push({ label: t("beside_run", { n: name.slice(0, 4) }), ink: INKS[k++ % INKS.length], values: other.losses });
    const says = n ? t("curve_says", { n: n.toLocaleString("en"), first: short(own[0]), last: short(own[n - 1]), low: short(low), at: where.toLocaleString("en") })
      : t("curve_none");
    this.now?.draw();
    this.curve.put(lines, `${says} ${this.about.state === "training" ? t("pick_live") : t("pick")}`);
    this.futures.replaceChildren(this.forks.size ? this.forkList() : "", this.beside.size ? this.besideList() : "");
  }

  forkList() {
    const rows = [...this.forks].map(([k, fork]) => {
      const mine = this.losses[k] ?? [], last = Math.min(mine.length, this.losses[0].length);
      const difference = last ? mine[last - 1] - this.losses[0][last - 1] : NaN;
      return [h("a", { href: from(["run", "step"], { fork: k, step: Math.max(fork.step, 1) }) }, h("span", { class: `ink ${INKS[k % INKS.length]}` }, "● "), t("fork_n", { n: k })),
        h("span", { dir: "auto" }, t("from_step", { n: fork.step, what: fork.what })), t("steps_done", { n: fork.done.toLocaleString("en") }),
        last ? t("fork_difference", { n: last.toLocaleString("en"), d: short(difference) }) : "", fork.apart, fork.ended ? (fork.ended === "done" ? t("done") : fork.ended) : t("training")];
    });
    return table(t("forks"), [t("forks"), t("change"), t("step"), t("difference"), t("apart"), t("state")], rows, { class: "plain" });
  }

  besideList() {
    const rows = [[this.name, { about: this.about, losses: this.losses[0] }], ...this.beside].map(([name, one]) => {
      const differ = Object.entries(one.about.choices ?? {}).filter(([key, value]) => [this, ...this.beside.values()].some((other) => String(other.about.choices?.[key] ?? "") !== String(value)));
      const low = one.losses.reduce((/** @type {number} */ a, /** @type {number} */ b) => Math.min(a, b), Infinity);
      return [h("a", { href: at({ run: name, with: name === this.name ? null : this.name }) }, t("beside_run", { n: name.slice(0, 4) })), h("span", { dir: "ltr" }, differ.map(([key, value]) => `${key} ${value}`).join(", ")),
        t("steps_done", { n: one.losses.length.toLocaleString("en") }), low];
    });
    return table(t("beside"), [t("run"), t("choices_differ"), t("step"), t("lowest")], rows, { class: "plain" });
  }

  /** Try a change in another run, beside this one. @param {Record<string, any>} choices */
  async cure(choices) {
    say(t("curing"), true);
    const { run } = await post(`/api/runs/${this.name}/again`, { choices });
    const about = await RunView.about(run);
    await ask(run, "design", { target: about.target ?? "", columns: about.columns ?? {}, choices: about.choices ?? {} });
    await ask(run, "train");
    say("");
    go(at({ run, with: this.name }));
  }

  diagnosis() {
    const words = (/** @type {any} */ cure) => Object.entries(cure).map(([name, value]) => `${t(name)} ${value}`).join(", ");
    return h("section", null, h("h2", null, t("diagnosis")), this.findings?.length ? this.findings.map((one) => h("div", { class: "beware" },
      h("h3", null, h("span", { lang: "en", dir: "auto" }, one.name), h("small", null, ` ${t(one.severity)}`)), h("p", { lang: "en", dir: "auto" }, one.text), h("p", { class: "note", lang: "en", dir: "auto" }, one.why),
      Object.keys(one.cure).length ? h("button", { type: "button", onclick: (/** @type {any} */ event) => {
        event.target.disabled = true;
        this.cure(one.cure).catch(sayWrong).finally(() => { event.target.disabled = false; });
      } }, t("cure", { what: words(one.cure) })) : h("p", null, h("code", { dir: "ltr" }, one.change)))) : h("p", { class: "note" }, t("sound")));
  }

  status() {
    const state = this.about.state;
    const button = (/** @type {string} */ label, /** @type {() => Promise<any>} */ act, strong = false) => h("button", { type: "button", class: strong ? "strong" : null, onclick: (/** @type {any} */ event) => {
      event.target.disabled = true;
      act().catch(sayWrong).finally(() => { event.target.disabled = false; });
    } }, label);
    const again = () => this.about.made ? Promise.resolve(go(playedAddress(this.about))) : post(`/api/runs/${this.name}/again`, {}).then((answer) => go(at({ run: answer.run })));
    const done = this.losses[0].length;
    const parts = [h("span", { class: `badge ${state}` }, t(state)),
      state === "training" && this.total ? h("progress", { max: this.total, value: done, "aria-label": t("training") }) : null,
      state === "training" ? button(t("stop"), () => ask(this.name, "stop")) : null,
      state === "stopped" || state === "failed" ? button(t("go_on"), () => ask(this.name, "train").then(() => { this.about.state = "training"; this.status(); }), true) : null,
      state !== "training" ? button(t(this.about.made ? "play_on" : "another"), again) : null,
      this.scored ? h("a", { class: "button", href: `/api/runs/${this.name}/model`, download: "" }, t("model")) : null,
      this.scored ? h("a", { class: "button", href: `/api/runs/${this.name}/script`, download: "" }, t("script")) : null,
      this.scored ? button(t("as_page"), () => takePage(this.name)) : null,
      this.reported ? h("a", { class: "button", href: `/api/runs/${this.name}/report`, target: "_blank", rel: "noopener" }, t("report")) : null];
    const key = parts.map((part) => part?.outerHTML.replace(/value="\d+"/, "") ?? "").join();
    if (key !== this.shown) {
      this.shown = key;
      this.state.replaceChildren(...parts.filter((part) => part !== null));
    } else {
      this.state.querySelector("progress")?.setAttribute("value", String(done));
    }
    if (state === "failed") this.verdict.replaceChildren(h("section", null, h("p", { class: "wrong", dir: "auto" }, this.about.ended)));
    const told = `${Boolean(this.scored)} ${this.findings?.length}`;
    if (this.scored && this.told !== told) {
      this.told = told;
      this.verdict.replaceChildren(this.scores(), this.findings ? this.diagnosis() : "");
    }
  }

  scores() {
    const names = [...new Set(this.scored.scores.flatMap((/** @type {any} */ one) => Object.keys(one.network)))];
    const rows = this.scored.scores.flatMap((/** @type {any} */ one) => [["network", t("net"), "a"], ["linear", t("linear"), "b"]].map(([model, called, ink]) =>
      [t(one.part === "training" ? "training_part" : one.part), one.rows, h("span", { class: `ink ${ink}` }, called), ...names.map((name) => one[model][name])]));
    const head = [t("part"), t("count"), t("model_name"), ...names];
    return h("section", null, h("h2", null, t("verdict")), h("p", { class: "lead small", lang: "en", dir: "auto" }, this.scored.verdict),
      h("p", { class: "note", lang: "en", dir: "auto" }, this.scored.words), table(t("verdict"), head, rows, { class: "plain" }),
      h("p", { class: "row tight" }, ["answers", "landscape"].map((see) => h("a", { class: "button", href: at({ run: this.name, step: this.losses[0].length, see }) }, t(`see_${see}`)))));
  }

  /** Show what the address opens. @param {Record<string, string>} here */
  async show(here) {
    const step = Number(here.step) || 0, fork = Number(here.fork) || 0;
    this.curve.mark(step);
    this.trailOf(here);
    this.now?.draw();
    if (!step) { this.below.replaceChildren(); return; }
    const mine = JSON.stringify(here);
    this.wanted = mine;
    this.below.setAttribute("aria-busy", "true");
    try {
      const node = here.see ? await seeView(this, here) : here.weight ? await weightView(this, here) : here.unit && here.row ? await unitView(this, here)
        : here.row ? await rowView(this, here) : await stepView(this, here, fork);
      if (this.wanted !== mine) return;
      this.below.replaceChildren(node);
      const head = this.below.querySelector("h2");
      if (head) {
        head.tabIndex = -1;
        head.focus({ preventScroll: true });
        if (fork && fork !== this.future) this.curve.root.scrollIntoView();  // both futures, as they part
        else bringUp(this.trail, head);
        this.future = fork;
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
    if (here.see) parts.push([from(["run", "fork", "step", "row", "name", "see"], {}), t(`see_${here.see}`)]);
    if (here.weight) parts.push([from(["run", "fork", "step", "row", "layer", "unit", "weight", "index"], {}), `${here.weight}[${here.index}]`]);
    this.trail.hidden = parts.length < 2;
    this.trail.replaceChildren(h("ol", null, parts.map(([href, label], k) => h("li", null, k === parts.length - 1
      ? h("a", { href, "aria-current": "page", dir: "auto" }, label) : h("a", { href, dir: "auto" }, label)))));
  }
}
