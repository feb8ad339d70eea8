"""Which table of a file is read, and how: the options that all commands with data share."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from typer import Option

SheetOption = Annotated[str | None, Option("--sheet", metavar="NAME", show_default=False,
                                           help="The sheet of a workbook, or the table of a database; also "
                                                "book.xlsx::NAME.")]
SqlOption = Annotated[str | None, Option("--sql", metavar="QUERY", show_default=False,
                                         help="The rows that a query gives: of a database, or of a file or a folder of "
                                              "Parquet files, which is called data.")]
MissingOption = Annotated[bool, Option("--user-missing", help="Keep what SPSS or Stata files declare missing, as "
                                                              "levels.")]


def said_of(sheet: str | None, sql: str | None, user_missing: bool = False,
            more: Iterable[Path] = ()) -> dict[str, Any]:
    """What the command line says of which table is read, by the names of ReadOptions: nothing that was left out."""
    said = {"sheet": sheet, "sql": sql, "user_missing": user_missing, "more": [str(path) for path in more]}
    return {name: value for name, value in said.items() if value}


def how_read(reading: dict[str, Any], sheet: str | None, sql: str | None, user_missing: bool = False,
             more: Iterable[Path] = ()) -> dict[str, Any]:
    """What a model says of reading files, with what the command line says of this one."""
    return reading | said_of(sheet, sql, user_missing, more)
