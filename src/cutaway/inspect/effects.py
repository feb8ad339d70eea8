"""What a column does: how the prediction goes with its value, on average over rows that are there.

Accumulated local effects (Apley and Zhu, 2020). Between edges z of bins that hold as many rows each, a row of bin k is
asked twice, with z_k and with z_(k-1) in its cell:

    Δ_k = mean over the rows of bin k of f(row with z_k) - f(row with z_(k-1))        g(z_k) = Δ_1 + ... + Δ_k - c

and c makes the mean over all rows zero. A row is asked only near where it is: where two columns go together, neither
is given what the other does. Partial dependence (Friedman, 2001) asks every row with every value,

    g(z_k) = mean over all rows of f(row with z_k)

those too that no row like it has. Cells are changed, not features: every z is a cell of one of the rows, and all that
the table's encoder makes of it takes the place of the row's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np

from ..arguments import whole_number
from ..data.categories import Boolean, Category
from ..data.cells import Places, words_of
from ..data.dates import DAY, Cells, Date
from ..data.numbers import numbers_of
from ..data.reading import is_frame, read_table
from ..errors import ArgumentError, DataError
from ..estimators.importance import feature_slices
from ..text import quoted
from .effect import Effect, Effects
from .prediction import AskedOutput, refuse_without_columns

BINS = 20            # of a number: each has a twentieth of the rows
ROWS = 2000          # a hundred a bin: of noise as large as the effect a tenth is left
MOST_COLUMNS = 100   # looked at unasked: each takes two predictions a row
CURVES = 5           # single rows beside a partial dependence
AT_ONCE = 2**23      # numbers that are predicted from at a time: 32 MB of them
MISSING, OTHER, NEW = "missing", "any other", "never seen"


def effects(model: Any, X: Any, columns: str | Sequence[str] | None = None, kind: str = "ale", output: Any = None,
            bins: int = BINS, rows: int = ROWS) -> Effects:
    """Find what columns of a table do to the prediction: accumulated local effects, or partial dependence.

    >>> import cutaway as ct
    >>> table = {"area": [50.0, 80.0, 65.0, 120.0] * 25, "zone": ["RL", "RM", "RM", "RL"] * 25}
    >>> model = ct.Regressor(epochs=20).fit(table, [100.0, 140.0, 120.0, 220.0] * 25)
    >>> found = ct.inspect.effects(model, table)
    >>> found.names, found["area"].labels
    (['area', 'zone'], ['50', '65', '80', '120'])
    >>> bool(found["area"].effect[-1] > found["area"].effect[0])
    True

    model: a trained ct.Classifier or ct.Regressor of a table. X: rows as `predict` takes them, of which at most `rows`,
    evenly spread, count. columns: a name, or names; None: all, those first that move most. kind: "ale", or "partial"
    for partial dependence with a few single rows beside it. output: which of several targets (the first), or of which
    class or label (of two the second, of more the one that is likeliest on average). bins: at most so many between the
    values of a number or date, with as many rows in each, and levels of a category, the most frequent.

    What `predict` and `predict_proba` say moves: numbers in the target's own unit, classes in probability, as ale in
    percentage points. Effects of ale have the mean zero over the rows. Levels of a category stand in the order of the
    mean prediction of their rows (of partial dependence: of their own), and ale goes from each to the next in rows of
    both. A missing cell stands apart: of ale beside the median, in the rows that have it; so does a level that training
    never had: beside what rows have. Raises ArgumentError for a column that the model does not see, DataError for fewer
    than two rows.
    """
    if kind not in ("ale", "partial"):
        raise ArgumentError(f'kind is {kind!r}: give "ale" for accumulated local effects, or "partial" for partial '
                            "dependence")
    bins, rows = whole_number("bins", bins, 1), whole_number("rows", rows, 2)
    refuse_without_columns(model)
    names = _names(model.encoder_, columns)
    table = model.inputs_.read(X, model.encoder_).X
    given = model.inputs_.count(table)
    if given < 2:
        raise DataError(f"X has {given} row: what a column does is seen by comparing rows, so give at least two.")
    some = model.inputs_.take(table, np.unique(np.linspace(0, given - 1, min(given, rows)).round().astype(np.intp)))
    asking = Asking.of(model, some, output)
    found = [effect(asking, name, kind, bins) for name in names]
    if columns is None:
        found.sort(key=lambda one: -one.size)
    return Effects(asking.asked.name, asking.asked.unit and "probability", kind, found, float(asking.said.mean()),
                   len(asking.said))


@dataclass
class Asking:
    """A model that is asked about rows with other cells: the rows as a frame, encoded (n, features), and what the model
    says of them as they are (n,)."""

    model: Any
    asked: AskedOutput
    frame: Any
    Z: np.ndarray
    said: np.ndarray
    slices: dict[str, slice]

    @classmethod
    def of(cls, model: Any, table: Any, output: Any) -> Asking:
        Z = np.asarray(model.encode(table))
        asked = AskedOutput.by(model, output) or AskedOutput.of_class(model, _class(model, Z))
        dense = table.toarray() if hasattr(table, "toarray") else table
        frame = dense if is_frame(dense) else read_table(dense)
        return cls(model, asked, frame, Z, asked.said(model, Z), feature_slices(model.encoder_))

    def cells(self, name: str) -> tuple[Any, Any]:
        """Give a column as the encoder knows it, and its cells."""
        place, column = next((i, c) for i, c in enumerate(self.model.encoder_.columns) if c.name == name)
        known = {str(own): i for i, own in enumerate(self.frame.columns)}
        return column, self.frame.iloc[:, known.get(name, place)]

    def features(self, name: str, cell: Any) -> np.ndarray:
        """What the encoder makes of a cell that no row has."""
        import pandas as pd

        cells = self.cells(name)[1]
        one = self.frame.iloc[[0]].copy()
        one[cells.name] = pd.Series([cell], index=one.index, dtype=object)
        return np.asarray(self.model.encode(one))[0, self.slices[name]]

    def with_cells(self, name: str, rows: np.ndarray, features: np.ndarray) -> np.ndarray:
        """What the model says (m,) of rows (m,), each with other features (m, features of the column) there."""
        said, step = np.empty(len(rows)), max(1, AT_ONCE // self.Z.shape[1])
        for start in range(0, len(rows), step):
            piece = slice(start, start + step)
            Z = self.Z[rows[piece]]
            Z[:, self.slices[name]] = features[piece]
            said[piece] = self.asked.said(self.model, Z)
        return said


def effect(asking: Asking, name: str, kind: str, bins: int) -> Effect:
    """Find what one column does."""
    column, cells = asking.cells(name)
    if isinstance(column, Category | Boolean):
        found = _of_levels(asking, name, *_levels(column, cells), kind, bins)
        if isinstance(column, Category) and OTHER not in found.labels:
            _apart(asking, found, kind, NEW, asking.features(name, _new_word(column)))
    else:
        x = _numbers(column, cells)
        found = _of_numbers(asking, name, x, kind, bins)
        found.finish("number" if not isinstance(column, Date) else "time" if column.form == "time" else "date", x)
    if kind == "partial" and column.gaps and MISSING not in [*found.labels, *(label for label, *_ in found.apart)]:
        _apart(asking, found, kind, MISSING, asking.features(name, None))
    return found


# ---- numbers and dates -----------------------------------------------------------------------------------------------


def _of_numbers(asking: Asking, name: str, x: np.ndarray, kind: str, bins: int) -> Effect:
    """Find what a column does whose cells are the numbers x (n,), NaN where missing."""
    features, gaps = asking.Z[:, asking.slices[name]], np.flatnonzero(np.isnan(x))
    known = np.flatnonzero(~np.isnan(x))
    order = known[np.argsort(x[known], kind="stable")]
    edges = edges_of(x[order], bins)
    own = features[order[np.searchsorted(x[order], edges)]]
    found = Effect(name, "number", edges, np.zeros(len(edges)), _counts(edges, x[known]))
    if kind == "partial":
        found.effect, found.curves = _partial(asking, name, own)
        if len(gaps):
            apart = asking.with_cells(name, np.arange(len(x)), np.tile(features[gaps[0]], (len(x), 1)))
            found.apart.append((MISSING, float(apart.mean()), len(gaps)))
        found.size = _deviation(np.interp(x[known], edges, found.effect) if len(edges) else np.zeros(0), found)
        return found
    g = np.zeros(len(edges))
    if len(edges) > 1:
        k = np.maximum(np.searchsorted(edges, x[known]), 1)  # in bin k: above edge k - 1, and at most at edge k
        gained = asking.with_cells(name, known, own[k]) - asking.with_cells(name, known, own[k - 1])
        g[1:] = np.cumsum(np.bincount(k, gained)[1:] / np.bincount(k)[1:])
    each = np.interp(x[known], edges, g) if len(edges) else np.zeros(0)
    if len(gaps) and len(known):
        middle = order[len(order) // 2]
        gained = asking.said[gaps] - asking.with_cells(name, gaps, np.tile(features[middle], (len(gaps), 1)))
        found.apart.append((MISSING, float(np.interp(x[middle], edges, g) + gained.mean()), len(gaps)))
    elif len(gaps):
        found.apart.append((MISSING, 0.0, len(gaps)))
    found.effect = g
    return _centred(found, each)


def edges_of(x: np.ndarray, bins: int) -> np.ndarray:
    """Choose at most bins + 1 of the sorted numbers x, so that as many lie between each two: their quantiles.

    >>> edges_of(np.array([1.0, 1, 2, 5, 9]), 20), edges_of(np.arange(101.0), 2)
    (array([1., 2., 5., 9.]), array([  0.,  50., 100.]))
    """
    distinct = np.unique(x)
    if len(distinct) <= bins + 1:
        return distinct
    return np.unique(np.quantile(x, np.linspace(0, 1, bins + 1), method="inverted_cdf"))


def _counts(edges: np.ndarray, x: np.ndarray) -> np.ndarray:
    """How many of the numbers x lie in the bin that ends at each edge; at the first one, those that are equal to it."""
    return np.bincount(np.searchsorted(edges, x), minlength=len(edges))


def _numbers(column: Any, cells: Any) -> np.ndarray:
    """The numbers (n,) of a column's cells, NaN where missing; of dates the days since 1970, by the column's clock."""
    if not isinstance(column, Date):
        return np.asarray(numbers_of(cells, column), np.float64)
    coded = Cells.of(cells, column.name, column.form).by_clock(column.zone)
    dates = coded.dates[coded.codes]
    return np.where(np.isnat(dates), np.nan, dates.astype(np.int64) / DAY)


# ---- categories ------------------------------------------------------------------------------------------------------


def _of_levels(asking: Asking, name: str, labels: list[str], codes: np.ndarray, kind: str, most: int) -> Effect:
    """Find what a column of categories does: `codes` (n,) are places of each row's label."""
    counts = np.bincount(codes, minlength=len(labels))
    shown = np.argsort(-counts, kind="stable")[: min(most, int((counts > 0).sum()))]
    means = np.bincount(codes, asking.said, len(labels)) / np.maximum(counts, 1)
    shown = shown[np.argsort(means[shown], kind="stable")]
    own = asking.Z[[int(np.flatnonzero(codes == level)[0]) for level in shown], asking.slices[name]]
    found = Effect(name, "category", np.arange(len(shown), dtype=float), np.zeros(len(shown)), counts[shown],
                   [labels[level] for level in shown], left=int((counts > 0).sum()) - len(shown))
    place = np.full(len(labels), -1)
    place[shown] = np.arange(len(shown))
    at = place[codes]
    if kind == "partial":
        found.effect, found.curves = _partial(asking, name, own)
        order = np.argsort(found.effect, kind="stable")
        found.effect, found.curves, found.rows = found.effect[order], found.curves[:, order], found.rows[order]
        found.labels = [found.labels[i] for i in order]
        found.size = _deviation(np.repeat(found.effect, found.rows), found)
        return found
    g = np.zeros(len(shown))
    for k in range(1, len(shown)):
        here, below = np.flatnonzero(at == k), np.flatnonzero(at == k - 1)
        up = asking.with_cells(name, below, np.tile(own[k], (len(below), 1))) - asking.said[below]
        down = asking.said[here] - asking.with_cells(name, here, np.tile(own[k - 1], (len(here), 1)))
        g[k] = g[k - 1] + np.concatenate([up, down]).mean()
    found.effect = g
    return _centred(found, g[at[at >= 0]])


def _levels(column: Any, cells: Any) -> tuple[list[str], np.ndarray]:
    """The labels of a column's cells, and which one each row has (n,): levels of training, any other, missing."""
    words = words_of(cells, column.name)
    if isinstance(column, Boolean):
        labels = ["false", "true", MISSING]
        return labels, words.spread((column.values(words) > 0).astype(np.intp), 2)
    labels, places = [*column.levels, OTHER, MISSING], Places(column.levels)
    other = len(column.levels)
    return labels, words.spread(np.array([places.get(word, other) for word in words.words], np.intp), other + 1)


def _new_word(column: Category) -> str:
    """A word that is no level of a column."""
    word, known = NEW, {*column.levels, *(column.rare or ())}
    while word in known:
        word += "_"
    return word


# ---- what both share -------------------------------------------------------------------------------------------------


def _partial(asking: Asking, name: str, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ask all rows with the features of each point (points, features): the mean (points,), and some rows' own lines."""
    n, points = len(asking.said), len(own)
    said = asking.with_cells(name, np.tile(np.arange(n), points), np.repeat(own, n, axis=0)).reshape(points, n)
    some = np.unique(np.linspace(0, n - 1, min(n, CURVES)).round().astype(np.intp))
    return said.mean(1), said[:, some].T


def _apart(asking: Asking, found: Effect, kind: str, label: str, features: np.ndarray) -> None:
    """Add what a cell does that no row has: what is said with it, or beside what rows have."""
    n = len(asking.said)
    said = asking.with_cells(found.column, np.arange(n), np.tile(features, (n, 1)))
    found.apart.append((label, float((said if kind == "partial" else said - asking.said).mean()), 0))


def _centred(found: Effect, each: np.ndarray) -> Effect:
    """Make the mean over the rows zero; `each` (rows with a value,) is what their own values do."""
    total = len(each) + sum(rows for *_, rows in found.apart)
    mean = (each.sum() + sum(value * rows for _, value, rows in found.apart)) / max(total, 1)
    found.effect = found.effect - mean
    found.apart = [(label, value - mean, rows) for label, value, rows in found.apart]
    found.size = _deviation(each - mean, found)
    return found


def _deviation(each: np.ndarray, found: Effect) -> float:
    """How far rows are apart by what the column does, as a standard deviation."""
    every = np.concatenate([each, *(np.full(rows, value) for _, value, rows in found.apart)])
    return float(every.std()) if len(every) else 0.0


def _names(encoder: Any, columns: str | Sequence[str] | None) -> list[str]:
    """The names of the columns that are asked for. Raises ArgumentError for what the model does not see."""
    every = {column.name: column for column in encoder.columns}
    used = [name for name, column in every.items() if column.features]
    if columns is None:
        if len(used) > MOST_COLUMNS:
            raise ArgumentError(f"the model sees {len(used):,} columns, and each takes two predictions of every row: "
                                f"name those you want, such as columns={used[:2]!r}; permutation_importance ranks them")
        return used
    asked = [columns] if isinstance(columns, str | int) else list(columns)
    names = [encoder.columns[name].name if isinstance(name, int) and str(name) not in every
             and 0 <= name < len(every) else str(name) for name in asked]
    for name in names:
        if name not in every:
            close = get_close_matches(name, every, n=3, cutoff=0.5)
            guess = f"did you mean {' or '.join(map(repr, close))}?" if close else f"it has {quoted(every)}"
            raise ArgumentError(f"the model knows no column {name!r}: {guess}")
        if name not in used:
            raise ArgumentError(f"the model does not see the column {name!r}, so nothing in it moves a prediction: "
                                f"{every[name].how}")
    if not names:
        raise ArgumentError("columns is empty: name at least one, or give None for all")
    return list(dict.fromkeys(names))


def _class(model: Any, Z: np.ndarray) -> int:
    """Choose the class that is asked about: of two the second, of labels the first, else the likeliest on average."""
    target = model.target_encoder_
    if target.task == "multilabel":
        return 0
    if len(target.classes) == 1:
        raise ArgumentError(f"the model knows one class, {str(target.classes[0])!r}, and says it of every row: no "
                            "column moves that")
    if (positive := getattr(model, "positive_", None)) is not None:
        return target.classes.tolist().index(positive)
    return 1 if len(target.classes) == 2 else int(model.answers(Z).mean(0).argmax())
