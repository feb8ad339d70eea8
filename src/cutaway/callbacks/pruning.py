"""Pruning: an Optuna trial hears of each epoch, and is given up where others were better by then."""

from __future__ import annotations

import math
from typing import Any

from ..errors import ArgumentError
from ..extras import needed
from ..train import Ended, Event, Run, Started
from ..train.monitor import WAYS


class Pruning:
    """Reports each epoch's score to an Optuna trial, and ends the training of one that Optuna's pruner gives up.

    trial: Optuna's. monitor: the column of the history that is reported, such as "val_accuracy"; "val_loss" if None,
    "loss" without validation. Epochs are steps from 0, as Optuna's pruners take them. Steps that the trial knows
    already, of a run before this one that it goes on from or of another fold, are not reported again.

    Raises optuna.TrialPruned once training is over, for a trial that was given up (Optuna then takes its last reported
    score, not its best, for its value), and for one whose numbers left the finite ones. Ctrl-C ends the study: the
    trial counts as failed. Raises ArgumentError before training for a study with several objectives, or one that
    maximizes where the score gets better by falling, or the other way round.

    Needs the package optuna: pip install "cutaway[optuna]". A copy of it has the same trial.
    """

    words = "pruned: other trials were better at this epoch"

    def __init__(self, trial: Any, monitor: str | None = None) -> None:
        needed("optuna", "optuna", "pruning")
        if not callable(getattr(trial, "should_prune", None)):
            raise ArgumentError(f"trial must be Optuna's, which its study hands to the objective, got {trial!r}")
        self.trial, self.monitor, self._known = trial, monitor, -1

    def __call__(self, event: Event) -> None:
        optuna, run = needed("optuna", "optuna", "pruning"), event.run
        if isinstance(event, Started):
            self._check(run)
            study = getattr(self.trial, "study", None)  # a FixedTrial has none
            told = study.get_trials(deepcopy=False)[self.trial.number].intermediate_values if study else {}
            self._known = max(told, default=-1)
        elif isinstance(event, Ended):
            if run.stopped == "interrupted":
                raise KeyboardInterrupt
            if run.trouble or run.stopped == self.words:
                raise optuna.TrialPruned(run.trouble or f"{run.stopped}, {run.epochs_done}")
        else:
            column = self._column(run)
            if column not in event.row:
                raise ArgumentError(f"monitor is {column!r}, and the history has {', '.join(event.row)}: name one of "
                                    "these, or let training score it, as monitor= or metrics= do.")
            score = event.row[column]
            if event.epoch - 1 > self._known and math.isfinite(score):
                self.trial.report(score, event.epoch - 1)
                if self.trial.should_prune():
                    run.stop(self.words)

    def _column(self, run: Run) -> str:
        scored = run.past is not None and run.past.held_out is not None
        return self.monitor or ("val_loss" if scored else "loss")

    def _check(self, run: Run) -> None:
        directions = getattr(getattr(self.trial, "study", None), "directions", ())
        if len(directions) > 1:
            raise ArgumentError(f"the study has {len(directions)} objectives, and Optuna prunes by one alone: leave "
                                "out Pruning, or make a study with one direction.")
        column = self._column(run)
        way = "max" if column.endswith("_accuracy") else WAYS.get(column.removeprefix("val_"))
        for direction in directions:
            if way is not None and direction.name[:3].lower() != way:
                other = '"val_loss"' if way == "max" else '"val_accuracy"'
                raise ArgumentError(f"the study is to {direction.name.lower()}, and {column} gets better by "
                                    f"{'rising' if way == 'max' else 'falling'}: name another, monitor={other} say, or "
                                    "turn the study's direction.")

    def __deepcopy__(self, memo: dict) -> Pruning:
        return Pruning(self.trial, self.monitor)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pruning) and (self.trial, self.monitor) == (other.trial, other.monitor)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Pruning(trial {self.trial.number}{f', {self.monitor!r}' if self.monitor else ''})"
