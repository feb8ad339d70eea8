"""A study: the problem in a file trained, scored and explained, step by step. What it finds is in `found`."""

from __future__ import annotations

import re
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..data.judgement import judged_by
from ..data.limits import (
    DIAGNOSED,
    FEWEST_OF_RIVALS,
    MANY_CLASSES,
    MOST_DRAWN,
    MOST_MISTAKES,
    MOST_POINTS,
    MOST_RANKED,
    MOST_SHUFFLED,
    SMALL_TABLE,
    WORTH_DIAGNOSING,
)
from ..distributed.team import current
from ..errors import ArgumentError, DataError, TrainingError
from ..nn import Ensemble, WithLinear
from ..report import verdict
from ..report.decisions import decision
from ..report.findings import ColumnFacts, Findings, Score
from ..report.inside import inside
from ..report.places import places
from ..report.scores import confusions, measure, measure_outputs
from ..report.sureness import sureness
from ..report.verdict import Answer
from ..text import duration, listed
from . import doubts
from .answers import answers, decided
from .later import loading
from .options import FitOptions, ReadOptions
from .problem import Problem, read
from .rows import in_file
from .split_problem import SplitProblem

PARTS = ("training", "validation", "test")
#: Options that do what a finding's change does, and the change.
OPTIONS = (("--epochs", r"epochs = (\d+)"), ("--lr", r"optimizer = ct\.optim\.\w+\((?:[\w.]+\()?([\d.e-]+)\b.*"))


class Study(SplitProblem):
    """`design`, `train`, `score` and `explain`, in this order; each adds to `found`."""

    def __init__(self, problem: Problem, options: FitOptions, seconds: dict[str, float] | None = None) -> None:
        began, seconds = time.perf_counter(), dict(seconds or {})
        super().__init__(problem, options)
        if self.said:
            seconds["looking how rows belong together"] = time.perf_counter() - began
        notes = list(problem.notes)
        if problem.kind.name == "table" and problem.width > MOST_RANKED:
            notes.append(f"above {MOST_RANKED:,} columns, which of them matter is not looked at, and rivals only with "
                         "--rivals")
        self.found = Findings(
            problem.source, problem.rows, problem.width, [], problem.target_facts(), problem.task,
            without_target=problem.without_target, notes=notes, divided=self.how,
            seconds=seconds, settings=options.chosen(), versions=versions(),
            date=time.strftime("%Y-%m-%d %H:%M"), inputs=problem.kind.name, many=problem.kind.many,
            extent=problem.extent, reading=problem.reading, learnt=len(self.parts[0]), remarks=list(self.said),
        )

    # ---- design and training -----------------------------------------------------------------------------------------
    def design(self) -> None:
        """Fit the encoders and decide on network and training, without training yet."""
        with timed(self.found.seconds, "encoding"):
            self.estimator = self._estimator()
            X, y = self.rows(0)
            with in_file(self.problem.path, y.index):
                self._data = self.estimator.prepare(self._named(X), y)
            self.estimator.target_encoder_.names = list(self.problem.targets)
        found, design = self.found, self.estimator.design_
        if self.options.lr is not None:
            how = "as asked: found before training, by rates that rise until the loss diverges"
            design.lr = self.options.lr
            design.reasons["optimizer"] = how if design.lr == "auto" else "as asked"
        encoder = self.estimator.encoder_
        found.columns = [ColumnFacts(c.name, c.kind, c.gaps, c.distinct, c.example, c.how)
                         for c in getattr(encoder, "columns", ())]
        found.facts = self._facts(encoder)
        found.notes += self.estimator.target_encoder_.notes
        if self.problem.kind.name == "table":
            found.notes += encoder.notes()
        self.tell_design()
        found.network = titled(self.estimator.model_, design.kind)
        found.notes += doubts.notes(self)
        with timed(found.seconds, "looking for leaks"):
            found.remarks += doubts.leaks(self, X, y)

    def train(self, progress: bool, checkpoint: Path | None = None) -> None:
        """Run ct.fit; Ctrl-C ends it early and the best weights so far stay. checkpoint: a folder to go on from."""
        self.estimator.verbose = progress
        began = time.perf_counter()
        try:
            with in_file(self.problem.path, self.rows(1)[1].index):  # those of training were read by `design`
                self.estimator.train(self._data, began, checkpoint)
        except TrainingError as error:
            if (team := current()) is not None and team.watch.lost:
                raise
            raise TrainingError(f"{error} The network diverged and is not written. Try a lower --lr.") from None
        run = self.estimator.run_
        self.found.seconds["encoding"] += time.perf_counter() - began - run.seconds - run.compiling
        if run.compiling > 0.1:
            self.found.seconds["compiling kernels (once)"] = run.compiling
        self.found.seconds["training"] = run.seconds
        if self.problem.kind.name == "table" and not (len(self.parts[1]) or self.problem.classifies):
            from ..estimators.crossed import crossed

            with timed(self.found.seconds, "asking networks of fewer rows how far off they are"):
                self.estimator.intervals_ = crossed(self.estimator)  # a file holds no rows to learn them from later
        history = run.history.columns()
        self.found.history = {name: history[name].tolist() for name in ("loss", "val_loss") if name in history}
        self.found.best_epoch = int(run.best_epoch) if len(self.parts[1]) else 0
        self.found.training = training_words(run, kept=bool(len(self.parts[1])))
        if run.lr_found is not None or self.estimator.design_.calibration:
            self.tell_design()

    def tell_design(self) -> None:
        """Say each choice of the design as it stands now, with its reason."""
        self.found.design = [self._own_words(list(row)) for row in self.estimator.design_.table()]

    @property
    def interrupted(self) -> bool:
        return self.estimator.run_.stopped == "interrupted"

    def _estimator(self) -> Any:
        from ..estimators import Classifier, Regressor

        options, kind = self.options, Classifier if self.problem.classifies else Regressor
        weights: dict[str, Any] = {} if options.class_weight is None else {"class_weight": options.class_weight}
        if weights and self.problem.task not in ("binary", "multiclass"):
            raise ArgumentError(f"--class-weight is for a target of classes, one a row, and this is "
                                f"{self.problem.task}: leave it out.")
        network: Any = {"hidden": None if options.hidden is None else list(options.hidden), "augment": options.augment}
        network = {name: value for name, value in network.items() if value is not None} | (options.network or {})
        if options.monitor not in (None, *kind.monitors):
            raise ArgumentError(f"--monitor {options.monitor}: for this target give {', '.join(kind.monitors)}.")
        if options.monitor is not None and not len(self.parts[1]):
            raise ArgumentError("--monitor scores rows that are not learnt from, and these are too few to hold some "
                                "back: leave it out.")
        losses = kind.losses_for.get(self.problem.task, ())
        if losses and options.loss not in (None, *losses):
            raise ArgumentError(f"--loss {options.loss}: for this target give {', '.join(losses)}.")
        if options.positive is not None:
            self._check_positive()
            weights |= {"positive": options.positive, "threshold": options.threshold}
        own = weights | ({} if options.quantiles is None else {"quantiles": options.quantiles})
        return kind(
            monitor=options.monitor or "loss", network=network or "auto", loss=options.loss,
            epochs=options.epochs, batch_size="auto" if options.batch_size is None else options.batch_size,
            time_limit=options.time_limit, random_state=options.seed, threads=options.threads,
            precision=options.precision, engine=options.engine or "cpu", device=options.device, devices=options.devices,
            exact=bool(options.exact), columns=self.problem.columns or None, preset=options.preset or "default",
            validation=self.rows(1) if len(self.parts[1]) else None, **own,
        )

    def _check_positive(self) -> None:
        """Refuse --positive and --threshold where they mean nothing, before anything is learnt."""
        if self.problem.task not in ("binary", "multiclass"):
            raise ArgumentError(f"--positive is for a target of classes, one a row, and this is {self.problem.task}: "
                                "leave it out.")
        if self.options.threshold == "f1" and not len(self.parts[1]):
            raise ArgumentError("--threshold f1 is found on rows that are not learnt from, and these are too few to "
                                "hold some back: give a probability, or cost=FP:FN.")

    def _own_words(self, row: list[str]) -> list[str]:
        """Add to a row of the design what the study knows: why this task, how many rows are held back."""
        if row[0] == "task":
            return [*row[:2], self.problem.reason]
        if row[0] != "validation":
            return row
        many = self.problem.kind.many
        if not len(self.parts[1]):
            few = f"few {many}: all that are not for the test are learnt from, to the last epoch"
            return [row[0], "none", few]
        patience = self.estimator.design_.patience
        stop = f", patience {patience} epochs" if patience else ""
        reason = f"{many} that are not learnt from show when to stop; the best weights are kept"
        return [row[0], f"{len(self.parts[1]):,} {many}{stop}", reason]

    def _named(self, X: Any) -> Any:
        """Give sequences their features' names."""
        from ..data import Series

        return Series(X, None, "", self.problem.features) if self.problem.features else X

    def _facts(self, encoder: Any) -> list[list[str]]:
        """Say what was learnt about images and sequences, for the section on the data."""
        if self.problem.kind.name == "table":
            return []
        lines = encoder.describe()
        lines = [lines] if isinstance(lines, str) else lines
        facts = [[self.problem.kind.name if i == 0 else "", line] for i, line in enumerate(lines)]
        names = self.problem.features or []
        return facts + [["features", listed(names, 8)]] * (len(names) > 1)

    # ---- scores ------------------------------------------------------------------------------------------------------
    def score(self) -> None:
        """Score network and linear model on the rows of each part."""
        from ..estimators import baseline

        with timed(self.found.seconds, "linear model"):
            self.linear = baseline(*self.rows(0), like=self.estimator)
        self.found.linear = self.linear.name
        with timed(self.found.seconds, "scoring"):
            for i, part in enumerate(PARTS):
                if len(self.parts[i]):
                    with in_file(self.problem.path, self.rows(i)[1].index):
                        self._score_part(part, *self.rows(i))

    def _score_part(self, part: str, X: Any, y: Any) -> None:
        task, classes, y = self.problem.task, getattr(self.estimator, "classes_", None), np.asarray(y)
        ours, linear = answers([self.estimator, self.linear], X, self.problem.classifies)
        if self._cut:  # both say the class from one probability on
            linear = decided(self.estimator, *linear, self._cut), linear[1]
        models = [Answer("the network", *ours), Answer("the linear model", *linear)]
        simple = self._simple(part, y, classes)
        uneven = self.judged_by == "ROC AUC" or bool(self._cut)
        many = classes is not None and len(classes) > MANY_CLASSES
        scores = [measure(task, y, one.predicted, one.probability, classes, uneven) for one in [*models, *simple]]
        scored = Score(part, len(y), *scores[:2])
        if simple and (self.problem.forecasts or uneven or many):
            best = 2 + self._best(scores[2:])
            scored.simple, self.found.simple = scores[best], simple[best - 2].name
        self.found.scores.append(scored)
        if part == "test":
            self._tell_test(X, y, models, simple, classes)

    @property
    def _cut(self) -> dict[int, float]:
        """The place of the class that is said from a probability on, and that probability; none unless asked."""
        model = self.estimator
        if getattr(model, "threshold_", None) is None:
            return {}
        return {model.classes_.tolist().index(model.positive_): model.threshold_}

    @staticmethod
    def _best(scores: list[dict[str, float | None]]) -> int:
        """Choose the simple answer with the highest R² (the first score)."""
        first = [next(iter(one.values())) for one in scores]
        return int(np.argmax([-np.inf if value is None else value for value in first]))

    def _simple(self, part: str, y: np.ndarray, classes: Any) -> list[Answer]:
        """Score answers that cost nothing: for forecasts the last value and the season, else always the same answer."""
        rows = self.parts[PARTS.index(part)]
        if not self.problem.forecasts:
            learnt = np.asarray(self.problem.y.iloc[self.parts[0]])
            return [verdict.constant_answer(self.problem.task, y, learnt, classes)]
        from ..data.naive import naive_forecasts

        found = naive_forecasts(self.problem.time, self.parts[0], rows)
        return [Answer(name, guess.reshape(y.shape)) for name, guess in found.items()]

    def _tell_test(self, X: Any, y: np.ndarray, models: list[Answer], simple: list[Answer], classes: Any) -> None:
        """Tell everything that the test rows say: the verdict, doubts, and pictures."""
        found, problem, ours = self.found, self.problem, models[0]
        found.verdict = verdict.sentence(problem.task, y, [*models, *simple], classes,
                                         table=problem.kind.name == "table", ahead=problem.reading.get("horizon", 0),
                                         small=len(self.parts[0]) <= SMALL_TABLE, ranks=bool(self._cut))
        if classes is not None:
            found.decision = decision(self.estimator, y, ours.probability, models[1].probability,
                                      self.judged_by == "ROC AUC")
        found.remarks += doubts.of_the_test(self, X, y, models, classes)
        found.sureness = sureness(self.estimator, X, y, ours.predicted, ours.probability)
        if problem.forecasts:
            scores = [measure(problem.task, y, one.predicted, None, None) for one in simple]
            found.forecast = self._last_forecast(y, [*models, simple[self._best(scores)]])
        if problem.kind.name == "images" and classes is not None:
            from ..report.pictures import pictures

            found.pictures = pictures(X, y, ours.predicted, ours.probability)
            found.mistakes = mistakes(X.names, y, ours.predicted, ours.probability)
        if len(problem.targets) > 1:
            each = [measure_outputs(problem.task, y, one.predicted, one.probability) for one in [*models, *simple]]
            best = each[2 + self._best([measure(problem.task, y, one.predicted, None, None) for one in simple])] \
                if problem.forecasts else [{} for _ in problem.targets]
            found.outputs = [Score(name, len(y), *trio)
                             for name, *trio in zip(problem.targets, each[0], each[1], best, strict=True)]
        elif classes is None:
            step = -(-len(y) // MOST_POINTS)
            found.scatter = {"true": y[::step].astype(float).tolist(), "predicted": ours.predicted[::step].tolist()}
        else:
            found.confusion = confusions(y, ours.predicted, classes)

    def _last_forecast(self, y: np.ndarray, answers: list[Answer]) -> dict[str, list[float | None]]:
        """Find the last forecast of the test rows, and what was known then; with one step each, the last few."""
        if y.ndim == 1:
            known, rows = np.zeros(0), np.arange(max(0, len(y) - MOST_DRAWN), len(y))
        else:
            window = self.problem.time[self.parts[2][-1:]]
            place = (self.problem.features or []).index(self.problem.reading["forecast"])
            known, rows = window.X[0, -max(2 * y.shape[1], MOST_DRAWN // 2) :, place], np.array(len(y) - 1)
        names = ("network", "linear", "simple")
        drawn = {"history": known, "truth": y[rows]} | {
            name: one.predicted[rows] for name, one in zip(names, answers, strict=True)
        }
        return {name: [None if np.isnan(v) else v for v in np.asarray(part, float).tolist()]
                for name, part in drawn.items()}

    def explain(self) -> None:
        """Find the columns that matter, by shuffling each on the test rows (a few thousand rows are enough)."""
        from ..estimators import permutation_importance

        if len(self.parts[2]) < 2 or self.problem.kind.name != "table" or self.problem.width > MOST_RANKED:
            return
        X, y = self._some_of_the_test()
        unit = judged_by(self.problem.task, np.asarray(y))
        if not unit:  # all rows have one target: nothing can cost anything
            return
        with timed(self.found.seconds, "scoring"):
            ranked = permutation_importance(self.estimator, X, y, seed=self.options.seed)
        self.found.importance = [(one.column, one.drop, one.deviation) for one in ranked]
        self.found.importance_unit = unit
        self.found.importance_rows = len(y)

    def look_inside(self, wanted: bool) -> None:
        """Find what the columns that matter do, and what moved some of the test rows, if wanted."""
        if wanted and self.found.importance:
            with timed(self.found.seconds, "what the columns do"):
                self.found.inside = inside(self.estimator, *self._some_of_the_test(), self.rows(0)[0],
                                           [name for name, drop, _ in self.found.importance if drop > 0])
        if wanted and self.problem.kind.name == "sequences" and not self.problem.forecasts:
            with timed(self.found.seconds, "where it looks"):
                self.found.places = places(self.estimator, *self.rows(2))

    def _some_of_the_test(self) -> tuple[Any, Any]:
        """Take test rows, evenly spread, as many as are looked at one by one."""
        X, y = self.rows(2)
        step = -(-len(y) // MOST_SHUFFLED)
        return X.iloc[::step], y.iloc[::step]

    def compare(self, wanted: bool, asked: bool = False) -> None:
        """Compare network, linear model, boosting or nearest neighbour, and their mean, on folds of the rows to learn
        from, if wanted.

        Of very many columns that takes minutes, and is done only where it was asked for.
        """
        problem = self.problem
        if problem.width > MOST_RANKED and not asked:
            return
        if not wanted or problem.forecasts or problem.kind.name == "images" or len(self.parts[0]) < FEWEST_OF_RIVALS:
            return
        from ..estimators import compare

        learnt = self.parts[0]
        group, time_ = (None if by is None else by.iloc[learnt] for by in (problem.group, problem.time))
        try:
            with timed(self.found.seconds, "rivals"):
                rivals = compare(*self.rows(0), self.estimator, groups=group, time=time_, seed=self.options.seed)
        except DataError as reason:  # a class, a group or a moment that no fold can do without
            self.found.notes.append(f"rivals are not compared: {reason}")
            return
        head, *_ = str(rivals).splitlines()
        self.found.rivals = {"about": f"{head}, of those to learn from", "score": rivals.by,
                             "cells": [list(row) for row in rivals.cells()], "sentence": rivals.sentence}

    def diagnose(self, wanted: bool) -> None:
        """Find what is wrong with the network or its training. If not wanted, only where that takes next to no time."""
        run = self.estimator.run_
        if run.epochs_done and (wanted or run.seconds >= WORTH_DIAGNOSING):
            from ..inspect import diagnose

            with timed(self.found.seconds, "diagnosis"):
                diagnosis = diagnose(self.estimator, rows=DIAGNOSED)
            known = {finding.name for finding in self.found.remarks}
            self.found.diagnosis = [commanded(f) for f in diagnosis.findings if f.name not in known]
            self.found.checked = diagnosis.checked


@contextmanager
def timed(seconds: dict[str, float], name: str):
    """Add the seconds that the block takes to those of a part."""
    began = time.perf_counter()
    yield
    seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - began


def begin(options: FitOptions, path: Path, asked: ReadOptions) -> Study:
    """Begin the study of a file or folder, read as asked."""
    seconds: dict[str, float] = {}
    with timed(seconds, "loading libraries"), loading():
        import pandas  # noqa: F401

        from .. import estimators  # noqa: F401
    with timed(seconds, "reading"):
        problem = read(path, asked, options.test if isinstance(options.test, Path) else None)
    if options.augment is not None and problem.kind.name != "images":
        raise ArgumentError(f"--augment varies images, and {path.name} holds none. Leave it out.")
    study = Study(problem, options, seconds)
    study.found.settings = asked.chosen() | study.found.settings
    return study


def mistakes(names: list[str], y: np.ndarray, predicted: np.ndarray, probability: Any) -> list[list[str]]:
    """Find images taken for another class, (file, truth, prediction, its probability), the surest first."""
    wrong = np.flatnonzero(y != predicted)
    sure = probability.max(axis=1)
    wrong = wrong[np.argsort(-sure[wrong], kind="stable")][:MOST_MISTAKES]
    return [[names[i], str(y[i]), str(predicted[i]), f"{sure[i]:.2f}"] for i in wrong]


def titled(model: Any, kind: str) -> str:
    """Write a network in a line: its repr, or where that takes several lines, its kind and size."""
    words = {"cnn": "a convolutional network", "recurrent": "a recurrent network"}.get(kind, type(model).__name__)
    if kind == "mlp" and isinstance(model, Ensemble):
        words = f"{len(model.networks)} multilayer perceptrons side by side"
    if kind == "fcn":
        inner = next((layer for _, layer in model.named_modules() if isinstance(layer, Ensemble)), None)
        words = "a convolutional network" if inner is None else (
            f"{len(inner.networks)} convolutional networks side by side")
        words += " and random convolutions" if isinstance(model, WithLinear) else ""
    text = repr(model)
    return text if "\n" not in text else f"{words}, {sum(p.size for p in model.parameters()):,} parameters"


def commanded(finding: Any) -> Any:
    """Add to a finding what to write on the command line, where its change has an option.

    >>> from cutaway.inspect import Finding
    >>> change = "optimizer = ct.optim.AdamW(ct.optim.schedules.cosine(0.0003), weight_decay=0.01)"
    >>> commanded(Finding("learning rate too high", "serious", "", change, "")).command
    '--lr 0.0003'
    """
    for option, pattern in OPTIONS:
        if not finding.command and (match := re.fullmatch(pattern, finding.change)):
            finding.command = f"{option} {match[1]}"
    return finding


def training_words(run: Any, kept: bool) -> str:
    """Say how training went, in a sentence or two."""
    if not run.epochs_done:
        return f"Training stopped within its first epoch ({run.stopped}): the network has learnt next to nothing."
    why = "" if run.stopped.startswith("all ") else f": {run.stopped}"  # "3 of 3" says that they are all done
    text = f"{run.epochs_done} of {run.epochs} epochs in {duration(run.seconds)}{why}."
    if run.lr_found is not None:
        text = f"A highest learning rate of {run.lr_found:g} was found first. {text}"
    return text + (f" The weights of epoch {run.best_epoch} were kept." if kept and run.best_epoch else "")


def versions() -> dict[str, str]:
    """List the versions of what this ran on."""
    import platform
    from importlib.metadata import version

    names = ("cutaway", "numpy", "llvmlite", "scikit-learn", "pandas")
    return {"python": platform.python_version()} | {name: version(name) for name in names}


