// The streams of chance that Cutaway draws from (random.py): one seed, many names, the same numbers as in Python.
// SHA-256 of (seed, name) is the key of a Philox 4x64 generator with ten rounds, as NumPy has it.

const K = [], H0 = [];
for (let n = 2; K.length < 64; n++) {
  let prime = true;
  for (let d = 2; d * d <= n; d++) if (n % d === 0) { prime = false; break; }
  if (!prime) continue;
  const bits = x => Math.floor((x - Math.floor(x)) * 2 ** 32) | 0;
  if (H0.length < 8) H0.push(bits(Math.sqrt(n)));
  K.push(bits(Math.cbrt(n)));
}

/** The SHA-256 of a text, as 32 bytes. (The browser's own is not there in a page opened from a disk.) */
export function sha256(text) {
  const given = new TextEncoder().encode(text), length = (given.length + 72) >> 6 << 6;
  const bytes = new Uint8Array(length), view = new DataView(bytes.buffer);
  bytes.set(given);
  bytes[given.length] = 0x80;
  view.setUint32(length - 4, given.length * 8);
  const h = Int32Array.from(H0), w = new Int32Array(64), turn = (x, n) => (x >>> n) | (x << (32 - n));
  for (let at = 0; at < length; at += 64) {
    for (let t = 0; t < 64; t++) {
      w[t] = t < 16 ? view.getInt32(at + 4 * t)
        : ((turn(w[t - 2], 17) ^ turn(w[t - 2], 19) ^ (w[t - 2] >>> 10)) + w[t - 7]
          + (turn(w[t - 15], 7) ^ turn(w[t - 15], 18) ^ (w[t - 15] >>> 3)) + w[t - 16]) | 0;
    }
    let [a, b, c, d, e, f, g, i] = h;
    for (let t = 0; t < 64; t++) {
      const one = (i + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + K[t] + w[t]) | 0;
      const two = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [i, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0];
    }
    [a, b, c, d, e, f, g, i].forEach((x, k) => { h[k] = (h[k] + x) | 0; });
  }
  const out = new DataView(new ArrayBuffer(32));
  h.forEach((x, k) => out.setInt32(4 * k, x));
  return new Uint8Array(out.buffer);
}

const M0 = 0xD2E7470EE14C6C93n, M1 = 0xCA5A826395121157n, W0 = 0x9E3779B97F4A7C15n, W1 = 0xBB67AE8584CAA73Bn;
const ALL = (1n << 64n) - 1n;

/** A generator for one use of chance: stream(0, "batch order", 3) is Python's. */
export function stream(seed, ...name) {
  const key = new DataView(sha256([seed, ...name].join("\x1f")).buffer);
  const first = key.getBigUint64(0, true), second = key.getBigUint64(8, true);
  let counter = 0n, words = [], halves = [];
  function more() {
    counter++;
    let [a, b, c, d] = [counter, 0n, 0n, 0n], k = first, l = second;
    for (let round = 0; round < 10; round++) {
      const p = M0 * a, q = M1 * c;
      [a, b, c, d] = [(q >> 64n) ^ b ^ k, q & ALL, (p >> 64n) ^ d ^ l, p & ALL];
      k = (k + W0) & ALL;
      l = (l + W1) & ALL;
    }
    words = [d, c, b, a];
  }
  function whole() {
    if (!words.length) more();
    return words.pop();
  }
  function half() {
    if (!halves.length) {
      const both = whole();
      halves = [Number(both >> 32n), Number(both & 0xFFFFFFFFn)];
    }
    return halves.pop();
  }
  /** A whole number from 0 to `most`, each as likely: bits beyond it are masked, what is still above is drawn anew. */
  function upTo(most) {
    const mask = 2 ** (32 - Math.clz32(most)) - 1;
    for (;;) {
      const found = (half() & mask) >>> 0;
      if (found <= most) return found;
    }
  }
  return {
    /** The numbers 0 to n - 1 in the order that NumPy's `permutation` gives. */
    permutation(n) {
      const order = Int32Array.from({length: n}, (_, k) => k);
      for (let i = n - 1; i > 0; i--) {
        const j = upTo(i);
        [order[i], order[j]] = [order[j], order[i]];
      }
      return order;
    },
    /** A number from 0 to 1, evenly. */
    uniform: () => Number(whole() >> 11n) / 2 ** 53,
  };
}
