"""from_wide_table: a row is a series, its columns are the steps; groups of them, heat_1 to heat_24, are sensors."""

from __future__ import annotations

import re
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ArgumentError, DataError
from ..text import counted, listed
from .limits import FEWEST_WIDE_STEPS
from .reading import read_table
from .series import Series, feature_values, packed
from .targets import missing_rows

#: What steps of a sensor without a name are called.
VALUE = "value"
STEP = re.compile(r"(?P<sensor>.*?)[\s_.:-]*(?P<step>\d+)")


def from_wide_table(frame: Any, target: str | None = None, id: str | None = None,
                    features: str | Sequence[str] | None = None) -> Series:
    """Make Sequences of a wide table: each row is a series, each column a step of it.

    Names of such columns end in the step's number: t1, t2, t3, or 1, 2, 3 alone; where they begin otherwise,
    heat_1, heat_2, ..., load_1, load_2, ..., each beginning is a sensor, and all have the same steps. Columns come in
    the order of their numbers. A row that ends in gaps in all sensors is a shorter series; other gaps stay NaN.

    frame: what `read_table` takes. target: the column of labels or numbers, id: that of the series' names; features:
    the sensors to learn from, which leaves all other columns out.

    Raises ArgumentError for columns that are not there, DataError for those that are no steps, sensors of other steps
    than the first, cells that are no numbers, and a row without any.

    >>> table = {"class": ["up", "down"], "heat_1": [1.0, 9.0], "heat_2": [2.0, 8.0], "heat_3": [3.0, None]}
    >>> series = from_wide_table(table, target="class")
    >>> series
    table: 2 sequences, 2 to 3 time steps of 1 feature, 2 labels
    >>> [row[:, 0].tolist() for row in series.X.rows()], series.features
    ([[1.0, 2.0, 3.0], [9.0, 8.0]], ['heat'])
    """
    where = Path(frame).name.partition(".")[0] if isinstance(frame, str | PathLike) else "table"
    frame = read_table(frame)
    frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
    known = list(frame.columns)
    for argument, name in (("target", target), ("id", id)):
        if name is not None and name not in known:
            raise ArgumentError(f"{argument} names {name!r}, but the table has no such column: there are "
                                f"{listed(known, 12)}.")
    if not len(frame):
        raise DataError("The table has no rows.")
    steps = sensors_of([name for name in known if name not in (target, id)],
                       [features] if isinstance(features, str) else features)
    values = np.stack([np.stack([feature_values(frame[name], name) for name in columns], axis=1)
                       for columns in steps.values()], axis=2)
    filled = ~np.isnan(values).all(axis=2)
    lengths = values.shape[1] - filled[:, ::-1].argmax(axis=1)
    if not filled.any(axis=1).all():
        row = int(np.flatnonzero(~filled.any(axis=1))[0])
        raise DataError(f"Row {row} (the first is 0) has no number in any of its steps: leave it out.")
    X = packed(values[np.arange(values.shape[1]) < lengths[:, None]], lengths, "The table")
    missing = int(np.isnan(values[np.arange(values.shape[1]) < lengths[:, None]]).sum())
    first = next(iter(steps.values()))
    notes = [f"each row is a series: {counted(len(first), 'step')}, {first[0]} to {first[-1]}"
             + f", of each of {listed(list(steps), 6)}" * (len(steps) > 1)]
    notes += [f"{counted(int((lengths < values.shape[1]).sum()), 'series', 'series')} end earlier, in gaps"] * bool(
        (lengths < values.shape[1]).any())
    notes += [f"{counted(missing, 'value')} missing of {int(lengths.sum()) * len(steps):,}"] * bool(missing)
    y = None if target is None else frame[target].to_numpy()
    if y is not None and (unknown := int(missing_rows(y).sum())):
        notes.append(f"{counted(unknown, 'series', 'series')} without a target")
    return Series(X, y, where, list(steps), None if id is None else frame[id].to_numpy(), notes)


def sensors_of(names: Sequence[str], wanted: Sequence[str] | None = None) -> dict[str, list[str]]:
    """The columns of each sensor in the order of their steps.

    wanted: the sensors that a model knows; columns of none of them are left out. Raises DataError for a column that is
    no step, for sensors whose steps differ, and for fewer steps than tell of time.

    >>> sensors_of(["b_2", "a_1", "a_2", "a_3", "b_1", "b_3"])
    {'b': ['b_1', 'b_2', 'b_3'], 'a': ['a_1', 'a_2', 'a_3']}
    """
    found: dict[str, dict[int, str]] = {}
    for name in names:
        match = STEP.fullmatch(name)
        sensor = (match["sensor"] or VALUE) if match else None
        if wanted is not None and sensor not in wanted:
            continue
        if match is None or sensor is None:
            raise DataError(f"{name!r} is no step of a series: a step's name ends in its number, such as t1 or heat_1. "
                            "Name it as target or id, or leave it out.")
        if (step := int(match["step"])) in found.setdefault(sensor, {}):
            raise DataError(f"{found[sensor][step]!r} and {name!r} are one step of {sensor!r}: leave one out.")
        found[sensor][step] = name
    if wanted is not None and (lacking := [name for name in wanted if name not in found]):
        raise DataError(f"The table has no steps of {listed(lacking, 6)}: their names would be {lacking[0]}_1, "
                        f"{lacking[0]}_2, ...")
    order = {sensor: [columns[k] for k in sorted(columns)] for sensor, columns in found.items()}
    if not order or min(map(len, order.values())) < FEWEST_WIDE_STEPS:
        few = min(order, key=lambda sensor: len(order[sensor])) if order else None
        what = f"{few!r} has {counted(len(order[few]), 'step')}" if few is not None else "no column is a step"
        raise DataError(f"{what}: a wide table has {FEWEST_WIDE_STEPS} or more of each sensor, named t1, t2, t3, ... "
                        "or heat_1, heat_2, heat_3, ...")
    (one, of_one), *others = found.items()
    for sensor, columns in others:
        if columns.keys() != of_one.keys():
            apart = sorted(columns.keys() ^ of_one.keys())[0]
            has, lacks = (sensor, one) if apart in columns else (one, sensor)
            raise DataError(f"{has!r} has a step {apart}, {lacks!r} has none: all sensors have the same steps. Leave "
                            f"the columns of one out, or add {lacks}_{apart}.")
    return {sensor: order[sensor] for sensor in wanted} if wanted is not None else order
