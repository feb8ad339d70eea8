"""`bind`: a rule for other arrays. Nobody writes a rule twice: under JAX, say, the same text runs on JAX's arrays."""

from __future__ import annotations

from collections.abc import Iterator
from types import CellType, CodeType, FunctionType
from typing import Any

from .namespace import NUMPY


def bind(function: Any, xp: Any) -> Any:
    """Copy a function, and what it calls, so that `xp` gives the array functions in place of NumPy's.

    Every function keeps the names of its own file, so that helpers of different files may be called alike. What is
    bound: `xp` under any name, and plain functions that are called by their names; not a module's attributes.
    """
    made: dict[FunctionType, FunctionType] = {}

    def other(value: Any) -> Any:
        return xp if value is NUMPY else copy(value) if isinstance(value, FunctionType) else value

    def copy(old: FunctionType) -> FunctionType:
        if old in made:
            return made[old]
        names, cells = dict(old.__globals__), tuple(CellType() for _ in old.__closure__ or ())
        made[old] = new = FunctionType(old.__code__, names, old.__name__, old.__defaults__, cells)
        new.__kwdefaults__ = old.__kwdefaults__
        names |= {name: other(names[name]) for name in set(_called(old.__code__)) & names.keys()}
        for cell, before in zip(cells, old.__closure__ or (), strict=True):
            cell.cell_contents = other(before.cell_contents)
        return new

    return copy(function)


def _called(code: CodeType) -> Iterator[str]:
    """Find the names that a function and its inner functions look up outside themselves."""
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _called(inner)
