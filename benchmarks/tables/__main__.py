"""Cutaway's estimators beside their peers on real tables: scores, log loss, seconds and ranks.

Measures what is missing in benchmarks/results/tables.json, one fit at a time, each in a process of its own on one
thread, and writes the tables of docs/tables-benchmark.md.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from ..report import markdown
from . import catalogue, files, measure, page
from .measure import Fit
from .peers import COMPETITORS


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tables", description=__doc__)
    parser.add_argument("--part", choices=catalogue.PARTS, default="development", help="which tables")
    parser.add_argument("--tables", nargs="+", choices=catalogue.names(), metavar="TABLE", help="these alone")
    parser.add_argument("--only", nargs="+", choices=list(COMPETITORS), metavar="WHO",
                        help=f"these alone: {', '.join(COMPETITORS)}")
    parser.add_argument("--peers", default=os.environ.get("CUTAWAY_BENCH_PEERS", sys.executable), metavar="PYTHON",
                        help="the Python that has what benchmarks/tables/requirements.txt names")
    parser.add_argument("--build", type=Path, default=files.ROOT, metavar="FOLDER",
                        help="another checkout, whose Cutaway is measured; --only before takes one without presets")
    parser.add_argument("--again", action="store_true", help="measure anew what is there already")
    parser.add_argument("--ames", type=int, metavar="N", help="only the houses, over N random splits")
    parser.add_argument("--splits", type=int, metavar="N",
                        help="so many of each table: one or three say little of how many rows intervals cover")
    parser.add_argument("--report", action="store_true", help="measure nothing: print, and write the page")
    parser.add_argument("--write", action="store_true", help="only write the tables as files")
    parser.add_argument("--folder", type=Path, default=files.folder(), help="default: CUTAWAY_TABLES, or build/tables")
    parser.add_argument("--out", type=Path, default=measure.RESULTS, help="default: benchmarks/results/tables.json")
    return parser.parse_args()


def houses(given: argparse.Namespace, who: list[str]) -> None:
    """Measures random splits of the houses, apart from the splits of all tables."""
    fits = [Fit("ames", split, name) for name in who for split in range(given.ames)]
    one = measure.in_a_process(given.peers, given.build, given.folder)
    measure.run(fits, given.out, one, given.again, under="ames")


def main() -> None:
    given = arguments()
    if given.write:
        files.write(given.folder)
        return
    if given.ames:
        houses(given, given.only or ["fast", "default", "best"])
    elif not given.report:
        sizes = measure.sizes(given.folder)
        measure.write(measure.read(given.out) | {"sizes": sizes}, given.out)
        chosen = given.tables or catalogue.names(given.part)
        rows = {name: size[0] for name, size in sizes.items() if name in chosen}
        who = given.only or [name for name in COMPETITORS if name != "before"]
        one = measure.in_a_process(given.peers, given.build, given.folder)
        measure.run(measure.wanted(rows, who, given.splits), given.out, one, given.again)
    results = measure.read(given.out)
    print(markdown(page.houses(results)) if given.ames else page.part_of_page(results, given.part))
    if given.out == measure.RESULTS and page.PAGE.exists():
        page.write(results)


if __name__ == "__main__":
    main()
