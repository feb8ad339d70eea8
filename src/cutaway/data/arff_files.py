"""The reader of ARFF, the format of Weka and OpenML: dense and sparse rows, strict about what it does not know.

In a sparse row what is absent is 0: of numbers the zero, of a nominal attribute the first of its values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DataError
from ..text import counted, listed
from .limits import LONGEST_LINE, MOST_UNPACKED, MOST_UNPACKING_CELLS
from .source_files import start_of
from .table_files import refuse_repeats, refuse_width
from .written_numbers import note, whole

if TYPE_CHECKING:
    import pandas as pd

NUMBERS = ("numeric", "real", "integer")
TOKEN = re.compile(r"""\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|([^\s,'"{}%][^,{}]*?))\s*(,|$)""", re.DOTALL)
ATTRIBUTE = re.compile(r"""@attribute\s+(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|([^\s'"]+))\s*(\{.*\}|.+)$""", re.I)
WEIGHT = re.compile(r"""[^\s{]\s*,\s*(\{[^{}'"]*\})$""")
ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
#: Letters of Java's forms of dates, and what they are for Python.
JAVA = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S", "SSS": "%f", "yy": "%y", "MMM": "%b",
        "X": "%z", "Z": "%z", "EEE": "%a", "a": "%p", "hh": "%I"}
ISO = "yyyy-MM-dd'T'HH:mm:ss"


@dataclass
class Attribute:
    """A column as the header declares it: kind is "number", "nominal", "text" or "date"; form: how dates look."""

    name: str
    kind: str
    values: dict[str, int]
    form: str = ""


def read_arff(path: Path) -> pd.DataFrame:
    """The table in an ARFF file."""
    start = start_of(path)
    for encoding in [start.encoding] if start.encoding else ["utf-8-sig", "latin-1"]:
        try:
            with path.open(encoding=encoding) as file:
                return _read(_lines(file, path), path)
        except UnicodeError:
            continue
    raise DataError(f"{path} is not text in a known encoding: save it as UTF-8.")


def _lines(file: Any, path: Path) -> Iterator[tuple[int, str]]:
    number = 0
    while line := file.readline(LONGEST_LINE):
        number += 1
        if len(line) == LONGEST_LINE:
            raise DataError(f"{path}, line {number} has more than {LONGEST_LINE - 1:,} characters: is it a table?")
        if (text := line.strip()) and not text.startswith("%"):
            yield number, text


def _read(lines: Iterator[tuple[int, str]], path: Path) -> pd.DataFrame:
    attributes: list[Attribute] = []
    for number, line in lines:
        word = line.split(None, 1)[0].lower()
        if word == "@data":
            break
        if word == "@attribute":
            attributes.append(_attribute(line, f"{path}, line {number}"))
        elif word != "@relation":
            raise DataError(f"{path}, line {number}: {line!r:.40} is no @relation, @attribute or @data, as headers "
                            "are made of.")
    else:
        raise DataError(f"{path} has no line @data, under which rows stand.")
    if not attributes:
        raise DataError(f"{path} declares no @attribute: a table has columns.")
    refuse_width(len(attributes), path)
    refuse_repeats([attribute.name for attribute in attributes], f"{path}, its header")
    rows, sparse = [], False
    most = max(MOST_UNPACKED, MOST_UNPACKING_CELLS * path.stat().st_size) // (8 * len(attributes))
    for number, line in lines:
        where = f"{path}, line {number}"
        if line.endswith("}") and (weight := WEIGHT.search(line)):
            raise DataError(f"{where}: {weight[1]} is the row's weight, as Weka reads it. Weights are not read from "
                            "there: write them as one more attribute, and give fit that column as sample_weight.")
        if line.startswith("{"):
            sparse = True
            rows.append(_sparse(line, attributes, where))
        else:
            cells = _tokens(line, where)
            if len(cells) != len(attributes):
                raise DataError(f"{where}: {counted(len(cells), 'value')} for {counted(len(attributes), 'attribute')}.")
            rows.append([_cell(cell, attribute, where) for cell, attribute in zip(cells, attributes, strict=True)])
        if len(rows) > most:
            raise DataError(f"{path} has far more cells than its size allows for: more than {most:,} rows.")
    if not rows:
        raise DataError(f"{path} has no rows under @data.")
    return _frame(rows, attributes, sparse)


def _attribute(line: str, where: str) -> Attribute:
    found = ATTRIBUTE.match(line)
    if not found:
        raise DataError(f"{where}: {line!r:.60} declares no attribute: write @attribute NAME TYPE.")
    single, double, bare, kind = found.groups()
    name = _unescaped(single if single is not None else double) if bare is None else bare
    kind = kind.strip()
    if kind.startswith("{"):
        values = [cell for cell in _tokens(kind[1:kind.rindex("}")], where) if cell is not None]
        refuse_repeats(values, f"{where}: values of {name!r}")
        return Attribute(name, "nominal", {value: i for i, value in enumerate(values)})
    word, _, rest = kind.partition(" ")
    if word.lower() in NUMBERS:
        return Attribute(name, "number", {})
    if word.lower() == "string":
        return Attribute(name, "text", {})
    if word.lower() == "date":
        return Attribute(name, "date", {}, _python_form(rest.strip().strip("'\"") or ISO, where))
    raise DataError(f"{where}: {name!r} is of the type {word!r}: numeric, real, integer, string, date and {{lists}} "
                    "are read.")


def _python_form(form: str, where: str) -> str:
    """Write Java's form of a date as Python's."""
    found = ""
    for text, letters, other in re.findall(r"'([^']*)'|([A-Za-z]+?(?![A-Za-z])|([^A-Za-z']))", form):
        letters = "" if other else letters
        if text or other:
            found += (text or other).replace("%", "%%")
            continue
        for run in re.findall(r"((?:([A-Za-z])\2*))", letters):
            if run[0] not in JAVA:
                raise DataError(f"{where}: dates in the form {form!r} are not read: {run[0]!r} is not known.")
            found += JAVA[run[0]]
    return found


def _tokens(line: str, where: str) -> list[str | None]:
    """The cells of a dense row; None for a gap, a question mark that stands without quotation marks."""
    cells: list[str | None] = []
    at, more = 0, True
    while more:
        found = TOKEN.match(line, at)
        if not found:
            raise DataError(f"{where}: {line[at:]!r:.40} is no value: put quotation marks around what holds commas, "
                            "spaces or braces.")
        single, double, bare, comma = found.groups()
        quoted = single if single is not None else double
        cells.append(_unescaped(quoted) if quoted is not None else None if bare == "?" else bare)
        at, more = found.end(), comma == ","
    if line[at:].strip():
        raise DataError(f"{where}: {line[at:]!r:.40} stands behind the last value.")
    return cells


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: ESCAPES.get(found[1], found[1]), text, flags=re.DOTALL)


def _sparse(line: str, attributes: list[Attribute], where: str) -> list[Any]:
    if not line.endswith("}"):
        raise DataError(f"{where}: a sparse row ends with a brace.")
    row: list[Any] = [0.0 if attribute.kind == "number" else 0 if attribute.kind == "nominal" else None
                      for attribute in attributes]
    body, last = line[1:-1].strip(), -1
    at = 0
    while at < len(body):
        place = re.compile(r"\s*(\d{1,9})\s+").match(body, at)
        token = TOKEN.match(body, place.end()) if place else None
        if not place or not token:
            raise DataError(f"{where}: {body[at:]!r:.40} is no number of an attribute and a value behind it.")
        i = int(place[1])
        if not last < i < len(attributes):
            raise DataError(f"{where}: attribute {i} behind {last}: they rise, and the last of {len(attributes)} is "
                            f"{len(attributes) - 1}.")
        single, double, bare, _ = token.groups()
        quoted = single if single is not None else double
        cell = _unescaped(quoted) if quoted is not None else None if bare == "?" else bare
        row[i], last, at = _cell(cell, attributes[i], where), i, token.end()
    return row


def _cell(cell: str | None, attribute: Attribute, where: str) -> Any:
    """A cell's value: a number, the place of a nominal value, text; None for a gap."""
    if cell is None:
        return None
    if attribute.kind == "number":
        try:
            if "_" in cell:
                raise ValueError
            return float(cell)
        except ValueError:
            raise DataError(f"{where}: {cell!r:.40} is no number, as {attribute.name!r} is declared to be.") from None
    if attribute.kind == "nominal":
        if (place := attribute.values.get(cell)) is None:
            raise DataError(f"{where}: {cell!r:.40} is none of the values of {attribute.name!r}: "
                            f"{listed(attribute.values, 5)}.")
        return place
    if attribute.kind == "date":
        from datetime import datetime

        try:
            return datetime.strptime(cell, attribute.form)
        except ValueError:
            raise DataError(f"{where}: {cell!r:.40} is no date in the form of {attribute.name!r}.") from None
    return cell


def _frame(rows: list[list[Any]], attributes: list[Attribute], sparse: bool) -> pd.DataFrame:
    import pandas as pd

    columns: dict[str, Any] = {}
    for attribute, cells in zip(attributes, zip(*rows, strict=True), strict=True):
        if attribute.kind == "nominal":
            codes = np.array([-1 if cell is None else cell for cell in cells])
            columns[attribute.name] = pd.Categorical.from_codes(codes.tolist(), pd.Index(list(attribute.values)))
        elif attribute.kind == "number":
            x = np.array([np.nan if cell is None else cell for cell in cells], float)
            columns[attribute.name] = whole(pd.Series(x))
        else:
            columns[attribute.name] = list(cells)
    frame = pd.DataFrame(columns)
    firsts = [f"{one.name} is {next(iter(one.values))}" for one in attributes if one.kind == "nominal" and one.values]
    if sparse:
        note(frame, ["its rows are sparse: what is absent is 0" + (
            f", of nominal attributes their first value: {listed(firsts, 3)}" if firsts else "")])
    return frame
