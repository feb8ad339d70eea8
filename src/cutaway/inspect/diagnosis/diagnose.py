"""ct.diagnose: what is wrong with a network or its training, in numbers, each with one change that should mend it."""

from __future__ import annotations

import copy
import operator
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ... import losses, random
from ...arguments import whole_number
from ...data.judgement import copied
from ...errors import ArgumentError, CutawayError, TrainingWarning
from ...optim import Optimizer
from ...program import State
from ...shown import Shown
from ...text import printable
from ...train.events import EpochEnded
from ...train.feeding import Data, as_arrays, target, weights_of
from ...train.fit import fit
from ...train.run import Run
from ..reading import names_of, network_of, refuse_several
from .evidence import Evidence
from .finding import SERIOUS, Diagnosis, Finding, Proof
from .symptoms import SYMPTOMS


def diagnose(run_or_model: Any, X: Any = None, y: Any = None, loss: str | Callable | None = None,
             optimizer: Optimizer | None = None, validation: tuple | None = None, sample_weight: Any = None,
             rows: int = 1000, prove: bool | int = False) -> Diagnosis:
    """Find what is wrong: findings with evidence, the step each began at, and one change that should mend it.

    >>> import cutaway as ct
    >>> X, y = ct.datasets.make("moons", n=200, seed=0)
    >>> run = ct.fit(ct.nn.MLP(2, [16], 2).init(0), 1000 * X, y, loss="cross_entropy", epochs=3)
    >>> ct.diagnose(run)["unscaled inputs"].where
    ['column 0', 'column 1']

    run_or_model: the run that `ct.fit` returned, which knows its data; a trained estimator; or a network, with X, y and
    loss (as `ct.fit` takes them; then what takes a run is not checked, and is listed). X, y: other rows to look at than
    the run's own; those that it held out do not count among them. validation: rows held out, (Xv, yv); a run knows its
    own. sample_weight: (n,). rows: at most so many, drawn by chance, are sent through the network:
    a few milliseconds for a small one. For a finding the steps between two snapshots of the run are done again, to find
    when it began: a tenth of the training at most. prove: train without and with each change, from the same first
    weights, seed and data, for so many epochs (True: 20, or those of the run if fewer). The run and the model stay as
    they are. Raises ArgumentError for a network without data.
    """
    rows = whole_number("rows", rows)
    e = _evidence(run_or_model, X, y, loss, optimizer, validation, sample_weight, rows)
    found = examined(e)
    if prove and found:
        epochs = 20 if prove is True else int(prove)
        found.findings = [f if f.follows else replace(f, proof=proved(e, f, epochs)) for f in found]
    return found


def examined(e: Evidence) -> Diagnosis:
    """Look at every symptom that the evidence suffices for."""
    findings: list[Finding] = []
    checked: dict[str, None] = {}
    unchecked: dict[str, str] = {}
    with np.errstate(all="ignore"):  # numbers that are not finite are symptoms
        for symptom in SYMPTOMS:
            lack = next((why for why in map(e.lacks, symptom.needs) if why is not None), None)
            if lack:
                unchecked[symptom.name] = str(lack)
            elif lack is None:
                checked[symptom.name] = None
                cause = next((f.name for f in findings if f.name in symptom.after and not f.follows), "")
                findings += [replace(f, follows=cause) for f in symptom.look(e)]
    grave = {f.follows for f in findings if f.severity == SERIOUS}
    findings = [replace(f, severity=SERIOUS) if f.name in grave else f for f in findings]
    unchecked = {name: why for name, why in unchecked.items() if name not in checked}
    return Diagnosis(findings, list(checked), unchecked, _about(e))


def _about(e: Evidence) -> str:
    kind = repr(e.model)
    kind = kind if "\n" not in kind else f"{type(e.model).__name__}, {e.model.theta.size:,} parameters"
    some = f"{len(e.sample):,} of " if len(e.sample) < len(e.learnt) else ""
    done = f" after {len(e.run.steps):,} steps ({e.run.epochs_done} epochs)" if e.run is not None else ""
    return f"{kind}{done}, looked at on {some}{len(e.learnt):,} rows"


def _evidence(given: Any, X: Any, y: Any, loss: Any, optimizer: Any, validation: Any, sample_weight: Any,
              rows: int) -> Evidence:
    run: Any = given if isinstance(given, Run) else getattr(given, "run_", None)
    names = _names(given)
    refuse_several(given)
    if not isinstance(given, Run) and hasattr(given, "encode"):
        network_of(given)  # says so if it is not trained
        X, y, sample_weight, validation, loss = _encoded(given, X, y, sample_weight, validation, loss)
    if run is not None and run.past is None:
        if loss is None and not (loss := run.loss):
            raise ArgumentError(
                "this run was copied or read from a pickle, which holds neither its data nor a loss of one's own: give "
                "loss=, the one that it was trained with."
            )
        run, given = None, run.model
    if run is None and (X is None or y is None):
        raise ArgumentError("a network is diagnosed on data: ct.diagnose(model, X, y, loss=...), or give the run")
    past: Any = None if run is None else run.past
    loss = losses.get(past.loss if past is not None else "mse" if loss is None else loss)
    optimizer = past.optimizer if past is not None and optimizer is None else optimizer
    classes, learnt = loss is losses.cross_entropy, None
    if X is not None and y is not None:
        data = Data(as_arrays(X), target(y, classes), weights_of(sample_weight, len(y)))
        learnt = None if past is None else _not_held_out(data, past)
    else:
        data, learnt = past.data, past.rows
    held_out = None if past is None else past.held_out
    if validation is not None:
        if not isinstance(validation, tuple | list) or len(validation) != 2:
            raise ArgumentError("validation must be (Xv, yv), rows that were not learnt from")
        held_out = Data(as_arrays(validation[0]), target(validation[1], classes))
    model = run.model if run is not None else network_of(given)
    owner = given if hasattr(given, "encoder_") else None
    return Evidence(model, data, loss, optimizer, run, held_out, names, rows, learnt, owner)


def _not_held_out(data: Data, past: Any) -> np.ndarray | None:
    """Find which of these rows a run did not hold out; None for all: it held out none, or it held out all of these."""
    if past.held_out is None or data.on_disk or past.held_out.on_disk:  # rows on the disk are not compared
        same = map(operator.is_, data.inputs.arrays.values(), past.data.inputs.arrays.values())
        return past.rows if all(same) else None
    own, given = (list(part.inputs.arrays.values()) for part in (past.held_out, data))
    if [part.shape[1:] for part in own] != [part.shape[1:] for part in given]:
        return None
    left = np.flatnonzero(~copied(own, given))
    return left if len(left) else None


def _encoded(estimator: Any, X: Any, y: Any, sample_weight: Any, validation: Any, loss: Any) -> tuple:
    """Encode raw rows, and rows held out, as the estimator's network takes them; loss: the estimator's if None."""
    encoded = None if X is None or y is None else estimator.fit_arguments(X, y, sample_weight)
    held = None
    if isinstance(validation, tuple | list) and len(validation) == 2:
        held = estimator.fit_arguments(*validation)
        validation = held["X"], held["y"]
    any_rows = encoded or held
    loss = any_rows["loss"] if loss is None and any_rows is not None else loss
    X, y, w = (None, None, None) if encoded is None else (encoded["X"], encoded["y"], encoded["sample_weight"])
    return X, y, w, validation, loss


def _names(given: Any) -> list[str] | None:
    names = names_of(given)
    return None if names is None else [printable(name) for name in names]


# ---- proof -----------------------------------------------------------------------------------------------------------


def proved(e: Evidence, finding: Finding, epochs: int) -> Proof | None:
    """Train without and with a finding's change; None where that cannot be done (layers of a user's own)."""
    before, after = _arguments(e, epochs), _arguments(e, epochs)
    namespace = {"ct": sys.modules["cutaway"], "np": np, **after}
    try:
        with random.undisturbed():
            exec(finding.change, namespace)  # the text that is shown is what is proved
            after = {name: namespace[name] for name in after}
            first, second = _trained(before), _trained(after)
    except (CutawayError, ValueError, TypeError, AttributeError, LookupError, NameError):
        return None
    gone = not any(f.name == finding.name and set(f.where) == set(finding.where) for f in examined(second))
    return Proof(after["epochs"], _outcome(first), _outcome(second), gone)


def _arguments(e: Evidence, epochs: int) -> dict[str, Any]:
    """Collect `ct.fit`'s arguments for doing this training once more from its first weights."""
    model, past, run = copy.deepcopy(e.model), e.past, e.run
    if past is not None and past.snapshots:
        State(model).put(past.snapshots[0])
    data = e.data if past is None else past.data.rows(past.rows)
    held = e.held_out
    return {
        "model": model, "X": data.inputs.as_given(), "y": data.y, "sample_weight": data.weight, "loss": e.loss,
        "optimizer": e.optimizer, "epochs": min(epochs, run.epochs_done or epochs) if run is not None else epochs,
        "batch_size": 32 if past is None else past.batch_size, "seed": 0 if past is None else past.seed,
        "shuffle": past is None or past.shuffle, "drop_last": past is not None and past.drop_last,
        "Xv": None if held is None else held.inputs.as_given(), "yv": None if held is None else held.y,
    }


def _trained(arguments: dict[str, Any]) -> Evidence:
    """Train, and collect the evidence of the last weights."""
    options = dict(arguments)
    Xv, yv = options.pop("Xv"), options.pop("yv")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TrainingWarning)  # that it breaks off may be the finding
        run = fit(**options, progress=False)
    held = None if Xv is None else Data(Xv, yv)
    past = run.past
    return Evidence(run.model, past.data, past.loss, past.optimizer, run, held)


def _outcome(e: Evidence) -> dict[str, float]:
    found = {"loss": e.loss_now}
    if np.isfinite(e.constant):
        found["share"] = e.share
    if e.held_out is not None:
        found["held-out loss"] = e.loss_held_out
    return found


# ---- while training --------------------------------------------------------------------------------------------------


class Watch(Shown):
    """A callback that diagnoses a run while it trains, and tells what is new.

    >>> import cutaway as ct
    >>> X, y = ct.datasets.make("moons", n=200, seed=0)
    >>> watch = ct.inspect.Watch(every=1, tell=lambda finding: None)
    >>> run = ct.fit(ct.nn.MLP(2, [8], 2), 1000 * X, y, loss="cross_entropy", epochs=2, callbacks=[watch])
    >>> watch.findings[0].name
    'unscaled inputs'

    every: epochs between two looks. stop: end the training at a serious finding. tell: what is done with a new one,
    print unless given. findings: all so far, each once.
    """

    def __init__(self, every: int = 5, stop: bool = False, tell: Callable[[Finding], Any] = print) -> None:
        self.every, self.stop, self.tell = every, stop, tell
        self.findings: list[Finding] = []

    def __repr__(self) -> str:
        return f"Watch(every={self.every}, stop={self.stop}, {len(self.findings)} findings so far)"

    def __call__(self, event: Any) -> None:
        if not isinstance(event, EpochEnded) or event.epoch % self.every:
            return
        known = {(f.name, *f.where) for f in self.findings}
        new = [f for f in diagnose(event.run) if (f.name, *f.where) not in known]
        for finding in new:
            self.findings.append(finding)
            self.tell(finding)
        if self.stop and any(f.severity == SERIOUS for f in new):
            event.run.stop(f"{new[0].name}, found by Watch")
