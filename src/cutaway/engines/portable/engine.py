"""The portable engine: the CPU engine in the arithmetic that every machine has, and so with the same bits on each.

It multiplies and adds in two roundings, computes exp, log and the like by functions of its own (cpu/maths.py), and
makes zeros of numbers below 1e-38 where it stores them. On one thread its bits are those of the engine "wasm", in this
process and in a browser: who has a page can prove here what it did.
"""

from __future__ import annotations

from ..cpu.engine import CPU


class Portable(CPU):
    """Runs a listing as machine code whose bits are those of any other machine and of WebAssembly."""

    name = "portable"
    target = "portable"

    @classmethod
    def runs_on(cls) -> str:
        return f"{super().runs_on().removesuffix('; the default')}; the same bits as elsewhere"

    @classmethod
    def cannot_round(cls) -> str:
        return "the arithmetic that every machine has knows no products of such factors"


ENGINE = Portable
