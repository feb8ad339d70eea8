"""What moved a prediction: the way from a typical row to this one, and what each column of the table added on it.

Integrated gradients (Sundararajan et al., 2017): from a baseline b to the encoded row x in a straight line,

    part of feature j = (x_j - b_j) · mean over α from 0 to 1 of ∂f/∂x_j at b + α (x - b)

whose sum is f(x) - f(b). A code moves as a whole: from the learned vector of the baseline's code to that of the row's.
Of a network that begins with bins, the sum is taken behind these (`integrated`), where fewer points do.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import partial
from os import PathLike
from typing import Any

import numpy as np

from ..autodiff import Tensor, ops
from ..data import TableEncoder
from ..drawing.sheet import EDGE, FAINT, SIGNED, Sheet, reach
from ..errors import ArgumentError
from ..estimators.importance import feature_slices
from ..nn import Module, TableInput
from ..shown import Shown
from ..text import columns, counted, jsonable, number, short
from .prediction import AskedOutput, cells_of, one_row

FEWEST, MOST = 16, 1024  # points on the way: doubled until the parts add up, within reason
POINTS = 1024            # rows that are differentiated at a time: some tens of megabytes
BACKGROUND = 64          # rows that stand for all of a background: their mean is within an eighth of the spread
LISTED = 12              # columns that a print or figure shows
BAR = 12                 # letters of a bar to each side
ROUNDING = 1e-5          # of a prediction: float32 is no finer, however many points there are


def why(model: Any, row: Any, background: Any = None, output: Any = None, tolerance: float = 1e-3) -> Why:
    """Find what moved the prediction of one row, by column of the table, as integrated gradients.

    >>> import cutaway as ct
    >>> table = {"area": [50.0, 80.0, 65.0, 120.0] * 25, "zone": ["RL", "RM", "RM", "RL"] * 25}
    >>> model = ct.Regressor(epochs=20).fit(table, [100.0, 140.0, 120.0, 220.0] * 25)
    >>> found = ct.inspect.why(model, {"area": 120.0, "zone": "RL"})
    >>> found.names[0], bool(abs(found.parts.sum() - (found.prediction - found.baseline)) < 0.1)
    ('area', True)

    model: a trained ct.Classifier or ct.Regressor of a table. row: one row, a dict of cells or a frame or array of one
    row. background: what the row is compared with, rows as `predict` takes them, of which at most 64, evenly spread,
    count; None: the typical row of training, medians and most frequent categories. (A row between categories, as lies
    on the way, is none that the network has learnt from.) output: which of several targets (the first), or of which
    class or label (the one that is predicted).

    Parts are in the target's own unit, of classes in log-odds, log p / (1 - p); they add up to the difference of the
    predictions but for `residual`, which is made smaller than `tolerance` times the sum of their sizes by taking more
    points on the way, 1,024 at most. print it or `plot(path)` it. Raises ArgumentError for another model or output,
    DataError for more rows than one.
    """
    asked = AskedOutput.by(model, output)
    if not 0 < tolerance < 1:
        raise ArgumentError(f"tolerance is {tolerance!r}: give a number above 0 and below 1, such as 0.001")
    encoder, table = model.encoder_, one_row(model, row)
    Z = np.asarray(model.encode(table))
    asked = asked or AskedOutput.of_class(model, int(model.answers(Z)[0].argmax()))
    bases, against = _bases(model, background)
    z, before = asked.of(model, Z)[0], asked.of(model, bases).mean()
    steps, rounding = FEWEST, ROUNDING * max(abs(z), abs(before))
    while True:
        by_feature = integrated(model.model_, asked, Z[0].astype(np.float64), bases.astype(np.float64), steps)
        residual = float(by_feature.sum() - (z - before))
        if abs(residual) <= max(tolerance * np.abs(by_feature).sum(), rounding) or steps >= MOST:
            break
        steps *= 2
    slices, cells = feature_slices(encoder), cells_of(encoder, table)
    parts = np.array([by_feature[features].sum() for features in slices.values()])
    order = np.argsort(-np.abs(parts), kind="stable")
    names = list(slices)
    found = Why(asked.name, asked.unit, [names[i] for i in order], [cells[names[i]] for i in order], parts[order],
                float(before), float(z), residual, steps, against)
    if asked.unit:
        found.probabilities = float(asked.said(model, bases).mean()), float(asked.said(model, Z)[0])
    elif abs((kept := float(asked.said(model, Z)[0])) - z) > rounding:
        found.kept = kept
    return found


@dataclass(eq=False)
class Why(Shown):
    """What `ct.inspect.why` gives. print it, or `plot(path)` it.

    names, cells, parts: the columns, what the row has there, and what each moves, the largest first; parts (columns,).
    baseline, prediction: of what the row is compared with, and of the row, in the unit of the parts: the target's own,
    or log-odds (`unit` says so). probabilities: the same two as probabilities; None for numbers. residual: how far the
    sum of the parts is off. steps: points on the way. against: what the row is compared with.
    kept: what `predict` says, where it keeps within the range of the targets; else None.
    """

    name: str
    unit: str
    names: list[str]
    cells: list[str]
    parts: np.ndarray
    baseline: float
    prediction: float
    residual: float
    steps: int
    against: str
    probabilities: tuple[float, float] | None = None
    kept: float | None = None

    def __repr__(self) -> str:
        return f"Why({self._head()})"

    def _head(self) -> str:
        if self.probabilities is None:
            return f"{self.name}: {number(self.prediction, 4)}, {self.against} {number(self.baseline, 4)}"
        low, high = self.probabilities
        return f"{self.name}: {_chance(high)}, {self.against} {_chance(low)}"

    def _lines(self, most: int = LISTED) -> tuple[list[str], list[str], np.ndarray]:
        """Names, cells and parts as they are shown: the largest, and the others as one."""
        most = most if len(self.names) > most + 1 else len(self.names)
        rest = [f"{counted(len(self.names) - most, 'more column')}"] if len(self.names) > most else []
        parts = np.append(self.parts[:most], [self.parts[most:].sum()] * len(rest))
        return [short(name, 24) for name in self.names[:most]] + rest, self.cells[:most] + [""] * len(rest), parts

    def __str__(self) -> str:
        names, cells, parts = self._lines()
        far = reach(parts) if len(parts) else 1.0
        lines = [(f"  {name}", cell, _signed(part), _bar(part / far))
                 for name, cell, part in zip(names, cells, parts, strict=True)]
        total = ("  sum", "", _signed(self.parts.sum()), "")
        unit = f"  in {self.unit}: {number(self.baseline)} -> {number(self.prediction)}" if self.unit else ""
        kept = "" if self.kept is None else f"  predict keeps near the targets it has seen: {number(self.kept)}"
        return "\n".join(filter(None, [
            self._head(), unit, kept, *(line.rstrip() for line in columns([*lines, total], right=[2])),
            f"  integrated gradients, {self.steps} points on the way; the sum is {abs(self.residual):.2g} off",
        ]))

    def to_json(self) -> dict[str, Any]:
        """Give plain values: the columns with their cells and parts, and what they add up to."""
        rows = [{"column": name, "cell": cell, "part": float(part)}
                for name, cell, part in zip(self.names, self.cells, self.parts, strict=True)]
        return jsonable({"kind": "why", "of": self.name, "unit": self.unit, "columns": rows, "against": self.against,
                         "baseline": self.baseline, "prediction": self.prediction, "residual": self.residual,
                         "steps": self.steps, "probabilities": self.probabilities})

    def to_pandas(self) -> Any:
        """Make a table with a row for each column: what the row has there, and what it moves."""
        import pandas as pd

        return pd.DataFrame({"cell": self.cells, "part": self.parts}, index=self.names)

    def plot(self, path: str | PathLike | None = None) -> Any:
        """Draw a matplotlib figure, also written to a file (.svg, .png, ...) if a path is given: the way from the mean
        to the row's prediction, a bar for each column, orange to the right where it moves it up, blue to the left."""
        names, cells, parts = self._lines()
        height = 0.28 * max(len(names), 1)
        sheet = Sheet(7.6, EDGE + 0.75 + height + 0.65)
        unit = f"in {self.unit or 'the unit of the target'}"
        sheet.title(short(self._head(), 78), f"column by column from {number(self.baseline)} (dashed) to "
                                            f"{number(self.prediction)}, {unit}; off by {abs(self.residual):.2g}")
        axes = sheet.axes(EDGE + 2.6, EDGE + 0.75, 4.2, height)
        ends = self.baseline + np.append(0.0, np.cumsum(parts))  # each bar begins where the one before it ended
        axes.barh(range(len(parts)), parts, 0.72, ends[:-1],
                  color=[SIGNED[5] if part > 0 else SIGNED[1] for part in parts])
        axes.axvline(self.baseline, color=FAINT, lw=0.6, ls=(0, (4, 2)), zorder=0)
        axes.axvline(self.prediction, color=FAINT, lw=0.6, zorder=0)
        for i, (end, part) in enumerate(zip(ends[1:], parts, strict=True)):
            axes.annotate(_signed(part), (end, i), (3 if part > 0 else -3, 0), textcoords="offset points", size=8,
                          color=FAINT, va="center", ha="left" if part > 0 else "right")
        far = float(np.ptp(ends)) or 1.0
        axes.set_xlim(ends.min() - 0.2 * far, ends.max() + 0.2 * far)
        axes.set_ylim(len(parts) - 0.5, -0.5)
        told = [f"{name} = {short(cell, 16)}" if cell else name for name, cell in zip(names, cells, strict=True)]
        axes.set_yticks(range(len(parts)), [short(text, 38) for text in told])
        axes.locator_params(axis="x", nbins=5)
        axes.spines[["top", "right", "left"]].set_visible(False)
        return sheet.saved(path)


# ---- the way from one row to another ---------------------------------------------------------------------------------


def integrated(network: Module, asked: AskedOutput, row: np.ndarray, bases: np.ndarray, steps: int) -> np.ndarray:
    """Integrate the gradients of what is asked on the ways from each of `bases` (m, features) to a row (features,), by
    the middles of so many equal parts; give what each feature moves (features,), on average over the bases.

    What a first layer with bins makes of a number bends at every edge. So behind such a layer the sum goes over what
    moves there, gradient in the middle of a part times difference between its ends: bends within it then cost nothing.
    """
    net = copy.deepcopy(network).astype("float64")
    for p in net.parameters():
        p.requires_grad = False
    fronts = [layer for _, layer in net.named_modules() if isinstance(layer, TableInput)]
    found, at_once = np.zeros(len(row)), max(1, POINTS // steps)
    for start in range(0, len(bases), at_once):
        some = bases[start : start + at_once]
        middles = (np.arange(steps) + 0.5) / steps
        x = Tensor((some[:, None] + middles[:, None] * (row - some)[:, None]).reshape(-1, len(row)), requires_grad=True)
        behind = []
        for layer in fronts:
            h = Tensor(_met(layer, row, some, middles).reshape(len(x), -1), requires_grad=True)
            behind.append((layer, h))
            vars(layer)["forward"] = partial(_given, h)
        f = asked.number(ops.reshape(net(x), (len(x), -1))).sum()
        for layer, _ in behind:
            del vars(layer)["forward"]
        if f.tape is None:  # nothing depends on the row
            continue
        f.backward()
        if x.grad is not None:
            found += (x.grad.reshape(len(some), steps, -1).mean(1) * (row - some)).sum(0)
        for layer, h in behind:
            if h.grad is not None:
                moved = np.diff(_met(layer, row, some, np.arange(steps + 1) / steps), axis=1)
                each = (h.grad.reshape(moved.shape) * moved).sum((0, 1))
                found += np.bincount(layer.sources, each, len(row))
    return found / len(bases)


def _given(h: Tensor, x: Tensor) -> Tensor:
    return h


def _met(layer: TableInput, row: np.ndarray, bases: np.ndarray, come: np.ndarray) -> np.ndarray:
    """What a first layer gives on the ways to a row, where so much of each has come: (bases, come, n_out).

    Codes are names, with nothing between two: of those the vectors move.
    """
    x = bases[:, None] + come[:, None] * (row - bases)[:, None]
    x[..., layer.codes] = bases[:, None, layer.codes]
    met = layer(x.reshape(-1, len(row))).data.reshape(len(bases), len(come), -1)
    vectors = np.isin(layer.sources, layer.codes)
    first, last = (layer(rows).data[:, None, vectors] for rows in (bases, row[None]))
    met[..., vectors] = first + come[:, None] * (last - first)
    return met


def typical_row(encoder: TableEncoder) -> np.ndarray:
    """Make the encoded row of medians and most frequent categories: (1, features).

    Zero is the median of a number; of a category's levels the first is the most frequent. Yes or no is between.
    """
    row, start = np.zeros((1, len(encoder.feature_names))), 0
    for column in encoder.columns:
        codes = column.codes
        for j in codes:
            row[0, start + j] = 0 if column.kind == "category" else column.unseen
        if column.kind == "category" and not codes:
            row[0, start] = 1
        start += len(column.features)
    return row


def _bases(model: Any, background: Any) -> tuple[np.ndarray, str]:
    if background is None:
        return typical_row(model.encoder_).astype(model.design_.dtype), "where a typical row has"
    table = model.inputs_.read(background, model.encoder_).X
    rows = model.inputs_.count(table)
    some = np.unique(np.linspace(0, rows - 1, min(rows, BACKGROUND)).round().astype(np.intp))
    one = "where the row given has" if rows == 1 else f"where {counted(len(some), 'row')} have on average"
    return np.asarray(model.encode(model.inputs_.take(table, some))), one


# ---- words -----------------------------------------------------------------------------------------------------------


def _signed(x: float) -> str:
    return f"+{number(x)}" if x > 0 else number(x)


def _chance(p: float) -> str:
    return f"{p:.1%}" if 0.001 <= p <= 0.999 else f"{p:.2g}" if p < 0.5 else f"{p:.5g}"


def _bar(share: float) -> str:
    """Draw a part to the left or right of a line.

    >>> _bar(0.25), _bar(-0.25)
    ('            │███', '         ███│')
    """
    bar = "█" * round(BAR * abs(share))
    return f"{bar:>{BAR}}│" if share < 0 else f"{'':{BAR}}│{bar}"
