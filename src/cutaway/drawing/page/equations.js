// An optimizer's equations worked out with numbers, from the pieces that the page holds: ["β", "·", "v", "+", ...].

/** @typedef {Record<string, any>} Values numbers by symbol */

/** @type {Record<string, (...given: number[]) => number>} */
const FUNCTIONS = { max: Math.max, sign: Math.sign };

/** Work out the right side of an equation. @param {string[]} pieces @param {Values} values @returns {number} */
export function worked(pieces, values) {
  const left = [...pieces].reverse(), last = () => left[left.length - 1] ?? " ";
  const next = (/** @type {string} */ among) => (among.includes(last()) ? left.pop() : undefined);
  /** @returns {number} */
  function sum() {
    let found = next("-") ? -product() : product(), sign;
    while ((sign = next("+-"))) found = sign === "+" ? found + product() : found - product();
    return found;
  }
  function product() {
    let found = power(), sign;
    while ((sign = next("·/"))) found = sign === "·" ? found * power() : found / power();
    return found;
  }
  /** @returns {number} */
  function power() {
    if (next("√")) return Math.sqrt(power());
    let found;
    if (next("(")) { found = sum(); next(")"); } else found = FUNCTIONS[last()] ? called(FUNCTIONS[last()]) : number(left.pop() ?? "");
    const exponent = next("²ᵗ");
    return exponent ? found ** (exponent === "²" ? 2 : values.t) : found;
  }
  /** @param {(...given: number[]) => number} f */
  function called(f) {
    const given = [];
    left.pop();
    next("(");
    do given.push(sum()); while (next(","));
    next(")");
    return f(...given);
  }
  const number = (/** @type {string} */ piece) => (/^\d+$/.test(piece) ? Number(piece) : values[piece]);
  return sum();
}

/**
 * Put numbers in place of symbols: the equation as parts, texts or {raised: text}.
 * @param {string[]} pieces @param {Values} values @param {(value: any) => string} write how a number is written
 * @returns {any[]}
 */
export function filled(pieces, values, write) {
  return pieces.map((piece, k) => {
    const known = /^[()+\-·/√²ᵗ,]$|^\d+$/.test(piece) ? undefined : values[piece];
    if (known === undefined) {
      if (piece === "ᵗ") return { raised: String(values.t) };
      return piece === "," ? ", " : piece === "-" && !k ? "−" : /[+·/-]/.test(piece) ? ` ${piece.replace("-", "−")} ` : piece;
    }
    const text = write(known), below = known < 0, power = "²ᵗ".includes(pieces[k + 1] || " ");
    return (below && (k > 0 || power)) || (/e/.test(text) && pieces[k - 1] === "√") ? `(${text})` : text;
  });
}
