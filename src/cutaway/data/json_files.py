"""The reader of JSON and JSON lines: an object a row; what is nested becomes columns with dots in their names."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import DataError
from ..text import listed
from .limits import LONGEST_LIST
from .source_files import start_of
from .table_files import refuse_repeats, refuse_width
from .written_numbers import note

if TYPE_CHECKING:
    import pandas as pd

WANTED = 'give a list of objects, one a row, [{"area": 120, "zone": "RL"}, ...], or an object on each line'


def read_json(path: Path) -> pd.DataFrame:
    """The table in a JSON file: rows as a list of objects or of lists, one object a line, or an object of columns."""
    import pandas as pd

    try:
        text = path.read_text(encoding=start_of(path).encoding or "utf-8-sig")
    except UnicodeError as reason:
        raise DataError(f"{path} is JSON that is no UTF-8 ({reason}): save it as UTF-8.") from reason
    notes: list[str] = []
    try:
        rows = _rows(_parsed(text, path), path, notes)
        columns = _columns(rows, path, notes)
    except RecursionError as reason:
        raise DataError(f"{path} holds lists or objects too deep in one another: {WANTED}.") from reason
    if not columns:
        raise DataError(f"{path} holds no rows with names: {WANTED}.")
    frame = pd.DataFrame(columns)
    note(frame, notes)
    return frame


def _parsed(text: str, path: Path) -> Any:
    """The value in a JSON text, or a list of those on its lines."""
    if not text.strip():
        raise DataError(f"{path} is empty: {WANTED}.")
    try:
        return json.loads(text, object_pairs_hook=_once)
    except _Repeated as name:
        raise DataError(f"{path}: an object has more than one entry {str(name)!r}: rename one of them.") from None
    except ValueError as reason:
        if "\n" not in text.strip():
            raise DataError(f"{path} is damaged JSON ({reason}): write it again.") from reason
        whole = reason
    values = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            values.append(json.loads(line, object_pairs_hook=_once))
        except _Repeated as name:
            raise DataError(f"{path}, line {number}: more than one entry {str(name)!r}: rename one of them.") from None
        except ValueError as reason:
            said = reason if values else whole
            where = f", line {number}" if values else ""
            raise DataError(f"{path}{where} is damaged JSON ({said}): write it again.") from reason
    return values


class _Repeated(Exception):
    """An object has two entries of one name, of which Python would take the last."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _Repeated(next(name for name in names if names.count(name) > 1))
    return found


def _rows(value: Any, path: Path, notes: list[str]) -> Any:
    """Find the rows in a value: a list of objects or lists, or an object of columns."""
    if isinstance(value, dict):
        if {"columns", "data"} <= value.keys() and isinstance(value["data"], list):  # as pandas writes orient="split"
            return [value["columns"], *value["data"]]
        lists = [name for name, part in value.items() if isinstance(part, list)]
        if value and len(lists) == len(value):
            lengths = {len(part) for part in value.values()}
            if len(lengths) > 1:
                raise DataError(f"{path}: its columns have {listed(sorted(lengths), 5)} cells: give each as many.")
            if not all(isinstance(part, list) and part and all(isinstance(row, dict) for row in part)
                       for part in value.values()):
                return value
        inner = [name for name in lists if value[name] and all(isinstance(row, dict) for row in value[name])]
        if len(inner) == 1:
            notes.append(f"the rows are those of its entry {inner[0]!r}")
            return value[inner[0]]
        if len(inner) > 1:
            raise DataError(f"{path} holds more than one table, {listed(inner, 6)}: write one of them into a file.")
        if value and all(isinstance(part, dict) for part in value.values()):
            keys = list(dict.fromkeys(key for part in value.values() for key in part))
            return {name: [part.get(key) for key in keys] for name, part in value.items()}  # as pandas writes
        return [value]
    if isinstance(value, list) and value and all(isinstance(row, list) for row in value):
        return value
    if not isinstance(value, list) or not value or not all(isinstance(row, dict) for row in value):
        raise DataError(f"{path} is JSON, but no table: {WANTED}.")
    return value


def _columns(rows: Any, path: Path, notes: list[str]) -> dict[str, list[Any]]:
    if isinstance(rows, dict):
        rows = [dict(zip(rows, cells, strict=True)) for cells in zip(*rows.values(), strict=True)]
    elif isinstance(rows[0], list):
        named = all(isinstance(name, str) for name in rows[0])
        names = [name or f"column {i}" for i, name in enumerate(rows[0], 1)] if named else [
            f"column {i}" for i in range(1, len(rows[0]) + 1)]
        refuse_repeats(names, f"{path}, its first row")
        if odd := next((i for i, row in enumerate(rows) if not isinstance(row, list) or len(row) != len(names)), None):
            raise DataError(f"{path}: row {odd} of its list has not {len(names)} cells, as the first has.")
        rows = [dict(zip(names, row, strict=True)) for row in rows[named:]]
    lengths = _lengths(rows, path)
    columns: dict[str, list[Any]] = {}
    as_text: dict[str, None] = {}
    for i, row in enumerate(rows):
        for name, cell in _flat(row, lengths):
            if isinstance(cell, list | dict):
                as_text[name] = None
                cell = json.dumps(cell, ensure_ascii=False)
            cells = columns.setdefault(name, [])
            if len(cells) > i:
                raise DataError(f"{path}, row {i} (the first row is 0): two of its entries are called {name!r}, one "
                                "with a dot and one nested: rename one.")
            cells.extend([None] * (i - len(cells)))
            cells.append(cell)
        refuse_width(len(columns), path)
    for cells in columns.values():
        cells.extend([None] * (len(rows) - len(cells)))
    if as_text:
        notes.append(f"{listed(as_text, 5)}: lists of different lengths are kept as text")
    return columns


def _lengths(rows: Iterable[dict[str, Any]], path: Path) -> dict[str, int]:
    """The lengths of lists, by the names of columns in which all lists are of one length; of others, -1."""
    lengths: dict[str, int] = {}

    def look(name: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, part in value.items():
                look(f"{name}.{key}" if name else key, part)
        elif isinstance(value, list):
            flat = 0 < len(value) <= LONGEST_LIST and not any(isinstance(cell, list | dict) for cell in value)
            count = len(value) if flat else -1
            if lengths.setdefault(name, count) != count:
                lengths[name] = -1

    for row in rows:
        look("", row)
    return lengths


def _flat(row: dict[str, Any], lengths: dict[str, int], name: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in row.items():
        full = f"{name}.{key}" if name else key
        if isinstance(value, dict):
            yield from _flat(value, lengths, full)
        elif isinstance(value, list) and lengths.get(full, -1) > 0:
            yield from ((f"{full}.{i}", cell) for i, cell in enumerate(value))
        else:
            yield full, value
