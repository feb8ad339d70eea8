"""The values of machine code: what kinds there are, and in which kind two of them meet.

A literal takes the kind of what stands beside it, as in NumPy.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

I1, I8, I32, I64, VOID = ir.IntType(1), ir.IntType(8), ir.IntType(32), ir.IntType(64), ir.VoidType()


class ScalarKind:
    """The kind of a value. weight: of two kinds that meet in arithmetic, the heavier one wins."""

    def __init__(self, name: str, llvm_type: Any, weight: int, target: ScalarKind | None = None) -> None:
        self.name, self.type, self.weight, self.target = name, llvm_type, weight, target

    def __repr__(self) -> str:
        return self.name


TRUTH, WORD, INT = ScalarKind("truth", I1, 0), ScalarKind("word", I32, 1), ScalarKind("whole number", I64, 2)
SINGLE, DOUBLE = ScalarKind("float32", ir.FloatType(), 3), ScalarKind("float64", ir.DoubleType(), 4)
SHORT, BYTE = ScalarKind("int32", I32, 1), ScalarKind("uint8", I8, 1)  # only in memory: whole numbers once loaded
POINTERS = {kind: ScalarKind(f"pointer to {kind}", kind.type.as_pointer(), 9, kind)
            for kind in (INT, SHORT, BYTE, SINGLE, DOUBLE)}


class Scalar:
    """A value and its kind."""

    def __init__(self, kind: ScalarKind, value: Any) -> None:
        self.kind, self.value = kind, value


Literal = int | float
Item = Any  # a Scalar, a Literal, or a tuple of them


class NotInTheLanguage(SyntaxError):
    """A kernel or rule says something that machine code for single numbers cannot be made of."""


class Scalars:
    """Turns values of one kind into another, by the instructions of the builder `b`."""

    b: Any

    def strong(self, literal: Literal) -> Scalar:
        if isinstance(literal, bool):
            return Scalar(TRUTH, I1(literal))
        return Scalar(INT, I64(literal)) if isinstance(literal, int) else Scalar(DOUBLE, DOUBLE.type(literal))

    def common(self, *values: Item, at_least: ScalarKind | None = None) -> ScalarKind:
        """The kind in which values meet: a literal takes its neighbour's; whole numbers beside float32 need double."""
        kinds = [v.kind for v in values if isinstance(v, Scalar)] or [self.strong(v).kind for v in values]
        kind = max(kinds, key=lambda k: k.weight)
        if any(isinstance(v, float) for v in values) and kind.weight < SINGLE.weight:
            return DOUBLE
        if (kind is SINGLE and INT in kinds) or (at_least is not None and kind.weight < SINGLE.weight):
            return DOUBLE
        if kind is TRUTH and any(isinstance(v, int) and not isinstance(v, bool) for v in values):
            return INT
        return kind

    def alike(self, x: Item, y: Item, at_least: ScalarKind | None = None) -> tuple[Scalar, Scalar, ScalarKind]:
        kind = self.common(x, y, at_least=at_least)
        return self.cast(x, kind), self.cast(y, kind), kind

    def cast(self, x: Item, kind: ScalarKind) -> Scalar:
        """Convert a number to another kind."""
        if isinstance(x, int | float):
            if kind in (SINGLE, DOUBLE):
                return Scalar(kind, kind.type(float(x)))
            return Scalar(kind, kind.type(int(x) % 2**32 if kind is WORD else int(x)))
        b, v = self.b, x.value
        match x.kind, kind:
            case (a, c) if a is c:
                return x
            case (a, c) if a in (SINGLE, DOUBLE) and c in (SINGLE, DOUBLE):
                v = b.fpext(v, c.type) if c is DOUBLE else b.fptrunc(v, c.type)
            case (a, c) if c in (SINGLE, DOUBLE):
                v = b.sitofp(v, c.type) if a is INT else b.uitofp(v, c.type)
            case (a, c) if a in (SINGLE, DOUBLE) and c is INT:
                v = b.fptosi(v, I64)
            case (a, c) if c is INT:
                v = b.zext(v, I64)
            case (a, c) if a is INT and c is WORD:
                v = b.trunc(v, I32)
            case (a, c) if c is WORD and a is TRUTH:
                v = b.zext(v, I32)
            case (a, c) if c is TRUTH:
                v = self.truth(x)
            case _:
                raise NotInTheLanguage(f"a {x.kind} is no {kind}")
        return Scalar(kind, v)

    def whole(self, x: Item) -> Any:
        return self.cast(x, INT).value

    def truth(self, x: Item) -> Any:
        """Convert to a truth: LLVM's, or Python's where it is known already."""
        if isinstance(x, int | float):
            return bool(x)
        if x.kind is TRUTH:
            return x.value
        return self.b.icmp_signed("!=", x.value, I64(0))
