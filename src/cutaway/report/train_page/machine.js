// The compiled programs of the page: one for each optimizer, and one that only evaluates. All numbers lie in the
// module's memory, where the manifest says.

const KINDS = {float32: Float32Array, float64: Float64Array, int32: Int32Array, int64: BigInt64Array, uint8: Uint8Array, bool: Uint8Array};
const count = shape => shape.reduce((a, b) => a * b, 1);

/** The bytes of a text in base64. */
function bytesOf(text) {
  const letters = atob(text), bytes = new Uint8Array(letters.length);
  for (let k = 0; k < bytes.length; k++) bytes[k] = letters.charCodeAt(k);
  return bytes;
}

/** The bytes of a text in base64 that were packed by gzip. A Response has them in this process; a Blob's would come from
 * the browser's, a detour for each text. */
export async function unpacked(text) {
  const packed = /** @type {ReadableStream<BufferSource>} */ (new Response(bytesOf(text)).body);
  return new Uint8Array(await new Response(packed.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer());
}

export const compiled = async text => WebAssembly.compile(await unpacked(text));

/** An array of the page: {dtype, shape, packed}. */
export async function arrayOf({dtype, packed}) {
  return new KINDS[dtype]((await unpacked(packed)).buffer);
}

export class Machine {
  /**
   * data: arrays by the names of the programs' inputs, a row after the other.
   * @param {WebAssembly.Module} module
   */
  static async open(module, manifest, data) {
    const instance = await WebAssembly.instantiate(module, {});
    const machine = new Machine(instance.exports, manifest);
    for (const program of Object.values(manifest.programs)) if (program.trains) {
      for (const [name, place] of Object.entries(program.data)) machine.at(place.address, place.dtype, data[name].length).set(data[name]);
    }
    return machine;
  }

  constructor(exports, manifest) {
    this.exports = exports; this.manifest = manifest; this.owner = null;
    this.kept = new Map();
    this.places = Object.fromEntries(manifest.parameters.map(p => [p.name, p]));
    for (const program of Object.values(manifest.programs)) {
      program.named = Object.fromEntries(program.values.map(v => [v.name, v]));
      program.check = program.instructions.findIndex(i => i.op === "check");
    }
    this.ahead = manifest.programs.forward;
    this.program = Object.values(manifest.programs).find(p => p.trains);
  }

  // ---- memory -------------------------------------------------------------------------------------------------------

  /** A stretch of memory as it is now; not a copy. */
  at(address, dtype, length) {
    const key = `${address} ${dtype} ${length}`;
    let view = this.kept.get(key);
    if (!view || view.buffer !== this.exports.memory.buffer) {
      this.kept.set(key, view = new KINDS[dtype](this.exports.memory.buffer, address, length));
      if (this.kept.size > 4000) this.kept.clear();
    }
    return view;
  }

  slot(name, value, program = this.program) {
    const address = program.slots[name], whole = this.at(address, "int32", 2);
    if (name === "RATE") { const rate = this.at(address, "float64", 1); return value === undefined ? rate[0] : (rate[0] = value); }
    if (value === undefined) return whole[0];
    whole[0] = value;
    whole[1] = value < 0 ? -1 : 0;
    return value;
  }

  /** Rows of the last batch. */
  get n() { return this.slot("N"); }

  /** A value of the step that ran last: {name, numbers, shape}; null for what has no place. */
  read(name, program = this.program) {
    const v = program.named[name];
    if (!v || v.address === null || v.address === undefined) return null;
    const shape = v.rows ? [v.rows * this.slot("N", undefined, program), ...v.shape] : v.shape;
    return {name, shape, rows: v.rows, numbers: this.at(v.address, v.dtype, count(shape))};
  }

  /** The stretches that outlast a step: θ, this program's vectors, buffers. */
  get states() {
    const own = Object.keys(this.manifest.programs).find(name => this.manifest.programs[name] === this.program);
    return this.manifest.state.filter(s => s.programs.includes(own));
  }

  stretch(name) {
    const s = this.states.find(s => s.name === name);
    return s && this.at(s.address, s.dtype, count(s.shape));
  }

  /** A parameter's part of θ, or of a vector laid out like it; null where there is none. */
  part(parameter, vector = "θ") {
    const place = this.places[parameter], whole = this.stretch(vector), theta = this.stretch("θ");
    return whole && whole.length === theta.length ? whole.subarray(place.at, place.at + count(place.shape)) : null;
  }

  weight(k, value) {
    const theta = this.stretch("θ");
    return value === undefined ? theta[k] : (theta[k] = value);
  }

  /** Copies of all that outlasts a step, by name, and t. */
  copy() {
    const found = {t: this.slot("T")};
    for (const s of this.states) found[s.name] = this.at(s.address, s.dtype, count(s.shape)).slice();
    return found;
  }

  put(state) {
    this.slot("T", state.t);
    for (const s of this.states) {
      const place = this.at(s.address, s.dtype, count(s.shape));
      if (state[s.name] && state[s.name].length === place.length) place.set(state[s.name]); else place.fill(0);
    }
  }

  write(name, place, value) { this.part(name)[place] = value; }

  // ---- running ------------------------------------------------------------------------------------------------------

  /** Go on by another optimizer, rate, batch size or seed. State of the same name is kept, other state begins at zero. */
  use(setup) {
    const next = this.manifest.programs[setup.optimizer];
    if (next !== this.program) {
      const state = this.copy();
      this.program = next;
      this.put(state);
    }
    this.slot("BATCH", setup.batch);
    this.slot("SEED", setup.seed);
    this.slot("RATE", setup.settings.lr);
    for (const s of this.program.settings) if (s.name in setup.settings) this.at(s.address, "float64", 1)[0] = setup.settings[s.name];
  }

  order(rows, position) {
    const {address} = this.program.order, place = this.at(address, "int32", 2 * rows.length);
    if (this.ordered !== rows || this.orderedFor !== this.program) {
      for (let k = 0; k < rows.length; k++) { place[2 * k] = rows[k]; place[2 * k + 1] = 0; }
      this.ordered = rows;
      this.orderedFor = this.program;
    }
    this.slot("ROWS", rows.length);
    this.slot("POSITION", position);
    this.slot("STOPPED", 0);
  }

  /** Do some steps on the rows of an order; gives J of each: fewer where J or a gradient is not finite. */
  run(rows, position, steps) {
    this.order(rows, position);
    const losses = new Float64Array(steps);
    let done = 0;
    while (done < steps) {
      const found = this.exports.run(this.program.number, Math.min(steps - done, this.program.losses.steps));
      losses.set(this.at(this.program.losses.address, "float64", found), done);
      done += found;
      if (this.slot("STOPPED") || !found) break;
    }
    this.slot("STOPPED", 0);
    return losses.subarray(0, done);
  }

  one(i) { this.exports.one(this.program.number, i); }

  /** Run the step that comes, all but its update: every value of it can be read then. False where it is not finite. */
  begin(rows, position) {
    this.order(rows, position);
    this.slot("STEP", -1);
    for (let i = 0; i <= this.program.check; i++) this.one(i);
    const finite = !this.slot("STOPPED");
    this.slot("STOPPED", 0);
    return finite;
  }

  /** The rest of a step that began. */
  finish() {
    for (let i = this.program.check + 1; i < this.program.instructions.length; i++) this.one(i);
  }

  /** Evaluate rows that are given as one array; all values of the last batch can be read. */
  evaluate(x, rows) {
    const {ahead} = this, [[, place]] = Object.entries(ahead.data);
    this.at(place.address, place.dtype, x.length).set(x);
    this.slot("ROWS", rows, ahead);
    this.slot("POSITION", 0, ahead);
    this.slot("BATCH", Math.min(rows, ahead.batch_size), ahead);
    this.exports.run(ahead.number, Math.ceil(rows / ahead.batch_size));
    const out = ahead.outputs, width = count(out.shape) / out.shape[0];
    return this.at(out.address, out.dtype, rows * width);
  }
}
