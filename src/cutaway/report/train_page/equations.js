// An optimizer's equations worked out with numbers, from the pieces that the page holds: ["β", "·", "v", "+", ...].

/** The right side of an equation. values: numbers by symbol. */
export function worked(pieces, values) {
  const left = [...pieces].reverse(), next = among => among.includes(left[left.length - 1]) ? left.pop() : "";
  const FUNCTIONS = {max: Math.max, sign: Math.sign};
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
  function power() {
    if (next("√")) return Math.sqrt(power());
    let found;
    if (next("(")) { found = sum(); next(")"); }
    else if (FUNCTIONS[left[left.length - 1]]) {
      const f = FUNCTIONS[left.pop()], given = [];
      next("(");
      do given.push(sum()); while (next(","));
      next(")");
      found = f(...given);
    } else {
      const piece = left.pop();
      found = /^\d+$/.test(piece) ? Number(piece) : values[piece];
    }
    const exponent = next("²ᵗ");
    return exponent ? found ** (exponent === "²" ? 2 : values.t) : found;
  }
  return sum();
}

/** The equation as text parts with numbers in place of symbols. write: how a number is written. */
export function filled(pieces, values, write) {
  const parts = [];
  pieces.forEach((piece, k) => {
    const known = /^[()+\-·/√²ᵗ,]$|^\d+$/.test(piece) ? undefined : values[piece];
    if (known === undefined) {
      parts.push(piece === "ᵗ" ? {raised: String(values.t)} : piece === "," ? ", " : piece === "-" && !k ? "−" : /[+·/-]/.test(piece) ? ` ${piece.replace("-", "−")} ` : piece);
      return;
    }
    const text = write(known), wrap = (known < 0 && k > 0) || (/e/.test(text) && pieces[k - 1] === "√") || (known < 0 && "²ᵗ".includes(pieces[k + 1] || " "));
    parts.push(wrap ? `(${text})` : text);
  });
  return parts;
}
