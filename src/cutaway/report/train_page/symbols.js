// How values and single numbers are written: z with a 1 below the line, W1[3, 2].
import {make} from "../../drawing/page/elements.js";
import {subscript} from "../../drawing/page/layers.js";
import {indices} from "./terms.js";

export const by = shape => shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;

export class Symbols {
  constructor(about) {
    this.about = about;
    this.parts = {};
    for (const [vector, names] of Object.entries(about.parts)) names.forEach((name, k) => { this.parts[name] = [vector, Object.keys(about.parameters)[k]]; });
  }

  plain(name) { return this.about.values[name] ? this.about.values[name].symbol : name; }

  /** z1 with its number below the line. */
  nodes(name) {
    const [letter, below] = subscript(this.plain(name));
    return below ? [letter, make("sub", {}, below)] : [letter];
  }

  shape(name, machine) {
    const a = machine.read(name);
    return a ? a.shape : (this.about.parameters[name] || this.about.values[name]).shape;
  }

  /** W1[3, 2] */
  at(name, place, machine) {
    const shape = this.shape(name, machine);
    return shape.length && shape.reduce((a, b) => a * b, 1) > 1 ? `${this.plain(name)}[${indices(place, shape).join(",\u00a0")}]` : this.plain(name);
  }

  /** What the user calls an input or output, else its number. */
  called(column, unit) {
    const {columns, inputs, outputs} = this.about;
    const names = columns[column].about === "input" ? inputs : column === columns.length - 1 ? outputs : [];
    return names[unit] === undefined ? String(unit) : names[unit];
  }
}
