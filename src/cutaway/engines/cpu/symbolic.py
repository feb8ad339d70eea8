"""Arrays without numbers: what a rule works on while its loops are written down (rule_loops.py).

Such an array is an expression over arrays in memory. Arithmetic only makes the expression longer; a transpose, a slice
or a broadcast changes its strides; a sum, a product of matrices or a costly function writes loops that put numbers into
room of their own, and is an array in memory from then on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

#: The number of rows, n, which nobody knows yet: a prime so large that no other size has it as a factor.
N = 2**61 - 1


class CannotTrace(Exception):
    """A rule does something that no loop is written for."""


class SymbolicSize(int):
    """A size in which n may be a factor. It must not become a float, which would have N's value in place of n's."""

    def _float(self, *_: Any) -> Any:
        raise CannotTrace("a number of rows as a float")

    __float__ = __truediv__ = __rtruediv__ = __pow__ = __rpow__ = _float  # type: ignore[assignment]


def _whole(name: str) -> Callable:
    plain = getattr(int, name)

    def operation(self: SymbolicSize, other: Any) -> Any:
        if isinstance(other, float):
            raise CannotTrace("a number of rows as a float")
        result = plain(self, other)
        return SymbolicSize(result) if isinstance(result, int) else result

    return operation


for _name in ("add", "radd", "sub", "rsub", "mul", "rmul", "floordiv", "rfloordiv", "mod", "rmod"):
    setattr(SymbolicSize, f"__{_name}__", _whole(f"__{_name}__"))

Shape = tuple[int, ...]


def in_words(size: int, n: str = "n") -> str:
    """A size as a kernel's text."""
    times, rest = divmod(int(size) + N // 2, N)
    rest -= N // 2
    if not times:
        return str(rest)
    return (n if times == 1 else f"{n} * {times}") + (f" + {rest}" if rest > 0 else f" - {-rest}" if rest else "")


@dataclass(eq=False)
class Leaf:
    """Numbers in memory: buffer[offset + Σ index · stride], or that sum itself where there is no buffer (arange).

    picks: more to add to the place: an array of whole numbers below `size` (0: nobody need ask), times a stride.
    """

    buffer: str
    offset: int
    strides: Shape
    picks: tuple[tuple[Array, int, int], ...] = ()


@dataclass(eq=False)
class Apply:
    """A function of arrays of equal shapes, number by number; its text has {0}, {1}, ... for them."""

    text: str
    inputs: tuple[Array, ...]


@dataclass(eq=False)
class Product:
    """Matrices multiplied, and added up along some of their leading axes; not yet written down."""

    a: Array
    b: Array
    axes: tuple[int, ...] = ()


@dataclass(eq=False)
class Array:
    """An expression of a shape. kind: real (the program's precision), wide (double), int or truth."""

    writer: Any
    shape: Shape
    kind: str
    expression: Leaf | Apply | Product
    __array_ufunc__ = None  # NumPy's numbers leave arithmetic to it
    _leaf: Array | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if sum(size >= N for size in self.shape) > 1:
            raise CannotTrace("each row of a batch beside each other one")

    @property
    def leaf(self) -> Leaf:
        """Where its numbers lie, of an array in memory."""
        assert isinstance(self.expression, Leaf)
        return self.expression

    # ---- what rules ask for --------------------------------------------------------------------------------------

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def dtype(self) -> str:
        return self.kind

    @property
    def T(self) -> Array:
        return self.permuted(range(self.ndim)[::-1])

    def astype(self, kind: Any) -> Array:
        kind = kind_of(kind)
        text = {"real": "F({0})", "wide": "np.float64({0})", "int": "int({0})"}[kind]
        return self if kind == self.kind else self.map(text, kind)

    def reshape(self, *shape: Any) -> Array:
        shape = tuple(shape[0]) if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape
        if -1 in shape:
            rest = math.prod(size for size in shape if size != -1)
            shape = tuple(self.size // rest if size == -1 else size for size in shape)
        if math.prod(shape) != self.size:
            raise CannotTrace(f"{self.shape} as {shape}")
        strides = [_reshaped(self.shape, leaf.strides, shape) for leaf in self.leaves()]
        if None in strides:
            return self.writer.stored(self).reshape(shape)
        return self.moved(shape, lambda offset, old: (offset, _reshaped(self.shape, old, shape)))

    def sum(self, axis: Any = None, keepdims: bool = False) -> Array:
        return self.writer.reduced("sum", self, axis, keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Array:
        return self.writer.reduced("mean", self, axis, keepdims)

    def max(self, axis: Any = None, keepdims: bool = False) -> Array:
        return self.writer.reduced("max", self, axis, keepdims)

    def __getitem__(self, key: Any) -> Array:
        key = key if isinstance(key, tuple) else (key,)
        if any(isinstance(part, Array) for part in key):
            return self._picked(key)
        given = sum(part is not None and part is not ... for part in key)
        at = next((k for k, part in enumerate(key) if part is ...), None)
        if at is not None:
            key = (*key[:at], *(slice(None),) * (self.ndim - given), *key[at + 1 :])
        else:
            key = (*key, *(slice(None),) * (self.ndim - given))
        shape: list[int] = []
        steps: list[tuple[int | None, int, int]] = []  # axis, where it starts, step (0: the axis is gone)
        axis = 0
        for part in key:
            if part is None:
                steps.append((None, 0, 0))
                shape.append(1)
                continue
            size = self.shape[axis]
            if isinstance(part, slice):
                start, stop, step = _ends(part, size)
                steps.append((axis, start, step))
                shape.append(max(0, -((start - stop) // step)))
            elif isinstance(part, int | np.integer) and -size <= part < size:
                steps.append((axis, int(part) % size, 0))
            else:
                raise CannotTrace(f"an index {part}")
            axis += 1

        def move(offset: int, strides: Shape) -> tuple[int, Shape]:
            found = []
            for along, start, step in steps:
                if along is None:
                    found.append(0)
                    continue
                offset += start * strides[along]
                if step:
                    found.append(step * strides[along])
            return offset, tuple(found)

        return self.moved(tuple(shape), move)

    def _picked(self, key: tuple) -> Array:
        """x[i, j], by arrays of whole numbers for the first axes."""
        if not all(isinstance(part, Array) and part.kind == "int" for part in key):
            raise CannotTrace("an index of arrays and slices")
        source, leading = self.stored(), together(*(part.shape for part in key))
        leaf, rest = source.leaf, source.shape[len(key) :]
        shape = (*leading, *rest)
        picks = tuple((part.spread(leading).behind(rest), leaf.strides[k], self.shape[k])
                      for k, part in enumerate(key))
        strides = (*(0,) * len(leading), *leaf.strides[len(key) :])
        return replace(source, shape=shape, expression=Leaf(leaf.buffer, leaf.offset, strides, picks), _leaf=None)

    def at_step(self, step: Array) -> Array:
        """x[step], the number of a step that only the loop knows."""
        self.settle()
        if isinstance(self.expression, Apply):
            inputs = tuple(array.at_step(step) for array in self.expression.inputs)
            return Array(self.writer, self.shape[1:], self.kind, replace(self.expression, inputs=inputs))
        leaf, shape = self.leaf, self.shape[1:]
        picks = tuple((array.at_step(step), stride, size) for array, stride, size in leaf.picks)
        along = step.spread(shape), leaf.strides[0], 0
        return Array(self.writer, shape, self.kind, Leaf(leaf.buffer, leaf.offset, leaf.strides[1:], (*picks, along)))

    # ---- views -------------------------------------------------------------------------------------------------------

    def leaves(self) -> list[Leaf]:
        """What the expression reads, in memory."""
        self.settle()
        if isinstance(self.expression, Leaf):
            return [self.expression, *(leaf for array, _, _ in self.expression.picks for leaf in array.leaves())]
        assert isinstance(self.expression, Apply)
        return [leaf for array in self.expression.inputs for leaf in array.leaves()]

    def settle(self) -> None:
        """Write down a product of matrices, if this is one that nobody has needed until now."""
        if isinstance(self.expression, Product):
            self.expression = self.writer.multiplied(self).expression

    def moved(self, shape: Shape, move: Callable[[int, Shape], tuple[int, Shape]]) -> Array:
        """Look at the same numbers in another shape. move: gives offset and strides of each that it is made of."""
        self.settle()
        if isinstance(self.expression, Leaf):
            leaf = self.leaf
            picks = tuple((array.moved(shape, move), stride, size) for array, stride, size in leaf.picks)
            return Array(self.writer, shape, self.kind, Leaf(leaf.buffer, *move(leaf.offset, leaf.strides), picks))
        assert isinstance(self.expression, Apply)
        inputs = tuple(array.moved(shape, move) for array in self.expression.inputs)
        return Array(self.writer, shape, self.kind, replace(self.expression, inputs=inputs))

    def spread(self, shape: Shape) -> Array:
        """Broadcast."""
        shape = tuple(shape)
        if shape == self.shape:
            return self
        ahead = len(shape) - self.ndim
        if ahead < 0 or any(a not in (1, b) for a, b in zip(self.shape, shape[ahead:], strict=True)):
            raise CannotTrace(f"{self.shape} spread to {shape}")
        repeated = [a != b for a, b in zip(self.shape, shape[ahead:], strict=True)]
        return self.moved(shape, lambda offset, strides: (
            offset, (0,) * ahead + tuple(0 if again else s for s, again in zip(strides, repeated, strict=True))))

    def behind(self, shape: Shape) -> Array:
        """Repeat the numbers for each place of more axes at the end."""
        return self.moved((*self.shape, *shape), lambda offset, strides: (offset, (*strides, *(0,) * len(shape))))

    def permuted(self, axes: Iterable[int]) -> Array:
        axes = [axis % self.ndim for axis in axes]
        shape = tuple(self.shape[axis] for axis in axes)
        return self.moved(shape, lambda offset, strides: (offset, tuple(strides[axis] for axis in axes)))

    def stored(self) -> Array:
        """Make it an array in memory, if it is none yet."""
        self.settle()
        if isinstance(self.expression, Leaf) and self.expression.buffer and not self.expression.picks:
            return self
        if self._leaf is None:
            self._leaf = self.writer.stored(self)
        return self._leaf

    # ---- arithmetic --------------------------------------------------------------------------------------------------

    def map(self, text: str, kind: str, *others: Any) -> Array:
        arrays = [self, *(self.writer.array(x) for x in others)]
        shape = together(*(a.shape for a in arrays))
        return Array(self.writer, shape, kind, Apply(text, tuple(a.spread(shape) for a in arrays)))

    def with_other(self, sign: str, other: Any, turned: bool) -> Array:
        other = self.writer.array(other, self.kind)
        kind = "truth" if sign in COMPARISONS else _common(sign, self.kind, other.kind)
        return self.map(f"{{1}} {sign} {{0}}" if turned else f"{{0}} {sign} {{1}}", kind, other)

    def __pow__(self, exponent: Any) -> Array:
        if exponent == 2:
            return self.map("{0} * {0}", self.kind)
        return self.writer.costly(self.map("{0} ** {1}", self.kind, float(exponent)))

    def __neg__(self) -> Array:
        return self.map("-{0}", self.kind)

    def __matmul__(self, other: Array) -> Array:
        if self.ndim == 1:
            return (self.reshape(1, *self.shape) @ other)[..., 0, :] if other.ndim > 1 else (
                self.reshape(1, *self.shape) @ other.reshape(*other.shape, 1)).reshape(())
        if other.ndim == 1:
            return (self @ other.reshape(*other.shape, 1))[..., 0]
        if self.ndim < 2 or other.ndim < 2 or self.shape[-1] != other.shape[-2]:
            raise CannotTrace(f"{self.shape} @ {other.shape}")
        shape = (*together(self.shape[:-2], other.shape[:-2]), self.shape[-2], other.shape[-1])
        return Array(self.writer, shape, "real", Product(self, other))

    def __eq__(self, other: Any) -> Array:  # type: ignore[override]
        return self.with_other("==", other, False)

    def __ne__(self, other: Any) -> Array:  # type: ignore[override]
        return self.with_other("!=", other, False)

    def __bool__(self) -> bool:
        raise CannotTrace("a number that decides what a rule does")

    __hash__ = object.__hash__


COMPARISONS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">="}
SIGNS = {"add": "+", "sub": "-", "mul": "*", "truediv": "/", "floordiv": "//", "mod": "%", "and": "&", "or": "|"}


def _operation(sign: str, turned: bool) -> Callable:
    return lambda self, other: self.with_other(sign, other, turned)


for _name, _sign in (SIGNS | COMPARISONS).items():
    setattr(Array, f"__{_name}__", _operation(_sign, False))
    if _name in SIGNS:
        setattr(Array, f"__r{_name}__", _operation(_sign, True))
COMPARISONS = {*COMPARISONS.values(), "==", "!="}  # type: ignore[assignment]


def kind_of(dtype: Any) -> str:
    known = {np.float64: "wide", np.int32: "int", np.float32: "real"}
    found = known.get(dtype, dtype)
    if found not in ("real", "wide", "int", "truth"):
        raise CannotTrace(f"numbers of type {dtype}")
    return found


def _common(sign: str, a: str, b: str) -> str:
    if sign in ("&", "|"):
        return a
    kind = max(a, b, key=("truth", "int", "real", "wide").index)
    return "real" if sign == "/" and kind in ("truth", "int") else "int" if kind == "truth" else kind


def together(*shapes: Shape) -> Shape:
    """What shapes broadcast to."""
    out: list[int] = []
    for sizes in zip(*((1,) * (max(map(len, shapes)) - len(shape)) + tuple(shape) for shape in shapes), strict=True):
        found = {size for size in sizes if size != 1}
        if len(found) > 1:
            raise CannotTrace(f"{shapes} together")
        out.append(found.pop() if found else 1)
    return tuple(out)


def contiguous(shape: Sequence[int]) -> Shape:
    """The strides of numbers that lie one after the other."""
    strides: list[int] = []
    step: int = SymbolicSize(1)
    for size in reversed(shape):
        strides.append(step)
        step = step * size
    return tuple(reversed(strides))


def _reshaped(old: Shape, strides: Shape, new: Shape) -> Any:
    """Strides for another shape; None where the numbers do not lie so."""
    if not math.prod(old):
        return contiguous(new)
    axes = [(size, stride) for size, stride in zip(old, strides, strict=True) if size != 1]
    found: list[int] = []
    for size in reversed(new):
        if size == 1:
            found.append(0)
            continue
        while axes and size > axes[-1][0] and len(axes) > 1:  # join the last two axes, where they lie one after another
            (outer, far), (inner, near) = axes[-2:]
            if far != near * inner:
                return None
            axes[-2:] = [(outer * inner, near)]
        if not axes or axes[-1][0] % size:
            return None
        last, near = axes.pop()
        found.append(near)
        if last != size:
            axes.append((last // size, near * size))
    return tuple(reversed(found))


def _ends(part: slice, size: int) -> tuple[int, int, int]:
    """Where a slice begins and ends, and its step; sizes too large for Python's own way."""
    step = 1 if part.step is None else int(part.step)
    if size >= N and (part.start, part.stop, step) in ((None, None, 1), (0, None, 1)):
        return 0, size, 1
    if step < 0 or size >= N:
        raise CannotTrace(f"a slice {part}")
    return part.indices(size)
