"""The evaluation program as JSON and back: values by number, operations by rule name, everything checked before use."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..autodiff import Runtime
from ..errors import ArgumentError, FileError
from ..named_inputs import lengths_of
from ..program import Recorded, Rows
from ..rules import OPS, Op
from .plain import decode, encode

LARGEST_WINDOW = 2**12  # and stride, padding and dilation of a standard layer
LARGEST = 2**27  # numbers that all values which a program computes may hold together, for two rows
NUMBERS = ("eps", "delta", "momentum")  # settings that kernels take as numbers, besides all of elementwise rules


@dataclass(frozen=True)
class Slot:
    """One value: an input, something stored (a parameter, buffer or constant), or what an operation writes."""

    name: str
    role: str
    shape: tuple[int, ...]
    rows: int = 0
    dtype: str = ""
    tensor: str = ""  # under which name a stored value lies in the file

    def shape_at(self, n: int) -> tuple[int, ...]:
        return (self.rows * n, *self.shape) if self.rows else self.shape


@dataclass(frozen=True)
class SavedOperation:
    """One operation: a rule's name, the numbers of the values it reads and writes, its settings, and its layer."""

    op: str
    reads: tuple[int | None, ...]
    writes: tuple[int, ...]
    attributes: dict[str, Any]
    layer: str


@dataclass(frozen=True)
class Saved:
    """A program as a file holds it."""

    slots: tuple[Slot, ...]
    operations: tuple[SavedOperation, ...]
    output: int

    @property
    def inputs(self) -> list[int]:
        return [i for i, slot in enumerate(self.slots) if slot.role == "input"]

    @property
    def stored(self) -> dict[int, str]:
        """Number and name in the file of every stored value."""
        return {i: slot.tensor for i, slot in enumerate(self.slots) if slot.tensor}

    def run(self, known: dict[int, Any], n: int, call: Callable) -> Any:
        """Run every operation in order, each by `call(operation, arguments, attributes)`, on known values of n rows."""
        for operation in self.operations:
            arguments = [None if i is None else known[i] for i in operation.reads]
            results = call(operation, arguments, {k: _at(v, n) for k, v in operation.attributes.items()})
            known.update(zip(operation.writes, results if isinstance(results, tuple) else (results,), strict=True))
        return known[self.output]


def _at(setting: Any, n: int) -> Any:
    if isinstance(setting, Rows):
        return setting.per_sample * n
    return tuple(_at(part, n) for part in setting) if isinstance(setting, tuple) else setting


# ---- writing ---------------------------------------------------------------------------------------------------------


def to_json(recorded: Recorded, taken: set[str]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Write a recorded evaluation as JSON, and its constants as arrays by name; parameters have names in `taken`."""
    numbers: dict[int, int] = {}
    values: list[dict[str, Any]] = []
    constants: dict[str, np.ndarray] = {}

    def number(v: Any) -> int:
        if id(v) not in numbers:
            numbers[id(v)] = len(values)
            entry = {"name": v.name, "role": v.role}
            if v.role == "constant":
                entry["tensor"] = f"constant {len(values)}"
                assert entry["tensor"] not in taken
                constants[entry["tensor"]] = _storable(v.array, recorded.output.dtype)
            elif v.role not in ("parameter", "buffer"):
                entry |= {"shape": list(v.shape), "rows": v.rows}
            if v.role == "input":
                entry["dtype"] = v.dtype.name
            values.append(entry)
        return numbers[id(v)]

    for v in recorded.inputs:
        number(v)
    operations = []
    for step in recorded.steps:
        name, layer = step.entry.op.name, step.entry.scope
        where = f"the setting of {name}" + (f" in {layer}" if layer else "")
        if any(isinstance(setting, Runtime) for setting in step.attributes.values()):
            raise ArgumentError(f"{where} is known in training only: a model file holds what evaluation does")
        operations.append({
            "op": name, "layer": layer, "reads": [None if v is None else number(v) for v in step.inputs],
            "writes": [number(v) for v in step.outputs],
            "attributes": {key: encode(setting, where) for key, setting in step.attributes.items()},
        })
    return {"values": values, "operations": operations, "output": number(recorded.output)}, constants


def _storable(array: np.ndarray | None, dtype: np.dtype) -> np.ndarray:
    """Turn a constant into one of the types that files hold; its values stay the same."""
    assert array is not None
    if array.dtype in (np.float32, np.float64, np.int32):
        return array
    kind = np.dtype(np.int32) if array.dtype.kind in "iu" else dtype
    same = array.astype(kind)
    if not np.array_equal(same, array):
        raise ArgumentError(f"a constant of {array.dtype} does not fit {kind}, which model files hold: make it a float")
    return same


# ---- reading ---------------------------------------------------------------------------------------------------------


def field(entry: Any, name: str, kind: type, what: str) -> Any:
    """Read entry[name], which must be there and of that JSON type."""
    value = entry.get(name) if isinstance(entry, dict) else None
    if type(value) is not kind:
        raise FileError(f"it is damaged ({what}: {name!r} should be {kind.__name__}, not {str(value)[:40]!r})")
    return value


def text(entry: Any, name: str, what: str) -> str:
    """Read a text from entry[name] that people will read, such as a name."""
    value = field(entry, name, str, what)
    if not value.isprintable() or len(value) > 1000:
        raise FileError(f"it is damaged ({what}: {name!r} is not a readable name)")
    return value


def whole(value: Any, what: str, below: int = 2**31) -> int:
    if type(value) is not int or not 0 <= value < below:
        raise FileError(f"it is damaged ({what} should be a whole number below {below:,}, not {str(value)[:40]!r})")
    return value


def from_json(entry: Any, shapes: dict[str, tuple[int, ...]]) -> Saved:
    """Read the program; check every name and number against the rules and the arrays' shapes."""
    slots = [_slot(v, i, shapes) for i, v in enumerate(field(entry, "values", list, "program"))]
    known = {i for i, slot in enumerate(slots) if slot.role != "activation"}
    operations = []
    for k, o in enumerate(field(entry, "operations", list, "program")):
        operation = _operation(o, k, len(slots))
        if lost := {i for i in operation.reads if i is not None} - known:
            raise FileError(f"it is damaged (operation {k}, {operation.op}, reads value {min(lost)} too early)")
        if known & set(operation.writes) or len(set(operation.writes)) != len(operation.writes):
            raise FileError(f"it is damaged (operation {k}, {operation.op}, writes a value that is there already)")
        known |= set(operation.writes)
        operations.append(operation)
    output = whole(entry.get("output"), "the program's output", len(slots))
    if len(known) != len(slots) or slots[output].role != "activation":
        raise FileError("it is damaged (no operation writes one of the program's values)")
    saved = Saved(tuple(slots), tuple(operations), output)
    forms(saved)
    return saved


def _slot(v: Any, i: int, shapes: dict[str, tuple[int, ...]]) -> Slot:
    what = f"value {i}"
    name, role = text(v, "name", what), text(v, "role", what)
    if role in ("parameter", "buffer", "constant"):
        tensor = text(v, "tensor", what) if role == "constant" else name
        if tensor not in shapes:
            raise FileError(f"the {role} {tensor!r} is missing: use another copy, or save the model again")
        return Slot(name, role, shapes[tensor], tensor=tensor)
    if role not in ("input", "activation"):
        raise FileError(f"it is damaged ({what} has the unknown role {role!r})")
    shape = tuple(whole(n, what) for n in field(v, "shape", list, what))
    rows = whole(v.get("rows"), what)
    if len(shape) > 31 or math.prod(shape) * max(rows, 1) > LARGEST or (role == "input" and rows != 1):
        raise FileError(f"it is damaged ({what} has the impossible shape {str(shape)[:60]})")
    dtype = text(v, "dtype", what) if role == "input" else ""
    if role == "input" and dtype not in ("float32", "float64", "int32"):
        raise FileError(f"it is damaged ({what} has the unknown type {dtype!r})")
    return Slot(name, role, shape, rows, dtype)


def _operation(o: Any, k: int, count: int) -> SavedOperation:
    what = f"operation {k}"
    name, layer = text(o, "op", what), text(o, "layer", what)
    rule = OPS.get(name)
    if rule is None:
        raise FileError(f"{what} is {name!r}, which this Cutaway does not know: update Cutaway")
    reads = tuple(None if i is None else whole(i, what, count) for i in field(o, "reads", list, what))
    writes = tuple(whole(i, what, count) for i in field(o, "writes", list, what))
    if len(writes) != len(rule.outputs) or not (reads if rule.variadic else len(reads) == len(rule.inputs)):
        raise FileError(f"it is damaged ({what}, {name}, reads {len(reads)} values and writes {len(writes)})")
    attributes = {key: decode(value) for key, value in field(o, "attributes", dict, what).items()}
    if attributes.keys() != set(rule.attributes):
        raise FileError(f"it is damaged ({what}, {name}, has the settings {sorted(attributes)}, and takes "
                        f"{sorted(rule.attributes)})")
    if attributes.keys() & {"seed", "rows"}:  # dropout and its like, and running averages
        raise FileError(f"it is damaged ({what}, {name}, happens in training only)")
    if name != "index" and not all(_fits(rule, key, value) for key, value in attributes.items()):
        raise FileError(f"it is damaged ({what}, {name}, has a setting that is no number)")
    return SavedOperation(name, reads, writes, attributes, layer)


def _fits(rule: Op, key: str, setting: Any) -> bool:
    """Whether a setting has a type that its rule takes; the trial run shows whether its size is right, too."""
    if rule.kind == "elementwise" or key in NUMBERS:
        return type(setting) in (bool, int, float)
    if key == "padding" and pairs(setting):
        return True
    if isinstance(setting, tuple):
        return len(setting) <= 32 and all(type(part) in (int, Rows) for part in setting)
    return setting is None or type(setting) in (bool, int, float)


def pairs(padding: Any) -> bool:
    """Whether this is padding for one or two sizes: (before, after) for each."""
    return isinstance(padding, tuple) and len(padding) in (1, 2) and all(
        isinstance(pair, tuple) and len(pair) == 2 and all(type(n) is int and n >= 0 for n in pair) for pair in padding
    )


def forms(saved: Saved) -> list[str] | None:
    """Read how inputs are given: None for one array, [] for a tuple, or a dict's keys. Each may be Sequences."""
    every = [saved.slots[i].name for i in saved.inputs]
    names = [name for name in every if name not in map(lengths_of, every)]
    ordered = [n for name in names for n in (name, lengths_of(name)) if n in every]
    lengths = [saved.slots[i] for i in saved.inputs if saved.slots[i].name not in names]
    if every != ordered or any((slot.shape, slot.dtype) != ((), "int32") for slot in lengths):
        raise FileError(f"it is damaged (its inputs are called {str(every)[:60]})")
    if names == ["x"]:
        return None
    if names and names == [f"x{i + 1}" for i in range(len(names))]:
        return []
    if names and len(set(names)) == len(names) and all(name.startswith("x.") for name in names):
        return [name[2:] for name in names]
    raise FileError(f"it is damaged (its inputs are called {str(names)[:60]})")
