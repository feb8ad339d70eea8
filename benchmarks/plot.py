"""The picture of all results: how many times Cutaway's time the best of each peer takes, on a logarithmic axis."""

from pathlib import Path
from typing import Any

from .shown import OURS, PARTS, Result, best, limit, times_ours

# Okabe and Ito's colours, which colour-blind readers can tell apart; shapes say the same without colour
STYLES = {
    "PyTorch": ("#D55E00", "o"), "PyTorch, tuned": ("#E69F00", "s"), "JAX": ("#0072B2", "D"), "Keras": ("#CC79A7", "^"),
    "scikit-learn": ("#009E73", "v"), "NumPy": ("#56B4E9", "P"),
    "ONNX Runtime": ("#F0E442", "X"), "before": ("#999999", "|"),
}
SIZES = {"^": 11, "v": 11, "P": 11}  # which look smaller
INK, FAINT = "#222222", "#999999"


def ratios(results: list[Result], path: Path) -> None:
    """One row a workload: a mark for each peer, a ring at its target, a bar for the limit. Text stays text."""
    import matplotlib.pyplot as plt
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    rows = [(result, key, entry) for result in results if not result.get("together")
            for key, entry in result["workloads"].items() if best(entry, OURS)]
    groups = [g for g in STYLES if any(times_ours(e, g) for _, _, e in rows)]
    options: Any = {"svg.fonttype": "none", "svg.hashsalt": "cutaway", "font.family": "sans-serif", "font.size": 13,
               "text.color": INK, "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK}
    with plt.rc_context(options):
        figure, axes = plt.subplots(figsize=(11, 1.9 + 0.42 * len(rows)), layout="constrained")
        highest, lowest = 2.0, 0.5
        for y, (result, key, entry) in enumerate(rows):
            share = limit(entry)
            if share and share < 1:
                axes.barh(y, 1 - share, left=share, height=0.5, color="#DDDDDD", zorder=1)
                lowest = min(lowest, share)
            for i, group in enumerate(groups):
                color, mark = STYLES[group]
                at = y + 0.09 * (i - (len(groups) - 1) / 2)  # so that marks at the same place are all seen
                if times := times_ours(entry, group):
                    axes.plot(times, at, mark, color=color, markeredgecolor="white", markersize=SIZES.get(mark, 9),
                              zorder=4)
                    highest, lowest = max(highest, times), min(lowest, times)
                if target := result["targets"][key].get(group):
                    axes.plot(target, at, mark, color="none", markeredgecolor=color, markersize=11, markeredgewidth=1.4,
                              zorder=3)
                    highest = max(highest, target)
        axes.axvline(1, color=INK, linewidth=1.5, zorder=2)
        axes.set(xscale="log", xlim=(lowest / 1.3, highest * 1.3), ylim=(len(rows) - 0.4, -0.6))
        ticks = [t for t in (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
                 if lowest / 1.3 < t < highest * 1.3]
        axes.xaxis.set(major_locator=FixedLocator(ticks), minor_locator=NullLocator(),
                       major_formatter=FuncFormatter(lambda x, _: f"{x:g}×"))
        axes.set_yticks(range(len(rows)), [key for _, key, _ in rows])
        axes.grid(axis="x", color="#E8E8E8", zorder=0)
        axes.tick_params(length=0)
        axes.spines[["top", "right", "left", "bottom"]].set_visible(False)
        axes.set_xlabel("time of each library's best, in times of Cutaway's (right of the line, Cutaway is faster)")
        for y in range(1, len(rows)):
            if rows[y][0] is not rows[y - 1][0]:  # between families
                axes.axhline(y - 0.5, color=FAINT, linewidth=0.6)
        handles: list[Any] = [
            Line2D([], [], marker=STYLES[g][1], color=STYLES[g][0], linestyle="", markersize=10, label=g)
            for g in groups]
        if any(result["targets"][key].get(g) for result, key, _ in rows for g in groups):
            handles.append(Line2D([], [], marker="o", color="none", markeredgecolor=INK, markersize=12, label="target"))
        if any(limit(entry) for _, _, entry in rows):
            handles.append(Patch(color="#DDDDDD", label=f"above the limit ({' + '.join(PARTS)})"))
        figure.legend(handles=handles, loc="outside upper left", ncols=5, frameon=False)
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)
