"""python -m benchmarks.tables: see main's help."""

from __future__ import annotations

import argparse
from pathlib import Path

from . import files


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tables", description=__doc__)
    parser.add_argument("--write", action="store_true",
                        help="only write the tables as files, with the packages of this Python")
    parser.add_argument("--folder", type=Path, help="where the tables lie; default: CUTAWAY_TABLES, or build/tables")
    given = parser.parse_args()
    where = given.folder or files.folder()
    if given.write:
        files.write(where)


if __name__ == "__main__":
    main()
