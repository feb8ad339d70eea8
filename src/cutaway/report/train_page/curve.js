// The loss by step, of every future, beside that of the run in Python. A click goes to that step.
import {make} from "../../drawing/page/elements.js";
import {show} from "../../drawing/page/numbers.js";
import {css, ink} from "../../drawing/page/colours.js";
import {outline, scale, ticks} from "../../drawing/page/scales.js";
import {say} from "./words.js";

const LEFT = 46, BOTTOM = 22, TOP = 8, RIGHT = 8, SHOWN = 64;

export class CurveView {
  constructor(app, section) {
    this.app = app;
    this.canvas = make("canvas", {class: "curve", role: "img", click: event => this.go(event)});
    this.numbers = make("details", {}, make("summary", {}, say("numbers")));
    this.numbers.addEventListener("toggle", () => this.table());
    section.append(make("h2", {}, say("curve")), this.canvas, this.legend = make("p", {class: "note"}), this.numbers);
  }

  get last() { return Math.max(10, ...this.app.timelines.map(t => t.head), Math.min(this.app.about.curve.length ? this.app.about.curve[this.app.about.curve.length - 1][0] : 0, 4 * Math.max(50, ...this.app.timelines.map(t => t.head)))); }

  draw() {
    const {app, canvas} = this, wide = canvas.parentElement.clientWidth, high = 190, fine = Math.min(devicePixelRatio || 1, 2);
    canvas.style.width = `${wide}px`; canvas.style.height = `${high}px`;
    canvas.width = wide * fine; canvas.height = high * fine;
    const c = canvas.getContext("2d"), last = this.last, every = app.timelines.map(t => t.losses.slice(0, t.head));
    c.scale(fine, fine);
    let least = Infinity, most = 0;
    const take = J => { if (J > 0 && J < least) least = J; if (J > most && Number.isFinite(J)) most = J; };
    for (const losses of every) for (let k = 0; k < losses.length; k += Math.max(1, losses.length >> 10)) take(losses[k]);
    for (const [, J] of app.about.curve) take(J);
    take(app.look.J);
    if (!(least < Infinity)) { least = 0.1; most = 1; }
    const log = most > 20 * least;
    if (log) { least /= 1.2; most *= 1.2; } else { least = 0; most = 1.06 * most || 1; }
    const upward = scale(least, most, high - BOTTOM, TOP, log), up = J => upward(log ? Math.max(J, least) : J);
    const across = this.across = scale(0, last, LEFT, wide - RIGHT);
    c.font = "11px system-ui,sans-serif"; c.fillStyle = css(ink("faint")); c.lineWidth = 1;
    for (const v of ticks(upward, 5)) {
      c.strokeStyle = css(ink("rule"));
      c.beginPath(); c.moveTo(LEFT, up(v)); c.lineTo(wide - RIGHT, up(v)); c.stroke();
      c.textAlign = "right"; c.fillText(show(v), LEFT - 6, up(v) + 4);
    }
    for (const v of ticks(across, 5)) { c.textAlign = v ? "center" : "left"; c.fillText(v === 0 ? "0" : v.toLocaleString("en"), Math.min(across(v), wide - 18), high - 6); }
    const path = (points, rgb, width, opacity, dash = []) => {
      c.beginPath(); c.setLineDash(dash); c.lineWidth = width; c.strokeStyle = css(rgb, opacity); c.lineJoin = "round";
      points.forEach(([step, J], k) => c[k ? "lineTo" : "moveTo"](across(step), up(J)));
      c.stroke(); c.setLineDash([]);
    };
    path(app.about.curve.filter(([step]) => step <= last), ink("faint"), 1.2, 0.8, [2, 3]);
    const window_ = this.window = Math.max(1, Math.round(last / 60));
    every.forEach((losses, k) => {
      const own = app.timelines[k] === app.active, rgb = ink(`run${k % 4}`);
      path(outline(losses, 700).map(k => [k + 1, losses[k]]), rgb, 1, own ? 0.35 : 0.18);
      path(smooth(losses, window_), rgb, own ? 2.6 : 1.8, own ? 1 : 0.8, [[], [7, 3], [2, 3], [9, 3, 2, 3]][k % 4]);
    });
    c.strokeStyle = css(ink("text"), 0.5); c.beginPath(); c.moveTo(across(app.active.at), TOP); c.lineTo(across(app.active.at), high - BOTTOM); c.stroke();
    const J = app.active.losses[app.active.at - 1];
    const words = app.active.at ? app.timelines.map(t => say("curveWords", {name: app.nameOf(t), step: t.at, J: show(t.losses[t.at - 1])})).join("; ") : say("noStep");
    canvas.setAttribute("aria-label", say("curveLabel", {words}));
    this.legend.replaceChildren(...app.timelines.map((t, k) => make("span", {class: "key"}, make("i", {class: `run r${k % 4}`}), app.nameOf(t), " ")),
      app.about.curve.length ? make("span", {class: "key"}, make("i", {class: "run ghost"}), say("ghost")) : "");
    if (this.numbers.open) this.table();
    return J;
  }

  /** The numbers behind the line, as exactly as they are. */
  table() {
    if (!this.numbers.open) return;
    const {app} = this, from = Math.max(0, app.active.at - SHOWN);
    const head = make("tr", {}, make("th", {scope: "col"}, say("step")), app.timelines.map(t => make("th", {scope: "col"}, app.nameOf(t))));
    const rows = Array.from({length: app.active.at - from}, (_, k) => make("tr", {}, make("th", {scope: "row"}, String(from + k + 1)),
      app.timelines.map(t => make("td", {}, t.losses[from + k] === undefined ? "" : String(t.losses[from + k])))));
    const made = make("div", {class: "wide", tabindex: "0", role: "group", "aria-label": say("table")}, make("table", {}, make("caption", {}, say("table")), make("thead", {}, head), make("tbody", {}, rows)));
    if (this.numbers.children.length > 1) this.numbers.lastChild.replaceWith(made); else this.numbers.append(made);
  }

  go(event) {
    const box = this.canvas.getBoundingClientRect(), share = (event.clientX - box.left - LEFT) / (box.width - LEFT - RIGHT);
    this.app.play(false);
    this.app.go(Math.max(0, Math.min(this.app.active.head, Math.round(share * this.last))));
  }
}

/** Means of some steps each. */
function smooth(losses, window_) {
  const found = [];
  for (let k = 0; k < losses.length; k += window_) {
    const part = losses.slice(k, k + window_);
    found.push([k + (part.length + 1) / 2, part.reduce((a, b) => a + b, 0) / part.length]);
  }
  return found;
}
