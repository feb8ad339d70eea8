"""What `ct.inspect.effects` gives: curves of numbers and dates, bars of levels, in print, figures and JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from os import PathLike
from typing import Any

import numpy as np

from ..drawing.sheet import EDGE, FAINT, LINES, RULE, SIGNED, Sheet, reach
from ..errors import ArgumentError
from ..shown import Shown
from ..text import columns, counted, jsonable, number, quoted, short

LISTED, DRAWN = 20, 12  # columns that a print, and a figure, show
BAR = 16                # letters of a bar to each side
BLOCKS = "▁▂▃▄▅▆▇█"
SPARKS = 12             # letters of a curve in a line
PARTS_OF_RANGE = 24     # bars that show where the values lie
MOST_TICKS = 5          # of an axis of dates
#: What dates of an axis are multiples of: the unit, its first one as NumPy counts, and how many of it.
ROUND_DATES = (("D", 0, (1, 2, 5, 10)), ("M", 0, (1, 2, 3, 6)), ("Y", 1970, (1, 2, 5, 10, 20, 50, 100, 500)))
WAYS = {"ale": "accumulated local effects", "partial": "partial dependence"}


@dataclass(eq=False)
class Effect:
    """What one column does: `effect` (points,) at the numbers `at`, called `labels`.

    shape: "number", "date", "time" of the day or "category"; `at` are numbers, days since 1970, or places in the order
    of levels. rows (points,): how many have this level, or lie in the bin that ends here. apart: (label, effect, rows)
    of missing cells and new levels. curves (m, points): single rows, of partial dependence. size: the deviation of what
    the column does to the rows. left: how many rarer levels are not shown. spread: rows in equal parts of the view.
    """

    column: str
    shape: str
    at: np.ndarray
    effect: np.ndarray
    rows: np.ndarray
    labels: list[str] = field(default_factory=list)
    apart: list[tuple[str, float, int]] = field(default_factory=list)
    curves: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    size: float = 0.0
    left: int = 0
    spread: list[int] = field(default_factory=list)

    def finish(self, shape: str, x: np.ndarray) -> None:
        """Name the points of numbers x (n,), NaN where missing, and count where they lie."""
        self.shape, self.labels = shape, [place_of(shape, value) for value in self.at]
        if len(self.at) > 1:
            first, last = self.view
            found = np.histogram(x[~np.isnan(x)], PARTS_OF_RANGE, (self.at[first], self.at[last]))
            self.spread = found[0].tolist()

    @property
    def view(self) -> tuple[int, int]:
        """The first and last point that a figure shows: without the last bins where they are longer than all others."""
        last = len(self.at) - 1
        if self.shape == "category" or last < 5:
            return 0, last
        middle = self.at[-2] - self.at[1]
        return int(self.at[1] - self.at[0] > middle), last - int(self.at[-1] - self.at[-2] > middle)

    @property
    def points(self) -> Iterator[tuple[str, float, int]]:
        """Label, effect and rows of each point, those apart at the end."""
        yield from zip(self.labels, self.effect.tolist(), self.rows.tolist(), strict=True)
        yield from self.apart

    @property
    def still(self) -> str:
        """Why there is nothing to compare, or ""."""
        if len(self.at) > 1 or (len(self.at) and self.apart):
            return ""
        return f"{self.labels[0]} in all of these rows" if len(self.at) else "missing in all of these rows"

    def to_json(self) -> dict[str, Any]:
        """Give plain values."""
        return jsonable(vars(self) | {"view": self.view})


@dataclass(eq=False)
class Effects(Shown):
    """What `ct.inspect.effects` gives. print it, `plot(path)` it, or take a column: found["area"].

    name, unit: what is moved, and "probability", or "" for the target's own unit. kind: "ale" or "partial". baseline:
    the mean prediction of the rows, `rows` of them. effects: one for each column: its `labels`, `effect` (points,),
    `rows`, what stands `apart` (missing cells, levels never seen), and its `size`, the deviation of what it does.
    """

    name: str
    unit: str
    kind: str
    effects: list[Effect]
    baseline: float
    rows: int

    @property
    def names(self) -> list[str]:
        """The columns, in order."""
        return [one.column for one in self.effects]

    def __getitem__(self, name: str) -> Effect:
        if name not in self.names:
            raise ArgumentError(f"there is no effect of {name!r}: those of {quoted(self.names)} were asked for")
        return self.effects[self.names.index(name)]

    def __len__(self) -> int:
        return len(self.effects)

    def __repr__(self) -> str:
        return f"Effects({short(self.name, 40)}: {WAYS[self.kind]} of {counted(len(self.effects), 'column')})"

    @property
    def _zero(self) -> float:
        """Where bars begin."""
        return 0.0 if self.kind == "ale" else self.baseline

    @property
    def _how(self) -> str:
        mean = f"{100 * self.baseline:.3g} %" if self.unit else number(self.baseline, 4)
        unit = {"": f"in the unit of {short(self.name, 40)}", "probability": "in percent"}[self.unit]
        if self.kind == "ale":
            unit = "in percentage points of its probability" if self.unit else unit
            return f"{unit}; 0 is the mean over {counted(self.rows, 'row')}, {mean}"
        return f"the mean prediction of {counted(self.rows, 'row')}, {unit}; as they are it is {mean}"

    def told(self, value: float) -> str:
        """Write an effect: with its sign where it is a difference."""
        value = 100 * value if self.unit else value
        text = f"{value:z.1f}" if self.unit else number(value)
        return f"+{text}" if self.kind == "ale" and text.strip("0.-") and value > 0 else text

    def __str__(self) -> str:
        name = short(self.name, 40)
        if len(self.effects) == 1:
            one = self.effects[0]
            head, lines = f"{name} by {short(one.column, 40)}", self._bars(one)
        else:
            head, lines = f"{name}: what {counted(len(self.effects), 'column')} do to it", self._table()
        return "\n".join([head, f"  {self._how}", *lines, f"  {WAYS[self.kind]}{self._order}"])

    @property
    def _order(self) -> str:
        if all(one.shape != "category" for one in self.effects):
            return ""
        return "; levels in the order of " + ("their rows' mean prediction" if self.kind == "ale" else "what is said")

    def _bars(self, one: Effect) -> list[str]:
        """Draw the points of a column, a line each."""
        points = list(one.points)
        far = reach(np.array([value - self._zero for _, value, _ in points]))
        every = len(one.at) if one.shape == "category" else 0  # of these it is told how many rows they have
        apart = range(len(one.at) - every, len(points))
        lines = [(f"  {short(label, 28)}", self.told(value), _bar((value - self._zero) / far),
                  (counted(rows, "row") if rows else "no row") if i in apart else "")
                 for i, (label, value, rows) in enumerate(points)]
        still = [f"  {one.still}: nothing to compare"] if one.still else []
        left = [f"  {counted(one.left, 'rarer level')} not shown"] if one.left else []
        return [*still, *columns(lines, right=[1]), *left]

    def _table(self) -> list[str]:
        rows = [("  column", "least", "at", "most", "at", "")]
        for one in self.effects[:LISTED]:
            points = list(one.points)
            low, high = min(points, key=lambda p: p[1]), max(points, key=lambda p: p[1])
            shown = (f"  {short(one.column, 24)}", self.told(low[1]), short(low[0], 16), self.told(high[1]),
                     short(high[0], 16), _spark(one.effect))
            rows.append((*shown[:1], "", "", "", "", one.still) if one.still else shown)
        more = [f"  {counted(len(self.effects) - LISTED, 'more column')}"] * (len(self.effects) > LISTED)
        return columns(rows, right=[1, 3]) + more

    def to_json(self) -> dict[str, Any]:
        """Give plain values: each column with its points."""
        return jsonable({"kind": "effects", "of": self.name, "unit": self.unit, "way": self.kind, "rows": self.rows,
                         "baseline": self.baseline, "columns": [one.to_json() for one in self.effects]})

    def to_pandas(self) -> Any:
        """Make a table with a row for each point of each column."""
        import pandas as pd

        rows = [(one.column, *point) for one in self.effects for point in one.points]
        return pd.DataFrame(rows, columns=["column", "at", "effect", "rows"])

    def plot(self, path: str | PathLike | None = None) -> Any:
        """Draw a matplotlib figure, also written to a file (.svg, .png, ...) if a path is given: for each of the first
        12 columns a curve or bars, with bars below that show where its values lie."""
        some = self.effects[:DRAWN]
        across = min(3, len(some))
        width, height = 2.5, 1.6
        left, top = EDGE + 0.75, EDGE + 0.85
        sheet = Sheet(max(7.6, left + across * (width + 0.95)), top + -(-len(some) // across) * (height + 0.85))
        sheet.title(short(f"{self.name}, {WAYS[self.kind]}", 70), self._how)
        for k, one in enumerate(some):
            axes = sheet.axes(left + k % across * (width + 0.95), top + k // across * (height + 0.85), width, height)
            self._draw(axes, one)
        return sheet.saved(path)

    def _draw(self, axes: Any, one: Effect) -> None:
        axes.set_title(short(one.column, 34), size=9.5, loc="left")
        axes.spines[["top", "right"]].set_visible(False)
        scale = 100 if self.unit else 1
        apart = [(label, scale * value) for label, value, _ in one.apart]
        if one.shape == "category":
            points = [(label, scale * value) for label, value, _ in one.points]
            zero = scale * self._zero
            axes.barh(range(len(points)), [value - zero for _, value in points], 0.72, zero,
                      color=[SIGNED[5] if value > zero else SIGNED[1] for _, value in points])
            axes.axvline(zero, color=FAINT, lw=0.6)
            axes.set_yticks(range(len(points)), [short(label, 10) for label, _ in points], size=7)
            axes.invert_yaxis()
            axes.locator_params(axis="x", nbins=4)
            return
        first, last = one.view
        x = one.at[first : last + 1]
        for curve in one.curves:
            axes.plot(x, scale * curve[first : last + 1], color=RULE, lw=0.8)
        axes.plot(x, scale * one.effect[first : last + 1], color=LINES[1], lw=1.6, marker="o" if len(x) == 1 else None)
        for (label, value), colour in zip(apart, LINES[:1] + LINES[2:], strict=False):
            axes.axhline(value, color=colour, lw=0.9, ls=(0, (4, 2)))
            axes.annotate(label, (1, value), xycoords=("axes fraction", "data"), size=7, color=colour, ha="right",
                          va="bottom")
        if one.spread:
            below = axes.twinx()
            below.bar(np.linspace(x[0], x[-1], 2 * len(one.spread) + 1)[1::2], one.spread,
                      (x[-1] - x[0]) / len(one.spread), color=RULE, alpha=0.7)
            below.set_ylim(0, 6 * max(one.spread))
            below.set_axis_off()
            axes.set_zorder(below.get_zorder() + 1)
            axes.patch.set_visible(False)
        if ticks := date_ticks(one.shape, float(x[0]), float(x[-1])) if len(x) > 1 else []:
            axes.set_xticks([place for place, _ in ticks], [label for _, label in ticks])
        elif len(x) < 2:
            axes.set_xticks(x, one.labels)
        else:
            axes.locator_params(axis="x", nbins=4)
        axes.locator_params(axis="y", nbins=5)


# ---- words and places ------------------------------------------------------------------------------------------------


def place_of(shape: str, value: float) -> str:
    """Write a number, a day since 1970 or a time of the day as people do.

    >>> place_of("number", 1998.0), place_of("number", 0.123456), place_of("date", 18_628.0), place_of("time", 0.75)
    ('1998', '0.1235', '2021-01-01', '18:00')
    """
    if shape == "number":
        return f"{value:.0f}" if abs(value) < 1e5 and value == int(value) else number(value, 4)
    minutes = round(value * 1440)
    moment = np.datetime64(minutes, "m")
    if shape == "time":
        return str(moment)[11:]
    return str(moment)[:10] if minutes % 1440 == 0 else str(moment).replace("T", " ")


def date_ticks(shape: str, low: float, high: float) -> list[tuple[float, str]]:
    """Choose round dates, or times of the day, between two days since 1970, with what to write there; of numbers none.

    >>> [label for _, label in date_ticks("date", 18_600.0, 19_800.0)]
    ['2021', '2022', '2023', '2024']
    >>> date_ticks("time", 0.0, 1.0)[1]
    (0.25, '06:00')
    """
    if shape == "time":
        return [(hour / 24, f"{hour:02}:00") for hour in range(0, 25, 6) if low <= hour / 24 <= high]
    if shape != "date":
        return []
    days = np.arange(int(np.ceil(low)), int(high) + 1).astype("datetime64[D]")
    for unit, since, steps in ROUND_DATES:
        every = np.unique(days.astype(f"datetime64[{unit}]"))
        begin = every.astype("datetime64[D]").astype(int)
        for step in steps:
            some = (begin >= low) & ((every.astype(int) + since) % step == 0)
            if 1 < some.sum() <= MOST_TICKS:
                return list(zip(begin[some].astype(float).tolist(), every[some].astype(str).tolist(), strict=True))
    return [(low, place_of(shape, low)), (high, place_of(shape, high))]


def _bar(share: float) -> str:
    bar = "█" * round(BAR * abs(share))
    return f"{bar:>{BAR}}│" if share < 0 else f"{'':{BAR}}│{bar}"


def _spark(values: np.ndarray) -> str:
    """Draw a curve in a line.

    >>> _spark(np.array([0.0, 1, 2, 3]))
    '▁▃▆█'
    """
    if len(values) < 2:
        return ""
    some = values[np.unique(np.linspace(0, len(values) - 1, min(len(values), SPARKS)).round().astype(int))]
    span = float(np.ptp(some))
    return "".join(BLOCKS[round((len(BLOCKS) - 1) * (v - some.min()) / span)] for v in some) if span > 0 else ""
