"""What `Trace.explain` says of a network's weights and units, as blocks that the page lays out.

Explaining takes time in proportion to the numbers of a batch, so that a large network has only its largest gradients
explained; the page says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..inspect.explanations.explanation import Explanation
from ..inspect.explanations.text import factors, percent, precise, route
from ..inspect.explanations.update import UpdateExplanation
from ..inspect.traces.trace import Trace
from ..program import gradient_name

WORK = 6_000_000  # numbers of batches gone through, some seconds
FULL = 12  # what paths and a central difference cost beside the sum alone
MOST = 2_000
TERMS, PATHS = 8, 4

Block = dict[str, Any]


def explanations(trace: Trace, columns: list[dict[str, Any]],
                 most: int | None) -> tuple[dict[str, list[Block]], list[str]]:
    """Make blocks by name and place ("layer1.weight[3,2]"), and sentences on what was left out.

    most: so many weights, the largest gradients first; None: as many as take some seconds.
    """
    if not trace.about.finite or most == 0:
        return {}, []
    size = max(1, sum(int(np.prod(v.shape)) for v in trace.facts.values() if v.rows))
    weights = _largest(trace)
    every = sum(part.hi - part.lo for part in trace.parameters.values() if part.trained)
    count = min(len(weights), MOST, max(WORK // 2 // size, 8) if most is None else most)
    full = min(count, max(1, (WORK - count * size) // ((FULL - 1) * size)))
    found: dict[str, list[Block]] = {}
    notes: list[str] = []
    for k, (name, index) in enumerate(weights[:count]):
        blocks = [*_known(_gradient, trace, name, index, k < full), *_known(_update, trace, name, index)]
        found |= {_key(name, index): blocks} if blocks else {}
    if count < every:
        notes.append(f"Explained are {count:,} of {every:,} weights: the largest gradients of each parameter.")
    if full < count:
        notes.append(f"Paths and central differences are here for {full:,} of them; t.explain(...) gives the others.")
    units = list(_units(trace, columns))
    some = units[: max(WORK // 6 // size, 8)]
    for name, index in some:
        blocks = _known(_value, trace, name, index)
        found |= {_key(name, index): blocks} if blocks else {}
    if len(some) < len(units):
        notes.append(f"Values are explained for {len(some):,} of {len(units):,} units and samples, the first ones.")
    return found, notes


def _largest(trace: Trace) -> list[tuple[str, tuple[int, ...]]]:
    """Order trained weights: the largest gradient of each parameter first, then the second of each, and so on."""
    found = []
    for name, part in trace.parameters.items():
        if part.trained and trace.keeps(gradient_name(name)):
            g = np.abs(trace.grad(name)).ravel()
            for rank, k in enumerate(np.argsort(-g, kind="stable")[:MOST]):
                found.append((rank, -float(g[k]), name, tuple(int(i) for i in np.unravel_index(k, part.shape))))
    return [(name, index) for _, _, name, index in sorted(found)]


def _units(trace: Trace, columns: list[dict[str, Any]]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The first value of each layer of plain units, sample by sample, the output first."""
    for sample in range(len(trace.about.rows)):
        for column in reversed(columns):
            name = next(iter(column["values"]), "")
            if column["about"] != "input" and trace.keeps(name) and len(trace.facts[name].shape) == 2:
                yield from ((name, (sample, unit)) for unit in range(column["units"]))


def _known(kind: Callable[..., list[Block]], *what: Any) -> list[Block]:
    """Explain, or give nothing where the trace left out what it takes or there was no update."""
    try:
        return kind(*what)
    except (ArgumentError, KeyError):
        return []


def _key(name: str, index: tuple[int, ...]) -> str:
    return f"{name}[{','.join(map(str, index))}]"


def explained(trace: Trace, name: str, index: tuple[int, ...], of: str) -> list[Block]:
    """Explain one number in blocks: its "value", its "gradient" with the chain rule, or its "update".

    Raises ArgumentError as `Trace.explain` does.
    """
    if of == "gradient":
        return _gradient(trace, name, index, full=True)
    return (_value if of == "value" else _update)(trace, name, index)


# ---- blocks ----------------------------------------------------------------------------------------------------------


def _gradient(trace: Trace, name: str, index: tuple[int, ...], full: bool) -> list[Block]:
    e = trace.explain(name, *index, of="gradient", check=full)
    paths = e.paths if full else None
    found: list[Block]
    if paths is not None and paths.count == 1 and paths.complete:
        chain = factors(e, paths.listed[0])
        left = f"∂J/∂{e.symbol} = {' · '.join(factor for factor, _, _ in chain)}"
        rows = [[factor, words, precise(d)] for factor, words, d in chain]
        rows.append(["product", "", precise(paths.listed[0].product)])
        found = [{"title": "Gradient"}, {"formula": left},
                 {"caption": "The chain rule", "table": [["factor", "is", "here"], *rows]}]
    else:
        found = [{"title": "Gradient"}, *_sum(e)]
        if paths is not None and paths.listed:
            share = "" if paths.complete else f", {percent(paths.share)} of it by the {len(paths.listed):,} largest"
            rows = [[" → ".join(route(e, p)), " · ".join(precise(d) for *_, d in factors(e, p)), precise(p.product)]
                    for p in paths.listed[:PATHS]]
            found.append({"caption": f"Paths to J: {paths.count:,.4g}{share}; the largest",
                          "table": [["path", "local derivatives", "product"], *rows]})
    if e.difference is not None:
        d = e.difference
        kink = f" Within ±h a kink is crossed: {d.kinks[0]}." if d.kinks else ""
        found.append({"note": f"Central difference in double precision: {precise(d.value)} (h = {d.h:.1g}), off by "
                              f"{d.error:.1g}.{kink}"})
    return found


def _value(trace: Trace, name: str, index: tuple[int, ...]) -> list[Block]:
    return _sum(trace.explain(name, *index, of="value"))


def _sum(e: Explanation) -> list[Block]:
    """Show a number as the sum of its terms, the largest first."""
    found: list[Block] = [{"formula": e.equation}] if e.equation else []
    rows = [[" · ".join(f.symbol for f in term.factors), " · ".join(precise(f.value) for f in term.factors),
             precise(term.value)] for term in e.terms[:TERMS]]
    hidden = len(e.terms) - len(rows) + e.rest_count
    if hidden:
        rows.append([f"{hidden:,} more", "", precise(e.total - sum(term.value for term in e.terms[:TERMS]))])
    if rows:
        rows.append(["sum", "", precise(e.total)])
        found.append({"caption": "What adds up to it, the largest first",
                      "table": [["term", "numbers", "adds"], *rows]})
    if len(e.by_time) > 1:
        order = sorted(sorted(e.by_time, key=lambda t: -abs(e.by_time[t]))[:TERMS])
        found.append({"caption": "By time step, the largest",
                      "table": [["time", "adds"], *([str(t), precise(e.by_time[t])] for t in order)]})
    return found + [{"text": line} for line in e.then] + [{"note": note} for note in e.notes]


def _update(trace: Trace, name: str, index: tuple[int, ...]) -> list[Block]:
    e: UpdateExplanation = trace.explain_update(name, *index)
    rows = [[p.name, p.formula, precise(p.value), precise(p.so_far)] for p in e.parts]
    rows.append(["rounding", "", precise(e.rounding), precise(e.value)])
    formula: list[Block] = [{"formula": e.formula}] if e.formula else []
    return [{"title": f"Update: {precise(e.before)} → {precise(e.after)}"}, *formula,
            {"caption": "The step in parts", "table": [["part", "is", "adds", "step so far"], *rows]}]
