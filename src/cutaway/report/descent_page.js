// Plays the paths of a descent. Every number stands in the page; what is worked out here are only places on the screen.
import {$, make} from "../drawing/page/elements.js";
import {filled} from "../drawing/page/equations.js";
import {show, tick} from "../drawing/page/numbers.js";
import {scale, through, ticks} from "../drawing/page/scales.js";
import {onKeys, showPlaying} from "../drawing/page/stepping.js";
import {page} from "./scripted.js";

const paths = page.paths, last = Math.max(...paths.map(p => p.points.length - 1));
const AXES = ["x", "y"], MOST_DOTS = 400;  // a dot for each step, unless there are more
const SHAPES = [  // as the lab's figures have them: a circle, a square, triangles, a diamond, a star, a plus, a cross
  "M0-6a6 6 0 1 0 .01 0z", "M-5.4-5.4H5.4V5.4H-5.4z", "M0-7 6.6 5.4H-6.6z", "M0-7.4 5.6 0 0 7.4-5.6 0z", "M0 7 6.6-5.4H-6.6z",
  "M0-7.6 2 -2.6 7.3-2.3 3.2 1 4.5 6.2 0 3.3-4.5 6.2-3.2 1-7.3-2.3-2-2.6z", "M-2.3-6.6H2.3V-2.3H6.6V2.3H2.3V6.6H-2.3V2.3H-6.6V-2.3H-2.3z",
  "M-3.4-6.6 0-3.2 3.4-6.6 6.6-3.4 3.2 0 6.6 3.4 3.4 6.6 0 3.2-3.4 6.6-6.6 3.4-3.2 0-6.6-3.4z"];

let at = 0;                            // the step on show: points[at], and the update that led there
let chosen = 0;                        // the optimizer whose numbers are shown
const hidden = new Set();
let playing = null;                    // {since, from} while it plays
let drawn = [];                        // what follows the step: functions of nothing

const look = k => `k${k % 8}`;
const end = p => Math.min(at, p.points.length - 1);
const icon = k => make("svg", {class: `icon ${look(k)}`, viewBox: "-22 -9 44 18", "aria-hidden": "true"}, make("path", {class: "trail", d: "M-22 0H22"}), make("path", {class: "ball", d: SHAPES[k % 8]}));

// ---- the map --------------------------------------------------------------------------------------------------------

function map() {
  const room = $("map").clientWidth, left = 42, bottom = 34, top = 6, right = 8;
  const tall = clip(innerHeight - 370, 280, 640);  // with the optimizers below on one screen
  const width = Math.max(200, Math.min(room - left - right, tall * page.aspect)), height = width / page.aspect;
  const [[x0, x1], [y0, y1]] = page.bounds, X = scale(x0, x1, 0, width), Y = scale(y0, y1, height, 0);
  const svg = make("svg", {viewBox: `${-left} ${-top} ${width + left + right} ${height + top + bottom}`, width: width + left + right, height: height + top + bottom,
    role: "img", "aria-label": "Lines of equal loss J over x and y, and the way of each optimizer so far"});
  const n = page.contours.length;
  svg.append(make("rect", {class: "ground", width, height}),
    make("g", {transform: `scale(${width / page.units} ${height / page.units})`}, page.contours.map((c, k) => {
      const area = make("path", {class: "below", d: c.shape, "fill-rule": "evenodd"});
      area.style.setProperty("--share", (1 - (k + 1) / n) ** 1.2);
      return area;
    })));
  const inside = make("svg", {width, height, viewBox: `0 0 ${width} ${height}`, overflow: "hidden"});
  const minima = page.minima.map(([x, y]) => make("path", {class: "minimum", transform: `translate(${X(x)} ${Y(y)})`, d: "M-6 0H6M0-6V6"}, make("title", {}, "minimum")));
  const balls = make("g", {});
  for (const value of ticks(X, 7)) svg.append(make("path", {class: "grid", d: `M${X(value)} ${height}v5`}), make("text", {x: X(value), y: height + 18, "text-anchor": "middle"}, tick(value)));
  for (const value of ticks(Y, 6)) svg.append(make("path", {class: "grid", d: `M0 ${Y(value)}h-5`}), make("text", {x: -8, y: Y(value) + 4, "text-anchor": "end"}, tick(value)));
  svg.append(make("text", {class: "name", x: width, y: height + 32, "text-anchor": "end"}, "x"), make("text", {class: "name", x: -left + 10, y: 10, "text-anchor": "middle"}, "y"),
    levels(X, Y), inside, make("rect", {class: "frame", width, height}), balls);
  inside.append(...minima);
  $("map").replaceChildren(svg);
  paths.forEach((p, k) => {
    const pixels = p.points.map(([x, y]) => x === null || y === null ? null : [clip(X(x), -9 * width, 10 * width), clip(Y(y), -9 * height, 10 * height)]);
    const casing = make("path", {class: "casing"}), trail = make("path", {class: "trail"}), dots = make("path", {class: "dots"});
    const group = make("g", {class: look(k)}, casing, trail, dots), ball = make("path", {class: `ball ${look(k)}`, d: SHAPES[k % 8]});
    inside.append(group);
    balls.append(ball);
    drawn.push(() => {
      const here = pixels.slice(0, end(p) + 1), way = through(here);
      for (const node of [group, ball]) node.setAttribute("visibility", hidden.has(k) ? "hidden" : "visible");
      casing.setAttribute("d", way); trail.setAttribute("d", way);
      if (pixels.length <= MOST_DOTS) dots.setAttribute("d", here.map(q => q ? `M${q[0].toFixed(1)} ${q[1].toFixed(1)}h0` : "").join(""));
      const [x, y] = here.findLast(q => q) || [0, 0], near = [clip(x, 0, width), clip(y, 0, height)];
      ball.setAttribute("transform", `translate(${near.map(v => v.toFixed(1)).join(" ")})${k === chosen ? " scale(1.3)" : ""}`);
      if (k === chosen) balls.append(ball);
      ball.classList.toggle("beyond", near[0] !== x || near[1] !== y);
    });
  });
}

const clip = (v, low, high) => Math.min(Math.max(v, low), high);

/** The name of each line, where there is room: away from the other names, the edges and the start. */
function levels(X, Y) {
  const width = X(X.high), height = Y(Y.low), pixel = ([x, y]) => [x / page.units * width, y / page.units * height];
  const taken = [[X(paths[0].points[0][0]), Y(paths[0].points[0][1])], ...page.minima.map(([x, y]) => [X(x), Y(y)])];
  const names = make("g", {class: "levels", "aria-hidden": "true"});
  const apart = ([x, y]) => Math.min(...taken.map(([a, b]) => Math.hypot(x - a, 1.6 * (y - b))), 1.2 * x, 1.2 * (width - x), 2 * y, 2 * (height - y));
  for (const {name, edge} of page.contours) {
    const [best, free] = edge.map(pixel).map(p => [p, apart(p)]).reduce((a, b) => b[1] > a[1] ? b : a);
    if (free < 32) continue;
    taken.push(best);
    names.append(make("text", {x: best[0], y: best[1] + 4, "text-anchor": "middle"}, name.replace("-", "−")));
  }
  return names;
}

// ---- the charts -----------------------------------------------------------------------------------------------------

/** A small chart over the steps. lines: {values, from (the step of the first), look}; say: the current numbers as text. */
function chart(title, lines, log, say) {
  const words = make("span", {class: "said"}), box = make("figure", {class: "chart"}, make("figcaption", {}, title, words));
  $("charts").append(box);
  const all = lines.flatMap(l => l.values).filter(v => v !== null && (!log || v > 0));
  let low = Math.min(...all), high = Math.max(...all);
  if (!all.length) [low, high] = log ? [0.1, 1] : [0, 1];
  if (log) { low = Math.max(low, high * 1e-14); if (high / low < 1.5) { low /= 3; high *= 3; } }
  else { const air = (high - low) * 0.06 || Math.abs(high) * 0.1 || 1; low -= air; high += air; }
  const width = Math.max(180, box.clientWidth), height = 94, left = 46, bottom = 18;
  const X = scale(0, Math.max(1, last), left, width - 8), Y = scale(low, high, height - bottom, 6, log);
  const svg = make("svg", {viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": `${title.textContent}, over the steps${log ? ", by its logarithm" : ""}`});
  for (const value of ticks(Y, 3)) svg.append(make("path", {class: value === 0 ? "grid zero" : "grid", d: `M${left} ${Y(value)}H${width - 8}`}), make("text", {x: left - 5, y: Y(value) + 4, "text-anchor": "end"}, tick(value)));
  for (const value of ticks(X, 4)) svg.append(make("text", {x: X(value), y: height - 3, "text-anchor": X(value) > width - 20 ? "end" : "middle"}, tick(value)));
  const cursor = make("path", {class: "cursor"});
  svg.append(cursor);
  const dots = lines.map(l => {
    const pixel = (v, k) => v === null || (log && v <= 0) ? null : [X(k + l.from), Y(clip(v, low, high))];
    svg.append(make("path", {class: `line ${l.look}`, d: through(l.values.map(pixel))}));
    const dot = make("circle", {class: `dot ${l.look}`, r: 3.4});
    return [dot, () => pixel(l.values[Math.min(at - l.from, l.values.length - 1)] ?? null, Math.min(at - l.from, l.values.length - 1))];
  });
  svg.append(...dots.map(([dot]) => dot));
  box.append(svg);
  drawn.push(() => {
    cursor.setAttribute("d", `M${X(at)} 4V${height - bottom}`);
    for (const [dot, place] of dots) {
      const p = place();
      dot.setAttribute("visibility", p ? "visible" : "hidden");
      if (p) { dot.setAttribute("cx", p[0]); dot.setAttribute("cy", p[1]); }
    }
    words.replaceChildren(...say());
  });
}

function charts() {
  const p = paths[chosen], own = look(chosen);
  const shown = paths.map((q, k) => [q, k]).filter(([, k]) => !hidden.has(k) || k === chosen);
  const losses = shown.flatMap(([q]) => q.loss).filter(v => v !== null), least = Math.min(...losses);
  const steep = least >= 0 && Math.max(...losses) > 30 * least, most = steep ? 1e3 * p.loss[0] : Infinity;  // of one that flies off
  const of = (symbol, words) => make("span", {}, make("b", {class: "math"}, symbol), ` ${words}`);
  const pair = values => values.length ? ["", "y"].map((way, axis) => ({values: values.map(v => v[axis]), from: 1, look: `${own} ${way}`})) : [];
  const both = values => () => AXES.map((axis, k) => make("span", {}, make("i", {class: `key ${own} ${k ? "y" : ""}`, "aria-hidden": "true"}), ` ${axis} ${number(values[Math.min(at, values.length) - 1]?.[k])}`));
  $("charts").replaceChildren(make("h2", {}, icon(chosen), " ", p.name, " ", make("small", {}, p.optimizer)));
  chart(of("J", "loss"), shown.map(([q, k]) => ({values: q.loss.map(v => v === null ? null : Math.min(v, most)), from: 0, look: `${look(k)} own ${k === chosen ? "strong" : ""}`})), steep, () => [make("span", {}, number(p.loss[end(p)]))]);
  chart(of("g", "gradient"), pair(p.series.g), false, both(p.series.g));
  for (const c of p.charts) chart(of(c.of, c.words), pair(p.series[c.of]), c.log, both(p.series[c.of]));
  chart(make("span", {}, "effective learning rate"), pair(p.rate), true, both(p.rate));
}

const number = v => v === null || v === undefined ? "–" : show(v);

// ---- the optimizers -------------------------------------------------------------------------------------------------

function runs() {
  const rows = paths.map((p, k) => {
    const cells = ["J", ...AXES].map(() => make("td", {})), note = make("td", {class: "l note"});
    drawn.push(() => {
      const values = [p.loss[end(p)], ...p.points[end(p)]];
      cells.forEach((cell, i) => cell.textContent = number(values[i]));
      note.textContent = at >= p.points.length - 1 && p.ended ? "ended" : beyond(p.points[end(p)]) ? "off the map" : "";
    });
    const shown = make("input", {type: "checkbox", checked: !hidden.has(k), "aria-label": `Show ${p.name}`, change: event => { hidden[event.target.checked ? "delete" : "add"](k); draw(); }});
    const chose = make("input", {type: "radio", name: "chosen", checked: k === chosen, change: () => { chosen = k; draw(); }});
    return make("tr", {class: k === chosen ? "mine" : null}, make("td", {class: "l"}, shown), make("th", {scope: "row", class: "l"}, make("label", {}, chose, icon(k), p.name)), cells, note);
  });
  const caption = make("caption", {});
  drawn.push(() => caption.textContent = `After step ${at} of ${last}`);
  const held = document.activeElement?.closest("#runs input"), which = held ? [...$("runs").querySelectorAll("input")].indexOf(held) : -1;
  $("runs").replaceChildren(make("div", {class: "wide", tabindex: "0", role: "group", "aria-label": "Where each optimizer stands"}, make("table", {}, caption,
    make("thead", {}, make("tr", {}, make("th", {scope: "col", class: "l"}, "show"), make("th", {scope: "col", class: "l"}, "optimizer"),
      ["J", ...AXES].map(h => make("th", {scope: "col"}, h)), make("td", {}))), make("tbody", {}, rows))),
    ...paths.filter(p => p.ended).map(p => make("p", {class: "note"}, `${p.name} ended: ${p.ended}.`)));
  if (held) $("runs").querySelectorAll("input")[which].focus();
}

const beyond = point => point.some((v, axis) => v === null || v < page.bounds[axis][0] || v > page.bounds[axis][1]);

// ---- the update in numbers ------------------------------------------------------------------------------------------

function update() {
  const p = paths[chosen], box = make("div", {class: "lines"}), head = make("p", {class: "note"});
  $("update").replaceChildren(make("h2", {}, "The update in numbers"), head, box);
  /** What a symbol stands for in step t; an equation's own symbol is still the old one. */
  const value = (symbol, gives, t, axis) => symbol === "θ" ? p.points[t - 1][axis]
    : p.series[symbol] ? symbol === gives ? (t > 1 ? p.series[symbol][t - 2][axis] : p.starts[symbol][axis]) : p.series[symbol][t - 1][axis]
    : Array.isArray(p.settings[symbol]) ? p.settings[symbol][t - 1] : p.settings[symbol];
  const result = (gives, t, axis) => gives === "θ" ? p.points[t][axis] : p.series[gives][t - 1][axis];
  const numbersIn = (pieces, gives, t, axis) => filled(pieces, Object.fromEntries([...pieces.map(symbol => [symbol, value(symbol, gives, t, axis)]), ["t", t]]), number)
    .map(part => part.raised ? make("sup", {}, part.raised) : part);
  // what no equation gives is shown all the same, as a number
  const missing = [...p.charts.map(c => c.of), "θ"].filter(symbol => !p.equations.some(([gives]) => gives === symbol));
  const lines = [["g", p.prepared.length ? null : `∇J(θ)${page.noise ? " of the step's rows" : ""}`, null], ...p.equations, ...missing.map(symbol => [symbol, null, null])];
  for (const [gives, text, pieces] of lines) {
    const numbers = AXES.map(() => make("span", {class: "numbers"}));
    const arrow = /[\u0302]/.test(gives) || gives === "g" ? "=" : "←";
    box.append(make("div", {class: "equation"}, make("span", {class: "math"}, text === null ? gives : `${gives} ${arrow} ${text}`.replaceAll("-", "−")), ...AXES.map((axis, k) => make("p", {}, make("b", {}, axis), numbers[k]))));
    drawn.push(() => AXES.forEach((_, axis) => {
      const t = end(p);
      numbers[axis].replaceChildren(...t === 0 ? ["–"] : pieces ? [...numbersIn(pieces, gives, t, axis), " = ", make("b", {}, number(result(gives, t, axis)))] : [make("b", {}, number(result(gives, t, axis)))]);
    }));
  }
  const after = p.prepared.length ? ` g is what ${p.prepared.join(", ")} made of the gradient.` : "";
  drawn.push(() => head.textContent = end(p) === 0 ? `${p.name} stands at the start${Object.values(p.starts).flat().some(v => v) ? "" : ": its state is zero"}.${after}`
    : `Step ${end(p)} of ${p.name}, in each of the two parameters, θ = (x, y).${at > end(p) ? " It was its last." : ""}${after}`);
}

// ---- stepping -------------------------------------------------------------------------------------------------------

/** Everything anew: for another optimizer, another size. */
function draw() {
  drawn = [];
  map(); charts(); runs(); update();
  go(at);
}

function go(step) {
  at = clip(step, 0, last);
  for (const follow of drawn) follow();
  $("slider").value = at;
  $("slider").setAttribute("aria-valuetext", `step ${at} of ${last}`);
  $("where").textContent = `Step ${at} of ${last}`;
  for (const [id, stop] of Object.entries({first: 0, back: 0, next: last, last})) $(id).setAttribute("aria-disabled", String(at === stop));
  const p = paths[chosen];
  if (!playing) $("said").textContent = `Step ${at} of ${last}. ${p.name}: x ${number(p.points[end(p)][0])}, y ${number(p.points[end(p)][1])}, J ${number(p.loss[end(p)])}.`;
}

function play(on) {
  const was = playing !== null;
  playing = on ? {since: performance.now(), from: at === last ? 0 : at} : null;
  showPlaying($("play"), on, on ? "Pause" : "Play");
  if (playing) { go(playing.from); if (!was) requestAnimationFrame(frame); }
}

function frame(now) {
  if (!playing) return;
  const step = playing.from + Math.floor((now - playing.since) / 1000 * Number($("speed").value));
  if (step >= last) { play(false); go(last); return; }
  if (step > at) go(step);
  requestAnimationFrame(frame);
}

const ACTIONS = {first: () => go(0), back: () => go(at - 1), next: () => go(at + 1), last: () => go(last), further: () => go(at + 10), "far-back": () => go(at - 10)};
for (const id of ["first", "back", "next", "last"]) $(id).addEventListener("click", () => { play(false); ACTIONS[id](); });
$("play").addEventListener("click", () => play(!playing));
$("slider").addEventListener("input", () => { play(false); go(Number($("slider").value)); });
$("speed").addEventListener("change", () => { if (playing) play(true); });
const KEYS = {ArrowRight: "next", ArrowUp: "next", ArrowLeft: "back", ArrowDown: "back", PageUp: "further", PageDown: "far-back", Home: "first", End: "last"};
onKeys(key => /^[1-9]$/.test(key) && Number(key) <= paths.length ? () => { chosen = Number(key) - 1; draw(); }
  : KEYS[key] && (() => { play(false); ACTIONS[KEYS[key]](); }), () => play(!playing));
let width = innerWidth;
addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; draw(); } });

$("speed").value = matchMedia("(prefers-reduced-motion: reduce)").matches ? 1 : [50, 20, 10, 5, 2, 1].find(s => last / s >= 10) || 2;
draw();
