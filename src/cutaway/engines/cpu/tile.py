"""The innermost loop of every matrix product, as LLVM instructions: a tile of C stays in registers while k goes by.

A row of the tile is one number of A, spread over a vector, times PANEL numbers of B. A's numbers may lie at any
distance, so that A and its transpose cost the same; those of B lie side by side.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from .target import Processor

I32, I64 = ir.IntType(32), ir.IntType(64)


def place(b: ir.IRBuilder, p: ir.Value, offset: ir.Value | int) -> ir.Value:
    return b.gep(p, [offset if isinstance(offset, ir.Value) else I64(offset)])


class Vectors:
    """Vectors of one precision: loading, storing, spreading one number, shuffling two."""

    def __init__(self, builder: Any, real: ir.Type, lanes: int, target: Processor) -> None:
        self.b, self.real, self.lanes, self.target = builder, real, lanes, target
        self.type = ir.VectorType(real, lanes)
        self.pointer = self.type.as_pointer()
        self.bits = ir.VectorType(ir.IntType(1), lanes)
        self.align = 4 if isinstance(real, ir.FloatType) else 8
        self.name = f"v{lanes}f{8 * self.align}"
        self.zero = ir.Constant(self.type, [0.0] * lanes)

    def of(self, lanes: int) -> Vectors:
        """Make vectors of so many numbers."""
        return type(self)(self.b, self.real, lanes, self.target)

    def function(self, name: str, result: ir.Type, *arguments: ir.Type) -> ir.Function:
        module, name = self.b.module, f"llvm.{name}"
        return module.globals.get(name) or ir.Function(module, ir.FunctionType(result, arguments), name)

    def mask(self, count: ir.Value) -> ir.Value:
        """Choose the first `count` places."""
        wide = ir.VectorType(I64, self.lanes)
        places = ir.Constant(wide, list(range(self.lanes)))
        return self.b.icmp_signed("<", places, self._spread(count, wide))

    def load(self, p: ir.Value, mask: ir.Value | None = None) -> ir.Value:
        p = self.b.bitcast(p, self.pointer)
        if mask is None:
            return self.b.load(p, align=self.align)
        f = self.function(f"masked.load.{self.name}.p0", self.type, self.pointer, I32, self.bits, self.type)
        return self.b.call(f, [p, I32(self.align), mask, self.zero])

    def store_result(self, x: ir.Value, p: ir.Value, mask: ir.Value | None) -> None:
        """Store what was calculated; see Compiler.flushed."""
        if self.target.portable:
            least = ir.Constant(self.type, [2.0**-126 if self.align == 4 else 2.0**-1022] * self.lanes)
            size = self.b.call(self.function(f"fabs.{self.name}", self.type, self.type), [x])
            zero = self.b.call(self.function(f"copysign.{self.name}", *[self.type] * 3), [self.zero, x])
            x = self.b.select(self.b.fcmp_ordered("<", size, least), zero, x)
        self.store(x, p, mask)

    def store(self, x: ir.Value, p: ir.Value, mask: ir.Value | None = None) -> None:
        p = self.b.bitcast(p, self.pointer)
        if mask is None:
            self.b.store(x, p, align=self.align)
        else:
            f = self.function(f"masked.store.{self.name}.p0", ir.VoidType(), self.type, self.pointer, I32, self.bits)
            self.b.call(f, [x, p, I32(self.align), mask])

    def spread(self, number: ir.Value) -> ir.Value:
        return self._spread(number, self.type)

    def _spread(self, number: ir.Value, kind: ir.VectorType) -> ir.Value:
        nothing = ir.Constant(kind, ir.Undefined)
        first = self.b.insert_element(nothing, number, I32(0))
        return self.b.shuffle_vector(first, nothing, ir.Constant(ir.VectorType(I32, self.lanes), [0] * self.lanes))

    def shuffle(self, x: ir.Value, y: ir.Value, places: list[int]) -> ir.Value:
        return self.b.shuffle_vector(x, y, ir.Constant(ir.VectorType(I32, self.lanes), places))

    def multiply_add(self, a: ir.Value, x: ir.Value, y: ir.Value) -> ir.Value:
        if self.target.portable:
            return self.b.fadd(self.b.fmul(a, x), y)
        return self.b.call(self.function(f"fmuladd.{self.name}", *[self.type] * 4), [a, x, y])


def tile(columns: list[tuple[Vectors, int, ir.Value | None]], rows: int, args: list[ir.Value]) -> None:
    """Compute C (rows, columns) = S + A (rows, k) B (k, columns), summed over `outer` blocks of A and B.

    columns: vectors side by side, where each begins, and which of its places count (None: all). start: whether S is
    read (else zeros).
    """
    b, zero = columns[0][0].b, I64(0)
    k, A, ar, ac, outer, ao, B, br, bo, S, sr, start, C, cr = args
    places = [(r, column) for r in range(rows) for column in columns]

    def block(name: str) -> ir.Block:
        return b.append_basic_block(f"tile.{name}")

    def at(p: ir.Value, row: ir.Value, r: int, j: int = 0) -> ir.Value:
        return place(b, place(b, p, b.mul(row, I64(r))), j)

    def merged(kind: ir.Type, *sources: tuple[ir.Value, ir.Block]) -> ir.PhiInstr:
        phi = b.phi(kind)
        for source in sources:
            phi.add_incoming(*source)
        return phi

    before, read, again, inner, ended, end = b.block, *map(block, ("read", "outer", "inner", "ended", "end"))
    b.cbranch(b.icmp_signed("!=", start, zero), read, again)
    b.position_at_end(read)
    first = [v.load(at(S, sr, r, j), mask) for r, (v, j, mask) in places]
    b.branch(again)

    b.position_at_end(again)                            # one block of k: A and B go on from where it starts
    count = merged(I64, (zero, before), (zero, read))
    a0, b0 = merged(A.type, (A, before), (A, read)), merged(B.type, (B, before), (B, read))
    held = [merged(v.type, (v.zero, before), (x, read)) for x, (_, (v, _, _)) in zip(first, places, strict=True)]
    b.branch(inner)

    b.position_at_end(inner)
    step = merged(I64, (zero, again))
    a, p = merged(A.type, (a0, again)), merged(B.type, (b0, again))
    sums = [merged(x.type, (x, again)) for x in held]
    across = {j: v.load(place(b, p, j), mask) for v, j, mask in columns}
    down = [b.load(at(a, ar, r)) for r in range(rows)]
    new = [v.multiply_add(v.spread(down[r]), across[j], x)
           for (r, (v, j, _)), x in zip(places, sums, strict=True)]
    following = b.add(step, I64(1))
    for phi, value in zip([step, a, p, *sums], [following, place(b, a, ac), place(b, p, br), *new], strict=True):
        phi.add_incoming(value, inner)
    b.cbranch(b.icmp_signed("<", following, k), inner, ended)

    b.position_at_end(ended)
    done = b.add(count, I64(1))
    for phi, value in zip([count, a0, b0, *held], [done, place(b, a0, ao), place(b, b0, bo), *new], strict=True):
        phi.add_incoming(value, ended)
    b.cbranch(b.icmp_signed("<", done, outer), again, end)

    b.position_at_end(end)
    for (r, (v, j, mask)), x in zip(places, new, strict=True):
        v.store_result(x, at(C, cr, r, j), mask)


def tiles(v: Vectors, rows: ir.Value | int, left: ir.Value | int, *others: ir.Value | int) -> None:
    """Compute C (rows, `left` columns, at most PANEL) in tiles, the highest ones first.

    Where numbers are known while a kernel is written, the shapes of tiles are chosen then: of nearly equal heights, and
    for a few columns with half a vector, which takes half the time where vectors are long.
    """
    b = v.b
    k, A, ar, ac, outer, ao, B, br, bo, S, sr, start, C, cr = (_value(x) for x in others)
    end = b.append_basic_block("tiles.end")
    for least, widths in _shapes(v.lanes, left):
        here, other = b.append_basic_block(f"columns{least}"), b.append_basic_block("other")
        b.cbranch(b.icmp_signed(">=", _value(left), I64(least)), here, other)
        b.position_at_end(here)
        columns = _columns(v, widths, left)
        done: ir.Value = I64(0)
        for height in _heights(v, rows):
            before, test, body, after = b.block, *(b.append_basic_block(f"rows{height}") for _ in range(3))
            b.branch(test)
            b.position_at_end(test)
            i = b.phi(I64)
            i.add_incoming(done, before)
            following = b.add(i, I64(height))
            b.cbranch(b.icmp_signed("<=", following, _value(rows)), body, after)
            b.position_at_end(body)
            a, s, c = (place(b, p, b.mul(i, row)) for p, row in ((A, ar), (S, sr), (C, cr)))
            tile(columns, height, [k, a, ar, ac, outer, ao, B, br, bo, s, sr, start, c, cr])
            i.add_incoming(following, b.block)
            b.branch(test)
            b.position_at_end(after)
            done = i
        b.branch(end)
        b.position_at_end(other)
    b.branch(end)
    b.position_at_end(end)


def _value(x: ir.Value | int) -> ir.Value:
    return I64(x) if isinstance(x, int) else x


def _heights(v: Vectors, rows: ir.Value | int) -> tuple[int, ...]:
    """The heights of the tiles that cover the rows, each as often as it fits."""
    heights = v.target.heights
    if not isinstance(rows, int) or not rows:
        return heights
    height = -(-rows // -(-rows // heights[0]))
    return (height, rows % height) if rows % height else (height,)


def _shapes(lanes: int, left: ir.Value | int) -> list[tuple[int, list[int]]]:
    """The rows that a tile may have: for how many columns at least, and the widths of their vectors."""
    if not isinstance(left, int):
        return [(lanes + 1, [lanes, lanes]), (1, [lanes])]
    whole, rest = divmod(left, lanes)
    return [(1, [lanes] * whole + ([lanes if 2 * rest > lanes else lanes // 2] if rest else []))]


def _columns(v: Vectors, widths: list[int], left: ir.Value | int) -> list[tuple[Vectors, int, ir.Value | None]]:
    """Vectors side by side, the last of which may be used in part."""
    *_, last = columns = [(v.of(width), j * v.lanes, None) for j, width in enumerate(widths)]
    if left == last[1] + last[0].lanes:
        return columns
    return [*columns[:-1], (*last[:2], last[0].mask(v.b.sub(_value(left), I64(last[1]))))]


def turn(v: Vectors, W: ir.Value, wr: ir.Value | int, rows: ir.Value | int, columns: ir.Value | int, P: ir.Value,
         pr: int) -> None:
    """Transpose `rows` (at most lanes) rows of W, `columns` (at most SIDE, 16 bytes of them) of each, into rows of P;
    what is beyond holds anything. Whole numbers: lanes and SIDE, that is all of them."""
    every = isinstance(rows, int)
    lines = _turned(v, W, _lying(v, wr, rows), None if every else v.of(16 // v.align).mask(columns))
    for i, line in enumerate(lines):
        v.store(line, place(v.b, P, pr * i))


def row(v: Vectors, m: ir.Value, k: ir.Value | int, X: ir.Value, W: ir.Value, wr: ir.Value | int, B: ir.Value,
        start: ir.Value, Z: ir.Value) -> None:
    """Compute Z (m, at most lanes) = B + W (m, k) X: each sum in the order of k, as in a tile, though W is read as it
    lies: it is turned in registers. start: whether B is read (else zeros)."""
    b, side, k = v.b, 16 // v.align, _value(k)
    small, lies, mask = v.of(side), _lying(v, wr, m), v.mask(m)
    whole = b.sub(k, b.srem(k, I64(side)))
    before = b.block
    body, after, rest, end = (b.append_basic_block(f"row.{x}") for x in ("body", "after", "rest", "end"))
    given = b.icmp_signed("!=", start, I64(0))
    first = v.load(b.select(given, B, W), b.select(given, mask, v.mask(I64(0))))
    b.cbranch(b.icmp_signed(">", whole, I64(0)), body, after)

    b.position_at_end(body)
    i, sums = b.phi(I64), b.phi(v.type)
    new: ir.Value = sums
    for j, line in enumerate(_turned(v, place(b, W, i), lies, None)):
        new = v.multiply_add(v.spread(b.load(place(b, place(b, X, i), j))), line, new)
    following = b.add(i, I64(side))
    for phi, begins, value in ((i, I64(0), following), (sums, first, new)):
        phi.add_incoming(begins, before)
        phi.add_incoming(value, body)
    b.cbranch(b.icmp_signed("<", following, whole), body, after)

    b.position_at_end(after)
    held = b.phi(v.type)
    held.add_incoming(first, before)
    held.add_incoming(new, body)
    b.cbranch(b.icmp_signed("<", whole, k), rest, end)

    b.position_at_end(rest)
    left, last = b.sub(k, whole), held
    for j, line in enumerate(_turned(v, place(b, W, whole), lies, small.mask(left))[:-1]):
        inside = b.icmp_signed("<", I64(j), left)
        x = b.load(place(b, X, b.add(whole, b.select(inside, I64(j), I64(0)))))
        last = b.select(inside, v.multiply_add(v.spread(x), line, last), last)
    b.branch(end)

    b.position_at_end(end)
    result = b.phi(v.type)
    result.add_incoming(held, after)
    result.add_incoming(last, rest)
    v.store_result(result, Z, mask)


def _lying(v: Vectors, wr: ir.Value | int, rows: ir.Value | int) -> list[ir.Value]:
    """Where lanes rows of W begin, of which only so many are there: the last one is then taken again."""
    b = v.b
    numbers = [I64(i) for i in range(v.lanes)]
    if not isinstance(rows, int):
        numbers = [b.select(b.icmp_signed("<", i, rows), i, b.sub(rows, I64(1))) for i in numbers]
    return [b.mul(_value(wr), i) for i in numbers]


def _turned(v: Vectors, W: ir.Value, lies: list[ir.Value], mask: ir.Value | None) -> list[ir.Value]:
    """Load 16 bytes of each row of W, and turn them: vectors of the rows' first numbers, their second ones ...

    To interleave rows i and i + n/2, log2(n) times, transposes a square of n: several at once, side by side.
    """
    b, lanes, side = v.b, v.lanes, 16 // v.align
    small = v.of(side)
    parts = [small.load(place(b, W, at), mask) for at in lies]
    lines = [joined(b, parts[i::side]) for i in range(side)]
    low = [i - i % side + i % side // 2 + lanes * (i % 2) for i in range(lanes)]
    high = [i + side // 2 for i in low]
    for _ in range(side.bit_length() - 1):
        pairs = zip(lines[: side // 2], lines[side // 2 :], strict=True)
        lines = [v.shuffle(x, y, places) for x, y in pairs for places in (low, high)]
    return lines


def joined(b: ir.IRBuilder, parts: list[ir.Value]) -> ir.Value:
    """Put vectors, a power of two of them, side by side."""
    while len(parts) > 1:
        wide = 2 * parts[0].type.count
        places = ir.Constant(ir.VectorType(I32, wide), list(range(wide)))
        parts = [b.shuffle_vector(x, y, places) for x, y in zip(parts[::2], parts[1::2], strict=True)]
    return parts[0]
