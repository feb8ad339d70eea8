"""The innermost loop of every matrix product, as LLVM instructions: a tile of C stays in registers while k goes by.

A row of the tile is one number of A, spread over a vector, times PANEL numbers of B. A's numbers may lie at any
distance, so that A and its transpose cost the same; those of B lie side by side.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from llvmlite import binding as llvm
from llvmlite import ir

I32, I64 = ir.IntType(32), ir.IntType(64)


@cache
def geometry(itemsize: int) -> tuple[int, tuple[int, ...]]:
    """Count the numbers in a vector of this processor, and give the heights of tiles that its registers hold, the
    largest first."""
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        return 64 // itemsize, (8, 4, 2, 1)
    if features.get("avx"):
        return 32 // itemsize, (6, 4, 2, 1)
    return 16 // itemsize, (8, 4, 2, 1) if features.get("neon") else (4, 2, 1)


class Vectors:
    """Vectors of one precision: loading, storing, spreading one number, shuffling two."""

    def __init__(self, builder: Any, real: ir.Type, lanes: int) -> None:
        self.b, self.real, self.lanes = builder, real, lanes
        self.type = ir.VectorType(real, lanes)
        self.pointer = self.type.as_pointer()
        self.bits = ir.VectorType(ir.IntType(1), lanes)
        self.align = 4 if isinstance(real, ir.FloatType) else 8
        self.name = f"v{lanes}f{8 * self.align}"
        self.zero = ir.Constant(self.type, [0.0] * lanes)

    def function(self, name: str, result: ir.Type, *arguments: ir.Type) -> ir.Function:
        module, name = self.b.module, f"llvm.{name}"
        return module.globals.get(name) or ir.Function(module, ir.FunctionType(result, arguments), name)

    def mask(self, count: ir.Value) -> ir.Value:
        """Choose the first `count` places."""
        wide = ir.VectorType(I64, self.lanes)
        places = ir.Constant(wide, list(range(self.lanes)))
        return self.b.icmp_signed("<", places, self._spread(count, wide))

    def place(self, p: ir.Value, offset: ir.Value | int) -> ir.Value:
        return self.b.gep(p, [offset if isinstance(offset, ir.Value) else I64(offset)])

    def load(self, p: ir.Value, mask: ir.Value | None = None) -> ir.Value:
        p = self.b.bitcast(p, self.pointer)
        if mask is None:
            return self.b.load(p, align=self.align)
        f = self.function(f"masked.load.{self.name}.p0", self.type, self.pointer, I32, self.bits, self.type)
        return self.b.call(f, [p, I32(self.align), mask, self.zero])

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
        return self.b.call(self.function(f"fmuladd.{self.name}", *[self.type] * 4), [a, x, y])


def tile(v: Vectors, rows: int, vectors: int, partial: bool, args: list[ir.Value]) -> None:
    """Compute C (rows, vectors) = S + A (rows, k) B (k, vectors), summed over `outer` blocks of A and B.

    start: whether S is read (else zeros). partial: the last vector has only `last` numbers.
    """
    b, zero = v.b, I64(0)
    k, A, ar, ac, outer, ao, B, br, bo, S, sr, start, C, cr, last = args
    mask = v.mask(last) if partial else None
    masks = [mask if j == vectors - 1 else None for j in range(vectors)]
    places = [(r, j) for r in range(rows) for j in range(vectors)]

    def block(name: str) -> ir.Block:
        return b.append_basic_block(f"tile.{name}")

    def at(p: ir.Value, row: ir.Value, r: int, j: int = 0) -> ir.Value:
        return v.place(v.place(p, b.mul(row, I64(r))), j * v.lanes)

    def merged(kind: ir.Type, *sources: tuple[ir.Value, ir.Block]) -> ir.PhiInstr:
        phi = b.phi(kind)
        for source in sources:
            phi.add_incoming(*source)
        return phi

    before, read, again, inner, ended, end = b.block, *map(block, ("read", "outer", "inner", "ended", "end"))
    b.cbranch(b.icmp_signed("!=", start, zero), read, again)
    b.position_at_end(read)
    first = [v.load(at(S, sr, r, j), masks[j]) for r, j in places]
    b.branch(again)

    b.position_at_end(again)                            # one block of k: A and B go on from where it starts
    count = merged(I64, (zero, before), (zero, read))
    a0, b0 = merged(A.type, (A, before), (A, read)), merged(B.type, (B, before), (B, read))
    held = [merged(v.type, (v.zero, before), (x, read)) for x in first]
    b.branch(inner)

    b.position_at_end(inner)
    step = merged(I64, (zero, again))
    a, p = merged(A.type, (a0, again)), merged(B.type, (b0, again))
    sums = [merged(v.type, (x, again)) for x in held]
    columns = [v.load(v.place(p, j * v.lanes), masks[j]) for j in range(vectors)]
    spread = [v.spread(b.load(at(a, ar, r))) for r in range(rows)]
    new = [v.multiply_add(spread[r], columns[j], x) for (r, j), x in zip(places, sums, strict=True)]
    following = b.add(step, I64(1))
    for phi, value in zip([step, a, p, *sums], [following, v.place(a, ac), v.place(p, br), *new], strict=True):
        phi.add_incoming(value, inner)
    b.cbranch(b.icmp_signed("<", following, k), inner, ended)

    b.position_at_end(ended)
    done = b.add(count, I64(1))
    for phi, value in zip([count, a0, b0, *held], [done, v.place(a0, ao), v.place(b0, bo), *new], strict=True):
        phi.add_incoming(value, ended)
    b.cbranch(b.icmp_signed("<", done, outer), again, end)

    b.position_at_end(end)
    for (r, j), x in zip(places, new, strict=True):
        v.store(x, at(C, cr, r, j), masks[j])


def tiles(v: Vectors, heights: tuple[int, ...], args: list[ir.Value]) -> ir.Value:
    """Compute the highest tile that `rows` and `left` columns allow; give its height."""
    b = v.b
    rows, left, *others = args
    panel, results = 2 * v.lanes, []
    end = b.append_basic_block("tiles.end")
    for height in heights:
        for vectors, partial in ((2, False), (2, True), (1, True)):
            fits = b.icmp_signed(">=", rows, I64(height))
            fits = b.and_(fits, b.icmp_signed(">=", left, I64(panel if not partial else panel // 2 + 1 if vectors == 2
                                                              else 0)))
            here, other = b.append_basic_block(f"tile{height}x{vectors}"), b.append_basic_block("other")
            b.cbranch(fits, here, other)
            b.position_at_end(here)
            tile(v, height, vectors, partial, [*others, b.sub(left, I64(v.lanes * (vectors - 1)))])
            results.append((I64(height), b.block))
            b.branch(end)
            b.position_at_end(other)
    b.unreachable()
    b.position_at_end(end)
    height = b.phi(I64)
    for result in results:
        height.add_incoming(*result)
    return height


def turn(v: Vectors, args: list[ir.Value]) -> None:
    """Transpose W's `rows` and `columns` (at most lanes) into P (lanes, lanes); the rest of P holds anything.

    To interleave rows i and i + lanes/2, log2(lanes) times, transposes the square.
    """
    b, lanes = v.b, v.lanes
    W, wr, rows, columns, P, pr = args
    mask, last = v.mask(columns), b.sub(rows, I64(1))
    lines = []
    for i in range(lanes):
        inside = b.icmp_signed("<", I64(i), rows)
        lines.append(v.load(v.place(W, b.mul(wr, b.select(inside, I64(i), last))), mask))
    low = [i // 2 + lanes * (i % 2) for i in range(lanes)]
    high = [i + lanes // 2 for i in low]
    for _ in range(lanes.bit_length() - 1):
        pairs = zip(lines[: lanes // 2], lines[lanes // 2 :], strict=True)
        lines = [v.shuffle(x, y, places) for x, y in pairs for places in (low, high)]
    for i, line in enumerate(lines):
        v.store(line, v.place(P, b.mul(pr, I64(i))))
