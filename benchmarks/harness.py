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
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from .family import Competitor, Workload
from .shown import BEFORE, OURS

WORKER = Path(__file__).with_name("worker.py")
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


@dataclass(frozen=True)
class Settings:
    """How long and how often: `rounds` of `seconds` for each competitor, on each number of threads.

    cold: rounds of the start-up measurement. only: competitors whose name contains this. peers: the Python that has
    the peers. build: another checkout of Cutaway, which is measured beside this one ("": none).
    """

    rounds: int = 5
    seconds: float = 0.4
    threads: tuple[int, ...] = (1, 2)
    cold: int = 2
    only: str = ""
    peers: str = sys.executable
    build: str = ""

    @classmethod
    def quick(cls) -> "Settings":
        return cls(rounds=3, seconds=0.1, cold=1)


def family_of(name: str) -> Any:
    """The module of a family, and its competitors."""
    return importlib.import_module(f".{name}", __package__)


def commit(build: str) -> str:
    """The name of a checkout: its commit, or its folder's."""
    done = subprocess.run(["git", "-C", build, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else Path(build).name


def with_build(competitors: list[Competitor], build: str) -> list[Competitor]:
    """These, and for each of Cutaway's own lines the same one run by another checkout, if there is one."""
    if not build:
        return competitors
    at = f" at {commit(build)}"
    twins = [replace(c, name=c.name.replace(OURS, OURS + at, 1), group=BEFORE, profile=None, build=c.name)
             for c in competitors if c.group == OURS]
    last = max((k for k, c in enumerate(competitors) if c.group.startswith(OURS)), default=-1) + 1
    return [*competitors[:last], *twins, *competitors[last:]]


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
        every = with_build(self.family.COMPETITORS, settings.build)
        self.competitors = [c for c in every if settings.only.lower() in c.name.lower()]
        self.together = getattr(self.family, "TOGETHER", False)

    def there(self, competitor: Competitor) -> bool:
        """Whether the checkout that it runs is there: without it, Python would take the Cutaway that it finds."""
        return not competitor.build or (Path(self.settings.build) / "src" / "cutaway").is_dir()

    def command(self, competitor: Competitor, works: list[Workload], threads: int, data: Path) -> tuple[list, dict]:
        """What starts a competitor, and its environment."""
        python, names = sys.executable if competitor.ours else self.settings.peers, json.dumps([w.name for w in works])
        name = competitor.build or competitor.name
        command = [python, "-P", str(WORKER), self.name, names, name, str(threads), str(data)]
        env = os.environ | dict.fromkeys(THREADS, str(threads))
        if competitor.build:
            env |= {"PYTHONPATH": str(Path(self.settings.build).resolve() / "src")}
        return command, env | {"TORCHINDUCTOR_COMPILE_THREADS": "1", "KERAS_BACKEND": "jax"}

    def measure(self, works: list[Workload], folder: Path) -> dict[str, dict[str, dict]]:
        """{workload: {name: {group, threads, us, min, max, memory, loss, by_threads} or missing}}, by the same
        processes for all of these workloads."""
        data = {work.name: self.family.data(work) for work in works}
        for k, work in enumerate(works):
            np.savez(folder / f"data{k}.npz", **data[work.name])
        competitors = [c for c in self.competitors if not works[0].groups or c.group in works[0].groups]
        running: dict[tuple[str, int], tuple[Process, list]] = {}
        results: dict[str, dict[str, dict]] = {
            w.name: {c.name: {"group": c.group, "by_threads": {}} for c in competitors} for w in works}
        about = ", ".join(w.name for w in works[:2]) + ", ..." * (len(works) > 2)
        with contextlib.ExitStack() as stack:

            def begin(competitor: Competitor, threads: int) -> tuple[Process | None, Path, dict]:
                self.say(f"{about}: starts {competitor.name} on {threads}")
                if not self.there(competitor):
                    return None, folder, {"missing": "not there"}
                own = Path(tempfile.mkdtemp(dir=folder))
                command, env = self.command(competitor, works, threads, folder)
                seconds = str(self.settings.seconds * works[0].stretch)
                env |= {"CUTAWAY_XLA_CACHE": "off"}  # the first epoch is timed with compiling, whoever compiled before
                process = Process([*command, "--seconds", seconds, "--result", str(own)], env, own)
                stack.callback(process.close)
                return process, own, process.ask()

            for threads in self.settings.threads:
                at_once = max(1, (os.cpu_count() or 1) // threads)  # libraries compile for long; each has its cores
                with ThreadPoolExecutor(at_once) as pool:
                    begun = list(pool.map(begin, competitors, [threads] * len(competitors)))
                for competitor, (process, own, answer) in zip(competitors, begun, strict=True):
                    for k, work in enumerate(works):
                        result = results[work.name][competitor.name]
                        if missing := answer["missing"] if isinstance(answer.get("missing"), str) else answer.get(
                                "missing", {}).get(work.name):
                            result["missing"] = missing
                            continue
                        result.setdefault("versions", answer["versions"])
                        result["first"] = answer.get("first", {}).get(work.name)
                        if competitor.trains:
                            found = dict(np.load(own / f"result{k}.npz"))
                            result["loss"] = self.family.loss(work, data[work.name], found)
                    if process is not None and not isinstance(answer.get("missing"), str):
                        running[competitor.name, threads] = process, []
            self.rounds(about, running)
            for competitor in competitors:
                one = running.get((competitor.name, min(self.settings.threads)))
                if competitor.profile and one:
                    for name, text in one[0].ask("profile").get("profile", {}).items():
                        results[name][competitor.name]["profile"] = text
        for (name, threads), (_, answers) in running.items():
            for work in works:
                if us := [a["us"][work.name] for a in answers if work.name in a.get("us", {})]:
                    took = {"us": statistics.median(us), "min": min(us), "max": max(us),
                            "cpu": statistics.median(a["cpu"][work.name] for a in answers if "cpu" in a)}
                    if len(works) == 1:
                        took["memory"] = max(a["memory"] for a in answers if "memory" in a)
                    results[work.name][name]["by_threads"][threads] = took
        for result in (r for by_name in results.values() for r in by_name.values()):
            if by := result["by_threads"]:
                result["threads"] = best = min(by, key=lambda t: by[t]["us"])
                result |= by[best]
        return results

    def rounds(self, about: str, running: dict[tuple[str, int], tuple[Process, list]]) -> None:
        """Each process runs one measured stretch a round; the order is rotated from round to round."""
        keys = list(running)
        for i in range(self.settings.rounds):
            self.say(f"{about}: round {i + 1} of {self.settings.rounds}")
            turn = i % len(keys) if keys else 0
            for key in keys[turn:] + keys[:turn]:
                process, answers = running[key]
                answers.append(process.ask("go"))

    def cold(self, folder: Path) -> dict:
        """Seconds from start to end of a process that trains one epoch: with empty caches, then with what it left."""
        work = self.family.WORKLOADS[self.family.COLD]
        times: dict[str, dict[str, list[float]]] = {}
        np.savez(folder / "data0.npz", **self.family.data(work))
        for i in range(self.settings.cold):
            self.say(f"start-up: round {i + 1} of {self.settings.cold}")
            for competitor in filter(lambda c: c.trains and self.there(c), self.competitors):
                command, env = self.command(competitor, [work], 1, folder)
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
        s = self.settings
        result: dict[str, dict] = {}
        with tempfile.TemporaryDirectory() as folder:
            works = [self.family.WORKLOADS[key] for key in workloads]
            for k, some in enumerate([works] if self.together and works else [[work] for work in works]):
                own = Path(folder) / str(k)
                own.mkdir()
                found = self.measure(some, own)
                result |= {work.name: {"about": str(work), "competitors": found[work.name]} for work in some}
            start = self.cold(Path(folder)) if s.cold and self.family.COLD in workloads else None
        return {"family": self.name, "date": datetime.date.today().isoformat(), "quick": quick, "machine": machine,
                "settings": {"rounds": s.rounds, "seconds": s.seconds, "threads": list(s.threads)},
                "targets": self.family.TARGETS, "unit": self.family.UNIT, "proof": self.family.PROOF,
                "tolerance": self.family.TOLERANCE, "together": self.together,
                "build": commit(s.build) if s.build else "", "workloads": result, "start": start}
