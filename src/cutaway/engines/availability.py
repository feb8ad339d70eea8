"""Which engines can run here, on what, and what the others lack."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import ArgumentError
from ..text import columns
from .registry import ENGINES


@dataclass(frozen=True)
class Availability:
    """Whether an engine can run here: on what, or what it lacks."""

    name: str
    there: bool
    what: str

    def __bool__(self) -> bool:
        return self.there


class Availabilities(dict[str, Availability]):
    """What `ct.engines.available` returns: an `Availability` by name. Printed, a line for each engine."""

    def __str__(self) -> str:
        return "\n".join(columns([name, "yes" if found else "no", found.what] for name, found in self.items()))

    __repr__ = __str__


def available() -> Availabilities:
    """Look which engines can run here, and on what; it imports them, XLA with JAX and its devices.

    >>> import cutaway as ct
    >>> bool(ct.engines.available()["cpu"])
    True
    """
    found = Availabilities()
    for name in ENGINES:
        try:
            what, there = ENGINES[name].runs_on(), True
        except ArgumentError as error:
            what, there = str(error).removeprefix(f"the engine {name!r} "), False
        found[name] = Availability(name, there, what)
    return found
