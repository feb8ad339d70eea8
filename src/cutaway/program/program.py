"""Program: a listing, the state that its steps change, and the engine that runs it."""

from __future__ import annotations

import math
import os
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .. import changes
from ..arguments import whole_number
from ..errors import ArgumentError, DataError, ResourceError, ShapeError, TrainingError
from ..named_inputs import NamedInputs, lengths_of
from ..optim import Optimizer
from ..shown import Shown, Table, Words
from .build import Listing
from .engine import Engine
from .feed import pieces, prepared, same_rows
from .instruction import Rows, Value
from .listing import lines_of, table
from .profile import Profile, profile
from .state import State

_programs: weakref.WeakSet[Program] = weakref.WeakSet()


def _unlock() -> None:
    """Give programs new locks in a forked child: a thread that held one does not exist there."""
    for program in _programs:
        program._lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock)


class Program(Shown):
    """A compiled network: a flat list of instructions, the state that its steps change, and the engine that runs it.

    `print(program)` shows the listing. Made by `ct.compile`.
    """

    def __init__(self, engine: Engine, model: Any, state: State | None = None) -> None:
        self.engine, self.model, self.most = engine, model, engine.batch_size
        state = State(model, engine.optimizer) if state is None else state
        engine.bind(state)
        listing = engine.listing
        self._wanted = [v for v in (*listing.inputs, listing.target, listing.weight) if v is not None]
        self._trained = [Value(name, p.shape, 0, p.dtype, "parameter", "θ") for name, p in
                         state.parameters.items() if p.requires_grad]
        self._trained += [v for i in engine.instructions for v in i.written if v.role == "buffer"]
        self._lock, self._fed = threading.Lock(), False
        self._standing: tuple | None = None
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
        """Make a program with other instructions for the same model. It keeps every value; its state is a fresh one."""
        return Program(self.engine.altered(listing), self.model)

    def leave_model(self) -> None:
        """Let go of the model: one that itself keeps this program would never be freed."""
        self.model = self.state.model = None

    def twin(self, model: Any, optimizer: Optimizer | None = None, seed: int = 0) -> Program:
        """Make the same program for another model of the same structure (nn.structure), with a state of its own:
        nothing is recorded or compiled again. The optimizer may differ from this program's only in its numbers: their
        `compiled_as` is equal."""
        before, engine = self.engine.optimizer, self.engine
        optimizer = before if optimizer is None else optimizer
        if optimizer is not None and (before is None or optimizer.compiled_as != before.compiled_as):
            raise ArgumentError(f"a twin's optimizer differs in its numbers alone, and has the same clipping, and a "
                                f"schedule where the other has one, got {optimizer!r} beside {before!r}: compile it")
        state = State(model, optimizer)
        if (there := len(self.state.tensors)) != (here := len(state.tensors)):
            raise ShapeError(f"a twin's network is built like the program's, which has {there} weights and buffers: "
                             f"this one has {here}")
        return Program(engine.twin(optimizer, seed), model, state)

    def feed(self, X: Any, y: Any = None, weight: Any = None) -> None:
        """Take the data that batches are gathered from: inputs, targets, and weights of samples (mean 1)."""
        with self._alone():  # a run that is under way must keep its data
            try:
                self._feed(NamedInputs.of(X), y, weight)
            except MemoryError as error:
                raise too_large("a copy of the data in the program's precision", error) from None

    def sent(self, X: Any, y: Any = None, weight: Any = None) -> Any:
        """Check data as `feed` does, and send them where the engine reads them, by another thread while it runs:
        `feed_sent` takes them then."""
        try:
            return self.engine.sent(self._data(NamedInputs.of(X), y, weight))
        except MemoryError as error:
            raise too_large("a copy of the data in the program's precision", error) from None

    def feed_sent(self, sent: Any) -> None:
        """Take data that were sent ahead."""
        with self._alone():
            self._standing = None
            self.engine.feed(sent)
            self._fed = True

    def _feed(self, X: NamedInputs, y: Any = None, weight: Any = None) -> None:
        data = self._data(X, y, weight)
        self._standing = None  # the engine will read other arrays
        self.engine.feed(data)
        self._fed = True

    def _data(self, X: NamedInputs, y: Any, weight: Any) -> dict[str, Any]:
        """Check data, and give them by the names of the program's inputs."""
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
        return data

    @property
    def row_bytes(self) -> int:
        """Bytes of a row of the data that it is fed, as its engine reads them."""
        return sum(v.width * v.dtype.itemsize for v in self._wanted)

    def _check_lengths(self, data: dict[str, Any]) -> None:
        """Check that lengths are there exactly where the program reads them, and lie within the values."""
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
        """Do training steps on the rows in `order` (all, as they come, if None); give the loss of each step.

        Fewer losses than steps: the loss or a gradient was not finite, and the weights are those of the step before.
        """
        with self._alone():
            return self._run(order, position, steps, between)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let nobody else use the program's memory while the block runs; a second thread is refused at once."""
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
        if not (self._fed or self.engine.rows):
            raise ArgumentError("this program has no data to train on: call program.feed(X, y) first")
        position = whole_number("position", position, 0)
        for p in self.state.parameters.values():
            if not p.learnt:
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
        """Refuse a batch of one row where the model has batch norm, which needs a variance."""
        for i in self.instructions:
            if i.op == "running_average" and i.attributes["rows"] == Rows(1):
                layer = f" ({i.layer})" if i.layer else ""
                raise ShapeError(
                    f"batch norm{layer} cannot normalise a batch of one row, which the last of these batches has: use "
                    "another batch size, or drop_last=True"
                )

    def predict(self, X: Any, keep: bool = True) -> np.ndarray:
        """Compute raw outputs for every row. Several threads may ask: the memory serves them one after the other.

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
                raise too_large("the prediction", error) from None
            finally:
                if not keep:
                    self.engine.forget()
                    self._fed = False

    def one(self, X: NamedInputs) -> np.ndarray:
        """Compute raw outputs for a single row of inputs like those that the program was compiled for: as `predict`
        does, sooner, in memory that stands ready for it."""
        plain = all(isinstance(array, np.ndarray) and len(array) == 1 for array in X.arrays.values())
        if not plain or any(v.dtype == np.int32 for v in self.engine.listing.inputs):  # which have to be looked at
            return self.predict(X, keep=False)
        with self._lock:
            if self._standing is None or self._standing[0] != changes.latest:
                self._standing = changes.latest, *self.engine.standing(1)
            _, inputs, outputs, run = self._standing
            for name, place in inputs.items():
                place[...] = X.arrays[name]
            run()
            return outputs.copy()

    def too_small(self, X: Any) -> bool:
        """Whether the program was made for fewer rows at a time than X has, and may be made for more."""
        return self.engine.batch_size < self.most and self.engine.batch_size < len(NamedInputs.of(X))

    def value(self, name: str | Value) -> np.ndarray:
        """Read a value of the last batch by its name, "layer1.z" say. Only a program that keeps every value has all.

        Where each thread has a copy of its own, the first thread's, in which their sum ends up.
        """
        found = name if isinstance(name, Value) else next((v for v in self.values() if v.name == name), None)
        if found is None:
            names = ", ".join(v.name for v in self.values())
            raise ArgumentError(f"this program has no value {name!r}: it has {names}")
        array = self.engine.read(found)
        return array[0] if self.engine.copies(found) > 1 else array

    def values(self) -> list[Value]:
        """List every value of the program, in the order of first use."""
        found = {id(v): v for i in self.instructions for v in (*i.reads, *i.written)}
        return list(found.values())

    def source(self, i: int) -> str:
        """The text of the kernel of instruction i, a number of the listing. Raises ArgumentError for any other."""
        count = len(self.instructions)
        if not isinstance(i, int | np.integer) or not -count <= i < count:
            raise ArgumentError(f"instructions have the numbers 0 to {count - 1}, as in print(program), got {i!r}")
        return self.engine.source(int(i))

    def profile(self, steps: int | None = None) -> Profile:
        """Measure where a step's time goes: time every instruction of real steps on the rows last fed. Weights stay.

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
        if self.engine.optimizer is not None:
            self.follow()
        return profile(self.engine, steps)

    def _in_notebook(self) -> Any:
        head, *rows = lines_of(self.instructions, self.engine.batch_size)
        yield Words(repr(self))
        yield Table(head, rows, (0,))
        yield Words(f"memory: {self.engine.needs}")

    def __repr__(self) -> str:
        model = "" if self.model is None else f"{type(self.model).__name__}: "
        return f"Program({model}{len(self.instructions)} instructions, batches of {self.engine.batch_size})"

    def __str__(self) -> str:
        return f"{table(self.instructions, self.engine.batch_size)}\nmemory: {self.engine.needs}"


def too_large(what: str, error: MemoryError) -> MemoryError:
    """Make an error that says in words what needed memory that could not be had."""
    if isinstance(error, ResourceError):
        return error
    return ResourceError(f"{what} needs more memory than can be had: {error}")
