// One weight, or one unit: where its number comes from, back to J, and what the optimizer makes of it.
import {make} from "../../drawing/page/elements.js";
import {show} from "../../drawing/page/numbers.js";
import {filled, worked} from "../../drawing/page/equations.js";
import {grid} from "../../drawing/page/tables.js";
import {own, say} from "./words.js";
import {Terms, indices} from "./terms.js";

const SHOWN = 6;

export class WhyView {
  /** @type {Terms} */ terms;

  constructor(app, section) {
    this.app = app;
    section.append(this.head = make("div", {class: "row"}, make("h2", {}, say("why"))), this.box = make("div", {id: "told"}));
    this.field = make("input", {type: "number", step: "any", "aria-label": say("set"), keydown: event => { if (event.key === "Enter") this.set(); }});
    this.keep = make("input", {type: "checkbox", change: () => this.freeze()});
    this.controls = make("form", {class: "edit", submit: event => { event.preventDefault(); this.set(); }},
      this.field, make("button", {type: "submit"}, say("set")), make("label", {}, this.keep, ` ${say("freeze")}`));
  }

  draw() {
    const {app} = this, {selected} = app, quick = app.playing;
    if (!selected) { this.box.replaceChildren(make("p", {class: "note"}, say("whyHint"))); return; }
    this.terms = new Terms(app.look);
    const content = selected.kind === "weight" ? this.weight(selected, quick) : this.unit(selected);
    const open = this.box.contains(document.activeElement) ? /** @type {HTMLElement} */ (document.activeElement).dataset.key : null;
    this.box.replaceChildren(...content.flat(Infinity).filter(Boolean));
    if (open) { const again = this.box.querySelector(`[data-key="${CSS.escape(open)}"]`); if (again) again.focus({preventScroll: true}); }
  }

  // ---- a weight -----------------------------------------------------------------------------------------------------

  weight({name, place}, quick) {
    const {app} = this, w = app.look.weight(name, place), {at} = app.machine.places[name];
    const frozen = app.active.setup.frozen.includes(at + place);
    if (document.activeElement !== this.field) this.field.value = String(Number(w.before.toPrecision(7)));
    this.keep.checked = frozen;
    this.controls.hidden = Boolean(quick);
    const symbol = this.symbol(name, place), [terms, rule] = app.look.finite ? this.gradient(w, symbol, quick) : [];
    return [make("div", {class: "top"}, make("p", {class: "what"}, make("b", {class: "math"}, symbol), make("span", {}, name), make("output", {}, show(w.before))), this.controls),
      frozen ? make("p", {class: "note"}, say("isFrozen")) : null,
      terms ? make("div", {class: "sides"}, make("div", {}, terms), make("div", {}, this.update(w, frozen))) : null, rule];
  }

  symbol(name, place) { return this.app.symbols.at(name, place, this.app.machine); }

  /** The gradient as a sum over rows, and the chain rule through one of them; null while it trains. */
  gradient(w, symbol, quick) {
    const {app} = this, {look, about} = app, name = about.gradients[w.name], i = this.terms.writer(name);
    const found = [make("h3", {}, say("gradient"))];
    if (!i || w.gradient === undefined) return [found, null];
    const rows = quick ? null : this.terms.byRow(name, w.place);
    found.push(make("p", {class: "formula"}, rows ? say("sumOver", {symbol, total: show(w.gradient), n: look.rows.length}) : say("single", {symbol, total: show(w.gradient)}),
      make("small", {}, own(i.formula))));
    if (!rows) return [found, null];
    const most = Math.abs(rows[0] ? rows[0].value : 1) || 1, listed = rows.slice(0, SHOWN), rest = w.gradient - listed.reduce((a, t) => a + t.value, 0);
    if (!rows.some(r => r.row === this.through)) this.through = undefined;
    const through = this.chosenFor === symbol && this.through !== undefined ? this.through : rows.length ? rows[0].row : 0;
    found.push(grid(say("gradient"), [say("row"), say("adds"), ""], [
      ...listed.map(t => [make("button", {type: "button", class: "link", "data-key": `row${t.row}`, "aria-pressed": String(t.row === through),
        click: () => { this.through = t.row; this.chosenFor = symbol; app.sample = t.row; app.draw(); }}, String(look.rows[t.row])), show(t.value), bar(t.value / most)]),
      rows.length > SHOWN ? [say("rest", {n: look.rows.length - SHOWN}), show(rest), ""] : null,
      [say("sum"), show(w.gradient), ""]]));
    return [found, this.chain(name, w.place, through)];
  }

  /** From J to the weight, a line for each instruction that the gradient went through. */
  chain(name, place, row) {
    const {app} = this, links = this.terms.chain(name, place, row);
    const lines = links.map((link, k) => {
      const {instruction: i, terms} = link, value = k ? link.value : terms.reduce((a, t) => a + t.value, 0);
      const ways = terms.slice(0, 2).map(t => `${slope(this.symbol(t.name, t.place))} · ${this.terms.named(i, t, row, this) || bracketed(t.local)}`);
      const numbers = terms.slice(0, 3).map(t => `${show(t.incoming)} · ${bracketed(t.local)}`), more = (listed, of) => of > listed ? ` + ${say("rest", {n: of - listed})}` : "";
      return make("li", {}, make("p", {class: "step"}, make("b", {class: "math"}, slope(this.symbol(link.name, link.place))), terms.length ? ` = ${ways.join(" + ")}${more(2, terms.length)}` : ""),
        make("p", {class: "made"}, terms.length ? `= ${numbers.join(" + ").replaceAll("+ −", "− ")}${more(3, terms.length)} ` : "", "= ", make("output", {}, show(value))),
        make("small", {}, `${i.title}${i.layer ? ` · ${i.layer}` : ""}: ${i.formula}`));
    });
    return [make("h3", {}, say("chain", {row: app.look.rows[row]})), make("p", {class: "note"}, say("chainRest")), make("ol", {class: "chain"}, lines.reverse())];
  }

  /** The optimizer's equations with this weight's numbers put in, then the step in parts. */
  update(w, frozen) {
    const {app} = this, {look, about, active} = app, opt = about.optimizers.find(o => o.name === active.setup.optimizer);
    const settings = {};
    for (const [key, symbol] of Object.entries(opt.symbols)) settings[symbol] = active.setup.settings[key];
    const lr = app.machine.slot("RATE");
    settings[opt.symbols.lr] = settings.η = lr;
    if (settings.α === undefined) settings.α = lr;
    if ("weight_decay" in active.setup.settings && !about.decays[w.name]) settings.λ = 0;
    const known = {...settings, g: w.gradient, θ: w.before, t: look.before.t + 1, ...w.state};
    const found = [make("h3", {}, say("update")), make("p", {class: "formula"}, `θ: ${say("becomes", {before: show(w.before), after: frozen ? show(w.before) : show(w.after)})}`)];
    if (opt.prepared.length) found.push(make("p", {class: "note"}, say("clipped", {what: opt.prepared.join(", ")})));
    if (!opt.equations.length || opt.prepared.length) return [...found, opt.equations.length ? null : make("p", {class: "note"}, say("ownRule"))];
    for (const [gives, text, pieces] of opt.equations) {
      const value = gives in w.stateAfter ? w.stateAfter[gives] : gives === "θ" ? w.after : worked(pieces, known);
      found.push(make("div", {class: "equation"}, make("span", {class: "math"}, `${gives} ${gives in w.state || gives === "θ" ? "←" : "="} ${text}`.replaceAll("-", "−")),
        make("p", {}, filled(pieces, known, show).map(part => part.raised ? make("sup", {}, part.raised) : part), " = ", make("b", {}, show(value)))));
      if (gives !== "θ") known[gives] = value;
    }
    let before = 0;
    const parts = opt.parts.map(([part, text, pieces]) => {
      const soFar = worked(pieces, known), row = [part, own(text.replaceAll("-", "−")), show(soFar - before), show(soFar)];
      before = soFar;
      return row;
    });
    const step = w.after - w.before;
    parts.push([say("rounding"), "", show(step - before), show(step)]);
    return [...found, grid(say("update"), [say("part"), say("is"), say("adds"), say("soFar")], parts)];
  }

  // ---- a unit -------------------------------------------------------------------------------------------------------

  unit({column: k, unit}) {
    const {app} = this, {look, about, symbols, machine} = app, column = about.columns[k];
    const title = say("unit", {layer: column.label, kind: say(column.about === "input" ? "input" : "neuron"), name: symbols.called(k, unit), value: ""}).replace(/: $/, "");
    const found = [make("p", {class: "what"}, make("b", {}, title))], rows = [];
    for (const name of [...column.values, ...column.gradients]) {
      const a = look.read(name);
      if (!a) continue;
      const each = a.numbers.length / a.shape[0], width = a.shape[a.shape.length - 1], single = each === width, place = app.sample * each + unit;
      if (!single) continue;
      rows.push([make("span", {class: "math"}, symbols.at(name, place, machine)), show(a.numbers[place]), column.gradients.includes(name) ? slope(symbols.at(name, place, machine)) : own(this.formulaOf(name))]);
    }
    if (rows.length) found.push(grid(say("value"), [say("from"), say("is"), ""], rows));
    const w = column.weights;
    if (w) {
      const source = about.columns[w.source], W = machine.part(w.name), G = look.read(w.gradient), from = look.read(source.values[source.values.length - 1]);
      const each = from ? from.numbers.length / from.shape[0] : 0, plain = from && from.shape.length === 2;
      found.push(make("h3", {}, say("incoming")), grid(say("incoming"), [say("from"), say("weight"), say("input"), say("gradient")],
        Array.from({length: Math.min(source.units, 32)}, (_, j) => {
          const place = unit * source.units + j;
          return [make("button", {type: "button", class: "link", "data-key": `w${place}`, click: () => app.select({kind: "weight", name: w.name, place})}, `${source.about === "input" ? "" : `${source.label} `}${symbols.called(w.source, j)}`),
            show(W[place]), plain ? show(from.numbers[app.sample * each + j]) : "", G ? show(G.numbers[place]) : ""];
        })));
    } else found.push(this.parameters(column));
    return found;
  }

  /** A layer without a weight from unit to unit: its parameters, each number a door. */
  parameters(column) {
    const {app} = this, own = Object.keys(app.about.parameters).filter(name => name.startsWith(`${column.label}.`) || name === column.label);
    return own.map(name => {
      const numbers = app.machine.part(name), {shape} = app.about.parameters[name];
      return [make("h3", {}, name), make("div", {class: "doors"}, Array.from(numbers.subarray(0, 48), (v, place) => make("button", {type: "button", class: "link", "data-key": `${name}${place}`,
        "aria-label": `${name}[${indices(place, shape).join(", ")}] = ${show(v)}`, click: () => app.select({kind: "weight", name, place})}, show(v))))];
    });
  }

  formulaOf(name) { const i = this.terms.writer(name); return i ? i.formula : ""; }

  // ---- changing -----------------------------------------------------------------------------------------------------

  set() {
    const {app} = this, {name, place} = app.selected, value = Number(this.field.value);
    if (!Number.isFinite(value) || this.field.value === "") { app.trouble(say("wrongNumber", {name: this.symbol(name, place), least: "−∞", most: "∞"})); return; }
    app.change({name, place, value, words: say("wrote", {symbol: this.symbol(name, place), value: show(value)})});
  }

  freeze() {
    const {app} = this, {name, place} = app.selected, k = app.machine.places[name].at + place, {frozen} = app.active.setup, held = frozen.includes(k);
    app.setUp({frozen: held ? frozen.filter(j => j !== k) : [...frozen, k]}, say(held ? "thawed" : "froze", {symbol: this.symbol(name, place)}));
  }
}

/** dz1[3, 2] is ∂J/∂z1[3, 2], which no line breaks. */
const slope = symbol => `∂J/\u2060∂${symbol.replace(/^d(?=[A-Za-zℓŷ])/, "")}`;

const bracketed = v => v < 0 ? `(${show(v)})` : show(v);

function bar(share) {
  const made = make("i", {class: `share ${share < 0 ? "down" : "up"}`});
  made.style.width = `${Math.min(1, Math.abs(share)) * 5}rem`;
  return made;
}
