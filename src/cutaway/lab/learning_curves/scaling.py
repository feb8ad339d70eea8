"""Scaling with data: how a network and scikit-learn's models get better on growing parts of the same rows."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from itertools import product
from typing import Any

import numpy as np

from ...errors import ArgumentError, DataError
from ...random import stream
from ...train.executors import check, on_workers, portable
from .scaling_result import Scaling

SMALLEST, APART = 40, 3  # rows in the smallest part, and how much larger each next one is, unless told otherwise


def scaling(X: Any, y: Any = None, sizes: Sequence[int] | None = None, seeds: int | Sequence[int] = 4,
            models: Sequence[str] | Mapping[str, Callable[[int], Any]] | None = None, test: float = 0.25,
            task: str | None = None, workers: int | None = None,
            progress: Callable[[int, int], None] | None = None, executor: Any = None) -> Scaling:
    """Measure learning curves: the test score of several models on growing parts of X and y, for several seeds.

    >>> import cutaway as ct
    >>> X, y = ct.datasets.load("iris")
    >>> found = scaling(X, y, sizes=[15, 60], seeds=2, models=["logistic regression", "random forest"])
    >>> found.score.shape  # models, sizes, seeds
    (2, 2, 2)

    X, y: any table, images or sequences with one target, as ct.Classifier takes them; scikit-learn's models see the
    rows as the network does, encoded by the same encoders (fitted on each part alone), images and sequences flat.
    Each seed draws its own test part (the share `test`), its order of the other rows, whose beginnings are the parts
    (so the small ones lie within the large, with the classes in proportion), and its models' chance.
    sizes: by default from 40 rows (more where there are many classes), each about three times the one before, to all
    rows that are not for the test.
    seeds: how many, from 0, or which. models: some of "network" (ct.Classifier or ct.Regressor as they come),
    "logistic regression" ("ridge regression" for numbers), "random forest" and "gradient boosting" (scikit-learn's own
    settings), all if None; or by name functions of a seed that give an unfitted estimator. The first is compared with
    each other.
    task: "regression", "binary" or "multiclass" where y does not show it. workers: fits at a time, each on one thread;
    as many as cores if None. progress: is told how many fits are done, and of how many.
    executor: who fits instead of threads here, anything with submit(function, *arguments); rows and models are sent.

    A model that fails on a part has no score there and a line in `notes`. Raises DataError for several targets and for
    too few rows, ArgumentError for sizes or models that are not there. Ctrl-C keeps what is done.
    Source: the lecture's "DL keeps improving as data grows. ML hits a ceiling."
    """
    from threadpoolctl import threadpool_limits

    from ...data import split
    from ...engines import cores
    from ...estimators.inputs import kind_of, take

    kind = kind_of(X)
    read = kind.read(X)
    X, y = read.X, read.y if y is None else y
    if y is None:
        raise DataError("scaling needs the target: give y, one value a row of X.")
    truth, task = _target(y, task, kind.count(X))
    makers = _makers(models, task)
    seeds = list(range(seeds)) if isinstance(seeds, int | np.integer) else [int(seed) for seed in seeds]
    if not seeds:
        raise ArgumentError("seeds: give at least one")
    labels = truth if task != "regression" else None
    parts = [split(len(truth), test, seed, stratify=labels) for seed in seeds]
    orders = [growing(learn, None if labels is None else labels[learn], seed)
              for (learn, _), seed in zip(parts, seeds, strict=True)]
    chosen = _sizes(sizes, len(orders[0]), labels)
    shape = (len(makers), len(chosen), len(seeds))
    empty = np.full((3, *shape), np.nan)
    found = Scaling(task, list(makers), np.array(chosen), seeds, len(parts[0][1]), kind.many, *empty)

    def work(k: int, m: int, s: int) -> tuple:
        learn, held = orders[s][: chosen[k]], parts[s][1]
        model = makers[found.models[m]](seeds[s])
        return model, kind.take(X, learn), take(y, learn), kind.take(X, held), truth[held], task

    def run(*job: int) -> tuple[float, float, float]:
        return fit_and_score(*work(*job))

    jobs = list(product(range(len(chosen)), range(len(makers)), range(len(seeds))))  # the smallest parts first
    workers = workers or cores()
    futures = {} if executor is None else _elsewhere(executor, work, jobs, progress)
    # libraries' own threads, several models at a time, would wait for each other
    with (_quiet(), threadpool_limits(1, "blas"),
          ThreadPoolExecutor(workers, "cutaway-scaling", threadpool_limits, (1, "openmp")) as pool):
        over = set(futures.values())
        futures |= {pool.submit(run, *job): job for job in jobs if job not in over}
        try:
            pending: set[Future] = {future for future in futures if not future.done()}
            while pending:
                pending = wait(pending, timeout=0.1).not_done
                if progress is not None:
                    progress(len(jobs) - len(pending), len(jobs))
        except KeyboardInterrupt:
            pool.shutdown(wait=True, cancel_futures=True)
            found.cut_short = "interrupted"
    _collect(found, futures)
    return found


def _elsewhere(executor: Any, work: Callable[..., tuple], jobs: list[tuple[int, int, int]],
               progress: Callable[[int, int], None] | None) -> dict[Future, tuple[int, int, int]]:
    """Fit on an executor's workers. Returns futures that are done, as those of a pool here."""
    check(executor)
    done: dict[Future, tuple[int, int, int]] = {}

    def take(k: int, result: Any) -> None:
        future: Future = Future()
        done[future] = jobs[k]
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
        if progress is not None:
            progress(len(done), len(jobs))

    on_workers(executor, _fit_in_a_worker, len(jobs), lambda k, again: work(*jobs[k]), "fit {}", take)
    return done


def _fit_in_a_worker(work: tuple) -> tuple[float, float, float] | Exception:
    from threadpoolctl import threadpool_limits

    with _quiet(), threadpool_limits(1):
        try:
            return fit_and_score(*work)
        except Exception as error:
            return portable(error)


def _collect(found: Scaling, futures: dict[Future, tuple[int, int, int]]) -> None:
    """Put scores into the result, failures into its notes."""
    failures: dict[str, Exception] = {}
    for future, (k, m, s) in futures.items():
        if future.cancelled():
            continue
        error = future.exception()
        if error is None:
            found.score[m, k, s], found.loss[m, k, s], found.seconds[m, k, s] = future.result()
        elif isinstance(error, Exception):
            where = f"{found.models[m]}, {found.sizes[k]:,} {found.many}, seed {found.seeds[s]}: {error}"
            failures[where.splitlines()[0]] = error
    if failures and not np.isfinite(found.score).any():
        raise next(iter(failures.values()))
    found.notes = list(failures)


# ---- rows ------------------------------------------------------------------------------------------------------------


def growing(rows: np.ndarray, labels: np.ndarray | None, seed: int) -> np.ndarray:
    """The rows in an order by chance, every beginning of which has the classes in proportion.

    >>> order = growing(np.arange(6), np.array([0, 0, 0, 0, 1, 1]), seed=0)
    >>> sorted(order.tolist()), bool((order[:3] > 3).sum() == 1)
    ([0, 1, 2, 3, 4, 5], True)
    """
    random = stream(seed, "growing parts")
    order = random.permutation(len(rows))
    if labels is not None:
        place = np.empty(len(rows))
        for label in np.unique(labels):
            own = order[labels[order] == label]
            place[own] = (np.arange(len(own)) + random.random()) / len(own)
        order = np.argsort(place, kind="stable")
    return rows[order]


def _target(y: Any, task: str | None, rows: int) -> tuple[np.ndarray, str]:
    """The target's values (n,), and the task."""
    from ...data import TargetEncoder
    from ...data.targets import as_target

    values, names = as_target(y)
    if len(values) != rows:
        raise DataError(f"X has {rows:,} rows, y {len(values):,}: give y one value a row of X.")
    if len(names) > 1:
        raise DataError(f"scaling takes one target, got {len(names)}: {', '.join(names[:4])}. Choose one of them.")
    return values, TargetEncoder(task).fit(y).task


def _sizes(asked: Sequence[int] | None, most: int, labels: np.ndarray | None) -> list[int]:
    if asked is None:
        least = max(SMALLEST, 0 if labels is None else 4 * len(np.unique(labels)))
        if most < 2 * least:
            least = max(2, most // 4)
        steps = max(2, round(np.log(most / least) / np.log(APART)) + 1)
        return sorted({round(size) for size in np.geomspace(least, most, steps)})
    sizes = sorted({int(size) for size in asked})
    if not sizes or sizes[0] < 2 or sizes[-1] > most:
        raise ArgumentError(f"sizes are {list(asked)}: give numbers of rows from 2 to {most:,}, which is all but the "
                            "test part.")
    return sizes


# ---- models ----------------------------------------------------------------------------------------------------------


def _makers(models: Any, task: str) -> dict[str, Callable[[int], Any]]:
    """Make, by name, functions of a seed that give an estimator to fit."""
    from ...errors import check_name
    from .peers import peers

    if isinstance(models, Mapping):
        made = dict(models)
    else:
        known = peers(task)
        made = known if models is None else {}
        for name in models or ():
            check_name(name, list(known), "model")
            made[name] = known[name]
    if not made:
        raise ArgumentError("models: give at least one")
    return made


def fit_and_score(model: Any, X: Any, y: Any, held: Any, truth: np.ndarray,
                  task: str) -> tuple[float, float, float]:
    """Fit on X and y; accuracy and log loss on held-out rows, or R² and mean squared error; and seconds of the fit."""
    from sklearn.metrics import accuracy_score, mean_squared_error, r2_score

    began = time.perf_counter()
    model.fit(X, y)
    seconds = time.perf_counter() - began
    answer = model.predict(held)
    if task == "regression":
        return float(r2_score(truth, answer)), float(mean_squared_error(truth, answer)), seconds
    return float(accuracy_score(truth, answer)), _log_loss(model, held, truth), seconds


def _log_loss(model: Any, X: Any, truth: np.ndarray) -> float:
    """Compute -mean log p of the true class; for a class never seen, p is the smallest number above zero."""
    if not hasattr(model, "predict_proba"):
        return float("nan")
    p, places = model.predict_proba(X), {label: k for k, label in enumerate(model.classes_.tolist())}
    own = [row[places[label]] if label in places else 0.0 for row, label in zip(p, truth.tolist(), strict=True)]
    return float(-np.log(np.maximum(own, np.finfo(float).eps)).mean())


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep linear models quiet that stop before they converge: near enough, and several threads would say so."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # stopped before it converged
        yield
