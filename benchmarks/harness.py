"""Fair runs: every competitor in a process of its own, stopped out of its turn, in rounds of rotating order."""

import argparse
import contextlib
import datetime
import importlib
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks import report

ROOT = Path(__file__).resolve().parent.parent
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


class Process:
    """One competitor on one workload and thread count: `ask` wakes it, waits for its answer and stops it again.

    Stopping is what makes rounds fair: the idle threads of some libraries spin, and would slow the one being measured.
    """

    def __init__(self, command: list[str], env: dict[str, str], folder: Path):
        self.errors = folder / "stderr.txt"
        with self.errors.open("w") as stderr:
            self.process = subprocess.Popen(command, env=env, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=stderr, text=True, start_new_session=True)

    def ask(self, question: str = "") -> dict:
        if question:
            os.killpg(self.process.pid, signal.SIGCONT)
            self.process.stdin.write(question + "\n")
            self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            last = self.errors.read_text().strip().splitlines()[-1:]
            return {"missing": f"failed: {' '.join(last)[:300]}"}
        os.killpg(self.process.pid, signal.SIGSTOP)
        return json.loads(line)

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def command_for(args, competitor, work, threads: int, data: Path) -> tuple[list[str], dict[str, str]]:
    """What starts a competitor, and its environment."""
    python = sys.executable if competitor.ours else args.peers
    command = [python, "-m", "benchmarks.worker", args.family, work.name, competitor.name, str(threads), str(data)]
    env = os.environ | dict.fromkeys(THREADS, str(threads)) | {"TORCHINDUCTOR_COMPILE_THREADS": "1"}
    return command, env


def measure(args, family, work, stack, folder: Path) -> dict:
    """All competitors on one workload: {name: {group, threads, us, min, max, memory, loss, by_threads} or missing}."""
    data, path = family.data(work), folder / "data.npz"
    np.savez(path, **data)
    running, results = {}, {c.name: {"group": c.group, "by_threads": {}} for c in args.competitors}
    for competitor in args.competitors:
        for threads in args.threads:
            log(f"{work.name}: starts {competitor.name} on {threads}")
            own = Path(tempfile.mkdtemp(dir=folder))
            command, env = command_for(args, competitor, work, threads, path)
            options = ["--seconds", str(args.seconds), "--weights", str(own / "weights.npz")]
            process = Process(command + options, env, own)
            stack.callback(process.close)
            answer = process.ask()
            result = results[competitor.name]
            if "missing" in answer:
                result["missing"] = answer["missing"]
                break
            result.setdefault("versions", answer["versions"])
            if not competitor.products:
                result["loss"] = family.loss(work, data, dict(np.load(own / "weights.npz")))
            running[competitor.name, threads] = process, []
    rounds(args, work, running)
    for (name, threads), (_, answers) in running.items():
        us, memory = [a["us"] for a in answers], [a["memory"] for a in answers]
        results[name]["by_threads"][threads] = {"us": statistics.median(us), "min": min(us), "max": max(us),
                                                "memory": max(memory)}
    for result in results.values():
        if by := result["by_threads"]:
            result["threads"] = best = min(by, key=lambda t: by[t]["us"])
            result |= by[best]
    return results


def rounds(args, work, running: dict) -> None:
    """Each process runs one measured stretch a round; the order is rotated from round to round."""
    keys = list(running)
    for i in range(args.rounds):
        log(f"{work.name}: round {i + 1} of {args.rounds}")
        for key in keys[i % len(keys):] + keys[:i % len(keys)]:
            process, answers = running[key]
            answers.append(process.ask("go"))


def cold(args, family, folder: Path) -> dict:
    """Seconds from start to end of a process that trains one epoch: with empty caches, and then with what it left."""
    work, times = family.WORKLOADS[family.COLD], {}
    np.savez(folder / "cold.npz", **family.data(work))
    for i in range(args.cold):
        log(f"start-up: round {i + 1} of {args.cold}")
        for competitor in args.competitors:
            if competitor.products:
                continue
            command, env = command_for(args, competitor, work, 1, folder / "cold.npz")
            cache = tempfile.mkdtemp(dir=folder)
            env |= dict.fromkeys(("XDG_CACHE_HOME", "CUTAWAY_CACHE", "TORCHINDUCTOR_CACHE_DIR"), cache)
            for kind in ("first", "later"):
                start = time.perf_counter()
                done = subprocess.run([*command, "--once"], env=env, cwd=ROOT, capture_output=True, text=True)
                if '"done"' in done.stdout:
                    times.setdefault(competitor.name, {}).setdefault(kind, []).append(time.perf_counter() - start)
    return {"workload": family.COLD,
            "seconds": {name: {k: statistics.median(v) for k, v in kinds.items()} for name, kinds in times.items()}}


def machine() -> dict:
    """What the numbers were measured on."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    name, flags = facts.get("model name", platform.processor()), facts.get("flags", "").split()
    vector = next((v for v in ("avx512f", "avx2", "avx") if v in flags), platform.machine())
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {"processor": name, "cores": os.cpu_count(), "vector": vector, "system": platform.system(), "load": load,
            "blas": np.show_config(mode="dicts")["Build Dependencies"]["blas"]["name"]}


def default_peers() -> str:
    """The interpreter that has the peers: $CUTAWAY_BENCH_PEERS, .venv-bench, or this one."""
    own = ROOT / ".venv-bench" / "bin" / "python"
    return os.environ.get("CUTAWAY_BENCH_PEERS") or (str(own) if own.exists() else sys.executable)


def arguments(name: str, family):
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=family.__doc__)
    parser.add_argument("--quick", action="store_true", help="3 short rounds; prints, writes only with --out")
    parser.add_argument("--workloads", nargs="+", default=list(family.WORKLOADS), choices=list(family.WORKLOADS))
    parser.add_argument("--only", default="", help="competitors whose name contains this")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float, help="length of a measured stretch")
    parser.add_argument("--cold", type=int, help="rounds of the start-up measurement; 0 leaves it out")
    parser.add_argument("--peers", default=default_peers(), help="the Python that has the peers")
    parser.add_argument("--out", type=Path, help=f"default: benchmarks/results/{name}.json")
    args = parser.parse_args()
    args.family = name
    args.rounds = args.rounds or (3 if args.quick else 7)
    args.seconds = args.seconds or (0.2 if args.quick else 1.0)
    args.cold = args.cold if args.cold is not None else (1 if args.quick else 3)
    whole = not args.quick and not args.only and args.workloads == list(family.WORKLOADS)
    args.out = args.out or (report.RESULTS / f"{name}.json" if whole else None)
    args.competitors = [c for c in family.COMPETITORS if args.only.lower() in c.name.lower()]
    return args


def main(name: str) -> None:
    family = importlib.import_module(f"benchmarks.{name}")
    args = arguments(name, family)
    result = {"family": name, "date": datetime.date.today().isoformat(), "quick": args.quick, "machine": machine(),
              "settings": {"rounds": args.rounds, "seconds": args.seconds, "threads": args.threads},
              "targets": family.TARGETS, "tolerance": family.TOLERANCE, "workloads": {}, "start": None}
    with tempfile.TemporaryDirectory() as folder:
        for key in args.workloads:
            work, own = family.WORKLOADS[key], Path(folder) / key
            own.mkdir()
            with contextlib.ExitStack() as stack:
                measured = measure(args, family, work, stack, own)
            result["workloads"][key] = {"about": str(work), "competitors": measured}
        if args.cold and family.COLD:
            result["start"] = cold(args, family, Path(folder))
    print(report.render(result))
    if args.out:
        args.out.write_text(json.dumps(report.rounded(result), indent=1, ensure_ascii=False) + "\n")
        report.write_readme()
    if apart := report.losses_apart(result):
        sys.exit(f"final losses differ by more than {family.TOLERANCE:.2g} of their size: {', '.join(apart)}")
