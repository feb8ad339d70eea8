"""What of Cutaway is public, room by room, and what its docstrings lack: read by build_docs.py and by the tests.

    python tools/reference.py    public names without a docstring, names of ct in docstrings that are not there
"""

import inspect
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

#: The public modules in the order of the reference, and what they are called after `import cutaway as ct`.
ROOMS = {"cutaway": "ct", "cutaway.nn": "ct.nn", "cutaway.nn.init": "ct.nn.init", "cutaway.losses": "ct.losses",
         "cutaway.autodiff.ops": "ct.ops", "cutaway.optim.schedules": "ct.optim.schedules", "cutaway.optim": "ct.optim",
         "cutaway.forecast": "ct.forecast", "cutaway.data": "ct.data", "cutaway.datasets": "ct.datasets",
         "cutaway.inspect": "ct.inspect", "cutaway.lab": "ct.lab", "cutaway.callbacks": "ct.callbacks",
         "cutaway.tuning": "ct.tuning", "cutaway.distributed": "ct.distributed",
         "cutaway.errors": "ct.errors"} | {
    name: name for name in (f"cutaway.{room}" for room in (
        "mlflow", "sklearn", "train", "estimators", "onnx", "files", "report", "rules", "autodiff", "program",
        "engines"))}
NAME = re.compile(r"\bct((?:\.[A-Za-z]\w*)+)")


def members(room: str) -> dict[str, Any]:
    """The public names of a module: those in its `__all__`, or else the functions and classes of its room."""
    module = import_module(room)
    names = getattr(module, "__all__", None)
    if names is None:
        own = (room, "cutaway.autodiff.arrays", "cutaway.autodiff.composed")  # whose functions ct.ops passes on
        names = [name for name, value in vars(module).items()
                 if not name.startswith("_") and callable(value) and value.__module__ in own]
    return {name: getattr(module, name) for name in names}


def known(path: str) -> bool:
    """Whether `ct` has this: known(".optim.AdamW"). Fields of dataclasses and what __init__ sets count as there."""
    found: Any = import_module("cutaway")
    for name in path[1:].split("."):
        if not hasattr(found, name):
            if not inspect.isclass(found):
                try:
                    found = import_module(f"{found.__name__}.{name}")
                except (AttributeError, ImportError):
                    return False
                continue
            return name in getattr(found, "__annotations__", {}) or f"self.{name}" in inspect.getsource(found)
        found = getattr(found, name)
    return True


def documented(value: Any) -> bool:
    """Whether a class or function says in its first line what it is; other values need not."""
    if not (inspect.isclass(value) or inspect.isroutine(value)):
        return True
    own = vars(value).get("__doc__") if inspect.isclass(value) else inspect.getdoc(value)
    words = (own or "").strip().split("\n")[0]
    return bool(words) and not words.startswith(f"{value.__name__}(")  # which dataclass writes where nobody else does


def texts() -> Iterator[tuple[str, str]]:
    """The docstring of every public module, class, method and function, with its name."""
    for room in ROOMS:
        yield room, import_module(room).__doc__ or ""
        for name, value in members(room).items():
            if inspect.ismodule(value):
                continue
            parts = vars(value).items() if inspect.isclass(value) else ()
            for inner, part in [("", value), *((f".{n}", v) for n, v in parts if not n.startswith("_"))]:
                if inspect.isclass(part) or inspect.isroutine(part) or isinstance(part, property):
                    yield f"{room}.{name}{inner}", inspect.getdoc(part) or ""


def faults() -> list[str]:
    """What the public docstrings lack."""
    bare = [f"{room}.{name} has no docstring" for room in ROOMS for name, value in members(room).items()
            if not documented(value)]
    return bare + [f"{where} names ct{path}, which is not there" for where, text in texts()
                   for path in NAME.findall(text) if not known(path)]


if __name__ == "__main__":
    found = faults()
    print("\n".join(found) or f"{sum(len(members(room)) for room in ROOMS)} public names, each with a docstring")
    sys.exit(1 if found else 0)
