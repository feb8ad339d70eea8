"""Traces as JSON: the format "cutaway-trace", version 1, described in docs/trace-format.md and trace.schema.json.

Arrays are base64 of their bytes, little endian, so that NaN and infinity survive and a browser reads them as they are.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from os import PathLike
from typing import Any

import numpy as np

from ...files.container import write_whole
from ...files.endings import NUMBERS, check_ending
from .record import Record

FORMAT, VERSION = "cutaway-trace", 1
DTYPES = ("bool", "uint8", "int32", "int64", "float32", "float64")


def to_json(traces: Sequence[Record], path: str | PathLike | None = None) -> dict[str, Any]:
    """Write one or more steps as plain data, and to a file if a path is given."""
    if path is not None:
        check_ending(path, "the numbers of a trace", (*NUMBERS, ""), hint="`to_html` writes a page.")
    data = {"format": FORMAT, "version": VERSION, "steps": [_step(t) for t in traces]}
    if path is not None:
        write_whole(path, json.dumps(data, allow_nan=False).encode())
    return data


def _step(t: Record) -> dict[str, Any]:
    return {
        **asdict(t.about), "rows": t.about.rows.tolist(),
        "parameters": {name: asdict(part) | {"shape": list(part.shape)} for name, part in t.parameters.items()},
        "vectors": {name: list(parts) for name, parts in t.vectors.items()},
        "values": [asdict(v) | {"shape": list(v.shape)} for v in t.facts.values()],
        "instructions": [
            {f.name: getattr(i, f.name) for f in fields(i) if f.name not in ("key", "trace", "rounded")}
            | {"read": list(i.read), "written": list(i.written)} | ({"rounded": True} if i.rounded else {})
            for i in t.instructions
        ],
        "arrays": {name: [_array(at, a) for at, a in versions] for name, versions in t.versions.items()},
        "left_out": dict(t.left_out),
    }


def _array(at: int, a: np.ndarray) -> dict[str, Any]:
    content = np.ascontiguousarray(a, a.dtype.newbyteorder("<")).tobytes()
    return {"at": at, "dtype": a.dtype.name, "shape": list(a.shape), "base64": base64.b64encode(content).decode()}
