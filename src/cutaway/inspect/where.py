"""Where in its sequences a network looks: what its answer loses without a stretch of time, or without a sensor.

Occlusion (Zeiler and Fergus, 2014): a stretch is put to what is usual there, zero after encoding, and

    effect of the stretch = f(x) - f(x without it)

Beside it stand integrated gradients (Sundararajan et al., 2017), which need no stretches: of every step and sensor
x · mean over α from 0 to 1 of ∂f/∂x at α x, whose sum is f(x) - f(0). Where both agree, either can be trusted.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from os import PathLike
from typing import Any

import numpy as np

from ..autodiff import Tensor, ops
from ..data import SequenceEncoder
from ..drawing.sheet import EDGE, FAINT, SIGNED, Sheet, colours, reach, time_axis
from ..errors import ArgumentError
from ..estimators.importance import feature_slices
from ..sequences import Sequences
from ..shown import Shown
from ..text import columns, counted, jsonable, number, short
from .prediction import AskedOutput

WINDOWS = 20   # stretches of time, at most
ROWS = 24      # sequences that are looked at, evenly spread
POINTS = 16    # on the way from nothing to a sequence, of few or short ones; of more, down to FEWEST
FEWEST, STEPS = 4, 40_000  # points; steps that are differentiated, all points of all sequences together
AT_ONCE = 32   # sequences that are differentiated at a time
EXAMPLES = 8   # sequences that are shown, of each class in turn
BAR = 24       # letters of the longest bar


def where(model: Any, X: Any, y: Any = None, output: Any = None, rows: int = ROWS) -> Where:
    """Find where in sequences a model looks: how much stretches of time and sensors move its answers.

    >>> import numpy as np, cutaway as ct
    >>> rng, y = np.random.default_rng(0), np.arange(40) % 2
    >>> X = 0.1 * rng.normal(size=(40, 30, 2))
    >>> X[:, 18:24, 1] += 2 * y[:, None]          # what tells the classes apart: late, in the second sensor
    >>> model = ct.Classifier({"members": 1}, epochs=30, random_state=0).fit(X, y)
    >>> found = ct.inspect.where(model, X, y)
    >>> int(found.by_sensor.argmax()), bool(18 <= found.edges[found.by_time.argmax()] < 24)
    (1, True)

    model: a trained ct.Classifier or ct.Regressor of sequences. X: sequences as `predict` takes them, of which at most
    `rows`, evenly spread, count. y: their classes or numbers, for the examples' titles. output: which of several
    targets (the first), or which class or label (of each sequence the one that is predicted). Effects are in the
    target's own unit, of classes in log-odds. print it or `plot(path)` it. Raises ArgumentError for another model.
    """
    if type(getattr(model, "encoder_", None)) is not SequenceEncoder or model.encoder_.blank:
        raise ArgumentError("where asks of sequences: give a trained ct.Classifier or ct.Regressor of sequences that "
                            "has learnt something from them")
    kind = model.inputs_
    read = kind.read(X, model.encoder_)
    n = kind.count(read.X)
    some = np.unique(np.linspace(0, n - 1, min(n, max(1, rows))).round().astype(np.intp))
    raw = kind.take(read.X, some)
    y = read.y if y is None else y
    truth = None if y is None else np.asarray(y)[some]
    Z = model.encode(raw)
    values = np.asarray(Z.values if isinstance(Z, Sequences) else Z)
    lengths = np.asarray(Z.lengths) if isinstance(Z, Sequences) else np.full(len(values), values.shape[1])
    asked = _asked(model, Z, output)

    def f(changed: np.ndarray) -> np.ndarray:
        out = np.zeros(len(changed))
        for one, own in asked:
            part = changed[own]
            out[own] = one.of(model, Sequences(part, lengths[own]) if isinstance(Z, Sequences) else part)
        return out

    whole, time = f(values), values.shape[1]
    edges = np.append(np.arange(0, time, -(-time // WINDOWS)), time)
    effects = np.full((len(values), len(edges) - 1), np.nan)
    for w, (start, end) in enumerate(pairwise(edges)):
        changed = values.copy()
        changed[:, start:end] = 0
        there = lengths > start
        effects[there, w] = (whole - f(changed))[there]
    slices = feature_slices(model.encoder_)
    by_sensor = np.zeros((len(slices), len(values)))
    for k, part in enumerate(slices.values()):
        changed = values.copy()
        changed[:, :, part] = 0
        by_sensor[k] = whole - f(changed)
    gradients, points = np.zeros(values.shape), min(POINTS, max(FEWEST, STEPS // values[:, :, 0].size))
    for one, own in asked:
        gradients[own] = integrated(model.model_, one, values[own], lengths[own], isinstance(Z, Sequences), points)
    stretches = np.add.reduceat(gradients.sum(axis=2), edges[:-1], axis=1)
    found = Where(asked[0][0].name if len(asked) == 1 else "the class that is predicted", asked[0][0].unit,
                  list(slices), np.abs(by_sensor).mean(axis=1), edges, np.nanmean(np.abs(effects), axis=0),
                  _agreement(effects, stretches), len(values))
    parts = np.stack([gradients[:, :, part].sum(axis=2) for part in slices.values()], axis=2)
    said = np.asarray(model.predict(raw))
    shown = [k for k, name in enumerate(column.name for column in model.encoder_.columns) if name in slices]
    for i in _of_each(said if truth is None or "regression" in model.design_.task else truth):
        true = None if truth is None else truth[i]
        steps = np.asarray(raw.values)[i, : lengths[i]][:, shown]
        found.examples.append(Example(int(some[i]), _word(said[i]), "" if true is None else _word(true), steps,
                                      parts[i, : lengths[i]]))
    return found


@dataclass(eq=False)
class Example:
    """A sequence that is shown: its number, what is predicted and true of it, values and parts (time, sensors)."""

    row: int
    said: str
    truth: str
    values: np.ndarray
    parts: np.ndarray


@dataclass(eq=False)
class Where(Shown):
    """What `ct.inspect.where` gives. print it, or `plot(path)` it.

    names, by_sensor (sensors,): how much the answer changes, on average, where a sensor is put to what is usual. edges
    (windows + 1,), by_time (windows,): the same for stretches of time, of all sensors. agreement: the correlation
    of these changes, sequence by sequence, with integrated gradients. examples: some sequences of each class, with the
    part that each step has in the answer.
    """

    name: str
    unit: str
    names: list[str]
    by_sensor: np.ndarray
    edges: np.ndarray
    by_time: np.ndarray
    agreement: float
    rows: int
    examples: list[Example] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"Where({self._head()})"

    def _head(self) -> str:
        start, end = self._most()
        sensor = f", most in {self.names[int(self.by_sensor.argmax())]}" if len(self.names) > 1 else ""
        steps = f"steps {start} to {end - 1}" if end > start + 1 else f"step {start}"
        return f"{self.name}: most hangs on {steps}{sensor}"

    def _most(self) -> tuple[int, int]:
        k = int(np.nanargmax(self.by_time))
        return int(self.edges[k]), int(self.edges[k + 1])

    def __str__(self) -> str:
        unit = f"in {self.unit}, " if self.unit else ""
        lines = [self._head(), f"  how much the answer changes without a stretch, {unit}on average over "
                               f"{counted(self.rows, 'sequence')}"]
        stretches = [f"{a} to {b - 1}" if b > a + 1 else f"{a}" for a, b in pairwise(self.edges)]
        lines += _bars(["steps", *stretches], self.by_time)
        if len(self.names) > 1:
            lines += _bars(["sensor", *(short(name, 24) for name in self.names)], self.by_sensor)
        return "\n".join([*lines, f"  {self.trust}"])

    @property
    def trust(self) -> str:
        """How far integrated gradients agree, in a sentence."""
        return f"integrated gradients say the same with a correlation of {self.agreement:.2f}"

    def to_json(self) -> dict[str, Any]:
        """Give plain values: effects by sensor and by time, and the examples."""
        examples = [{"row": e.row, "said": e.said, "truth": e.truth, "values": e.values.T.tolist(),
                     "parts": e.parts.T.tolist()} for e in self.examples]
        return jsonable({"kind": "where", "of": self.name, "unit": self.unit, "sensors": self.names,
                         "by_sensor": self.by_sensor.tolist(), "edges": self.edges.tolist(),
                         "by_time": self.by_time.tolist(), "agreement": self.agreement, "rows": self.rows,
                         "examples": examples})

    def plot(self, path: str | PathLike | None = None) -> Any:
        """Draw a matplotlib figure, also written to a file (.svg, .png, ...) if a path is given: how much stretches of
        time and sensors matter, and examples of each class, orange where a step speaks for the answer, blue against."""
        from matplotlib.collections import LineCollection

        down = (len(self.examples) + 1) // 2
        sheet = Sheet(7.6, EDGE + 0.75 + 1.4 + 0.6 + 1.35 * down + 0.3)
        sheet.title(short(self._head(), 78), f"{self.trust}; orange: speaks for the answer, blue: against")
        several = len(self.names) > 1
        axes = sheet.axes(EDGE + 0.5, EDGE + 0.75, 4.0 if several else 6.4, 1.2)
        axes.stairs(self.by_time, self.edges, fill=True, color=SIGNED[1])
        axes.set_ylabel("change", size=9, color=FAINT)
        time_axis(axes)
        if several:
            order = np.argsort(-self.by_sensor, kind="stable")[:8]
            axes = sheet.axes(EDGE + 5.6, EDGE + 0.75, 1.3, 1.2)
            axes.barh(range(len(order)), self.by_sensor[order], color=SIGNED[1])
            axes.set_yticks(range(len(order)), [short(self.names[k], 12) for k in order])
            axes.invert_yaxis()
        for i, one in enumerate(self.examples):
            axes = sheet.axes(EDGE + 0.5 + 3.5 * (i % 2), EDGE + 2.95 + 1.35 * (i // 2), 2.9, 0.85)
            far = reach(one.parts)
            for values, parts in zip(one.values.T, one.parts.T, strict=True):
                t = np.arange(len(values))
                points = np.column_stack([t, values])
                axes.plot(t, values, color=FAINT, lw=0.5, alpha=0.7, zorder=3)
                lines = LineCollection(list(np.stack([points[:-1], points[1:]], axis=1)), cmap=colours(SIGNED), lw=2)
                lines.set_array(parts[1:])
                lines.set_clim(-far, far)
                axes.add_collection(lines)
            axes.autoscale_view()
            axes.set_title(short(one_title(one.said, one.truth), 44), size=8, color=FAINT, pad=3)
            time_axis(axes, named=False)
        return sheet.saved(path)


def one_title(said: str, truth: str) -> str:
    """What is predicted of an example, and what is true."""
    return f"{said} is predicted" + (f", {truth} is true" if truth and truth != said else "")


def integrated(network: Any, asked: AskedOutput, values: np.ndarray, lengths: np.ndarray, ragged: bool,
               points: int = POINTS) -> np.ndarray:
    """Integrate the gradients of what is asked from nothing, zeros, to sequences (n, time, features): what each number
    moves, of the same shape."""
    net = copy.deepcopy(network).astype("float64")
    for p in net.parameters():
        p.requires_grad = False
    found, share = np.zeros(values.shape), (np.arange(points) + 0.5) / points
    for start in range(0, len(values), step := max(1, AT_ONCE // points)):
        part = slice(start, start + step)
        some = values[part].astype(np.float64)
        x = Tensor((some[:, None] * share[:, None, None]).reshape(-1, *some.shape[1:]), requires_grad=True)
        given = Sequences(x, Tensor(np.repeat(lengths[part], points).astype(np.int32))) if ragged else x
        f = asked.number(ops.reshape(net(given), (x.shape[0], -1))).sum()
        if f.tape is not None:
            f.backward()
        if x.grad is not None:
            found[part] = x.grad.reshape(len(some), points, *some.shape[1:]).mean(axis=1) * some
    return found


def _asked(model: Any, Z: Any, output: Any) -> list[tuple[AskedOutput, np.ndarray]]:
    """What is asked of which sequences: one output of all, or of each the class that is predicted."""
    every = np.arange(len(Z))
    asked = AskedOutput.of_output(model, output)
    if asked is not None:
        return [(asked, every)]
    if model.design_.task == "multilabel":
        return [(AskedOutput.of_class(model, 0), every)]
    places = np.asarray(model.answers(Z)).argmax(axis=1)
    return [(AskedOutput.of_class(model, int(place)), np.flatnonzero(places == place)) for place in np.unique(places)]


def _agreement(effects: np.ndarray, others: np.ndarray) -> float:
    """The correlation of effects (n, windows) with other ones, where there are any; 0 where nothing differs."""
    known = np.isfinite(effects)
    a, b = effects[known], others[known]
    return float(np.corrcoef(a, b)[0, 1]) if len(a) > 1 and a.std() > 0 and b.std() > 0 else 0.0


def _of_each(labels: np.ndarray) -> Iterator[int]:
    """Places of the first sequences of each class in turn, sorted by class; of numbers, evenly spread ones."""
    labels = labels if labels.ndim == 1 else labels[:, 0]
    order = np.argsort(labels, kind="stable")
    kinds, turn = np.unique(labels[order], return_index=True)
    if len(kinds) > EXAMPLES:
        yield from order[np.linspace(0, len(order) - 1, EXAMPLES).round().astype(int)]
        return
    each = EXAMPLES // len(kinds)
    for start, end in zip(turn, [*turn[1:], len(order)], strict=True):
        yield from order[start : min(start + each, end)]


def _word(value: Any) -> str:
    value = np.atleast_1d(value)[0]
    return number(float(value), 4) if isinstance(value, float | np.floating) else short(str(value), 24)


def _bars(names: list[str], sizes: np.ndarray) -> list[str]:
    """Lines of a table with a bar each; the first name heads it."""
    far = reach(np.asarray(sizes))
    rows = [(f"  {name}", number(size), "█" * round(BAR * size / far) if np.isfinite(size) else "")
            for name, size in zip(names[1:], sizes, strict=True)]
    return [line.rstrip() for line in columns([(f"  {names[0]}", "change", ""), *rows], right=[1])]
