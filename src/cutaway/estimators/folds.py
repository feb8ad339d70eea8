"""Several networks for one table, each of which holds back other rows: their mean answers, and nearly all rows teach.

One network loses the rows that it holds back, and chooses its epoch by them alone: by a few hundred rows, of which two
wild ones may decide. Here every row is held back by one network at most. What the networks say of rows that they did
not learn from is what calibration and intervals go by; the mean errs less than that, so that both are careful.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..data import split
from ..engines import cores
from ..errors import FileError, TrainingError
from ..staged import part_of
from ..text import joined
from ..train.checkpoint import Checkpoints
from ..train.events import checked_callbacks
from ..train.feeding import Data
from ..train.many import fit_many
from ..train.past import Past
from ..train.run import Run
from .found_linear import find_again
from .held import Held
from .stretch import SQUARES, drawn_apart


@dataclass
class OutOfFold:
    """What a Past tells of its rows, of several networks together: `held_out` has the answers of those networks that
    did not learn from the row."""

    data: Data
    rows: np.ndarray
    held_out: Held | None


def learn(estimator: Any, Z: Any, T: np.ndarray, how: dict[str, Any], batch_size: int,
          groups: np.ndarray | None) -> tuple[Run, Past | OutOfFold]:
    """Train the networks of an estimator's Ensemble on encoded rows Z (n, features) and targets T, as ct.fit's other
    arguments say. groups (n,): none is on two sides. Gives the run of the first, which callbacks see, and what was held
    back.

    A share of the rows as validation is another one for each network; rows of one's own, or none, are the same for all,
    which then differ by their first weights and the order of rows. Raises TrainingError where no network learns.
    """
    networks, validation, w = estimator.model_.networks, how["validation"], how["sample_weight"]
    parts: list[np.ndarray] = [np.zeros(0, np.intp)] * len(networks)
    if isinstance(validation, float):
        parts = held_parts(T, validation, len(networks), estimator._seed, estimator.design_.loss, groups)
    weights = [without(part, w, len(T)) for part in parts]
    if how.get("checkpoint") is not None and Checkpoints(how["checkpoint"]).files():
        raise FileError(f"{how['checkpoint']} has the checkpoints of one network, and this run trains {len(networks)}: "
                        "call fit with the same settings, or with another checkpoint folder")
    entries, told = [], Told(estimator, how["callbacks"])
    for j, (network, part, weight) in enumerate(zip(networks, parts, weights, strict=True)):
        rows = np.arange(len(T)) if weight is None else np.flatnonzero(weight)
        find_again(network, Z, T, w, rows, estimator.design_.link != "identity")
        own = (part_of(Z, part), T[part], *([] if w is None else [w[part]])) if len(part) else validation
        entries.append(how | {"callbacks": told.other if j else told.first, "model": network, "X": Z, "y": T,
                              "batch_size": batch_size, "sample_weight": weight, "validation": own,
                              "seed": estimator._seed + j, "threads": 1, "progress": False} | kept(how, j))
    workers = min(len(networks), how["threads"] or cores())
    if how["time_limit"] is not None:
        limit = how["time_limit"] / math.ceil(len(networks) / workers)
        entries = [entry | {"time_limit": limit} for entry in entries]
    runs = fit_many(entries, workers, bool(how["progress"]))
    if told.error is not None:
        raise told.error
    learnt = [j for j, run in enumerate(runs) if run.epochs_done and (not run.trouble or run.last is not None)]
    troubled = [run.trouble for run in runs if run.trouble]
    if troubled and not learnt:
        raise TrainingError(troubled[0])
    for j in set(range(len(networks))) - set(learnt) if learnt else ():  # of too little time, or stopped by Ctrl-C
        networks[j].load_state_dict(networks[learnt[0]].state_dict())
    run = next((run for run in runs if run.stopped == "interrupted"), runs[learnt[0] if learnt else 0])
    if not isinstance(validation, float):
        return run, runs[0].past
    past, threads = runs[0].past, how["threads"]
    data = Data(past.data.inputs, past.data.y, None if w is None else np.asarray(w, np.float64), past.data.kept)
    every = data.counted()
    asked = [(part, network) for j, (part, network) in enumerate(zip(parts, networks, strict=True)) if j in learnt]
    held, design = answered_apart(asked, Z, T, w, threads), estimator.design_
    if held is not None and design.loss in SQUARES and not design.linear:
        held, found = drawn_apart(networks, held)
        if (found > 1).any():
            words = joined([f"{one:.3g}" for one in found])
            design.reasons["output"] += f"; drawn apart by {words}, as rows held back ask for"
    return run, OutOfFold(data, every, held)


def kept(how: dict[str, Any], j: int) -> dict[str, Any]:
    """Give each network a folder of its own for its checkpoints, if there are any."""
    return {"checkpoint": Path(how["checkpoint"]) / f"network{j}"} if how.get("checkpoint") is not None else {}


class Told:
    """The callbacks of an estimator with several networks, which hear of the first. What one of them raises ends the
    training of all, and is kept: it is the caller's of `fit`, not that of the thread which trains the network."""

    def __init__(self, estimator: Any, callbacks: Any) -> None:
        self.design, self.callbacks = estimator.design_, checked_callbacks(callbacks)
        self.error: BaseException | None = None
        self.wish = ""  # why a callback asked for an end: then all end

    def first(self, event: Any) -> None:
        event.run.design, before = self.design, event.run.stopping
        for callback in self.callbacks:
            try:
                callback(event)
            except BaseException as error:
                self.error = self.error or error
                event.run.stop(f"{type(error).__name__}: {error}")
        if not before:
            self.wish = event.run.stopping

    def other(self, event: Any) -> None:
        if self.error is not None:
            event.run.stop("a callback of the first network ended it")
        elif self.wish:
            event.run.stop(self.wish)


def held_parts(T: np.ndarray, share: float, k: int, seed: int, loss: str,
               groups: np.ndarray | None = None) -> list[np.ndarray]:
    """Draw for k networks a share of the rows each: other rows for each, with the classes in proportion, as long as the
    rows last. With groups (n,) each draws whole ones by itself.

    >>> parts = held_parts(np.zeros(50), 0.1, 3, 0, "mse")
    >>> [len(part) for part in parts], len(np.unique(np.concatenate(parts)))
    ([5, 5, 5], 15)
    """
    n, classes = len(T), T.reshape(-1) if loss.endswith("cross_entropy") and T.size == len(T) else None
    if groups is not None:
        return [split(n, share, seed + j, stratify=classes, groups=groups)[1] for j in range(k)]
    if share * k < 1:
        return list(split(n, (share,) * k, seed, stratify=classes)[1:])
    return list(split(n, (1 / k,) * (k - 1), seed, stratify=classes))


def without(part: np.ndarray, weights: np.ndarray | None, n: int) -> np.ndarray | None:
    """The weights (n,) of rows with those of a part at zero, which is to leave them out."""
    if not len(part):
        return weights
    found = np.ones(n) if weights is None else np.array(weights, np.float64)
    found[part] = 0
    return found


def answered_apart(asked: list[tuple[np.ndarray, Any]], Z: Any, T: np.ndarray, weights: np.ndarray | None,
                   threads: int | None) -> Held | None:
    """The raw outputs of networks for the rows that each held back: their mean where several held one back."""
    if not asked:
        return None
    total: dict[int, list[np.ndarray]] = {}
    for part, network in asked:
        z = np.asarray(network.predict(part_of(Z, part), threads=threads)).reshape(len(part), -1)
        for row, one in zip(part.tolist(), z, strict=True):
            total.setdefault(row, []).append(one)
    rows = np.array([row for row in sorted(total) if weights is None or weights[row] > 0])
    z = np.stack([np.mean(total[row], axis=0) if len(total[row]) > 1 else total[row][0] for row in rows.tolist()])
    return Held(z, T[rows], None if weights is None else weights[rows])
