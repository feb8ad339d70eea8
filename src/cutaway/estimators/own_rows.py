"""An estimator whose table lies in parts, one in each process: nobody has all rows, and all get the same model.

Encoders, design and first weights are made by the first process, of a sample of everybody's rows, and sent to all; each
encodes and trains on its own rows (train/own_rows.py). How sure the network may be is asked of the rows that all held
back.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from sklearn.base import is_classifier

from ..data.limits import ROWS_OF_ALL
from ..data.reading import is_frame
from ..data.splits import asked_split
from ..data.targets import as_target
from ..distributed import gathered, shared
from ..distributed.team import Team, current
from ..errors import ArgumentError, DataError
from ..random import stream
from . import calibration
from .folds import OutOfFold
from .held import Held, answered
from .running import check_runs_on, runs_on
from .state import PRIVATE, all_or_nothing, forget
from .weights import class_factors, none_if_equal

Rows = Any  # the TrainingRows of base.py
ASKED = ("temperature_", "positive_", "threshold_", "intervals_")  # what rows held back are asked for


class WithOwnRows:
    """An estimator that several processes can fit together, each on rows of its own."""

    def fit_own_rows(self, X: Any, y: Any = None, sample_weight: Any = None) -> Any:
        """Learn a table of which each process has other rows, as `ct.fit(own_rows=True)` does; give the estimator.

        All processes that `ct.distributed.start` has joined call this together, each with its X (n, columns), y (n,) or
        (n, outputs) and weights (n,): n may differ. It takes engine="xla" and devices="all". Encoders, design and first
        weights are those of a sample of all rows; one network learns, with no linear model beside it; a share of each
        process's rows is held back by chance, or those of its own, validation=(Xv, yv). All end with the same
        model. A process that is alone fits as `fit` does. Raises what `fit` raises, and ArgumentError on all processes
        for what needs all rows in one of them: exact=True, a split by time or groups, images and sequences.

        >>> import cutaway as ct
        >>> X, y = ct.datasets.load("iris")
        >>> ct.Classifier([8], epochs=2).fit_own_rows(X, y).classes_.tolist()  # alone, so that its rows are all
        ['setosa', 'versicolor', 'virginica']
        """
        began, team = time.perf_counter(), current()
        if team is None or team.processes == 1:
            return self.fit(X, y, sample_weight)  # type: ignore[attr-defined]
        with all_or_nothing(self), team.together("fitting rows of their own"):
            return _fit(self, team, X, y, sample_weight, began)


def _fit(e: Any, team: Team, X: Any, y: Any, sample_weight: Any, began: float) -> Any:
    e._check_arguments()
    check_runs_on(e)
    _refuse(e)
    rows = e._rows(X, y, sample_weight)
    if rows.kind.name != "table" or hasattr(rows.X, "tocsr"):
        raise ArgumentError(f"fit_own_rows takes tables, and X holds {rows.kind.many}: encode them, and give each "
                            "process's part to ct.fit(..., own_rows=True).")
    total = sum(gathered(len(rows)))
    sample, classes = _sample(team, rows, total), _classes(e, rows)
    begun = shared(lambda: _begun(e, sample, classes))
    forget(e, PRIVATE)
    vars(e).update(begun)
    vars(e).pop("_named", None)
    design, held = e.design_, None
    _weigh_classes(e, rows)
    if isinstance(e.validation, tuple | list):
        Xv, yv, wv = (*e.validation, None)[:3]
        held = e._encoded(e._rows(Xv, yv, wv, like=e.inputs_), learning=False)
    Z, T, w = e._encoded(rows, learning=False)
    Z = rows.kind.to_learn_from(Z, e.encoder_, e._seed)
    e._set_limits(T)
    _same_limits(e)
    validation = design.validation or None if held is None else held
    past = e._train_one(Z, T, w, min(design.batch_size, total), {
        "loss": e._loss(), "optimizer": e.optimizer or design.optimizer(), "epochs": design.epochs,
        "validation": validation, "sample_weight": w, "seed": e._seed, "early_stopping": design.patience,
        "progress": bool(e.verbose), "callbacks": e.callbacks,
        "time_limit": None if e.time_limit is None else max(0.0, e.time_limit - (time.perf_counter() - began)),
        "monitor": "loss" if validation is None else e._monitor(), "own_rows": True, **runs_on(e)})
    e.history_ = e.run_.history
    every = None if past.held_out is None else _of_all(team, answered(e, past.held_out))
    fitted, said = shared(lambda: _asked(e, OutOfFold(past.data, past.rows, every)))
    vars(e).update(fitted)
    vars(design).update(said)
    return e


def _refuse(estimator: Any) -> None:
    """Raise ArgumentError for what cannot be had where nobody has all rows."""
    way, _ = asked_split(estimator.split, f"split is {estimator.split!r}")
    if estimator.devices is None:
        raise ArgumentError('fit_own_rows shares each batch among processes: give engine="xla", devices="all".')
    if estimator.exact:
        raise ArgumentError("exact=True gives the same bits on any number of processes, and rows that one process has "
                            "cannot go to another: leave it out of fit_own_rows.")
    if way not in ("auto", "random"):
        raise ArgumentError(f"split={estimator.split!r} looks at all rows together, and no process has them: give "
                            "fit_own_rows rows that were not learnt from, validation=(Xv, yv).")


# ---- what all rows say ----------------------------------------------------------------------------------------------


def _sample(team: Team, rows: Rows, total: int) -> Rows:
    """Draw as large a share of every process's rows, and bring them together."""
    count = max(1, round(min(1.0, ROWS_OF_ALL / total) * len(rows)))
    drawn = stream(team.rank, "sample of own rows", len(rows)).permutation(len(rows))[:count]
    some = rows.take(np.sort(drawn))
    parts = gathered((some.X, some.y, np.ones(count) if some.weights is None else some.weights))
    X, y, weights = zip(*parts, strict=True)
    some.X, some.y, some.weights, some.of = _joined(X), _joined(y), none_if_equal(np.concatenate(weights)), total
    return some


def _joined(parts: tuple[Any, ...]) -> Any:
    """Put rows of several processes under each other."""
    if all(is_frame(part) or hasattr(part, "iloc") for part in parts):
        import pandas as pd

        columns = [[str(name) for name in getattr(part, "columns", ())] for part in parts]
        if differ := next((k for k, names in enumerate(columns) if names != columns[0]), 0):
            raise DataError(f"the parts have different columns: rank 0 has {columns[0]}, rank {differ} has "
                            f"{columns[differ]}.")
        return pd.concat(parts, ignore_index=True)
    arrays = [np.asarray(part) for part in parts]
    if len({a.shape[1:] for a in arrays}) > 1:
        raise DataError(f"the parts have rows of different shapes: {', '.join(str(a.shape[1:]) for a in arrays)}.")
    return np.concatenate(arrays)


def _classes(estimator: Any, rows: Rows) -> np.ndarray | None:
    """The labels that any process has, where there is one a row: the sample may lack rare ones."""
    values = as_target(rows.y)[0]
    one_a_row = is_classifier(estimator) and values.ndim == 1
    every = gathered(list(dict.fromkeys(values.tolist())) if one_a_row else None)
    if any(labels is None for labels in every):
        return None
    return np.asarray(list(dict.fromkeys(label for labels in every for label in labels)))


def _begun(estimator: Any, sample: Rows, classes: np.ndarray | None) -> dict[str, Any]:
    """Let the first process begin: what its estimator then has, all get."""
    estimator._begin(sample, classes, whole=False)
    if is_classifier(estimator):
        calibration.announce(estimator)
    return {name: value for name, value in vars(estimator).items()
            if name == "_seed" or (name.endswith("_") and not name.startswith("_"))}


def _asked(estimator: Any, past: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Let the first process learn how sure the network may be, and what its design says of it."""
    estimator._ask_held_back(past)
    design = estimator.design_
    return ({name: vars(estimator)[name] for name in ASKED if name in vars(estimator)},
            {"calibration": design.calibration, "decision": design.decision, "reasons": design.reasons})


def _weigh_classes(estimator: Any, rows: Rows) -> None:
    """Weigh classes by how often they are in all processes."""
    if getattr(estimator, "class_weight", None) is None:
        return
    codes = estimator.target_encoder_.transform(rows.y, np.float64).astype(np.intp)
    own = np.bincount(codes, rows.weights, len(estimator.classes_)).astype(np.float64)
    every = np.sum(gathered(own), axis=0)
    estimator._factors = class_factors(every, estimator.class_weight, estimator.classes_, np.arange(len(every)))


def _same_limits(estimator: Any) -> None:
    """Let a regressor's predictions lie in the range of all processes' targets."""
    if hasattr(estimator, "limits_"):
        every = np.array(gathered(estimator.limits_))
        estimator.limits_ = np.stack([every[:, 0].min(0), every[:, 1].max(0)])


def _of_all(team: Team, held: Held) -> Held:
    """The answers for the rows that all processes held back."""
    weight = np.ones(len(held)) if held.weight is None else np.asarray(held.weight, np.float64)
    with team.together("asking the rows held back"):
        z, y, weight = (team.rows_of_all(part) for part in (held.z, held.y, weight))
    return Held(z, y, None if (weight == weight[0]).all() else weight)
