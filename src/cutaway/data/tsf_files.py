"""read_tsf: the .tsf text format of the Monash forecasting archive becomes a long table, a row for each step."""

from __future__ import annotations

import re
from os import PathLike
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from ..errors import DataError
from .cells import is_gap
from .limits import LONGEST_TS_LINE as LONGEST
from .limits import MOST_VALUES
from .source_files import existing, opened, refuse_bomb, start_of

if TYPE_CHECKING:
    import pandas as pd

#: What the archive calls its steps, as pandas says it; "10_minutes" and the like are understood, too.
STEPS = {"yearly": "12 months", "quarterly": "3 months", "monthly": "1 month", "weekly": "7D", "daily": "1D",
         "hourly": "1h", "half_hourly": "30min", "minutely": "1min"}
UNITS = {"minutes": "min", "seconds": "s", "hours": "h", "days": "D", "minute": "min", "second": "s"}
KNOWN = ("relation", "attribute", "frequency", "horizon", "missing", "equallength", "data")


def read_tsf(path: str | PathLike) -> pd.DataFrame:
    """Read a file in the .tsf format of the Monash archive (Godahewa et al., 2021; it may be gzipped).

    The table has a row for each step of each series: the attributes of its series, such as series_name, then `time`,
    where the header gives a start and a frequency, else `step` from 0 on, and `value`; `?` and NaN are gaps. Raises
    DataError, with file, line and what belongs there, for anything else.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".tsf") as file:
    ...     _ = file.write("@attribute series_name string\\n@attribute start_timestamp date\\n@frequency monthly\\n"
    ...                    "@data\\nT1:2024-01-31 00-00-00:5,?,7\\n")
    ...     file.flush()
    ...     read_tsf(file.name)
      series_name       time  value
    0          T1 2024-01-31    5.0
    1          T1 2024-02-29    NaN
    2          T1 2024-03-31    7.0
    """
    path = existing(path)
    if path.is_dir():
        raise DataError(f"{path} is a folder, not a file of series: name a .tsf file in it.")
    gzipped = start_of(path).gzipped
    if gzipped:
        refuse_bomb(path, "series")
    try:
        with opened(path, gzipped, encoding="utf-8-sig") as file:
            return _read(file, path)
    except UnicodeError:
        with opened(path, gzipped, encoding="latin-1") as file:
            return _read(file, path)
    except (OSError, EOFError) as reason:
        raise DataError(f"{path} cannot be read ({reason}): fetch it again.") from reason


def _read(file: IO[str], path: Path) -> pd.DataFrame:
    import pandas as pd

    attributes: list[tuple[str, str]] = []
    frequency, inside = "", False
    rows: list[tuple[list[str], np.ndarray]] = []
    size = number = 0
    while line := file.readline(LONGEST + 1):
        number += 1
        at = f"{path}, line {number}"
        if len(line) > LONGEST:
            raise DataError(f"{at}: the line has more than {LONGEST:,} characters: cut it.")
        line = line.strip()
        if not line or line[0] == "#":
            continue
        if not inside:
            word, *words = line[1:].split() if line[0] == "@" else [""]
            if word.lower() not in KNOWN:
                raise DataError(f"{at}: {line!r:.40} where a header line like '@frequency daily' belongs: this is no "
                                ".tsf file, or @data is missing above it.")
            if word.lower() == "attribute":
                if len(words) != 2:
                    raise DataError(f"{at}: @attribute is followed by a name and a type, not {' '.join(words)!r:.40}.")
                attributes.append((words[0], words[1].lower()))
            frequency = " ".join(words).lower() if word.lower() == "frequency" else frequency
            inside = word.lower() == "data"
            continue
        *known, values = _parts(line, len(attributes), at)
        rows.append((known, _values(values, at)))
        size += len(rows[-1][1])
        if size > MOST_VALUES:
            raise DataError(f"{at}: the file holds more than {MOST_VALUES:,} values: read it in parts.")
    if not rows:
        raise DataError(f"{path} has no series under @data: it is cut short, or no .tsf file.")
    lengths = np.array([len(values) for _, values in rows])
    columns: dict[str, Any] = {}
    starts = None
    for k, (name, kind) in enumerate(attributes):
        cells = [known[k] for known, _ in rows]
        if kind == "date" and starts is None and frequency:
            starts = [_moment(cell, path, name) for cell in cells]
            continue
        columns[name] = np.repeat(np.array(cells, object), lengths)
        if kind == "numeric":
            columns[name] = pd.to_numeric(columns[name], errors="coerce")
    if starts is None:
        columns["step"] = np.concatenate([np.arange(n) for n in lengths])
    else:
        columns["time"] = np.concatenate([_times(a, n, frequency, path) for a, n in zip(starts, lengths, strict=True)])
    columns["value"] = np.concatenate([values for _, values in rows])
    return pd.DataFrame(columns)


def _parts(line: str, attributes: int, at: str) -> list[str]:
    parts = line.split(":", attributes)
    if len(parts) != attributes + 1 or ":" in parts[-1]:
        raise DataError(f"{at}: {line.count(':') + 1} parts between colons where {attributes + 1} belong, one for each "
                        "@attribute and the values.")
    return parts


def _values(text: str, at: str) -> np.ndarray:
    cells = text.split(",")
    try:
        return np.array([np.nan if is_gap(cell.strip()) or cell.strip() == "?" else float(cell) for cell in cells])
    except ValueError:
        wrong = next(cell for cell in cells if not re.fullmatch(r"\s*[-+]?[\d.]+([eE][-+]?\d+)?\s*|\s*\?\s*", cell))
        raise DataError(f"{at}: {wrong.strip()!r:.40} where a number, or ? for a gap, belongs.") from None


def _moment(text: str, path: Path, name: str) -> Any:
    import pandas as pd

    try:
        return pd.to_datetime(text, format="%Y-%m-%d %H-%M-%S")
    except ValueError:
        raise DataError(f"{path}: {name} is {text!r:.40}, not a moment such as 1979-01-01 00-00-00.") from None


def _times(start: Any, n: int, frequency: str, path: Path) -> np.ndarray:
    """The moments of n steps from a start on; those of months stay at the end of a month that is shorter."""
    import pandas as pd

    step = STEPS.get(frequency, "")
    if "month" in step:
        months = int(step.split()[0])
        return np.array([start + pd.DateOffset(months=months * k) for k in range(n)], "datetime64[ns]")
    if not step and (found := re.fullmatch(r"(\d+)_(\w+)", frequency)) and found[2] in UNITS:
        step = found[1] + UNITS[found[2]]
    if not step:
        raise DataError(f"{path}: @frequency {frequency:.40} is not known: there are {', '.join(STEPS)}, and steps "
                        "like 10_minutes.")
    return pd.date_range(start, periods=n, freq=step).to_numpy()
