"""Libraries that another one imports and hardly uses: they are loaded when something in them is first asked for.

scikit-learn imports most of SciPy with its base classes, half a second of work of which a small fit uses nothing.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

HEAVY = ("scipy.special", "scipy.optimize", "scipy.stats")


class Later(ModuleType):
    """What stands in for a module until a name in it is asked for; it then gives way to the module itself."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


def load_later(names: Iterable[str] = HEAVY) -> None:
    """Let these modules wait, in this process, unless they are there already; their packages are imported now."""
    for name in names:
        package, _, last = name.rpartition(".")
        if name in sys.modules or (spec := find_spec(name)) is None:
            continue
        module = Later(name)
        module.__spec__, module.__file__, module.__package__ = spec, spec.origin, name
        sys.modules[name] = module
        setattr(sys.modules[package], last, module)


@contextmanager
def loading(names: Iterable[str] = HEAVY) -> Iterator[None]:
    """Load libraries in the block: without these, and without looking for garbage, of which loading makes none."""
    load_later(names)
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
