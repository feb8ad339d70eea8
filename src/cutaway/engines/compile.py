"""ct.compile: a model, a loss and an optimizer become a program, bound to the engine that runs it."""

from __future__ import annotations

import math
import os
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .. import habits, losses
from ..arguments import whole_number
from ..errors import ArgumentError, DataError, ResourceError, ShapeError, TrainingError
from ..named_inputs import NamedInputs, lengths_of
from ..optim import AdamW, Optimizer
from ..program import (
    Engine,
    Listing,
    Rows,
    State,
    Value,
    evaluation,
    lines_of,
    table,
    trace_model,
    training,
)
from ..random import stream
from ..rules import facts
from ..shown import Shown, Table, Words
from .found import ENGINES
from .given import how, pieces, prepared, same_rows
from .plan import most_rows
from .profile import Profile, profile

ROOM = 2**30  # bytes that a batch's values may take where predict chooses how many rows it has


_programs: weakref.WeakSet[Program] = weakref.WeakSet()


def _unlock() -> None:
    """In a forked child: whoever held a program's lock is not here."""
    for program in _programs:
        program._lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock)


class Program(Shown):
    """A compiled network: a flat list of instructions over one block of memory, and the engine that runs it.

    `print(program)` shows the listing. Made by `ct.compile`.
    """

    def __init__(self, engine: Engine, model: Any) -> None:
        self.engine, self.model, self.most = engine, model, engine.batch_size
        engine.bind(State(model, engine.optimizer))
        self._parameters = model.parameters()
        listing = engine.listing
        self._wanted = [v for v in (*listing.inputs, listing.target, listing.weight) if v is not None]
        self._trained = [Value(name, p.shape, 0, p.dtype, "parameter", "θ") for name, p in model.named_parameters()
                         if p.requires_grad]
        self._trained += [v for i in engine.instructions for v in i.written if v.role == "buffer"]
        self._lock = threading.Lock()
        _programs.add(self)

    @property
    def instructions(self):
        return self.engine.instructions

    @property
    def memory(self) -> Any:
        """The memory plan; printed, it says how many bytes the program needs."""
        return self.engine.needs

    @property
    def state(self) -> State:
        """What outlasts a step, by name: θ, the optimizer's vectors, the model's buffers, and the number of steps done,
        t. `state.copy()` is a snapshot, `state.put(snapshot)` goes back to it."""
        return self.engine.state

    def altered(self, listing: Listing) -> Program:
        """A program with other instructions for the same model, that keeps every value; its state is a fresh one."""
        return Program(self.engine.altered(listing), self.model)

    def leave_model(self) -> None:
        """Keep the model no longer: one that keeps this program itself would never be freed."""
        self.model = self.state.model = None

    def twin(self, model: Any, optimizer: Optimizer | None = None, seed: int = 0) -> Program:
        """The same program for another model of the same structure (nn.structure), with a state of its own: neither
        recorded nor compiled again. The optimizer may differ from this program's in its numbers alone."""
        before, engine = self.engine.optimizer, self.engine
        optimizer = before if optimizer is None else optimizer
        if type(optimizer) is not type(before):
            raise ArgumentError(f"a twin's optimizer differs in its numbers alone, got {optimizer!r} beside {before!r}")
        if len(self.model.tensors()) != len(model.tensors()):
            raise ShapeError(f"a twin's network is built like the program's, which has {len(self.model.tensors())} "
                             f"weights and buffers: this one has {len(model.tensors())}")
        return Program(engine.twin(optimizer, seed), model)

    def feed(self, X: Any, y: Any = None, weight: Any = None) -> None:
        """The data that batches are gathered from: inputs, targets, and weights of samples (mean 1)."""
        with self._alone():  # those that a run reads must stay
            try:
                self._feed(NamedInputs.of(X), y, weight)
            except MemoryError as error:
                raise _too_large("a copy of the data in the program's precision", error) from None

    def _feed(self, X: NamedInputs, y: Any = None, weight: Any = None) -> None:
        listing, wanted = self.engine.listing, self._wanted
        whole = [v.name for v in wanted if v.dtype == np.int32]
        data = {name: prepared(name, value, name in whole) for name, value in X.arrays.items()}
        for name, array, known, what in (("y", y, listing.target, "targets y (it was compiled with a loss)"),
                                         ("w", weight, listing.weight, "weights of samples (weighted=True)")):
            if known is not None and array is None:
                raise ArgumentError(f"this program needs {what}: feed(X, y, weight)")
            if known is not None:
                data[name] = prepared(name, array, name in whole)
        same_rows(data)
        self._check_lengths(data)
        for v in wanted:
            if v.name not in data:
                names, got = ", ".join(v.name for v in wanted), ", ".join(data)
                raise ArgumentError(f"the program was compiled for data called {names}, got {got}: compile it again")
            shape = data[v.name].shape[1:]
            if shape != v.shape and (math.prod(shape) != v.width or lengths_of(v.name) in data):
                raise ShapeError(
                    f"{v.name} was compiled for rows of shape {v.shape}, got rows of shape {shape}: compile it again "
                    "with input=, a row or two of the data"
                )
        self.engine.feed(data)

    def _check_lengths(self, data: dict[str, Any]) -> None:
        """Lengths must be there if the program reads them, be read if they are there, and lie within the values."""
        known = {v.name for v in self.engine.listing.inputs}
        every = {name: lengths_of(name) for name in known | data.keys()}
        for name, lengths in every.items():
            if (lengths in known) != (lengths in data):
                made, given = ("Sequences", "an array") if lengths in known else ("an array", "Sequences")
                raise ArgumentError(f"{name} is {given}, but the program was compiled with {made}: compile it again")
            if lengths in data and data[lengths].size:
                least, most = data[lengths].min(), data[lengths].max()
                if least < 1 or most > data[name].shape[1]:
                    raise DataError(f"lengths must lie from 1 to {data[name].shape[1]}, got {least} to {most}")

    def run(self, order: np.ndarray | None = None, position: int = 0, steps: int | None = None,
            between: Callable[[int], bool] | None = None) -> np.ndarray:
        """Training steps on the rows in `order` (all, as they come, if None); gives the loss of each step.

        Fewer losses than steps: the loss or a gradient was not finite, and the weights are those of the step before.
        """
        with self._alone():
            return self._run(order, position, steps, between)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else may use the program's memory while the block runs; a second thread is told at once."""
        if not self._lock.acquire(blocking=False):
            raise TrainingError("this program is at work in another thread: give each thread a model of its own")
        try:
            yield
        finally:
            self._lock.release()

    def _run(self, order: np.ndarray | None, position: int, steps: int | None,
             between: Callable[[int], bool] | None) -> np.ndarray:
        if self.engine.optimizer is None:
            raise ArgumentError("this program only evaluates: ct.compile makes one that trains")
        self.follow()
        if not self.engine.rows:
            raise ArgumentError("this program has no data to train on: call program.feed(X, y) first")
        position = whole_number("position", position, 0)
        for p in self._parameters:
            p.learnt = True
        rows = self.engine.rows if order is None else np.size(order)
        left = max(0, -(-(rows - position) // self.engine.batch_size))
        steps = left if steps is None else min(whole_number("steps", steps, 0), left)
        position = min(position, rows)
        if steps and min(rows - position - (steps - 1) * self.engine.batch_size, self.engine.batch_size) == 1:
            self._refuse_one_row()
        return self.engine.run(order, position, steps, between)

    def follow(self) -> None:
        """Train the model's weights where they are now: somebody may have replaced or locked their arrays."""
        self.state.follow(self._trained)

    def _refuse_one_row(self) -> None:
        """Batch norm has no variance to learn from a batch of one row."""
        for i in self.instructions:
            if i.op == "running_average" and i.attributes["rows"] == Rows(1):
                layer = f" ({i.layer})" if i.layer else ""
                raise ShapeError(
                    f"batch norm{layer} cannot normalise a batch of one row, which the last of these batches has: use "
                    "another batch size, or drop_last=True"
                )

    def predict(self, X: Any, keep: bool = True) -> np.ndarray:
        """Raw outputs for every row. Several threads may ask: the program's memory serves them one after the other.

        keep: whether X stays as the rows last fed, for `profile`.
        """
        with self._lock:
            try:
                parts = []
                for part in pieces(NamedInputs.of(X), self.engine.listing.inputs, self.engine.batch_size):
                    self._feed(part)
                    parts.append(self.engine.predict())
                return parts[0] if len(parts) == 1 else np.concatenate(parts)
            except MemoryError as error:
                raise _too_large("the prediction", error) from None
            finally:
                if not keep:
                    self.engine.forget()

    def too_small(self, X: Any) -> bool:
        """Whether the program was made for fewer rows at a time than X has, and may be made for more."""
        return self.engine.batch_size < self.most and self.engine.batch_size < len(NamedInputs.of(X))

    def value(self, name: str | Value) -> np.ndarray:
        """A value of the last batch, by its name such as "layer1.z". Only a program that keeps every value has all.

        Where each thread has a copy of its own, the first thread's, in which their sum ends up.
        """
        found = name if isinstance(name, Value) else next((v for v in self.values() if v.name == name), None)
        if found is None:
            names = ", ".join(v.name for v in self.values())
            raise ArgumentError(f"this program has no value {name!r}: it has {names}")
        array = self.engine.read(found)
        return array[0] if self.engine.copies(found) > 1 else array

    def values(self) -> list[Value]:
        """Every value of the program, in the order of first use."""
        found = {id(v): v for i in self.instructions for v in (*i.reads, *i.written)}
        return list(found.values())

    def source(self, i: int) -> str:
        """The text of instruction i's kernel."""
        return self.engine.source(i)

    def profile(self, steps: int | None = None) -> Profile:
        """Where a step's time goes: every instruction of real steps timed, on the rows last fed. Weights stay.

        `print(program.profile())` shows each one's microseconds and share of the step, billions of operations a second
        for matrix products, and gigabytes read and written a second for the others; the result holds the same as
        arrays. steps: as many as take 0.2 s if None. With several threads, one of them does every thread's part.

        >>> import cutaway as ct
        >>> X, y = ct.datasets.make("moons", n=200, seed=0)
        >>> program = ct.compile(ct.nn.MLP(2, [16], 2), "cross_entropy", ct.optim.AdamW(1e-3))
        >>> program.feed(X, y)
        >>> program.profile(steps=50).to_pandas().query("gflops > 0")["instruction"].tolist()
        ['linear', 'linear', "linear'", "linear'"]
        """
        return profile(self, steps)

    def _in_notebook(self) -> Any:
        head, *rows = lines_of(self.instructions, self.engine.batch_size)
        yield Words(repr(self))
        yield Table(head, rows, (0,))
        yield Words(f"memory: {self.memory}")

    def __repr__(self) -> str:
        model = "" if self.model is None else f"{type(self.model).__name__}: "
        return f"Program({model}{len(self.instructions)} instructions, batches of {self.engine.batch_size})"

    def __str__(self) -> str:
        return f"{table(self.instructions, self.engine.batch_size)}\nmemory: {self.memory}"


def _too_large(what: str, error: MemoryError) -> MemoryError:
    """An error that says in words what needed memory that could not be had."""
    if isinstance(error, ResourceError):
        return error
    return ResourceError(f"{what} needs more memory than can be had: {error}")


@contextmanager
def _memory(what: str, model: Any) -> Iterator[None]:
    try:
        yield
    except MemoryError as error:
        raise _too_large(f"{what} of {type(model).__name__}", error) from None
    except OverflowError:
        raise ResourceError(f"{what} of {type(model).__name__} needs more memory than an address can name: choose a "
                            "smaller batch_size") from None


@habits.in_our_words
def compile(model: Any, loss: str | Callable = "mse", optimizer: Optimizer | None = None, batch_size: int = 32,
            input: Any = None, target: Any = None, *, weighted: bool = False, seed: int = 0, engine: str = "cpu",
            threads: int | None = None, keep_all: bool = False) -> Program:
    """A program that trains `model`: load, forward, loss, backward and update as one list of instructions.

    >>> import cutaway as ct
    >>> program = ct.compile(ct.nn.MLP(4, [8], 1), "mse", ct.optim.AdamW(1e-3), batch_size=32)
    >>> print(program.memory)
    2,752 bytes for batches of 32 (5,312 if nothing shared memory)

    input, target: an example (a row or more), needed where the first layer does not fix the shape. weighted: expect
    weights of samples, of a mean of one: J = Σ w ℓ / rows. threads: None chooses by the size of a step. keep_all: no
    value shares memory with another. More than eight arguments, because every one of them changes the instructions.
    """
    kind = ENGINES[engine]
    batch_size, threads = how(batch_size, threads)
    seed = whole_number("seed", seed, None)
    optimizer = optimizer if optimizer is not None else AdamW(1e-3)
    function = losses.get(loss)
    if weighted:
        losses.refuse_weights(function)
    x = NamedInputs.of(example_input(model) if input is None else input)
    y = _example_target(model, x, loss) if target is None else np.asarray(target)
    if y.dtype.kind in "iub" and function in losses.LOSSES.values() and function is not losses.cross_entropy:
        y = y.astype(model.dtype)  # whole numbers, but not classes
    with _memory("the recording of three rows", model):
        recorded = trace_model(model, function, x, y, weighted)
    _refuse_links(recorded, loss)
    with _memory("the training", model):
        listing = training(recorded, model, optimizer)
        return Program(kind(listing, batch_size, optimizer, seed, threads, keep_all), model)


def evaluator(model: Any, X: Any, engine: str = "cpu", batch_size: int = 1024, threads: int | None = None,
              keep_all: bool = False, rows: int | None = None) -> Program:
    """The program that evaluates `model` on inputs like X: forward only, dropout and batch norm at rest.

    Where batch_size rows would need more memory than a gigabyte, it takes fewer at a time, and no more than `rows`, the
    number that is to be evaluated. keep_all: no value shares memory with another, so that `value` reads any of them
    after `predict`; then batches are as large as asked for.
    """
    kind = ENGINES[engine]
    batch_size, threads = how(batch_size, threads)
    with _memory("the recording of three rows", model):
        recorded = trace_model(model, None, X)  # the shape of no rows will do
    listing = evaluation(recorded)
    most = batch_size
    if not keep_all:
        most = min(batch_size, most_rows(listing.instructions, ROOM))
        if most < batch_size:
            batch_size = most if rows is None else min(most, 1 << max(rows - 1, 0).bit_length())
    with _memory("the evaluation", model):
        program = Program(kind(listing, batch_size, threads=threads, keep_all=keep_all), model)
    program.most = most
    return program


def example_input(model: Any) -> Any:
    """Two rows of input for a model whose first layer (or its own `example_input`) says what it takes."""
    for _, module in model.named_modules():
        if hasattr(module, "example_input"):
            return module.example_input()
        if hasattr(module, "n_in"):
            return stream(0, "example").standard_normal((2, module.n_in))
        if hasattr(module, "entries"):
            return np.zeros((2, 1), np.int32)
    raise ArgumentError("the model's input shape is not known from its first layer: pass input=, a row or two of data")


def _example_target(model: Any, x: NamedInputs, loss: str | Callable) -> np.ndarray:
    out = x.first(2).passed_to(model)
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", "")
    return np.zeros(2, np.int32) if "y" in facts(name).whole else np.zeros_like(out.data)


def _refuse_links(recorded: Any, loss: Any) -> None:
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", "")
    last = next((s for s in recorded.steps if any(v is recorded.output for v in s.outputs)), None)
    link = last.entry.op.name if last is not None else ""
    if link in facts(name).applies:
        raise ArgumentError(
            f"the network ends in {link}, but {name} takes raw outputs and applies {link} itself (that is stable; "
            f"twice would be wrong): remove the last layer"
        )
