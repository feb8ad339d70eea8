"""The tables of docs/tables-benchmark.md, and the short one of docs/tables.md, made from what was measured."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

from ..report import fill, markdown
from ..shown import Table
from . import catalogue, measure
from .peers import COMPETITORS
from .ranks import mean_of, mean_ranks, share

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tables-benchmark.md"
USERS_PAGE = PAGE.with_name("tables.md")
BEGIN = "<!-- {}: written by `python -m benchmarks.tables` -->"
RIVALS = ["linear", "scikit-learn MLP", "boosting", "RealMLP-TD"]
PRESETS = ["before", "fast", "default", "best"]
NAMES = {"before": "Cutaway before", "fast": "Cutaway, fast", "default": "Cutaway", "best": "Cutaway, best"}

Results = dict[str, Any]


def named(who: str) -> str:
    return NAMES.get(who, who)


def present(results: Results, tables: tuple[str, ...], key: str) -> list[str]:
    """The competitors that have this number on any of the tables, in their order."""
    shown = [name for name, one in COMPETITORS.items() if not one.aside]
    return [who for who in shown if any(mean_of(results, table, who, key) is not None for table in tables)]


def grid(results: Results, tables: tuple[str, ...], key: str, form: str, better: str, title: str = "") -> Table:
    """A line a table, a column a competitor; the best of a line is bold, and what is missing a dash."""
    who = present(results, tables, key)
    rows = []
    for table in tables:
        values = {name: mean_of(results, table, name, key) for name in who}
        whole = [value for value in values.values() if value is not None]
        if not whole:
            continue
        best = format(max(whole) if better == "more" else min(whole), form)
        cells = ["-" if value is None else format(value, form) for value in values.values()]
        rows.append([table, *(f"**{cell}**" if cell == best else cell for cell in cells)])
    return Table(title, ["", *map(named, who)], rows)


def places(results: Results, tables: tuple[str, ...], key: str = "score", better: str = "more") -> Table:
    """The mean rank of each preset among itself and its rivals, and theirs beside it; then with TabM among them."""
    rows = []
    for rivals in (RIVALS, [*RIVALS, "TabM"]):
        for preset in PRESETS:
            found, used = mean_ranks(results, tables, [*rivals, preset], key, better)
            if used and len(found) == len(rivals) + 1:
                cells = [f"{found[name]:.1f}" if name in found else "-" for name in [*RIVALS, "TabM"]]
                rows.append([named(preset), f"**{found[preset]:.1f}**", *cells, str(len(used))])
    return Table("", ["", "its mean rank", *RIVALS, "TabM", "tables"], rows)


def in_short(results: Results) -> Table:
    """The mean ranks of each preset and its rivals, by R² or accuracy, held-out tables first; and its share of time."""
    rows = []
    for part in reversed(catalogue.PARTS):
        tables = catalogue.names(part)
        for preset in PRESETS[1:]:
            found, used = mean_ranks(results, tables, [*RIVALS, preset], "score", "more")
            time = share(results, tables, preset)
            if used and time is not None:
                rows.append([f"{len(used)} {part}", named(preset), f"**{found[preset]:.1f}**",
                             *(f"{found[name]:.1f}" for name in RIVALS), f"{time:.3f}"])
    return Table("", ["tables", "", "its mean rank", *RIVALS, "time / RealMLP-TD's, median"], rows)


def times(results: Results, tables: tuple[str, ...]) -> Table:
    """The seconds of a fit, and at the end the share of RealMLP-TD's."""
    table = grid(results, tables, "cpu", ".1f", "less")
    shares = [share(results, tables, who) for who in present(results, tables, "cpu")]
    last = ["of RealMLP-TD's, median", *("-" if s is None else "1" if s == 1 else f"{s:.3f}" for s in shares)]
    return table._replace(rows=[*([name, *(cell.strip("*") for cell in cells)] for name, *cells in table.rows), last])


def intervals(results: Results, tables: tuple[str, ...]) -> Table:
    """How many of the tested rows lie in intervals of 90 %, and how wide these are beside boosted quantiles: the means
    over the splits that both were measured on, the spread over them, and how many they are. Boosted quantiles as they
    come cover too little: beside them are those moved outward until they hold."""
    rows = []
    for table in tables:
        splits, line = list(results.get("fits", {}).get(table, {}).values()), []
        for who in ("boosting", "conformal boosting", *PRESETS):
            found = [(fits[who]["coverage"], fits[who]["width"], fits["boosting"]["width"]) for fits in splits
                     if "coverage" in fits.get(who, {}) and "width" in fits.get("boosting", {})]
            covered, width, base = zip(*found, strict=True) if found else ((), (), ())
            cells = [f"{statistics.fmean(covered):.1%}" if found else "-"]
            cells += [f"± {statistics.stdev(covered) * 100:.1f}"] if len(found) > 1 else []
            cells += [f"({len(found)})"] if found and len(found) != measure.THRICE else []
            line.append(" ".join(cells) + (f", {sum(width) / sum(base):.2f}" if found and who != "boosting" else ""))
        if any(cell != "-" for cell in line[2:]):
            rows.append([table, *line])
    return Table("", ["", "boosted quantiles", "the same, conformal", *map(named, PRESETS)], rows)


def calibration(results: Results, tables: tuple[str, ...]) -> Table:
    """The log loss with and without the temperature, and boosting's beside it."""
    rows = []
    for table in tables:
        found = [mean_of(results, table, who, "loss") for who in ("default", "uncalibrated", "boosting")]
        if None not in found[:2]:
            rows.append([table, *("-" if x is None else f"{x:.3f}" for x in found)])
    return Table("", ["", named("default"), "uncalibrated", "boosting"], rows)


def houses(results: Results) -> Table:
    """R² on the houses of Ames over many random splits."""
    splits = results.get("ames", {}).get("ames", {}).values()
    rows = []
    for who in COMPETITORS:
        found = [fits[who]["score"] for fits in splits if "score" in fits.get(who, {})]
        if len(found) > 1:
            of_all = (statistics.fmean(found), statistics.stdev(found), min(found))
            rows.append([named(who), str(len(found)), *(f"{x:.3f}" for x in of_all)])
    return Table("", ["", "splits", "mean R²", "spread", "worst"], rows)


def listed(results: Results) -> Table:
    """What the tables are, where they come from and on what terms."""
    sizes = results.get("sizes", {})
    rows = [[s.name, s.about,
             " × ".join(f"{n:,}" for n in sizes.get(s.name, ())), s.target, s.by,
             f"{s.package}: {s.item}", s.terms, "held out" if s.name in catalogue.HELD_OUT else ""]
            for s in catalogue.SOURCES]
    return Table("", ["", "what it is", "rows × columns", "target", "split by", "source", "terms", "part"], rows)


def part_of_page(results: Results, part: str) -> str:
    """All tables of a part that has been measured."""
    tables = catalogue.names(part)
    classes = tuple(s.name for s in catalogue.SOURCES if s.name in tables and s.task == "classification")
    others = tuple(name for name in tables if name not in classes)
    found = [("Mean ranks by R² and accuracy.", places(results, tables)),
             ("Mean ranks by log loss, of tables with classes.", places(results, classes, "loss", "less")),
             ("R².", grid(results, others, "score", ".3f", "more")),
             ("Accuracy.", grid(results, classes, "score", ".3f", "more")),
             ("Log loss.", grid(results, classes, "loss", ".3f", "less")),
             ("Seconds of processor time of a fit, on one thread.", times(results, tables)),
             ("Log loss with calibration and without.", calibration(results, classes)),
             ("Intervals of 90 %: rows covered, mean and spread of three splits (or so many); width over that of "
              "boosted quantiles.", intervals(results, others))]
    return "\n\n".join(f"{title}\n\n{markdown(table)}" for title, table in found if table.rows)


def write(results: Results, path: Path = PAGE) -> None:
    text = fill(path.read_text(), BEGIN.format("tables"), markdown(listed(results)))
    for part in catalogue.PARTS:
        text = fill(text, BEGIN.format(part), part_of_page(results, part) or "Not measured yet.")
    path.write_text(fill(text, BEGIN.format("ames"), markdown(houses(results)) or "Not measured yet."))
    users = path.with_name(USERS_PAGE.name)
    users.write_text(fill(users.read_text(), BEGIN.format("ranks"), markdown(in_short(results)) or "Not measured yet."))


if __name__ == "__main__":
    write(measure.read())
