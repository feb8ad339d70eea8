"""The Markdown tables of benchmarks/README.md, made from benchmarks/results/*.json: `python -m benchmarks.report`."""

import json
from pathlib import Path

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
OURS = "Cutaway"
BEGIN = "<!-- results of {}: written by `python -m benchmarks.report` -->"
END = "<!-- end of results -->"


def rounded(value):
    """Four digits are more than the measurements have."""
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [rounded(v) for v in value]
    return float(f"{value:.4g}") if isinstance(value, float) and abs(value) >= 10 else value


def table(head, rows) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def number(x) -> str:
    """10.2, 398, 1720"""
    return f"{x:.1f}" if x < 100 else f"{x:.0f}"


def best(entry, group, key="us"):
    """The best of a group on one workload, or None."""
    found = [c[key] for c in entry["competitors"].values() if c["group"] == group and key in c]
    return min(found, default=None)


def names(result) -> list[str]:
    return list(dict.fromkeys(name for entry in result["workloads"].values() for name in entry["competitors"]))


def times(result) -> str:
    """µs a step: median, spread, threads, and how many times Cutaway's."""

    def cell(entry, name):
        c = entry["competitors"][name]
        if "us" not in c:
            return c.get("missing", "").split(":")[0]
        ours = best(entry, OURS)
        ratio = f" **{c['us'] / ours:.2g}x**" if ours and c["group"] != OURS else ""
        return f"{number(c['us'])}{ratio} ({number(c['min'])}-{number(c['max'])}; {c['threads']}t)"

    entries = result["workloads"]
    return table(["µs a step", *entries], [[n, *(cell(e, n) for e in entries.values())] for n in names(result)])


def peer_groups(result) -> list[str]:
    found = dict.fromkeys(c["group"] for entry in result["workloads"].values() for c in entry["competitors"].values())
    return [group for group in found if group not in (OURS, "limit")]


def against_targets(result) -> str:
    """The best of each group against Cutaway beside what was set as a target before the work began."""
    rows, peers = [], peer_groups(result)
    for key, entry in result["workloads"].items():
        ours, memory, cells = best(entry, OURS), best(entry, OURS, "memory"), []
        for group in peers:
            theirs, target = best(entry, group), result["targets"][key].get(group)
            ratio = f"{theirs / ours:.2g}x" if theirs and ours else "-"
            cells.append(f"{ratio} (at least {target}x)" if target else ratio)
        limit = best(entry, "limit")
        ratio = f"{ours / limit:.2f}" if limit and ours else "-"
        cells.append(f"{ratio} (at most {result['targets'][key]['limit']})")
        theirs = best(entry, "PyTorch", "memory")
        cells.append(f"{memory:.0f} / {theirs:.0f} MiB" if memory and theirs else "-")
        rows.append([key, *cells])
    return table(["best of", *peers, "Cutaway / products", "memory, Cutaway / PyTorch"], rows)


def differences(result) -> dict[tuple[str, str], float]:
    """{(workload, name): relative difference of the final loss to Cutaway's, or to the first there is}"""
    found = {}
    for key, entry in result["workloads"].items():
        losses = {name: c["loss"] for name, c in entry["competitors"].items() if "loss" in c}
        reference = losses.get(OURS) or next(iter(losses.values()), None)
        found |= {(key, name): loss / reference - 1 for name, loss in losses.items()}
    return found


def losses_apart(result) -> list[str]:
    return [f"{name} on {key}" for (key, name), d in differences(result).items() if abs(d) > result["tolerance"]]


def losses(result) -> str:
    found, keys = differences(result), list(result["workloads"])
    rows = [[n, *(f"{found[k, n]:+.1e}" if (k, n) in found else "" for k in keys)] for n in names(result)]
    return table(["loss, relative", *keys], [row for row in rows if any(row[1:])])


def start(result) -> str:
    if not (result["start"] and result["start"]["seconds"]):
        return ""
    rows = [[n, *(f"{t[k]:.2f} s" if k in t else "-" for k in ("first", "later"))]
            for n, t in result["start"]["seconds"].items()]
    about = ("The whole process, from start to end, that trains one epoch of workload {workload}, on one thread. "
             "Cutaway's targets: under 10 s the first time ever, under 0.6 s later.\n\n")
    return about.format(**result["start"]) + table(["", "first ever, empty caches", "later"], rows)


def render(result) -> str:
    m, s = result["machine"], result["settings"]
    versions = {k: v for e in result["workloads"].values() for c in e["competitors"].values()
                for k, v in c.get("versions", {}).items()}
    about = [f"{key}: {entry['about']}." for key, entry in result["workloads"].items()]
    missing = sorted({f"{n}: {c['missing']}." for e in result["workloads"].values()
                      for n, c in e["competitors"].items() if c.get("missing", "").startswith("failed")})
    return "\n\n".join(filter(None, [
        f"### {result['family']}" + (" (a quick run: rough)" if result["quick"] else ""),
        f"{result['date']}; {m['processor']}, {m['cores']} cores, {m['vector']}, {m['system']}, load at the start "
        f"{m['load']:.1f}; NumPy's BLAS: {m['blas']}; " + ", ".join(f"{k} {v}" for k, v in versions.items())
        + f". {s['rounds']} rounds of {s['seconds']:g} s, best of {' and '.join(map(str, s['threads']))} threads.",
        " ".join(about),
        times(result), against_targets(result),
        "After the same updates on the same batches, the loss on all rows lies this far from the first line's:",
        losses(result), start(result), *missing]))


def write_readme() -> None:
    """Puts each family's tables between its two marks."""
    readme = HERE / "README.md"
    text = readme.read_text()
    for path in sorted(RESULTS.glob("*.json")):
        result = json.loads(path.read_text())
        begin = BEGIN.format(result["family"])
        before, rest = text.split(begin)
        after = rest.split(END, 1)[1]
        text = f"{before}{begin}\n\n{render(result)}\n\n{END}{after}"
    readme.write_text(text)


if __name__ == "__main__":
    write_readme()
