"""A competitor in a process of its own: `python -P worker.py FAMILY '["WORKLOAD"]' COMPETITOR THREADS FOLDER`.

FOLDER has the data of each workload, data0.npz, data1.npz, ... It trains without shuffling for the comparison of
results (which is also its warm-up and its compilation), finds how many epochs fill a measured stretch, and then
measures one stretch of each workload for each line it reads. Answers are lines of JSON.
"""

import argparse
import importlib
import importlib.util
import json
import os
import resource
import sys
import time
import warnings
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
PROOF_EPOCHS = 1


def family_of(name: str):
    """A family, from this folder taken as a package of its own: the peers' Python need not have Cutaway."""
    spec = importlib.util.spec_from_file_location("benchmarks", HERE / "__init__.py",
                                                  submodule_search_locations=[str(HERE)])
    assert spec is not None and spec.loader is not None
    sys.modules["benchmarks"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["benchmarks"])
    return importlib.import_module(f"benchmarks.{name}")


def peak_memory() -> float:
    """MiB this process has held at most. (VmHWM: `ru_maxrss` also counts the parent before exec.)"""
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) / 1024
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def clocks(train, epochs: int) -> tuple[float, float]:
    """Seconds that training so many epochs takes, and those of the processor, which other work disturbs less."""
    start, before = time.perf_counter(), time.process_time()
    train(epochs, True)
    return time.perf_counter() - start, time.process_time() - before


def clock(train, epochs: int) -> float:
    return clocks(train, epochs)[0]


def since(began: tuple[float, float]) -> dict[str, float]:
    """Seconds since then, and those of the processor."""
    return {"seconds": time.perf_counter() - began[0], "cpu": time.process_time() - began[1]}


def calibrate(train, seconds: float) -> int:
    """Epochs that fill `seconds`."""
    epochs, took = 1, clock(train, 1)
    while took < seconds / 2 and epochs < 4096:
        epochs = max(2 * epochs, round(epochs * min(seconds / took, 16)))
        took = clock(train, epochs)
    return max(1, round(epochs * seconds / took))


def versions(package: str) -> dict[str, str]:
    """The version of the competitor's package, and of the NumPy and Python under it."""
    return {"python": sys.version.split()[0], "numpy": np.__version__, package: sys.modules[package].__version__}


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("family", "workloads", "competitor"):
        parser.add_argument(name)
    parser.add_argument("threads", type=int)
    parser.add_argument("data", type=Path)
    parser.add_argument("--result", type=Path, help="the folder for the results of the unshuffled epochs")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of a measured stretch")
    parser.add_argument("--once", action="store_true", help="train one epoch and leave: the whole process is timed")
    args = parser.parse_args()
    warnings.simplefilter("ignore")  # the libraries' own: this process only times them

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not mix with the answers

    def say(**answer) -> None:
        print(json.dumps(answer), file=answers, flush=True)

    family = family_of(args.family)
    works = [family.WORKLOADS[name] for name in json.loads(args.workloads)]
    competitor = next(c for c in family.COMPETITORS if c.name == args.competitor)
    if importlib.util.find_spec(competitor.package) is None:
        return say(missing="not installed")
    ready, missing, first = {}, {}, {}
    for k, work in enumerate(works):
        data = dict(np.load(args.data / f"data{k}.npz"))
        try:
            began = time.perf_counter(), time.process_time()
            train = competitor.prepare(work, data, args.threads)
            if args.once:
                train(1, True)
                return say(done=True)
            result = train(PROOF_EPOCHS, False)
            first[work.name] = since(began)
            if result is not None:
                np.savez(args.result / f"result{k}.npz", **result)
            ready[work.name] = work, data, train, calibrate(train, args.seconds)
        except NotImplementedError:
            missing[work.name] = "not offered"
        except Exception as error:  # one competitor that fails is a line of the table, not the end of the run
            missing[work.name] = f"failed: {type(error).__name__}: {error}"[:300]
    say(ready=True, missing=missing, first=first, versions=versions(competitor.package) if ready else {})
    for question in sys.stdin:
        if question == "profile\n":
            say(profile={name: competitor.profile(work, data) for name, (work, data, _, _) in ready.items()}
                if competitor.profile else {})
            continue
        us, cpu = {}, {}
        for name, (work, _, train, epochs) in ready.items():
            train(1, True)  # the caches are someone else's after the others' turns
            took, busy = clocks(train, epochs)
            us[name], cpu[name] = (1e6 * t / (epochs * work.steps * work.models) for t in (took, busy))
        say(us=us, cpu=cpu, memory=peak_memory())


if __name__ == "__main__":
    main()
