"""What is made of a network's raw outputs, in the language of kernels: probabilities and a class, or numbers in the
target's own unit, with quantiles and intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .. import losses
from ..errors import ArgumentError
from ..estimators import thresholds
from ..estimators.crossed import settled
from .header import Argument


@dataclass(frozen=True)
class AnswerKernel:
    """A kernel that reads raw outputs (p[0]) and arrays (p[9], ...) and writes an argument (p[3]), the first one of a
    model also the number of a class (p[6])."""

    text: str
    argument: Argument
    labels: Sequence[str] = ()
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


def answers(estimator: Any, coverage: float | None) -> list[AnswerKernel]:
    """The kernels of all that an estimator says, its prediction first. Raises ArgumentError for a coverage where there
    are no intervals, or that they cannot promise."""
    if hasattr(estimator, "classes_"):
        if coverage is not None:
            raise ArgumentError("coverage is of a Regressor's intervals, and this is a Classifier: leave it out")
        return [_classes(estimator)]
    found = [_numbers(estimator)]
    if estimator.levels:
        found.append(_quantiles(estimator))
    if coverage is not None:
        found.append(_interval(estimator, coverage))
    return found


def _kernel(lines: list[str], more: Sequence[str] = ()) -> str:
    head = ["def k(p, s):", "    z, y, label = reals(p[0]), doubles(reals(p[3])), int32s(p[6])", *more]
    return "\n".join([*head, *(f"    {line}" for line in lines)]) + "\n"


def _argument(name: str, shape: tuple[int, ...], about: str, parts: Sequence[tuple[str, str]]) -> Argument:
    return Argument(name, "float64", shape, about, parts, out=True)


def _classes(estimator: Any) -> AnswerKernel:
    task, n = estimator.design_.task, estimator.design_.n_out
    heat, softmax = float(estimator.temperature_), estimator.design_.link == "softmax"
    if softmax:
        lines = [f"top = np.float64(z[0]) / {heat!r}", f"for j in range({n}):",
                 f"    top = max(top, np.float64(z[j]) / {heat!r})", "total = 0.0", f"for j in range({n}):",
                 f"    e = xp.exp(np.float64(z[j]) / {heat!r} - top)", "    y[j] = e", "    total += e",
                 f"for j in range({n}):", "    y[j] = y[j] / total"]
        count = n
    else:
        first = int(task == "binary")
        lines = [f"for j in range({n}):", f"    y[j + {first}] = 1.0 / (xp.exp(-np.float64(z[j]) / {heat!r}) + 1.0)"]
        lines += ["y[0] = 1.0 - y[1]"] * first
        count = n + first
    if task == "multilabel":
        parts = [(str(name), "") for name in estimator.target_encoder_.names]
        return AnswerKernel(_kernel([*lines, "label[0] = 0"]), _argument(
            "answer", (count,), "the probability of each label; the return value is 0", parts))
    names = [str(name) for name in estimator.classes_.tolist()]
    least, about = estimator.threshold_, "the number of the likeliest class"
    place = -1
    if least is not None:
        place = thresholds.place_of(estimator.positive_, estimator.target_encoder_)
        about = f"{names[place]!r} from the probability {least:.6g} on, else the number of the likeliest other class"
    lines += ["best, chosen = -1.0, 0", f"for j in range({count}):", f"    if j != {place} and y[j] > best:",
              "        best, chosen = y[j], j"]
    if least is not None:
        lines += [f"if y[{place}] >= {float(least)!r}:", f"    chosen = {place}"]
    return AnswerKernel(_kernel([*lines, "label[0] = chosen"]), _argument(
        "answer", (count,), f"the probability of each class; the return value is {about}", [(n, "") for n in names]),
        names)


def _numbers(estimator: Any) -> AnswerKernel:
    names, lines = estimator.target_encoder_.names, []
    for j in range(len(names)):
        place = losses.middle_of(estimator.levels) if len(estimator.levels) > 1 else j
        lines += [f"v = {_clipped(estimator, f'np.float64(z[{place}])', j)}", f"y[{j}] = {_back(estimator, 'v', j)}"]
    return AnswerKernel(_kernel([*lines, "label[0] = 0"]), _argument(
        "answer", (len(names),), "the prediction, in the target's own unit; the return value is 0",
        [(str(name), "") for name in names]))


def _quantiles(estimator: Any) -> AnswerKernel:
    levels = estimator.levels
    lines = _rising(estimator)
    lines += [f"y[{k}] = {_back(estimator, f'q{k}', 0)}" for k in range(len(levels))]
    return AnswerKernel(_kernel(lines), _argument(
        "quantiles", (len(levels),), "numbers below which the target lies with these chances, rising",
        [(f"{level:g}", "") for level in levels]))


def _rising(estimator: Any) -> list[str]:
    """Write lines that calculate q0, q1, ...: quantiles of the scaled target, laid outward from the middle one (rules,
    `rising`), within the limits."""
    levels = estimator.levels
    if len(levels) == 1:
        return [f"q0 = {_clipped(estimator, 'np.float64(z[0])', 0)}"]
    middle = losses.middle_of(levels)
    lines = [f"m = np.float64(z[{middle}])"]
    for way in (range(middle - 1, -1, -1), range(middle + 1, len(levels))):
        lines.append("total = 0.0")
        for k in way:
            lines += [f"v = np.float64(z[{k}])", "total += max(v, 0.0) + xp.log1p(xp.exp(-abs(v)))",
                      f"q{k} = {_clipped(estimator, f'm {chr(45) if k < middle else chr(43)} total', 0)}"]
    return [*lines, f"q{middle} = {_clipped(estimator, 'm', 0)}"]


def _interval(estimator: Any, coverage: float) -> AnswerKernel:
    """How far the ends lie from what is predicted: a straight line between each place and the next (intervals.py)."""
    found = settled(estimator)  # as predict_interval has them
    if found is None:
        raise ArgumentError("coverage is of intervals, and this model has none: fit it with rows held back, such as "
                            "validation=0.1, on 200 rows or more")
    names, levels, reach = estimator.target_encoder_.names, estimator.levels, found.reach(coverage)
    arrays, opened, lines = {}, [], _rising(estimator) if levels else []
    for j, score in enumerate(reach):
        for k, (what, numbers) in enumerate((("places", found.places[j]), ("sizes", found.sizes[j]))):
            arrays[f"{what} of errors, output {j}"] = np.asarray(numbers, float)
            opened.append(f"    {what}{j} = doubles(reals(p[{3 * (3 + 2 * j + k)}]))")
        if levels:
            ends, said = ("q0", f"q{len(levels) - 1}"), f"q{losses.middle_of(levels)}"
        else:
            lines.append(f"o = {_clipped(estimator, f'np.float64(z[{j}])', j)}")
            ends, said = ("o", "o"), "o"
        last = len(found.places[j]) - 1
        lines += [f"x = ({ends[0]} + {ends[1]}) / 2.0", f"far = sizes{j}[0]", f"for k in range({last}):",
                  f"    a, b = places{j}[k], places{j}[k + 1]", "    if x >= a and x < b:",
                  f"        far = (sizes{j}[k + 1] - sizes{j}[k]) / (b - a) * (x - a) + sizes{j}[k]",
                  f"if x >= places{j}[{last}]:", f"    far = sizes{j}[{last}]", f"far = far * {float(score)!r}",
                  f"low = min({ends[0]} - far, {said})", f"high = max({ends[1]} + far, {said})",
                  f"y[{2 * j}] = {_back(estimator, 'low', j)}", f"y[{2 * j + 1}] = {_back(estimator, 'high', j)}"]
    return AnswerKernel(_kernel(lines, opened), _argument(
        "interval", (len(names), 2), f"low and high, between which the target of {coverage:.4g} of new rows lies",
        [(f"{end} of {name}", "") for name in names for end in ("low", "high")]), arrays=arrays)


def _clipped(estimator: Any, value: str, j: int) -> str:
    """Write what keeps output j of the scaled target within its limits."""
    low, high = (_of(part, j) for part in estimator.limits_)
    return f"min(max({value}, {_said(low)}), {_said(high)})"


def _back(estimator: Any, value: str, j: int) -> str:
    """Write what brings output j from the scaled target to the target's own unit."""
    target = estimator.target_encoder_
    text = f"{value} * {_of(target.spread, j)!r} + {_of(target.center, j)!r}"
    return f"xp.exp(min({text}, 700.0))" if target.log_applied else text


def _of(part: Any, j: int) -> float:
    """The number of output j, of one for each or one for all."""
    numbers = np.atleast_1d(np.asarray(part, float))
    return float(numbers[min(j, len(numbers) - 1)])


def _said(x: float) -> str:
    return "np.inf" if x == np.inf else "-np.inf" if x == -np.inf else repr(x)
