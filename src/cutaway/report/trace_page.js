// Shows a trace: reads the numbers that stand in the page, draws them, and computes none of its own.
import {colour, css, picture, repaint} from "../drawing/page/colours.js";
import {$, make} from "../drawing/page/elements.js";
import {band, chosen, slotAt, subscript} from "../drawing/page/layers.js";
import {show} from "../drawing/page/numbers.js";
import {onColours, onKeys, showPlaying} from "../drawing/page/stepping.js";
import {grid} from "../drawing/page/tables.js";
import {page} from "./scripted.js";

const MOST_UNITS = 9, MOST_TILES = 32, TABLE_ROWS = 64, TABLE_COLUMNS = 32;

let step = page.steps[0];  // the trace on show
let at = opening();        // its current instruction; values are as they are after it ran
let sample = 0;
let playing = 0;

/** Where a page opens: with J known, when all that is forward can be seen. */
function opening() {
  const known = step.instructions.findLast(i => i.written.includes("J"));
  return known ? known.number : 0;
}

// ---- small helpers --------------------------------------------------------------------------------------------------

/** z1 with its number below the line. */
function symbol(name) {
  const [letter, below] = subscript(step.facts[name] ? step.facts[name].symbol : name);
  return below ? [letter, make("sub", {}, below)] : [letter];
}

const by = shape => shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;

// ---- values ---------------------------------------------------------------------------------------------------------

const KINDS = {float32: Float32Array, float64: Float64Array, int32: Int32Array, int64: BigInt64Array, uint8: Uint8Array, bool: Uint8Array};

/** What a value held after instruction `number` (-1: before the step): {shape, full, numbers, words, reach}, or null. */
function value(name, number) {
  const versions = step.arrays[name];
  if (!versions) return null;
  let k = versions.length - 1;
  while (k >= 0 && versions[k].at > number) k--;
  if (k < 0) return null;
  const found = versions[k];
  if (!found.numbers) {
    const bytes = Uint8Array.from(atob(found.base64), c => c.charCodeAt(0));
    found.numbers = new KINDS[found.dtype](bytes.buffer);
    Object.assign(found, step.digests[name][k], {full: step.digests[name][k].shape, shape: found.shape});
    delete found.base64;
  }
  return found;
}

/** The number at a place of an array, or undefined where the page does not hold it. */
function number(array, place) {
  let flat = 0;
  for (let axis = 0; axis < place.length; axis++) {
    if (place[axis] >= array.shape[axis]) return undefined;
    flat = flat * array.shape[axis] + place[axis];
  }
  return array.numbers[flat];
}

/** Names whose arrays make up what an instruction names: θ, g and state are their parameters' parts. */
function parts(instruction, name) {
  if (!step.vectors[name]) return [name];
  const {lo = 0, hi = Infinity} = instruction.settings;
  const places = Object.values(step.parameters);
  return step.vectors[name].filter((_, k) => places[k].lo >= lo && places[k].lo < hi);
}

const count = shape => shape.reduce((a, b) => a * b, 1);

// ---- how an array lies on paper -------------------------------------------------------------------------------------

/** Tiles of rows x columns, each with the place in the array that a cell stands for. */
function layout(name, array) {
  const s = array.shape, n = s.length, rows = step.facts[name].rows;
  if (n === 0) return [];
  if (n === 1) return [{rows: 1, columns: s[0], place: (r, c) => [c], head: "", down: "", across: across(name, 0)}];
  if (n === 2) return [{rows: s[0], columns: s[1], place: (r, c) => [r, c], down: down(name), across: across(name, 1)}];
  const k = Math.min(sample, s[0] - 1);
  if (n === 3 && rows) return [{title: `sample ${k}`, rows: s[2], columns: s[1], place: (r, c) => [k, c, r], down: "unit", across: "time"}];
  if (n === 4 && rows) return many(s[3], c => ({title: `sample ${k}, channel ${c}`, rows: s[1], columns: s[2], place: (i, j) => [k, i, j, c], down: "row", across: "column"}));
  if (n === 4) return many(s[0] * s[3], m => ({title: `filter ${Math.floor(m / s[3])}, channel ${m % s[3]}`, rows: s[1], columns: s[2],
    place: (i, j) => [Math.floor(m / s[3]), i, j, m % s[3]], down: "row", across: "column"}));
  if (n === 3) return many(s[0], m => ({title: `filter ${m}`, rows: s[2], columns: s[1], place: (i, j) => [m, j, i], down: "channel", across: "place"}));
  return [];
}
const many = (tiles, tile) => Array.from({length: Math.min(tiles, MOST_TILES)}, (_, k) => tile(k));
const down = name => step.facts[name].rows ? "sample" : "unit";
function across(name, axis) {
  const fact = step.facts[name];
  return fact.rows && axis === 0 ? "sample" : axis === 1 && !fact.rows ? "input" : "unit";
}

/** What the user calls a feature or an output, else its number. */
function called(name, kind, k) {
  const names = name === "x" && kind !== "sample" ? page.inputs : name === step.output && kind !== "sample" ? page.outputs : [];
  return names[k] === undefined ? String(k) : names[k];
}

// ---- one value as a card --------------------------------------------------------------------------------------------

function card(name, number_, letter, written) {
  const fact = step.facts[name], array = value(name, number_);
  const made = make("figure", {class: written ? "card written" : "card"});
  made.append(make("figcaption", {},
    make("div", {class: "top"}, make("span", {class: "symbol"}, symbol(name)),
      letter && letter !== fact.symbol ? make("span", {class: "as"}, make("i", {}, letter), " in the formula") : null),
    make("div", {class: "full"}, `${name === fact.symbol ? "" : name + " "}${array && array.full.length === 0 ? "one number" : by(array ? array.full : fact.shape)}`)));
  if (!array) {
    const bytes = step.left_out[name];
    made.append(make("p", {class: "note"}, bytes ? `left out of this trace (${bytes.toLocaleString("en")} bytes)` : "no numbers"));
    return made;
  }
  if (!array.full.length) { made.append(make("p", {class: "big"}, show(array.numbers[0]))); return made; }
  const tiles = layout(name, array), readout = make("p", {class: "readout", "aria-hidden": "true"});
  if (array.full.every(size => size > 0) && tiles.length) {
    made.append(heat(name, array, tiles, readout), readout);
  }
  const [low, mean, high] = array.words.map(w => w.replaceAll("-", "−"));
  made.append(low ? make("dl", {class: "stats"}, ["min", "mean", "max"].map((word, k) => [make("dt", {}, word), make("dd", {}, [low, mean, high][k])]).flat())
    : make("p", {class: "note"}, mean));
  if (count(array.shape) < count(array.full)) made.append(make("p", {class: "note"}, `the first ${by(array.shape)} of ${by(array.full)}`));
  if (tiles.length) made.append(numbers(name, array));
  return made;
}

function heat(name, array, tiles, readout) {
  const box = make("div", {class: "heat", role: "img", "aria-label": `${name}, ${array.full.join(" by ")}: smallest ${array.words[0]}, mean ${array.words[1]}, largest ${array.words[2]}`});
  for (const t of tiles) {
    const canvas = picture(make("canvas"), t.rows, t.columns, (r, c) => number(array, t.place(r, c)), array.reach);
    const wide = tiles.length > 1 ? 44 : 250, cell = Math.max(wide / t.columns, 0.1);
    const size = Math.min(cell, tiles.length > 1 ? 44 / t.rows : Math.max(150 / t.rows, 1), 24);
    canvas.style.width = `${Math.max(t.columns * size, 2)}px`;
    canvas.style.height = `${t.rows === 1 ? Math.max(size, 12) : Math.max(t.rows * size, 2)}px`;
    const tile = make("div", {class: "tile"}, canvas);
    if (t.down === "sample" && t.rows > 1 && sample < t.rows) {
      const mark = make("span", {class: "row-mark"});
      mark.style.top = `${100 * sample / t.rows}%`; mark.style.height = `${100 / t.rows}%`;
      tile.append(mark);
    }
    const cellAt = event => {
      const r = canvas.getBoundingClientRect();
      return t.place(Math.min(t.rows - 1, Math.max(0, Math.floor((event.clientY - r.top) / r.height * t.rows))),
        Math.min(t.columns - 1, Math.max(0, Math.floor((event.clientX - r.left) / r.width * t.columns))));
    };
    canvas.addEventListener("pointermove", event => { const p = cellAt(event); readout.textContent = `${name}[${p.join(", ")}] = ${show(number(array, p))}`; });
    canvas.addEventListener("pointerleave", () => { readout.textContent = ""; });
    canvas.addEventListener("click", event => { const p = cellAt(event), told = about(name, p); if (told) tell(told, p); });
    box.append(tile);
  }
  return box;
}

const key = (name, place) => `${name}[${place.join(",")}]`;

/** What a click on a number tells of: itself, or the weight whose gradient it is; null where there is nothing to tell. */
function about(name, place) {
  const owner = Object.keys(step.gradients).find(p => step.gradients[p] === name) || name;
  return owner in step.parameters || step.explanations[key(owner, place)] ? owner : null;
}

/** The numbers of an array as a table, made when it is opened. */
function numbers(name, array) {
  const made = make("details", {"data-of": name}, make("summary", {}, "Numbers"));
  made.addEventListener("toggle", () => {
    if (!made.open || made.children.length > 1) return;
    const tiles = layout(name, array);
    const body = make("div", {class: "wide", tabindex: "0", role: "group", "aria-label": `Numbers of ${name}`});
    const draw = t => body.replaceChildren(table(name, array, t));
    if (tiles.length > 1) {
      const choose = make("select", {"aria-label": "Which part", change: () => draw(tiles[choose.value])}, tiles.map((t, k) => make("option", {value: k}, t.title)));
      made.append(choose);
    }
    draw(tiles[0]);
    made.append(body);
  });
  return made;
}

function table(name, array, t) {
  const rows = Math.min(t.rows, TABLE_ROWS), columns = Math.min(t.columns, TABLE_COLUMNS);
  const turned = t.rows === 1;  // a row of numbers reads better downwards
  const cell = (r, c) => {
    const place = t.place(r, c), v = number(array, place);
    const text = v === undefined ? "" : show(v), told = text && about(name, place);
    return make("td", {}, told
      ? make("button", {type: "button", "aria-label": `Explain ${key(told, place)}: ${text}`, click: () => tell(told, place)}, text) : text);
  };
  const cut = rows < t.rows || columns < t.columns ? `: the first ${rows} of ${t.rows} × ${columns} of ${t.columns}` : "";
  const caption = make("caption", {}, `${t.title ? t.title + ": " : ""}${turned ? t.across : `${t.down} down, ${t.across} across`}${turned ? "" : cut}`);
  if (turned) {
    const line = Math.min(t.columns, TABLE_ROWS);
    return make("table", {}, caption, make("thead", {}, make("tr", {}, make("th", {scope: "col"}, t.across), make("th", {scope: "col"}, "value"))),
      make("tbody", {}, Array.from({length: line}, (_, c) => make("tr", {class: t.across === "sample" && c === sample ? "mine" : null}, make("th", {scope: "row"}, called(name, t.across, c)), cell(0, c)))));
  }
  return make("table", {}, caption,
    make("thead", {}, make("tr", {}, make("th", {scope: "col"}, t.down), Array.from({length: columns}, (_, c) => make("th", {scope: "col"}, called(name, t.across, c))))),
    make("tbody", {}, Array.from({length: rows}, (_, r) => make("tr", {class: t.down === "sample" && r === sample ? "mine" : null},
      make("th", {scope: "row"}, called(name, t.down, r)), Array.from({length: columns}, (_, c) => cell(r, c))))));
}

// ---- the program ----------------------------------------------------------------------------------------------------

function program() {
  const list = $("list");
  list.replaceChildren();
  let phase = "";
  for (const i of step.instructions) {
    if (i.phase !== phase) list.append(make("li", {class: `phase ${phase = i.phase}`}, phase));
    const shape = i.written.length && step.digests[i.written[0]] ? by(step.facts[i.written[0]].shape) : "";
    list.append(make("li", {class: i.phase}, make("button", {type: "button", tabindex: "-1", "data-at": i.number, click: () => go(i.number)},
      make("span", {class: "no"}, String(i.number)), make("span", {class: "jewel", "aria-hidden": "true"}), make("span", {}, i.title),
      make("span", {class: "names"}, sentence(i)), make("span", {class: "shape"}, shape))));
  }
}

/** z1 ← x W1 b1 */
function sentence(i) {
  const names = some => [...new Set(some)].flatMap((name, k) => [k ? " " : "", ...symbol(name)]);
  return i.written.length ? [...names(i.written), ...(i.read.length ? [" ← ", ...names(i.read)] : [])] : [];
}

// ---- the network ----------------------------------------------------------------------------------------------------

const TOP = 48, UNIT = 28, TILE = 28;

/** What a column shows now: the latest of its values, or of their gradients, that was written. */
function shown(column, number_) {
  let best = null;
  for (const name of [...column.values, ...column.gradients]) {
    const array = value(name, number_);
    if (array && (!best || array.at >= best.array.at)) best = {name, array};
  }
  return best;
}

/** The numbers of one unit for one sample: a number, a line over time, or an image. */
function unitOf(array, k) {
  const s = array.shape;
  if (sample >= s[0] || k >= s[s.length - 1]) return null;
  if (s.length === 2) return {rows: 1, columns: 1, get: () => number(array, [sample, k])};
  if (s.length === 3) return {rows: 1, columns: s[1], get: (r, c) => number(array, [sample, c, k])};
  return {rows: s[1], columns: s[2], get: (r, c) => number(array, [sample, r, c, k])};
}

/** 16 units; 32 channels, 4 × 4; 16 states, 24 times */
function extent(column) {
  const inner = sized(column), input = column.about === "input";
  const word = inner.length > 1 ? "channel" : inner.length ? (input ? "series" : "state") : input ? "input" : "unit";
  const words = `${column.units} ${word}${column.units === 1 || word === "series" ? "" : "s"}`;
  return words + (inner.length > 1 ? `, ${inner.join(" × ")}` : inner.length ? `, ${inner[0]} times` : "");
}

/** What a unit of a column has besides one number: [] none, [times], or [height, width]. */
function sized(column) {
  const shape = step.facts[column.values[column.values.length - 1]].shape;
  return shape.slice(1, -1);
}

/** The value whose gradient this is. */
const of = name => name.replace(/(^|\.)d([^.]*)$/, "$1$2");

const brief = name => name.length > 14 ? name.slice(0, 13) + "…" : name;
const drawnOf = units => chosen(units, MOST_UNITS);
const hides = column => drawnOf(column.units).length < column.units;

function drawing() {
  const columns = step.columns, i = step.instructions[at];
  const held = /** @type {SVGElement | null} */ (document.activeElement)?.dataset.unit;
  const tall = Math.max(...columns.map(c => drawnOf(c.units).length + (hides(c) ? 0.6 : 0)), 4);
  const wide = columns.map(c => { return sized(c).length === 1 ? 74 : TILE; });
  const named = Math.max(0, ...page.inputs.map(name => brief(name).length)), left = Math.max(58, 14 + 6.4 * named);
  const room = $("drawing").clientWidth, taken = 222 + left + wide.reduce((a, b) => a + b, 0);
  const gap = Math.min(170, Math.max(80, (room - taken) / Math.max(1, columns.length - 1)));
  const xs = []; let x = left;
  wide.forEach((w, k) => { x += k ? gap + (wide[k - 1] + w) / 2 : w / 2; xs.push(x); });
  const width = x + wide[wide.length - 1] / 2 + 220, height = TOP + tall * UNIT + 52;
  const svg = make("svg", {width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "Network. Arrow keys go from neuron to neuron, Enter opens one."});
  const middle = TOP + tall * UNIT / 2;
  const y = (column, slot) => {
    return slotAt(slot, drawnOf(column.units).length, middle, UNIT, hides(column) ? 0.6 : 0);
  };
  const active = new Set([...i.read, ...i.written]);
  const lines = make("g", {}), nodes = make("g", {}), words = make("g", {"aria-hidden": "true"}), under = make("g", {"aria-hidden": "true"});
  columns.forEach((column, k) => {
    const now = shown(column, at), half = wide[k] / 2;
    const here = (i.layer && i.layer === column.label) || column.values.some(v => i.written.includes(v)) || (i.phase === "backward" && column.gradients.some(v => i.written.includes(v)));
    if (here) under.append(make("rect", {class: `here ${i.phase}`, x: xs[k] - half - 36, y: 4, width: wide[k] + 72, height: height - 8, rx: 9}));
    words.append(make("text", {class: "name", x: xs[k], y: 21}, column.label), make("text", {x: xs[k], y: 37}, extent(column)));
    const label = make("text", {class: "shown", x: xs[k], y: height - 32});
    const slope = now && column.gradients.includes(now.name);
    if (now) {
      const written = name => { const [head, sub] = symbol(name); return [head, sub ? make("tspan", {dy: 4, "font-size": 11}, sub.textContent) : "", sub ? make("tspan", {dy: -4}, "\u200b") : ""]; };
      label.append(...written(now.name), ...(slope ? [" = ∂J/∂", ...written(of(now.name))] : []));
    }
    words.append(label, make("text", {x: xs[k], y: height - 14}, column.about === "input" ? "" : column.about));
    for (const source of column.sources) links(lines, column, columns[source], k, source, xs, wide, y);
    drawnOf(column.units).forEach((unit, slot) => {
      const cy = y(column, slot), found = now && unitOf(now.array, unit);
      const single = found && found.rows === 1 && found.columns === 1;
      const words_ = single ? `${now.name} = ${show(found.get())}` : now ? now.name : "not computed yet";
      const name = column.about === "input" ? called("x", "unit", unit) : columns.length - 1 === k ? called(step.output, "unit", unit) : String(unit);
      const node = make("g", {class: found ? "unit" : "unit empty", role: "button", tabindex: "-1", "data-unit": `${k},${unit}`,
        "aria-label": `${column.label}, ${column.about === "input" ? "input" : "unit"} ${name}: ${words_}`,
        click: () => neuron(k, unit), keydown: event => move(event, k, slot)});
      node.append(make("title", {}, `${column.label} ${name}: ${words_}`));
      if (!found || single) {
        node.append(make("circle", {class: "halo", cx: xs[k], cy, r: 14.5}), make("circle", {class: "body", cx: xs[k], cy, r: 10.5}));
        if (single) node.lastChild.style.fill = css(colour(found.get(), now.array.reach));
      } else {
        const high = found.rows === 1 ? 16 : TILE - 3;
        const url = picture(make("canvas"), found.rows, found.columns, found.get, now.array.reach).toDataURL();
        node.append(make("rect", {class: "halo", x: xs[k] - half - 4, y: cy - high / 2 - 4, width: wide[k] + 8, height: high + 8, rx: 4}),
          make("image", {href: url, x: xs[k] - half + 2, y: cy - high / 2, width: wide[k] - 4, height: high, preserveAspectRatio: "none", style: null, class: "pixels"}),
          make("rect", {class: "body", x: xs[k] - half + 2, y: cy - high / 2, width: wide[k] - 4, height: high}));
        node.lastChild.style.fill = "none";
        node.children[2].style.imageRendering = "pixelated";
      }
      if (column.about === "input" || columns.length - 1 === k) {
        const side = column.about === "input" ? -1 : 1;
        const text = single ? (slope ? "∂ " : "") + show(found.get()) : "";
        const beside = [name !== String(unit) ? brief(name) : "", text].filter(Boolean);
        beside.forEach((word, line) => {
          node.append(make("text", {class: "number", x: xs[k] + side * (half + 8), y: cy + 4 + 13 * (line - (beside.length - 1) / 2)}, word));
          node.lastChild.style.textAnchor = side < 0 ? "end" : "start";
        });
      }
      else if (single) node.append(make("text", {class: "number inner", x: xs[k] + 14, y: cy - 8}, show(found.get())));
      nodes.append(node);
    });
    if (hides(column)) words.append(make("text", {x: xs[k], y: (y(column, MOST_UNITS - 2) + y(column, MOST_UNITS - 1)) / 2 + 4}, `⋯ ${column.units - MOST_UNITS} more`));
  });
  goal(lines, words, xs[xs.length - 1] + wide[wide.length - 1] / 2, width, middle, i, under, height);
  svg.append(under, lines, words, nodes);
  const scrolled = $("drawing").scrollLeft;
  $("drawing").replaceChildren(svg);
  $("drawing").scrollLeft = scrolled;
  const focus = columns.findIndex(c => c.label === i.layer);
  if (width > room && focus >= 0 && (xs[focus] - scrolled < 60 || xs[focus] - scrolled > room - 60)) $("drawing").scrollLeft = xs[focus] - room / 2;
  const first = nodes.querySelector(held ? `[data-unit="${held}"]` : ".unit") || nodes.querySelector(".unit");
  if (first) first.setAttribute("tabindex", "0");
  if (held && first) first.focus({preventScroll: true});
  $("legend").replaceChildren(`Sample ${sample}, row ${step.rows[sample]} of the data: below zero`, make("span", {class: "scale", "aria-hidden": "true"}), "above; each column on a scale of its own. Lines are weights",
    i.phase === "backward" ? ", or their gradients once these are known." : ".");
}

/** From column to column: each weight as a line where there are few, else a band. */
function links(lines, column, source, k, j, xs, wide, y) {
  const from = xs[j] + wide[j] / 2, to = xs[k] - wide[k] / 2, w = column.weights;
  const phase = step.instructions[at].phase;
  const gradient = w && w.source === j && phase === "backward" ? value(w.gradient, at) : null;
  const name = gradient ? w.gradient : w && w.name, array = gradient || (w && w.source === j ? value(w.name, at) || value(w.name, Infinity) : null);
  if (!array) {
    const ends = c => [y(c, 0), y(c, drawnOf(c.units).length - 1)];
    lines.append(make("path", {class: "band", d: band(from, ends(source), to, ends(column))}));
    return;
  }
  const strong = drawnOf(source.units).length * drawnOf(column.units).length > 40 ? 2.2 : 3.4;
  drawnOf(source.units).forEach((input, a) => drawnOf(column.units).forEach((unit, b) => {
    const v = number(array, [unit, input]);
    if (v === undefined) return;
    const share = Math.min(1, Math.abs(v) / array.reach), ends = {x1: from + 2, y1: y(source, a), x2: to - 2, y2: y(column, b)};
    const line = make("line", {class: `weight ${v < 0 ? "down" : "up"}`, ...ends, "stroke-width": (0.4 + strong * share).toFixed(2), "stroke-opacity": (0.12 + 0.88 * share ** 1.3).toFixed(2)});
    lines.append(line);
    lines.append(make("line", {class: "grip", ...ends, click: () => tell(w.name, [unit, input])}, make("title", {}, `${key(name, [unit, input])} = ${show(v)}`)));
  }));
}

/** The loss, where the network ends. */
function goal(lines, words, from, width, middle, i, under, height) {
  const J = value("J", at), x = width - 78;
  lines.append(make("path", {class: "way", d: `M${from + 84} ${middle}H${x - 34}m-5-4 5 4-5 4`}));
  if (i.phase === "loss") under.append(make("rect", {class: "here loss", x: x - 54, y: 4, width: 108, height: height - 8, rx: 9}));
  words.append(make("text", {class: "name", x, y: 21}, "loss"), make("text", {x, y: 37}, step.loss.replaceAll("_", " ")),
    make("text", {class: "shown", x, y: middle - 2}, "J"), make("text", {class: "name", x, y: middle + 16}, J ? show(J.numbers[0]) : "–"));
  const own = [[step.target, "y"], ["ℓ", "ℓ"]].map(([name, letter]) => [letter, value(name, at)]).filter(([, a]) => a && a.shape.length === 1);
  own.forEach(([letter, a], k) => words.append(make("text", {class: "number", x, y: middle + 36 + 15 * k}, `${letter} = ${show(number(a, [sample]))}`)));
}

/** Arrow keys in the drawing. */
function move(event, k, slot) {
  const columns = step.columns, many_ = column => drawnOf(columns[column].units).length;
  let [c, s] = [k, slot];
  if (event.key === "ArrowUp") s--; else if (event.key === "ArrowDown") s++; else if (event.key === "ArrowLeft") c--; else if (event.key === "ArrowRight") c++;
  else if (event.key === "Enter" || event.key === " ") { event.preventDefault(); event.stopPropagation(); neuron(k, drawnOf(columns[k].units)[slot]); return; }
  else return;
  event.preventDefault(); event.stopPropagation();
  if (c < 0 || c >= columns.length) return;
  s = Math.max(0, Math.min(s, many_(c) - 1));
  const next = $("drawing").querySelector(`[data-unit="${c},${drawnOf(columns[c].units)[s]}"]`);
  for (const node of $("drawing").querySelectorAll(".unit")) node.setAttribute("tabindex", node === next ? "0" : "-1");
  next.focus();
}

// ---- the current instruction ----------------------------------------------------------------------------------------

function now() {
  const i = step.instructions[at], content = [];
  $("now").className = $("values").className = i.phase;
  $("now").replaceChildren(make("p", {class: "what"}, `${i.phase}${i.layer ? " · " + i.layer : ""}`),
    make("div", {class: "line"}, make("h2", {}, i.title), make("p", {class: "formula"}, i.formula)));
  const SAID = {l: "ℓ", p: i.phase === "loss" || i.formula.includes("ŷ") ? "ŷ" : "p", dl: "dℓ"};  // as formulas write them
  const named = name => [...Object.entries(i.results), ...Object.entries(i.operands)].find(([, v]) => v === name)?.[0];
  const letter = name => name === "J" || name === "ℓ" ? name : SAID[named(name)] || named(name);
  const cards = (names, number_, written) => [...new Set(names)].flatMap(name => parts(i, name).map(part => card(part, number_, step.vectors[name] ? name : letter(name), written)));
  if (i.op === "optimizer") content.push(...moved(i, cards));
  else {
    const read = i.phase === "load" ? [] : cards(i.read.filter(name => !step.vectors[name]), at - 1, false), written = cards(i.written, at, true);
    if (written.length) content.push(make("h3", {}, "Writes"), make("div", {class: "cards"}, written));
    if (read.length) content.push(make("h3", {}, "Reads"), make("div", {class: "cards"}, read));
    if (!written.length && !read.length) content.push(make("p", {class: "note"}, "It looks, and writes nothing that the trace keeps."));
  }
  const open_ = new Set([...$("values").querySelectorAll("details[open]")].map(d => d.dataset.of));
  $("values").replaceChildren(...content);
  for (const d of $("values").querySelectorAll("details")) d.open = open_.has(d.dataset.of);
}

/** An update: how far each parameter moved, and one of them looked at. */
function moved(i, cards) {
  const names = parts(i, "θ"), letters = Object.keys(step.vectors).filter(v => i.written.includes(v) || i.read.includes(v));
  const box = make("div", {});
  const draw = name => {
    const k = step.vectors["θ"].indexOf(name);
    const after = i.written.filter(v => step.vectors[v]).map(v => card(step.vectors[v][k], at, v, true));
    const before = letters.map(v => card(step.vectors[v][k], at - 1, v, false));
    box.replaceChildren(make("h3", {}, "After"), make("div", {class: "cards"}, after), make("h3", {}, "Before"), make("div", {class: "cards"}, before));
  };
  const rows = step.updates.filter(([name]) => names.includes(name)).map(([name, ...sizes]) =>
    make("tr", {}, make("th", {scope: "row", class: "l"}, make("button", {type: "button", class: "link", click: () => draw(name)}, name)), sizes.map(size => make("td", {}, size.replace("-", "−")))));
  draw(names[0]);
  return [make("div", {class: "wide", tabindex: "0", role: "group", "aria-label": "Parameters"}, make("table", {}, make("caption", {}, "How far each parameter moved; a name shows its numbers"),
    make("thead", {}, make("tr", {}, ["parameter", "‖gradient‖", "‖weights‖", "‖change‖"].map((h, k) => make("th", {scope: "col", class: k ? null : "l"}, h)))), make("tbody", {}, rows))), box];
}

// ---- what a click opens ---------------------------------------------------------------------------------------------

function open(title, ...content) {
  $("told").replaceChildren(make("h2", {id: "told-name", tabindex: "-1"}, title), ...content.flat(Infinity).filter(Boolean));
  if (!$("telling").open) $("telling").showModal();
  $("telling").scrollTop = 0;
  $("told-name").focus();
}

/** An explanation as the trace gave it: paragraphs, formulas and tables. */
function blocks(explanation) {
  return explanation.map(b => b.table ? grid(b.caption || "", b.table[0], b.table.slice(1), true) : b.title ? make("h3", {}, b.title)
    : make("p", {class: b.formula ? "formula" : b.note ? "note" : null}, b.formula || b.note || b.text));
}

/** One weight: what it is and does, and its explanation. */
function tell(name, place) {
  const here = key(name, place), explanation = step.explanations[here];
  const before = value(name, -1), gradient = step.gradients[name] && value(step.gradients[name], Infinity), after = value(name, Infinity);
  const rows = [["before the step", before], ["gradient ∂J/∂w", gradient], ["after the step", after]].filter(([, a]) => a && number(a, place) !== undefined).map(([w, a]) => [w, show(number(a, place))]);
  open(here, name in step.parameters ? grid("This weight in this step", ["when", "number"], rows, true) : null, explanation ? blocks(explanation) : make("p", {class: "note"}, step.unexplained));
}

/** One neuron, channel or state: its numbers for the sample, its weights, and its explanation. */
function neuron(k, unit) {
  const column = step.columns[k], input = column.about === "input";
  const named = input ? called("x", "unit", unit) : k === step.columns.length - 1 ? called(step.output, "unit", unit) : String(unit);
  const content = [];
  const rows = [...column.values, ...column.gradients].map(name => {
    const array = value(name, Infinity), found = array && unitOf(array, unit);
    if (!found) return null;
    const single = found.rows * found.columns === 1;
    return [make("span", {}, symbol(name), " ", make("small", {}, name)), single ? show(found.get()) : tiny(found, array.reach)];
  }).filter(Boolean);
  content.push(grid(`Sample ${sample}, as the step leaves it`, ["value", "number"], rows, true));
  const w = column.weights, W = w && value(w.name, -1);
  if (W && unit < W.shape[0]) {
    const g = value(w.gradient, Infinity), source = step.columns[w.source], from = shown({values: source.values.slice(-1), gradients: []}, Infinity);
    const lines = Array.from({length: Math.min(W.shape[1], TABLE_ROWS)}, (_, j) => [
      make("button", {type: "button", class: "link", click: () => tell(w.name, [unit, j])}, source.about === "input" ? called("x", "unit", j) : `${source.label} ${j}`),
      show(number(W, [unit, j])), from && from.array.shape.length === 2 && number(from.array, [sample, j]) !== undefined ? show(number(from.array, [sample, j])) : "",
      g && number(g, [unit, j]) !== undefined ? show(number(g, [unit, j])) : ""]);
    const cut = lines.length < source.units ? `, the first ${lines.length} of ${source.units}` : "";
    content.push(make("h3", {}, "Incoming weights"), grid(`A name opens the weight${cut}`, ["from", "weight", "input", "gradient"], lines, true));
  }
  for (const name of column.values) {
    const explanation = step.explanations[`${name}[${sample},${unit}]`];
    if (explanation) content.push(make("h3", {}, `Why ${name} is what it is`), blocks(explanation));
  }
  open(`${column.label}, ${input ? "input" : "unit"} ${named}`, content);
}

function tiny(found, reach) {
  const canvas = picture(make("canvas"), found.rows, found.columns, found.get, reach);
  canvas.style.cssText = `width:${Math.min(220, found.columns * 10)}px;height:${found.rows === 1 ? 14 : found.rows * Math.min(10, 220 / found.columns)}px;image-rendering:pixelated`;
  return canvas;
}

// ---- stepping -------------------------------------------------------------------------------------------------------

function go(number_) {
  const last = step.instructions.length - 1;
  at = Math.max(0, Math.min(last, number_));
  const i = step.instructions[at];
  for (const button of $("list").querySelectorAll("button")) {
    const own = Number(button.dataset.at), current = own === at;
    button.classList.toggle("done", own <= at);
    button.setAttribute("tabindex", current ? "0" : "-1");
    if (current) button.setAttribute("aria-current", "step"); else button.removeAttribute("aria-current");
    if (current) {
      if ($("list").contains(document.activeElement)) button.focus({preventScroll: true});
      const box = $("program"), top = button.offsetTop - box.offsetTop;
      if (box.scrollHeight > box.clientHeight && (top < box.scrollTop + 30 || top > box.scrollTop + box.clientHeight - 60)) box.scrollTop = top - box.clientHeight / 2;
    }
  }
  for (const [id, end] of Object.entries({first: 0, "phase-back": 0, back: 0, next: last, "phase-next": last, last})) $(id).setAttribute("aria-disabled", String(at === end));
  $("slider").value = at;
  $("slider").setAttribute("aria-valuetext", `${at} of ${last}: ${i.phase}, ${i.title}${i.layer ? ", " + i.layer : ""}`);
  $("transport").className = i.phase;
  $("where").replaceChildren(`${at} / ${last} · `, make("b", {}, i.phase), ` · ${i.layer ? i.layer + " · " : ""}${i.title}`);
  drawing();
  now();
  const written = i.written.map(name => { const a = value(name, at); return a ? `${name} ${a.full.length ? `${a.full.join(" by ")}, mean ${a.words[1]}` : show(a.numbers[0])}` : name; }).join("; ");
  $("said").textContent = `Instruction ${at} of ${last}, ${i.phase}, ${i.title}${i.layer ? " of " + i.layer : ""}: ${i.formula}.${written ? " Writes " + written + "." : ""}`;
}

const phase = k => step.instructions[k].phase;
function nextPhase(way) {
  let k = at;
  if (way > 0) { while (k < step.instructions.length - 1 && phase(k) === phase(at)) k++; return k; }
  while (k > 0 && phase(k - 1) === phase(at)) k--;
  if (k < at || k === 0) return k;
  const before = phase(--k);
  while (k > 0 && phase(k - 1) === before) k--;
  return k;
}

function play(on) {
  clearInterval(playing);
  playing = on ? setInterval(() => { if (at === step.instructions.length - 1) play(false); else go(at + 1); }, 1200) : 0;
  showPlaying($("play"), on, on ? "Pause" : "Play");
  if (on && at === step.instructions.length - 1) go(0);
}

function choose(k) {
  step = page.steps[k];
  if (!step.facts) {
    step.facts = Object.fromEntries(step.values.map(v => [v.name, v]));
  }
  sample = Math.min(sample, step.rows.length - 1);
  const [title, ...rest] = step.title.split(": ");
  $("title").textContent = title[0].toUpperCase() + title.slice(1);
  $("facts").replaceChildren(make("p", {}, rest.join(": ")), 
    ...(step.notes.length ? [make("details", {}, make("summary", {}, "What this page leaves out"), step.notes.map(note => make("p", {}, note)))] : []));
  $("slider").max = step.instructions.length - 1;
  $("sample").max = step.rows.length - 1;
  $("of").textContent = ` of ${step.rows.length}`;
  const runs = step.instructions.reduce((all, i) => { if (all.at(-1)?.[0] === i.phase) all.at(-1)[1]++; else all.push([i.phase, 1]); return all; }, []);
  $("phases").replaceChildren(...runs.map(([name, n]) => { const bar = make("i", {class: name}); bar.style.flexGrow = n; return bar; }));
  program();
  go(Math.min(at, step.instructions.length - 1));
}

const ACTIONS = {first: () => go(0), "phase-back": () => go(nextPhase(-1)), back: () => go(at - 1), play: () => play(!playing), next: () => go(at + 1),
  "phase-next": () => go(nextPhase(1)), last: () => go(Infinity)};
for (const [id, action] of Object.entries(ACTIONS)) $(id).addEventListener("click", () => { if (id !== "play") play(false); action(); });
$("slider").addEventListener("input", () => { play(false); go(Number($("slider").value)); });
$("sample").addEventListener("input", () => {
  const k = Math.floor(Number($("sample").value));
  if (k >= 0 && k < step.rows.length) { sample = k; go(at); }
});
if ($("step")) $("step").addEventListener("change", () => choose(Number($("step").value)));
const KEYS = {ArrowRight: "next", ArrowDown: "next", ArrowLeft: "back", ArrowUp: "back", PageDown: "phase-next", PageUp: "phase-back", Home: "first", End: "last"};
onKeys(key => KEYS[key] && (() => { play(false); ACTIONS[KEYS[key]](); }));
onColours(() => { repaint(); go(at); });
addEventListener("resize", drawing);

choose(0);
