"""What is made of a network's raw outputs, in the language of kernels: probabilities and a class, or numbers in the
target's own unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import losses
from ..estimators import thresholds


@dataclass(frozen=True)
class AnswerKernel:
    """A kernel that reads raw outputs (p[0]) and writes doubles (p[3]) and the number of a class (p[6]). names: what
    each
    of the doubles is."""

    text: str
    names: list[str]
    about: str
    labels: list[str]


def answer(estimator: Any) -> AnswerKernel:
    return _classes(estimator) if hasattr(estimator, "classes_") else _numbers(estimator)


def _kernel(lines: list[str]) -> str:
    head = ["def k(p, s):", "    z, y, label = reals(p[0]), doubles(reals(p[3])), int32s(p[6])"]
    return "\n".join([*head, *(f"    {line}" for line in lines)]) + "\n"


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
        return AnswerKernel(_kernel([*lines, "label[0] = 0"]), list(map(str, estimator.target_encoder_.names)),
                      "the probability of each label; the return value is 0", [])
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
    return AnswerKernel(_kernel([*lines, "label[0] = chosen"]), names,
                        f"the probability of each class; the return value is {about}", names)


def _numbers(estimator: Any) -> AnswerKernel:
    target, levels = estimator.target_encoder_, estimator.levels
    low, high = (np.atleast_1d(np.asarray(part, float)) for part in estimator.limits_)
    center, spread = (np.atleast_1d(np.asarray(part, float)) for part in (target.center, target.spread))
    lines = []
    for j in range(len(target.names)):
        place = losses.middle_of(levels) if len(levels) > 1 else j
        lo, hi = (float(part[min(j, len(part) - 1)]) for part in (low, high))
        lines += [f"v = min(max(np.float64(z[{place}]), {_said(lo)}), {_said(hi)})",
                  f"v = v * {float(spread[min(j, len(spread) - 1)])!r} + {float(center[min(j, len(center) - 1)])!r}"]
        lines += ["v = xp.exp(min(v, 700.0))"] * bool(target.log_applied)
        lines += [f"y[{j}] = v"]
    return AnswerKernel(_kernel([*lines, "label[0] = 0"]), list(map(str, target.names)),
                  "the prediction, in the target's own unit; the return value is 0", [])


def _said(x: float) -> str:
    return "np.inf" if x == np.inf else "-np.inf" if x == -np.inf else repr(x)
