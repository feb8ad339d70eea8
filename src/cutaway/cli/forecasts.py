"""One series in a table, to forecast: its rows in order of time, the step that they keep, and their windows."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from ..errors import ArgumentError, DataError
from ..text import counted
from .options import ReadOptions
from .rows import FileRows, check_columns, in_options, others, table

if TYPE_CHECKING:
    import numpy as np

    from ..data.timeline import Moments

#: What the one series of a table, and its steps in the order of the rows, are called for from_long_table.
SERIES_ID, SERIES_STEP = "(series)", "(step)"


def window_rows(path: Path, asked: ReadOptions, frame: Any = None, features: list[str] | None = None) -> FileRows:
    """Cut windows of the one series in a table, each with the values that follow."""
    import pandas as pd

    from ..data.forecasting import cut_windows
    from ..data.sequence_encoder import as_sequences

    learnt = asked.every is not None  # a model's own, which has its window and its --gaps
    values, names, when, notes = one_series(path, asked, frame, features)
    if learnt and len(values) < asked.length + asked.ahead:
        raise DataError(f"{path.name} has {counted(len(values), 'time step')}, and the model is scored on windows of "
                        f"{asked.length:,} with the {asked.ahead:,} that follow: give at least so many.")
    with in_options(path):
        cut = cut_windows(values, names, when, repr(asked.time or ""), asked.length, asked.ahead, 1, asked.forecast,
                          asked.gaps or "cut")
    aims = [asked.forecast or ""] if asked.ahead == 1 else cut.target_names
    y: Any = pd.DataFrame(cut.y, columns=aims)
    extent = (f"{len(values):,} time steps of {counted(values.shape[1], 'feature')}, "
              f"{counted(len(cut), 'window')} of {asked.length:,} steps with {asked.ahead:,} to forecast")
    ids = pd.Series(cut.starts + asked.length, name="row")
    if any("missing" in note for note in cut.notes) and not asked.gaps and not learnt:
        cut.notes.append("--gaps fill makes missing steps empty ones, --gaps join takes rows for steps all the same")
    return FileRows(as_sequences(cut.X), y[aims[0]] if len(aims) == 1 else y, extent, aims, ids, names, {"time": cut},
                [*notes, *cut.notes])


def every_window(path: Path, asked: ReadOptions, frame: Any = None, features: list[str] | None = None) -> FileRows:
    """Cut all windows of a series up to its end: what `cutaway predict` forecasts from.

    A window across a gap in time is left out, and one that a gap follows, unless it is the last.
    """
    import numpy as np
    import pandas as pd

    from ..data.sequence_encoder import as_sequences
    from ..data.timeline import described_gaps, filled, steps

    values, _, when, notes = one_series(path, asked, frame, features)
    kept = np.ones(max(len(values) - asked.length + 1, 0), bool)
    gaps = asked.gaps or "cut"
    if when is not None and gaps != "join" and len(values) > 1 and (found := steps(when)).missing:
        notes.append(described_gaps(when, found, repr(asked.time)))
        if gaps == "refuse":
            raise DataError(f"{path.name}: {notes[-1]}, and the model was trained with --gaps refuse: add them.")
        if gaps == "fill":
            values = filled(values, found)
            kept = np.ones(max(len(values) - asked.length + 1, 0), bool)
        else:
            run = np.concatenate([[0], np.cumsum(found.apart != 1)])
            ends = np.append(run[asked.length:], run[-1])
            kept = run[:len(kept)] == ends
            notes[-1] += f"; {counted(int((~kept).sum()), 'window')} across a gap left out"
    if not kept.any():
        raise DataError(f"{path.name} has {counted(len(values), 'time step')}, and the model forecasts from windows of "
                        f"{asked.length:,} that follow each other: give at least so many.")
    X = np.lib.stride_tricks.sliding_window_view(values, asked.length, axis=0).swapaxes(1, 2)[kept]
    ids = pd.Series(np.flatnonzero(kept) + asked.length, name="row")
    return FileRows(as_sequences(np.ascontiguousarray(X)), None, "", [], ids, notes=notes)


def one_series(
    path: Path, asked: ReadOptions, frame: Any, features: list[str] | None
) -> tuple[np.ndarray, list[str], Moments | None, list[str]]:
    """Read the one series in a table in order of time: numbers (time, features), their names, its times, notes.

    The step of time that it keeps is written into `asked`, or compared with the one that a model has learnt.
    """
    import numpy as np

    from ..data import from_long_table
    from ..data.sequence_encoder import as_sequences

    frame = table(path, asked) if frame is None else frame
    asked.refuse(("id", "target"), "--forecast, which is of one series and names what is to be predicted")
    if asked.gaps and not asked.time:
        raise ArgumentError("--gaps: missing steps are found by the column of times: name it with --time.")
    check_columns(path, frame, forecast=[asked.forecast], time=[asked.time] if asked.time else [], drop=asked.drop)
    features = features or others(frame, asked.time, *asked.drop)
    when, order, notes = in_time(path, asked, frame) if asked.time else (None, np.arange(len(frame)), [])
    whole = frame.iloc[order].assign(**{SERIES_ID: 0, SERIES_STEP: np.arange(len(frame))})
    with in_options(path, order):
        series = from_long_table(whole, SERIES_ID, SERIES_STEP, features)
    values = as_sequences(series.X).values[0]
    if when is None:
        rising = [name for name, x in zip(features, values.T, strict=True) if len(x) > 2 and (np.diff(x) > 0).all()]
        notes = [f"{name} rises from row to row: if it is the time, --time {quote(name)} finds steps that are missing"
                 for name in rising[:1] if name != asked.forecast]
    return values, features, when, notes


def in_time(path: Path, asked: ReadOptions, frame: Any) -> tuple[Moments, np.ndarray, list[str]]:
    """Sort rows by time: give their times, the rows in that order, and what is to be noted."""
    import numpy as np

    from ..data.table_lines import in_lines
    from ..data.timeline import clocks_go_back, moments, steps

    with in_options(path):
        when = moments(frame[asked.time], asked.time or "")
    order = np.argsort(when.order, kind="stable")
    when = when[order]
    notes = [f"rows brought in the order of {asked.time!r}"] * bool((np.diff(order) < 0).any())
    if asked.gaps == "join":
        return when, order, notes
    if (again := np.flatnonzero(np.diff(when.order) == 0)).size:
        first, second = sorted(order[again[0] : again[0] + 2].tolist())
        more = f", and {counted(again.size - 1, 'more row')} like that" * (again.size > 1)
        where = in_lines(f"rows {first} and {second} (the first row is 0)", path)
        raise DataError(f"{path.name}: {asked.time!r} is {when.at(int(again[0]))} in {where}{more}: keep one row for "
                        "each time, or name the column that says which row is of which sequence with --id."
                        f"{clocks_go_back(when, again)}")
    if len(order) > 1 and (every := steps(when).every):
        if asked.every is None:
            notes.insert(0, f"by {asked.time!r}, time goes in steps of {every}, from {when.at(0)} to {when.at(-1)}")
            asked.every = every
        elif every != asked.every:
            notes.append(f"by {asked.time!r}, time goes in steps of {every}, but the model has learnt steps of "
                         f"{asked.every}: bring the rows to those")
    return when, order, notes
