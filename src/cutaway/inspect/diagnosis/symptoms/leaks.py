"""Scores too good to be true: an input that gives the target away, held-out rows that were learnt from."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ....program import named_inputs
from ..evidence import Evidence
from ..finding import NOTICE, SERIOUS, Finding

TELLS = 0.995  # accuracy, or R² of ranks, from one column alone, by its nearest values among other rows
FEWEST = 60  # rows; with fewer, chance finds such a column
MOST_COLUMNS = 500
DUPLICATES = 0.1  # share of held-out rows
HASHED = 50_000  # training rows that they are looked for among


def telling_column(e: Evidence) -> Iterator[Finding]:
    """A column that predicts the target by itself, nearly without a mistake; one that numbers the rows is worse."""
    X, n = e.table, len(e.sample)
    assert X is not None
    y = e.labels if e.labels is not None else e.sample.y.reshape(n, -1).astype(np.float64)
    y = y.reshape(n, -1)
    if n < FEWEST or X.shape[1] < 2 or y.shape[1] > 1 or np.ptp(y) == 0:
        return
    target = y[:, 0] if e.labels is not None else np.argsort(np.argsort(y[:, 0], kind="stable")).astype(float)
    chance = 0.0 if e.labels is None else np.bincount(e.labels).max() / n
    if chance > 0.95:
        return
    found = []
    for k in range(min(X.shape[1], MOST_COLUMNS)):
        told = _told(X[:, k], target, e.labels is not None)
        if told >= TELLS:
            found.append((told, k))
    if not found or len(found) > X.shape[1] / 2:  # where most columns do, the problem is easy
        return
    told, k = max(found)
    numbers_rows = bool(np.all(np.diff(X[:, k]) > 0) or np.all(np.diff(X[:, k]) < 0))
    what = f"{told:.1%} right" if e.labels is not None else f"R² {told:.4f} of its rank"
    text = f"{e.column(k)} alone predicts the target ({what} on {n:,} rows)"
    text += ", and it only numbers the rows, which are sorted by the target." if numbers_rows else "."
    change = f"X = np.delete(X, {k}, axis=1)" + f"; Xv = np.delete(Xv, {k}, axis=1)" * (e.held_out is not None)
    change += f"; model.layers[0] = ct.nn.Linear({X.shape[1] - 1}, {_width(e)})" if _width(e) else ""
    yield Finding("an input that tells the target", SERIOUS if numbers_rows else NOTICE, text, change,
                  "If it will not be known when predictions are made, it has to go; if it will, no network is needed.",
                  [e.column(k)], {"alone": told, "column": k})  # fmt: skip


def _told(x: np.ndarray, y: np.ndarray, classes: bool) -> float:
    """How well one column tells the target of each row, by the rows next to it among the other half."""
    known = np.arange(len(x)) % 2 == 0
    order = np.argsort(x[known], kind="stable")
    xs, ys = x[known][order], y[known][order]
    if xs[0] == xs[-1]:
        return 0.0
    asked, truth = x[~known], y[~known]
    right = np.clip(np.searchsorted(xs, asked), 1, len(xs) - 1)
    nearest = np.where(np.abs(asked - xs[right - 1]) <= np.abs(xs[right] - asked), right - 1, right)
    if classes:  # a column of few values: the commonest class of each
        values, place = np.unique(xs, return_inverse=True)
        if len(values) < len(xs) / 4:
            counts = np.zeros((len(values), int(y.max()) + 1))
            np.add.at(counts, (place, ys.astype(np.int64)), 1)
            return float((counts.argmax(1)[place[nearest]] == truth).mean())
        return float((ys[nearest] == truth).mean())
    spread = ((truth - truth.mean()) ** 2).sum()
    return float(1 - ((np.interp(asked, xs, ys) - truth) ** 2).sum() / spread) if spread > 0 else 0.0


def _width(e: Evidence) -> int:
    """Neurons of a Sequential's first layer, which must be built anew for fewer inputs."""
    first = getattr(e.model, "layers", [None])[0]
    return getattr(first, "n_out", 0) if getattr(first, "n_in", None) else 0


def duplicates(e: Evidence) -> Iterator[Finding]:
    """Held-out rows that are training rows too: their score says nothing about new rows."""
    assert e.held_out is not None
    known = set(_rows(e.data.rows(e.learnt[:HASHED]).inputs))
    held = _rows(e.held_out.inputs)
    share = float(np.mean([row in known for row in held]))
    if share < DUPLICATES or not _can_tell(e):
        return
    yield Finding("held-out rows that were learnt from", SERIOUS if share > 0.3 else NOTICE,
                  f"{share:.0%} of {len(held):,} held-out rows are, number for number, among the training rows: the "
                  "score on them is not that on new data.",
                  "seen = {row.tobytes() for row in X}; new = np.array([row.tobytes() not in seen for row in Xv]); "
                  "Xv, yv = Xv[new], yv[new]",
                  "What is left was never learnt from. Take copies out before the rows are divided.", ["X"],
                  {"share": share})  # fmt: skip


def _rows(inputs: object) -> list[bytes]:
    parts = [np.ascontiguousarray(part).reshape(len(part), -1) for part in named_inputs(inputs).values()]
    return [b"".join(part[i].tobytes() for part in parts) for i in range(len(parts[0]))]


def _can_tell(e: Evidence) -> bool:
    """Whether equal rows must be copies: not where rows are combinations of a few values each."""
    for part in named_inputs(e.sample.inputs).values():
        flat = part.reshape(len(part), -1)
        if part.dtype.kind == "f" and max(len(np.unique(flat[:, k])) for k in range(min(flat.shape[1], 200))) > 50:
            return True
    return False
