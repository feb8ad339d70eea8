// Opens the page: unpacks its programs and rows, then trains, shows and changes what the reader asks for.
import {$, make} from "../../drawing/page/elements.js";
import {show} from "../../drawing/page/numbers.js";
import {repaint} from "../../drawing/page/colours.js";
import {onColours, onKeys, showPlaying} from "../../drawing/page/stepping.js";
import {frame} from "../languages.js";
import {page} from "../scripted.js";
import {ControlsView} from "./controls.js";
import {CurveView} from "./curve.js";
import {Look} from "./look.js";
import {Machine, arrayOf, compiled, unpacked} from "./machine.js";
import {MapView} from "./map.js";
import {NetworkView} from "./network.js";
import {ProgramView} from "./program.js";
import {RunsView} from "./runs.js";
import {emptied, fresh} from "./starts.js";
import {Symbols} from "./symbols.js";
import {Timeline} from "./timeline.js";
import {WhyView} from "./why.js";
import {say} from "./words.js";

const MOST = 4, SLICE = 11;  // futures, and milliseconds of training in a frame

const parsed = async text => JSON.parse(new TextDecoder().decode(await unpacked(text)));

const arraysOf = async packed => Object.fromEntries(await Promise.all(Object.entries(packed || {}).map(async ([name, a]) => [name, await arrayOf(a)])));

class App {
  // what begin() makes
  /** @type {{first: any, trained: any}} */ starts;
  /** @type {Timeline[]} */ timelines;
  /** @type {Timeline} */ active;
  /** @type {Look} */ look;
  /** @type {ControlsView} */ controls;
  /** @type {MapView} */ map;
  /** @type {NetworkView} */ network;
  /** @type {CurveView} */ curve;
  /** @type {WhyView} */ why;
  /** @type {RunsView} */ runs;
  /** @type {ProgramView} */ program;

  static async open() {
    const [module, manifest, about, data, trained, orders] = await Promise.all([compiled(page.wasm), parsed(page.manifest), parsed(page.about), arraysOf(page.data), arraysOf(page.trained), page.orders && arrayOf(page.orders)]);
    about.vectors = [...new Set(about.optimizers.flatMap(o => o.vectors))];
    for (const vector of about.vectors) about.parts[vector] = about.parts[vector] || about.parts["θ"].map(name => `${name}.${vector}`);
    const app = new App(about, data, await Machine.open(module, manifest, data), page.trained && trained, orders);
    app.begin();
    return app;
  }

  constructor(about, data, machine, trainedState, orders) {
    this.about = about; this.data = data; this.machine = machine; this.trainedState = trainedState;
    this.from = "first"; this.sample = 0; this.selected = null; this.playing = false; this.letters = 0;
    this.speed = matchMedia("(prefers-reduced-motion: reduce)").matches ? "slow" : "run";
    this.symbols = new Symbols(about);
    this.task = {rows: about.rows, shuffle: about.shuffle, drop: about.drop, seed: about.seed, orders};
  }

  begin() {
    const {about, machine} = this, own = about.optimizers[0];
    const setup = {optimizer: own.name, settings: {...own.settings}, batch: about.batch_size, seed: about.seed, frozen: [], rates: about.rates};
    machine.use(setup);
    const first = machine.copy();
    this.starts = {first, trained: this.trainedState ? emptied(this.trainedState, first) : null};
    this.timelines = [this.active = new Timeline(machine, this.task, setup, first, say("original"))];
    repaint();
    this.titles();
    this.controls = new ControlsView(this, $("controls"));
    this.map = new MapView(this, $("map"));
    this.network = new NetworkView(this, $("network"));
    this.curve = new CurveView(this, $("curve"));
    this.why = new WhyView(this, $("why"));
    this.runs = new RunsView(this, $("runs"));
    this.program = new ProgramView(this, $("program"));
    this.transport();
    this.look = new Look(this.active, about);
    this.selected = this.steepest();
    this.draw();
  }

  titles() {
    const {about} = this, widths = about.columns.map(c => c.units).join(" → ");
    const weights = Object.values(about.parameters).reduce((a, p) => a + p.shape.reduce((x, y) => x * y, 1), 0);
    $("title").textContent = about.title || say("untitled", {network: widths});
    $("facts").replaceChildren(make("p", {}, say("facts", {rows: about.rows.toLocaleString("en"), loss: about.loss.replaceAll("_", " "), weights: weights.toLocaleString("en")})), ...about.notes.map(note => make("p", {class: "note", dir: "auto"}, note)));
  }

  /** The weight of the largest gradient, in the first layer that has weights. */
  steepest() {
    for (const [name, of] of Object.entries(this.about.gradients)) {
      const {trained, shape} = this.about.parameters[name], g = trained && shape.length > 1 && this.look.read(of);
      if (!g || !g.numbers.length) continue;
      const place = g.numbers.reduce((best, v, k) => Math.abs(v) > Math.abs(g.numbers[best]) ? k : best, 0);
      return {kind: "weight", name, place};
    }
    return null;
  }

  nameOf(t) { return t.name; }

  // ---- showing ------------------------------------------------------------------------------------------------------

  /** Look at the step that comes, and show everything of it. */
  draw() {
    const {active} = this;
    this.look = new Look(active, this.about);
    this.map.draw();  // evaluates the plane, whose answers the network's tiles show
    this.network.draw();
    this.curve.draw();
    this.controls.draw();
    this.runs.draw();
    const now = performance.now();
    if (!this.playing || now - (this.slowly || 0) > 250) {
      this.slowly = now;
      this.why.draw();
      this.program.draw();
    }
    const J = active.at ? active.losses[active.at - 1] : this.look.J, values = {step: active.at.toLocaleString("en"), epoch: active.epoch, J: show(J), head: active.head};
    $("slider").max = Math.max(1, active.head);
    $("slider").value = active.at;
    $("slider").setAttribute("aria-valuetext", say("sliderText", values));
    $("where").textContent = say(active.at ? "where" : "whereStart", values);
    for (const [id, end] of /** @type {[string, number][]} */ ([["first", 0], ["back", 0], ["last", active.head]])) $(id).setAttribute("aria-disabled", String(active.at === end));
    if (!this.playing) $("said").textContent = say("said", values);
    this.trouble(active.broken ? say("broken", {step: active.broken}) : !this.look.finite ? say("broken", {step: active.at + 1}) : "");
  }

  trouble(text) { if ($("trouble").textContent !== text) $("trouble").textContent = text; }

  select(what) {
    this.selected = what;
    this.network.draw();
    this.why.draw();
  }

  selectUnit(column, unit) { this.select({kind: "unit", column, unit}); }

  // ---- training -----------------------------------------------------------------------------------------------------

  /** Go on by some steps, every future alike. False where one cannot go on. */
  forward(steps) {
    const done = this.active.forward(steps);
    for (const t of this.timelines) if (t !== this.active && t.at < this.active.at && !t.broken) { t.forward(this.active.at - t.at); }
    this.active.enter();
    return done === steps;
  }

  go(step) {
    for (const t of this.timelines) if (t !== this.active) t.seek(Math.min(step, t.broken ? t.broken - 1 : step));
    this.active.seek(step);
    this.draw();
  }

  play(on) {
    if (on === this.playing) return;
    this.playing = on;
    showPlaying($("play"), on, say(on ? "pause" : "play"));
    document.body.classList.toggle("playing", on);
    if (on) { this.began = performance.now(); requestAnimationFrame(now => this.frame(now)); } else this.draw();
  }

  frame(now) {
    if (!this.playing) return;
    const wait = {slow: 1000, walk: 100}[this.speed];
    let going = true;
    if (wait) {
      if (now - this.began < wait) { requestAnimationFrame(next => this.frame(next)); return; }
      this.began = now;
      going = this.forward(1);
    } else if (this.speed === "run") going = this.forward(1);
    else {
      const until = performance.now() + SLICE;
      let chunk = this.chunk || 1;
      while (going && performance.now() < until) {
        const start = performance.now();
        going = this.forward(chunk);
        const took = performance.now() - start;
        if (took < SLICE / 4) chunk = Math.min(chunk * 2, 4096); else if (took > SLICE) chunk = Math.max(1, chunk >> 1);
      }
      this.chunk = chunk;
    }
    if (!going) { this.play(false); return; }
    this.draw();
    requestAnimationFrame(next => this.frame(next));
  }

  // ---- changing -----------------------------------------------------------------------------------------------------

  change(what) {
    this.active.change(what);
    this.draw();
  }

  setUp(more, words) { this.change({setup: {...this.active.setup, ...more}, words}); }

  fork() {
    if (this.timelines.length === MOST) return;
    this.play(false);
    const other = this.active.fork(say("runName", {letter: String.fromCharCode(66 + this.letters++)}));
    this.active.seek(this.active.at);
    this.active.head = Math.max(this.active.head, this.active.at);
    this.timelines.push(other);
    this.choose(other);
  }

  choose(t) {
    this.active = t;
    t.enter();
    this.draw();
  }

  remove(t) {
    this.timelines = this.timelines.filter(o => o !== t);
    this.draw();
  }

  restart() {
    this.play(false);
    const {setup} = this.active;
    const {first, trained} = this.starts, state = this.from === "fresh" ? fresh(first, this.about.parameters, setup.seed) : emptied(this.from === "trained" ? trained : first, first);
    this.machine.owner = null;
    this.machine.use(setup);
    const name = this.active.name, index = this.timelines.indexOf(this.active);
    this.active = new Timeline(this.machine, this.task, {...setup, frozen: []}, state, name);
    this.timelines[index] = this.active;
    this.draw();
  }

  beginFrom(where) { this.from = where; this.restart(); }

  // ---- buttons and keys ---------------------------------------------------------------------------------------------

  transport() {
    const step = way => { this.play(false); if (way < 0) this.go(Math.max(0, this.active.at + way)); else { this.forward(way); this.draw(); } };
    const actions = {first: () => { this.play(false); this.go(0); }, back: () => step(-1), next: () => step(1), epoch: () => step(this.active.left),
      last: () => { this.play(false); this.go(this.active.head); }, play: () => this.play(!this.playing)};
    for (const [id, action] of Object.entries(actions)) $(id).addEventListener("click", action);
    $("slider").addEventListener("input", () => { this.play(false); this.go(Number($("slider").value)); });
    const keys = {ArrowRight: actions.next, ArrowUp: actions.next, ArrowLeft: actions.back, ArrowDown: actions.back, Home: actions.first, End: actions.last,
      PageUp: actions.epoch, PageDown: () => step(-Math.ceil(this.about.rows / this.active.setup.batch)), f: () => this.fork()};
    onKeys(key => keys[key], actions.play);
    onColours(() => { repaint(); this.draw(); });
    let width = innerWidth;
    addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; this.draw(); } });
  }
}

frame();
App.open().then(app => { document.body.dataset.ready = "yes"; performance.mark("ready"); return app; }).catch(error => { $("trouble").textContent = say("cannot", {why: error.message}); throw error; });
