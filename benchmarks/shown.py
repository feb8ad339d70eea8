"""What was measured, as tables: a title, a head and rows of text, which the terminal and the README show alike."""

from __future__ import annotations

import statistics
from typing import Any, NamedTuple

OURS, BEFORE = "Cutaway", "before"  # and another checkout of it
PARTS = ("products", "traffic")  # what a step cannot do without, timed alone
PEERS = (BEFORE, "PyTorch", "PyTorch, tuned", "JAX", "Keras", "scikit-learn", "ONNX Runtime", "NumPy")
LIBRARIES = {"Cutaway": "cutaway", "PyTorch": "torch", "JAX": "jax", "Keras": "keras", "scikit-learn": "scikit-learn",
             "ONNX Runtime": "onnxruntime"}

Result = dict[str, Any]


class Table(NamedTuple):
    title: str
    head: list[str]
    rows: list[list[str]]


def scored(score: float | None, best: float) -> str:
    """Write a score with three digits, in bold where it is the best.

    >>> scored(0.98765, 0.988), scored(1.5, 0.9), scored(None, 0.9)
    ('**0.988**', '1.500', '-')
    """
    if score is None:
        return "-"
    return f"**{score:.3f}**" if round(score, 3) == best else f"{score:.3f}"


def number(x: float) -> str:
    """
    >>> number(10.23), number(398.1), number(0.514)
    ('10.2', '398', '0.51')
    """
    return f"{x:.2f}" if x < 1 else f"{x:.1f}" if x < 100 else f"{x:.0f}"


def ratio(x: float) -> str:
    """
    >>> ratio(23.4), ratio(1.23), ratio(0.888), ratio(123.4)
    ('23x', '1.2x', '0.89x', '123x')
    """
    return f"{x:.2g}x" if x < 100 else f"{x:.0f}x"


def best(entry: Result, group: str, key: str = "us") -> float | None:
    """The best of a group on one workload, or None."""
    found = [c[key] for c in entry["competitors"].values() if c["group"] == group and key in c]
    return min(found, default=None)


def times_ours(entry: Result, group: str) -> float | None:
    """How many times Cutaway's time the best of a group takes."""
    ours, theirs = best(entry, OURS), best(entry, group)
    return theirs / ours if ours and theirs else None


def limit(entry: Result) -> float | None:
    """Products and traffic, as a share of Cutaway's time: what no change could go below."""
    parts = [times_ours(entry, part) for part in PARTS]
    known = [part for part in parts if part is not None]
    has_products = any(c["group"] == "products" for c in entry["competitors"].values())
    complete = parts[1] is not None and (parts[0] is not None or not has_products)
    return sum(known) if complete else None


def names(result: Result) -> list[str]:
    return list(dict.fromkeys(name for entry in result["workloads"].values() for name in entry["competitors"]))


def times(result: Result, spread: bool = True) -> Table:
    """µs a step: the median, how many times Cutaway's, and the spread and threads."""

    def cell(entry: Result, name: str) -> str:
        c = entry["competitors"].get(name, {})
        if "us" not in c:
            return c.get("missing", "").split(":")[0]
        ours = best(entry, OURS)
        times = f" **{ratio(c['us'] / ours)}**" if ours and c["group"] != OURS else ""
        about = f" ({number(c['min'])}-{number(c['max'])}; {c['threads']}t)" if spread else ""
        return f"{number(c['us'])}{times}{about}"

    entries = result["workloads"]
    rows = [[n, *(cell(e, n) for e in entries.values())] for n in names(result)]
    return Table("", [f"µs {result['unit']}", *entries], rows)


def summary(results: list[Result], brief: bool = False) -> Table:
    """One line a workload, over all families: the best of each group against Cutaway, targets, the limit.

    brief: for a terminal, without targets, units and the products.
    """
    entries = [(result, key, entry) for result in results if not result.get("together")
               for key, entry in result["workloads"].items()]
    peers = [g for g in PEERS if any(c["group"] == g for _, _, e in entries for c in e["competitors"].values())]

    def row(result: Result, key: str, entry: Result) -> list[str]:
        targets, ours, cells = result["targets"][key], best(entry, OURS), []
        for group in peers:
            times, target = times_ours(entry, group), targets.get(group)
            cells.append((ratio(times) if times else "-") + (f" (≥ {target:g}x)" if target else ""))
        products, whole = times_ours(entry, "products"), limit(entry)
        most = f" (≤ {targets['limit']:g})" if "limit" in targets else ""
        cells.append(f"{1 / products:.2f}{most}" if products else "-")
        cells.append(f"{1 / whole:.2f}" if whole else "-")
        if brief:
            return [key, number(ours) if ours else "-", *(cell.split()[0] for cell in (*cells[:-2], cells[-1]))]
        most = f" (≤ {targets['us']:g})" if "us" in targets else ""
        return [key, f"{number(ours)} µs {result['unit']}{most}" if ours else "-", *cells]

    short = {"PyTorch, tuned": "(tuned)", "scikit-learn": "sklearn", "ONNX Runtime": "ONNX"}
    head = (["", "µs", *(short.get(p, p) for p in peers), "/ limit"] if brief else
            ["", OURS, *peers, "/ products", "/ (products + traffic)"])
    return Table("", head, [row(*entry) for entry in entries])


def beside(result: Result) -> Table:
    """Ways of doing the same: µs, those of the processor, each over ours too, and the processor's seconds until a first
    epoch is done."""
    rows = []
    for key, entry in result["workloads"].items():
        for name, c in entry["competitors"].items():
            if "us" not in c:
                rows.append([key, name, c.get("missing", "").split(":")[0], *[""] * 4])
                continue
            ours = entry["competitors"][next(iter(entry["competitors"]))]
            share = [f"{c[unit] / ours[unit]:.2f}" if c is not ours and ours.get(unit) else ""
                     for unit in ("us", "cpu")]
            rows.append([key, name, number(c["us"]), share[0], number(c["cpu"]), share[1], f"{c['first']['cpu']:.1f}"])
    return Table("", ["", f"µs {result['unit']}", "wall", "x", "processor", "x", "first"], rows)


def engines(result: Result) -> Table:
    """What a step takes the processor on the CPU engine and on XLA, µs."""
    found = {f"{key}: {entry['about'].split(';')[0]}": [best(entry, group, "cpu") for group in ("cpu", OURS)]
             for key, entry in result["workloads"].items()}
    rows = [[about, *(number(least) if least else "-" for least in both)] for about, both in found.items()]
    return Table("", ["µs of the processor a step", "cpu", "xla"], rows)


def many(result: Result) -> Table:
    """A family of many workloads, one line for each: Cutaway's time, how many times that of the others', and what of
    its program runs in NumPy."""
    entries = result["workloads"]
    peers = [g for g in PEERS if any(c["group"] == g for e in entries.values() for c in e["competitors"].values())]

    def row(key: str, entry: Result) -> list[str]:
        ours, cells = best(entry, OURS), []
        for group in peers:
            times, target = times_ours(entry, group), result["targets"][key].get(group)
            below = " below its target" if times and target and times < target else ""
            cells.append((ratio(times) if times else "-") + below)
        slow = next((c["profile"] for c in entry["competitors"].values() if "profile" in c), "-")
        return [key, number(ours) if ours else "-", *cells, slow]

    rows = [row(key, entry) for key, entry in entries.items()]
    return Table("", ["", f"µs {result['unit']}", *peers, "by their rule"], rows)


def many_in_words(result: Result) -> str:
    """How the ratios of a family of many workloads lie: the median, the least, and which are below the target."""
    said = []
    for group in PEERS:
        times = {key: t for key, e in result["workloads"].items() if (t := times_ours(e, group))}
        if not times:
            continue
        least = min(times, key=lambda key: times[key])
        middle = ratio(statistics.median(times.values()))
        text = f"{group}: {middle} in the median, {ratio(times[least])} at least ({least})"
        targets = {key: result["targets"][key].get(group) for key in times}
        if any(targets.values()):
            under = [key for key, t in times.items() if targets[key] and t < targets[key]]
            text += f"; below the target of {max(t for t in targets.values() if t):g}x: {', '.join(under) or 'none'}"
        said.append(text)
    return f"{len(result['workloads'])} workloads. " + ". ".join(said) + "." if said else ""


def memory_used(results: list[Result]) -> Table:
    """MiB at most, by workload: Cutaway's process and the peers' smallest ones."""
    entries = [(key, entry) for result in results for key, entry in result["workloads"].items()]
    groups = [g for g in (OURS, *PEERS) if any(best(e, g, "memory") for _, e in entries)]
    cells = {key: [best(entry, g, "memory") for g in groups] for key, entry in entries}
    return Table("Peak memory of the process, MiB", ["", *groups],
                 [[key, *(f"{mib:.0f}" if mib else "-" for mib in row)] for key, row in cells.items() if any(row)])


def install(result: Result) -> Table:
    """Megabytes on disk."""
    sizes = result.get("install") or {}
    rows = [[name, *(f"{sizes[key][part] / 1e6:.0f} MB" for part in ("own", "all"))]
            for name, key in LIBRARIES.items() if key in sizes]
    return Table("On disk", ["", "its own files", "with all that it requires"], rows)


def differences(result: Result) -> dict[tuple[str, str], float]:
    """{(workload, name): relative difference of the number that proves the work alike to Cutaway's, or the median's}"""
    found: dict[tuple[str, str], float] = {}
    for key, entry in result["workloads"].items():
        losses = {name: c["loss"] for name, c in entry["competitors"].items() if "loss" in c}
        ours = [loss for name, loss in losses.items() if entry["competitors"][name]["group"] == OURS]
        reference = (ours or [statistics.median(losses.values()) if losses else 0])[0]
        found |= {(key, name): loss / reference - 1 for name, loss in losses.items()}
    return found


def losses_apart(result: Result) -> list[str]:
    """Who did not do the same work; a number that is not finite is apart."""
    return [f"{name} on {key}" for (key, name), d in differences(result).items() if not abs(d) <= result["tolerance"]]


def losses(result: Result) -> Table:
    found, keys = differences(result), list(result["workloads"])
    rows = [[n, *(f"{found[k, n]:+.1e}" if (k, n) in found else "" for k in keys)] for n in names(result)]
    return Table(f"{result['proof']} lies this far from Cutaway's, relatively:", ["", *keys],
                 [row for row in rows if any(row[1:])])


def start(result: Result) -> Table:
    """The whole process, from start to end."""
    found = result.get("start") or {"workload": "", "seconds": {}}
    rows = [[n, *(f"{t[k]:.2f} s" if k in t else "-" for k in ("first", "later"))] for n, t in found["seconds"].items()]
    targets = " Targets for Cutaway: under 10 s the first time ever, under 0.6 s later."
    targets *= result.get("family") != "xla"
    return Table(f"The whole process that trains one epoch of workload {found['workload']}, on one thread.{targets}",
                 ["", "first ever, empty caches", "later"], rows)


def failures(result: Result) -> list[str]:
    return sorted({f"{n}: {c['missing']}" for e in result["workloads"].values()
                   for n, c in e["competitors"].items() if c.get("missing", "").startswith("failed")})


def conditions(result: Result) -> str:
    """When, where and how it was measured, in one line."""
    m, s = result["machine"], result["settings"]
    versions = {k: v for e in result["workloads"].values() for c in e["competitors"].values()
                for k, v in c.get("versions", {}).items()}
    facts = [f"{m['cores']} cores", m["vector"], m["system"]]
    if result.get("build"):
        versions["build before"] = result["build"]
    if m["load"] is not None:
        facts.append(f"load at the start {m['load']:.1f}")
    if "gflops" in m:
        facts.append(f"{m['gflops']:.0f} GFLOP/s in one thread's large matrix product")
        facts.append("memory " + ", ".join(f"{v:.1f} GB/s on {k}" for k, v in m["bandwidth"].items()))
    return (f"{result['date']}; {m['processor']}, {', '.join(facts)}; NumPy's BLAS: {m['blas']}; "
            + ", ".join(f"{k} {v}" for k, v in versions.items())
            + f". {s['rounds']} rounds of {s['seconds']:g} s, best of {' and '.join(map(str, s['threads']))} threads.")


def rounded(value: Any) -> Any:
    """Four digits are more than the measurements have."""
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(v) for v in value]
    return float(f"{value:.4g}") if isinstance(value, float) and abs(value) >= 10 else value
