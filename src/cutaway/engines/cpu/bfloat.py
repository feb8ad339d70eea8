"""Products of factors rounded to bf16, as LLVM instructions: two along k lie in one word, and are summed in float32.

`vdpbf16ps` adds both products of a word's two halves to a float32: a tile (tile.py) goes two steps of k at a time. A
word is kept in a place for a float32, and moved like one. The instruction takes factors below 1e-38 for zero.
"""

from __future__ import annotations

from functools import cache

from llvmlite import binding as llvm
from llvmlite import ir

from .tile import I32, I64, Vectors, place

LANES = 16  # words of a vector
HALF = ir.VectorType(ir.IntType(16), 2 * LANES)


@cache
def there() -> bool:
    """Whether this processor has the instruction."""
    return bool(llvm.get_host_cpu_features().get("avx512bf16"))


class Pairs(Vectors):
    """Vectors of words, each two factors in bf16; a tile of them multiplies both."""

    def multiply_add(self, a: ir.Value, x: ir.Value, y: ir.Value) -> ir.Value:
        words = ir.VectorType(I32, self.lanes)
        dot = self.function(f"x86.avx512bf16.dpbf16ps.{32 * self.lanes}", self.type, self.type, words, words)
        return self.b.call(dot, [y, self.b.bitcast(a, words), self.b.bitcast(x, words)])

    def rounded(self, first: ir.Value, second: ir.Value) -> ir.Value:
        """Round two vectors of float32: all halves of the first one, then those of the second."""
        both = self.function("x86.avx512bf16.cvtne2ps2bf16.512", HALF, self.type, self.type)
        return self.b.call(both, [second, first])

    def side_by_side(self, p: ir.Value, count: ir.Value | None) -> ir.Value:
        """Round up to 32 numbers that lie side by side to words; `count` of them are there (None: all)."""
        masks = [None, None] if count is None else [self.mask(count), self.mask(self.b.sub(count, I64(LANES)))]
        parts = [self.load(place(self.b, p, k * LANES), masks[k]) for k in range(2)]
        return self.b.bitcast(self.rounded(*parts), self.type)

    def interleaved(self, first: ir.Value, second: ir.Value) -> ir.Value:
        """Round two vectors to words of one number of each."""
        both = self.rounded(first, second)
        places = [k // 2 + LANES * (k % 2) for k in range(2 * LANES)]
        order = ir.Constant(ir.VectorType(I32, 2 * LANES), places)
        return self.b.bitcast(self.b.shuffle_vector(both, both, order), self.type)


def pair_along(v: Pairs, A: ir.Value, P: ir.Value, count: ir.Value | None = None) -> None:
    """Round 32 numbers of A, or as many as are there, to words P; an odd last one gets a zero beside it."""
    words = None if count is None else v.mask(v.b.sdiv(v.b.add(count, I64(1)), I64(2)))
    v.store(v.side_by_side(A, count), P, words)


def pair_across(v: Pairs, A: ir.Value, B: ir.Value, P: ir.Value, above: ir.Value | None = None,
                below: ir.Value | None = None) -> None:
    """Round 16 numbers of a row A and those below them, in B, to words P; or as many of each as are there, the others
    of B being zero."""
    first, second = (v.load(p, None if count is None else v.mask(count)) for p, count in ((A, above), (B, below)))
    v.store(v.interleaved(first, second), P, None if above is None else v.mask(above))


def turn_pairs(v: Pairs, W: ir.Value, wr: ir.Value, P: ir.Value, pr: ir.Value, rows: ir.Value | None = None,
               columns: ir.Value | None = None) -> None:
    """Transpose W (16, 32), or as many rows and columns as are there, in words, into P (16, 16); the rest of P holds
    anything."""
    b, lines = v.b, []
    for i in range(LANES):
        row = I64(i)
        if rows is not None:
            row = b.select(b.icmp_signed("<", row, rows), row, b.sub(rows, I64(1)))
        lines.append(v.side_by_side(place(b, W, b.mul(wr, row)), columns))
    low = [i // 2 + LANES * (i % 2) for i in range(LANES)]
    high = [i + LANES // 2 for i in low]
    for _ in range(LANES.bit_length() - 1):  # to interleave rows i and i + 8, four times, transposes a square of 16
        pairs = zip(lines[: LANES // 2], lines[LANES // 2 :], strict=True)
        lines = [v.shuffle(x, y, places) for x, y in pairs for places in (low, high)]
    for i, line in enumerate(lines):
        v.store(line, place(b, P, b.mul(pr, I64(i))))
