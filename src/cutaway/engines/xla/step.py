"""One step of a listing on JAX's arrays, to be compiled as a whole: every instruction by its rule, or by a kernel."""

from __future__ import annotations

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
from .arrays import arrays, rounding
from .kernels import KERNELS

Arrays = dict[str, Any]  # by name


class JaxStep:
    """The instructions of a listing on one batch of n samples.

    batch: its inputs by name. vectors: the arrays of the state by name, as the step leaves them when it is done.
    constants: the values that never change. now: what is known only while a program runs, "seed" and "t".
    update: the optimizer's rule as a function of vectors and numbers; numbers: those of each of its instructions.
    """

    def __init__(self, listing: Listing, n: int, batch: Arrays, vectors: Arrays, constants: dict[int, Any], now: Arrays,
                 update: Any = None, numbers: Any = ()) -> None:
        self.listing, self.n, self.batch, self.vectors, self.now = listing, n, batch, dict(vectors), now
        self.values, self.numbers, self.finite, self.xp = dict(constants), iter(numbers), jnp.bool_(True), arrays()
        self.update = update and bind(update, self.xp)
        for v in (*listing.block.values(), *(v for i in listing.instructions for v in i.written)):
            if v.home:  # such as g, which is no part of the state
                self.vectors.setdefault(place(listing, v)[0], jnp.zeros(v.shape, v.dtype))
        for i in listing.instructions:
            if i.op in OPS:
                self._rule(i)
            elif i.op not in ("batch", "schedule", "store"):
                getattr(self, f"_{i.op}")(i)

    def read(self, v: Value) -> Any:
        if id(v) in self.values:
            return self.values[id(v)]
        name, lo = place(self.listing, v)
        return self.vectors[name].reshape(-1)[lo : lo + v.width].reshape(v.shape)

    def write(self, v: Value, array: Any) -> None:
        shape = v.shape_at(self.n)
        if array.shape != shape:
            array = jnp.broadcast_to(bind(sum_to, self.xp)(array, shape=shape), shape)
        array = array.astype(v.dtype)
        if not v.home:
            self.values[id(v)] = array
            return
        name, lo = place(self.listing, v)
        whole = self.vectors[name]
        flat = whole.reshape(-1).at[lo : lo + v.width].set(array.ravel())
        self.vectors[name] = flat.reshape(whole.shape)

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
        f = KERNELS.get(rule.__name__) if rule.__module__.startswith("cutaway.") and not i.rounded else None
        f = f or bind(rule, rounding(self.xp) if i.rounded else self.xp)
        with self._told(i):
            results = f(*map(self.resolve, i.arguments), **{k: self.resolve(a) for k, a in i.attributes.items()})
            for v, array in zip(i.writes, results if isinstance(results, tuple) else (results,), strict=False):
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
        for v in i.reads:
            self.finite &= jnp.isfinite(self.read(v)).all()

    def _prepare(self, i: Instruction) -> None:
        prepare = i.attributes["prepare"]
        self._part(i, lambda g, theta: bind(type(prepare).rule, self.xp)(g, theta, **vars(prepare)))

    _clip_norm = _clip_value = _l2_gradient = _prepare

    def _average_weights(self, i: Instruction) -> None:
        average, theta = map(self.read, i.arguments)
        self.write(i.written[0], average_weights(average, theta, t=self.now["t"], decay=i.attributes["decay"]))

    def _optimizer(self, i: Instruction) -> None:
        numbers = next(self.numbers)
        self._part(i, lambda *vectors: self.update(*vectors, *numbers))

    def _part(self, i: Instruction, f: Callable) -> None:
        """Apply a function to the instruction's stretch of every vector that it reads, or to whole parameters."""
        part: Any = slice(i.attributes["lo"], i.attributes["hi"]) if "lo" in i.attributes else ...
        with self._told(i):
            results = f(*(self.read(v)[part] for v in i.reads))
            for v, new in zip(i.written, results if isinstance(results, tuple) else (results,), strict=True):
                if new.shape != self.read(v)[part].shape:
                    raise ValueError(f"it gives {v} as numbers of shape {new.shape}")
                self.write(v, self.read(v).at[part].set(new))


def place(listing: Listing, v: Value) -> tuple[str, int]:
    """The name of the vector in which a value lies, and where it begins. Other values are vectors by themselves, such
    as buffers, and parameters where nothing trains."""
    return (v.home, v.at) if v.home in listing.block else (f"only {v.name}", 0)
