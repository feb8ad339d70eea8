// What a number is made of, found by running its own instruction again: with every row's gradient but one put to zero,
// with one number put to 1. A derivative is linear in the gradient that it gets, so the terms add up to the number.

const MOST = 400, MILLISECONDS = 120;

export class Terms {
  constructor(look) {
    this.look = look;
    this.machine = look.machine;
    const {instructions} = look.facts;
    this.writers = new Map();
    this.gradients = new Set(instructions.filter(i => i.phase === "backward").flatMap(i => i.written));
    instructions.forEach(i => { for (const name of i.written) this.writers.set(name, i); });
  }

  writer(name) { return this.writers.get(name); }

  /** The gradients that an instruction reads. */
  incoming(i) { return [...new Set(i.read)].filter(name => this.gradients.has(name)); }

  /** Run an instruction with other numbers in some values; `get` is asked after each run. All is put back. */
  trying(i, names, work) {
    const {machine} = this, touched = [...new Set([...names, ...i.written])].map(name => machine.read(name)).filter(Boolean);
    const kept = touched.map(a => a.numbers.slice()), t = machine.slot("T");
    machine.slot("T", t + 1);  // chance is that of the step under way
    try { return work(() => machine.one(i.number)); } finally { touched.forEach((a, k) => a.numbers.set(kept[k])); machine.slot("T", t); }
  }

  /**
   * The terms of number `place` of `name`: [{row, value}], one for each row of the batch, the largest first; for a
   * gradient that sums over rows.
   */
  byRow(name, place) {
    const i = this.writer(name), sources = i ? this.incoming(i) : [], target = this.machine.read(name);
    const arrays = sources.map(s => this.machine.read(s)).filter(a => a && this.look.facts.values[a.name].rows);
    if (!arrays.length || !target) return null;
    const n = this.machine.n, found = [];
    this.trying(i, sources, run => {
      const kept = arrays.map(a => a.numbers.slice()), until = performance.now() + MILLISECONDS;
      for (const a of arrays) a.numbers.fill(0);
      for (let row = 0; row < n && performance.now() < until; row++) {
        const put = way => arrays.forEach((a, k) => {
          const each = a.numbers.length / n;
          for (let j = row * each; j < (row + 1) * each; j++) a.numbers[j] = way ? kept[k][j] : 0;
        });
        put(true);
        run();
        found.push({row, value: target.numbers[place]});
        put(false);
      }
    });
    return found.sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
  }

  /**
   * The terms of a gradient's number: [{name, place, incoming, local, value}]: value = incoming · local, where local is
   * what the instruction gives for a gradient of 1 there. row: of these rows alone (null: all of them).
   */
  byNumber(name, place, row) {
    const i = this.writer(name), target = this.machine.read(name);
    if (!i || !target) return [];
    const n = this.machine.n, found = [], candidates = [];
    for (const source of this.incoming(i)) {
      const a = this.machine.read(source);
      if (!a) continue;
      const rows = this.look.facts.values[source].rows, each = rows ? a.numbers.length / n : a.numbers.length;
      const [lo, hi] = rows && row !== null ? [row * each, (row + 1) * each] : [0, a.numbers.length];
      for (let j = lo; j < hi; j++) if (a.numbers[j] !== 0) candidates.push([a, j]);
    }
    // the same place first, which is all that counts where an instruction works number by number
    const own = (a, j) => a.numbers.length === target.numbers.length && j === place ? Infinity : Math.abs(a.numbers[j]), total = target.numbers[place];
    candidates.sort(([a, j], [b, k]) => own(b, k) === own(a, j) ? 0 : own(b, k) - own(a, j));
    this.trying(i, this.incoming(i), run => {
      const values = candidates.map(([a, j]) => a.numbers[j]), until = performance.now() + MILLISECONDS;
      for (const source of this.incoming(i)) this.machine.read(source).numbers.fill(0);
      candidates.slice(0, MOST).forEach(([a, j], k) => {
        if (performance.now() > until || (found.length === 1 && target.rows && found[0].value === total)) return;
        a.numbers[j] = 1;
        run();
        a.numbers[j] = 0;
        const local = target.numbers[place];
        if (local !== 0) found.push({name: a.name, place: j, incoming: values[k], local, value: values[k] * local});
      });
    });
    return found.sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
  }

  /** The name of a term's local derivative, where it is one number of what the instruction reads: W2[0, 3], x[17, 2]. */
  named(i, term, row, symbols) {
    const found = [];
    for (const name of new Set(i.read)) {
      const a = this.gradients.has(name) ? null : this.machine.read(name);
      if (!a || a.numbers.length < 2) continue;
      const each = a.rows && row !== null ? a.numbers.length / this.machine.n : a.numbers.length, lo = a.rows && row !== null ? row * each : 0;
      for (let j = lo; j < lo + each && found.length < 2; j++) if (a.numbers[j] === term.local) found.push([name, j]);
    }
    return found.length === 1 ? symbols.symbol(...found[0]) : "";
  }

  /** From a weight's gradient back to J, through the largest term each time: [{name, place, value, instruction, terms}]. */
  chain(name, place, row) {
    const links = [];
    let here = name, at = place;
    for (let length = 0; length < 40; length++) {
      const i = this.writer(here), a = this.machine.read(here);
      if (!i || !a) break;
      const terms = this.byNumber(here, at, row);
      links.push({name: here, place: at, value: length ? a.numbers[at] : undefined, instruction: i, terms});
      if (!terms.length) break;
      ({name: here, place: at} = terms[0]);
    }
    return links;
  }
}

/** The indices of a place in an array: 7 in (2, 4) is [1, 3]. */
export function indices(place, shape) {
  const found = [];
  for (let axis = shape.length - 1; axis >= 0; axis--) { found.unshift(place % shape[axis]); place = Math.floor(place / shape[axis]); }
  return found;
}
