// What the network answers: a map over two inputs, a line over one, or the outputs for one image or sequence.
import {make} from "../../drawing/page/elements.js";
import {show} from "../../drawing/page/numbers.js";
import {colour, css, ink, mixed, picture, pixels, reachOf} from "../../drawing/page/colours.js";
import {say} from "./words.js";

const POINTS = 600;  // rows drawn on a map
const SHARE = 0.1;  // of the time that passes while it trains, for evaluating rows anew

export class MapView {
  // what ranges() and evaluate() make, where inputs lie in a plane
  /** @type {number[]} */ low;
  /** @type {number[]} */ high;
  /** @type {number[]} */ mean;
  /** @type {Float32Array | Float64Array} */ out;
  /** @type {number} */ outputs;

  constructor(app, section) {
    this.app = app;
    const {about} = app, x = app.data[about.input];
    this.plane = about.plane; this.x = x; this.axes = [0, 1]; this.next = 0;
    this.width = about.plane ? about.values[about.input].shape.slice(1).reduce((a, b) => a * b, 1) : 0;
    this.line = this.plane && this.width === 1;
    if (this.line) this.axes = [0, 0];
    section.append(this.head = make("div", {class: "row"}, make("h2", {}, say("map"))));
    if (this.plane) this.ranges();
    if (this.plane && this.width > 2) this.pickers();
    this.canvas = make("canvas", {class: "map", role: "img"});
    section.append(this.canvas, this.legend = make("p", {class: "note"}));
    this.bars = make("div", {class: "bars"});
    if (!this.plane) this.canvas.after(this.bars);
  }

  name(k) { return this.app.about.inputs[k] === undefined ? `x${k + 1}` : this.app.about.inputs[k]; }

  /** Smallest, largest and mean number of each input. */
  ranges() {
    const {x, width} = this, rows = x.length / width;
    this.low = Array(width).fill(Infinity); this.high = Array(width).fill(-Infinity); this.mean = Array(width).fill(0);
    for (let i = 0; i < x.length; i++) {
      const k = i % width, v = x[i];
      if (v < this.low[k]) this.low[k] = v;
      if (v > this.high[k]) this.high[k] = v;
      this.mean[k] += v / rows;
    }
    for (let k = 0; k < width; k++) { const pad = 0.08 * (this.high[k] - this.low[k]) || 1; this.low[k] -= pad; this.high[k] += pad; }
  }

  pickers() {
    const pick = axis => make("select", {"aria-label": say(axis ? "axisY" : "axisX"), change: event => { this.axes[axis] = Number(event.target.value); this.app.draw(); }},
      Array.from({length: this.width}, (_, k) => make("option", {value: k, selected: k === this.axes[axis]}, this.name(k))));
    this.head.append(make("span", {class: "picker"}, `${say("axisX")} `, pick(0), ` ${say("axisY")} `, pick(1)));
  }

  /** Evaluate the network on a grid over two inputs, or one; the units' answers stay in memory for the network's tiles. */
  evaluate() {
    if (!this.plane) return;
    const {app, width, axes, low, high} = this, G = app.about.grid, rows = G * G, x = this.grid = this.grid || new this.x.constructor(rows * width);
    for (let r = 0, at = 0; r < G; r++) for (let c = 0; c < G; c++, at += width) {
      for (let k = 0; k < width; k++) x[at + k] = this.mean[k];
      x[at + axes[1]] = low[axes[1]] + (high[axes[1]] - low[axes[1]]) * r / (G - 1);
      x[at + axes[0]] = low[axes[0]] + (high[axes[0]] - low[axes[0]]) * c / (G - 1);
    }
    this.out = app.machine.evaluate(x, rows).slice();
    this.outputs = this.out.length / rows;
  }

  /** How well the page's rows are answered, in words. Evaluates them: before the grid. */
  score() {
    const {app} = this, {about, data, machine} = app, rows = about.rows;
    if (Object.keys(machine.ahead.data).length > 1) return "";
    const out = machine.evaluate(data[about.input], rows), width = out.length / rows, y = data[about.target];
    if (about.classes || about.loss === "binary_cross_entropy") {
      let right = 0;
      for (let i = 0; i < rows; i++) right += Number(about.classes ? this.answer(out, i, width) === this.truth(i) : (out[i] > 0) === (y[i] > 0.5));
      return say("accuracy", {percent: `${(100 * right / rows).toFixed(1)} %`});
    }
    let sum = 0;
    for (let i = 0; i < out.length; i++) sum += (out[i] - y[i]) ** 2;
    return say("error", {rmse: show(Math.sqrt(sum / out.length))});
  }

  answer(out, i, width) { let best = 0; for (let k = 1; k < width; k++) if (out[i * width + k] > out[i * width + best]) best = k; return best; }

  truth(i) {
    const y = this.app.data[this.app.about.target], {rows} = this.app.about, width = y.length / rows;
    return width > 1 ? this.answer(y, i, width) : y[i];
  }

  /** Evaluate rows and plane anew; while it trains, as often as costs a tenth of the time. Gives the score in words. */
  answered() {
    const now = performance.now();
    if (!this.app.playing || !(now < this.next)) {
      this.words = this.score();
      this.evaluate();
      this.next = now + (performance.now() - now) / SHARE;
    }
    return this.words;
  }

  draw() {
    const words = this.answered();
    const {app, canvas} = this, room = canvas.parentElement.clientWidth, scale = Math.min(devicePixelRatio || 1, 2);
    if (!this.plane) { this.sample(words); return; }
    const wide = Math.min(room, 460), high = this.line ? wide * 0.62 : wide;
    canvas.style.width = `${wide}px`; canvas.style.height = `${high}px`;
    canvas.width = wide * scale; canvas.height = high * scale;
    const c = canvas.getContext("2d");
    c.scale(scale, scale);
    (this.line ? this.curve : this.regions).call(this, c, wide, high);
    const names = {x: this.name(this.axes[0]), y: this.name(this.axes[1]), score: words};
    canvas.setAttribute("aria-label", say(this.line ? "lineLabel" : "mapLabel", names));
    this.legend.replaceChildren(this.classes(), words, this.width > 2 ? ` · ${say("others")}` : "");
  }

  classes() {
    const {about} = this.app;
    if (!about.classes && about.loss !== "binary_cross_entropy") return "";
    const count = about.classes ? this.outputs : 2;
    return make("span", {class: "classes"}, Array.from({length: Math.min(count, 8)}, (_, k) => make("span", {},
      make("i", {class: `swatch s${k}`}), about.outputs[k] === undefined ? String(k) : about.outputs[k], " ")));
  }

  regions(c, wide, high) {
    const {app, out, outputs} = this, {about} = app, G = about.grid;
    const small = this.small = this.small || document.createElement("canvas");
    const binary = about.loss === "binary_cross_entropy", y = app.data[about.target], level = this.level(), each = y.length / about.rows;
    pixels(small, G, G, (r, q) => {
      const at = ((G - 1 - r) * G + q) * outputs;
      if (about.classes) {
        const best = this.answer(out, at / outputs, outputs);
        let sum = 0;
        for (let j = 0; j < outputs; j++) sum += Math.exp(out[at + j] - out[at + best]);
        return mixed(ink("paper"), ink(`class${best % 8}`), 0.12 + 0.5 * Math.max(0, (1 / sum - 1 / outputs) / (1 - 1 / outputs)));
      }
      if (!binary) return colour(out[at] - level.mean, level.reach);
      const p = 1 / (1 + Math.exp(-out[at]));
      return mixed(ink("paper"), ink(`class${p > 0.5 ? 1 : 0}`), 0.12 + 0.5 * Math.abs(2 * p - 1));
    });
    c.imageSmoothingEnabled = true;
    c.imageSmoothingQuality = "high";
    c.drawImage(small, 0, 0, wide, high);
    const batch = new Set(app.look.rows), step = Math.max(1, Math.floor(about.rows / POINTS));
    const dot = (i, r) => { c.beginPath(); c.arc(...this.place(i, wide, high), r, 0, 7); };
    const inner = i => about.classes ? css(ink(`class${this.truth(i) % 8}`)) : binary ? css(ink(`class${y[i] > 0.5 ? 1 : 0}`)) : css(colour(y[i * each] - level.mean, level.reach));
    for (let i = 0; i < about.rows; i += step) {
      if (batch.has(i)) continue;
      dot(i, 2.9); c.fillStyle = inner(i); c.fill(); c.lineWidth = 1; c.strokeStyle = css(ink("paper")); c.stroke();
    }
    for (const i of app.look.rows) { dot(i, 4.2); c.fillStyle = inner(i); c.fill(); c.lineWidth = 1.6; c.strokeStyle = css(ink("text")); c.stroke(); }
    const one = app.look.rows[app.sample];
    dot(one, 8); c.lineWidth = 2; c.strokeStyle = css(ink("text")); c.stroke();
  }

  level() {
    if (!this.found) {
      const y = this.app.data[this.app.about.target], mean = y.reduce((a, b) => a + b, 0) / y.length;
      this.found = {mean, reach: reachOf(y.map(v => v - mean))};
    }
    return this.found;
  }

  place(i, wide, high) {
    const {x, width, axes, low, high: top} = this;
    return axes.map((k, axis) => { const share = (x[i * width + k] - low[k]) / (top[k] - low[k]); return axis ? high * (1 - share) : wide * share; });
  }

  /** Predictions over the only input. */
  curve(c, wide, high) {
    const {app, out, outputs, x, low, high: top} = this, {about} = app, G = about.grid, y = app.data[about.target];
    let least = Math.min(...y), most = Math.max(...y);
    const pad = 0.12 * (most - least) || 1;
    least -= pad; most += pad;
    const across = v => (v - low[0]) / (top[0] - low[0]) * wide, up = v => high - (v - least) / (most - least) * high;
    c.fillStyle = css(ink("class0"), 0.55);
    const step = Math.max(1, Math.floor(about.rows / POINTS));
    for (let i = 0; i < about.rows; i += step) { c.beginPath(); c.arc(across(x[i]), up(y[i * y.length / about.rows]), 2.6, 0, 7); c.fill(); }
    c.beginPath();
    for (let k = 0; k < G; k++) c[k ? "lineTo" : "moveTo"](across(low[0] + (top[0] - low[0]) * k / (G - 1)), up(out[k * outputs]));
    c.lineWidth = 3; c.strokeStyle = css(ink("class1")); c.stroke();
  }

  /** The sample in view, as a picture or a line, and the network's outputs for it. */
  sample(words) {
    const {app, canvas} = this, {about, look, symbols} = app, a = look.read(about.input), shape = a.shape.slice(1);
    const each = a.numbers.length / a.shape[0], at = app.sample * each, channels = shape[shape.length - 1];
    const [rows, columns] = shape.length >= 3 ? [shape[0], shape[1]] : shape.length === 2 ? [shape[1], shape[0]] : [1, shape[0] || 1];
    const get = shape.length >= 3 ? (r, c) => a.numbers[at + (r * columns + c) * channels] : (r, c) => a.numbers[at + (shape.length === 2 ? c * rows + r : c)];
    picture(canvas, rows, columns, get, reachOf(a.numbers));
    const size = Math.min(180 / rows, Math.min(canvas.parentElement.clientWidth, 340) / columns);
    canvas.style.width = `${columns * size}px`; canvas.style.height = `${Math.max(rows * size, 24)}px`;
    const z = look.read(about.output), k = z.shape[z.shape.length - 1] || 1, out = Array.from(z.numbers.subarray(app.sample * k, (app.sample + 1) * k), Number);
    const top = Math.max(...out), sum = out.reduce((s, v) => s + Math.exp(v - top), 0);
    const shares = about.classes ? out.map(v => Math.exp(v - top) / sum) : about.loss === "binary_cross_entropy" ? out.map(v => 1 / (1 + Math.exp(-v))) : null;
    const row = look.rows[app.sample], truth = this.truth(row), name = c => symbols.called(about.columns.length - 1, c);
    const told = about.classes ? name(truth) : show(Number(truth));
    this.bars.replaceChildren(...out.slice(0, 12).map((v, c) => {
      const share = shares ? shares[c] : Math.min(1, Math.abs(v) / (Math.abs(top) || 1)), bar = make("i", {});
      bar.style.width = `${100 * share}%`;
      return make("p", {class: about.classes && c === truth ? "bar right" : "bar"}, make("span", {}, name(c)), make("span", {class: "track"}, bar), make("span", {class: "number"}, shares ? `${(100 * share).toFixed(1)} %` : show(v)));
    }));
    canvas.setAttribute("aria-label", say("sampleLabel", {k: app.sample, truth: say("truth", {truth: told}), answer: out.slice(0, 12).map(show).join(", ")}));
    this.legend.replaceChildren(say("truth", {truth: told}), words ? ` · ${words}` : "");
  }
}
