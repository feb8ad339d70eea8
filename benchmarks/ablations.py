"""What each part of the estimators' recipe is worth: `python -m benchmarks.ablations` on the development tables.

Every variant is one fit on one thread of at most ROWS rows, tested on the table's own split. What is measured is kept
in build/ablations.json, so that a run goes on where one ended, and printed as a table.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

import cutaway as ct

from .report import markdown
from .shown import Table
from .tables import cases, files

ROWS, TESTED = 5000, 5000

#: Variant: the preset, choices for its network, and fields of the design that are changed before training.
VARIANTS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "default": ("default", {}, {}),
    "fast": ("fast", {}, {}),
    "best": ("best", {}, {}),
    "before: fast without the average": ("fast", {}, {"average": 0.0}),
    "fast, and numbers in bins": ("fast", {"bins": 16}, {}),
    "fast, and members": ("fast", {"members": 4}, {}),
    "fast, at twice the rate": ("fast", {}, {"lr": 2e-3}),
    "default without bins": ("default", {"bins": 0}, {}),
    "default without members": ("default", {"members": 1}, {}),
    "default without the average": ("default", {}, {"average": 0.0}),
    "default at half the rate": ("default", {}, {"lr": 1e-3}),
    "default without dropout": ("default", {"dropout": 0.0}, {}),
    "default with twice the dropout": ("default", {"dropout": 0.2}, {}),
    "default with five times the decay": ("default", {}, {"weight_decay": 0.05}),
    "default with 8 bins": ("default", {"bins": 8}, {}),
    "default with 8 members": ("default", {"members": 8}, {}),
    "default of 64 neurons": ("default", {"hidden": [64, 64]}, {"lr": 2e-3}),
    "default of 256 neurons": ("default", {"hidden": [256, 256]}, {"lr": 2e-3}),
    "default of three layers": ("default", {"hidden": [128] * 3}, {}),
    "default with Mish": ("default", {"activation": "mish"}, {}),
}


def measure(variant: str, X: Any, y: np.ndarray, task: str, train: np.ndarray, test: np.ndarray) -> dict[str, float]:
    """Fits one variant, and gives its error on the test rows (RMSE, or log loss) and its seconds of processor time."""
    preset, network, changes = VARIANTS[variant]
    chance = np.random.default_rng(0)
    train, test = (np.sort(chance.choice(part, min(len(part), most), replace=False))
                   for part, most in ((train, ROWS), (test, TESTED)))
    kind = ct.Classifier if task == "classification" else ct.Regressor
    model = kind(network=network or "auto", preset=preset, threads=1)
    began = time.process_time()
    rows = model.prepare(X.iloc[train].reset_index(drop=True), y[train])
    for name, value in changes.items():
        setattr(model.design_, name, value)
    model.train(rows)
    seconds = time.process_time() - began
    asked, truth = X.iloc[test].reset_index(drop=True), y[test]
    if kind is ct.Regressor:
        error = float(np.sqrt(np.mean((model.predict(asked) - truth) ** 2)))
    else:
        p = model.predict_proba(asked)[np.arange(len(test)), np.searchsorted(model.classes_, truth)]
        error = float(-np.log(np.clip(p, 1e-6, 1)).mean())
    return {"error": error, "seconds": seconds, "classes": float(kind is ct.Classifier)}


def table(found: dict[str, dict[str, dict[str, float]]], base: str = "default") -> Table:
    """By how much errors and seconds of each variant differ from those of `base`: geometric means over the tables."""
    rows = []
    for variant in VARIANTS:
        cells = [variant]
        for classes in (0.0, 1.0):
            ratios = [np.log(fits[variant]["error"] / fits[base]["error"]) for fits in found.values()
                      if variant in fits and base in fits and fits[base]["classes"] == classes]
            cells.append(f"{np.expm1(np.mean(ratios)):+.1%} ({len(ratios)})" if ratios else "")
        times = [np.log(fits[variant]["seconds"] / fits[base]["seconds"]) for fits in found.values()
                 if variant in fits and base in fits]
        rows += [[*cells, f"{np.exp(np.mean(times)):.2f}"]] if times else []
    return Table("", ["", "RMSE (tables)", "log loss (tables)", "time"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ablations", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=list(VARIANTS), metavar="VARIANT", help="these alone")
    parser.add_argument("--tables", nargs="+", metavar="TABLE", help="these alone")
    parser.add_argument("--out", type=Path, default=files.ROOT / "build" / "ablations.json")
    given = parser.parse_args()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    warnings.simplefilter("ignore")
    found = json.loads(given.out.read_text()) if given.out.exists() else {}
    for variant in given.only or VARIANTS:
        for name, *case in cases("development"):
            if variant not in found.setdefault(name, {}) and (not given.tables or name in given.tables):
                found[name][variant] = measure(variant, *case)
                given.out.parent.mkdir(parents=True, exist_ok=True)
                given.out.write_text(json.dumps(found, indent=1))
    print(markdown(table(found)))


if __name__ == "__main__":
    main()
