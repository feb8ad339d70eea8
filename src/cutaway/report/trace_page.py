"""A trace as one HTML page that needs nothing but itself: the data of `to_json`, and a script that shows it.

The page computes nothing: its numbers are those of the trace, its explanations those of `Trace.explain`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from ..drawing.sheet import reach
from ..files.container import write_whole
from ..files.endings import PAGE, PRINT, check_ending
from ..inspect.traces.listing import digest, title
from ..inspect.traces.trace import Trace
from ..program import gradient_name
from ..text import listed, printable, size
from .columns import columns
from .explanations import explanations
from .scripted import scripted_page
from .skeleton import skeleton

PAGE_BYTES = 3_000_000  # of the arrays in a page
CAPS = (65_536, 16_384, 4_096, 1_024, 256, 64)  # numbers of one array, the first that fits
FEWEST = 8  # rows of an array that is cut, if its rows allow it


def write_trace_page(traces: Sequence[Trace], path: Any, inputs: Sequence[Any] = (), outputs: Sequence[Any] = (),
                     explain: int | None = None) -> None:
    """Write the page of some steps to `path`, whole or not at all. See `Trace.to_html`."""
    check_ending(path, "a page", (*PAGE, ""), hint=PRINT)
    write_whole(path, trace_page(traces, inputs, outputs, explain).encode("utf-8", "replace"))


def trace_page(traces: Sequence[Trace], inputs: Sequence[Any] = (), outputs: Sequence[Any] = (),
               explain: int | None = None) -> str:
    """The whole page as text."""
    names = {"inputs": [printable(name) for name in inputs], "outputs": [printable(name) for name in outputs]}
    data = names | {"steps": [_step(t, cap, explain) for t, cap in zip(traces, _caps(traces), strict=True)]}
    return scripted_page("trace_page", f"Step {traces[0].about.step} · Cutaway", skeleton(traces), data)


# ---- the data --------------------------------------------------------------------------------------------------------


def _caps(traces: Sequence[Trace]) -> list[int]:
    """Choose how many numbers of an array each step may keep so that all fit in one page."""
    room = PAGE_BYTES // len(traces)
    return [next((cap for cap in CAPS if _bytes(t, cap) <= room), CAPS[-1]) for t in traces]


def _bytes(trace: Trace, cap: int) -> int:
    arrays = [a for versions in trace.versions.values() for _, a in versions]
    return sum(prod(_kept(a.shape, cap)) * a.itemsize * 4 // 3 for a in arrays)


def _kept(shape: tuple[int, ...], cap: int) -> tuple[int, ...]:
    """Choose how much of each axis to keep, `cap` numbers at most: the first ones, and rows are cut before all else.

    >>> _kept((32, 8, 8, 32), 16384), _kept((128, 512), 256), _kept((7,), 64)
    ((8, 8, 8, 32), (8, 32), (7,))
    """
    kept = list(shape)
    for axis in range(len(shape)):
        fewest = 1 if axis == len(shape) - 1 else min(FEWEST, shape[axis])
        rest = prod(kept) // max(kept[axis], 1)
        kept[axis] = min(kept[axis], max(cap // max(rest, 1), fewest))
    return tuple(kept)


def _step(trace: Trace, cap: int, explain: int | None) -> dict[str, Any]:
    """The trace as `to_json` has it, its largest arrays cut, and what the page says of it in words."""
    cut = {name: [(at, a[tuple(map(slice, _kept(a.shape, cap)))]) for at, a in versions]
           for name, versions in trace.versions.items()}
    short = sum(prod(_kept(v[0][1].shape, cap)) < v[0][1].size for v in trace.versions.values())
    notes = []
    if short:
        notes.append(f"{short:,} large values are shown by their first numbers; smallest, mean and largest are of all.")
    if trace.left_out:
        names, much = listed(list(trace.left_out), 6), size(sum(trace.left_out.values()))
        notes.append(f"Left out of this trace: {names} ({much}).")
    if not trace.about.finite:
        notes.append("J or a gradient is not finite: the update did not take place.")
    notes += filter(None, [trace.note])
    drawn = columns(trace)
    explained, missing = explanations(trace, drawn, explain)
    return replace(trace, versions=cut).to_json()["steps"][0] | {
        "title": title(trace),
        "notes": notes + missing,
        "columns": drawn,
        "digests": {name: [_digest(a) for _, a in versions] for name, versions in trace.versions.items()},
        "updates": _updates(trace),
        "gradients": {name: gradient_name(name) for name in trace.parameters},
        "unexplained": " ".join(missing) or "This page holds no explanation of it; t.explain(...) gives one.",
        "explanations": explained,
    }


def _digest(a: np.ndarray) -> dict[str, Any]:
    """Give smallest, mean and largest number in words, and how far the values go from zero, for their colours."""
    return {"words": list(digest(a)), "reach": reach(a.astype(np.float64)), "shape": list(a.shape)}


def _updates(trace: Trace) -> list[list[str]]:
    """Measure the sizes of each trained parameter's gradient, of itself, and of its change."""
    if not trace.about.finite or not any(i.phase == "update" and i.number for i in trace.instructions[-1:]):
        return []
    states = [name for name in trace.vectors if trace.facts[name].role == "state"]
    found = []
    for name, part in trace.parameters.items():
        if part.trained and all(map(trace.keeps, (name, gradient_name(name), *(f"{name}.{s}" for s in states)))):
            u = trace.update(name)
            sizes = (float(np.linalg.norm(a.astype(np.float64))) for a in (u.gradient, u.before, u.change))
            found.append([name, *(f"{length:.4g}" for length in sizes)])
    return found
