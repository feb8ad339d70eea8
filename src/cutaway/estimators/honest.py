"""How a table's rows should be divided: what a random split would claim, and what an honest one gives.

The same rows are asked twice of the same small network: once it has learnt from rows that they are tied to, as a random
split has it, once from none of these. Only that can make the difference.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..data import TargetEncoder, split
from ..data.encoder import as_table
from ..data.judgement import area, judged_by
from ..data.limits import (
    BLOCKS_OF_TIME,
    FEW_ROWS,
    FEWEST_NEAR,
    FOLDS_OF_TIES,
    MOST_QUICK_FEATURES,
    MOST_TIED,
    MOST_TIES,
    QUICK_BATCH,
    QUICK_DECAY,
    QUICK_RATE,
    QUICK_STEPS,
    QUICK_WIDTH,
    TWICE,
    TWICE_SURELY,
    WORSE_BY,
    WORSE_ERRORS,
    WORSE_IN_TIME,
    WORSE_SURELY,
    WORTH_DOUBTING,
)
from ..data.reading import is_frame
from ..data.ties import Tie, ties
from ..errors import DataError
from ..nn import MLP
from ..optim import AdamW, schedules
from ..shown import Shown, Table, Words
from ..text import score
from ..train import fit_many
from .inputs import table_encoder


@dataclass(frozen=True)
class Flattery:
    """Two scores of a small network on the same rows: `random` where rows tied to them were learnt from, `honest`
    where none were. by: the score's name; grows: honest over random error; errors: standard errors between the two."""

    tie: Tie
    by: str
    random: float
    honest: float
    grows: float
    errors: float

    @property
    def flatters(self) -> bool:
        """Whether the honest score is worse by more than chance, and by enough to matter."""
        surely = TWICE_SURELY if self.grows >= TWICE else WORSE_IN_TIME if self.tie.way == "time" else WORSE_SURELY
        return self.random - self.honest >= WORSE_BY and self.grows >= WORSE_ERRORS and self.errors >= surely

    @property
    def scores(self) -> str:
        """Both scores in words."""
        return f"{self.by} {score(self.random)} beside {score(self.honest)}"

    def sentence(self, random: str = "A random split would claim") -> str:
        """Say what a random split would claim, and what an honest one gives."""
        whom = {"time": "tested on the latest rows", "groups": "tested on rows of others"}[self.tie.way]
        by = f" by {self.tie.column}" if self.tie.column else ""
        if self.tie.way == "groups" and self.tie.column:
            whom, by = f"tested on rows of a {self.tie.column} that was not learnt from", ""
        elif self.tie.way == "groups":
            whom = "tested on rows of which no near-copy was learnt from"
        elif not self.tie.column:
            whom = "tested on the last rows of the file"
        return f"{random} {self.by} {score(self.random)}; {whom}{by}, the same small network has {score(self.honest)}."


@dataclass(repr=False)
class Advice(Shown):
    """How rows should be divided: by `chosen`, or by chance if it is None; `doubtful` are ties that flatter, too, but
    of which nobody can tell from the table whether new rows will be without them. `measured` has all that were."""

    chosen: Flattery | None = None
    doubtful: list[Flattery] = field(default_factory=list)
    measured: list[Flattery] = field(default_factory=list)

    @property
    def how(self) -> dict[str, np.ndarray]:
        """What ct.data.split is given: {"time": labels}, {"groups": labels}, or {} for chance."""
        return {} if self.chosen is None else {self.chosen.tie.way: self.chosen.tie.labels}

    def __str__(self) -> str:
        if self.chosen is None:
            lines = ["by chance"]
        else:
            tie = self.chosen.tie
            lines = [f"by {tie.named} ({tie.why}). {self.chosen.sentence()}"]
        return "\n".join(lines + [f"If new rows are without them ({one.tie.named}): {one.sentence()}"
                                  for one in self.doubtful])

    def _in_notebook(self) -> Any:
        yield Words(str(self))
        yield Table(("by", "way", "score", "random", "honest"),
                    [(one.tie.named, one.tie.way, one.by, score(one.random), score(one.honest))
                     for one in self.measured])


def honest_split(X: Any, y: Any, task: str | None = None, seed: int = 0, sure: bool = False) -> Advice:
    """Find out how the rows of a table should be divided, so that the score on the test rows is not flattered.

    Looks for time (dates, numbers and a file's order, with targets that drift over it), for groups (ids that repeat)
    and for rows that are nearly copies, and measures what each is worth to a random split; with `sure` only those of
    which looks are sure. Raises DataError where X and y have not as many rows.

    >>> import numpy as np, cutaway as ct
    >>> from cutaway.estimators import honest_split
    >>> patient = np.repeat(np.arange(40), 20)
    >>> age, well = np.random.default_rng(0).normal(size=(2, 40))[:, patient]
    >>> advice = honest_split({"patient": patient, "age": age, "visit": np.tile(np.arange(20), 40)}, well)
    >>> advice.chosen.tie.column
    'patient'
    >>> train, test = ct.data.split(len(patient), 0.2, **advice.how)
    """
    table, y = as_table(X), np.asarray(y)
    if len(table) != len(y):
        raise DataError(f"X has {len(table):,} rows, y {len(y):,}: give one target a row.")
    if not is_frame(table) or len(table) < FEWEST_NEAR:
        return Advice()
    found = [measured for tie in ties(table, y)[:MOST_TIES]
             if (tie.sure or not sure) and (measured := measure(table, y, tie, task, seed)) is not None]
    return advise(found)


def advise(found: list[Flattery]) -> Advice:
    """Choose among ties that were measured: of the sure ones that whose score falls most; others that fall far are
    doubtful."""
    flattering = sorted((one for one in found if one.flatters), key=lambda one: one.honest - one.random)
    chosen = next((one for one in flattering if one.tie.sure), None)
    doubtful = [one for one in flattering if not one.tie.sure and one.grows >= WORTH_DOUBTING]
    return Advice(chosen, doubtful, found)


def measure(X: Any, y: np.ndarray, tie: Tie, task: str | None = None, seed: int = 0) -> Flattery | None:
    """Measure what a tie is worth to a random split; None where a part would lack a class, or rows are too few."""
    random = np.random.default_rng(seed)
    parts = _by_time(tie.labels, random) if tie.way == "time" else _by_group(tie.labels, random)
    if parts is None:
        return None
    rows, alike, jobs = parts
    names_groups = tie.way == "groups" and bool(tie.column)
    without = X.drop(columns=[tie.column]) if names_groups else X
    if not without.shape[1]:
        return None
    # of patients, a random split would learn the names; a shop's name is no flattery, as shops are met again
    with_names = X if names_groups and tie.sure else without
    target = TargetEncoder(task, constant=True).fit(y)
    dtype = np.float64 if len(X) < FEW_ROWS else np.float32  # as its network will have: one set of kernels serves both
    T = target.transform(y[rows], dtype)
    if any(_lacks(T[job.learn], T, target) for job in jobs):
        return None
    named = _encoded(with_names.iloc[rows], dtype)
    encoded = [named, named if without is with_names else _encoded(without.iloc[rows], dtype)]
    if any(Z is None for Z in encoded):
        return None
    return _compared(tie, y[rows], T, target, _answers(encoded, T, target, jobs, seed), alike)


def _encoded(table: Any, dtype: type) -> np.ndarray | None:
    """Encode the rows of a table; None where they are too wide to look quickly, or say nothing."""
    encoder = table_encoder(len(table), embed=False).fit(table, constant=True)
    if encoder.blank or len(encoder.feature_names) > MOST_QUICK_FEATURES:
        return None
    return encoder.transform(table, dtype)


def _lacks(part: np.ndarray, every: np.ndarray, target: TargetEncoder) -> bool:
    """Whether rows to learn from lack a class, or all have one target."""
    if target.task in ("binary", "multiclass"):
        return len(np.unique(part)) < len(np.unique(every))
    return bool((part.reshape(len(part), -1).std(axis=0) == 0).any())


@dataclass(frozen=True)
class Job:
    """A network to train on rows `learn`, and to ask for rows `asked`: 0, as a random split does, or 1, honestly."""

    honest: int
    learn: np.ndarray
    asked: np.ndarray


def _by_time(labels: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, list[Job]] | None:
    """Ask the latest fifth of the rows, some at a time, with and without the others of that fifth."""
    early, late = split(len(labels), 0.2, time=labels)
    late = late[np.argsort(labels[late], kind="stable")]
    if len(late) > MOST_TIED // 4:  # stretches as dense as they are: neighbours in time are what a random split has
        length = MOST_TIED // 16
        late = late[np.unique(np.linspace(0, len(late) - length, 4).astype(int)[:, None] + np.arange(length))]
    early = np.sort(random.permutation(early)[:MOST_TIED])
    m, before = len(late), np.arange(len(early))
    if m < 2 * BLOCKS_OF_TIME or len(early) < m:
        return None
    jobs, turn, after = [Job(1, before, len(early) + np.arange(m))], random.permutation(m) % FOLDS_OF_TIES, len(early)
    for k in range(FOLDS_OF_TIES):
        beside = after + np.flatnonzero(turn != k)
        fewer = random.permutation(before)[: len(before) - len(beside)]
        jobs.append(Job(0, np.sort(np.concatenate([fewer, beside])), after + np.flatnonzero(turn == k)))
    alike = np.concatenate([before * 0, np.arange(m) * BLOCKS_OF_TIME // m])
    return np.concatenate([early, late]), alike, jobs


def _by_group(labels: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, list[Job]] | None:
    """Ask every row, of whole groups as many as are enough, with and without the others of its group."""
    _, group, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    order = random.permutation(len(sizes))
    enough = int(np.searchsorted(np.cumsum(sizes[order]), MOST_TIED)) + 1
    rows = np.flatnonzero(np.isin(group, order[: max(2 * FOLDS_OF_TIES, enough)]))
    rows = np.sort(random.permutation(rows)[: 2 * MOST_TIED])
    own = np.unique(group[rows], return_inverse=True)[1]
    many = own.max() + 1
    if many < 2 * FOLDS_OF_TIES or len(rows) < FEWEST_NEAR:
        return None
    jobs: list[Job] = []
    for honest, fold in ((0, random.permutation(len(rows)) % FOLDS_OF_TIES),
                         (1, (random.permutation(many) % FOLDS_OF_TIES)[own])):
        jobs += [Job(honest, np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(FOLDS_OF_TIES)]
    return rows, own, jobs


def _answers(encoded: list, T: np.ndarray, target: TargetEncoder, jobs: list[Job], seed: int) -> np.ndarray:
    """Train a network for each job, side by side: what they say of each row, (2, n, outputs), NaN where not asked."""
    loss = {"binary": "cross_entropy", "multiclass": "cross_entropy", "multilabel": "binary_cross_entropy"}.get(
        target.task, "mse")
    classes = loss == "cross_entropy"
    outputs = len(target.classes) if classes else 1 if T.ndim == 1 else T.shape[1]
    T = T.astype(np.int32) if classes else T.reshape(len(T), -1)
    nets, entries = [], []
    for job in jobs:
        Z = encoded[job.honest]
        nets.append(MLP(Z.shape[1], [QUICK_WIDTH, QUICK_WIDTH], outputs).astype(Z.dtype.name).init(seed))
        epochs = max(1, round(QUICK_STEPS * QUICK_BATCH / len(job.learn)))
        entries.append({"model": nets[-1], "X": Z[job.learn], "y": T[job.learn], "loss": loss, "epochs": epochs,
                        "batch_size": QUICK_BATCH, "seed": seed,
                        "optimizer": AdamW(schedules.cosine(QUICK_RATE), weight_decay=QUICK_DECAY)})
    fit_many(entries, progress=False)
    said = np.full((2, len(T), outputs), np.nan)
    for job, net in zip(jobs, nets, strict=True):
        z = net.predict(encoded[job.honest][job.asked]).reshape(len(job.asked), -1).astype(np.float64)
        low, high = T[job.learn].min(axis=0), T[job.learn].max(axis=0)
        if classes:
            z = np.exp(z - z.max(axis=1, keepdims=True))
            z /= z.sum(axis=1, keepdims=True)
        else:
            z = 1 / (1 + np.exp(-z)) if target.task == "multilabel" else np.clip(z, low, high)
        said[job.honest, job.asked] = z
    return said


def _compared(tie: Tie, y: np.ndarray, T: np.ndarray, target: TargetEncoder, said: np.ndarray,
              alike: np.ndarray) -> Flattery | None:
    """Score both answers to the rows that both were asked; alike (n,) numbers the rows whose errors are alike."""
    asked = np.isfinite(said).all(axis=(0, 2))
    y, T, said, alike = y[asked], T[asked], said[:, asked], alike[asked]
    by = judged_by(target.task, y)
    if not by:
        return None
    classes = target.task in ("binary", "multiclass")
    truth = np.eye(said.shape[2])[T.astype(int)] if classes else T.reshape(len(T), -1).astype(np.float64)
    errors = np.square(said - truth).sum(axis=2)
    apart = errors[1] - errors[0]
    off = apart - apart.mean()
    spread = np.sqrt(np.square(np.bincount(alike, off)).sum()) / len(off)  # rows of a block are off together
    values = [_score(by, target, y, truth, one, two) for one, two in zip(said, errors, strict=True)]
    grows = float(errors[1].mean() / max(errors[0].mean(), 1e-12))
    return Flattery(tie, by, values[0], values[1], grows, float(apart.mean() / max(spread, 1e-12)))


def _score(by: str, target: TargetEncoder, y: np.ndarray, truth: np.ndarray, said: np.ndarray,
           errors: np.ndarray) -> float:
    if by == "R²":
        return float(np.mean(1 - np.square(said - truth).mean(axis=0) / np.maximum(truth.var(axis=0), 1e-12)))
    if by == "ROC AUC":
        return area(target.task, y, said, target.classes if target.task != "multilabel" else np.arange(2))
    if target.task == "multilabel":
        return float(((said > 0.5) == truth).mean())
    return float((said.argmax(axis=1) == truth.argmax(axis=1)).mean())
