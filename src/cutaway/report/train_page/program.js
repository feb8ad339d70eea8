// The listing of one step, and the values that an instruction reads and writes.
import {make} from "../../drawing/page/elements.js";
import {show} from "../../drawing/page/numbers.js";
import {picture, reachOf} from "../../drawing/page/colours.js";
import {say} from "./words.js";
import {by} from "./symbols.js";

const ROWS = 24, COLUMNS = 16, TILES = 12;

export class ProgramView {
  constructor(app, section) {
    this.app = app;
    this.list = make("ol", {id: "list", keydown: event => this.move(event)});
    this.values = make("div", {id: "values"});
    section.append(make("h2", {}, say("program")), make("p", {class: "note"}, say("programHint")), make("div", {class: "halves"}, this.list, this.values));
    this.at = null;
  }

  /** The lines of a step: all but the update are the same whatever the optimizer. */
  lines() {
    const {about, active, machine} = this.app, opt = about.optimizers.find(o => o.name === active.setup.optimizer);
    if (opt === about.optimizers[0]) return about.instructions;
    const program = machine.manifest.programs[opt.name], names = some => some.map(k => program.values[k].name);
    const written = ([gives, text]) => `${gives} ${gives === "θ" || opt.vectors.includes(gives) ? "←" : "="} ${text}`;
    const own = i => i.op === "optimizer" ? {title: opt.name.toLowerCase(), formula: opt.equations.map(written).join("; ")} : {};
    const update = program.instructions.map((i, number) => ({...i, number, read: names(i.reads), written: names(i.writes), ...own(i)})).filter(i => i.phase === "update");
    return [...about.instructions.filter(i => i.phase !== "update"), ...update];
  }

  /** Write the list, once for each optimizer. */
  build() {
    const {optimizer} = this.app.active.setup;
    if (this.of === optimizer) return;
    this.of = optimizer;
    this.shown = this.lines();
    if (this.at !== null) this.at = Math.min(this.at, this.shown.length - 1);
    let phase = "";
    this.list.replaceChildren(...this.shown.flatMap(i => [
      ...(i.phase === phase ? [] : [make("li", {class: `phase ${phase = i.phase}`, "aria-hidden": "true"}, phase)]),
      make("li", {class: i.phase}, make("button", {type: "button", tabindex: "-1", "data-at": i.number, click: () => this.go(i.number)},
        make("span", {class: "no"}, String(i.number)), make("span", {class: "title"}, i.title), make("span", {class: "names"}, this.sentence(i)), make("span", {class: "shape"}, i.formula)))]));
    this.mark();
  }

  sentence(i) {
    const names = some => [...new Set(some)].flatMap((name, k) => [k ? " " : "", ...this.app.symbols.nodes(name)]);
    return i.written.length ? [...names(i.written), ...(i.read.length ? [" ← ", ...names(i.read)] : [])] : [];
  }

  go(k) {
    this.at = k;
    this.mark();
    this.draw();
  }

  /** Show which line is in view; Tab leads to it, or to the first. */
  mark() {
    for (const button of this.list.querySelectorAll("button")) {
      const line = Number(button.dataset.at);
      button.tabIndex = line === (this.at || 0) ? 0 : -1;
      if (line === this.at) button.setAttribute("aria-current", "step"); else button.removeAttribute("aria-current");
    }
  }

  move(event) {
    const way = {ArrowDown: 1, ArrowUp: -1}[event.key], last = this.shown.length - 1;
    if (!way) return;
    event.preventDefault(); event.stopPropagation();
    this.go(Math.max(0, Math.min(last, (this.at === null ? -1 : this.at) + way)));
    this.list.querySelector('[aria-current="step"]').focus();
  }

  draw() {
    this.build();
    if (this.at === null) return;
    const {app} = this, i = this.shown[this.at];
    const open = new Set([...this.values.querySelectorAll("details[open]")].map(d => d.dataset.of));
    const written = this.expand(i.written).map(name => this.card(name, i.phase === "update")), read = this.expand(i.read).filter(name => !i.written.includes(name)).map(name => this.card(name, false));
    this.values.className = i.phase;
    this.values.replaceChildren(make("p", {class: "whatop"}, make("b", {}, i.title), i.layer ? ` · ${i.layer}` : ""), make("p", {class: "formula"}, i.formula || "–"),
      ...(written.length ? [make("h3", {}, say("writes")), make("div", {class: "cards"}, written)] : []), ...(read.length ? [make("h3", {}, say("reads")), make("div", {class: "cards"}, read)] : []),
      ...(written.length || read.length ? [] : [make("p", {class: "note"}, say("looks"))]));
    for (const d of this.values.querySelectorAll("details")) d.open = open.has(d.dataset.of);
  }

  /** θ, g and the optimizer's vectors are shown as their parameters' parts. */
  expand(names) { return [...new Set(names)].flatMap(name => this.app.about.parts[name] || [name]); }

  /** The numbers of a value: {numbers, shape}; of what outlasts the step, before it or after it. */
  found(name, after) {
    const {app} = this, {about, look, machine} = app;
    const part = app.symbols.parts[name];
    if (part && part[0] !== "g") {
      const [vector, owner] = part, {at} = machine.places[owner], {shape} = about.parameters[owner], whole = ((after && look.after) || look.before)[vector];
      return whole ? {numbers: whole.subarray(at, at + shape.reduce((a, b) => a * b, 1)), shape} : null;
    }
    return look.read(name);
  }

  card(name, after) {
    const {app} = this, a = this.found(name, after), made = make("figure", {class: "card"});
    made.append(make("figcaption", {}, make("b", {class: "math"}, app.symbols.nodes(name)), " ", make("small", {}, `${name} ${a ? (a.shape.length ? by(a.shape) : say("one")) : ""}`)));
    if (!a) return made;
    if (!a.shape.length || a.numbers.length === 1) { made.append(make("p", {class: "big"}, show(Number(a.numbers[0])))); return made; }
    const reach = reachOf(a.numbers), tiles = this.tiles(name, a);
    const heat = make("div", {class: "heat", role: "img", "aria-label": `${name} ${by(a.shape)}`});
    for (const t of tiles) {
      const canvas = picture(make("canvas"), t.rows, t.columns, (r, c) => Number(a.numbers[t.place(r, c)]), reach);
      const size = Math.max(1, Math.min((tiles.length > 1 ? 60 : 230) / t.columns, (tiles.length > 1 ? 60 : 120) / t.rows, 20));
      canvas.style.width = `${Math.max(4, t.columns * size)}px`; canvas.style.height = `${Math.max(8, t.rows * size)}px`;
      heat.append(canvas);
    }
    let least = Infinity, most = -Infinity, sum = 0;
    for (const v of a.numbers) { const x = Number(v); if (x < least) least = x; if (x > most) most = x; sum += x; }
    const three = /** @type {[string, number][]} */ ([["min", least], ["mean", sum / a.numbers.length], ["max", most]]);
    const stats = three.flatMap(([word, v]) => [make("dt", {}, say(word)), make("dd", {}, show(v))]);
    made.append(heat, make("dl", {class: "stats"}, stats),
      this.numbers(name, a, tiles[0]));
    return made;
  }

  /** Tiles of rows x columns; place(r, c) is where a cell stands in the array. */
  tiles(name, a) {
    const s = a.shape, {sample} = this.app, each = a.numbers.length / s[0];
    if (s.length === 1) return [{rows: 1, columns: s[0], place: (r, c) => c}];
    if (s.length === 2) return [{rows: s[0], columns: s[1], place: (r, c) => r * s[1] + c}];
    const rows = this.app.about.values[name] && this.app.about.values[name].rows, k = Math.min(sample, s[0] - 1) * each;
    if (s.length === 3 && rows) return [{rows: s[2], columns: s[1], place: (r, c) => k + c * s[2] + r}];
    if (s.length === 4) {
      const many = rows ? s[3] : s[0] * s[3];
      return Array.from({length: Math.min(TILES, many)}, (_, m) => rows ? {rows: s[1], columns: s[2], place: (r, c) => k + (r * s[2] + c) * s[3] + m}
        : {rows: s[1], columns: s[2], place: (r, c) => Math.floor(m / s[3]) * each + (r * s[2] + c) * s[3] + m % s[3]});
    }
    return [{rows: s[0], columns: each, place: (r, c) => r * each + c}];
  }

  numbers(name, a, t) {
    const {app} = this, made = make("details", {"data-of": name}, make("summary", {}, say("numbers"))), owner = name in app.about.parameters ? name : Object.keys(app.about.gradients).find(p => app.about.gradients[p] === name);
    made.addEventListener("toggle", () => {
      if (!made.open || made.children.length > 1) return;
      const turned = t.rows === 1 && t.columns > 4, rows = Math.min(turned ? t.columns : t.rows, ROWS), columns = turned ? 1 : Math.min(t.columns, COLUMNS);
      const place = (r, c) => turned ? t.place(0, r) : t.place(r, c);
      const cell = p => owner ? make("button", {type: "button", class: "link", "aria-label": `${app.symbols.at(name, p, app.machine)} = ${show(Number(a.numbers[p]))}`, click: () => app.select({kind: "weight", name: owner, place: p})}, show(Number(a.numbers[p]))) : show(Number(a.numbers[p]));
      made.append(make("div", {class: "wide", tabindex: "0", role: "group", "aria-label": `${say("numbers")}: ${name}`}, make("table", {},
        make("thead", {}, make("tr", {}, make("td", {}), Array.from({length: columns}, (_, c) => make("th", {scope: "col"}, String(c))))),
        make("tbody", {}, Array.from({length: rows}, (_, r) => make("tr", {}, make("th", {scope: "row"}, String(r)), Array.from({length: columns}, (_, c) => make("td", {}, cell(place(r, c))))))))));
    });
    return made;
  }
}
