"""Engine: what every engine does, and all that a caller may count on. The engines themselves lie in engines/."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Protocol

import numpy as np

from ..autodiff import Runtime
from ..errors import ArgumentError
from ..optim import Optimizer
from .build import Listing
from .instruction import Instruction, Rows, ShapeOf, Value
from .state import State


class Needs(Protocol):
    """The memory that an engine needs for a batch: `bytes`, and printed, the same in words."""

    bytes: int


class Engine(ABC):
    """Runs the instructions of a listing on the rows of data that it was fed.

    Its life: made from a listing, `bind` to a state, `feed`; then `run` does training steps, `predict` evaluates. Who
    looks inside calls `begin`, then `one` instruction after the other, and `read`s values in between. One thread at a
    time; nothing here is called while `run`, `predict` or `one` is at work, but for `sent`, and what `between` may do.

    Between two calls the arrays of `state` are those that the last step left, and what anybody writes into them counts
    from the next call on.
    """

    name: ClassVar[str]
    """As `engine=` names it, and as traces and checkpoints note it."""
    exact: ClassVar[bool] = True
    """Whether instructions run one by one give the same bits as a run of many steps."""

    reads_ahead: ClassVar[bool] = False
    """Whether the next stage of data that lie on the disk is read by another thread while this one is run."""

    alike: Any = None
    """What engines have in common whose models can do their steps in one call; None: each does its own."""
    meeting: Any = None
    """Where such models meet, while they do."""

    listing: Listing
    instructions: list[Instruction]
    """What `one(i)` runs: those of the listing, and perhaps some of the engine's own among them."""
    state: State
    optimizer: Optimizer | None
    """None where the listing only evaluates."""
    seed: int
    """What every use of chance in a step follows from, together with the step's number, state.t."""
    batch_size: int
    threads: int
    """Threads that share a batch. The same number gives the same bits on the same machine."""
    rows: int
    """Rows that were fed; 0 before `feed` and after `forget`."""
    n: int
    """Rows of the last batch, which values that can be read have."""
    finite: bool
    """False after a step that J or a gradient that is not finite has ended; True again when the next one begins."""

    @classmethod
    def cannot_round(cls) -> str:
        """Say why products cannot be of factors rounded to bf16, where precision="bf16" asks for them; "" if they can:
        then instructions that say `rounded` are run so."""
        return f"the engine {cls.name} has none"

    @classmethod
    def placed(cls, device: str | None, devices: int | str | None, exact: bool = False) -> dict[str, Any]:
        """Give the arguments that the constructor takes, besides those below, for a kind of device ("cpu", "gpu",
        "tpu") and so many of them, or "all". exact: any number of them gives the same bits. Raises ArgumentError for
        what cannot be had."""
        if exact:
            raise ArgumentError(f"exact=True is about several devices, and the engine {cls.name!r} has one: it gives "
                                'the same bits every time anyhow. Leave it out, or take engine="xla"')
        if device not in (None, "cpu"):
            raise ArgumentError(f"device={device!r}: the engine {cls.name!r} runs on the processor. For other devices "
                                'take engine="xla"')
        if devices is not None:
            raise ArgumentError(f"the engine {cls.name!r} runs on one device: leave out devices=, or take "
                                'engine="xla"')
        return {}

    @classmethod
    def runs_on(cls) -> str:
        """Say on what it would run here: processor, device, versions."""
        return "this machine"

    # ---- before it runs --------------------------------------------------------------------------------------------
    @abstractmethod
    def __init__(self, listing: Listing, batch_size: int, optimizer: Optimizer | None = None, seed: int = 0,
                 threads: int | None = None, keep_all: bool = False) -> None:
        """Prepare to run a listing. threads: as many as the engine finds best if None; it may take fewer than asked
        for. keep_all: no value shares memory with another, so that all can be read after a step."""

    @abstractmethod
    def bind(self, state: State) -> None:
        """Work on this state from now on. Called once, before all else."""

    @abstractmethod
    def twin(self, optimizer: Optimizer | None, seed: int) -> Engine:
        """Share what is prepared here with another model that is built alike: give an engine that is not bound yet.
        The optimizer may differ from this engine's only in its numbers."""

    @abstractmethod
    def altered(self, listing: Listing) -> Engine:
        """Make an engine like this one for another listing of the same model; it keeps all values. It is not bound."""

    @abstractmethod
    def feed(self, data: dict[str, np.ndarray]) -> None:
        """Take the arrays that batches are gathered from, by the names of the listing's inputs ("x", "y", "w"), all
        with the same number of rows. Floats may be read where they are, whole numbers are copied and checked."""

    @abstractmethod
    def forget(self) -> None:
        """Let go of the data fed and of what was made of them: they may be large, and an engine lives long."""

    def sent(self, data: dict[str, np.ndarray]) -> Any:
        """Check such arrays and send them where the engine reads them, while it runs, by another thread: what `feed`
        takes in their place."""
        return data

    @property
    def room(self) -> int | None:
        """Bytes of data that it can be fed at once; None: as many as fit in memory."""
        return None

    def own_rows(self, n: int) -> slice:
        """The rows of a batch of n that `run` reads here; other processes, if there are any, read the others."""
        return slice(0, n)

    def together(self, members: int) -> Any:
        """Make what so many engines, that are `alike`, have as their `meeting`: `run` of each waits there for the
        others, and `leave` says that one trains no more."""
        raise NotImplementedError

    # ---- running ---------------------------------------------------------------------------------------------------
    @abstractmethod
    def run(self, order: np.ndarray | None, position: int, steps: int,
            between: Callable[[int], bool] | None = None) -> np.ndarray:
        """Do `steps` training steps on the rows in `order` (as they were fed if None), beginning at `position`; give
        the loss of each step. state.t counts them.

        Fewer losses than steps mean one of two things. `finite` is False: J or a gradient of the next step was not
        finite; that step was not done, and the state is as the step before it left it. Else `between` gave True: it is
        called now and then, after a step, with the number of steps done in this call. It may look at the clock, and
        must not change state or values, which need not be there yet.
        """

    @abstractmethod
    def predict(self) -> np.ndarray:
        """Compute the listing's output for every row fed. The next call may overwrite it."""

    def standing(self, n: int) -> tuple[dict[str, np.ndarray], np.ndarray, Callable[[], None]]:
        """Get ready to evaluate n rows again and again: give an array for each input, by name, one for the outputs, and
        a function that computes these from what the inputs hold when it is called. n is at most `batch_size`.

        Values written into arrays of the state count at the next call; where an array was replaced, ask again.
        """
        inputs = {v.name: np.zeros(v.shape_at(n), v.dtype) for v in self.listing.inputs}
        out = self.listing.output
        outputs = np.zeros(out.shape_at(n), out.dtype)

        def again() -> None:
            self.feed(inputs)
            outputs[...] = self.predict()

        return inputs, outputs, again

    # ---- for those who look ----------------------------------------------------------------------------------------
    @abstractmethod
    def begin(self, order: np.ndarray | None, position: int, steps: int) -> None:
        """Get ready to run `steps` steps one instruction at a time, from `position` in `order` on. An evaluation puts
        its outputs where the rows stand in the order."""

    @abstractmethod
    def one(self, i: int) -> None:
        """Run instruction i alone. Instruction 0 begins a step, and of a training step counts it: state.t rises.

        Where a `check` finds numbers that are not finite, the caller ends the step and takes the count back.
        """

    @abstractmethod
    def read(self, v: Value) -> np.ndarray:
        """Read a value's array as it is now, with `n` rows. Copy what you keep: it may be the engine's own memory.

        Where each thread has a copy of its own, all copies, stacked: (copies, *shape). After one(i)
        every value that instructions wrote so far can be read. After a whole step, those of the state can, the inputs
        and J; all others only from an engine that keeps every value.
        """

    def copies(self, v: Value) -> int:
        """Count the copies of a value: one for each thread, or 1 for most values."""
        return 1

    @abstractmethod
    def write(self, v: Value, array: Any) -> None:
        """Put other numbers in a value's place, for the instructions that come."""

    def clocked(self, steps: int, own: bool = False) -> np.ndarray:
        """Time every instruction in each of `steps` steps, after `begin`: seconds, (steps, instructions).

        own: use the clock of this thread, where there is one: slower to read, but other work does not disturb it.
        """
        marks = np.empty((steps, len(self.instructions) + 1))
        for k in range(steps):
            marks[k, 0] = time.perf_counter()
            for i in range(len(self.instructions)):
                self.one(i)
                marks[k, i + 1] = time.perf_counter()
        return np.diff(marks, axis=1)

    @abstractmethod
    def source(self, i: int) -> str:
        """The text of what instruction i runs."""

    @property
    @abstractmethod
    def needs(self) -> Needs:
        """The memory for a batch."""

    def resolve(self, argument: Any) -> Any:
        """Turn an argument or a setting of an instruction into what its rule takes: an array, a shape, a number."""
        if isinstance(argument, Value):
            return self.read(argument)[0] if self.copies(argument) > 1 else self.read(argument)
        if isinstance(argument, ShapeOf):
            return argument.value.shape_at(self.n)
        if isinstance(argument, Rows):
            return argument.per_sample * self.n
        if isinstance(argument, Runtime):
            return {"seed": self.seed, "t": self.state.t}[argument.name]
        if isinstance(argument, tuple):
            return tuple(map(self.resolve, argument))
        return argument
