"""The command line on files: whole processes from start to end, in seconds and peak memory.

    python -m benchmarks.commands                 about 5 minutes; writes benchmarks/results/commands.json
    python -m benchmarks.commands --rows 100000   a rough look; only prints

`--build FOLDER` (or CUTAWAY_BENCH_BUILD) is another checkout of Cutaway, measured beside this one; `--peers PYTHON` (or
CUTAWAY_BENCH_PEERS) the Python that has pandas and LightGBM, for boosting on the same file.
"""

import argparse
import datetime
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from .harness import commit
from .machine import machine
from .shown import BEFORE, OURS, Result, Table

RESULTS = Path(__file__).resolve().parent / "results" / "commands.json"
ROOT = Path(__file__).resolve().parent.parent
#: what is to be reached: seconds, MiB, and shares of the build before
TARGETS = {
    "fit": {"seconds": 20, "memory": 1200, "share": 0.45, "share of memory": 0.4},
    "predict": {"seconds": 6, "memory": 500, "share": 0.33, "share of memory": 0.45},
    "small, warm": {"seconds": 1.3, "share": 0.6},
}
ABOUT = {
    "small, cold": "fit of 442 rows and 10 columns, empty caches", "small, warm": "the same with warm caches",
    "fit": "fit of {rows:,} rows and 20 columns", "predict": "predict of the same file",
}
BOOSTING = """
import sys, pandas as pd, lightgbm
table = pd.read_csv(sys.argv[1])
y, date = table.pop("price"), pd.to_datetime(table["date"])
table["date"] = (date - date.min()).dt.days
for name in ("city", "kind"):
    table[name] = table[name].astype("category")
cut = int(0.8 * len(table))
model = lightgbm.LGBMRegressor(verbose=-1).fit(table[:cut], y[:cut])
print(model.score(table[cut:], y[cut:]))
"""


def write_table(path: Path, rows: int) -> None:
    """A file of 16 numbers, 300 cities, 4 kinds and a date, and a price that has to do with all of them."""
    import pandas as pd

    rng = np.random.default_rng(0)
    X, city, kind = rng.standard_normal((rows, 16)), rng.integers(0, 300, rows), rng.integers(0, 4, rows)
    day, by_city = rng.integers(0, 3650, rows), np.random.default_rng(1).standard_normal(300)
    price = 2 * X[:, 0] + 1.5 * np.sin(2 * X[:, 1]) + X[:, 2] * X[:, 3] + by_city[city]
    price += np.array([0, 1, 2, -1])[kind] * X[:, 4] + 1e-3 * day * np.sign(X[:, 5]) + 0.7 * rng.standard_normal(rows)
    table = pd.DataFrame(X.round(4), columns=[f"x{k}" for k in range(16)])
    table["city"] = np.array([f"city{k:03d}" for k in range(300)])[city]
    table["kind"] = np.array(["flat", "house", "villa", "loft"])[kind]
    table["date"] = (np.datetime64("2012-01-01") + day).astype(str)
    table["price"] = price.round(4)
    table.to_csv(path, index=False)


def measured(command: list[str], folder: Path, **env: str) -> dict:
    """Seconds of a process from start to end, and the most MiB it held; or why it failed."""
    with (folder / "said.txt").open("w") as said:
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=os.environ | env, stdout=said, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        return {"missing": " ".join((folder / "said.txt").read_text().split()[-30:])}
    return {"seconds": seconds, "memory": used.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)}


def of_build(build: Path, folder: Path, rows: int, say) -> dict[str, dict]:
    """All commands, by one checkout's Cutaway."""
    if not (build / "src" / "cutaway").is_dir():
        return {name: {"missing": "not there"} for name in ABOUT}
    cutaway = [sys.executable, "-P", "-m", "cutaway"]
    env = {"PYTHONPATH": str(build.resolve() / "src")}
    env |= dict.fromkeys(("XDG_CACHE_HOME", "CUTAWAY_CACHE"), tempfile.mkdtemp(dir=folder))
    small = [*cutaway, "fit", "small.csv", "-t", "price", "-o", "small.safetensors"]
    found = {}
    say("small, cold")
    found["small, cold"] = measured(small, folder, **env)
    say("small, warm")
    again = [measured(small, folder, **env) for _ in range(5)]
    found["small, warm"] = {key: statistics.median(one[key] for one in again) for key in ("seconds", "memory")} if all(
        "seconds" in one for one in again) else again[0]
    say(f"fit of {rows:,} rows")
    found["fit"] = measured([*cutaway, "fit", "table.csv", "-t", "price", "-o", "model.safetensors"], folder, **env)
    say(f"predict of {rows:,} rows")
    found["predict"] = measured([*cutaway, "predict", "model.safetensors", "table.csv", "-o", "out.csv"], folder, **env)
    return found


def table(result: Result) -> Table:
    """Seconds and peak memory of each command, beside the build before, boosting and the targets."""
    builds, rows = result["builds"], []
    for name, about in ABOUT.items():
        ours, before, targets = builds[OURS][name], builds.get(BEFORE, {}).get(name, {}), TARGETS.get(name, {})
        cells = [about.format(rows=result["rows"])]
        for key, unit, share in (("seconds", "s", "share"), ("memory", "MiB", "share of memory")):
            mine, theirs = ours.get(key), before.get(key)
            digits = ".2f" if key == "seconds" else ".0f"
            most = f" (≤ {targets[key]:g})" if key in targets else ""
            least = f" (≤ {targets[share]:g})" if share in targets else ""
            cells += [f"{mine:{digits}} {unit}{most}" if mine else ours.get("missing", "-"),
                      f"{theirs:{digits}} {unit}" if theirs else before.get("missing", "-"),
                      f"{mine / theirs:.2f}{least}" if mine and theirs else "-"]
        rows.append(cells)
    if "seconds" in (peer := result.get("boosting") or {}):
        rows.append(["pandas and LightGBM, fit of the same file", f"{peer['seconds']:.2f} s", "", "",
                     f"{peer['memory']:.0f} MiB", "", ""])
    return Table("", ["", "time", "before", "share", "peak memory", "before", "share"], rows)


def conditions(result: Result) -> str:
    m = result["machine"]
    build = f", the build before is {result['build']}" if result["build"] else ""
    return f"{result['date']}; {m['processor']}, {m['cores']} cores, load at the start {m['load']:.1f}{build}."


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.commands", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--build", default=os.environ.get("CUTAWAY_BENCH_BUILD", ""))
    parser.add_argument("--peers", default=os.environ.get("CUTAWAY_BENCH_PEERS") or sys.executable)
    parser.add_argument("--out", type=Path, help="default: benchmarks/results/commands.json, of the usual rows only")
    parser.add_argument("--resume", action="store_true", help="do nothing where the file was written today")
    args = parser.parse_args()
    out = args.out or (RESULTS if args.rows == 1_000_000 else None)
    if args.resume and out and out.exists() and json.loads(out.read_text())["date"] == f"{datetime.date.today()}":
        return
    facts = {key: value for key, value in machine().items() if key in ("processor", "cores", "load")}
    with tempfile.TemporaryDirectory() as name:
        folder, builds = Path(name), {}
        write_table(folder / "table.csv", args.rows)
        write_table(folder / "small.csv", 442)
        for group, build in ((OURS, str(ROOT)), (BEFORE, args.build)):
            if build:
                builds[group] = of_build(Path(build), folder, args.rows, lambda text, g=group: print(f"{g}: {text}"))
        boosting = measured([args.peers, "-P", "-c", BOOSTING, "table.csv"], folder)
    result = {"date": datetime.date.today().isoformat(), "machine": facts, "rows": args.rows, "builds": builds,
              "build": commit(args.build) if args.build else "", "boosting": boosting}
    for row in (table(result).head, *table(result).rows):
        print(" | ".join(row))
    if out:
        out.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
