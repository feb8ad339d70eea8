"""What else can be seen of a step: states over time, filters, answers on rows not learnt from, the loss landscape."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..inspect import Session, states
from ..inspect.filters import filter_weights
from ..inspect.states import OPEN_OR_SHUT
from ..lab.landscapes.true_loss import TrueLoss
from ..report.scores import confusions, measure
from ..report.sureness import calibration, sides
from ..text import jsonable
from .inside import ANSWERED, Inside
from .landscape import PathPlane
from .limits import (
    MOST_FILTERS,
    MOST_LAYERS_OF_FILTERS,
    MOST_MOMENTS,
    MOST_OF_PATH,
    MOST_ROWS_ANSWERED,
    MOST_ROWS_OF_LOSS,
    MOST_STATES,
    MOST_WORST,
)

PARTS = ("training", "validation", "test")


def states_of(inside: Inside, step: int, place: int) -> dict[str, Any]:
    """Tell what recurrent layers carry along one row of a batch, before a step: hidden values, memory and gates."""
    t = inside.at(step)
    inside.check(place, len(t.about.rows), "row of the batch")
    number, study = int(t.about.rows[place]), inside.study
    row = study.estimator.encode(study.problem.kind.take(study.rows(0)[0], np.array([number])))
    with inside.lock:
        inside.session.goto(step)
        found = states(inside.session.model, row)
    scans = []
    for scan in found.scans:
        parts = [{"name": part, "gate": part in OPEN_OR_SHUT, "values": a[:MOST_MOMENTS, :MOST_STATES].T}
                 for part, a in scan.parts.items()]
        scans.append({"name": scan.name, "cells": scan.kind, "reverse": scan.reverse, "parts": parts,
                      "units": scan.parts["hidden"].shape[1]})
    sequence = found.sequence.reshape(len(found.sequence), -1)
    return jsonable({"step": step, "place": place, "row": inside.names([number])[0], "moments": len(sequence),
                     "scans": scans, "sequence": sequence[:MOST_MOMENTS, :MOST_STATES]}, digits=4)


def filters_of(inside: Inside, step: int) -> dict[str, Any]:
    """Show the filters of every convolution before a step, the strongest first."""
    with inside.lock:
        inside.session.goto(step)
        known = {name: a.copy() for name, a in filter_weights(inside.session.model).items()}
    layers = []
    for layer, a in list(known.items())[:MOST_LAYERS_OF_FILTERS]:
        sizes = np.sqrt(np.square(a.astype(np.float64)).reshape(len(a), -1).sum(1))
        tiles = []
        for k in np.argsort(-sizes, kind="stable")[:MOST_FILTERS].tolist():
            channel = int(np.abs(a[k]).reshape(-1, a.shape[-1]).max(0).argmax())
            largest = [int(i) for i in np.unravel_index(int(np.abs(a[k]).argmax()), a[k].shape)]
            tiles.append({"filter": k, "size": sizes[k], "channel": channel, "index": [k, *largest],
                          "values": a[k].T if a.ndim == 3 else a[k][..., channel]})
        layers.append({"layer": layer, "shape": list(a.shape), "images": a.ndim == 4, "tiles": tiles,
                       "weight": layer if layer == "weight" else f"{layer}.weight"})
    return jsonable({"step": step, "layers": layers}, digits=4)


def answers_of(inside: Inside, step: int) -> dict[str, Any]:
    """Tell how the network answers, before a step, for rows that it does not learn from: what it takes for what, how
    far it is off, and whether it is as sure as it is right. Where no rows are held back, those of training."""
    study = inside.study
    task, estimator = study.problem.task, study.estimator
    if task not in ANSWERED:
        raise ArgumentError(f"answers are shown of one class or number a row, and this is {task}")
    part = next(k for k in (2, 1, 0) if len(study.parts[k]))
    X, y = study.rows(part)
    some = np.unique(np.linspace(0, len(y) - 1, min(len(y), MOST_ROWS_ANSWERED)).astype(int))
    X, y = study.problem.kind.take(X, some), y.iloc[some]
    Z = estimator.encode(X)
    with inside.lock:
        inside.session.goto(step)
        z = np.asarray(inside.session.model.predict(Z), np.float64).reshape(len(some), -1)
    truth, names = np.asarray(y), [int(v) for v in y.index]
    found: dict[str, Any] = {"step": step, "part": PARTS[part], "rows": len(some)}
    if task == "regression":
        said = np.asarray(estimator.target_encoder_.inverse(z[:, z.shape[1] // 2]), np.float64)
        off = truth.astype(np.float64) - said
        counts, edges = np.histogram(off, bins=min(24, max(6, len(off) // 10)))
        worst = np.argsort(-np.abs(off), kind="stable")[:MOST_WORST].tolist()
        found |= {"scores": measure(task, truth, said, None, None), "said": said, "true": truth, "off": off,
                  "counts": counts, "edges": edges, "names": names,
                  "worst": [[names[k], float(truth[k]), float(said[k]), float(off[k])] for k in worst]}
        return jsonable(found, digits=6)
    p = probabilities(z, estimator.design_.link)
    classes = estimator.classes_
    said = classes[p.argmax(1)]
    scores = measure(task, truth, said, p, classes)
    sure, happened, what = sides(task, truth, p, classes)
    own = p[np.arange(len(p)), [list(classes.tolist()).index(v) if v in classes else 0 for v in truth.tolist()]]
    worst = [k for k in np.argsort(own, kind="stable")[:MOST_WORST].tolist() if said[k] != truth[k]]
    return jsonable(found | {
        "scores": scores, "confusion": confusions(truth, said, classes), "calibration": calibration(sure, happened),
        "what": what, "worst": [[names[k], str(truth[k]), str(said[k]), float(own[k])] for k in worst]}, digits=5)


def landscape_of(inside: Inside, until: int, first: Inside | None = None) -> dict[str, Any]:
    """Tell the loss around a run's path up to a step, the last one if that is 0, and around that of the first future
    beside it: more with each question."""
    last = until or min(inside.done, inside.session.steps)
    if not 1 <= last <= inside.done:
        raise ArgumentError(f"step {last:,} is not there: this run has done steps 1 to {inside.done:,}")
    plane = inside.plane
    if plane is None or plane.steps[-1] != last:
        steps = inside.spread(MOST_OF_PATH, last)
        weights = list(inside.along(steps, theta))
        beside = () if first is None else list(first.along(steps, theta))
        past = inside.session.past
        some = np.linspace(0, len(past.rows) - 1, min(len(past.rows), MOST_ROWS_OF_LOSS)).astype(int)
        few = past.data.rows(past.rows[np.unique(some)])
        with inside.lock:
            J = TrueLoss(inside.session.model, few.inputs, few.y, past.loss)
        plane = inside.plane = PathPlane(J, steps[: len(weights)].tolist(), np.array(weights), beside)
    return plane.more()


def theta(walker: Session) -> np.ndarray:
    """The weights as they are where a session stands."""
    return walker.model.theta.astype(np.float64)


def probabilities(z: np.ndarray, link: str) -> np.ndarray:
    """Turn raw outputs into probabilities, a column for each class.

    >>> probabilities(np.array([[0.0]]), "sigmoid").tolist(), probabilities(np.zeros((1, 4)), "softmax").tolist()
    ([[0.5, 0.5]], [[0.25, 0.25, 0.25, 0.25]])
    """
    if link == "sigmoid":
        yes = 1 / (1 + np.exp(-np.clip(z[:, 0], -500, 500)))
        return np.column_stack([1 - yes, yes])
    each = np.exp(z - z.max(1, keepdims=True))
    return each / each.sum(1, keepdims=True)
