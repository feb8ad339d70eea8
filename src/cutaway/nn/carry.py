"""States that go from one call of a network to the next: recurrent layers take theirs, and leave it, while it lasts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from ..errors import ArgumentError

ONE_WAY = 'network={"cell": "gru", "bidirectional": False, "front": []}'


class Carry:
    """The states before a call, by the recurrent layer's id, and those after it."""

    def __init__(self, before: dict[int, list[Any]]) -> None:
        self.before, self.after = before, dict[int, list[Any]]()

    def take(self, layer: Any, given: Any) -> list[Any]:
        """The state before the call of a layer. Raises ArgumentError where a layer's state cannot be carried."""
        if given is not None:
            raise ArgumentError(f"{layer!r} is handed a state by the network's own forward: a stream cannot carry it")
        if id(layer) in self.after:
            raise ArgumentError(f"{layer!r} reads more than once in a pass: a stream carries one state of each layer")
        return self.before[id(layer)]

    def leave(self, layer: Any, last: list[Any]) -> None:
        """Keep the state after the call of a layer."""
        self.after[id(layer)] = last


_carry: ContextVar[Carry | None] = ContextVar("carry", default=None)


def carry_in_force() -> Carry | None:
    """The states that are carried, None where every sequence begins anew."""
    return _carry.get()


@contextmanager
def carrying(before: dict[int, list[Any]]) -> Iterator[Carry]:
    """Let recurrent layers begin with these states in the block; `after` of what this gives are those they end with."""
    token = _carry.set(Carry(before))
    try:
        carry = _carry.get()
        assert carry is not None
        yield carry
    finally:
        _carry.reset(token)
