"""Objects from the plain values of a file: everything must be there, and have the right type."""

from __future__ import annotations

from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from .errors import FileError


def described(cls: type, state: Any) -> Any:
    """Rebuild the object that `asdict` turned into `state`. Raises FileError for anything that `asdict` cannot give.

    >>> from cutaway.data.columns import Settings
    >>> described(Settings, {"min_count": 5})
    Settings(min_count=5, max_levels=50, integer_levels=0, clip=3.0, embed=False)
    """
    name = cls.__name__
    if not isinstance(state, dict):
        raise FileError(f"it is damaged ({name} is {state!r:.40})")
    known = {one.name: one for one in fields(cls) if one.init}
    required = {n for n, one in known.items() if one.default is MISSING and one.default_factory is MISSING}
    if odd := (state.keys() - known.keys()) | (required - state.keys()):
        raise FileError(f"it is damaged ({name} lacks {min(odd)!r:.40}, or does not know it)")
    values = {}
    for key, value in state.items():
        try:
            values[key] = _read(_hints(cls)[key], value)
        except TypeError:
            raise FileError(f"it is damaged ({name} has {key} {value!r:.40})") from None
    return cls(**values)


def entry(state: Any, name: str, hint: Any) -> Any:
    """Read state[name], which must be there and of that type.

    >>> entry({"levels": ["a", "b"]}, "levels", list[str])
    ['a', 'b']
    """
    try:
        return _read(hint, state[name])
    except (TypeError, KeyError):
        what = f"{name!r} is {state[name]!r:.40}" if isinstance(state, dict) and name in state else f"it lacks {name!r}"
        raise FileError(f"it is damaged ({what})") from None


@cache
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)


def _read(hint: Any, value: Any) -> Any:
    """Read a value as its type hint says; TypeError for one of another type."""
    kind, inner = get_origin(hint), get_args(hint)
    if hint is Any:
        return value
    if is_dataclass(hint) and type(value) is dict:
        return described(hint, value)  # type: ignore[arg-type]
    if kind in (Union, UnionType):
        return _first(inner, value)
    if kind is Literal and isinstance(value, str) and value in inner:
        return value
    if kind is list and type(value) is list:
        return [_read(inner[0], part) for part in value]
    if kind is tuple and type(value) in (list, tuple):
        inner = inner[:1] * len(value) if inner[1:] == (...,) else inner
        if len(inner) != len(value):
            raise TypeError
        return tuple(map(_read, inner, value))
    if kind is dict and type(value) is dict and all(type(key) is str for key in value):
        return {key: _read(inner[1], part) for key, part in value.items()}
    if hint is float and type(value) is int:
        return value
    if type(value) is not (NoneType if hint is None else hint):
        raise TypeError
    return value


def _first(hints: tuple, value: Any) -> Any:
    """Read a value as the first type that fits."""
    for hint in hints:
        try:
            return _read(hint, value)
        except TypeError:
            continue
    raise TypeError
