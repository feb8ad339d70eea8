"""The engines there are: each folder here with an engine.py, whose ENGINE is the class that runs programs."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from ..errors import ArgumentError
from ..extras import BESIDES, bring
from ..program import Engine


class Engines(MutableMapping[str, Any]):
    """Engines by name. A folder's is imported when it is first asked for; one of your own is put in by assignment.

    >>> import cutaway as ct
    >>> sorted(ct.engines.ENGINES)[:2]
    ['cpu', 'portable']
    """

    def __init__(self) -> None:
        self._own: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if not isinstance(name, str) or name not in self:
            raise ArgumentError(f"no engine is called {name!r}: use one of {', '.join(self)}")
        if name not in self._own:
            try:
                self._own[name] = import_module(f".{name}.engine", __package__).ENGINE
            except ModuleNotFoundError as error:  # of another package: one of ours is always there
                raise ArgumentError(f"the engine {name!r} needs {error.name}, which is not installed: "
                                    f"{bring(name)}{BESIDES.get(name, '')}") from None
        return self._own[name]

    def __setitem__(self, name: str, engine: Any) -> None:
        if not (isinstance(engine, type) and issubclass(engine, Engine)):
            raise ArgumentError(f"an engine is a class that inherits cutaway.program.Engine, got {engine!r}")
        self._own[name] = engine

    def __delitem__(self, name: str) -> None:
        del self._own[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*_folders(), *self._own]))

    def __contains__(self, name: object) -> bool:
        return name in list(self)

    def __len__(self) -> int:
        return len(list(iter(self)))


@cache
def _folders() -> list[str]:
    return sorted(file.parent.name for file in Path(__file__).parent.glob("*/engine.py"))


ENGINES = Engines()
