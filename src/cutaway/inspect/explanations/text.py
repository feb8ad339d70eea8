"""Explanations as text for a terminal, and as plain data for a page."""

from __future__ import annotations

import math
from typing import Any

from ...text import columns, jsonable
from .paths import Path, Paths
from .symbols import Symbols

SHOWN, PATHS_SHOWN, TIMES_SHOWN = 8, 5, 12


def precise(value: float) -> str:
    """Write a number with six digits.

    >>> precise(-0.0144561234), precise(3), precise(1e-9)
    ('-0.0144561', '3', '1e-09')
    """
    return f"{value:.6g}"


def percent(share: float) -> str:
    return f"{100 * share:.1f} %" if math.isfinite(share) else ""


def text(e: Any) -> str:
    """Write an `Explanation`, of a value or a gradient, as `print` shows it."""
    left = f"∂J/∂{e.symbol}" if e.kind == "gradient" else e.symbol
    where = f"  ({e.name}, step {e.step})"
    lines = [f"{left} = {precise(e.value)}{where}"]
    if e.formula:
        lines += ["", f"  {e.layer + ': ' if e.layer else ''}{e.operation}, {e.formula}"]
    paths = e.paths
    single = paths is not None and paths.count == 1 and paths.complete
    if single:
        assert paths is not None
        lines += ["", *chain(e, paths.listed[0])]
    elif e.equation:
        lines += ["", f"  {e.equation}"]
    if e.parts:
        lines += ["", *_columns([[f.symbol, precise(f.value)] for f in e.parts[:24]])]
    if e.terms and not single:
        lines += ["", *_terms(e)]
    lines += [f"  then {line}" for line in e.then]
    lines += [f"  {note}" for note in e.notes]
    if len(e.by_time) > 1:
        lines += ["", *_by_time(e)]
    if paths is not None and not single:
        lines += ["", *_paths(e, paths)]
    if e.difference is not None:
        lines += ["", *_difference(e)]
    if e.inner is not None:
        lines += ["", *("  " + line if line else "" for line in text(e.inner).splitlines())]
    return "\n".join(lines)


def _columns(rows: list[list[str]], indent: str = "  ") -> list[str]:
    """Align rows of text in columns, numbers to the right."""
    wide = max(len(row) for row in rows)
    rows = [row + [""] * (wide - len(row)) for row in rows]
    right = [k for k in range(wide) if all(_is_number(row[k]) for row in rows if row[k])]
    return [indent + line for line in columns(rows, right)]


def _is_number(cell: str) -> bool:
    return bool(cell) and (cell[0].isdigit() or cell[:2].lstrip("-+")[:1].isdigit() or cell in ("nan", "inf", "="))


def _terms(e: Any) -> list[str]:
    rows = []
    products = [term for term in e.terms if len(term.factors) > 1]
    plain_terms = [term for term in e.terms if len(term.factors) == 1]
    shown = [term for term in products if term.value][:SHOWN] + plain_terms[: 0 if products else SHOWN]
    for term in shown:
        rows.append([" · ".join(f.symbol for f in term.factors), "=",
                     " · ".join(precise(f.value) for f in term.factors) if len(term.factors) > 1 else "",
                     "=" if len(term.factors) > 1 else "", precise(term.value)])
    last = plain_terms if products else []
    count = len(e.terms) - len(shown) - len(last) + e.rest_count
    if count:
        hidden = e.total - sum(term.value for term in shown + last)
        rows.append([f"{count:,} more", "=", "", "", precise(hidden if abs(hidden) > 1e-15 * abs(e.total) else 0.0)])
    rows += [[term.factors[0].symbol, "=", "", "", precise(term.value)] for term in last]
    if len(rows) > 1:
        rows.append(["sum", "=", "", "", precise(e.total)])
    return _columns(rows)


def _by_time(e: Any) -> list[str]:
    order = sorted(e.by_time, key=lambda t: -abs(e.by_time[t]))[:TIMES_SHOWN]
    most = max((abs(e.by_time[t]) for t in order), default=0.0) or 1.0
    rows = [[f"time {t}", precise(e.by_time[t]), ("█" * round(12 * abs(e.by_time[t]) / most))] for t in sorted(order)]
    rest = [v for t, v in e.by_time.items() if t not in order]
    if rest:
        rows.append([f"{len(rest)} more", precise(sum(rest))])
    return ["  summed over samples, by time step:", *_columns(rows, "    ")]


def _difference(e: Any) -> list[str]:
    d = e.difference
    assert d is not None
    share = f" ({percent(d.error / abs(e.value))})" if 1e-4 < d.error / (abs(e.value) or 1) < 1 else ""
    lines = [f"  central difference: (J(+h) − J(−h)) / 2h = {precise(d.value)}, h = {d.h:.1g}, in double; "
             f"{d.error:.1g} from the gradient{share}"]
    if d.kinks:
        lines.append(f"  within ±h a kink is crossed: {'; '.join(d.kinks[:3])}")
        lines.append("  so that the difference need not be the gradient")
    return lines


def route(e: Any, path: Path) -> list[str]:
    """Write the symbols of the numbers that a path goes through."""
    assert e.trace is not None
    symbols = Symbols.of(e.trace)
    return [symbols(*place) for place in path.places]


def factors(e: Any, path: Path) -> list[tuple[str, str, float]]:
    """List a path's factors from J back: (∂J/∂a, a − y, number). The mean over samples joins the loss."""
    assert e.trace is not None
    symbols = Symbols.of(e.trace)
    names = route(e, path)
    found: list[tuple[str, str, float]] = []
    for k in range(len(path.derivatives)):
        words = symbols.derivative(path.steps[k], path.places[k], path.places[k + 1])
        found.append((f"∂{names[k + 1]}/∂{names[k]}", words, path.derivatives[k]))
    if len(found) > 1 and path.steps[-1][0] in ("mean", "weighted_mean") and path.places[-2][0] == "ℓ":
        (_, last, d), (_, words, loss) = found.pop(), found.pop()
        n = len(e.trace.about.rows)
        scale = last if last.startswith("w") else "" if n == 1 else f"1/{n}"
        whole = words if not scale else f"({words}) · {scale}" if " " in words else f"{words} · {scale}"
        found.append((f"∂J/∂{names[len(found)]}", whole, d * loss))
    return found[::-1]


def chain(e: Any, path: Path) -> list[str]:
    """Write the chain rule for a single path: every factor with its symbol and its number, and their product."""
    found = factors(e, path)
    by_symbol = " · ".join(f"({w})" if _open(w) and len(found) > 1 else w for _, w, _ in found)
    lines = [f"  ∂J/∂{e.symbol} = {' · '.join(name for name, _, _ in found)} = {by_symbol}", ""]
    return lines + _columns([[name, "=", words, "=", precise(d)] for name, words, d in found]
                            + [["product", "", "", "=", precise(path.product)]])


def _open(words: str) -> bool:
    """Whether a product would tear an expression apart: a − y needs brackets, a(1 − a) does not."""
    depth = 0
    for before, c in zip(" " + words, words, strict=False):
        depth += (c in "([") - (c in ")]")
        if not depth and c in "−-+" and before == " " and words[0] != c:
            return True
    return False


def _paths(e: Any, paths: Paths) -> list[str]:
    if not paths.listed:
        return ["  no path to J has a product other than zero"]
    count = f"{paths.count:,.0f}" if paths.count < 1e15 else f"{paths.count:.2g}"
    ways = "path" if paths.count == 1 else "paths"
    if paths.complete:
        lines = [f"  {count} {ways} to J, products of local derivatives; they add up to {precise(paths.sum)}"]
    else:
        rows = ", ".join(map(str, paths.rows[:6])) + (", ..." if len(paths.rows) > 6 else "")
        cancel = not abs(paths.share) <= 10
        share = "but the others cancel nearly all of it" if cancel else f"{percent(paths.share)} of ∂J/∂{e.symbol}"
        of = "" if paths.whole else f" through sample{'s' * (len(paths.rows) > 1)} {rows}"
        lines = [f"  {count} {ways} to J{of}; the {len(paths.listed):,} largest products of local derivatives make",
                 f"  {precise(paths.sum)}, {share} ({percent(paths.share_of_absolute)} of all products without their "
                 "signs)"]
    for path in paths.listed[:PATHS_SHOWN]:
        numbers = [precise(d) for *_, d in factors(e, path)]
        names = [name for name in route(e, path) if not name.startswith("ℓ")]
        lines.append(f"    {precise(path.product)} = {' · '.join(_ends(numbers))}")
        lines.append(f"        {' → '.join(_ends(names))}")
    if len(paths.listed) > PATHS_SHOWN:
        lines.append(f"    {len(paths.listed) - PATHS_SHOWN:,} more in .paths.listed")
    return lines


def _ends(parts: list[str]) -> list[str]:
    """Shorten a long path to its two ends."""
    return parts if len(parts) <= 10 else [*parts[:5], f"({len(parts) - 9} more)", *parts[-4:]]


# ---- updates ---------------------------------------------------------------------------------------------------------


def update_text(e: Any) -> str:
    """Write an `UpdateExplanation` as `print` shows it."""
    moved = f"{precise(e.before)} → {precise(e.after)}"
    lines = [f"Δ{e.symbol} = {precise(e.value)}  ({e.name}, step {e.step}): {moved}", "",
             f"  {e.optimizer}" + (f": {e.formula}" if e.formula else ""),
             "  " + ", ".join([f"g = {precise(e.gradient)}", f"η = {precise(e.lr)}",
                               *(f"{s} = {precise(v)} → {precise(e.state_after[s])}" for s, v in e.state.items())]),
             ""]
    rows = [["part", "adds", "step so far", "times", "because of"]]
    for k, p in enumerate(e.parts):
        times = f"× {p.factor:.4g}" if k and math.isfinite(p.factor) else ""
        rows.append([p.name, precise(p.value), precise(p.so_far), times, p.formula])
    rows.append(["rounding", precise(e.rounding), precise(e.value)])
    lines += [f"  {line}" for line in columns(rows, (1, 2))]
    if e.decay is not None:
        alone = precise(e.decoupled or 0.0)
        lines += ["", f"  weight decay moved it by {precise(e.decay)} in this step; -η λ θ is {alone}"]
    return "\n".join([*lines, *(f"  {note}" for note in e.notes)])


# ---- data for JSON ---------------------------------------------------------------------------------------------------


def explanation_json(e: Any) -> dict[str, Any]:
    """Write an `Explanation` as JSON can hold it."""
    d, paths = e.difference, e.paths
    return jsonable({
        "kind": e.kind, "name": e.name, "index": e.index, "symbol": e.symbol, "value": e.value, "step": e.step,
        "layer": e.layer, "operation": e.operation, "formula": e.formula, "equation": e.equation,
        "terms": [_term_json(term) for term in e.terms], "rest": e.rest, "rest_count": e.rest_count,
        "parts": [{"symbol": f.symbol, "value": f.value} for f in e.parts], "by_time": list(e.by_time.items()),
        "by_sample": list(e.by_sample.items()), "then": e.then, "notes": e.notes,
        "difference": None if d is None else {"value": d.value, "h": d.h, "error": d.error, "kinks": d.kinks},
        "paths": None if paths is None else {
            "count": paths.count, "sum": paths.sum, "share": paths.share, "share_of_absolute": paths.share_of_absolute,
            "complete": paths.complete, "rows": paths.rows, "listed": [
                {"product": p.product, "route": route(e, p),
                 "factors": [{"name": name, "symbol": words, "value": v} for name, words, v in factors(e, p)]}
                for p in paths.listed[:100]]},
        "inner": None if e.inner is None else explanation_json(e.inner), "text": text(e),
    })


def _term_json(term: Any) -> dict[str, Any]:
    return {"factors": [{"symbol": f.symbol, "value": f.value} for f in term.factors], "value": term.value,
            "sample": term.sample, "time": term.time, "source": term.source}


def update_json(e: Any) -> dict[str, Any]:
    """Write an `UpdateExplanation` as JSON can hold it."""
    return jsonable({
        "kind": "update", "name": e.name, "index": e.index, "symbol": e.symbol, "value": e.value, "step": e.step,
        "optimizer": e.optimizer, "formula": e.formula, "lr": e.lr, "before": e.before, "after": e.after,
        "gradient": e.gradient, "state": e.state, "state_after": e.state_after,
        "parts": [{"name": p.name, "formula": p.formula, "value": p.value, "so_far": p.so_far} for p in e.parts],
        "rounding": e.rounding, "decay": e.decay, "decoupled": e.decoupled, "notes": e.notes, "text": update_text(e),
    })
