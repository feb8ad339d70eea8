"""Traces read from JSON in the format "cutaway-trace" (format.py writes it); what is damaged is refused."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from dataclasses import fields
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np

from ...described import described, entry
from ...errors import FileError
from ...files.container import parse
from ...text import no_path
from .format import FORMAT, VERSION
from .record import About, Part, TracedInstruction, TracedValue
from .trace import Trace, Traces

DTYPES = ("bool", "uint8", "int32", "int64", "float32", "float64")


def read_trace(source: str | PathLike | Mapping[str, Any]) -> Trace | Traces:
    """Read the trace in a file that `to_json` wrote (or in its data): a `Trace`, or `Traces` of several steps.

    It shows all that it showed when it was made; only `program()`, which needs the model, does not work.

    >>> import cutaway as ct
    >>> X, y = ct.datasets.make("moons", n=8, seed=0)
    >>> t = ct.trace(ct.nn.MLP(2, [4], 2).init(0), X, y, loss="cross_entropy")
    >>> again = ct.inspect.read_trace(t.to_json())
    >>> str(again) == str(t)
    True

    Raises FileError for a file that is missing, damaged, not a trace, or of a version that is not known.
    """
    where, data = "this data", source
    if not isinstance(source, Mapping):
        where = fspath(source)
        try:
            data = parse(Path(source).read_bytes(), "trace")
        except OSError as error:
            raise FileError(f"{where} cannot be read: {error.strerror}") from None
        except FileError as error:
            raise FileError(f"{where} is not a trace, or it is damaged: {error}") from None
        except ValueError as error:
            raise FileError(f"{where!r} cannot be read: {no_path(where, error)}") from None
    if not isinstance(data, Mapping) or data.get("format") != FORMAT:
        raise FileError(f'{where} is not a trace: "format" must be "{FORMAT}"')
    if data.get("version") != VERSION:
        raise FileError(f"{where} has version {data.get('version')!r} of the format; this Cutaway reads {VERSION}")
    try:
        traces = Traces(_read_step(step) for step in data["steps"])
    except KeyError as error:
        raise FileError(f"{where} is a damaged trace: {error} is missing") from None
    except (TypeError, ValueError, OverflowError, AttributeError, StopIteration) as error:
        raise FileError(f"{where} is a damaged trace: {error}") from None
    if not traces:
        raise FileError(f"{where} is a damaged trace: it has no step")
    return traces if len(traces) > 1 else traces[0]


def _read_step(step: Mapping[str, Any]) -> Trace:
    rows = np.asarray(entry(step, "rows", list[int]), np.int64)
    about = described(About, {f.name: step[f.name] for f in fields(About)} | {"rows": rows})
    parameters = {name: described(Part, part) for name, part in step["parameters"].items()}
    facts = {v.name: v for v in (described(TracedValue, v) for v in step["values"])}
    instructions = [described(TracedInstruction, i) for i in step["instructions"]]
    for thing in (*parameters.values(), *facts.values()):
        _shape(list(thing.shape))
    versions = {name: [_read_array(name, a) for a in arrays] for name, arrays in step["arrays"].items()}
    vectors = {name: tuple(parts) for name, parts in step["vectors"].items()}
    named = [*versions, *step["left_out"], *parameters, *vectors]
    for parts in vectors.values():
        named += parts
    for i in instructions:
        named += [*i.read, *i.written, *i.operands.values(), *i.results.values()]
    lost = next((name for name in named if name not in facts), None)
    if lost is not None:
        raise ValueError(f"it names {lost!r}, which is not among its values")
    if [i.number for i in instructions] != list(range(len(instructions))):
        raise ValueError("its instructions are not numbered 0, 1, 2, ...")
    for parts in vectors.values():
        if len(parts) != len(parameters):
            raise ValueError("a vector must have a part for each parameter")
    return Trace(about, instructions, facts, versions, vectors, parameters, dict(step["left_out"]))


def _shape(sizes: Any) -> tuple[int, ...]:
    if not isinstance(sizes, list) or not all(isinstance(n, int) and n >= 0 for n in sizes):
        raise ValueError(f"a shape must be a list of whole numbers, got {sizes!r}")
    return tuple(sizes)


def _read_array(name: str, a: Mapping[str, Any]) -> tuple[int, np.ndarray]:
    if a["dtype"] not in DTYPES or not isinstance(a["at"], int):
        raise ValueError(f"{name} has dtype {a['dtype']!r} at {a['at']!r}")
    dtype, shape = np.dtype(a["dtype"]), _shape(a["shape"])
    content = base64.b64decode(a["base64"], validate=True)
    if len(content) != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"{name} has {len(content):,} bytes where shape {shape} of {dtype} was expected")
    array = np.frombuffer(content, dtype.newbyteorder("<")).astype(dtype).reshape(shape)
    array.flags.writeable = False
    return a["at"], array
