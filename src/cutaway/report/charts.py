"""Charts as inline SVG: learning curves, and predictions against the truth. Colours come from the page's style."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..text import number
from .html import Html, tag

WIDTH, HEIGHT = 480, 320
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 30, 42
MOST_POINTS = 1500


@dataclass
class Axis:
    """Values from low to high laid over pixels from start to end, evenly or by their logarithm."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """The pixel of a value; values beyond the ends stop there."""
        low, high, value = (math.log10(v) if self.log else v for v in (self.low, self.high, self._held(value)))
        return round(self.start + (value - low) / (high - low) * (self.end - self.start), 1)

    def _held(self, value: float) -> float:
        return min(max(value, self.low), self.high)

    def ticks(self) -> list[float]:
        """Choose some four round values on the axis.

        >>> Axis(0, 87, 0, 1).ticks()
        [0, 20, 40, 60, 80]
        >>> Axis(0.02, 1.5, 0, 1, log=True).ticks()
        [0.05, 0.1, 0.2, 0.5, 1.0]
        """
        if self.log:
            decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            steps = (1, 2, 5) if len(decades) < 5 else (1,)
            every = [k * 10.0**d for d in decades for k in steps]
            inside = [v for v in every if self.low * 1.0001 <= v <= self.high * 0.9999]
            if len(inside) >= 2:
                return inside[:: -(-len(inside) // 6)]
        rough = (self.high - self.low) / 5
        step = 10.0 ** math.floor(math.log10(rough))
        step *= min((k for k in (1, 2, 5, 10) if k * step >= rough), default=10)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [round(k * step, 12) if step < 1 else round(k * step) for k in range(first, last + 1)]

    def label(self, value: float) -> str:
        """Write a tick's number: 200,000 as 200k."""
        most = max(abs(self.low), abs(self.high))
        for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
            if most >= 10 * size:
                return f"{value / size:g}{unit}" if value else "0"
        return number(value)


def learning_curves(loss: Sequence[float], validation: Sequence[float], best: int) -> Html:
    """Draw training and validation loss over the epochs; the epoch whose weights were kept is marked."""
    lines = [line for line in (loss, validation) if line]
    known = [v for line in lines for v in line if math.isfinite(v)]
    if not known:
        return tag("p", "No epoch was finished.", class_="note")
    low, high = min(known), max(known)
    log = low > 0 and high > 5 * low
    low, high = (low / 1.1, high * 1.1) if log else _padded(low, high, 0.06)
    count = max(map(len, lines))
    x, y = Axis(1, max(count, 2), LEFT, WIDTH - RIGHT), Axis(low, high, HEIGHT - BOTTOM, TOP, log)
    marks = _frame(x, y, "epoch", "loss" + (" (log scale)" if log else ""))
    if best and validation:
        marks.append(tag("line", x1=x(best), x2=x(best), y1=TOP, y2=HEIGHT - BOTTOM, class_="best"))
    marks += _drawn([("a", _thinned(loss)), ("b", _thinned(validation))], x, y)
    which = "training and validation" if validation else "training"
    return _svg(marks, f"Loss of {which} rows over {count} epochs")


def curves(lines: Sequence[tuple[str, Sequence[tuple]]], below: str, beside: str, label: str) -> Html:
    """Draw lines, each a colour and its points (x, y), over one pair of axes; a point whose y is None is left out."""
    known = [(x, y) for _, line in lines for x, y in line if y is not None and math.isfinite(y)]
    if not known:
        return tag("p", "There is nothing to draw.", class_="note")
    left, right = min(x for x, _ in known), max(x for x, _ in known)
    low, high = _padded(min(y for _, y in known), max(y for _, y in known), 0.06)
    x = Axis(left, right if right > left else left + 1, LEFT, WIDTH - RIGHT)
    y = Axis(low, high, HEIGHT - BOTTOM, TOP)
    return _svg([*_frame(x, y, below, beside), *_drawn(lines, x, y)], label)


def forecast_chart(line: Sequence[float], start: int, forecast: Sequence[float], lower: Sequence[float],
                   upper: Sequence[float], beside: str, label: str) -> Html:
    """Draw a series over its steps, 0 where its forecast begins, which has a band; NaN is a gap."""
    known = [v for part in (line, forecast, lower, upper) for v in part if math.isfinite(v)]
    if not known:
        return tag("p", "There is nothing to draw.", class_="note")
    low, high = _padded(min(known), max(known), 0.06)
    x = Axis(-start, max(len(forecast) - 1, 1), LEFT, WIDTH - RIGHT)
    y = Axis(low, high, HEIGHT - BOTTOM, TOP)
    ahead = range(len(forecast))
    edge = [f"{x(k)},{y(v)}" for k, v in zip(ahead, upper, strict=True)]
    edge += [f"{x(k)},{y(v)}" for k, v in reversed(list(zip(ahead, lower, strict=True)))]
    marks = [*_frame(x, y, "steps from the first one forecast", beside),
             tag("polygon", points=" ".join(edge), class_="band"),
             tag("line", x1=x(0), x2=x(0), y1=TOP, y2=HEIGHT - BOTTOM, class_="best")]
    pieces: list[list[tuple[float, float]]] = [[]]
    for k, v in enumerate(line):
        if math.isfinite(v):
            pieces[-1].append((k - start, v))
        elif pieces[-1]:
            pieces.append([])
    marks += _drawn([("t", piece) for piece in pieces], x, y)
    marks += _drawn([("a", list(zip(ahead, forecast, strict=True)))], x, y)
    return _svg(marks, label)


def scatter(true: Sequence[float], predicted: Sequence[float], name: str) -> Html:
    """Draw each test row as a dot, prediction over truth; a perfect model's dots lie on the diagonal."""
    step = -(-len(true) // MOST_POINTS)
    pairs = list(zip(true[::step], predicted[::step], strict=True))
    low, high = _padded(min(true), max(true), 0.04)
    x, y = Axis(low, high, LEFT, WIDTH - RIGHT), Axis(low, high, HEIGHT - BOTTOM, TOP)
    marks = _frame(x, y, f"true {name}", "predicted")
    marks.append(tag("line", x1=x(x.low), y1=y(x.low), x2=x(x.high), y2=y(x.high), class_="best"))
    marks += [tag("circle", cx=x(a), cy=y(b), r=2.4, class_="dot a") for a, b in pairs if math.isfinite(b)]
    return _svg(marks, f"Predicted over true {name} for {len(true):,} test rows")


def reliability(after: Sequence[Sequence[float]], before: Sequence[Sequence[float]]) -> Html:
    """Draw how often something happened over its probability, a dot a bin; on the diagonal they agree.

    Bins are (mean probability, share that happened, rows, low, high); bars go from low to high, where chance alone
    leaves most dots. `before`: other dots, without bars.
    """
    x, y = Axis(-0.03, 1.03, LEFT, WIDTH - RIGHT), Axis(-0.03, 1.03, HEIGHT - BOTTOM, TOP)
    marks = _frame(x, y, "probability", "how often it was so")
    marks.append(tag("line", x1=x(0), y1=y(0), x2=x(1), y2=y(1), class_="best"))
    marks += [tag("line", x1=x(p), x2=x(p), y1=y(low), y2=y(high), class_="bar-of-chance")
              for p, _, _, low, high in after]
    marks += [tag("circle", cx=x(p), cy=y(share), r=4, class_=f"dot {kind}")
              for kind, bins in (("b", before), ("a", after)) for p, share, *_ in bins]
    return _svg(marks, f"How often it was so over the probability, {sum(int(b[2]) for b in after):,} cases")


def precision_recall(lines: Sequence[tuple[str, Sequence[tuple]]], mark: tuple[float | None, float | None],
                     chance: float, name: str) -> Html:
    """Draw precision over recall, a line for each model; a dot where a threshold lies, a dashed line for chance."""
    x, y = Axis(-0.02, 1.02, LEFT, WIDTH - RIGHT), Axis(-0.02, 1.02, HEIGHT - BOTTOM, TOP)
    marks = _frame(x, y, "recall", "precision")
    marks.append(tag("line", x1=x(0), y1=y(chance), x2=x(1), y2=y(chance), class_="best"))
    marks += _drawn(lines, x, y)
    if None not in mark:
        marks.append(tag("circle", cx=x(mark[0]), cy=y(mark[1]), r=6, class_="cut"))  # type: ignore[arg-type]
    return _svg(marks, f"Precision over recall of {name}")


def _padded(low: float, high: float, share: float) -> tuple[float, float]:
    """The ends of an axis, a share of its length beyond the values."""
    pad = (high - low or abs(high) or 1) * share
    return low - pad, high + pad


def _drawn(lines: Sequence[tuple[str, Sequence[tuple]]], x: Axis, y: Axis) -> list[Html]:
    """Draw lines, each a colour and its points, and those of a single point as dots; what is not finite is left out."""
    marks = []
    for kind, line in lines:
        points = [(x(a), y(b)) for a, b in line if b is not None and math.isfinite(b)]
        if len(points) == 1:
            marks.append(tag("circle", cx=points[0][0], cy=points[0][1], r=3, class_=f"dot {kind}"))
        elif points:
            marks.append(tag("polyline", points=" ".join(f"{a},{b}" for a, b in points), class_=f"line {kind}"))
    return marks


def _thinned(line: Sequence[float], most: int = 400) -> list[tuple[int, float]]:
    """Keep (epoch, value) for at most so many epochs, the last among them."""
    step = max(1, len(line) // most)
    points = [(i + 1, line[i]) for i in range(0, len(line), step)]
    return points if not line or points[-1][0] == len(line) else [*points, (len(line), line[-1])]


def _frame(x: Axis, y: Axis, below: str, beside: str) -> list[Html]:
    marks = []
    for v in y.ticks():
        marks.append(tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y(v), y2=y(v), class_="grid"))
        marks.append(tag("text", y.label(v), x=LEFT - 7, y=y(v) + 4, text_anchor="end"))
    marks += [tag("text", x.label(v), x=x(v), y=HEIGHT - BOTTOM + 18, text_anchor="middle") for v in x.ticks()]
    marks.append(tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=HEIGHT - BOTTOM, y2=HEIGHT - BOTTOM, class_="axis"))
    marks.append(tag("text", below, x=WIDTH - RIGHT, y=HEIGHT - 5, text_anchor="end", class_="name"))
    marks.append(tag("text", beside, x=4, y=14, class_="name"))
    return marks


def _svg(marks: list[Html], label: str) -> Html:
    return tag("svg", marks, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", aria_label=label)
