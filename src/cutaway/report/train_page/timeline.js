// A training run that can stand after any of its steps. Where it stands follows from its first weights, the order of
// its batches and the changes made on the way: going back takes the nearest snapshot and does the same steps again.
import {stream} from "./chance.js";

const EVERY = 16, MOST = 64;  // steps between snapshots at first, and how many are kept

const orderings = new Map();

/** The rows of an epoch in the order in which a run of this seed takes them: the run's own orders first, if it had any. */
function orderOf({rows, shuffle, orders, seed: own}, seed, epoch) {
  const given = orders && seed === own && epoch * rows <= orders.length, key = given ? `${epoch}` : shuffle ? `${rows} ${seed} ${epoch}` : `all ${rows}`;
  if (!orderings.has(key)) {
    if (orderings.size > 16) orderings.delete(orderings.keys().next().value);
    orderings.set(key, given ? orders.subarray((epoch - 1) * rows, epoch * rows) : shuffle ? stream(seed, "batch order", epoch).permutation(rows) : Int32Array.from({length: rows}, (_, k) => k));
  }
  return orderings.get(key);
}

/**
 * setup: {optimizer, settings, batch, seed, frozen}: what may change on the way; a new object each time.
 * at: steps done. head: the furthest step reached. losses[k]: J of step k + 1. changes: [{at, words, setup} or
 * {at, words, name, place, value}], each made when `at` steps were done.
 */
export class Timeline {
  constructor(machine, task, setup, state, name) {
    this.machine = machine; this.task = task; this.setup = setup; this.name = name;
    this.at = 0; this.head = 0; this.losses = []; this.changes = []; this.broken = 0;
    this.cursor = {epoch: 1, position: 0, seed: setup.seed};
    this.state = state;
    this.every = EVERY;
    this.snapshots = [this.snapshot(state)];
  }

  snapshot(state) { return {at: this.at, state, setup: this.setup, cursor: {...this.cursor}}; }

  /** Have the machine hold this run's weights and state. */
  enter() {
    const {machine} = this;
    if (machine.owner === this) return;
    if (machine.owner) machine.owner.state = machine.copy();
    machine.owner = this;
    machine.use(this.setup);
    machine.put(this.state);
  }

  /** A second run that stands at the same place with the same past. */
  fork(name) {
    this.enter();
    const other = Object.assign(Object.create(Timeline.prototype), this, {name, state: this.machine.copy(), cursor: {...this.cursor},
      losses: this.losses.slice(0, this.at), changes: this.changes.filter(c => c.at <= this.at), head: this.at,
      snapshots: this.snapshots.filter(s => s.at <= this.at)});
    other.from = {name: this.name, at: this.at};
    return other;
  }

  get order() { return orderOf(this.task, this.cursor.seed, this.cursor.epoch); }

  /** Rows of an epoch: all, or as many as fill whole batches, where the run leaves out a smaller last one. */
  get whole() {
    const {rows, drop} = this.task, {batch} = this.setup;
    return drop && batch < rows ? rows - rows % batch : rows;
  }

  /** Batches that are left of this epoch. */
  get left() { return Math.max(1, Math.ceil((this.whole - this.cursor.position) / this.setup.batch)); }

  get epoch() { return this.cursor.epoch; }

  /** Go on by some steps; gives how many were done: fewer where J or a gradient is not finite. */
  forward(steps) {
    this.enter();
    let done = 0;
    this.broken = 0;
    while (done < steps) {
      const next = this.changes.find(c => c.at > this.at);
      let chunk = Math.min(steps - done, this.left, next ? next.at - this.at : Infinity, this.every - this.at % this.every);
      const {frozen} = this.setup, held = frozen.length ? frozen.map(k => this.machine.weight(k)) : null;
      if (held || this.setup.rates) chunk = 1;
      this.rate();
      const losses = this.machine.run(this.order, this.cursor.position, chunk);
      if (held) frozen.forEach((k, i) => this.machine.weight(k, held[i]));
      for (const J of losses) this.losses[this.at++] = J;
      this.advance(losses.length);
      done += losses.length;
      this.head = Math.max(this.head, this.at);
      if (losses.length < chunk) { this.broken = this.at + 1; break; }
      this.keep();
      for (const change of this.changes) if (change.at === this.at) this.apply(change);
    }
    return done;
  }

  /** Set the learning rate of the step that comes, where it follows a schedule. */
  rate() {
    const {rates} = this.setup;
    if (rates) this.machine.slot("RATE", rates[Math.min(this.at, rates.length - 1)]);
  }

  advance(steps) {
    const {cursor} = this;
    cursor.position += steps * this.setup.batch;
    if (steps && cursor.position >= this.whole) Object.assign(cursor, {epoch: cursor.epoch + 1, position: 0, seed: this.setup.seed});
  }

  keep() {
    if (this.at % this.every || this.snapshots.some(s => s.at === this.at)) return;
    this.snapshots.push(this.snapshot(this.machine.copy()));
    if (this.snapshots.length > MOST) {
      this.every *= 2;
      this.snapshots = this.snapshots.filter(s => s.at % this.every === 0);
    }
  }

  /** Stand after step `step`, earlier or later. */
  seek(step) {
    this.enter();
    if (step < this.at || this.snapshots.some(s => s.at > this.at && s.at <= step)) {
      const from = this.snapshots.filter(s => s.at <= step).reduce((a, b) => b.at > a.at ? b : a);
      this.at = from.at;
      this.setup = from.setup;
      this.cursor = {...from.cursor};
      this.machine.use(this.setup);
      this.machine.put(from.state);
      for (const change of this.changes) if (change.at === this.at) this.apply(change);
    }
    if (step > this.at) this.forward(step - this.at);
  }

  /** Change something from now on. What was done after this step, and the changes there, are forgotten. */
  change(what) {
    this.enter();
    this.changes = this.changes.filter(c => c.at <= this.at);
    this.snapshots = this.snapshots.filter(s => s.at <= this.at);
    this.losses.length = this.head = this.at;
    this.changes.push({...what, at: this.at});
    this.apply(what);
  }

  apply(what) {
    if (what.setup) {
      const before = this.setup;
      this.setup = what.setup;
      if (!this.cursor.position) this.cursor.seed = what.setup.seed;
      this.machine.use(what.setup, before);
    } else this.machine.write(what.name, what.place, what.value);
  }
}
