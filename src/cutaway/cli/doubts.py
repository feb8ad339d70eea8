"""What makes a score doubtful: columns that give the target away, rows learnt from, and whom it does not see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.judgement import Telling, telling
from ..data.limits import MOST_COMPARED, MOST_LEAKS, MOST_LOOKED_AT, ROUNDED
from ..data.limits import MOST_COMPARED_NUMBERS as MOST_NUMBERS
from ..data.limits import MOST_FOR_LEAKS as MOST_COLUMNS
from ..data.limits import MOST_STEPS_FOR_LEAKS as MOST_STEPS
from ..report import verdict
from ..report.verdict import Answer
from .split_problem import SplitProblem

if TYPE_CHECKING:
    from ..inspect import Finding


def notes(study: SplitProblem) -> list[str]:
    """Say what is not looked at, since it would take too long: columns for leaks, training rows for copies."""
    problem, looked_at = study.problem, len(_compared(study))
    wide = problem.kind.name == "table" and problem.width > MOST_COLUMNS
    many = not problem.forecasts and len(study.parts[2]) and looked_at < len(study.parts[0])
    return [f"leaks are looked for in the first {MOST_COLUMNS:,} columns"] * wide + [
        f"whether test {problem.kind.many} are copies of {problem.kind.many} to learn from is looked at for the first "
        f"{looked_at:,} of these {len(study.parts[0]):,}"] * bool(many) + _twice(study)


def _twice(study: SplitProblem) -> list[str]:
    """Count test rows that stand in the table again, cell for cell and target, among the rows to learn from."""
    problem, known = study.problem, study.parts[0][:MOST_COMPARED]
    if problem.kind.name != "table" or not len(study.parts[2]) or problem.width > MOST_COLUMNS:
        return []
    from pandas.util import hash_pandas_object

    keys = []
    for (X, _), rows in ((study.rows(0), known), (study.rows(2), study.parts[2][:MOST_COMPARED])):
        try:
            cells, targets = (hash_pandas_object(part, index=False).to_numpy()
                              for part in (X.iloc[: len(rows)], problem.y.iloc[rows]))
        except (TypeError, ValueError):  # cells of anyone's making, which the encoder refuses in words
            return []
        keys.append(cells ^ (targets * np.uint64(31)))
    again = int(np.isin(keys[1], keys[0]).sum())
    where = "among those to learn from, too, cell for cell"
    return [f"{again:,} of the {len(keys[1]):,} test rows stand {where}"] * bool(again)


def leaks(study: SplitProblem, X: Any, y: Any) -> list[Finding]:
    """Find columns that give a target away, among the training rows."""
    problem = study.problem
    if problem.forecasts:
        return _from_the_future(study, X, np.asarray(y).reshape(len(y), -1)[:, 0])
    if problem.kind.name == "images":
        return []
    from ..estimators.importance import feature_slices

    encoder, target = study.estimator.encoder_, study.estimator.target_encoder_
    rows = np.linspace(0, len(y) - 1, min(len(y), MOST_LOOKED_AT)).astype(int)
    T = target.transform(y.iloc[rows], np.float64)
    classes, found = problem.classifies, []
    if problem.kind.name == "table":
        Z, columns = encoder.transform(X.iloc[rows], np.float64), feature_slices(encoder)
    else:
        Z, columns = _last_and_mean(X[rows], problem.features)
    columns = dict(list(columns.items())[:MOST_COLUMNS])
    for name, t in zip(problem.targets, T.reshape(len(T), -1).T, strict=True):
        leaky = telling(Z, t.astype(np.int64) if classes else t, columns, classes)
        leaky = [one for one in leaky if one.how != "near" or problem.time is None]  # --time divides the rows by it
        one_each = problem.task in ("binary", "multiclass")
        labels = [f"{name} {label}" for label in (target.classes.tolist() if one_each else (0, 1))]
        found += verdict.leaks(leaky[:MOST_LEAKS], len(rows), labels * classes, name)
    return found


def _last_and_mean(X: Any, names: list[str] | None) -> tuple[np.ndarray, dict[str, slice]]:
    """Compute each feature's last step and mean, (n, 2 features), and where they lie: what stays the same in a sequence
    shows in both, what was written down at its end in the last step."""
    values, ends = X.values.astype(np.float64), X.lengths
    values = np.nan_to_num(values.reshape(*values.shape[:2], -1))
    within = np.arange(values.shape[1]) < ends[:, None]
    last, mean = values[np.arange(len(ends)), ends - 1], (values * within[..., None]).sum(axis=1) / ends[:, None]
    k = values.shape[2]
    names = names if names and len(names) == k else [f"feature {i}" for i in range(k)]
    return np.stack([last, mean], axis=2).reshape(len(ends), -1), {
        name: slice(2 * i, 2 * i + 2) for i, name in enumerate(names)
    }


def _from_the_future(study: SplitProblem, X: Any, y: np.ndarray) -> list[Finding]:
    """Find features of a series that hold, at some step that a window shows, what is to be forecast, or how far away it
    is from the last value."""
    features, series = study.problem.features or [], study.problem.reading["forecast"]
    found = []
    y = y[-MOST_LOOKED_AT:]
    aims = np.stack([y, y - X.values[-MOST_LOOKED_AT:, -1, features.index(series)]], axis=1)
    aims = aims - aims.mean(axis=0)
    for k, name in enumerate(features):
        steps = X.values[-MOST_LOOKED_AT:, -MOST_STEPS:, k]
        if name == series or len(steps) < MOST_STEPS or not np.isfinite(steps).all():
            continue
        a = steps - steps.mean(axis=0)
        both = np.outer(np.square(a).sum(axis=0), np.square(aims).sum(axis=0))
        alike = np.square(a.T @ aims) / np.where(both > 0, both, np.inf)
        if alike.max() > 1 - ROUNDED:
            told = Telling(name, "value", float(alike.max()))
            change = "change of " * int(alike.max(axis=0).argmax())
            found += verdict.leaks([told], len(y), [], f"the next {change}{series}")
    return found[:MOST_LEAKS]


def of_the_test(study: SplitProblem, X: Any, y: np.ndarray, models: list[Answer], classes: Any) -> list[Finding]:
    """Say what the score on the test rows does not see, and find test rows that were learnt from."""
    problem, cut = study.problem, study.options.positive is not None
    balanced = cut or study.options.class_weight is not None
    found = verdict.one_kind(y, problem.targets, problem.kind.many)
    found += verdict.rare(problem.task, y, models, balanced, None if cut else _threshold(study, classes),
                          problem.targets)
    if problem.forecasts:  # windows of one series overlap anyway, and are cut by time
        return found
    from ..estimators.importance import feature_slices
    from ..named_inputs import NamedInputs

    rows = _compared(study)
    learnt = problem.kind.take(study.rows(0)[0], np.arange(len(rows)))
    X = problem.kind.take(X, np.arange(min(len(y), _rows_of_numbers(study))))
    known, held = (list(NamedInputs.of(study.estimator.encode(part)).arrays.values()) for part in (learnt, X))
    if [part.shape[1:] for part in known] == [part.shape[1:] for part in held]:
        columns = feature_slices(study.estimator.encoder_) if problem.kind.name == "table" else None
        targets = problem.y.iloc[rows].to_numpy(), np.asarray(y)[: len(held[0])]
        found += verdict.copies(known, held, "test", problem.kind.many, columns, targets)
    return found


def _compared(study: SplitProblem) -> np.ndarray:
    """Choose the training rows among which copies of test rows are looked for."""
    return study.parts[0][: min(MOST_COMPARED, _rows_of_numbers(study))]


def _rows_of_numbers(study: SplitProblem) -> int:
    """Count the encoded rows that may be in memory to be compared."""
    from ..named_inputs import NamedInputs

    example = study.problem.kind.example(study.estimator.encoder_)  # two rows
    return max(1, 2 * MOST_NUMBERS // max(1, sum(part.size for part in NamedInputs.of(example).arrays.values())))


def _threshold(study: SplitProblem, classes: Any) -> tuple[str, float] | None:
    """Find the rare one of two uneven classes, and from which probability on to say it, by the validation rows."""
    if study.problem.task != "binary" or study.judged_by != "ROC AUC":
        return None
    X, y = study.rows(1 if len(study.parts[1]) else 0)
    rare = int((np.asarray(y) == classes[0]).mean() > 0.5)
    truth = np.asarray(y) == classes[rare]
    if not 0 < truth.sum() < len(truth):
        return None
    return str(classes[rare]), verdict.best_threshold(truth, study.estimator.predict_proba(X)[:, rare])
