"""Intervals of tables of which no rows are held back, or too few to tell: networks of fewer rows learn how far off they
are (cross-conformal prediction, Vovk, "Cross-conformal predictors", 2015).

Of 33 rows held back the share that intervals of 90 % cover has a standard deviation of 5 % over which rows these are,
of all 332 rows one of 1.7 %. So each row is answered by a network that did not learn from it. That takes as long as
some nine more fits of so few rows, and happens when somebody asks for intervals: a fit itself takes no longer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..data.limits import FEWEST_CROSSED, FOLDS_CROSSED, HELD_BACK_THAT_TELL
from ..engines import cores
from ..random import stream
from ..train import fit_many
from ..train.feeding import Data
from ..train.past import Past
from .found_linear import find_again, place_of
from .held import Held, answered
from .intervals import Intervals, found_of
from .networks import another


def settled(estimator: Any) -> Intervals | None:
    """The intervals of a regressor, which learns them first where they are better learnt anew and its run is there."""
    own = estimator.intervals_
    if "_run" in vars(estimator) and estimator.validation is not None and (own is None or _too_few(estimator, own)):
        estimator.intervals_ = crossed(estimator) or own
    return estimator.intervals_


def _too_few(estimator: Any, own: Intervals) -> bool:
    """Whether rows that fit drew by chance from a table are so few that they do not tell. Own rows, whole groups and
    the latest are no such rows: others do not take their place."""
    past = estimator.run_.past
    return (own.rows < HELD_BACK_THAT_TELL and _drawn(past) is not None and own.rows == len(past.held_out)
            and estimator.design_.inputs == "table" and not estimator.design_.split)


def _drawn(past: Past) -> np.ndarray | None:
    """The rows of a run, those that it drew to hold back among them; None where it drew none."""
    rows = past.data.counted()
    return rows if past.held_out is not None and len(rows) == len(past.rows) + len(past.held_out) else None


def crossed(estimator: Any) -> Intervals | None:
    """Learn of the errors of a regressor while it has its run: a few networks like it learn anew, each from all rows
    but some, and say what these are. None where there is nothing to learn from.

    Each learns from as many rows as the network did that held a tenth back, so that it errs as much; where none were
    held back from fewer, and errors rather tell too much than too little.
    """
    past = estimator.run_.past
    rows = past.rows if past.held_out is None else _drawn(past)
    if rows is None or len(rows) < FEWEST_CROSSED or past.data.on_disk:
        return None
    turn = stream(past.seed, "folds").permutation(len(rows)) % FOLDS_CROSSED
    networks = [another(estimator, past.seed) for _ in range(FOLDS_CROSSED)]
    entries = [_lesson(estimator, network, past.data.part(rows[turn != k])) for k, network in enumerate(networks)]
    fit_many(entries, min(len(entries), estimator.threads or cores()), progress=False)
    own, learnt, held = estimator.model_, answered(estimator, past.data.part(rows)), []
    try:
        for k, estimator.model_ in enumerate(networks):
            held.append(answered(estimator, past.data.part(rows[turn == k])))
    finally:
        estimator.model_ = own
    z, y = np.concatenate([part.z for part in held]), np.concatenate([part.y for part in held])
    weights = [part.weight for part in held if part.weight is not None]
    return found_of(estimator, learnt, Held(z, y, np.concatenate(weights) if weights else None))


def _lesson(estimator: Any, network: Any, data: Data) -> dict[str, Any]:
    """What one network of fewer rows is trained with: as many epochs of the same schedule as the first one's are."""
    past, run, design = estimator.run_.past, estimator.run_, estimator.design_
    if place_of(network) is not None:
        (Z,) = data.inputs.arrays.values()
        find_again(network, Z, data.y, data.weight, np.arange(len(data)), design.link != "identity")
    epochs = max(1, run.epochs_done)
    whole = {"epochs": epochs} if past.held_out is None else \
        {"epochs": max(epochs, design.epochs), "callbacks": until(max(1, run.best_epoch))}
    return {"model": network, "X": data.inputs, "y": data.y, "sample_weight": data.weight, "seed": past.seed,
            "batch_size": min(past.batch_size, len(data)), "shuffle": past.shuffle, "threads": 1,
            **estimator.loss_and_optimizer(), **whole}


def until(last: int) -> Callable[[Any], None]:
    """A callback that ends training after so many epochs, which its schedule does not know of."""
    def enough(event: Any) -> None:
        if getattr(event, "epoch", 0) >= last:
            event.run.stop("as long as the first")
    return enough
