"""cutaway bench: this machine's speed, beside the peers that are installed."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

REPOSITORY = Path(__file__).parent.parent.parent.parent  # where this runs from a checkout

def bench(
    families: Annotated[list[str] | None, Argument(
        help="mlp, cnn, rnn, update (optimizers alone), predict, record (one raw record), many (64 models at once), "
             "idioms (forty networks of one's own). Default: all.",
        show_default=False)] = None,
    quick: Annotated[bool, Option("--quick", help="A rough look: few and short stretches.")] = False,
    workloads: Annotated[list[str] | None, Option("--workload", "-w", metavar="NAME",
                                                  help="Only this workload; may be given again.")] = None,
    only: Annotated[str, Option(help="Only libraries whose name contains this.", metavar="TEXT",
                                show_default=False)] = "",
    peers: Annotated[str | None, Option(metavar="PYTHON", help="The Python that has the peers: CUTAWAY_BENCH_PEERS, "
                                        "or the one that runs this.", show_default=False)] = None,
    build: Annotated[str | None, Option(metavar="FOLDER", help="Another checkout of Cutaway, measured beside this one: "
                                        "CUTAWAY_BENCH_BUILD, or none.", show_default=False)] = None,
    engine: Annotated[str, Option(metavar="NAME", help="xla: that engine alone, beside a scan over an epoch that was "
                                  "written by hand in JAX, with compile times. Default: cpu, beside all peers.",
                                  show_default=False)] = "cpu",
    threads: Annotated[int | None, Option(min=1, help="Only so many threads, not the best of 1 and 2.")] = None,
    rounds: Annotated[int | None, Option(min=1, help="Rounds that medians are of.")] = None,
    seconds: Annotated[float | None, Option(help="The length of a measured stretch.")] = None,
    out: Annotated[Path | None, Option(metavar="FILE", help="A .json file for the results; families that are in it "
                                       "and not measured now stay.")] = None,
    resume: Annotated[bool, Option("--resume", help="Leave out families that --out has.")] = False,
) -> None:
    """Measure how fast Cutaway trains and predicts here, beside PyTorch, JAX, Keras, scikit-learn and ONNX Runtime.

    Everyone starts from the same weights and does the same updates, which is checked. All of it takes about 40 minutes
    on two cores (--quick 10), best with nothing else running. The benchmarks are in Cutaway's repository: this runs in
    a checkout that was installed with `pip install -e .`.
    """
    from dataclasses import replace

    from ..errors import ArgumentError, CutawayError, check_name
    from ..files import write_whole
    from . import checks
    from .terminal import Screen, console, warn

    if not hasattr(os, "killpg"):
        raise CutawayError("cutaway bench stops and wakes processes by signals, which this system does not have.")
    if not (REPOSITORY / "benchmarks" / "harness.py").is_file():
        raise CutawayError("the benchmarks are in Cutaway's repository, in benchmarks/, not in the installed package. "
                           "Clone the repository, run `pip install -e .` in it, and then `cutaway bench`.")
    sys.path.insert(0, str(REPOSITORY))
    from benchmarks import FAMILIES, shown
    from benchmarks.harness import Run, Settings
    from benchmarks.machine import install_sizes, machine

    for family in families or ():
        check_name(family, FAMILIES, "family of workloads")
    check_name(engine, ("cpu", "xla"), "engine with a benchmark")
    if engine == "xla" and families:
        raise ArgumentError("--engine xla has workloads of its own: name them by -w, as -w A -w CNN.")
    out = checks.output(out, "--out", (".json",)) if out else None
    if resume and not out:
        raise ArgumentError("--resume needs --out: the file with what was measured already.")
    known = json.loads(out.read_text()) if out and out.exists() else {}
    chosen = ["xla"] if engine == "xla" else list(dict.fromkeys(families or FAMILIES))
    settings = Settings.quick() if quick else Settings()
    settings = replace(settings, only=only, peers=_interpreter(peers),
                       build=build or os.environ.get("CUTAWAY_BENCH_BUILD", ""), rounds=rounds or settings.rounds,
                       seconds=checks.positive(seconds, "--seconds") or settings.seconds,
                       threads=(threads,) if threads else settings.threads)
    screen, notes = Screen(), console(stderr=True)
    runs = [Run(family, settings, lambda text: notes.print(text, style="dim")) for family in chosen]
    every = {name for run in runs for name in run.family.WORKLOADS}
    for name in workloads or ():
        check_name(name, sorted(every), "workload")
    if runs and not any(run.competitors for run in runs):
        raise ArgumentError(f"--only {only}: no library is called so. There are: {', '.join(shown.LIBRARIES)}.")
    facts, measured, apart = machine(), [], []
    ours, theirs = shown.LIBRARIES["Cutaway"], [v for k, v in shown.LIBRARIES.items() if k != "Cutaway"]
    sizes = install_sizes(sys.executable, [ours]) | install_sizes(settings.peers, theirs)
    for run in runs:
        if resume and run.name in known:
            continue
        wanted = [key for key in run.family.WORKLOADS if not workloads or key in workloads]
        if not wanted or not run.competitors:
            continue
        result = run.result(wanted, facts, quick) | {"install": sizes}
        known[run.name] = result
        measured.append(result)
        _show(screen, result)
        apart += shown.losses_apart(result)
        if out:
            write_whole(out, f"{json.dumps(shown.rounded(known), indent=1, ensure_ascii=False)}\n".encode())
    if len(measured) > 1:
        screen.title("All together", "times Cutaway's time; its own over bare products and memory traffic")
        _print(screen, shown.summary(measured, brief=True))
    if measured:
        for table in (shown.memory_used(measured), shown.install(measured[0])):
            _print(screen, table)
    if apart:
        warn(f"not the same work, so do not compare: {', '.join(apart)}")


def _interpreter(given: str | None) -> str:
    from ..errors import FileError

    wanted = given or os.environ.get("CUTAWAY_BENCH_PEERS") or sys.executable
    if not (found := shutil.which(wanted)):
        raise FileError(f"--peers {wanted}: there is no such program. Give the Python of the peers' environment.")
    return found


def _show(screen, result) -> None:
    from benchmarks import shown

    screen.title(result["family"], "a rough look" if result["quick"] else "")
    for key, entry in result["workloads"].items():
        screen.say(f"  {key}: {entry['about']}", style="dim")
    screen.say(f"  {shown.conditions(result)}", style="dim")
    if result["together"]:
        _print(screen, shown.many(result))
        screen.say(f"  {shown.many_in_words(result)}")
    elif result["family"] == "xla":
        _print(screen, shown.beside(result))
    else:
        _print(screen, shown.times(result, spread=False))
    _print(screen, shown.start(result))
    for text in shown.failures(result):
        screen.say(f"  {text}", style="dim")


def _print(screen, table) -> None:
    if table.rows:
        if table.title:
            screen.title(table.title)
        rows = [[cell.replace("**", "") for cell in row] for row in table.rows]
        screen.table(rows, table.head, right=range(1, len(table.head)))
