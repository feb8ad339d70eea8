// Curves that people can point at, walk along with keys, read as a table, and hear.

import { outline, scale, through, ticks } from "../../drawing/page/scales.js";
import { h, keepPicture, s, short, small, table } from "./dom.js";
import { csv, keep } from "./files.js";
import { t } from "./words.js";

const W = 900, H = 300, LEFT = 62, RIGHT = 14, TOP = 14, BOTTOM = 34;

/** @typedef {{label: string, ink: string, values: ArrayLike<number>, first?: number}} Line values by step; first: the step of values[0] */

/**
 * A chart of lines over steps. `put` draws again; `mark` says which step is open.
 * @param {{label: string, unit: string, pick?: (step: number) => void, zero?: boolean}} about
 */
export function chart(about) {
  const svg = s("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": about.label });
  const cursor = s("g", { class: "cursor" });
  const drawn = s("g");
  svg.append(drawn, cursor);
  const slider = h("div", { class: "plot", tabindex: 0, role: "slider", "aria-label": about.label, "aria-valuemin": 0,
    "aria-valuemax": 0, "aria-valuenow": 0 }, svg);
  const sentence = h("p", { class: "note" });
  const tip = h("p", { class: "tip", "aria-hidden": "true" });
  const rows = h("div");
  const more = h("details", { ontoggle: () => tabulate() }, h("summary", null, t("as_table")), rows);
  const sound = h("button", { type: "button", class: "quiet", onclick: () => hear() }, t("listen"));
  const root = h("figure", { class: "chart" }, slider, h("figcaption", null, tip, sentence, h("div", { class: "row" }, more, h("span", null, keepPicture(about.label, () => svg), small(t("as_csv"), about.label, () => keep(about.label, "csv", csv(cells()), "text/csv")), sound))));
  /** @type {Line[]} */
  let lines = [];
  let first = 1, last = 1, at = 0, marked = 0;
  let x = scale(first, last, LEFT, W - RIGHT), y = scale(0, 1, H - BOTTOM, TOP);
  const value = (/** @type {Line} */ line, /** @type {number} */ step) => line.values[step - (line.first ?? 1)];

  /** @param {Line[]} given @param {string} says */
  function put(given, says) {
    lines = given.filter((line) => line.values.length);
    sentence.textContent = says;
    drawn.replaceChildren();
    if (!lines.length) return;
    first = Math.min(...lines.map((line) => line.first ?? 1));
    last = Math.max(...lines.map((line) => (line.first ?? 1) + line.values.length - 1));
    let least = Infinity, most = -Infinity, positive = Infinity;
    for (const line of lines) for (let k = 0; k < line.values.length; k++) {
      const v = line.values[k];
      if (!Number.isFinite(v)) continue;
      if (v < least) least = v;
      if (v > most) most = v;
      if (v > 0 && v < positive) positive = v;
    }
    if (least > most) return;
    const log = !about.zero && least > 0 && most > 30 * least;
    const air = log ? (most / least) ** 0.06 : (most - least || Math.abs(most) || 1) * 0.06;
    x = scale(first, last, LEFT, W - RIGHT);
    y = log ? scale(least / air, most * air, H - BOTTOM, TOP, true) : scale(least - air, most + air, H - BOTTOM, TOP);
    for (const tick of ticks(y, 5)) {
      drawn.append(s("line", { class: "grid", x1: LEFT, x2: W - RIGHT, y1: y(tick), y2: y(tick) }),
        s("text", { x: LEFT - 8, y: y(tick) + 4, "text-anchor": "end" }, short(tick)));
    }
    for (const tick of ticks(x, 5).filter(Number.isInteger)) {
      drawn.append(s("text", { x: x(tick), y: H - 12, "text-anchor": x(tick) > W - 40 ? "end" : "middle" }, tick.toLocaleString("en")));
    }
    for (const line of lines) drawn.append(s("path", { class: `line ${line.ink}`, d: path(line) }));
    slider.setAttribute("aria-valuemin", String(first));
    slider.setAttribute("aria-valuemax", String(last));
    if (!at || at > last) at = last;
    slider.setAttribute("aria-valuenow", String(at));
    slider.setAttribute("aria-valuetext", told(at));
    point();
    if (more.open) tabulate();
  }

  /** @param {Line} line */
  const path = (line) => through(outline(line.values, W - LEFT - RIGHT).map((k) => {
    const v = line.values[k];
    return Number.isFinite(v) && !(y.log && v <= 0) ? [x((line.first ?? 1) + k), y(v)] : null;
  }));

  function told(/** @type {number} */ step) {
    const parts = lines.filter((line) => value(line, step) !== undefined).map((line) => `${line.label} ${short(value(line, step))}`);
    return `${t("step")} ${step.toLocaleString("en")}: ${parts.join(", ")}`;
  }

  function point() {
    cursor.replaceChildren();
    for (const [step, kind] of [[marked, "open"], [at, "here"]]) {
      if (!step || !lines.length || Number(step) < first || Number(step) > last) continue;
      cursor.append(s("line", { class: kind, x1: x(Number(step)), x2: x(Number(step)), y1: TOP, y2: H - BOTTOM }));
      for (const line of lines) {
        const v = value(line, Number(step));
        if (Number.isFinite(v) && !(y.log && v <= 0)) cursor.append(s("circle", { class: `dot ${line.ink} ${kind}`, cx: x(Number(step)), cy: y(v), r: 5 }));
      }
    }
    tip.textContent = lines.length && at ? told(at) : "";
  }

  /** @param {number} step */
  function move(step) {
    at = Math.max(first, Math.min(last, Math.round(step)));
    slider.setAttribute("aria-valuenow", String(at));
    slider.setAttribute("aria-valuetext", told(at));
    point();
  }

  const under = (/** @type {PointerEvent | MouseEvent} */ event) => {
    const box = svg.getBoundingClientRect();
    return first + ((event.clientX - box.left) / box.width * W - LEFT) / (W - LEFT - RIGHT) * (last - first);
  };
  svg.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => lines.length && move(under(event)));
  svg.addEventListener("click", (/** @type {MouseEvent} */ event) => {
    if (lines.length && about.pick) { move(under(event)); about.pick(at); }
  });
  slider.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const far = Math.max(1, Math.round((last - first) / 20));
    /** @type {Record<string, number>} */
    const to = { ArrowRight: at + 1, ArrowUp: at + 1, ArrowLeft: at - 1, ArrowDown: at - 1, PageUp: at + far, PageDown: at - far, Home: first, End: last };
    if (event.key in to && lines.length) { move(to[event.key]); event.preventDefault(); }
    if (event.key === "Enter" && lines.length && about.pick) { about.pick(at); event.preventDefault(); }
  });

  function tabulate() {
    if (!more.open || !lines.length) return;
    const count = Math.min(last - first + 1, 25);
    const steps = [...new Set(Array.from({ length: count }, (_, k) => Math.round(first + k * (last - first) / Math.max(1, count - 1))))];
    rows.replaceChildren(table(about.label, [t("step"), ...lines.map((line) => line.label)],
      steps.map((step) => [step, ...lines.map((line) => value(line, step))])));
  }

  /** Every number of the chart, a row for each step. */
  function cells() {
    const rows = /** @type {any[][]} */ ([["step", ...lines.map((line) => line.label)]]);
    for (let step = first; step <= last; step++) rows.push([step, ...lines.map((line) => value(line, step))]);
    return rows;
  }

  /** The first line as a tone that rises and falls with it, three seconds long. */
  function hear() {
    if (!lines.length) return;
    const sound_ = new AudioContext(), tone = sound_.createOscillator(), loud = sound_.createGain(), n = lines[0].values.length;
    const pitch = new Float32Array(120).map((_, k) => {
      const v = lines[0].values[Math.min(n - 1, Math.floor(k * n / 120))];
      const part = (H - BOTTOM - y(v)) / (H - TOP - BOTTOM);
      return 180 * 2 ** (2.5 * (Number.isFinite(part) ? part : 0));
    });
    tone.frequency.setValueCurveAtTime(pitch, sound_.currentTime, 3);
    loud.gain.value = 0.08;
    tone.connect(loud).connect(sound_.destination);
    tone.start();
    tone.stop(sound_.currentTime + 3);
    tone.onended = () => sound_.close();
  }

  return { root, put, mark(/** @type {number} */ step) { marked = step; if (step) at = step; point(); }, get at() { return at; } };
}
