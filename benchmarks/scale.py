"""Cost against size: batch, weights, layers, columns, rows and sequence length, each fitted on logarithmic axes.

    python -m benchmarks.scale            about 4 minutes; writes benchmarks/results/scale.json and scale.svg
    python -m benchmarks.scale --quick    smaller sizes, about half a minute; only prints

Seconds are processor time on one thread, which other work on the machine disturbs little. The slope is that of the
larger half of the sizes, where fixed costs have faded: 1 is linear. A slope above WORSE is marked; passing out of a
cache alone makes one of up to about 1.2.
"""

import argparse
import datetime
import json
import os
import platform
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

os.environ |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")  # before NumPy starts its threads

import numpy as np

import cutaway as ct
from cutaway.data import TableEncoder

RESULTS = Path(__file__).resolve().parent / "results"
WORSE = 1.25
SECONDS = 0.1  # of steps in a measured stretch
TARGETS = np.zeros((20_000, 1), np.float32)  # targets


@dataclass(frozen=True)
class Curve:
    """One cost: `prepare(size)` gives a function that does the work and says how many seconds it took.

    size_of: what goes on the axis, where that is not the size itself.
    """

    panel: str
    axis: str
    label: str
    sizes: tuple[int, ...]
    prepare: Callable[[int], Callable[[], float]]
    size_of: Callable[[int], int] = int


def timed(work: Callable) -> Callable[[], float]:
    def once() -> float:
        began = time.process_time()
        work()
        return time.process_time() - began

    return once


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


def compiled(model, x: np.ndarray, batch: int):
    program = ct.compile(model, "mse", ct.optim.AdamW(1e-3), batch, input=x[:2], target=TARGETS[:2], threads=1)
    program.feed(x, TARGETS[: len(x)])
    return program


def step(model, x: np.ndarray, batch: int = 32) -> Callable[[], float]:
    """Seconds of a training step, the median step of enough of them."""
    program = compiled(model, x, batch)
    rng = np.random.default_rng(0)
    some = np.resize(rng.permutation(len(x)), 2 * batch)
    program.run(some)
    pace = timed(lambda: program.run(some))() / 2
    steps = max(2, min(2000, int(SECONDS / pace)))
    order = np.resize(rng.permutation(len(x)), steps * batch)
    return lambda: timed(lambda: program.run(order))() / steps


def epoch(rows: int) -> Callable[[], float]:
    x, model = normal(rows, 20), ct.nn.MLP(20, [64, 32], 1).init(0)
    return timed(lambda: ct.fit(model, x, x[:, :1], epochs=1, batch_size=256, threads=1, progress=False))


def frame(rows: int, columns: int):
    import pandas as pd

    rng = np.random.default_rng(0)
    words = np.array(["north", "east", "south", "west"])
    return pd.DataFrame({
        f"c{k}": rng.standard_normal(rows) if k % 2 else words[rng.integers(0, 4, rows)] for k in range(columns)
    })


def encode(table) -> Callable[[], float]:
    return timed(lambda: TableEncoder().fit_transform(table))


def prepare_classifier(rows: int) -> Callable[[], float]:
    table, labels = frame(rows, 10), np.where(normal(rows) > 0, "yes", "no")
    return timed(lambda: ct.Classifier().prepare(table, labels))


class Unrolled(ct.nn.Module):
    """A recurrent network written as a Python loop: every step of time is operations of its own."""

    def __init__(self):
        self.enter, self.again, self.leave = ct.nn.Linear(4, 16), ct.nn.Linear(16, 16), ct.nn.Linear(16, 1)

    def forward(self, x):
        h = ct.ops.tanh(self.enter(x[:, 0]))
        for t in range(1, x.shape[1]):
            h = ct.ops.tanh(self.enter(x[:, t]) + self.again(h))
        return self.leave(h)


def deep(layers: int):
    return ct.nn.MLP(16, [16] * layers, 1).init(0)


def wide(width: int):
    return ct.nn.MLP(20, [width, width], 1).init(0)


def lstm():
    return ct.nn.Sequential(ct.nn.LastState(ct.nn.LSTM(4, 16)), ct.nn.Linear(16, 1)).init(0)


def built(model, x: np.ndarray) -> Callable[[], float]:
    return timed(lambda: ct.compile(model, "mse", ct.optim.AdamW(1e-3), 32, input=x, target=TARGETS[:2], threads=1))


def listed(layers: int) -> Callable[[], float]:
    program = ct.compile(deep(layers), "mse", ct.optim.AdamW(1e-3), 32, threads=1)
    return timed(lambda: str(program))


def powers(low: int, high: int) -> tuple[int, ...]:
    """1, 3, 10, 30, ... from low to high."""
    every = [k * 10**e for e in range(8) for k in (1, 3)]
    return tuple(n for n in every if low <= n <= high)


def curves(quick: bool) -> list[Curve]:
    few = 10 if quick else 1

    return [
        Curve("one training step", "batch size", "20-64-64-1", powers(1, 10_000 // few),
              lambda n: step(wide(64), normal(10_000, 20), n)),
        Curve("one training step", "weights", "three layers", tuple(16 * 2**k for k in range(6 if quick else 8)),
              lambda n: step(wide(n), normal(2048, 20)), lambda n: wide(n).theta.size),
        Curve("one training step", "layers", "16 wide", powers(1, 1000 // few),
              lambda n: step(deep(n), normal(2048, 16))),
        Curve("one training step", "columns", "n-64-1", powers(10, 100_000 // few),
              lambda n: step(ct.nn.MLP(n, [64], 1).init(0), normal(256, n))),
        Curve("one training step", "sequence length", "LSTM, 16 wide", powers(10, 10_000 // few),
              lambda n: step(lstm(), normal(64, n, 4))),
        Curve("one epoch", "rows", "20-64-32-1", powers(1000, 1_000_000 // few), epoch),
        Curve("building a program", "layers", "compile", powers(10, 3000 // few),
              lambda n: built(deep(n), normal(2, 16))),
        Curve("building a program", "layers", "print", powers(10, 3000 // few), listed),
        Curve("building a program", "sequence length", "LSTM", powers(10, 10_000 // few),
              lambda n: built(lstm(), normal(2, n, 4))),
        Curve("building a program", "sequence length", "Python loop", powers(10, 1000 // few),
              lambda n: built(Unrolled().init(0), normal(2, n, 4))),
        Curve("preparing a table", "rows", "TableEncoder", powers(1000, 1_000_000 // few),
              lambda n: encode(frame(n, 10))),
        Curve("preparing a table", "rows", "Classifier", powers(1000, 1_000_000 // few), prepare_classifier),
        Curve("preparing a table", "columns", "DataFrame", powers(10, 10_000 // few), lambda n: encode(frame(200, n))),
        Curve("preparing a table", "columns", "array", powers(10, 100_000 // few), lambda n: encode(normal(200, n))),
    ]  # fmt: skip


def measure(curve: Curve, rounds: int) -> dict:
    """Medians of the cost at each size, and the slope of the larger half. Sizes take turns, to share what disturbs."""
    works = [curve.prepare(n) for n in curve.sizes]
    for work in works:
        work()  # compiles kernels, wakes memory
    times = [[work() for work in works] for _ in range(rounds)]
    seconds = [statistics.median(column) for column in zip(*times, strict=True)]
    sizes = [curve.size_of(n) for n in curve.sizes]
    upper = len(sizes) // 2
    slope = np.polyfit(np.log(sizes[upper:]), np.log(seconds[upper:]), 1)[0]
    return {"panel": curve.panel, "axis": curve.axis, "label": curve.label, "sizes": sizes,
            "seconds": [float(f"{s:.4g}") for s in seconds], "slope": round(float(slope), 2)}


def machine() -> dict:
    info = Path("/proc/cpuinfo")
    names = [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")
             ] if info.exists() else []
    return {"processor": names[0] if names else platform.processor(), "cores": os.cpu_count(),
            "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None, "python": platform.python_version(),
            "numpy": np.__version__, "cutaway": ct.__version__}


def draw(results: list[dict], path: Path) -> None:
    """A panel for each cost and size; the grey line is linear growth through a curve's last point."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot as plt
    from matplotlib.layout_engine import ConstrainedLayoutEngine
    from matplotlib.ticker import EngFormatter, LogLocator, NullLocator

    plt.rcParams.update({
        "svg.fonttype": "none", "svg.hashsalt": "scale", "font.family": "sans-serif", "font.size": 12,
        "axes.spines.top": False, "axes.spines.right": False,
    })
    panels: dict[tuple[str, str], list[dict]] = {}
    for r in results:
        panels.setdefault((r["panel"], r["axis"]), []).append(r)
    columns = 5
    rows = -(-len(panels) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(3.2 * columns, 3.5 * rows), squeeze=False,
                                layout=ConstrainedLayoutEngine(hspace=0.12, wspace=0.06))
    for ax in axes.flat[len(panels):]:
        ax.set_visible(False)
    for ax, ((title, axis), some) in zip(axes.flat, panels.items(), strict=False):
        for r, colour, marker in zip(some, ("#0072B2", "#D55E00"), ("o", "s"), strict=False):
            n, s = np.array(r["sizes"]), np.array(r["seconds"])
            ax.plot(n, s[-1] * n / n[-1], color="#BBBBBB", linewidth=1.2, zorder=1)
            ax.plot(n, s, marker=marker, color=colour, linewidth=2, markersize=5)
            ax.text(0.03, 0.97 - 0.1 * some.index(r), f"{r['label']}: slope {r['slope']:.2f}", color=colour,
                    transform=ax.transAxes, va="top", fontsize=11)
        ax.set(xscale="log", yscale="log", xlabel=axis)
        ax.set_title(title, loc="left", fontsize=13, fontweight="bold")
        low, high = ax.get_ylim()
        ax.set_ylim(low, high * (high / low) ** 0.35)  # room for the labels
        for side, unit in ((ax.xaxis, ""), (ax.yaxis, "s")):
            side.set_major_locator(LogLocator(10, numticks=7))
            side.set_major_formatter(EngFormatter(unit, sep=" " if unit else ""))
            side.set_minor_locator(NullLocator())
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="smaller sizes; prints, writes only with --out")
    parser.add_argument("--only", default="", help="panels or axes whose name contains this")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, help="folder of scale.json and scale.svg; default: benchmarks/results")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    about, results = machine(), []
    for curve in curves(args.quick):
        if args.only and args.only not in f"{curve.panel}, {curve.axis}":
            continue
        r = measure(curve, args.rounds)
        results.append(r)
        mark = "  worse than linear" if r["slope"] > WORSE else ""
        print(f"{r['panel']}: {r['axis']} {r['sizes'][0]:,} to {r['sizes'][-1]:,} ({r['label']}): "
              f"{r['seconds'][0]:.3g} to {r['seconds'][-1]:.3g} s, slope {r['slope']:.2f}{mark}", flush=True)
    out = args.out or (None if args.quick or args.only else RESULTS)
    if out:
        out.mkdir(parents=True, exist_ok=True)
        date = datetime.date.today().isoformat()
        whole = {"date": date, "machine": about, "worse": WORSE, "curves": results}
        (out / "scale.json").write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n")
        draw(results, out / "scale.svg")


if __name__ == "__main__":
    main()
