"""How sure a fit may be where rows come later or belong together: errors on later rows, or on whole groups held back.

Rows held back by chance lie among those that were learnt from. Where rows follow one another in time, or belong
together, errors on them flatter: intervals are too narrow for what comes next. Where a table's own columns say so, or
`split` does,

- by time, the network learns from all rows as ever, and then a second one like it learns from the earlier rows alone,
  as long as the first did. Its errors on the latest rows are what calibration and intervals go by: nothing is lost of
  the newest rows, which matter most.
- by groups, whole groups are held back, as `fit(groups=...)` has it.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from ..data import Windows, split
from ..data.categories import Category
from ..data.cells import words_of
from ..data.limits import (
    FEW_ROWS,
    FEWEST_OF_STRETCH,
    FEWEST_REHEARSED,
    FEWEST_STRETCHES,
    MOST_COLUMNS_OF_RENEWED,
    REHEARSED,
    STRETCHES,
)
from ..data.reading import is_frame
from ..data.splits import asked_split
from ..errors import ArgumentError, DataError
from ..text import listed
from ..train.feeding import checked
from ..train.fit import beginning
from ..train.past import Past
from .crossed import until
from .folds import OutOfFold
from .found_linear import find_again
from .groups import held_by_groups, whole_groups
from .held import Held, answered
from .inputs import take
from .networks import embeds
from .notes import tell


def divide(estimator: Any, rows: Any, groups: Any, sample_weight: Any) -> None:
    """Settle which rows are held back of those that count, `rows.held`, or rehearsed with, `rows.rehearsed`.

    Raises DataError for groups that group nothing, ArgumentError for a `split` that this X does not have.
    """
    way, column = asked_split(estimator.split, f"split is {estimator.split!r}")
    if groups is not None:
        if way not in ("auto", "groups") or column:
            raise ArgumentError(f"split={estimator.split!r} and groups: rows are held back in one way. Leave one out.")
        rows.held = held_by_groups(estimator, rows, groups, sample_weight)
        return
    held_back = isinstance(estimator.validation, float) and estimator.design_.validation > 0
    if way == "random" or rows.held is not None or rows.kind.name != "table" or not held_back:
        if way in ("time", "groups"):
            _refuse(estimator, rows, held_back)
        return
    if way == "auto":
        _found(estimator, rows)
    elif way == "time":
        name, labels = _asked(rows, way, column)
        _by_time(estimator, rows, name, labels, split(len(rows), REHEARSED, time=labels), "as asked")
    else:
        name, labels = _asked(rows, way, column)
        rows.held = whole_groups(estimator, rows, labels)
        _by_groups(estimator, name, "as asked")


def _refuse(estimator: Any, rows: Any, held_back: bool) -> None:
    """Say why rows cannot be held back as `split` asks."""
    asked = f"split={estimator.split!r}"
    if isinstance(rows.X, Windows):
        raise ArgumentError(f"{asked} does not go with windows of a series, of which the latest are held back: leave "
                            "it out.")
    if rows.kind.name != "table":
        raise ArgumentError(f"{asked} goes by a column of a table, and X holds {rows.kind.many}: leave it out, or give "
                            "fit groups=.")
    if not held_back:
        tell(f"{asked} is not used: no rows are held back here ({estimator.design_.reasons['validation']}).")


def _asked(rows: Any, way: str, column: str) -> tuple[str, Any]:
    """The name and the labels of what rows are divided by, where the way was said, and perhaps the column."""
    from ..data.encoder import as_table
    from ..data.ties import ties

    frame = as_table(rows.X) if is_frame(rows.X) else None
    names = [] if frame is None else list(map(str, frame.columns))
    if column and column not in names:
        known = f"It has {listed(names, 12)}." if names else "Its columns have no names."
        raise ArgumentError(f"split='{way}:{column}': X has no column {column!r}. {known}")
    found = [] if frame is None else [tie for tie in ties(frame, np.asarray(rows.y)) if tie.way == way
                                      and column in ("", str(tie.column))]
    if found:  # dates are read by then, however they are written
        return found[0].named, found[0].labels
    if column and frame is not None:
        return column, frame.iloc[:, names.index(column)]
    if way == "time":
        return "the order of the rows", np.arange(len(rows))
    raise ArgumentError("split='groups': no column of X looks as if it named what rows belong to. Name it, "
                        "split='groups:COLUMN', or give fit groups=.")


def _found(estimator: Any, rows: Any) -> None:
    """Go by time or groups where columns surely tell of them, and a small network measures that chance would flatter.
    """
    from .honest import honest_split

    if not is_frame(rows.X):
        return
    advice = honest_split(rows.X, rows.y, estimator.target_encoder_.task, estimator._seed, sure=True)
    if advice.chosen is None:
        return
    tie, says = advice.chosen.tie, advice.chosen.sentence()
    try:
        if tie.way == "groups":
            rows.held = whole_groups(estimator, rows, tie.labels)
            _by_groups(estimator, tie.named, says)
            return
        learn, late = split(len(rows), REHEARSED, time=tie.labels)
    except DataError:  # too few moments, or a class of one group alone
        return
    if min(len(learn), len(late)) >= FEWEST_REHEARSED and len(late) < len(learn):
        _by_time(estimator, rows, tie.named, tie.labels, (learn, late), says)


def _by_groups(estimator: Any, name: str, says: str) -> None:
    design = estimator.design_
    design.split, design.reasons["split"] = f"whole groups, by {name}", says


def _by_time(estimator: Any, rows: Any, name: str, labels: Any, parts: tuple[np.ndarray, ...], says: str) -> None:
    learn, late = parts
    rows.rehearsed, design = (learn, late), estimator.design_
    rows.stretches = stretches(take(labels, late), len(late))
    design.split = f"by time, {name}"
    what = "how sure probabilities may be" if design.link != "identity" and design.link != "rising" else \
        "how wide intervals are"
    design.reasons["split"] = (f"a second network, which learns from the rows before, errs on the latest "
                               f"{len(late) / len(rows):.0%}, and that says {what}. {says}")


def look_up_renewed(estimator: Any, rows: Any) -> list[str]:
    """Let the encoder of an estimator give codes, not columns, to categories of some levels of which the latest rows
    have new ones: more will come. Gives the names of those that it changed."""
    from ..data.encoder import as_table

    encoder, (before, late), found = estimator.encoder_, rows.rehearsed, []
    some = [(i, column) for i, column in enumerate(encoder.columns) if isinstance(column, Category)
            and not column.coded and len(column.levels) > MOST_COLUMNS_OF_RENEWED]
    if not some or len(rows) < FEW_ROWS or not embeds(estimator.network):
        return []
    frame = as_table(rows.X)
    for i, column in some:
        codes = words_of(frame.iloc[:, i], column.name).codes
        if set(codes[late]) - set(codes[before]) - {-1}:
            found.append(column.name)
    encoder.look_up(found)
    return found


def stretches(time: Any, n: int) -> np.ndarray | None:
    """Divide n rows by their time into stretches of about as many rows: the number of each row's; None for few rows or
    moments.

    >>> stretches(np.arange(400)[::-1], 400)[[0, 399]].tolist()
    [9, 0]
    """
    k = min(STRETCHES, n // FEWEST_OF_STRETCH)
    if k < FEWEST_STRETCHES:
        return None
    try:
        parts = split(n, (1 / k,) * (k - 1), time=time)
    except DataError:
        return None
    found = np.empty(n, np.intp)
    for number, part in enumerate(parts):
        found[part] = number
    return found


@contextmanager
def rehearsed(estimator: Any, rows: Any, first: Any, how: dict[str, Any], batch_size: int,
              began: float, past: Any) -> Iterator[Any]:
    """Give the past whose rows held back say how far off the estimator may be; while the block runs, its network is the
    one that did not learn from them.

    first: the network as it was before training, or None where nothing is rehearsed; how: the arguments of its run;
    past: that of the fit, whose rows held back tell where nothing is rehearsed.
    """
    own, run, factors = estimator.model_, estimator.run_, vars(estimator).get("_factors")
    rehearsal = None if first is None or run.trouble or run.stopped == "interrupted" else _trained(
        estimator, rows, first, how | {"time_limit": left_of(estimator.time_limit, began)}, batch_size)
    if rehearsal is None or rehearsal.held_out is None:
        yield past
        return
    estimator.model_ = first
    try:
        late = answered(estimator, rehearsal.held_out)
        yield OutOfFold(rehearsal.data, rehearsal.rows, Held(late.z, late.y, late.weight, rows.stretches))
    finally:
        estimator.model_ = own
        if factors is not None:
            estimator._factors = factors


def left_of(limit: float | None, began: float) -> float | None:
    return None if limit is None else max(0.0, limit - (time.perf_counter() - began))


def _trained(estimator: Any, rows: Any, network: Any, how: dict[str, Any], batch_size: int) -> Past | None:
    """Train a network on the earlier rows, as many epochs as the first had; None where that came to no good."""
    learn, late = (rows.take(part) for part in rows.rehearsed)
    design, last = estimator.design_, max(1, estimator.run_.best_epoch)

    Z, T, w = estimator._encoded(learn)
    how = how | {"validation": None, "monitor": "loss", "early_stopping": None, "sample_weight": w, "progress": False,
                 "optimizer": estimator.optimizer or design.optimizer(), "callbacks": until(last)}
    training = beginning(network, Z, T, batch_size=min(batch_size, len(T)), **how)
    find_again(network, Z, T, w, training.past.rows, design.link != "identity")
    run = training.go()
    if training.trouble or not run.epochs_done:
        return None
    Zh, Th, wh = estimator._encoded(late, learning=False)
    return replace(training.past, held_out=checked("y", Zh, Th, wh, design.loss == "cross_entropy"))


def copied(estimator: Any, rows: Any) -> Any:
    """The network with its first weights, for the rehearsal, if there will be one; of several, one is enough."""
    model = estimator.model_
    return None if rows.rehearsed is None else copy.deepcopy(
        model.networks[0] if estimator.design_.networks > 1 else model)
