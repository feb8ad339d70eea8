"""One step of a listing on JAX's arrays, to be compiled as a whole: every instruction by its rule, or by a kernel."""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax
from jax import numpy as jnp

from ...autodiff import Runtime
from ...errors import ArgumentError, ShapeError
from ...optim.optimizers import average_weights
from ...program import Instruction, Listing, Rows, ShapeOf, Value
from ...rules import OPS, bind
from ...rules.shape import sum_to
from .arrays import arrays, counting_on, rounding
from .kernels import kernel_for

Arrays = dict[str, Any]  # by name
Pieces = dict[str, list[Any]]  # of vectors, by name
Cuts = dict[str, list[int]]  # where vectors are cut, by name


class JaxStep:
    """The instructions of a listing on one batch of n samples.

    batch: its inputs by name. vectors: those of the state by name, in pieces that end `at` these numbers (`cuts`),
    as the step leaves them when it is done. constants: the arrays of constant_values(listing). now: what is known only
    while a program runs, "seed" and "t". update: the optimizer's rule as a function of vectors and numbers; numbers:
    those of each of its instructions. kind: of the device, "cpu" or another. part: which one of a batch's parts, all of
    n samples, these are, so that chance goes on where the part before ended. known: values that other instructions
    computed, by id.
    """

    def __init__(self, listing: Listing, n: int, batch: Arrays, vectors: Pieces, at: Cuts,
                 constants: list[Any], now: Arrays, update: Any = None, numbers: Any = (), kind: str = "cpu",
                 part: Any = None, known: dict[int, Any] | None = None) -> None:
        self.listing, self.n, self.batch, self.now, self.kind = listing, n, batch, now, kind
        self.vectors = {name: list(some) for name, some in vectors.items()}
        self.values = {id(v): a for v, a in zip(constant_values(listing), constants, strict=True)} | (known or {})
        self.numbers, self.xp, self.part = iter(numbers), arrays(), part
        self.bad: list[Any] = []  # of each piece of g, which numbers are not finite
        self.update, self.cuts = update and bind(update, self.xp), at
        for v in (*listing.block.values(), *(v for i in listing.instructions for v in i.written)):
            if v.home and (name := place(listing, v)[0]) not in self.vectors:  # g is no part of the state
                self.vectors[name] = pieces(jnp.zeros(v.width, v.dtype), self.cuts[name])
        for i in listing.instructions:
            if i.op in OPS:
                self._rule(i)
            elif i.op not in ("batch", "schedule", "store"):
                getattr(self, f"_{i.op}")(i)

    def read(self, v: Value) -> Any:
        if id(v) in self.values:
            return self.values[id(v)]
        name, lo = place(self.listing, v)
        return self._stretch(name, lo, lo + v.width).reshape(v.shape)

    def _stretch(self, name: str, lo: int, hi: int) -> Any:
        """Read the numbers lo to hi of a vector."""
        at = self.cuts[name]
        first, last = bisect_right(at, lo) - 1, bisect_left(at, hi)
        some = self.vectors[name][first:last]
        if lo == hi:
            return self.vectors[name][0][:0]
        whole = some[0] if len(some) == 1 else jnp.concatenate(some)
        return whole[lo - at[first] : hi - at[first]]

    def write(self, v: Value, array: Any) -> None:
        shape = v.shape_at(self.n)
        if array.shape != shape:
            array = jnp.broadcast_to(bind(sum_to, self.xp)(array, shape=shape), shape)
        array = array.astype(v.dtype)
        if not v.home:
            self.values[id(v)] = array
            return
        name, lo = place(self.listing, v)
        self._put(name, lo, array.ravel())

    def _put(self, name: str, lo: int, flat: Any) -> None:
        """Write numbers into a vector, from number lo on."""
        at, own, hi = self.cuts[name], self.vectors[name], lo + len(flat)
        for k in range(bisect_right(at, lo) - 1, bisect_left(at, hi)):
            first, last = max(lo, at[k]), min(hi, at[k + 1])
            part = flat[first - lo : last - lo]
            whole = (first, last) == (at[k], at[k + 1])
            own[k] = part if whole else own[k].at[first - at[k] : last - at[k]].set(part)

    def resolve(self, argument: Any) -> Any:
        """Turn an argument into what a rule takes: an array, a shape, or a setting."""
        if isinstance(argument, Value):
            return self.read(argument)
        if isinstance(argument, ShapeOf):
            return argument.value.shape_at(self.n)
        if isinstance(argument, Rows):
            return argument.per_sample * self.n
        if isinstance(argument, Runtime):
            return self.now[argument.name]
        return tuple(map(self.resolve, argument)) if isinstance(argument, tuple) else argument

    def _rule(self, i: Instruction) -> None:
        rule: Any = OPS[i.op].backward if i.backward else OPS[i.op].forward
        f = None if i.rounded else kernel_for(rule, self.kind)
        xp = self.xp if self.part is None or not _by_chance(i) else counting_on(self.xp, self.part)
        f = f or bind(rule, rounding(xp, self.kind) if i.rounded else xp)
        with self._told(i):
            results = f(*map(self.resolve, i.arguments), **{k: self.resolve(a) for k, a in i.attributes.items()})
            for v, array in zip(i.writes, _several(results), strict=False):
                if v is not None:
                    self.write(v, jnp.zeros(v.shape_at(self.n), v.dtype) if array is None else array)

    @contextmanager
    def _told(self, i: Instruction) -> Iterator[None]:
        """Make errors name the instruction, and say what to do about a rule that JAX cannot follow."""
        where = f"{i.layer}: {i.title}" if i.layer else i.title
        try:
            yield
        except (jax.errors.JAXTypeError, jax.errors.JAXIndexError) as error:
            raise ArgumentError(
                f"{where} cannot be compiled by XLA: its rule looks at numbers, or asks NumPy for them. Write it with "
                f"`xp` of cutaway.rules alone, or take another engine ({str(error).splitlines()[0]})") from None
        except (ValueError, IndexError, TypeError, ZeroDivisionError) as error:
            raise ShapeError(f"{where} cannot run on a batch of {self.n}: {error}") from None

    # ---- instructions that are no rules ----------------------------------------------------------------------------
    def _gather(self, i: Instruction) -> None:
        (v,) = i.written
        self.write(v, self.batch[v.name].reshape(v.shape_at(self.n)))

    def _fill(self, i: Instruction) -> None:
        (v,) = i.written
        self.write(v, jnp.full(v.shape_at(self.n), i.attributes["value"], v.dtype))

    def _assign(self, i: Instruction) -> None:
        self.write(i.written[0], self.read(i.reads[0]))

    def _check(self, i: Instruction) -> None:
        """Note which numbers of the gradient are not finite; whether there was one is asked after many steps."""
        self.bad = [~jnp.isfinite(self._stretch("g", lo, hi)) for lo, hi in itertools.pairwise(self.cuts["θ"])]

    def _prepare(self, i: Instruction) -> None:
        prepare = i.attributes["prepare"]
        self._part(i, lambda g, theta: bind(type(prepare).rule, self.xp)(g, theta, **vars(prepare)))

    _clip_norm = _clip_value = _l1_gradient = _l2_gradient = _prepare

    def _average_weights(self, i: Instruction) -> None:
        self._part(i, lambda average, theta: average_weights(average, theta, t=self.now["t"],
                                                             decay=i.attributes["decay"]))

    def _optimizer(self, i: Instruction) -> None:
        numbers = list(next(self.numbers))  # apart, outside of the function that is looked at
        self._part(i, lambda *vectors: self.update(*vectors, *numbers))

    def _part(self, i: Instruction, f: Callable) -> None:
        """Apply a function to the instruction's stretch of every vector that it reads, or to whole parameters: piece by
        piece, if it takes number by number."""
        with self._told(i):
            if "lo" not in i.attributes:
                for v, new in zip(i.written, _several(f(*map(self.read, i.reads))), strict=True):
                    _same_shape(v, new, v.shape)
                    self.write(v, new)
                return
            ends = [i.attributes["lo"], i.attributes["hi"]]
            names = [place(self.listing, v)[0] for v in i.reads]
            if by_number(f, [v.dtype for v in i.reads]):
                shared = set.intersection(*(set(self.cuts[name]) for name in names))
                ends = sorted(at for at in shared if ends[0] <= at <= ends[1])
            for lo, hi in itertools.pairwise(ends):
                new_ones = _several(f(*(self._stretch(name, lo, hi) for name in names)))
                for v, new in zip(i.written, new_ones, strict=True):
                    _same_shape(v, new, (hi - lo,))
                    self._put(place(self.listing, v)[0], lo, new.astype(v.dtype))


def _several(results: Any) -> tuple:
    return results if isinstance(results, tuple) else (results,)


def _same_shape(v: Value, new: Any, shape: tuple[int, ...]) -> None:
    if new.shape != shape:
        raise ValueError(f"it gives {v} as numbers of shape {new.shape}")


def place(listing: Listing, v: Value) -> tuple[str, int]:
    """The name of the vector in which a value lies, and where it begins. Other values are vectors by themselves, such
    as buffers, and parameters where nothing trains."""
    return (v.home, v.at) if v.home in listing.block else (f"only {v.name}", 0)


def _by_chance(i: Instruction) -> bool:
    """Whether each row of the batch has draws of its own: chance counts on from row to row."""
    return any(isinstance(a, Runtime) for a in i.attributes.values()) and any(v.rows for v in (*i.reads, *i.written))


def constant_values(listing: Listing) -> list[Value]:
    """The values that never change, in the same order in every process."""
    every = dict.fromkeys(v for i in listing.instructions for v in (*i.reads, *i.written))
    return [v for v in every if v.array is not None]


# ---- vectors in pieces -----------------------------------------------------------------------------------------------


def cuts(listing: Listing, most: int) -> Cuts:
    """Find where each vector is cut, by name. A gradient is a piece of g. Up to `most` weights are one long θ, which is
    updated at once; of more, each is a piece by itself: they would be copied out of one array at every step, which
    takes up to half as long as the step. All vectors of the block are laid out and cut alike, but g.
    """
    found: dict[str, set[int]] = {}
    for v in (v for i in listing.instructions for v in (*_values(i.arguments), *i.written) if v.home):
        name, lo = place(listing, v)
        found.setdefault(name, set()).update((lo, lo + v.width))
    every = {at for name in listing.block for at in found.get(name, ())}
    ranges = {i.attributes[end] for i in listing.instructions for end in ("lo", "hi") if end in i.attributes}
    size = max(every, default=0)
    own = dict.fromkeys(listing.block, ranges | ({0, size} if size <= most else every)) | {"g": ranges | every}
    return {name: sorted(own.get(name, at)) for name, at in found.items()} | {
        name: sorted(own[name]) for name in listing.block}


def _values(arguments: tuple) -> Iterator[Value]:
    for a in arguments:
        if isinstance(a, Value):
            yield a
        elif isinstance(a, tuple):
            yield from _values(a)


def pieces(flat: Any, at: list[int]) -> list[Any]:
    """Cut a vector."""
    return [flat[lo:hi] for lo, hi in itertools.pairwise(at)]


def by_number(f: Callable, dtypes: list[Any]) -> bool:
    """Whether a function of vectors takes number by number, so that it can be given them piece by piece."""
    made = jax.make_jaxpr(f)(*(jax.ShapeDtypeStruct((3,), dtype) for dtype in dtypes))
    return _by_number(made.jaxpr)


def _by_number(jaxpr: Any) -> bool:
    inner = [p.jaxpr for e in jaxpr.eqns for p in e.params.values() if hasattr(p, "jaxpr")]
    shapes = {v.aval.shape for e in jaxpr.eqns for v in (*e.invars, *e.outvars) if hasattr(v, "aval")}
    names = {e.primitive.name for e in jaxpr.eqns if not any(hasattr(p, "jaxpr") for p in e.params.values())}
    return shapes <= {(), (3,)} and names <= BY_NUMBER and all(map(_by_number, inner))


BY_NUMBER = {"abs", "add", "add_any", "and", "broadcast_in_dim", "clamp", "convert_element_type", "copy", "cos", "div",
             "eq", "erf", "exp", "exp2", "expm1", "floor", "ge", "gt", "integer_pow", "is_finite", "le", "log", "log1p",
             "logistic", "lt", "max", "min", "mul", "ne", "neg", "not", "or", "pow", "rem", "rsqrt", "select_n", "sign",
             "sin", "sqrt", "square", "sub", "tanh"}
