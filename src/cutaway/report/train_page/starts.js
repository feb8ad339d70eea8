// Where a training may begin: at the first weights, at the trained ones, or at fresh ones.
import {stream} from "./chance.js";

/** Weights drawn anew: normal, as widely spread as each parameter's first ones; what was constant stays so. */
export function fresh(first, parameters, seed) {
  const theta = first["θ"].slice();
  for (const [name, {lo, shape, trained}] of Object.entries(parameters)) {
    const size = shape.reduce((a, b) => a * b, 1), part = theta.subarray(lo, lo + size);
    const mean = part.reduce((a, b) => a + b, 0) / size, spread = Math.sqrt(part.reduce((a, b) => a + (b - mean) ** 2, 0) / size);
    if (!trained || !(spread > 1e-12)) continue;
    const {uniform} = stream(seed, "fresh weights", name);
    for (let k = 0; k < size; k += 2) {
      const r = spread * Math.sqrt(-2 * Math.log(1 - uniform())), turn = 2 * Math.PI * uniform();
      part[k] = r * Math.cos(turn);
      if (k + 1 < size) part[k + 1] = r * Math.sin(turn);
    }
  }
  return emptied({...first, "θ": theta}, first);
}

/** A state with the optimizer's vectors as they are at the start. */
export function emptied(state, first) {
  const found = {t: 0};
  for (const name of Object.keys(first)) found[name] = name === "t" ? 0 : (state[name] || first[name]).slice();
  return found;
}
