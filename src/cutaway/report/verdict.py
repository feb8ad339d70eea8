"""The verdict: how a network does beside a linear model and what costs nothing, and what makes its score doubtful.

One judgement for the terminal, the page and the model file. Ahead is who has the better score by at least two standard
errors of the difference; which score that is depends on what it can see (`judged_by`).
"""

from __future__ import annotations

from dataclasses import dataclass
from shlex import quote
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.judgement import Telling, class_scores, judged_by, placements, standard_error, telling_copies
from ..text import listed, number, score, short
from .scores import measure

if TYPE_CHECKING:  # findings are rare, and what diagnoses is imported for one
    from ..inspect.diagnosis.finding import Finding

#: What a forecast is always compared with.
LAST = "the last value"
#: A score that is uncertain by more than this, two standard errors, is told with it.
DOUBTFUL = 0.05
#: Copies of training rows among the test rows that are told of: their share.
COPIES = 0.02
#: Rows of a class that is never predicted, from which on that is told.
FEWEST_MISSED = 5


@dataclass
class Answer:
    """What a model says of some rows: predictions, and the probabilities of classes or labels if it has any.

    name: as it stands in a sentence: "the linear model", "the value 24 steps before", "always answering 'no'".
    """

    name: str
    predicted: np.ndarray
    probability: Any = None


@dataclass
class Judged:
    """A score's name, that of each answer, and by how much the first is ahead of each other, with standard errors."""

    by: str
    values: list[float | None]
    ahead: list[tuple[float, float]]
    doubt: float


def judge(task: str, y: Any, answers: list[Answer], classes: Any, overlap: int = 1, ranks: bool = False) -> Judged:
    """Score several answers to the same rows, the network's first; so many rows as `overlap` tell of one moment.

    ranks: by ROC AUC, where a threshold says a class more or less often than it is likely.
    """
    y = np.asarray(y)
    by = "ROC AUC" if ranks and judged_by(task, y) else judged_by(task, y)
    known = answers[0].probability is not None and classes is not None
    if by == "ROC AUC" and known and class_scores(task, y, answers[0].probability, np.asarray(classes)):
        each = [_areas(task, y, one.probability, np.asarray(classes)) for one in answers]
        values: list[float | None] = [float(np.mean([p[t].mean() for t, p in one])) for one in each]
        ahead = [_apart(each[0], other) for other in each[1:]]
        return Judged(by, values, ahead, _apart(each[0], [(t, np.full(len(t), 0.5)) for t, _ in each[0]])[1])
    by = by if "regression" in task else "accuracy"
    errors = [_row_errors(task, y, one.predicted) for one in answers]
    values = [_measured(task, y, one.predicted).get(by or "R²") for one in answers]
    apart, rows = [e - errors[0] for e in errors[1:]], len(y) / overlap
    ahead = [(float(e.mean()), float(e.std() / np.sqrt(rows))) for e in apart]
    if by == "accuracy":
        doubt = standard_error(values[0] or 0.0, len(y))
    else:  # of 1 - error / variance, both of the same rows
        off = errors[0] - (1 - (values[0] or 0.0)) * _row_errors(task, y, np.broadcast_to(y.mean(axis=0), y.shape))
        doubt = float(off.std() / np.sqrt(rows))
    return Judged(by, values, ahead, doubt)


def compare(task: str, y: Any, network: np.ndarray, linear: np.ndarray) -> str:
    """Say which of two predictions of the same rows is ahead, in a sentence."""
    return sentence(task, y, [Answer("the network", network), Answer("the linear model", linear)], None)


def sentence(task: str, y: Any, answers: list[Answer], classes: Any, *, table: bool = True, ahead: int = 0,
             small: bool = True, ranks: bool = False) -> str:
    """The verdict in a few sentences: the network's answers first, then the linear model's, then what costs nothing.

    table: the rows are of a table, small: of one of few rows. ahead: steps of a forecast; then the simple answers are
    told of whoever wins. ranks: as `judge` has it.
    """
    y = np.asarray(y)
    found = judge(task, y, answers, classes, max(ahead, 1), ranks)
    on = f"On the {len(y):,} test rows" if len(y) > 1 else "On one test row"
    a, b = found.values[:2]
    difference, noise = found.ahead[0]
    if not found.by:
        errors = [_measured(task, y, one.predicted).get("RMSE") for one in answers[:2]]
        rmse = f" RMSE is {number(errors[0])} beside the linear model's {number(errors[1])}." * (errors[0] is not None)
        return f"{on} the target is the same everywhere, so that R² says nothing.{rmse}"
    scores = f"{found.by} {score(a)} beside the linear model's {score(b)}"
    best = _best_simple(found)
    if best and found.ahead[best - 1][0] < -2 * found.ahead[best - 1][1] and _above(found.values[best], b):
        first = f"{answers[best].name}, {found.by} {score(found.values[best])}"
        rest = f"The network has {score(a)}, the linear model {score(b)}."
        text = f"{on} an answer that costs nothing wins: {first}. {rest}"
        return text + _last(found, answers, best) + _doubt(found, len(y))
    if difference == 0:
        text = f"{on} the two are level: {scores}. The linear model is the simpler one."
    elif abs(difference) <= 2 * noise or len(y) < 2:
        first = "network" if difference > 0 else "linear model"
        simpler = " It is the simpler one, too." * (first != "network")
        if difference < 0:
            scores = f"{found.by} {score(b)} beside the network's {score(a)}"
        text = f"{on} the {first} is ahead, but within chance: {scores}.{simpler}"
    elif difference > 0:
        text = f"{on} the network wins: {scores}."
    else:
        often = " On small tables it often does: it" if table and small else " It"
        scores = f"{found.by} {score(b)} beside the network's {score(a)}"
        text = f"{on} the linear model wins: {scores}.{often} is the one to use here."
    return text + _simple(found, answers, best, ahead) + _doubt(found, len(y))


def _best_simple(found: Judged) -> int:
    """The number of the best answer that costs nothing; 0 if there is none."""
    known = [k for k in range(2, len(found.values)) if found.values[k] is not None]
    return max(known, key=lambda k: found.values[k] or 0.0, default=0)


def _above(a: float | None, b: float | None) -> bool:
    return b is None or (a is not None and a > b)


def _simple(found: Judged, answers: list[Answer], best: int, ahead: int) -> str:
    """Say how the best of the answers that cost nothing does beside the two models."""
    if not best:
        return ""
    difference, noise = found.ahead[best - 1]
    name, value = answers[best].name, f"{found.by} {score(found.values[best])}"
    if difference < -2 * noise:
        return f" But {name} does better than the network: {value}.{_last(found, answers, best)}"
    if difference <= 2 * noise:
        whom = " as the network" * (found.ahead[0][0] < 0)
        return f" But {name} is as good{whom}, within chance: {value}.{_last(found, answers, best)}"
    if not ahead or answers[best].name == LAST:
        return _last(found, answers)
    return f" Of the answers that cost nothing, {name} is best: {value}.{_last(found, answers, best)}"


def _last(found: Judged, answers: list[Answer], best: int = 0) -> str:
    """Say how good the last value is as a forecast, unless it is the best and told already."""
    k = next((k for k, one in enumerate(answers) if one.name == LAST), best)  # only of forecasts
    return "" if k == best else f" Forecasting the last value again has {found.by} {score(found.values[k])}."


def _doubt(found: Judged, rows: int) -> str:
    doubt = 2 * found.doubt
    if rows < 2 or not np.isfinite(doubt) or doubt <= DOUBTFUL:
        return ""
    return f" So few rows leave {found.by} uncertain by ± {doubt:.2g}."


def constant_answer(task: str, y: Any, learnt: Any, classes: Any) -> Answer:
    """Make the answer that is always the same: the largest class of the rows learnt from, or their mean."""
    n, learnt = len(y), np.asarray(learnt)
    if "regression" in task:
        mean = learnt.astype(np.float64).mean(axis=0)
        return Answer("always answering the mean", np.broadcast_to(mean, (n, *mean.shape)))
    if task == "multilabel":
        share = learnt.mean(axis=0)
        return Answer("always answering the same", np.tile(share > 0.5, (n, 1)).astype(int), np.tile(share, (n, 1)))
    share = np.array([(learnt == label).mean() for label in classes])
    label = classes[int(share.argmax())]
    return Answer(f"always answering {short(label, 20)!r}", np.full(n, label), np.tile(share, (n, 1)))


# ---- what makes a score doubtful -------------------------------------------------------------------------------------


def leaks(found: list[Telling], rows: int, labels: list[str], target: str) -> list[Finding]:
    """Find columns that give the target away."""
    if not found:
        return []
    from ..inspect.diagnosis.symptoms.leaks import OPTIONS, leak_finding

    findings = [leak_finding(one, rows, labels[one.label] if labels else "", target=target) for one in found]
    for finding, one in zip(findings, found, strict=True):
        finding.command = f"{OPTIONS.get(one.how, '--drop')} {quote(one.column)}"
    return findings


def copies(known: list[np.ndarray], held: list[np.ndarray], part: str, many: str,
           columns: dict[str, slice] | None = None, targets: Any = None) -> list[Finding]:
    """Find test (or validation) rows that were learnt from; targets: of the rows learnt from, and of these."""
    share, n = telling_copies(known, held, columns, targets), len(held[0])
    if share < COPIES:
        return []
    from ..inspect.diagnosis.finding import NOTICE, SERIOUS, Finding

    table = many == "rows"  # of images and sequences there is no --group
    belong = ", or where a column says which rows belong together, name it." if table else "."
    text = f"{share * n:,.0f} of the {n:,} {part} {many} are, number for number, among those learnt from."
    return [Finding("held-out rows that were learnt from", SERIOUS if share > 0.1 else NOTICE, text, "",
                    "The score on them is not that on new data: keep one of each" + belong, ["X"], {"share": share},
                    remedy="X = X.drop_duplicates()", command="--group COLUMN" * table)]


def rare(task: str, y: Any, answers: list[Answer], balanced: bool, threshold: tuple[str, float] | None = None,
         labels: list[str] | None = None, part: str = "test") -> list[Finding]:
    """Find classes that accuracy hardly sees, and those that the network, the first to answer, never says. balanced:
    classes are weighed already.

    threshold: a label, and the probability from which on it may be said. labels: names of a multilabel target's.
    """
    y = np.asarray(y)
    if "regression" in task:
        return []
    if task == "multilabel":
        names, counts = labels or [f"label {j}" for j in range(y.shape[1])], y.sum(axis=0)
        said: Any = [np.asarray(one.predicted).any(axis=0) for one in answers]
        balanced = True  # labels have no weights of classes
    else:
        kinds, counts = np.unique(y, return_counts=True)
        names = [str(kind) for kind in kinds]
        said = [np.isin(kinds, one.predicted) for one in answers]
    missed = [i for i in range(len(names)) if counts[i] >= FEWEST_MISSED and not said[0][i]]
    text, where = "", []
    uneven = judged_by(task, y) == "ROC AUC"
    if uneven and task != "multilabel":
        most = counts.max() / len(y)
        largest = short(names[counts.argmax()], 20)
        text = (f"{most:.1%} of the {part} rows are {largest!r}: always answering that has accuracy {score(most)}, a "
                "score that hardly sees the others. ROC AUC and balanced accuracy do.")
    if missed:
        where = [names[i] for i in missed]
        linear = len(answers) > 1 and not any(said[1][i] for i in missed)
        who = "Neither the network nor the linear model takes" if linear else "The network does not take"
        named = listed([f"{names[i]} ({counts[i]:,} rows)" for i in missed], 4)
        text += f" {who} a single {part} row for {named}."
    if not text:
        return []
    from ..inspect.diagnosis.finding import NOTICE, Finding

    parts = ["" if balanced else "Let rows of rare classes count more: --class-weight balanced."]
    if task == "multilabel" and missed:
        threshold = names[missed[0]], max(0.01, float(counts[missed[0]]) / len(y))
    if threshold is not None:
        parts.append(f"{'Answer' if balanced else 'Or answer'} {threshold[0]!r} from a probability of "
                     f"{threshold[1]:.2g} on: cutaway predict --threshold "
                     f"{quote(f'{threshold[0]}={threshold[1]:.2g}')}.")
    return [Finding("classes never predicted" if missed else "uneven classes", NOTICE, text.strip(), "",
                    " ".join(filter(None, parts)), where,
                    {"rows": dict(zip(names, counts.tolist(), strict=True))},
                    remedy="" if balanced else 'model.set_params(class_weight="balanced")',
                    command="" if balanced else "--class-weight balanced")]


def one_kind(y: Any, names: list[str], many: str, part: str = "test") -> list[Finding]:
    """Warn of test rows that all have the same target: most scores say nothing of them."""
    y = np.asarray(y)
    columns = y.reshape(len(y), -1)
    same = [name for name, column in zip(names, columns.T, strict=True) if (column == column[0]).all()]
    if not same or len(y) < 2:
        return []
    from ..inspect.diagnosis.finding import NOTICE, Finding

    value = columns[0, names.index(same[0])]
    return [Finding("one target for all test rows", NOTICE,
                    f"All {len(y):,} {part} {many} have {listed(same)} {short(value, 20)}: "
                    + ("R² says" if columns.dtype.kind == "f" else "ROC AUC and balanced accuracy say") + " nothing.",
                    "", "More of them may hold others.", same,
                    command="--test 0.4" if part == "test" else "")]


def best_threshold(truth: np.ndarray, probability: np.ndarray) -> float:
    """The probability from which on a class is said, that finds most of it for the fewest false alarms.

    >>> best_threshold(np.array([True, True, False, False]), np.array([0.3, 0.2, 0.1, 0.0]))
    0.2
    """
    order = np.argsort(-probability, kind="stable")
    p, hit = probability[order], truth[order]
    gain = np.cumsum(hit) / max(hit.sum(), 1) - np.cumsum(~hit) / max((~hit).sum(), 1)
    gain[:-1][p[1:] == p[:-1]] = -np.inf  # rows of one probability go together
    return float(p[int(gain.argmax())])


# ---- scores and their spread -----------------------------------------------------------------------------------------


def _areas(task: str, y: np.ndarray, probability: Any, classes: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(truth, placements(truth, p)) for truth, p in class_scores(task, y, probability, classes)]


def _apart(ours: list, theirs: list) -> tuple[float, float]:
    """Measure by how much one area under the curve is larger than another of the same rows, and its standard error."""
    differences, errors = [], []
    for (truth, a), (_, b) in zip(ours, theirs, strict=True):
        d = a - b
        differences.append(d[truth].mean())
        errors.append(np.sqrt(_doubt_of_mean(d[truth]) + _doubt_of_mean(d[~truth])))
    return float(np.mean(differences)), float(np.mean(errors))


def _doubt_of_mean(d: np.ndarray) -> float:
    """The variance of the mean of placements, or of their differences; two that are far apart, at 0 and 1, are added
    first, so that a single row, or a few that agree, are not taken for certain. Equal answers are equal."""
    return 0.0 if not d.any() else float((len(d) * d.var() + 0.5) / (len(d) + 2) / len(d))


def _row_errors(task: str, y: Any, predicted: Any) -> np.ndarray:
    y, predicted = np.asarray(y), np.asarray(predicted)
    if "regression" in task:
        y, predicted = y.astype(np.float64), predicted.astype(np.float64)
        spread = y.std(axis=0)
        errors = ((predicted - y) / np.where(spread > 0, spread, 1)) ** 2
    else:
        errors = (y != predicted).astype(np.float64)
    return errors.reshape(len(y), -1).mean(axis=1)


def _measured(task: str, y: Any, predicted: Any) -> dict[str, float | None]:
    """The scores of predictions without probabilities."""
    there = [] if "regression" in task else list(dict.fromkeys([*np.ravel(y).tolist(), *np.ravel(predicted).tolist()]))
    return measure(task, y, predicted, None, there)
