"""Scores too good to be true: an input that gives the target away, held-out rows that were learnt from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ....data import judgement
from ....data.limits import MOST_COMPARED, MOST_FOR_LEAKS
from ....nn import WithLinear
from ..evidence import Evidence
from ..finding import NOTICE, SERIOUS, Finding

DUPLICATES = 0.1  # share of held-out rows
OPTIONS = {"group": "--group", "near": "--time"}  # what mends a column that tells so; of others --drop


def telling_column(e: Evidence) -> Iterator[Finding]:
    """Find a column that alone predicts the target nearly without a mistake; one that numbers the rows is worse."""
    X, n = e.table, len(e.sample)
    assert X is not None
    classes = e.labels is not None
    y: Any = e.labels if classes else e.sample.y.reshape(n, -1).astype(np.float64)
    if y.size != n:
        return
    columns = dict(list(e.columns.items())[:MOST_FOR_LEAKS])
    for found in judgement.telling(X, y.reshape(n), columns, classes)[:1]:
        yield leak_finding(found, n, e.label(found.label), X.shape[1] - _features(e, found), _drop(e, found))


def leak_finding(found: judgement.Telling, rows: int, label: str, left: int = 1, change: str = "",
         target: str = "the target") -> Finding:
    """Say in words that a column gives the target away."""
    name = found.column
    why = "If it will be known when predictions are made, no network is needed; if not, it has to go."
    if found.how == "order":
        text = f"{name} alone predicts {target}, and it only numbers the rows, which are sorted by {target}."
    elif found.how == "near":
        text = (f"{name} alone predicts {target}, because the rows are in its order and neighbours have nearly the "
                f"same {target}: rows between those learnt from are easy, what lies beyond is not.")
        why = f"If {name} is a time, only the latest rows are a test."
    elif found.how in ("filled", "empty"):
        text = (f"{name} is {found.how} in {found.rows:,} rows, of which {found.alone:.0%} are {label}: it was "
                "probably written down when that was known already.")
        why = "If it is not yet known when predictions are made, it has to go."
    elif found.how == "group":
        text = (f"{name} alone predicts {target}, because rows with the same {name} share it: of one that is new, "
                "it says nothing.")
        why = f"Rows of one {name} belong on one side of the split (groups); as an input it has to go."
    else:
        text = f"{name} alone predicts {target} nearly without a mistake (on {rows:,} rows)."
    where = f"X.drop(columns={name!r})" if left else ""
    return Finding("an input that tells the target", SERIOUS, text, change, why, [name],
                   {"alone": found.alone, "how": found.how}, remedy=f"X = {where}" * bool(where),
                   command=f"{OPTIONS.get(found.how, '--drop')} {name}")


def _features(e: Evidence, found: judgement.Telling) -> int:
    return len(range(*e.columns[found.column].indices(e.width)))


def _drop(e: Evidence, found: judgement.Telling) -> str:
    """Write the change: the column's features are taken out of the arrays, and a new first layer takes the others."""
    features, left = e.columns[found.column], e.width - _features(e, found)
    gone = str(features.start) if _features(e, found) == 1 else f"slice({features.start}, {features.stop})"
    change = f"X = np.delete(X, {gone}, axis=1)" + f"; Xv = np.delete(Xv, {gone}, axis=1)" * (e.held_out is not None)
    made = f"ct.nn.Linear({left}, {_first(e)})" + '.astype("float64")' * (e.model.dtype == np.float64)
    change += "; model = ct.nn.Sequential(*model.layers)" * isinstance(e.model, WithLinear)  # it was found for all
    return change + (f"; model.layers[0] = {made}" if _first(e) and left else "")


def _first(e: Evidence) -> int:
    """Count the neurons of a Sequential's first layer, which must be built anew for fewer inputs."""
    first = getattr(e.model, "layers", [None])[0]
    return getattr(first, "n_out", 0) if getattr(first, "n_in", None) else 0


def duplicates(e: Evidence) -> Iterator[Finding]:
    """Find held-out rows that are training rows too: their score says nothing about new rows."""
    learnt = e.learnt_from(MOST_COMPARED)
    known, held = (list(data.inputs.arrays.values()) for data in (learnt, e.held_out))
    columns = e.columns if e.table is not None else None
    share = judgement.telling_copies(known, held, columns, (learnt.y, e.held_out.y))
    if share < DUPLICATES:
        return
    yield Finding("held-out rows that were learnt from", SERIOUS if share > 0.3 else NOTICE,
                  f"{share:.0%} of {len(held[0]):,} held-out rows are, number for number, among the training rows: the "
                  "score on them is not that on new data.",
                  "seen = {row.tobytes() for row in X}; new = np.array([row.tobytes() not in seen for row in Xv]); "
                  "Xv, yv = Xv[new], yv[new]",
                  "What is left was never learnt from. Take copies out before the rows are divided.", ["X"],
                  {"share": share})
