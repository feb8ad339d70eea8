"""What comes out of a file: an estimator's answers in the target's own terms, made of raw outputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import losses
from ..errors import ArgumentError, CutawayError
from ..estimators import thresholds
from ..estimators.crossed import settled
from ..rules import OPS, bind
from .arrays import XP, concatenate, expand_dims, where
from .graph import TEXT, OnnxArray, OnnxGraph

USUAL = 0.9  # of new rows lie within intervals, where nobody says how many shall
LABEL, PROBABILITIES, OUTPUTS = "label", "probabilities", "outputs"
PREDICTION, INTERVAL, QUANTILES = "prediction", "interval", "quantiles"
NAMES = (LABEL, PROBABILITIES, OUTPUTS, PREDICTION, INTERVAL, QUANTILES)


def answers(g: OnnxGraph, estimator: Any, z: OnnxArray, coverage: float | None) -> None:
    """Write the outputs of a classifier or regressor from its network's raw outputs z (n, n_out)."""
    g.scope = "answer"
    n_out = estimator.design_.n_out
    if z.shape != (None, n_out):
        z = g("Reshape", z, np.array([-1, n_out]), shape=(None, n_out))
    if hasattr(estimator, "classes_"):
        _classes(g, estimator, z)
    else:
        _numbers(g, estimator, z, coverage)


def _classes(g: OnnxGraph, estimator: Any, z: OnnxArray) -> None:
    wide, task, classes = z.astype(float) / float(estimator.temperature_), estimator.design_.task, estimator.classes_
    if estimator.design_.link == "softmax":
        p = g("Softmax", wide, axis=-1)
    else:  # never ONNX's Sigmoid, which leaves [0, 1] in some runtimes
        p = 1.0 / (g("Exp", -wide) + 1.0)
        p = concatenate([1.0 - p, p], 1) if task == "binary" else p
    if task == "multilabel":
        label = where(p >= 0.5, g.constant(1, np.int64), g.constant(0, np.int64))
        about = "1 for each label that is likelier than not, else 0"
    else:
        names = np.array(classes.tolist(), object) if classes.dtype.kind in "OU" else classes
        if names.dtype == TEXT and not all(isinstance(name, str) for name in names):
            names = np.array(list(map(str, names)), object)
        names = names.astype(np.int64) if names.dtype.kind in "iu" else names.astype(float) if (
            names.dtype.kind == "f") else names
        chosen, about = _said(estimator, p)
        label = g("Gather", g.constant(names, name="classes"), chosen, axis=0, shape=(None,))
    g.output(LABEL, label, about)
    listed = ", ".join(map(str, estimator.target_encoder_.names if task == "multilabel" else classes.tolist()))
    g.output(PROBABILITIES, p.astype(np.float32), f"of {listed:.2000}, in this order")
    g.output(OUTPUTS, z, "what the network says, before the temperature and the link to probabilities")


def _said(estimator: Any, p: OnnxArray) -> tuple[OnnxArray, str]:
    """The place of the class that is said: the likeliest, or the positive one from its threshold on."""
    g, least = p.graph, estimator.threshold_
    if least is None:
        return g("ArgMax", p, axis=1, keepdims=0, dtype=np.int64, shape=(None,)), "the likeliest class"
    place = thresholds.place_of(estimator.positive_, estimator.target_encoder_)
    others = p - np.eye(p.shape[1] or 1)[place] * 2.0  # never the largest
    other = g("ArgMax", others, axis=1, keepdims=0, dtype=np.int64, shape=(None,))
    positive = g("GreaterOrEqual", p[:, place], float(least))
    return where(positive, g.constant(place, np.int64), other), (
        f"{estimator.positive_!r:.200} from the probability {least:.6g} on, else the likeliest other class")


def _numbers(g: OnnxGraph, estimator: Any, z: OnnxArray, coverage: float | None) -> None:
    levels, target, names = estimator.levels, estimator.target_encoder_, estimator.target_encoder_.names
    q = z.astype(float)
    if len(levels) > 1:
        q = bind(OPS["rising"].forward, XP)(q, middle=losses.middle_of(levels))
        q.shape = z.shape
    low, high = np.asarray(estimator.limits_, float)
    q = g("Min", g("Max", q, low), high)
    center, spread = (np.atleast_1d(np.asarray(part, float)) for part in (target.center, target.spread))

    def back(scaled: OnnxArray) -> OnnxArray:
        values = scaled * spread + center
        return g("Exp", g("Min", values, 700.0)) if target.log_applied else values

    middle = losses.middle_of(levels) if len(levels) > 1 else 0
    one = estimator.design_.task == "regression"
    predicted = q[:, middle : middle + 1] if len(levels) > 1 else q
    answer = back(predicted)
    answer = g("Squeeze", answer, np.array([1]), shape=(None,)) if one else answer
    g.output(PREDICTION, answer, ", ".join(names)[:2000])
    if levels:
        g.output(QUANTILES, back(q), f"below which the target lies with the chances {levels}")
    reach, coverage = _reach(estimator, coverage)
    if reach is not None:
        first, last = (q[:, :1], q[:, -1:]) if levels else (q, q)
        ends = _interval(estimator.intervals_, reach, first, last, predicted)
        both = [expand_dims(back(end), 2) for end in ends]
        interval = concatenate(both, 2)
        interval = g("Squeeze", interval, np.array([1]), shape=(None, 2)) if one else interval
        g.output(INTERVAL, interval, f"low and high, between which the target of {coverage:.4g} of new rows lies")
    g.output(OUTPUTS, z, "what the network says, of the scaled target")


def _reach(estimator: Any, coverage: float | None) -> tuple[list[float] | None, float]:
    """How far intervals of this coverage go; None for no intervals, where nobody asked for them."""
    asked = USUAL if coverage is None else coverage
    if estimator.intervals_ is None:
        if coverage is not None:
            raise ArgumentError("coverage is of intervals, and this model has none: fit it with rows held back, "
                                "such as validation=0.1, on 200 rows or more")
        return None, asked
    settled(estimator)  # as predict_interval has them
    try:
        return estimator.intervals_.reach(asked), asked
    except CutawayError:
        if coverage is not None:
            raise
        return None, asked


def _interval(intervals: Any, reach: list[float], low: OnnxArray, high: OnnxArray,
              predicted: OnnxArray) -> tuple[OnnxArray, OnnxArray]:
    """The ends of intervals around bounds (n, outputs) that hold what is predicted, on the scaled target."""
    g, middle = low.graph, (low + high) / 2.0
    far = []
    for j, (places, sizes, score) in enumerate(zip(intervals.places, intervals.sizes, reach, strict=True)):
        x = middle[:, j : j + 1]
        size = interpolated(x, np.array(places), np.array(sizes))
        far.append(size * float(score))
    out = concatenate(far, 1) if len(far) > 1 else far[0]
    return g("Min", low - out, predicted), g("Max", high + out, predicted)


def interpolated(x: OnnxArray, places: np.ndarray, sizes: np.ndarray) -> OnnxArray:
    """What np.interp(x, places, sizes) gives for x (n, 1): a straight line between each place and the next."""
    g = x.graph
    if len(places) == 1:
        return x * 0.0 + float(sizes[0])
    share = g("Max", g("Min", (x - places[:-1]) / np.diff(places), 1.0), 0.0)
    return g("ReduceSum", share * np.diff(sizes), np.array([1]), keepdims=1, shape=(None, 1)) + float(sizes[0])
