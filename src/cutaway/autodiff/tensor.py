"""Tensor: an array that remembers which operations made it, so that backward() can tell every input its gradient."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import habits
from ..errors import ArgumentError, RecordingError, ShapeError
from ..rules import OPS
from ..rules.settings import refused
from ..rules.shape import sum_to
from ..sequences import Sequences
from .tape import Entry, Tape, current_scope, recording

SLOTS = ("data", "grad", "name", "requires_grad", "tape")


class Size(int):
    """A number of values that can also be called, for the shape."""

    shape: tuple[int, ...] = ()

    def of(self, shape: tuple[int, ...]) -> Size:
        self.shape = shape
        return self

    def __call__(self, dim: int | None = None) -> Any:
        return self.shape if dim is None else self.shape[dim]


class Tensor:
    """An array with a gradient.

    >>> import cutaway as ct
    >>> w = ct.Tensor([1.0, 2.0], requires_grad=True)
    >>> J = (w * w).sum()
    >>> J.backward()
    >>> w.grad
    array([2., 4.])

    data: any NumPy array or nested list; floats keep their precision. requires_grad: backward() fills `grad`.
    """

    __slots__ = ("__weakref__", *SLOTS)
    __array_priority__ = 1000  # array + Tensor is a Tensor

    def __init__(self, data: Any, requires_grad: bool = False, name: str | None = None) -> None:
        if isinstance(data, Tensor):
            data = data.data
        self.data: np.ndarray = _numbers(data)
        if requires_grad and self.data.dtype.kind != "f":
            if self.data.dtype.kind not in "biu":
                raise ArgumentError(f"a Tensor with a gradient needs numbers, not dtype {self.data.dtype}")
            self.data = self.data.astype(np.float64)
        self.requires_grad = requires_grad
        self.grad: np.ndarray | None = None
        self.name = name
        self.tape: Tape | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Give everything by name: pickle's protocols 0 and 1 and skops need that for a class with slots."""
        return {name: getattr(self, name) for name in SLOTS} | getattr(self, "__dict__", {})

    def __setstate__(self, state: Any) -> None:
        for part in state if isinstance(state, tuple) else (state,):  # older pickles: (attributes, slots)
            for name, value in (part or {}).items():
                setattr(self, name, value)

    # ---- what it is ------------------------------------------------------------------------------------------------
    @property
    def shape(self) -> tuple[int, ...]:
        return self.data.shape

    @property
    def ndim(self) -> int:
        return self.data.ndim

    @property
    def size(self) -> Size:
        """How many values there are; called, as PyTorch has it, the shape: x.size(), x.size(0)."""
        return Size(self.data.size).of(self.data.shape)

    @property
    def dtype(self) -> np.dtype:
        return self.data.dtype

    def __len__(self) -> int:
        return len(self.data)

    def numpy(self) -> np.ndarray:
        """Give the values as a NumPy array (shared, not copied)."""
        self._must_be_known(".numpy()")
        return self.data

    def tolist(self) -> Any:
        """Give the values as nested lists."""
        return self.numpy().tolist()

    def item(self) -> float:
        """Give the only value, as a Python number."""
        self._must_be_known(".item()")
        if self.data.size != 1:
            raise ShapeError(
                f"a single number is asked of a Tensor of shape {self.shape}: take .mean(), .sum() or one by its "
                "index, or .tolist() for all"
            )
        return self.data.item()

    def dim(self) -> int:
        return self.data.ndim

    def numel(self) -> int:
        return self.data.size

    def clone(self) -> Tensor:
        """Copy the values into memory of their own; gradients flow through."""
        return apply("identity", self)

    def cpu(self) -> Tensor:
        """Give back this Tensor: everything is on the processor."""
        return self

    contiguous = cpu

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __iter__(self) -> Iterator[Tensor]:
        """Give one Tensor after the other along the first axis."""
        if not self.ndim:
            raise TypeError("a Tensor of one number has no parts")
        return (self[k] for k in range(len(self)))

    def __setitem__(self, key: Any, value: Any) -> None:
        raise ArgumentError(
            "a Tensor's values are not changed in place, which backward() could not see: write "
            "ct.ops.where(test, value, x), or x.data[key] = value where no gradient flows"
        )

    def __getattr__(self, name: str) -> Any:
        raise habits.UnknownName("Tensor", name, habits.TENSOR, lambda: dir(Tensor))

    def __bool__(self) -> bool:
        self._must_be_known(self.name if self.name == "a comparison" else "bool()")
        return bool(self.data)

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        self._must_be_known("a NumPy function")
        return self.data if dtype is None else self.data.astype(dtype)

    def _must_be_known(self, what: str) -> None:
        if recording() is not None:
            where = f" in {current_scope()}" if current_scope() else ""
            raise RecordingError(
                f"{what} was called on a Tensor{where} while the model is being recorded. A program is recorded once "
                "and run on every batch, so it cannot depend on values: use ct.ops (for example ct.ops.maximum) "
                "instead of Python branches and NumPy functions."
            )

    def __repr__(self) -> str:
        flag = ", requires_grad=True" if self.requires_grad else ""
        return f"Tensor({np.array2string(self.data, precision=4, threshold=20, prefix='Tensor(')}{flag})"

    # ---- arithmetic ------------------------------------------------------------------------------------------------
    def __add__(self, other): return apply("add", self, other)
    def __radd__(self, other): return apply("add", other, self)
    def __sub__(self, other): return apply("sub", self, other)
    def __rsub__(self, other): return apply("sub", other, self)
    def __mul__(self, other): return apply("mul", self, other)
    def __rmul__(self, other): return apply("mul", other, self)
    def __truediv__(self, other): return apply("div", self, other)
    def __rtruediv__(self, other): return apply("div", other, self)
    def __matmul__(self, other): return product(self, other)
    def __rmatmul__(self, other): return product(other, self)
    def __neg__(self): return apply("neg", self)
    def __abs__(self): return apply("abs", self)
    def __rpow__(self, base): return apply("exp", self * float(np.log(base)))
    def __and__(self, other): return both("mul", self, other)
    def __rand__(self, other): return both("mul", other, self)
    def __or__(self, other): return both("maximum", self, other)
    def __ror__(self, other): return both("maximum", other, self)
    def __invert__(self): return both("sub", True, self)
    def __getitem__(self, key): return apply("index", self, key=_index(key))
    def __lt__(self, other): return self._compare(np.less, "greater", other, True)
    def __le__(self, other): return self._compare(np.less_equal, "greater_equal", other, True)
    def __gt__(self, other): return self._compare(np.greater, "greater", other)
    def __ge__(self, other): return self._compare(np.greater_equal, "greater_equal", other)

    def __eq__(self, other: object) -> Any:
        """Compare value by value, as in NumPy and PyTorch; with a thing that holds no numbers the answer is False."""
        if not _comparable(other):
            return NotImplemented
        if recording() is None:
            return np.equal(self.data, np.asarray(other))
        out = (self >= other) * (self <= other)
        out.name = "a comparison"
        return out

    def __ne__(self, other: object) -> Any:
        same = self.__eq__(other)
        if same is NotImplemented or recording() is None:
            return same if same is NotImplemented else np.logical_not(same)
        out = 1 - same
        out.name = "a comparison"
        return out

    __hash__ = object.__hash__  # a key in dicts by what it is, not by what it holds

    def __pow__(self, n):
        if isinstance(n, Tensor) or np.ndim(n):
            raise ArgumentError("a power's exponent is a number: write ct.ops.exp(v * ct.ops.log(u)) for u ** v")
        return apply("square", self) if n == 2 else apply("power", self, exponent=float(n))

    def _compare(self, how, rule: str, other, turned: bool = False) -> Any:
        """Give True and False as a NumPy array, or a Tensor of ones and zeros while a model is recorded. No gradient
        flows through a comparison."""
        if recording() is None:
            return how(self.data, other.data if isinstance(other, Tensor) else other)
        out = apply(rule, other, self) if turned else apply(rule, self, other)
        out.name = "a comparison"
        return out

    @property
    def T(self) -> Tensor:
        return self.transpose()

    @property
    def mT(self) -> Tensor:
        """The last two axes exchanged: each matrix of a stack transposed."""
        return self.swapaxes(-1, -2)

    def t(self) -> Tensor:
        """Transpose a matrix; a vector stays."""
        if self.ndim > 2:
            raise ShapeError(f"t() is of a matrix, got shape {self.shape}: x.mT transposes each matrix of a stack")
        return self.transpose()

    # ---- the gradient ----------------------------------------------------------------------------------------------
    def backward(self, keep: bool = False) -> None:
        """Fill `grad` of every tensor this scalar depends on: the tape read from its end, one backward rule an entry.

        Leaves (parameters) add up gradients over several calls. The tape is emptied afterwards unless `keep`.
        """
        if self.size != 1:
            raise ShapeError(
                f"backward() starts at a single number, but this tensor has shape {self.shape}: take .mean() or .sum()"
            )
        if self.tape is None:
            raise ArgumentError(
                "nothing to differentiate: no input of this tensor has requires_grad=True, or backward() already ran "
                "(pass keep=True to run it again)"
            )
        tape = self.tape.root()
        if not tape.entries:
            raise ArgumentError("backward() already ran and emptied the tape: pass keep=True to run it again")
        gradients = {id(self): np.ones_like(self.data)}
        written = {id(out) for entry in tape.entries for out in entry.outputs}
        self.grad = gradients[id(self)]
        for entry in reversed(tape.entries):
            if not any(id(out) in gradients for out in entry.outputs):
                continue
            for tensor, gradient in differentiate(entry, gradients):
                known = gradients.get(id(tensor))
                gradients[id(tensor)] = gradient if known is None else known + gradient
                if id(tensor) in written:
                    tensor.grad = gradients[id(tensor)]
                elif tensor.grad is None:
                    tensor.grad = gradient.astype(tensor.dtype, copy=True)
                else:
                    tensor.grad += gradient
        if not keep:
            tape.entries.clear()


def differentiate(entry: Entry, gradients: dict[int, np.ndarray]) -> list[tuple[Tensor, np.ndarray]]:
    """Compute (input, gradient) for every input of an entry that wants a gradient, from those of its outputs."""
    op = entry.op
    if op.backward is None:
        return []
    if why := op.refuses([t is not None and t.requires_grad for t in entry.inputs]):
        raise ArgumentError(why)
    outputs, upstream = [out.data for out in entry.outputs], {}
    for name, out in zip(op.outputs, entry.outputs, strict=True):
        gradient = gradients.get(id(out))
        upstream[name] = np.zeros_like(out.data) if gradient is None and not op.absent_gradients else gradient
    values = op.by_name([None if t is None else t.data for t in entry.inputs], outputs)
    try:
        results = op.call_backward(values, upstream, entry.attributes)
    except (ValueError, IndexError, TypeError, ZeroDivisionError) as error:
        shapes = ", ".join(str(t.shape) for t in entry.inputs if t is not None)
        raise ShapeError(f"{entry.scope + ': ' if entry.scope else ''}{op.name} ({op.formula}) has no derivative by "
                         f"inputs of shapes {shapes}: {error}") from None
    return [
        (tensor, sum_to(result, shape=tensor.shape) if result.shape != tensor.shape else result)
        for tensor, result in zip(entry.inputs, results, strict=False)
        if tensor is not None and tensor.requires_grad and result is not None
    ]


def apply(name: str, *inputs: Any, **attributes: Any) -> Any:
    """Run an operation's rule and put it on the tape. Numbers and arrays become constants of the tensors' precision."""
    op = OPS.get(name)
    if op is None:
        raise ArgumentError(f"no operation is called {name!r}: use one of {', '.join(OPS)}")
    if attributes:
        habits.check_settings(f"ct.ops.{name}", attributes, op.attributes)
    if wrong := refused(name, attributes):
        raise ArgumentError(f"{current_scope()}: {wrong}" if current_scope() else wrong)
    tensors = _as_tensors(inputs)
    like = next((t for t in tensors if t is not None and t.dtype.kind == "f"), None)
    if like is not None:
        tensors = tuple(
            apply("real", t, like) if t is not None and t.dtype.kind in "iub" and not op.keeps_whole(k) else t
            for k, t in enumerate(tensors)
        )
    try:
        run = op.forward if recording() is None else op.outline  # values mean nothing while a model is recorded
        results = run(*[None if t is None else t.data for t in tensors], **attributes)
    except (ValueError, IndexError, TypeError, ZeroDivisionError) as error:
        where = f"{current_scope()}: " if current_scope() else ""
        shapes = ", ".join(str(t.shape) for t in tensors if t is not None)
        raise ShapeError(f"{where}{name} ({op.formula}) cannot take shapes {shapes}: {error}"
                         + (f" (it takes {op.takes})" if op.takes else "")) from None
    results = results if isinstance(results, tuple) else (results,)
    wanted = op.backward is not None and any(t is not None and t.requires_grad for t in tensors)
    if op.kind == "elementwise" and len(tensors) == 2 and recording() is None:
        _check_pairs(name, *tensors)  # type: ignore[arg-type]
    outputs = tuple(
        Tensor(value, wanted and key in op.differentiable) for key, value in zip(op.outputs, results, strict=True)
    )
    running = recording()
    if running is not None or wanted:
        if running is not None:
            tape = running.tape
        else:
            tape = Tape.join([t.tape for t in tensors if t is not None and t.tape is not None] or [Tape()])
        tape.entries.append(Entry(op, tensors, outputs, attributes, current_scope()))
        for out in outputs:
            out.tape = tape
    return outputs[0] if len(outputs) == 1 else outputs


def _check_pairs(name: str, u: Tensor, v: Tensor) -> None:
    """Raise ShapeError where a network's outputs (n, 1) meet n plain numbers: each row would meet all of them."""
    z, y = (u, v) if u.ndim > v.ndim else (v, u)
    n = len(y.data) if y.ndim == 1 else 0
    if n > 1 and z.shape == (n, 1) and y.tape is None and not y.requires_grad and _calculated(z):
        raise ShapeError(
            f"{name} meets outputs of shape {z.shape} with numbers of shape {y.shape}, so each row with all {n}: write "
            "y.reshape(z.shape), or z[:, 0]; np.reshape(y, (1, -1)) if each with all is meant"
        )


def _calculated(t: Tensor) -> bool:
    """Whether a layer calculated this column, so that no index or reshape put the axis there."""
    entries = t.tape.root().entries if t.tape is not None else []
    for entry in reversed(entries):
        if any(out is t for out in entry.outputs):
            if entry.op.kind != "elementwise":
                return entry.op.products is not None and not entry.op.sums
            same = [x for x in entry.inputs if x is not None and x.shape == t.shape and x.tape is not None]
            if not same:
                return False
            t = same[0]
    return False


def _numbers(data: Any) -> np.ndarray:
    """Turn data into an array. Raises ShapeError for rows of unequal length."""
    try:
        return np.asarray(data)
    except ValueError as error:
        raise ShapeError(f"a Tensor is made of an array, or of lists that are equally long: {error}") from None


def _comparable(thing: Any) -> bool:
    """Whether a thing holds numbers that can be compared one by one."""
    return isinstance(thing, Tensor | np.ndarray | np.generic | int | float | list | tuple)


def _as_tensors(inputs: tuple) -> tuple[Tensor | None, ...]:
    dtype = next((x.dtype for x in inputs if isinstance(x, Tensor) and x.dtype.kind == "f"), None)

    def convert(x):
        if x is None or isinstance(x, Tensor):
            return x
        if isinstance(x, Sequences):
            raise ArgumentError(
                "operations take Tensors, got Sequences: calculate with x.values and put the result back by "
                "x.with_values(...), or use a layer that knows lengths"
            )
        array = _numbers(x)
        if array.dtype.kind not in "fiub":
            raise ArgumentError(f"operations take numbers, got {x!r}")
        follows = dtype is not None and (array.dtype.kind == "f" or array.ndim == 0)
        return Tensor(array.astype(dtype) if follows else array)

    return tuple(convert(x) for x in inputs)


def product(u: Any, v: Any) -> Tensor:
    """Compute u @ v; one dimension is a row on the left and a column on the right, as in NumPy, and gone afterwards."""
    u, v = _as_tensors((u, v))
    row, column = u.ndim == 1, v.ndim == 1
    if not u.ndim or not v.ndim or not (row or column):
        return apply("matmul", u, v)
    if row and column and u.shape != v.shape:
        raise ShapeError(f"matmul (w = u v) cannot take shapes {u.shape}, {v.shape}: they must be equally long")
    w = apply("matmul", apply("reshape", u, shape=(1, *u.shape)) if row else u,
              apply("reshape", v, shape=(*v.shape, 1)) if column else v)
    outer = w.shape[: -2 if row else -1] if column else (*w.shape[:-2], w.shape[-1])
    return apply("reshape", w, shape=outer)


def both(rule: str, u: Any, v: Any) -> Tensor:
    """Join comparisons that were made while a network is recorded, whose truths are ones and zeros."""
    sides = [side if isinstance(side, Tensor) else np.asarray(side) for side in (u, v)]
    if any(side.name != "a comparison" if isinstance(side, Tensor) else side.dtype != np.bool_ for side in sides):
        raise ArgumentError("&, | and ~ join comparisons, as in (x > 0) & (x < 1): got other numbers")
    dtype = next(side.dtype for side in sides if isinstance(side, Tensor))
    out = apply(rule, *(side if isinstance(side, Tensor) else side.astype(dtype) for side in sides))
    out.name = "a comparison"
    return out


def _index(key: Any) -> Any:
    """Turn an index into one that NumPy takes: Tensors of whole numbers or truths become arrays."""
    if isinstance(key, tuple):
        return tuple(map(_index, key))
    if not isinstance(key, Tensor):
        return key
    key._must_be_known("an index")
    if key.dtype.kind not in "iub":
        raise ArgumentError(f"an index is whole numbers or truths, not {key.dtype}: for a mask, x[key.numpy() > 0]")
    return key.data


def assign(buffer: Tensor, value: Tensor) -> None:
    """Give a buffer (a running mean, say) a new value: at once, or in every step of a recorded program."""
    try:
        fits = np.broadcast_shapes(buffer.shape, value.shape) == buffer.shape
    except ValueError:
        fits = False
    if not fits:
        raise ShapeError(f"a buffer of shape {buffer.shape} cannot be given a value of shape {value.shape}")
    running = recording()
    if running is None:
        buffer.data[...] = value.data
    else:
        running.assignments.append((buffer, value))


def grad(f):
    """Make the gradient of f (Tensor -> scalar Tensor) a function of arrays.

    >>> import cutaway as ct
    >>> ct.grad(lambda x: (x * x).sum())([1.0, 3.0])
    array([2., 6.])
    """

    def gradient(x: Any) -> np.ndarray:
        leaf = Tensor(x, requires_grad=True)
        f(leaf).backward()
        return np.zeros_like(leaf.data) if leaf.grad is None else leaf.grad

    return gradient
