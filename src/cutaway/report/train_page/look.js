// A look at the step that comes: it is run, read, and taken back, so that all numbers on the page fit the weights on it.

export class Look {
  constructor(timeline, facts) {
    const {machine} = timeline;
    this.machine = machine; this.facts = facts; this.timeline = timeline; this.setup = timeline.setup;
    timeline.enter();
    timeline.rate();
    const before = machine.copy(), {order, cursor} = timeline;
    this.rows = order.subarray(cursor.position, cursor.position + timeline.setup.batch);
    this.finite = machine.begin(order, cursor.position);
    this.before = before;
    const J = machine.read("J"), g = machine.read("g");
    this.J = J ? J.numbers[0] : NaN;
    if (this.finite) {
      const kept = g && g.numbers.slice();  // clipping works on g itself
      machine.finish();
      this.after = machine.copy();
      if (g) g.numbers.set(kept);
    }
    machine.put(before);
  }

  read(name) { return this.machine.read(name); }

  /** The numbers of one weight in this step: before, gradient, after, and the optimizer's own, before and after. */
  weight(name, place) {
    const {at, shape} = this.machine.places[name], k = at + place;
    const gradient = this.read(this.facts.gradients[name]), g = gradient ? gradient.numbers[place] : undefined;
    const state = {}, stateAfter = {}, size = this.before["θ"].length;
    for (const key of Object.keys(this.before)) {
      if (key === "t" || key === "θ" || this.before[key].length !== size || !this.facts.vectors.includes(key)) continue;
      state[key] = this.before[key][k];
      stateAfter[key] = this.after ? this.after[key][k] : NaN;
    }
    return {name, place, shape, before: this.before["θ"][k], after: this.after ? this.after["θ"][k] : NaN, gradient: g, state, stateAfter};
  }
}
