"""A module with everything in it: what a page needs to train a network, without Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import ArgumentError
from ...program import Program
from ..cpu import slots
from ..cpu.engine import address_of
from ..reference.engine import rates
from . import loops, memory
from .code import code
from .layout import SLOTS, Arrays, ProgramLayout


@dataclass(frozen=True)
class Assembled:
    """A WebAssembly module that holds programs, weights and data, and a manifest that says where everything lies.

    wasm: the module's bytes. manifest: plain JSON; the module's docstring (cutaway.engines.wasm) says what is in it.
    """

    wasm: bytes
    manifest: dict[str, Any]


def assembled(programs: Mapping[str, Program]) -> Assembled:
    """Put programs of one model, compiled for the engine "wasm" and fed, into one module that needs nothing else.

    They share the model's weights and buffers; each has its own optimizer's vectors, rows and steps. Raises
    ArgumentError for a program of another engine, without rows, or with an instruction that has no kernel, and for more
    than 15 programs.

    >>> import cutaway as ct, numpy as np
    >>> X, y = np.zeros((8, 4), "float32"), np.zeros(8, "float32")
    >>> program = ct.compile(ct.nn.MLP(4, [8], 1), "mse", batch_size=4, engine="wasm")
    >>> program.feed(X, y)
    >>> made = assembled({"train": program})
    >>> made.wasm[:4], made.manifest["programs"]["train"]["batch_size"]
    (b'\\x00asm', 4)
    """
    _check(programs)
    every = list(programs.values())
    engines: list[Any] = [p.engine for p in every]
    made = code([k for e in engines for k in e.kernels], engines[0].dtype, sized=True)
    image = memory.Image()
    states: dict[int, tuple[str, np.ndarray, list[str]]] = {}  # by address
    for name, p in programs.items():
        for part in p.state.names:
            array = p.model.theta if part == "θ" else p.state[part]
            states.setdefault(address_of(array), (part, array, []))[2].append(name)
    arrays = Arrays(image, [array for _, array, _ in states.values() if array.size])
    told = {name: _program(p, ProgramLayout(p.engine, made, image, image.directory, number, arrays))
            for number, (name, p) in enumerate(programs.items())}
    manifest = {
        "format": "cutaway wasm 1",
        "pages": image.pages,
        "bytes": image.top,
        "state": [{"name": part, "address": arrays.address(array), "shape": list(array.shape),
                   "dtype": array.dtype.name, "programs": names}
                  for part, array, names in states.values() if array.size],
        "parameters": _parameters(every[0]),
        "programs": told,
    }
    return Assembled(made.module.bytes(image.pages, image.stretches()), manifest)


def _check(programs: Mapping[str, Program]) -> None:
    if not 1 <= len(programs) <= loops.PROGRAMS:
        raise ArgumentError(f"a module holds 1 to {loops.PROGRAMS} programs, got {len(programs)}")
    engines: dict[str, Any] = {name: p.engine for name, p in programs.items()}
    for name, e in engines.items():
        if e.name != "wasm":
            raise ArgumentError(f'{name} was compiled for the engine {e.name!r}: compile it with engine="wasm"')
        if not e.compiled:
            missing = [i.title for i, k in zip(e.instructions, e.kernels, strict=True) if k is None]
            raise ArgumentError(f"{name} cannot run without Python: {', '.join(dict.fromkeys(missing))} has no kernel")
        if not e.rows:
            raise ArgumentError(f"{name} has no rows: feed it the data, or zeros for as many rows as will be asked for")
    if len({id(p.model) for p in programs.values()}) > 1 or len({e.dtype for e in engines.values()}) > 1:
        raise ArgumentError("the programs of a module are of one model: compile them all of the same one")


def _program(p: Program, layout: ProgramLayout) -> dict[str, Any]:
    """Lay out a program as it stands before its next step, and say where everything is."""
    e, listing = layout.engine, p.engine.listing
    opt, rows = p.engine.optimizer, p.engine.rows
    data = {name: layout.area(name, a.shape, a.dtype) for name, a in e.data.items()}
    for name, a in e.data.items():
        data[name][...] = a
    layout.area("order", (rows,), np.int64)[:] = np.arange(rows)
    layout.area("losses", (rows,), np.float64)
    if opt is not None and callable(opt.lr):
        layout.area("rates", (rows,), np.float64)[:] = rates(opt, e.t + 1, rows)
    outputs = None
    if opt is None:
        outputs = layout.area("outputs", listing.output.shape_at(rows), listing.output.dtype)
    layout.write_parameters()
    layout.begin(0, rows, e.t)
    values = p.values()
    number = {id(v): k for k, v in enumerate(values)}
    own = {name: layout.slots_at + 8 * k for name, k in SLOTS.items()}

    def place(name: str, a: np.ndarray) -> dict[str, Any]:
        return {"address": layout.at(name), "shape": list(a.shape), "dtype": a.dtype.name}

    def of(v: Any) -> int | None:
        return None if v is None else number.get(id(v))

    return {
        "number": layout.number, "trains": opt is not None, "batch_size": e.batch_size,
        "optimizer": None if opt is None else type(opt).__name__,
        "slots": own | {"STOPPED": layout.shared_at + 8 * slots.STOP},
        "order": {"address": layout.at("order"), "rows": rows},
        "losses": {"address": layout.at("losses"), "steps": rows},
        "rates": {"address": layout.at("rates"), "steps": rows} if layout.at("rates") else None,
        "data": {name: place(name, a) for name, a in data.items()},
        "outputs": None if outputs is None else place("outputs", outputs),
        "settings": [s for k in range(len(e.kernels)) for s in _settings(layout, k)],
        "values": [{"name": v.name, "shape": list(v.shape), "rows": v.rows, "dtype": v.dtype.name, "role": v.role,
                    "address": layout.place(v)[0]} for v in values],
        "instructions": [
            {"title": i.title, "op": i.op, "phase": i.phase, "layer": i.layer, "formula": i.formula,
             "backward": i.backward, "reads": [number[id(v)] for v in i.reads],
             "writes": [number[id(v)] for v in i.written], "text": e.source(k)}
            for k, i in enumerate(p.instructions)],
        "loss": of(listing.loss), "output": of(listing.output), "target": of(listing.target),
        "inputs": {v.name: number[id(v)] for v in listing.inputs},
    }


def _settings(layout: ProgramLayout, k: int) -> list[dict[str, Any]]:
    """Find where the numbers of an update's kernel stand: an optimizer's, or those of clipping."""
    kernel, instruction = layout.engine.kernels[k], layout.engine.instructions[k]
    if instruction.phase != "update":
        return []
    start = 3 * len(kernel.operands)
    return [{"instruction": k, "name": name, "address": layout.params_at + 8 * (k * layout.width + start + j),
             "value": float(np.int64(kernel.numbers[j]).view(np.float64))}
            for j, name in enumerate(kernel.settings) if name]


def _parameters(p: Program) -> list[dict[str, Any]]:
    theta, found = p.model.theta, []
    for name, parameter in p.state.parameters.items():
        offset = (address_of(p.state.part(name)) if p.engine.optimizer is not None else address_of(parameter.data))
        found.append({"name": name, "shape": list(parameter.shape),
                      "at": (offset - address_of(theta)) // theta.dtype.itemsize, "trained": parameter.requires_grad})
    return found
