"""Evaluating a few rows again and again: every address is written down before, so that a call is one native call."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ...arguments import whole_numbers, within
from ...rules import OPS, facts

CALL = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)

# A kernel: all instructions of an evaluation on one batch, which begins anew each time. Compare `run` in stepping.py.
ONCE = """def k(p, s):
    code, params = ints(p[0]), ints(p[1])
    s[T] = 0
    s[STEP] = -1
    s[POSITION] = 0
    mode = float_mode()
    set_float_mode(mode | FLUSH)
    for i in range(p[2]):
        call(code[i], at(params, i * p[3]), s)
    set_float_mode(mode)
"""


def standing(engine: Any, once: int, n: int) -> tuple[dict[str, np.ndarray], np.ndarray, Callable[[], None]]:
    """Do what Engine.standing promises, for an engine of one thread whose instructions all are machine code.

    once: the address of ONCE's machine code.
    """
    inputs = {v.name: np.zeros(v.shape_at(n), v.dtype) for v in engine.listing.inputs}
    inputs = {name: whole_numbers(name, x) if x.dtype == np.int32 else x for name, x in inputs.items()}
    engine.feed(inputs)  # read where they lie
    engine.outputs = outputs = engine._room_for_outputs(n)
    engine._prepare_states(None, 0)
    places = engine._places
    control = np.array([places["code"], places["params"], len(engine.code), engine._width], np.int64)
    call = partial(CALL(once), ctypes.c_void_p(control.ctypes.data), ctypes.c_void_p(engine._states.ctypes.data))
    vars(call)["keeps"] = engine, control  # machine code reads their memory
    lookups = []
    for i in engine.instructions:
        if i.op in OPS and (picks := facts(i.op).picks):
            number, source, axis = picks
            of = i.operands()
            if (name := of[number].name) in inputs:
                lookups.append((name, inputs[name], of[source].shape[axis]))
    if not lookups:
        return inputs, outputs, call

    def checked() -> None:
        for name, numbers, limit in lookups:  # kernels look rows up without asking
            within(name, numbers, limit)
        call()

    return inputs, outputs, checked
