"""What is measured, and what is there already: one fit after the other, each in its own process, kept as it comes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from . import catalogue, files
from .peers import COMPETITORS
from .splits import STEPS

RESULTS = Path(__file__).resolve().parents[1] / "results" / "tables.json"
SMALL = 5000  # rows: smaller tables are divided THRICE, larger ones once
THRICE = 3
Results = dict[str, Any]


class Fit(NamedTuple):
    """One thing to measure: a table, the number of its split, and who learns."""

    table: str
    split: int
    who: str


def splits_of(rows: int) -> int:
    """
    >>> splits_of(442), splits_of(20_000)
    (3, 1)
    """
    return THRICE if rows < SMALL else 1


def wanted(tables: dict[str, int], who: list[str], splits: int | None = None) -> Iterator[Fit]:
    """Every fit of a run, first splits first; tables are {name: rows}. splits: how many of each, where it has them."""
    by = {source.name: source.by for source in catalogue.SOURCES}
    for split in range(splits or THRICE):
        for name in who:
            for table, rows in tables.items():
                most = COMPETITORS[name].most
                there = split < (splits or splits_of(rows)) and not (by.get(table) == "time" and split >= len(STEPS))
                if there and (most is None or 0.75 * rows <= most):
                    yield Fit(table, split, name)


def known(results: Results, fit: Fit, under: str = "fits") -> dict[str, Any] | None:
    """What was measured of a fit, or None."""
    return results.get(under, {}).get(fit.table, {}).get(str(fit.split), {}).get(fit.who)


def keep(results: Results, fit: Fit, found: dict[str, Any], under: str = "fits") -> None:
    results.setdefault(under, {}).setdefault(fit.table, {}).setdefault(str(fit.split), {})[fit.who] = found


def read(path: Path = RESULTS) -> Results:
    return json.loads(path.read_text()) if path.exists() else {}


def write(results: Results, path: Path = RESULTS) -> None:
    """Writes a file that is always whole, with numbers of four digits."""
    part = path.with_suffix(".tmp")
    part.write_text(json.dumps(rounded(results), indent=1, ensure_ascii=False) + "\n")
    os.replace(part, path)


def rounded(value: Any) -> Any:
    """
    >>> rounded({"loss": 0.123456, "seconds": [12345.6]})
    {'loss': 0.1235, 'seconds': [12350.0]}
    """
    if isinstance(value, dict):
        return {key: rounded(v) for key, v in value.items()}
    if isinstance(value, list):
        return [rounded(v) for v in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def run(fits: Iterable[Fit], path: Path, one: Callable[[Fit], dict[str, Any]], again: bool = False,
        under: str = "fits") -> None:
    """Measures the fits that the file does not have yet, or all again; each is kept and printed at once.

    The file is read anew each time, so that runs side by side keep each other's fits.
    """
    for fit in fits:
        if again or known(read(path), fit, under) is None:
            found = one(fit)
            results = read(path)
            keep(results, fit, found, under)
            write(results, path)
            print(*fit, *(f"{key} {value}" for key, value in rounded(found).items()), flush=True)


def in_a_process(peers: str, build: Path, folder: Path) -> Callable[[Fit], dict[str, Any]]:
    """What measures a fit: the peers' Python for peers, this one for Cutaway, with the sources of a build.

    What went wrong is a result, too: {"missing": why}.
    """
    def one(fit: Fit) -> dict[str, Any]:
        ours = COMPETITORS[fit.who].ours
        python = sys.executable if ours else peers
        env = os.environ | ({"PYTHONPATH": str(build / "src")} if ours else {})
        call = [python, "-m", "benchmarks.tables.worker", str(folder.resolve()), fit.table, str(fit.split), fit.who]
        done = subprocess.run(call, capture_output=True, text=True, cwd=files.ROOT, env=env)
        lines = done.stdout.strip().splitlines()
        if done.returncode or not lines:
            return {"missing": (done.stderr.strip().splitlines() or [f"stopped by signal {-done.returncode}"])[-1]}
        return json.loads(lines[-1]) | ({"commit": commit(build)} if ours else {})
    return one


def commit(build: Path) -> str:
    done = subprocess.run(["git", "-C", str(build), "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    return done.stdout.strip()


def sizes(folder: Path) -> dict[str, tuple[int, int]]:
    """{name: (rows, columns)} of every table, small ones first."""
    found = {name: files.load(name, folder).X.shape for name in catalogue.names()}
    return dict(sorted(found.items(), key=lambda item: item[1]))
