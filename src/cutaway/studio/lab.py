"""The lab on pages: each experiment runs in a process of its own, tells its folder of every stage, and can be stopped.

A file `stop` in the folder ends it as Ctrl-C would: what the lab keeps then is shown. The page follows the folder's
events as it follows a training.
"""

from __future__ import annotations

import _thread
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

from ..datasets import names
from ..errors import ArgumentError, CutawayError, ResourceError
from ..text import jsonable
from .folder import RunFolder, new_run, run_named, runs
from .limits import LONGEST_LAB, MOST_LABS, MOST_LABS_KEPT, MOST_LISTED
from .processes import last_words


class LabProcesses:
    """The experiments of a studio whose runs lie in `home`."""

    def __init__(self, home: Path) -> None:
        self.home, self._at_work, self._lock = home, dict[str, subprocess.Popen](), threading.Lock()

    def told(self) -> dict[str, Any]:
        """Tell the experiments with their choices, and the data that they can take."""
        from .experiments import EXPERIMENTS

        own = [{"run": run.name, "name": run.settings["name"], "target": run.settings.get("target", "")}
               for run in trained(self.home)]
        return {"sets": list(names()), "own": own, "experiments": {name: [
            {"name": choice.name, "kind": choice.kind, "first": choice.first, "options": choice.options,
             "low": choice.low, "high": choice.high} for choice in choices]
            for name, (_, choices) in EXPERIMENTS.items()}}

    def begin(self, name: str, choices: Any) -> dict[str, Any]:
        """Start an experiment. Raises ArgumentError for choices that it does not take, before any process begins."""
        from .experiments import read_choices

        values = read_choices(name, choices)
        data = values.get("data")
        if data is not None and data not in names() and data not in paths_of(self.home):
            raise ArgumentError(f"there are no data {data!r:.40}: choose a set that ships or a run of yours")
        with self._lock:
            self._at_work = {run: process for run, process in self._at_work.items() if process.poll() is None}
            if len(self._at_work) >= MOST_LABS:
                raise ResourceError(f"{MOST_LABS} experiments are at work, as many as the studio lets: stop one of "
                                    "them, or wait until it is done")
            folder = new_run(self.home, lab=name, name=name, choices={} if choices is None else choices)
            folder.put(state="lab")
            with (folder.path / "worker.log").open("ab") as log:
                process = subprocess.Popen([sys.executable, "-P", "-m", "cutaway.studio.lab", str(folder.path)],
                                           stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
            self._at_work[folder.name] = process
        threading.Thread(target=self._await, args=(process, folder), daemon=True).start()
        self._forget()
        return {"run": folder.name}

    @staticmethod
    def _await(process: subprocess.Popen, folder: RunFolder) -> None:
        """Tell the folder when a process ended without a word, as one does that the system kills for its memory."""
        process.wait()
        if (folder.path / "settings.json").exists() and folder.settings["state"] != "over":
            folder.tell("over", why=f"the experiment's process ended: {last_words(folder)}")
            folder.put(state="over")

    def _forget(self) -> None:
        """Remove the folders of experiments that are long over."""
        old = [run for run in runs(self.home, 10**6) if "lab" in run.settings and run.settings["state"] == "over"]
        for run in old[MOST_LABS_KEPT:]:
            shutil.rmtree(run.path, ignore_errors=True)

    def stop(self, run: str) -> dict[str, Any]:
        """Let an experiment end with what it knows."""
        folder = run_named(self.home, run)
        if "lab" not in folder.settings:
            raise ArgumentError("this is a training, not an experiment of the lab")
        (folder.path / "stop").touch()
        return {"state": "stopping"}


def trained(home: Path) -> list[RunFolder]:
    """List the runs whose file and target an experiment can take."""
    return [run for run in runs(home, MOST_LISTED)
            if "lab" not in run.settings and run.settings["state"] in ("designed", "training", "done", "stopped")]


def paths_of(home: Path) -> dict[str, tuple[str, str]]:
    """The file and the target of each such run, by its name."""
    return {run.name: (run.settings["file"], run.settings.get("target", "")) for run in trained(home)}


def perform(folder: RunFolder) -> None:
    """Run the experiment of a folder, and tell the folder of each stage and of the end."""
    from .choices import LabChoices
    from .experiments import EXPERIMENTS, read_choices

    settings = folder.settings
    name, began = settings["lab"], time.monotonic()
    asked = LabChoices(read_choices(name, settings["choices"]), paths_of(folder.path.parents[1]))

    def show(found: Any, panels: list[dict[str, Any]], done: float) -> None:
        words, _, numbers = str(found).partition("\n\n")
        folder.tell("shown", words=words.splitlines(), numbers=numbers, panels=jsonable(panels, 5), done=done,
                    seconds=round(time.monotonic() - began, 2))
        if getattr(found, "cut_short", ""):
            raise KeyboardInterrupt

    why = "done"
    try:
        EXPERIMENTS[name][0](asked, show)
    except KeyboardInterrupt:
        why = "stopped"
    except CutawayError as problem:
        why = str(problem)
    except MemoryError:
        why = "there is not enough memory for this: take fewer rows, or a smaller network"
    except Exception as problem:
        traceback.print_exc()
        why = f"{type(problem).__name__}: {problem} (the folder has the whole message, worker.log)"
    folder.tell("over", why=why)
    folder.put(state="over")


def watch(folder: RunFolder) -> None:
    """Interrupt the experiment when it is to stop, when its folder is gone, or when it has taken too long."""
    end = time.monotonic() + LONGEST_LAB
    while not (folder.path / "stop").exists() and (folder.path / "settings.json").exists() and time.monotonic() < end:
        time.sleep(0.1)
    if hasattr(signal, "pthread_kill"):  # a main thread that waits for others wakes
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    else:
        _thread.interrupt_main()


if __name__ == "__main__":
    here = RunFolder(Path(sys.argv[1]))
    threading.Thread(target=watch, args=(here,), daemon=True).start()
    perform(here)
