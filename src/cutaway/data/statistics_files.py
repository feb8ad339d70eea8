"""The reader of files of Stata, SPSS and SAS, by pyreadstat: codes with labels become categories."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import DataError
from ..text import counted, listed
from .arrow_files import refuse_size
from .written_numbers import note, whole

if TYPE_CHECKING:
    import pandas as pd

#: How the files begin, and the functions of pyreadstat that read them.
READERS = {b"$FL2": "read_sav", b"$FL3": "read_sav", b"HEADER RECORD": "read_xport"}
#: Bytes of a record of a SAS transport file: pyreadstat takes one that was cut off for a shorter table.
XPORT_RECORD = 80


def read_statistics(path: Path, user_missing: bool = False) -> pd.DataFrame:
    """The table in a file of Stata, SPSS or SAS. user_missing: what its users declared missing is kept, as levels."""
    import pyreadstat

    with path.open("rb") as file:
        head = file.read(16)
    reader = getattr(pyreadstat, next((one for mark, one in READERS.items() if head.startswith(mark)), "read_dta"))
    if reader is pyreadstat.read_xport and path.stat().st_size % XPORT_RECORD:
        raise DataError(f"{path} is a damaged SAS transport file (it ends within a record): write it again.")
    about = reader(str(path), metadataonly=True)[1]
    refuse_size(path, about.number_rows or 0, about.number_columns)
    frame, about = reader(str(path))
    refuse_size(path, len(frame), frame.shape[1])
    full = frame if reader is pyreadstat.read_xport else reader(str(path), user_missing=True)[0]
    return _labelled(frame, full, about.variable_value_labels, user_missing)


def _labelled(frame: pd.DataFrame, full: pd.DataFrame, labels: dict[str, Any], keep: bool) -> pd.DataFrame:
    """Put labels into the place of codes; full: the table with what was declared missing."""
    notes, partly, missing = [], [], {}
    for name in list(frame.columns):
        cells, of = frame[name], labels.get(name, {})
        if cells.dtype.kind == "M":
            continue
        declared = _declared(cells, full[name])
        if cells.dtype.kind not in "iuf":
            cells = cells.where(cells != "")
        if declared.any():
            missing[name] = int(declared.sum())
        known = set(cells.dropna().unique())
        if known and known <= of.keys():
            frame[name] = _categories(full[name].where(declared, cells) if keep else cells, of)
        else:
            frame[name] = _numbers(cells)
            if known & of.keys():
                partly.append(name)
    if missing:
        what = ("are levels where a column has labels, else gaps, as asked" if keep else
                "are gaps (user_missing=True, --user-missing, makes levels of them)")
        notes.append(f"{counted(sum(missing.values()), 'cell')} declared missing, in {listed(missing, 5)}, {what}")
    if partly:
        notes.append(f"{listed(partly, 5)}: not all values have labels, so that they stay numbers")
    note(frame, notes)
    return frame


def _declared(cells: Any, full: Any) -> Any:
    """Which cells hold what the file declares missing: numbers in SPSS; in Stata and SAS letters, beside which
    pyreadstat reads 0 for what is simply missing."""
    letters = full.map(lambda cell: isinstance(cell, str))
    return cells.isna() & (letters if letters.any() else full.notna() if full.dtype.kind == "f" else letters)


def _numbers(cells: Any) -> Any:
    """Numbers as whole ones where all are, also such that stood among letters for what is missing; text as it is."""
    import pandas as pd

    if cells.dtype == object and all(isinstance(cell, int | float) for cell in cells.dropna()):
        cells = pd.to_numeric(cells)
    return whole(cells) if cells.dtype.kind == "f" else cells


def _categories(cells: Any, labels: dict[Any, str]) -> Any:
    """A category of the labels of codes, in the codes' order; labels that two codes share get the codes beside them."""
    import pandas as pd

    used = set(cells.dropna().unique())
    levels = [code for code in labels if code in used]
    levels += [code for code in used if code not in labels]
    times = [labels.get(code, str(code)) for code in levels]
    names = {code: f"{label} ({_plain(code)})" if times.count(label) > 1 else label
             for code, label in zip(levels, times, strict=True)}
    return pd.Series(pd.Categorical(cells.map(names), list(names.values())), index=cells.index, name=cells.name)


def _plain(code: Any) -> str:
    return f"{code:g}" if isinstance(code, int | float) else str(code)
