"""What a stepping session shows of where it stands: values by name, those that are watched, what comes next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...engines import Program
from ...errors import ArgumentError
from ...optim import Optimizer
from ...program import Instruction
from ...train.past import Past
from .setup import Setup
from .walk import Walk


class Looking(Walk):
    """The part of a `Session` that reads. watched: names and places. sample: the row of the batch in view."""

    def __init__(self, program: Program, past: Past, epochs: int, setup: Setup | None = None) -> None:
        super().__init__(program, past, epochs, setup)
        self.watched: list[tuple[str, tuple]] = []
        self.sample = 0

    @property
    def epoch(self) -> int:
        return (self.step - 1) // self.past.steps + 1

    @property
    def coming(self) -> Instruction | None:
        """The instruction that `next` runs; None at the end of the run, or where the step cannot go on."""
        if self.over or not self.finite:
            return None
        return self.program.instructions[0 if self.done else self.at]

    @property
    def rows(self) -> np.ndarray:
        """Which rows of the data are this step's batch."""
        return self._recorder.rows

    @property
    def optimizer(self) -> Optimizer:
        return self.setup.optimizer

    def __getitem__(self, name: str) -> np.ndarray:
        """Get a value by its name or symbol: weights, buffers and the optimizer's state as they are now, all others as
        the step's instructions wrote them so far.

        Raises KeyError for an unknown name, and for a value that this step has not come to yet.
        """
        try:
            return self.value(name)
        except ArgumentError as error:
            raise KeyError(str(error)) from None

    def value(self, name: str, *index: Any) -> np.ndarray:
        """Get a value, or its gradient by "gradient"; raises ArgumentError with the nearest name."""
        name = {"gradient": "g"}.get(name, name)
        trace = self.trace()
        standing = self._standing()
        known = name if name in standing else trace.name(name) if "[" not in name else name
        if known in standing:
            return part_of(standing[known], known, index).copy()
        if known in trace.facts and known not in trace.versions and known not in trace.vectors:
            raise ArgumentError(f"{known} is not there yet: no instruction of step {self.step} that ran wrote it")
        try:
            return part_of(trace[known], known, index)
        except KeyError as error:
            raise ArgumentError(error.args[0]) from None

    def grad(self, name: str) -> np.ndarray:
        """Get ∂J/∂ of a parameter or value in this step, as `Trace.grad` gives it."""
        return self.trace().grad(name)

    def watch(self, name: str, *index: int) -> None:
        """Show a value, or one of its numbers, wherever the session stands: `print(s)`, and `s.watching()`."""
        if name != "gradient":
            self.look_up(name, index)
        if (name, index) not in self.watched:
            self.watched.append((name, index))

    def watching(self) -> dict[str, np.ndarray | None]:
        """Get the watched values by name and place; None for one that the step has not come to."""
        found: dict[str, np.ndarray | None] = {}
        for name, index in self.watched:
            try:
                found[label(name, index)] = self.length("g") if name == "gradient" else self.value(name, *index)
            except ArgumentError:
                found[label(name, index)] = None
        return found

    def length(self, name: str) -> np.ndarray:
        """Compute the length ‖·‖ of a value."""
        return np.asarray(np.linalg.norm(self.value(name).astype(np.float64)))

    def values(self) -> Iterator[tuple[str, np.ndarray]]:
        """Give every value of the program after a step, by name, in the order in which they are written; no copy."""
        return ((name, self.program.value(v)) for name, v in self._values.items())

    memory = values  # its older name

    def look(self, name: str, index: tuple = ()) -> np.ndarray:
        """Read a value as it lies in memory after a step; "gradient" is the gradient's length. It is empty where the
        batch has no such row."""
        if name == "gradient" and self._recorded:
            return self.length("g")  # before it was clipped
        if name == "gradient":
            return np.asarray(np.linalg.norm(self.program.value(self._values["g"]).astype(np.float64)))
        name = self._full(name)
        known = self._values.get(name)
        array = self._standing()[name] if known is None else self.program.value(known)
        try:
            return array[index]
        except IndexError:
            return np.zeros(0)

    def look_up(self, name: str, index: tuple = ()) -> np.ndarray:
        """Make zeros shaped like a value or a part of one; ArgumentError for what is not there."""
        if name == "gradient":
            return np.zeros(())
        name = self._full(name)
        return part_of(np.zeros(self._recorder.facts[name].shape), name, index)

    def relus(self) -> list[str]:
        """List the names of the values that ReLUs write."""
        names = self._next.names
        return [names[id(i.written[0])] for i in self.program.instructions if i.op == "relu" and i.phase == "forward"]

    def _full(self, name: str) -> str:
        name = "J" if name == "loss" else name
        if name in self._values and name not in self._next.vectors:
            return name
        name = self.trace().name(name)
        if name not in self._values and name not in self._standing():
            raise ArgumentError(f"{name} is no value of its own: give one of {', '.join(self._values)}")
        return name


def part_of(array: np.ndarray, name: str, index: tuple) -> np.ndarray:
    try:
        return array[index]
    except (IndexError, TypeError):
        raise ArgumentError(f"{name} has shape {array.shape}: there is no {label(name, index)}") from None


def short(array: np.ndarray) -> str:
    """Write a number, or an array's shape and length.

    >>> short(np.float32(0.25)), short(np.ones((3, 2)))
    ('0.25', 'shape (3, 2), ‖·‖ = 2.449')
    """
    if not np.ndim(array):
        return f"{array:.4g}"
    return f"shape {np.shape(array)}, ‖·‖ = {np.linalg.norm(array.astype(np.float64)):.4g}"


def label(name: str, index: tuple) -> str:
    """Write a value's name with its index.

    >>> label("layer1.weight", (0, 1)), label("loss", ())
    ('layer1.weight[0, 1]', 'loss')
    """
    shown = (("…" if k == slice(None) else str(k)) for k in index)
    return f"{name}[{', '.join(shown)}]" if index else name
