"""What goes wrong in training, in words: numbers that are not finite, and batches that batch norm cannot normalise."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engines import Program, compile
from ..errors import ArgumentError
from .past import Past


def first_bad_value(program: Program, past: Past, rows: np.ndarray) -> tuple[str, str]:
    """Find the first value of a step on these rows that is not finite, and the likely cause: run the step again, by the
    reference engine."""
    data, model, optimizer = past.data.rows(rows), program.model, past.optimizer
    again = compile(model, past.loss, optimizer, len(data), data.inputs, data.y, engine="reference", keep_all=True,
                    **past.options | {"device": None, "devices": None, "exact": False})
    again.feed(data.inputs, data.y, data.weight)
    again.state.t = program.state.t
    again.engine.begin(None, 0, 1)
    weights = float(np.abs(model.theta).max(initial=0.0))
    with np.errstate(all="ignore"):  # numbers that are not finite are looked for
        for k, instruction in enumerate(again.instructions):
            if instruction.phase == "update":
                break
            again.engine.one(k)
            for v in instruction.written:
                if v.dtype.kind == "f" and not _fine(again.value(v), instruction):
                    if instruction.phase == "load":
                        return f"the data ({v.name})", "Likely cause: missing or infinite numbers in it."
                    return f"{v.name} ({instruction.title})", _cause(instruction, weights, optimizer, again.state.t)
    return "the gradient", _cause(None, weights, optimizer, again.state.t)


def _fine(numbers: np.ndarray, instruction: Any) -> bool:
    """Whether numbers are finite, or infinite where a constant that the instruction reads is, such as a mask's -inf."""
    wanted = any(v.array is not None and np.isinf(v.array).any() for v in instruction.reads if v is not None)
    return not np.isnan(numbers).any() if wanted else bool(np.isfinite(numbers).all())


def _cause(instruction: Any, weights: float, optimizer: Any, t: int) -> str:
    """The likely cause of a value that is not finite."""
    if instruction is not None and instruction.op in ("log", "div", "sqrt", "power"):
        return f"Likely cause: {instruction.op} of zero or of a negative number: keep its input away from zero."
    if instruction is not None and instruction.op in ("softmax", "log_softmax"):
        return ("Likely cause: a mask that leaves no number of a row, so that all are -inf: leave one, or mask by a "
                "large negative number, -1e9.")
    rate = optimizer.rate(t)
    return (f"Likely cause: the learning rate {rate:g} is too high (the largest weight is {weights:.3g}): try "
            f"{rate / 10:g}, or ct.optim.clip(optimizer, norm=1.0).")


def normalises_batches(program: Program) -> bool:
    """Whether a layer takes mean and variance over the rows of a batch alone, so that it can take no single row."""
    return any(i.op == "batch_stats" and i.arguments[0].width == i.writes[0].width
               for i in program.instructions if not i.backward)


def one_row_left_out(rows: int, batch_size: int) -> str:
    """Say that each epoch leaves out its last batch, of one row. Raises ArgumentError if all batches have one row."""
    if batch_size == 1:
        raise ArgumentError(
            f"batch norm cannot normalise a batch of one row, and {rows} rows are taken in batches of one: give at "
            "least two rows, and batch_size=2 or more"
        )
    return (f"batch norm cannot normalise a batch of one row, and {rows} rows in batches of {batch_size} leave one: "
            "each epoch goes without it (another one each time where rows are shuffled).")
