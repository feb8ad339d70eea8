"""read_ts: the .ts text format of the UCR and UEA time series archives becomes a Series.

A file is read line by line and checked as it goes: what it costs is in proportion to its size, whatever it holds.
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from os import PathLike
from pathlib import Path
from typing import IO, Any

import numpy as np

from ..errors import DataError
from ..text import counted
from .cells import is_gap, parse_number, plainest
from .limits import LONGEST_HEADER_LINE, LONGEST_LABEL, MOST_DIMENSIONS, MOST_PADDING, MOST_VALUES
from .limits import LONGEST_TS_LINE as LONGEST_LINE
from .limits import SEQUENCES_AT_ONCE as BLOCK
from .limits import WIDE_LABELS as WIDE
from .reading import column_names
from .series import Series, packed
from .source_files import existing, opened, refuse_bomb, start_of
from .table_files import refuse_mixed_encodings
from .ts_times import values_alone

TAGS = ("problemName", "timeStamps", "missing", "univariate", "dimensions", "equalLength", "seriesLength",
        "classLabel", "targetLabel", "data")
OTHER_SPELLINGS = {"dimension": "dimensions", "targetlabels": "targetLabel", "classlabels": "classLabel"}
ARFF = ("relation", "attribute")


def read_ts(path: str | PathLike) -> Series:
    """Read a file in the .ts format of the UCR and UEA archives (it may be gzipped).

    A header of lines such as `@univariate true` ends with `@data`; each line under it is a sequence: its dimensions,
    separated by `:`, each with values separated by `,`, then the label. `?` and NaN are gaps, `#` begins a comment.
    With `@timeStamps true` values are pairs (time,value); evenly spaced times are left out, others refused.
    y holds the class labels as text, None where one is a gap, or float64 numbers under `@targetLabel true`.
    Raises DataError, with file, line and what belongs there, for anything else.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".ts") as file:
    ...     _ = file.write("@problemName steps\\n@classLabel true up down\\n@data\\n1,2,3:up\\n9,4:down\\n")
    ...     file.flush()
    ...     read_ts(file.name)
    steps: 2 sequences, 2 to 3 time steps of 1 feature, 2 labels
    """
    path = existing(path)
    if path.is_dir():
        raise DataError(f"{path} is a folder, not a series: name a .ts file in it.")
    for encoding in ("utf-8-sig", "latin-1"):
        try:
            gzipped = start_of(path).gzipped
            if gzipped:
                refuse_bomb(path, "a series")
            with opened(path, gzipped, encoding=encoding) as file:
                return _read(file, path)
        except UnicodeError:
            refuse_mixed_encodings(path, gzipped)
        except (OSError, EOFError, zlib.error) as reason:
            raise DataError(f"{path} cannot be read ({reason}): fetch it again.") from reason
    raise AssertionError("every byte is a character in latin-1")


@dataclass
class _Header:
    name: str
    dimensions: int | None  # None: the first row decides
    length: int | None  # None: any
    label: str | None  # "classLabel", "targetLabel" or None
    classes: frozenset[str]  # empty: any
    gaps: bool  # whether the header lets gaps be
    equal: bool = False  # whether the header says that all are of one length
    timed: bool = False  # whether values stand beside their time stamps


def _read(file: IO[str], path: Path) -> Series:
    lines = _lines(file, path)
    header = _header(lines, path)
    blocks: list[np.ndarray] = []
    rows: list[np.ndarray] = []
    lengths = array("q")
    labels: list[Any] = []
    known: dict[Any, Any] = {}
    size = 0
    for at, line in lines:
        row, label = _row(line, header, at)
        size += row.size
        if size > MOST_VALUES:
            raise DataError(f"{at}: the file holds more than {MOST_VALUES:,} values: read it in parts.")
        rows.append(row)
        lengths.append(len(row))
        labels.append(known.setdefault(label, label) if isinstance(label, str) else label)
        if len(rows) == BLOCK:
            blocks.append(np.concatenate(rows))
            rows.clear()
    if not lengths:
        raise DataError(f"{path} has no sequences under @data.")
    steps = np.concatenate(blocks + rows)
    del blocks, rows
    notes = ["evenly spaced time stamps are left out"] * header.timed
    if gaps := int(np.isnan(steps).sum()):
        notes.append(counted(gaps, "value") + f" missing of {steps.size:,}")
        notes[-1] += "" if header.gaps else ", though the header says @missing false"
    y = None
    if header.label == "targetLabel":
        y = np.array(labels, np.float64)
    elif header.label is not None:
        wasteful = max(map(len, known), default=0) * len(labels) > max(MOST_PADDING * len(steps), WIDE)
        y = np.array(labels, object if None in labels or wasteful else str)
    if y is not None and (unknown := sum(label is None or label != label for label in labels)):
        notes.append(f"{counted(unknown, 'sequence')} without a label")
    X = packed(steps, np.array(lengths), f"{path}")
    return Series(X, y, header.name, column_names(steps.shape[1]), notes=notes)


def _lines(file: IO[str], path: Path) -> Iterator[tuple[str, str]]:
    """Give where each line stands, in words, and the line; without comments and empty lines."""
    number = 0
    while line := file.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            raise DataError(f"{path}, line {number}: the line has more than {LONGEST_LINE:,} characters: cut it.")
        line = line.strip()
        if line and line[0] not in "#%":
            yield f"{path}, line {number}", line


def _header(lines: Iterator[tuple[str, str]], path: Path) -> _Header:
    known = {tag.lower(): tag for tag in TAGS} | OTHER_SPELLINGS
    found: dict[str, tuple[str, list[str]]] = {}
    for at, line in lines:
        if len(line) > LONGEST_HEADER_LINE:
            raise DataError(f"{at}: the line has more than {LONGEST_HEADER_LINE:,} characters, in the header: cut it.")
        if line[0] != "@":
            missing = "the line @data is missing above it" if found else "this is no .ts file"
            raise DataError(f"{at}: {line!r:.40} where a header line like '@univariate true' belongs: {missing}.")
        word, *words = line[1:].split() or [""]
        tag = known.get(word.lower())
        if word.lower() in ARFF:
            raise DataError(f"{at}: @{word} belongs to an .arff file: take the data set's .ts file.")
        if tag is None:
            close = get_close_matches(word.lower()[:40], known, n=1)
            guess = f"did you mean @{known[close[0]]}?" if close else f"there are @{', @'.join(TAGS)}."
            raise DataError(f"{at}: @{word:.40} is no header line of a .ts file: {guess}")
        if tag == "data":
            return _understood(found, path)
        if tag in found:
            raise DataError(f"{at}: @{tag} stands twice in the header: remove one.")
        found[tag] = at, words
    raise DataError(f"{path} has no line @data, under which the sequences stand: it is cut short, or no .ts file.")


def _understood(found: dict[str, tuple[str, list[str]]], path: Path) -> _Header:
    """The header's lines checked, alone and against each other."""

    def truth(tag: str) -> bool | None:
        at, words = found.get(tag, ("", []))
        if not at:
            return None
        if not words or words[0].lower() not in ("true", "false"):
            raise DataError(f"{at}: @{tag} is followed by true or false, not {' '.join(words)!r:.40}.")
        return words[0].lower() == "true"

    def number(tag: str) -> int | None:
        at, words = found.get(tag, ("", []))
        if not at:
            return None
        text = words[0] if len(words) == 1 else ""
        if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):
            raise DataError(f"{at}: @{tag} is followed by a whole number above 0, not {' '.join(words)!r:.40}.")
        return int(text)

    dimensions, univariate = number("dimensions"), truth("univariate")
    if univariate and dimensions not in (None, 1):
        raise DataError(f"{found['dimensions'][0]}: {dimensions} dimensions, but the header says @univariate true.")
    given = [tag for tag in ("classLabel", "targetLabel") if truth(tag)]
    if len(given) > 1:
        raise DataError(f"{found['targetLabel'][0]}: labels are classes or numbers: say false in one of the lines.")
    length = number("seriesLength")
    return _Header(
        name=" ".join(found.get("problemName", ("", []))[1]) or path.name.partition(".")[0],
        dimensions=1 if univariate else dimensions,
        length=None if truth("equalLength") is False else length,
        label=given[0] if given else None,
        classes=frozenset(found["classLabel"][1][1:]) if given == ["classLabel"] else frozenset(),
        gaps=truth("missing") is not False,
        equal=truth("equalLength") is True and length is None, timed=truth("timeStamps") is True,
    )


def _row(line: str, header: _Header, at: str) -> tuple[np.ndarray, Any]:
    """Read one sequence (time, features), and its label."""
    if line[0] == "(" and not header.timed:
        raise DataError(f"{at}: pairs of a time stamp and a value: say @timeStamps true in the header.")
    line = values_alone(line, at) if header.timed else line
    if header.label is None:
        line = line.removesuffix(":")  # aeon writes one where the label would follow
    found, labelled = line.count(":") + 1, header.label is not None
    if found > MOST_DIMENSIONS + 1:
        raise DataError(f"{at}: {found:,} parts between colons: sequences have at most {MOST_DIMENSIONS:,} dimensions.")
    if header.dimensions is None:
        header.dimensions = max(1, found - labelled)
    if found != header.dimensions + labelled:
        wanted = counted(header.dimensions, "dimension") + (" and a label" if labelled else " and no label")
        hint = "add @classLabel true to the header, or remove the label" if found > header.dimensions + labelled else ""
        raise DataError(
            f"{at}: {counted(found, 'part')} between colons where {wanted} belong, {header.dimensions + labelled}: "
            + (hint if hint and not labelled else "is the line cut short, or a colon missing or too many?")
        )
    parts = line.split(":")
    label = _label(parts.pop().strip(), header, at) if labelled else None
    dimensions = [_values(part, f"{at}, dimension {i}") for i, part in enumerate(parts, 1)]
    for i, values in enumerate(dimensions, 1):
        if len(values) != len(dimensions[0]):
            raise DataError(
                f"{at}, dimension {i}: {counted(len(values), 'value')}, but dimension 1 has {len(dimensions[0]):,}: "
                "the dimensions of a sequence have one value each for every time step (? for a gap)."
            )
    if header.equal and header.length is None:
        header.length = len(dimensions[0])
    if header.length not in (None, len(dimensions[0])):
        said = f"@equalLength true, and the first sequence has {header.length}" if header.equal else (
            f"@seriesLength {header.length}")
        raise DataError(
            f"{at}: {counted(len(dimensions[0]), 'time step')}, but the header says {said}: is the line cut short? If "
            "lengths differ, say @equalLength false."
        )
    return np.stack(dimensions, axis=1), label


def _values(text: str, at: str) -> np.ndarray:
    cells = text.split(",")
    try:
        if "_" in text:  # float("1_000") is a number
            raise ValueError
        values = np.fromiter(map(float, cells), np.float64, len(cells))
    except ValueError:
        parsed = [parse_number(cell) if cell.strip() else None for cell in cells]
        if None in parsed:
            place = parsed.index(None)
            got = f"{cells[place].strip()!r:.40}" if cells[place].strip() else "nothing"
            raise DataError(f"{at}, value {place + 1}: {got} where a number, or ? for a gap, belongs.") from None
        values = np.array(parsed, np.float64)
    if np.isinf(values).any():
        place = int(np.flatnonzero(np.isinf(values))[0])
        raise DataError(f"{at}, value {place + 1}: {cells[place].strip()!r:.40} is infinite: write ? for a gap.")
    return values


def _label(text: str, header: _Header, at: str) -> Any:
    if header.label == "targetLabel":
        number = parse_number(text)
        if number is None or np.isinf(number):
            raise DataError(f"{at}: the target, behind the last colon, is {text!r:.40}, not a finite number.")
        return number
    if text in header.classes:
        return text
    if (plain := plainest(text)) is not None and (same := [one for one in header.classes if plainest(one) == plain]):
        return min(same)  # 1.0 where the header lists 1
    if is_gap(text):
        return None
    if header.classes:
        known = ", ".join(sorted(header.classes)[:10]) + (", ..." if len(header.classes) > 10 else "")
        raise DataError(f"{at}: the label, behind the last colon, is {text!r:.40}, but @classLabel lists {known:.200}.")
    if len(text) > LONGEST_LABEL:
        raise DataError(f"{at}: the label, behind the last colon, has {len(text):,} characters: {text!r:.40}...")
    return text
