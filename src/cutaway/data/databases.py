"""Tables by query: of SQLite and DuckDB databases, of folders of Parquet, of any other table, which is named data."""

from __future__ import annotations

import os
import re
import sqlite3
from contextlib import closing
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ArgumentError, DataError
from ..extras import bring
from ..text import listed
from .arrow_files import refuse_size
from .limits import ROWS_AT_ONCE

if TYPE_CHECKING:
    import pandas as pd

#: How the names of system tables of SQLite begin, and what a query may do there.
SYSTEM = "sqlite_"
READING = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
#: What DuckDB may not do while it reads a file of somebody else: open other files, fetch what it lacks.
LOCKED: dict[str, Any] = {"enable_external_access": "false", "autoinstall_known_extensions": "false",
          "autoload_known_extensions": "false"}
MISSING = bring("sql")


def read_sqlite(path: Path, part: str | None = None, sql: str | None = None) -> pd.DataFrame:
    """A table of an SQLite database, by its name or a query; nothing in it is run or changed."""
    import pandas as pd

    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as base:
        try:
            names = [name for name, in base.execute("select name from sqlite_master where type in ('table', 'view') "
                                                    "order by name") if not name.startswith(SYSTEM)]
            sql = sql or f"select * from {_quoted(one_of(path, names, part, 'table', True))}"
            base.set_authorizer(lambda action, *_: sqlite3.SQLITE_OK if action in READING else sqlite3.SQLITE_DENY)
            found = base.execute(sql)
            columns = [name for name, *_ in found.description or []]
            rows: list[tuple] = []
            while some := found.fetchmany(ROWS_AT_ONCE // 16):
                rows += some
                refuse_size(path, len(rows), len(columns))
        except (sqlite3.Error, sqlite3.Warning) as reason:
            if "not a database" in str(reason) or "malformed" in str(reason):
                raise DataError(f"{path} is a damaged SQLite database ({reason}): write it again.") from reason
            raise _wrong_query(path, sql or "", reason, names if "no such table" in str(reason) else []) from reason
    _refuse_none(path, rows, columns)
    frame = pd.DataFrame(rows, columns=columns)
    for name in frame.columns if len(set(columns)) == len(columns) else ():
        if frame[name].dtype == object and all(cell is None for cell in frame[name]):
            frame[name] = float("nan")
    return frame


def read_duckdb(path: Path, part: str | None = None, sql: str | None = None) -> pd.DataFrame:
    """A table of a DuckDB database, by its name or a query."""
    import duckdb

    try:
        base = duckdb.connect(str(path), read_only=True, config=LOCKED)
    except duckdb.Error as reason:
        raise DataError(f"{path} is a damaged DuckDB database, or one of another version ({reason}).") from reason
    with closing(base):
        found = base.execute("select table_name from information_schema.tables order by 1").fetchall()
        names = [name for name, in found]
        sql = sql or f"select * from {_quoted(one_of(path, names, part, 'table', True))}"
        return _asked(base, sql, path)


def read_parquet_folder(path: Path, sql: str | None = None) -> pd.DataFrame:
    """The Parquet files in a folder and its folders as one table, named data in a query; year=2024 becomes a column."""
    import duckdb

    folder = os.path.realpath(path)
    with closing(duckdb.connect(config={name: LOCKED[name] for name in list(LOCKED)[1:]})) as base:
        base.execute(f"set allowed_directories = [{_text(folder + os.sep)}]")
        base.execute("set enable_external_access = false")
        base.execute("set lock_configuration = true")
        files = _text(folder + "/**/*.parquet")
        try:
            found = base.execute("select file_name, list(name) from parquet_schema(" + files + ") "
                                 "where type is not null group by 1 order by 1").fetchall()
            base.execute(f"create view data as select * from read_parquet({files}, hive_partitioning = true)")
        except duckdb.Error as reason:
            raise DataError(f"{path}: its Parquet files are no table together ({_first(reason)}).") from reason
        for name, columns in found:
            if differ := sorted(set(columns) ^ set(found[0][1])):
                one, other = (os.path.relpath(one, folder) for one in (found[0][0], name))
                raise DataError(f"{path}: files of one table have the same columns, and {one} and {other} differ in "
                                f"{listed(differ, 6)}.")
        return _asked(base, sql or "select * from data", path)


def query(frame: pd.DataFrame, sql: str, path: Path) -> pd.DataFrame:
    """What a query finds in a table, which it calls data."""
    try:
        import duckdb
    except ImportError as missing:
        raise DataError(f"{path}: queries are run by duckdb: {MISSING}.") from missing
    with closing(duckdb.connect(config=LOCKED)) as base:
        base.register("data", frame)
        return _asked(base, sql, path)


def _asked(base: Any, sql: str, path: Path) -> pd.DataFrame:
    import duckdb

    types: dict[str, str] = {}
    try:
        statements = base.extract_statements(sql)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise ArgumentError(f"{sql!r:.80}: give one query, select ... from ...")
        found = base.execute(statements[0])
        types = {name: str(type_) for name, type_, *_ in found.description}
        columns = [name for name, *_ in found.description]
        frames, rows = [], 0
        while len(some := found.fetch_df_chunk(64)):
            rows += len(some)
            frames.append(some)
            if not path.is_dir():
                refuse_size(path, rows, len(columns))
    except duckdb.Error as reason:
        if never := [name for name, type_ in types.items() if re.search(rf"\b{re.escape(type_)}\b", str(reason))]:
            cast = f"{_quoted(never[0])}::varchar as {_quoted(never[0])}"
            raise DataError(f"{path}: the column {listed(never, 5)} cannot be read ({_first(reason)}). Make it text or "
                            f"a number in the query: select * replace ({cast}) from ...") from reason
        raise _wrong_query(path, sql, reason, []) from reason
    _refuse_none(path, frames, columns)
    import pandas as pd

    return frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)


def one_of(path: Path, names: list[str], part: str | None, what: str, sql: bool = False) -> str:
    """The part of a file that is asked for, or its only one. Raises DataError that lists the parts, or guesses."""
    if part is None and len(names) == 1:
        return names[0]
    shown = listed(names, 12, 60)
    if part is None:
        query = ', or ask for rows: sql="select ..." (--sql)' if sql else f" (--{what} NAME)"
        raise DataError(f"{path} has {len(names)} {what}s: {shown}. Name one of them, {path.name}::{names[0]}{query}."
                        if names else f"{path} has no {what}s.")
    if part in names:
        return part
    letters = {name.casefold().strip(): name for name in names}
    near = get_close_matches(part.casefold().strip(), letters, n=1, cutoff=0.6)
    guess = f"did you mean {letters[near[0]]!r}? It has" if near else "it has"
    raise DataError(f"{path} has no {what} {part!r}: {guess} {shown}.")


def _wrong_query(path: Path, sql: str, reason: Exception, names: list[str]) -> ArgumentError:
    there = f" The database has {listed(names, 12, 60)}." if names else ""
    text = re.sub(r"\s*\n\s*", " ", _first(reason))
    return ArgumentError(f"{path.name}: the query {sql!r:.120} cannot be run: {text}.{there}")


def _first(reason: Exception) -> str:
    """What is wrong, without the query that DuckDB repeats under it."""
    return str(reason).split("\n\nLINE ")[0].strip().rstrip(".")


def _refuse_none(path: Path, found: list, columns: list[str]) -> None:
    if not found:
        raise DataError(f"{path}: the query, or table, has {listed(columns, 5)} and no rows." if columns else
                        f"{path}: the query gives no table.")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
