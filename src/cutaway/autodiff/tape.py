"""The tape: which operations ran, in order. It is data, and backward reads it from its end."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from ..rules import Op


class Runtime(int):
    """A setting that a program learns only when it runs: the seed, or the step's number. An example value meanwhile."""

    name: str

    def __new__(cls, name: str, example: int) -> Runtime:
        value = super().__new__(cls, example)
        value.name = name
        return value

    def __repr__(self) -> str:
        return self.name


@dataclass
class Entry:
    """One operation that ran: the Tensors that it read (None: not given) and wrote, its settings, and its layer."""

    op: Op
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]
    attributes: dict[str, Any]
    scope: str

    def __repr__(self) -> str:
        read = ", ".join("-" if t is None else str(t.shape) for t in self.inputs)
        return f"{self.scope + ': ' if self.scope else ''}{self.op.name}({read}) -> {self.outputs[0].shape}"


@dataclass
class Tape:
    """Entries in the order in which they ran. Tapes whose tensors meet become one."""

    entries: list[Entry] = field(default_factory=list)
    joined: Tape | None = None

    def root(self) -> Tape:
        tape = self
        while tape.joined is not None:
            tape = tape.joined
        return tape

    @staticmethod
    def join(tapes: list[Tape]) -> Tape:
        """Make one tape that continues all of these: so far they are independent, so one may follow the other."""
        first, *others = {id(tape.root()): tape.root() for tape in tapes}.values()
        for other in others:
            first.entries.extend(other.entries)
            other.entries, other.joined = [], first
        return first

    def __str__(self) -> str:
        return "\n".join(f"{i:3d}  {entry!r}" for i, entry in enumerate(self.root().entries))


class Recording:
    """Everything that runs while a model is recorded: the tape, and the assignments to buffers that go with it."""

    def __init__(self) -> None:
        self.tape = Tape()
        self.assignments: list[tuple[Any, Any]] = []


_recording: ContextVar[Recording | None] = ContextVar("recording", default=None)
_scope: ContextVar[str] = ContextVar("scope", default="")


def recording() -> Recording | None:
    """The recording under way, or None."""
    return _recording.get()


def current_scope() -> str:
    """Name of the layer that runs now: "layer1", "encoder.layer2@2", or "" outside."""
    return _scope.get()


@contextmanager
def record():
    """Record every operation in the block, also those no gradient flows through."""
    tape = Recording()
    token = _recording.set(tape)
    try:
        yield tape
    finally:
        _recording.reset(token)


@contextmanager
def scope(name: str):
    """Name the layer whose operations run in the block."""
    token = _scope.set(name)
    try:
        yield
    finally:
        _scope.reset(token)
