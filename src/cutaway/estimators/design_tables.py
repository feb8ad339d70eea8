"""The network and training strategy for a table: a multilayer perceptron, and steps by the number of rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..data import TableEncoder
from ..data.limits import (
    FEW_FOR_BATCHES,
    FEW_FOR_LINEAR,
    FEW_ROWS_A_COLUMN,
    FEWEST_HELD_BY_SEVERAL,
    FEWEST_TABLE_EPOCHS,
    HELD_BY_SEVERAL,
    MANY_FOR_MEMBERS,
    MOST_TABLE_EPOCHS,
    MOST_TABLE_STEPS,
    SMALL_TABLE_EPOCHS,
    TABLE_STEPS,
    WIDE_FOR_DROPOUT,
)
from ..data.limits import FEW_ROWS as SMALL
from ..data.limits import MANY_ROWS as LARGE
from ..text import counted
from .presets import DEFAULT, FAST_OF_FEW, FEW, PRESETS, Preset


def table_design(rows: int, m: int, encoder: TableEncoder, batch_size: int | None = None,
                 preset: str | None = DEFAULT) -> dict[str, Any]:
    """The fields of a Design for a table of so many rows, m of them to learn from, in batches of the size asked for.

    preset: one of PRESETS, or None for a network of the caller's own, which is trained plainly.
    """
    small = rows < SMALL
    chosen = FEW if small or preset is None else PRESETS[preset]
    if preset == "fast" and rows >= SMALL and m < FEW_FOR_BATCHES:
        chosen = FAST_OF_FEW
    if preset == DEFAULT and rows >= MANY_FOR_MEMBERS:
        chosen = replace(PRESETS["fast"], words='so many rows teach one plain network enough; "best" does more')
    batch, batch_reason = batch_for(m)
    batch = min(batch_size or batch, m)
    epochs, epochs_reason = epochs_for(m, -(-m // batch), chosen.epochs)
    dropout, why = dropout_for(rows, sum(bool(column.features) for column in encoder.columns), chosen)
    return {
        "kind": "mlp", "hidden": chosen.hidden, "activation": "relu", "dropout": dropout,
        "spec": {"bins": chosen.bins, "members": chosen.members, "networks": chosen.networks},
        "average": chosen.average, "preset": preset or "",
        "lr": chosen.lr, "weight_decay": 0.01, "warmup": 0.1, "batch_size": batch, "epochs": epochs,
        "dtype": "float64" if small else "float32",
        "reasons": {
            "preset": chosen.words,
            "input": _input_reason(encoder),
            "numbers": "a weight for each bin bends a number's influence where the rows are",
            "members": "they share most weights, and the mean of what they say errs less than any",
            "networks": "the mean of several errs less than one, and few rows decide nothing alone",
            "average": "of the weights of the last steps: it errs less than any of them",
            "hidden": f"two layers are enough for a table; ReLU learns fast; {why}",
            "optimizer": "a rate for each weight needs little tuning; decay keeps matrices small, biases are free",
            "batch": batch_reason,
            "epochs": epochs_reason,
            "precision": "of so few rows it costs nothing" if small else "fast, and exact enough to train in",
        },
    }


def dropout_for(rows: int, columns: int, preset: Preset) -> tuple[float, str]:
    """Choose the share of neurons that each step of training leaves out, and say why."""
    if rows < SMALL:
        return 0.0, "few rows need every neuron"
    if preset.bins and columns >= WIDE_FOR_DROPOUT and FEW_FOR_LINEAR <= rows < FEW_ROWS_A_COLUMN * columns:
        return 0.3, f"{columns} columns are many ways to learn rows by heart: more dropout against it"
    return 0.1, "dropout against learning rows by heart"


def held_by_each(share: float, networks: int, rows: int) -> float:
    """Choose the share of rows that each network holds back, where one alone would hold back `share` of them: of
    several each does with half, but no fewer rows than show an epoch.

    >>> [held_by_each(0.1, networks, rows) for networks, rows in ((1, 2000), (5, 2000), (5, 500))]
    [0.1, 0.05, 0.1]
    """
    if networks == 1 or not share:
        return share
    return min(share, max(HELD_BY_SEVERAL * share, FEWEST_HELD_BY_SEVERAL / rows), 1 / networks)


def rate_factor(rows: int, widths: Sequence[int]) -> float:
    """Choose how much higher the learning rate is for layers narrower than 128 neurons, which equal steps move less."""
    narrow = max(1.0, 128 / min(widths, default=128))
    return min(8.0, narrow) if rows < SMALL else min(4.0, math.sqrt(narrow))


def batch_for(m: int) -> tuple[int, str]:
    """Choose the rows of a batch, of m to learn from, and say why."""
    if m < SMALL:
        return m, "so few rows that each step can see them all"
    if m < FEW_FOR_BATCHES:
        return 32, "few rows: small batches give enough steps"
    if m <= LARGE:
        return 64, "mini-batches: many steps in an epoch, and their noise helps"
    return 256, "many rows: larger batches use the processor better"


def epochs_for(m: int, steps: int, share: float = 1.0) -> tuple[int, str]:
    """Choose epochs for m rows in `steps` batches, and say why. share: of those that any network converges in.

    >>> epochs_for(3000, 50)[0], epochs_for(3000, 50, share=0.6)[0]
    (50, 30)
    """
    if m < SMALL:
        return SMALL_TABLE_EPOCHS, "one step an epoch: about what such a table can teach"
    epochs = math.ceil(share * min(max(TABLE_STEPS / steps, FEWEST_TABLE_EPOCHS), MOST_TABLE_EPOCHS))
    if epochs * steps <= MOST_TABLE_STEPS:
        return epochs, f"{epochs * steps:,} steps, {steps} an epoch: enough to converge"
    return max(10, math.ceil(MOST_TABLE_STEPS / steps)), f"many rows: about {MOST_TABLE_STEPS:,} steps are enough"


def _input_reason(encoder: TableEncoder) -> str:
    kinds: dict[str, int] = {}
    for column in encoder.columns:
        kind = column.kind if column.features else "left out"
        kinds[kind] = kinds.get(kind, 0) + 1
    left_out = kinds.pop("left out", 0)
    words = ", ".join(counted(n, kind, "categories" if kind == "category" else "") for kind, n in kinds.items())
    codes = f"; {len(encoder.codes)} of them a code of a level, looked up" if encoder.codes else ""
    return f"one neuron for each encoded feature of {words}{codes}" + (f"; {left_out} left out" if left_out else "")
