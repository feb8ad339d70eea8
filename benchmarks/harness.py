"""Fair runs: every competitor in a process of its own, stopped out of its turn, in rounds of rotating order."""

import contextlib
import datetime
import importlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from .family import Competitor, Workload

WORKER = Path(__file__).with_name("worker.py")
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


@dataclass(frozen=True)
class Settings:
    """How long and how often: `rounds` of `seconds` for each competitor, on each number of threads.

    cold: rounds of the start-up measurement. only: competitors whose name contains this. peers: the Python that has
    the peers.
    """

    rounds: int = 5
    seconds: float = 0.4
    threads: tuple[int, ...] = (1, 2)
    cold: int = 2
    only: str = ""
    peers: str = sys.executable

    @classmethod
    def quick(cls) -> "Settings":
        return cls(rounds=3, seconds=0.1, cold=1)


def family_of(name: str) -> Any:
    """The module of a family, and its competitors."""
    return importlib.import_module(f".{name}", __package__)


class Process:
    """One competitor on one workload and thread count: `ask` wakes it, waits for its answer and stops it again.

    Stopping is what makes rounds fair: the idle threads of some libraries spin, and would slow the one being measured.
    """

    def __init__(self, command: list[str], env: dict[str, str], folder: Path):
        self.errors = folder / "stderr.txt"
        with self.errors.open("w") as stderr:
            self.process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=stderr, text=True, start_new_session=True)

    def ask(self, question: str = "") -> dict[str, Any]:
        assert self.process.stdin is not None and self.process.stdout is not None
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
        with contextlib.suppress(BrokenPipeError):
            self.process.communicate()  # waits, and closes the pipes


class Run:
    """One family being measured: `result` is what the tables are made from."""

    def __init__(self, name: str, settings: Settings, say: Callable[[str], None]):
        self.name, self.settings, self.say = name, settings, say
        self.family: ModuleType = family_of(name)
        self.competitors = [c for c in self.family.COMPETITORS if settings.only.lower() in c.name.lower()]

    def command(self, competitor: Competitor, work: Workload, threads: int, data: Path) -> tuple[list[str], dict]:
        """What starts a competitor, and its environment."""
        python = sys.executable if competitor.ours else self.settings.peers
        command = [python, "-P", str(WORKER), self.name, work.name, competitor.name, str(threads), str(data)]
        own = {"TORCHINDUCTOR_COMPILE_THREADS": "1", "KERAS_BACKEND": "jax"}
        return command, os.environ | dict.fromkeys(THREADS, str(threads)) | own

    def measure(self, work: Workload, folder: Path) -> dict[str, dict]:
        """One workload: {name: {group, threads, us, min, max, memory, loss, by_threads} or missing}."""
        data, path = self.family.data(work), folder / "data.npz"
        np.savez(path, **data)
        running: dict[tuple[str, int], tuple[Process, list]] = {}
        results: dict[str, dict] = {c.name: {"group": c.group, "by_threads": {}} for c in self.competitors}
        with contextlib.ExitStack() as stack:

            def begin(competitor: Competitor, threads: int) -> tuple[Process, Path, dict]:
                self.say(f"{work.name}: starts {competitor.name} on {threads}")
                own = Path(tempfile.mkdtemp(dir=folder))
                command, env = self.command(competitor, work, threads, path)
                seconds = str(self.settings.seconds * work.stretch)
                process = Process([*command, "--seconds", seconds, "--result", str(own / "result.npz")], env, own)
                stack.callback(process.close)
                return process, own, process.ask()

            for threads in self.settings.threads:
                at_once = max(1, (os.cpu_count() or 1) // threads)  # libraries compile for long; each has its cores
                with ThreadPoolExecutor(at_once) as pool:
                    begun = list(pool.map(begin, self.competitors, [threads] * len(self.competitors)))
                for competitor, (process, own, answer) in zip(self.competitors, begun, strict=True):
                    result = results[competitor.name]
                    if "missing" in answer:
                        result["missing"] = answer["missing"]
                        continue
                    result.setdefault("versions", answer["versions"])
                    if competitor.trains:
                        result["loss"] = self.family.loss(work, data, dict(np.load(own / "result.npz")))
                    running[competitor.name, threads] = process, []
            self.rounds(work, running)
            for competitor in self.competitors:
                one = running.get((competitor.name, min(self.settings.threads)))
                if competitor.profile and one:
                    results[competitor.name]["profile"] = one[0].ask("profile").get("profile", "")
        for (name, threads), (_, answers) in running.items():
            if us := [a["us"] for a in answers if "us" in a]:
                results[name]["by_threads"][threads] = {"us": statistics.median(us), "min": min(us), "max": max(us),
                                                        "memory": max(a["memory"] for a in answers if "us" in a)}
        for result in results.values():
            if by := result["by_threads"]:
                result["threads"] = best = min(by, key=lambda t: by[t]["us"])
                result |= by[best]
        return results

    def rounds(self, work: Workload, running: dict[tuple[str, int], tuple[Process, list]]) -> None:
        """Each process runs one measured stretch a round; the order is rotated from round to round."""
        keys = list(running)
        for i in range(self.settings.rounds):
            self.say(f"{work.name}: round {i + 1} of {self.settings.rounds}")
            turn = i % len(keys) if keys else 0
            for key in keys[turn:] + keys[:turn]:
                process, answers = running[key]
                answers.append(process.ask("go"))

    def cold(self, folder: Path) -> dict:
        """Seconds from start to end of a process that trains one epoch: with empty caches, then with what it left."""
        work = self.family.WORKLOADS[self.family.COLD]
        times: dict[str, dict[str, list[float]]] = {}
        np.savez(folder / "cold.npz", **self.family.data(work))
        for i in range(self.settings.cold):
            self.say(f"start-up: round {i + 1} of {self.settings.cold}")
            for competitor in filter(lambda c: c.trains, self.competitors):
                command, env = self.command(competitor, work, 1, folder / "cold.npz")
                cache = tempfile.mkdtemp(dir=folder)
                env |= dict.fromkeys(("XDG_CACHE_HOME", "CUTAWAY_CACHE", "TORCHINDUCTOR_CACHE_DIR"), cache)
                for kind in ("first", "later"):
                    start = time.perf_counter()
                    done = subprocess.run([*command, "--once"], env=env, capture_output=True, text=True)
                    if '"done"' in done.stdout:
                        took = time.perf_counter() - start
                        times.setdefault(competitor.name, {}).setdefault(kind, []).append(took)
        return {"workload": work.name,
                "seconds": {name: {k: statistics.median(v) for k, v in kinds.items()} for name, kinds in times.items()}}

    def result(self, workloads: list[str], machine: dict, quick: bool = False) -> dict:
        """Measures the workloads."""
        s, result = self.settings, {}
        with tempfile.TemporaryDirectory() as folder:
            for key in workloads:
                work, own = self.family.WORKLOADS[key], Path(folder) / key.replace(" ", "-")
                own.mkdir()
                result[key] = {"about": str(work), "competitors": self.measure(work, own)}
            start = self.cold(Path(folder)) if s.cold and self.family.COLD in workloads else None
        return {"family": self.name, "date": datetime.date.today().isoformat(), "quick": quick, "machine": machine,
                "settings": {"rounds": s.rounds, "seconds": s.seconds, "threads": list(s.threads)},
                "targets": self.family.TARGETS, "unit": self.family.UNIT, "proof": self.family.PROOF,
                "tolerance": self.family.TOLERANCE, "workloads": result, "start": start}
