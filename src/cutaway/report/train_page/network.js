// The network as columns of units: what each answers, weights as lines between them.
import {$, make} from "../../drawing/page/elements.js";
import {show} from "../../drawing/page/numbers.js";
import {colour, css, picture, reachOf} from "../../drawing/page/colours.js";
import {band, chosen, slotAt} from "../../drawing/page/layers.js";
import {say} from "./words.js";

const MOST = 8, GAP = 14;  // units drawn of a column, pixels between two

export class NetworkView {
  /** @type {any[]} */ units = [];
  /** @type {any[]} */ weights = [];

  constructor(app, section) {
    this.app = app;
    const {about} = app, sample = make("input", {type: "number", id: "sample", min: 0, value: 0, input: () => { app.sample = Math.max(0, Math.floor(Number(sample.value)) || 0); app.draw(); }});
    this.of = make("span", {});
    this.lines = make("svg", {"aria-hidden": "true"});
    this.box = make("div", {id: "drawing", role: "group", "aria-label": say("networkLabel"), keydown: event => this.move(event)}, this.lines);
    section.append(make("div", {class: "row"}, make("h2", {}, say("network")), make("label", {class: "picker"}, `${say("sample")} `, sample, " ", this.of)),
      make("div", {class: "drawn"}, this.box), this.legend = make("p", {class: "note"}));
    const [before, after] = say(app.map.plane ? "legendPlane" : "legendSample", {scale: "\0"}).split("\0");
    this.legend.append(before, make("span", {class: "scale", "aria-hidden": "true"}), after);
    this.columns = about.columns.map((c, k) => ({...c, k, shown: chosen(c.units, MOST), value: c.values[c.values.length - 1],
      inner: about.values[c.values[c.values.length - 1]].shape.slice(1, -1)}));
    this.build();
  }

  /** One button for each unit, one line for each weight that is drawn. */
  build() {
    const {app} = this;
    for (const column of this.columns) {
      column.head = make("p", {class: "head"}, make("b", {}, column.label), make("small", {title: column.about}, column.about === "input" ? this.extent(column) : column.about));
      this.box.append(column.head);
      column.shown.forEach((unit, slot) => {
        const canvas = make("canvas", {width: 1, height: 1});
        const name = app.symbols.called(column.k, unit), own = name === String(unit) ? null : make("span", {class: "called"}, name.length > 16 ? `${name.slice(0, 15)}…` : name);
        const number = make("span", {class: "number"});
        const node = make("button", {type: "button", class: "unit", tabindex: this.units.length ? "-1" : "0", "data-unit": `${column.k},${unit}`,
          click: () => app.selectUnit(column.k, unit)}, canvas, own, number);
        this.box.append(node);
        this.units.push({node, canvas, number, column, unit, slot, name});
      });
      if (column.shown.length < column.units) this.box.append(column.dots = make("span", {class: "dots"}, say("notShown", {n: column.units - column.shown.length})));
      const w = column.weights;
      if (w) for (const unit of column.shown) for (const input of this.columns[w.source].shown) {
        const place = unit * this.columns[w.source].units + input, line = make("line", {class: "weight"});
        const grip = make("line", {class: "grip", click: () => app.select({kind: "weight", name: w.name, place})}, make("title", {}));
        this.weights.push({line, grip, column, unit, input, name: w.name, place});
      } else for (const source of column.sources) this.weights.push({line: make("path", {class: "band"}), column, source});
    }
    this.goal = make("div", {class: "goal"}, make("b", {}, say("curve")), make("span", {}, app.about.loss.replaceAll("_", " ")), this.J = make("output", {}));
    this.way = make("path", {class: "way"});
    this.lines.append(this.way, ...this.weights.map(w => w.line), ...this.weights.map(w => w.grip).filter(Boolean));
    this.box.append(this.goal);
  }

  extent(column) {
    const {inner} = column;
    return inner.length > 1 ? `${inner.join(" × ")}` : inner.length ? `${inner[0]} ×` : "";
  }

  /** Where everything stands, for the width there is. */
  layout() {
    const room = this.box.parentElement.clientWidth, {columns} = this;
    if (room === this.room) return;
    this.room = room;
    const maps = this.app.map.plane || columns.some(c => c.inner.length > 1), tile = maps ? 38 : 26, wide = c => c.inner.length === 1 ? 66 : tile;
    const named = Math.max(0, ...this.units.filter(u => !u.column.k).map(u => u.name === String(u.unit) ? 0 : Math.min(u.name.length, 16)));
    const left = 86 + Math.max(0, named * 7.2 - 52), right = 208, least = 92;
    const inside = Math.max(room - left - right - wide(columns[columns.length - 1]) / 2, (columns.length - 1) * least);
    const width = Math.max(room, inside + left + right), tall = Math.max(...columns.map(c => c.shown.length + (c.dots ? 0.7 : 0)), 3);
    const height = 56 + tall * (tile + GAP) + 6, middle = 52 + tall * (tile + GAP) / 2;
    Object.assign(this.box.style, {width: `${width}px`, height: `${height}px`});
    this.lines.setAttribute("width", width); this.lines.setAttribute("height", height);
    columns.forEach((c, k) => {
      c.x = left + inside * k / Math.max(1, columns.length - 1);
      c.wide = wide(c);
      Object.assign(c.head.style, {left: `${c.x}px`, width: `${Math.max(60, inside / Math.max(1, columns.length - 1) - 8)}px`});
      c.y = slot => slotAt(slot, c.shown.length, middle, tile + GAP, c.dots ? 0.7 : 0);
      if (c.dots) Object.assign(c.dots.style, {left: `${c.x}px`, top: `${(c.y(c.shown.length - 2) + c.y(c.shown.length - 1)) / 2}px`});
    });
    for (const u of this.units) {
      const {column: c} = u, high = c.inner.length === 1 ? 24 : tile;
      u.node.className = `unit ${maps || c.inner.length ? "tile" : "ball"}${c.k ? "" : " input"}`;
      Object.assign(u.node.style, {left: `${c.x - c.wide / 2}px`, top: `${c.y(u.slot) - high / 2}px`, width: `${c.wide}px`, height: `${high}px`});
    }
    for (const w of this.weights) {
      const to = w.column;
      if (w.source !== undefined) {
        const from = columns[w.source], a = from.x + from.wide / 2, b = to.x - to.wide / 2, ends = c => [c.y(0), c.y(c.shown.length - 1)];
        w.line.setAttribute("d", band(a, ends(from), b, ends(to)));
        continue;
      }
      const from = columns[to.weights.source];
      const ends = {x1: from.x + from.wide / 2 + 1, y1: from.y(from.shown.indexOf(w.input)), x2: to.x - to.wide / 2 - 1, y2: to.y(to.shown.indexOf(w.unit))};
      for (const part of [w.line, w.grip]) for (const [key, v] of Object.entries(ends)) part.setAttribute(key, v);
    }
    const last = columns[columns.length - 1];
    Object.assign(this.goal.style, {left: `${width - 92}px`, top: `${middle}px`});
    this.way.setAttribute("d", `M${last.x + last.wide / 2 + 62} ${middle}H${width - 100}m-5-4 5 4-5 4`);
  }

  draw() {
    this.layout();
    const {app} = this, {look, machine, map} = app;
    const n = look.rows.length;
    app.sample = Math.min(app.sample, n - 1);
    if (document.activeElement !== $("sample")) $("sample").value = app.sample;
    $("sample").max = n - 1;
    this.of.textContent = say("sampleOf", {n: n - 1, row: look.rows[app.sample]});
    for (const c of this.columns) {
      c.array = look.read(c.value);
      c.reach = c.array ? reachOf(c.array.numbers) : 1;
      c.grid = map.plane ? machine.read(c.value, machine.ahead) : null;
      c.gridReach = c.grid ? reachOf(c.grid.numbers) : 1;
    }
    for (const u of this.units) this.unit(u);
    const reaches = new Map();
    for (const w of this.weights) {
      if (w.source !== undefined) continue;
      const values = machine.part(w.name);
      if (!reaches.has(w.name)) reaches.set(w.name, Math.max(1e-9, ...Array.from(values.subarray(0, 4096), Math.abs)));
      const v = values[w.place], share = Math.min(1, Math.abs(v) / reaches.get(w.name));
      const picked = app.selected && app.selected.kind === "weight" && app.selected.name === w.name && app.selected.place === w.place;
      w.line.setAttribute("class", `weight ${v < 0 ? "down" : "up"}${picked ? " picked" : ""}`);
      w.line.setAttribute("stroke-width", (0.5 + 4.2 * share).toFixed(2));
      w.line.setAttribute("stroke-opacity", picked ? 1 : (0.12 + 0.88 * share ** 1.2).toFixed(2));
      w.grip.firstChild.textContent = `${app.symbols.at(w.name, w.place, machine)} = ${show(v)}`;
    }
    this.J.textContent = show(look.J);
  }

  unit(u) {
    const {app} = this, {column: c, unit} = u, {map} = app;
    let said = "";
    const a = c.array, each = a ? a.numbers.length / a.shape[0] : 0, value = k => a.numbers[app.sample * each + k];
    if (!c.inner.length && a) said = show(value(unit));
    if (map.plane && c.grid) {
      const G = app.about.grid, half = G >> 1, width = c.units, {numbers} = c.grid;
      picture(u.canvas, half, half, (r, k) => numbers[((G - 1 - 2 * r) * G + 2 * k) * width + unit], c.gridReach);
    } else if (a && c.inner.length) {
      const [rows, columns] = c.inner.length > 1 ? [c.inner[0], c.inner[1]] : [1, c.inner[0]];
      picture(u.canvas, rows, columns, (r, k) => value((r * columns + k) * c.units + unit), c.reach);
    } else if (a) u.canvas.style.background = css(colour(value(unit), c.reach));
    u.number.textContent = (c.k === 0 || c.k === this.columns.length - 1) ? said : "";
    u.node.setAttribute("aria-label", say("unit", {layer: c.label, kind: say(c.about === "input" ? "input" : "neuron"), name: u.name, value: said || c.value}));
    const picked = app.selected && app.selected.kind === "unit" && app.selected.column === c.k && app.selected.unit === unit;
    u.node.classList.toggle("picked", Boolean(picked));
  }

  /** Arrow keys go from unit to unit. */
  move(event) {
    const here = this.units.find(u => u.node === document.activeElement);
    const way = {ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0]}[event.key];
    if (!here || !way) return;
    event.preventDefault(); event.stopPropagation();
    const column = this.columns[here.column.k + way[0]];
    if (!column) return;
    const slot = Math.max(0, Math.min(column.shown.length - 1, here.slot + way[1]));
    const next = this.units.find(u => u.column === column && u.slot === slot);
    here.node.tabIndex = -1; next.node.tabIndex = 0;
    next.node.focus();
  }
}
