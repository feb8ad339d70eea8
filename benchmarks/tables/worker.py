"""One fit in a process of its own: `python -m benchmarks.tables.worker FOLDER TABLE SPLIT WHO` prints JSON."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
import warnings
from pathlib import Path
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):  # before NumPy is imported
    os.environ[name] = "1"

import numpy as np  # noqa: E402

from . import catalogue, files, peers  # noqa: E402

MOST = 1800  # seconds of processor time, then a fit is cut off
SOON = 5  # seconds of processor time: a fit of Cutaway that takes less is timed anew, once its kernels are there
SURE = 1e-6  # a probability of nothing counts as this one: log losses stay finite


def seconds() -> tuple[float, float]:
    """Of processor time, of this process and those it started, and by the clock."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used), time.perf_counter()


def scores(task: str, y: np.ndarray, predicted: np.ndarray, probabilities=None, classes=None) -> dict[str, float]:
    """R² and root of the mean squared error, or accuracy and log loss."""
    if task == "regression":
        error = np.mean((y - predicted) ** 2)
        return {"score": float(1 - error / np.var(y)), "rmse": float(np.sqrt(error))}
    place = {label: k for k, label in enumerate(classes)}
    true = np.asarray(probabilities, np.float64)[np.arange(len(y)), [place[label] for label in y]]
    return {"score": float(np.mean(predicted == y)), "loss": float(-np.mean(np.log(np.clip(true, SURE, 1))))}


def warm_up(make, task: str) -> None:
    """A fit of made rows, so that no measured one waits for imports."""
    import pandas as pd

    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=300), "b": rng.choice(["p", "q", "r"], 300)})
    y = X["a"].to_numpy()
    make(task, 0).fit(X, np.where(y > 0, "yes", "no").astype(object) if task == "classification" else y)


def measured(table: files.Table, split: int, who: str, dates: tuple[str, ...] = ()) -> dict[str, Any]:
    """Scores of one competitor on one split, with the seconds of its fit and its prediction."""
    one = peers.COMPETITORS[who]
    train, test = table.split(split)
    X = table.X if one.ours else peers.with_numbers_for_dates(table.X, dates)
    taught, labels = X.iloc[train].reset_index(drop=True), table.y[train]
    told = {"groups": table.keys[train]} if one.ours and table.by == "groups" else {}
    found: dict[str, Any] = {}
    start = seconds()
    model = one.model(table.task, split).fit(taught, labels, **told)
    fitted = seconds()
    if one.ours and fitted[0] - start[0] < SOON:  # again, with the kernels that the first fit built
        found, start = {"first": fitted[0] - start[0]}, seconds()
        model = one.model(table.task, split).fit(taught, labels, **told)
        fitted = seconds()
    rows, y = X.iloc[test].reset_index(drop=True), table.y[test]
    predicted = np.asarray(model.predict(rows)).reshape(-1)
    found |= {"cpu": fitted[0] - start[0], "wall": fitted[1] - start[1], "predict": seconds()[0] - fitted[0]}
    if table.task == "classification":
        return scores(table.task, y, predicted, model.predict_proba(rows), model.classes_) | found
    found |= scores(table.task, y, predicted)
    if hasattr(model, "interval"):
        try:
            low, high = model.interval(rows)
        except Exception as error:  # too few rows were held back, or the build has no intervals
            return found | {"no interval": str(error)}
        found |= {"coverage": float(np.mean((low <= y) & (y <= high))), "width": float(np.mean(high - low))}
    return found


def main() -> None:
    where, name, split, who = sys.argv[1:]
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_CPU, (MOST, MOST))
    table = files.load(name, Path(where))
    warm_up(peers.COMPETITORS[who].model, table.task)
    source = catalogue.source(name)
    print("\n" + json.dumps(measured(table, int(split), who, source.dates)))


if __name__ == "__main__":
    main()
