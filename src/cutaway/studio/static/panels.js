// Pictures of any numbers: lines and points over an axis, and maps of cells with paths on them. Each can be walked
// through with keys, read as a table and taken home; what it shows in a sentence is said by whoever puts it there.

import { scale, ticks } from "../../drawing/page/scales.js";
import { h, keepPicture, s, short, small, table } from "./dom.js";
import { csv, keep } from "./files.js";
import { hear } from "./tone.js";
import { t } from "./words.js";

const INKS = ["a", "b", "c", "d", "e", "f"], SHAPES = ["●", "■", "▲", "◆", "✚", "▼"];

/** @typedef {{label: string, x: number[], y: (number|null)[], dots?: boolean}} Curve */
/** @typedef {{title: string, x: string, y: string, says?: string, curves: Curve[], xlog?: boolean, ylog?: boolean, diagonal?: boolean, zero?: boolean, marks?: [number, string][]}} Lines */
/** @typedef {{title: string, x: string, y: string, says?: string, z: (number|null)[][], across?: number[], up?: number[], columns?: string[], rows?: string[],
 *   scale?: "plain"|"log"|"signed"|"share"|"class", classes?: string[], text?: boolean, contours?: boolean, square?: boolean, what?: string,
 *   paths?: {label: string, points: number[][], told?: string[]}[], points?: number[][]}} Cells */

/** The width of drawings: that of the place where they stand, so that their words stay readable. */
function wide() {
  return matchMedia("(max-width:34rem)").matches ? 340 : 640;
}

/**
 * A figure around a drawing: a cursor that keys move, a sentence, a table, and ways to take it home.
 * @param {string} title @param {any} svg @param {string} says @param {{count: number, tell: (k: number) => string, move: (k: number, key: string) => number, show: (k: number) => void, table: () => HTMLElement, csv: () => string, pick?: (k: number) => void, sound: (k: number) => void, near: (x: number, y: number) => number}} how
 */
function figure(title, svg, says, how) {
  let at = 0;
  const tip = h("p", { class: "tip", "aria-hidden": "true" });
  const place = h("div", { class: "plot", tabindex: 0, role: "slider", "aria-label": title, "aria-valuemin": 0, "aria-valuemax": Math.max(0, how.count - 1), "aria-valuenow": 0, "aria-valuetext": how.tell(0) }, svg);
  const to = (/** @type {number} */ k) => {
    at = Math.max(0, Math.min(how.count - 1, k));
    place.setAttribute("aria-valuenow", String(at));
    place.setAttribute("aria-valuetext", how.tell(at));
    tip.textContent = how.tell(at);
    how.show(at);
  };
  place.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (/^(Arrow|Home|End|Page)/.test(event.key)) { to(how.move(at, event.key)); event.preventDefault(); }
    if (event.key === "Enter" && how.pick) { how.pick(at); event.preventDefault(); }
  });
  const under = (/** @type {PointerEvent | MouseEvent} */ event) => {
    const box = svg.getBoundingClientRect(), view = svg.viewBox.baseVal;
    return how.near((event.clientX - box.left) / box.width * view.width, (event.clientY - box.top) / box.height * view.height);
  };
  svg.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => to(under(event)));
  if (how.pick) svg.addEventListener("click", (/** @type {MouseEvent} */ event) => { to(under(event)); how.pick?.(at); });
  const rows = h("div");
  const more = h("details", { ontoggle: () => { if (more.open && !rows.hasChildNodes()) rows.append(how.table()); } }, h("summary", null, t("as_table")), rows);
  return h("figure", { class: "chart panel" }, h("h3", null, title), place, h("figcaption", null, tip, says ? h("p", { class: "note" }, says) : null,
    h("div", { class: "row" }, more, h("span", null, keepPicture(title, () => svg), small(t("as_csv"), title, () => keep(title, "csv", how.csv(), "text/csv")), small(t("listen"), title, () => how.sound(at))))));
}

/** An axis: places between two ends, on a scale. @param {number} low @param {number} high @param {boolean} log @param {number} from @param {number} to */
function axis(low, high, log, from, to) {
  const made = scale(low, high, from, to, log);
  return Object.assign(made, { ticks: () => ticks(made, 5) });
}

/** @param {any} svg @param {any} x @param {any} y @param {number[]} box @param {{x: string, y: string}} names */
function frame(svg, x, y, [left, top, right, bottom], names) {
  const room = (right - left) / 6;
  let last = -Infinity;
  for (const tick of y.ticks()) svg.append(s("line", { class: "grid", x1: left, x2: right, y1: y(tick), y2: y(tick) }), s("text", { x: left - 6, y: y(tick) + 4, "text-anchor": "end" }, short(tick)));
  for (const tick of x.ticks()) {
    if (x(tick) - last < room * 0.6) continue;
    last = x(tick);
    svg.append(s("text", { x: last, y: bottom + 16, "text-anchor": "middle" }, short(tick)));
  }
  svg.append(s("text", { x: right, y: bottom + 32, "text-anchor": "end", class: "name" }, `${t(names.x)} →`), s("text", { x: 4, y: top - 8, class: "name" }, `↑ ${t(names.y)}`));
}

/** Curves and points over an axis. @param {Lines} given @param {(curve: number, k: number) => void} [pick] */
export function linesPanel(given, pick) {
  const W = wide(), H = Math.round(W * 0.56), box = [58, 26, W - 12, H - 40], svg = s("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": given.title });
  const good = (/** @type {any} */ v, /** @type {any} */ log) => v !== null && Number.isFinite(v) && (!log || v > 0);
  const curves = given.curves.map((c) => ({ ...c, at: c.x.map((v, k) => k).filter((k) => good(c.x[k], given.xlog) && good(c.y[k], given.ylog)) })).filter((c) => c.at.length);
  const xs = curves.flatMap((c) => c.at.map((k) => c.x[k])), ys = curves.flatMap((c) => c.at.map((k) => /** @type {number} */ (c.y[k])));
  if (given.zero) ys.push(0);
  if (given.diagonal) { const all = [...xs, ...ys]; xs.push(...all); ys.push(...all); }
  const ends = (/** @type {number[]} */ all, /** @type {any} */ log) => {
    let low = Infinity, high = -Infinity;
    for (const v of all) { if (v < low) low = v; if (v > high) high = v; }
    if (!all.length) [low, high] = log ? [1, 10] : [0, 1];
    const room = log ? (high / low || 10) ** 0.05 : (high - low || Math.abs(high) || 1) * 0.05;
    return log ? [low / room, high * room] : [low - room, high + room];
  };
  const [xl, xh] = ends(xs, given.xlog), [yl, yh] = ends(ys, given.ylog);
  const x = axis(xl, xh, Boolean(given.xlog), box[0], box[2]), y = axis(yl, yh, Boolean(given.ylog), box[3], box[1]);
  frame(svg, x, y, box, given);
  if (given.diagonal) svg.append(s("line", { class: "ideal", x1: x(Math.max(xl, yl)), y1: y(Math.max(xl, yl)), x2: x(Math.min(xh, yh)), y2: y(Math.min(xh, yh)) }));
  for (const [v, label] of given.marks ?? []) if (v >= xl && v <= xh) svg.append(s("line", { class: "mark", x1: x(v), x2: x(v), y1: box[1], y2: box[3] }), s("text", { x: x(v) + 4, y: box[1] + 10 }, t(label)));
  curves.forEach((c, n) => {
    const ink = INKS[n % INKS.length];
    if (!c.dots) svg.append(s("path", { class: `line ${ink}`, d: c.at.map((k, i) => `${i ? "L" : "M"}${x(c.x[k]).toFixed(1)} ${y(/** @type {number} */ (c.y[k])).toFixed(1)}`).join("") }));
    if (c.dots || c.at.length < 24) for (const k of c.at) svg.append(spot(n, x(c.x[k]), y(/** @type {number} */ (c.y[k])), c.at.length > 200 ? 2 : 3.4));
  });
  const cursor = s("g", { class: "cursor" });
  svg.append(cursor);
  const all = curves.flatMap((c, n) => c.at.map((k) => [n, k])), starts = curves.map((c, n) => all.findIndex(([m]) => m === n));
  const tell = (/** @type {number} */ k) => all.length ? `${t(curves[all[k][0]].label)}: ${t(given.x)} ${short(curves[all[k][0]].x[all[k][1]])}, ${t(given.y)} ${short(curves[all[k][0]].y[all[k][1]])}` : t("nothing_yet");
  const place = (/** @type {number} */ k) => [x(curves[all[k][0]].x[all[k][1]]), y(/** @type {number} */ (curves[all[k][0]].y[all[k][1]]))];
  const legend = curves.length > 1 ? h("p", { class: "legend" }, curves.map((c, n) => h("span", { class: `ink ${INKS[n % INKS.length]}`, dir: "auto" }, `${SHAPES[n % SHAPES.length]} ${t(c.label)}`))) : null;
  const node = figure(given.title, svg, given.says ?? said(given, curves), { count: all.length || 1, tell,
    sound: (k) => { if (all.length) { const c = curves[all[k][0]]; hear(c.at.map((i) => c.y[i]), given.ylog); } },
    show: (k) => { if (all.length) { const [cx, cy] = place(k); cursor.replaceChildren(s("line", { x1: cx, x2: cx, y1: box[1], y2: box[3] }), s("circle", { class: `dot ${INKS[all[k][0] % INKS.length]}`, cx, cy, r: 6 })); } },
    move: (k, key) => {
      if (!all.length) return 0;
      const [n, i] = all[k], far = Math.max(1, Math.round(curves[n].at.length / 20)), place_ = k - starts[n];
      if (key === "ArrowUp" || key === "ArrowDown") { const m = (n + (key === "ArrowDown" ? 1 : curves.length - 1)) % curves.length; return starts[m] + Math.min(place_, curves[m].at.length - 1); }
      const by = { ArrowRight: 1, ArrowLeft: -1, PageUp: far, PageDown: -far, Home: -place_, End: curves[n].at.length }[key] ?? 0;
      return starts[n] + Math.max(0, Math.min(curves[n].at.length - 1, place_ + by)) + 0 * i;
    },
    near: (px, py) => { let best = 0, least = Infinity; all.forEach((_, k) => { const [cx, cy] = place(k), d = (cx - px) ** 2 + 0.2 * (cy - py) ** 2; if (d < least) { least = d; best = k; } }); return best; },
    table: () => table(given.title, [t("curve_name"), t(given.x), t(given.y)], thin(all, 60).map(([n, k]) => [h("bdi", null, t(curves[n].label)), short(curves[n].x[k]), short(curves[n].y[k])])),
    csv: () => csv([["curve", given.x, given.y], ...all.map(([n, k]) => [curves[n].label, curves[n].x[k], curves[n].y[k]])]),
    pick: pick ? (k) => pick(all[k][0], all[k][1]) : undefined });
  if (legend) node.querySelector("h3")?.after(legend);
  return node;
}

/** What curves do, in a sentence each. @param {Lines} given @param {any[]} curves */
function said(given, curves) {
  return curves.slice(0, 6).map((c) => {
    const low = c.at.reduce((/** @type {number} */ a, /** @type {number} */ k) => (c.y[k] < c.y[a] ? k : a), c.at[0]), high = c.at.reduce((/** @type {number} */ a, /** @type {number} */ k) => (c.y[k] > c.y[a] ? k : a), c.at[0]);
    return t(c.dots ? "dots_say" : "line_says", { label: t(c.label), n: c.at.length, first: short(c.y[c.at[0]]), last: short(c.y[c.at[c.at.length - 1]]), low: short(c.y[low]), high: short(c.y[high]), at: `${t(given.x)} ${short(c.x[low])}` });
  }).join(" ");
}

/** A point whose shape is its curve's. @param {number} n @param {number} cx @param {number} cy @param {number} r @param {string} [cls] */
function spot(n, cx, cy, r, cls = `dot ${INKS[n % INKS.length]}`) {
  n %= SHAPES.length;
  if (n === 1) return s("rect", { class: cls, x: cx - r, y: cy - r, width: 2 * r, height: 2 * r });
  if (n === 2) return s("path", { class: cls, d: `M${cx} ${cy - r}L${cx + r} ${cy + r}L${cx - r} ${cy + r}Z` });
  if (n === 3) return s("path", { class: cls, d: `M${cx} ${cy - r * 1.2}L${cx + r * 1.2} ${cy}L${cx} ${cy + r * 1.2}L${cx - r * 1.2} ${cy}Z` });
  if (n === 4) return s("path", { class: cls, d: `M${cx - r} ${cy - r / 3}h${r * 2 / 3}v${-r * 2 / 3}h${r * 2 / 3}v${r * 2 / 3}h${r * 2 / 3}v${r * 2 / 3}h${-r * 2 / 3}v${r * 2 / 3}h${-r * 2 / 3}v${-r * 2 / 3}h${-r * 2 / 3}Z` });
  if (n === 5) return s("path", { class: cls, d: `M${cx} ${cy + r}L${cx + r} ${cy - r}L${cx - r} ${cy - r}Z` });
  return s("circle", { class: cls, cx, cy, r });
}

/** @template T @param {T[]} all @param {number} most @returns {T[]} */
function thin(all, most) {
  const every = Math.ceil(all.length / most);
  return all.filter((_, k) => k % every === 0);
}

/** A map of cells, z[row][column], rows upward where they have numbers and downward where they have names.
 * @param {Cells} given @param {(row: number, column: number) => void} [pick] */
export function cellsPanel(given, pick) {
  const rows = given.z.length, columns = given.z[0]?.length ?? 0, W = wide(), upward = Boolean(given.up);
  const left = given.rows ? Math.min(W * 0.3, 14 + 7 * Math.max(...given.rows.map((name) => Math.min(name.length, 16)))) : 58, right = W - 12, top = given.columns ? 44 : 26;
  const deep = given.square ? right - left : given.text ? Math.min(30 * rows, right - left) : Math.max(60, Math.min(W * 0.5, 14 * rows)), bottom = top + deep, H = bottom + 42;
  const w = (right - left) / columns, e = deep / rows, svg = s("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": given.title });
  const flat = /** @type {number[]} */ (given.z.flat().filter((v) => v !== null && Number.isFinite(v)));
  let low = Infinity, high = -Infinity;
  for (const v of flat) { if (v < low) low = v; if (v > high) high = v; }
  const log = given.scale === "log" && low > 0, level = (/** @type {number} */ v) => (log ? Math.log10(v) : v);
  const reach = given.scale === "signed" ? Math.max(-low, high) || 1 : 1, span = level(high) - level(low) || 1;
  const share = (/** @type {number} */ v) => given.scale === "signed" ? Math.abs(v) / reach : given.scale === "share" ? Math.max(0, Math.min(1, v)) : (level(v) - level(low)) / span;
  const top_ = (/** @type {number} */ i) => upward ? bottom - (i + 1) * e : top + i * e;
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) {
    const v = given.z[i][j];
    if (v === null || !Number.isFinite(v)) continue;
    const rim = given.scale === "signed" && v < 0 ? Math.min(w, e) * 0.16 : 0;  // below zero: blue, and smaller
    const cls = given.scale === "class" ? `m${Math.floor(v) % 5}` : given.scale === "signed" && v < 0 ? "cold" : "warm";
    const full = given.scale === "class" ? 0.15 + 0.55 * (v - Math.floor(v)) : 0.04 + 0.9 * share(v);
    svg.append(s("rect", { class: `cell ${cls}`, x: (left + j * w + rim).toFixed(2), y: (top_(i) + rim).toFixed(2), width: (w - 2 * rim).toFixed(2), height: (e - 2 * rim).toFixed(2), "fill-opacity": full.toFixed(3) }));
    if (given.text) svg.append(s("text", { x: left + (j + 0.5) * w, y: top_(i) + e / 2 + 4, "text-anchor": "middle", class: "in" }, short(v)));
  }
  const x = given.across ? axis(given.across[0], given.across[columns - 1], false, left + w / 2, right - w / 2) : null, y = given.up ? axis(given.up[0], given.up[rows - 1], false, bottom - e / 2, top + e / 2) : null;
  if (x && y) {
    if (given.contours) svg.append(...contours(given.z, level, x, y, /** @type {number[]} */ (given.across), /** @type {number[]} */ (given.up), level(low), span));
    frame(svg, x, y, [left, top, right, bottom], given);
  } else {
    const every = Math.ceil(rows / 12), each = Math.ceil(columns / (W / 54));
    for (let i = 0; i < rows; i += every) svg.append(s("text", { x: left - 6, y: top_(i) + e / 2 + 4, "text-anchor": "end" }, given.rows ? given.rows[i].slice(0, 16) : String(i)));
    for (let j = 0; j < columns; j += each) svg.append(s("text", { x: left + (j + 0.5) * w, y: given.columns ? top - 8 : bottom + 16, "text-anchor": "middle" }, given.columns ? given.columns[j].slice(0, 10) : String(j)));
    svg.append(s("text", { x: right, y: bottom + 32, "text-anchor": "end", class: "name" }, `${t(given.x)} →`), s("text", { x: 4, y: given.columns ? 14 : top - 8, class: "name" }, `${upward ? "↑" : "↓"} ${t(given.y)}`));
  }
  for (const [px, py, k] of given.points ?? []) if (x && y) svg.append(spot(k, x(px), y(py), 2.8, given.scale === "class" ? `spot m${k % 5}` : undefined));
  (given.paths ?? []).forEach((path, n) => {
    if (!x || !y) return;
    const at = path.points.filter(([px, py]) => Number.isFinite(px) && Number.isFinite(py)).map(([px, py]) => [x(px), y(py)].map((v, k) => Math.max(k ? top - 12 : left - 30, Math.min(k ? bottom + 12 : right + 10, v)))), d = at.map(([px, py], k) => `${k ? "L" : "M"}${px.toFixed(1)} ${py.toFixed(1)}`).join("");
    svg.append(s("path", { class: "under", d }), s("path", { class: `line ${INKS[n % INKS.length]}`, d }));
    if (at.length < 80) for (const [px, py] of at.slice(0, -1)) svg.append(spot(n, px, py, 2.2));
    if (at.length) svg.append(spot(n, at[at.length - 1][0], at[at.length - 1][1], 5.5));
  });
  const cursor = s("g", { class: "cursor" });
  svg.append(cursor);
  const found = () => {
    if (!flat.length) return t("nothing_yet");
    if (given.scale === "class") return (given.classes ?? []).map((label, k) => `${label} ${Math.round(100 * flat.filter((v) => Math.floor(v) === k).length / flat.length)} %`).join(", ");
    const where = (/** @type {number} */ v) => { const i = given.z.findIndex((row) => row.includes(v)), j = given.z[i].indexOf(v); return `${t(given.x)} ${name(j, given.columns, given.across)}, ${t(given.y)} ${name(i, given.rows, given.up)}`; };
    return t("cells_say", { low: short(low), at: where(low), high: short(high), there: where(high) });
  };
  const name = (/** @type {number} */ i, /** @type {string[] | undefined} */ names, /** @type {number[] | undefined} */ places) => names ? t(names[i]) : places ? short(places[i]) : String(i);
  const value = (/** @type {number | null} */ v) => given.scale === "class" && v !== null ? `${given.classes?.[Math.floor(v)] ?? ""}, ${Math.round(100 * (v - Math.floor(v)))} %` : short(v);
  const tell = (/** @type {number} */ k) => rows && columns ? `${t(given.y)} ${name(Math.floor(k / columns), given.rows, given.up)}, ${t(given.x)} ${name(k % columns, given.columns, given.across)}: ${value(given.z[Math.floor(k / columns)][k % columns])}` : t("nothing_yet");
  const node = figure(given.title, svg, given.says ?? found(), { count: rows * columns || 1, tell,
    sound: (k) => { if (rows) hear(given.z[Math.floor(k / columns)], log); },
    show: (k) => cursor.replaceChildren(s("rect", { class: "ring", x: left + (k % columns) * w, y: top_(Math.floor(k / columns)), width: w, height: e })),
    move: (k, key) => {
      const i = Math.floor(k / columns), j = k % columns, down = upward ? -1 : 1;
      const [a, b] = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [down, 0], ArrowUp: [-down, 0], Home: [0, -j], End: [0, columns], PageDown: [down * rows, 0], PageUp: [-down * rows, 0] }[key] ?? [0, 0];
      return Math.max(0, Math.min(rows - 1, i + a)) * columns + Math.max(0, Math.min(columns - 1, j + b));
    },
    near: (px, py) => {
      const i = upward ? Math.floor((bottom - py) / e) : Math.floor((py - top) / e);
      return Math.max(0, Math.min(rows - 1, i)) * columns + Math.max(0, Math.min(columns - 1, Math.floor((px - left) / w)));
    },
    table: () => given.paths?.length && given.paths[0].told ? table(given.title, [t("curve_name"), t("step"), t(given.x), t(given.y), t(given.what ?? "value")], given.paths.flatMap((path) => thin(path.points.map((p, k) => ({ p, told: path.told?.[k] ?? [] })), 40).map(({ p, told }) => [t(path.label), ...told.slice(0, 1), short(p[0]), short(p[1]), ...told.slice(1)])))
      : table(given.title, [t(given.y), ...Array.from({ length: Math.min(columns, 30) }, (_, j) => name(j, given.columns, given.across))], given.z.slice(0, 60).map((row, i) => [h("b", { dir: "auto" }, name(i, given.rows, given.up)), ...row.slice(0, 30).map(value)])),
    csv: () => csv([[t(given.y), ...Array.from({ length: columns }, (_, j) => name(j, given.columns, given.across))], ...given.z.map((row, i) => [name(i, given.rows, given.up), ...row])]),
    pick: pick ? (k) => pick(Math.floor(k / columns), k % columns) : undefined });
  const legend = [...(given.paths ?? []).map((path, n) => h("span", { class: `ink ${INKS[n % INKS.length]}`, dir: "auto" }, `${SHAPES[n % SHAPES.length]} ${t(path.label)}`)), ...(given.classes ?? []).slice(0, 10).map((label, n) => h("span", { class: `m${n % 5}`, dir: "auto" }, `${SHAPES[n % 5]} ${label}`))];
  const key = given.scale === "signed" ? t("key_signed", { v: short(reach) }) : given.scale === "share" || given.scale === "class" ? "" : flat.length ? t("key_plain", { low: short(low), high: short(high) }) : "";
  node.querySelector("h3")?.after(...(legend.length ? [h("p", { class: "legend" }, legend)] : []), ...(key ? [h("p", { class: "note" }, key)] : []));
  return node;
}

/** Lines of equal height, by marching squares. @param {(number|null)[][]} z @param {(v: number) => number} level @param {any} x @param {any} y @param {number[]} a @param {number[]} b @param {number} low @param {number} span */
function contours(z, level, x, y, a, b, low, span) {
  const found = [];
  for (let n = 1; n < 10; n++) {
    const want = low + span * n / 10;
    let d = "";
    for (let i = 0; i + 1 < z.length; i++) for (let j = 0; j + 1 < z[0].length; j++) {
      const corners = [[i, j], [i, j + 1], [i + 1, j + 1], [i + 1, j]], v = corners.map(([r, c]) => z[r][c] === null ? NaN : level(/** @type {number} */ (z[r][c])) - want);
      if (v.some((one) => !Number.isFinite(one))) continue;
      const cuts = [];
      for (let k = 0; k < 4; k++) {
        const m = (k + 1) % 4;
        if (v[k] < 0 === v[m] < 0) continue;
        const part = v[k] / (v[k] - v[m]), [r0, c0] = corners[k], [r1, c1] = corners[m];
        cuts.push([x(a[c0] + part * (a[c1] - a[c0])), y(b[r0] + part * (b[r1] - b[r0]))]);
      }
      for (let k = 0; k + 1 < cuts.length; k += 2) d += `M${cuts[k][0].toFixed(1)} ${cuts[k][1].toFixed(1)}L${cuts[k + 1][0].toFixed(1)} ${cuts[k + 1][1].toFixed(1)}`;
    }
    if (d) found.push(s("path", { class: "level", d }));
  }
  return found;
}

/** The picture that a description asks for. @param {any} given */
export function panel(given) {
  const named = { ...given, title: t(given.title) };
  return given.z ? cellsPanel(named) : linesPanel(named);
}
