"""The reader of files of Stata, SPSS and SAS, by pyreadstat: codes with labels become categories.

pyreadstat is C: a damaged file can end the process that reads it, which is therefore one of its own.
"""

from __future__ import annotations

import pickle
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import DataError
from ..text import counted, listed
from .arrow_files import most_cells, refuse_size
from .limits import MOST_COLUMNS
from .written_numbers import note, whole

if TYPE_CHECKING:
    import pandas as pd

#: How the files begin, and the functions of pyreadstat that read them; all others are Stata's.
READERS = {b"$FL2": "read_sav", b"$FL3": "read_sav", b"HEADER RECORD": "read_xport"}
LIBRARY = "pyreadstat"
#: Bytes of a record of a SAS transport file, and of what it says of a column.
RECORD, NAMESTR = 80, 140


def read_statistics(path: Path, user_missing: bool = False) -> pd.DataFrame:
    """The table in a file of Stata, SPSS or SAS. user_missing: what its users declared missing is kept, as levels."""
    with path.open("rb") as file:
        head = file.read(16)
    reader = next((one for mark, one in READERS.items() if head.startswith(mark)), "read_dta")
    if reader == "read_xport":
        refuse_cut(path)
    rows, columns, frame, full, labels = _apart(path, reader)
    refuse_size(path, rows, columns)
    return _labelled(frame, frame if full is None else full, labels, user_missing)


#: What the child does: it needs nothing of this package, and says what went wrong in words. A quarter of its time was
#: Python's looking for garbage, while pandas is imported and at the end.
CHILD = """
import gc, os, pickle, sys
gc.disable()
sys.path[:], library, reader, path, most, widest = pickle.load(sys.stdin.buffer)
try:
    read = getattr(__import__(library), reader)
    about = read(path, metadataonly=True)[1]
    rows, columns, frame, full = about.number_rows or 0, about.number_columns, None, None
    if rows * columns <= most and columns <= widest:
        frame, about = read(path)
        rows, columns = frame.shape
        full = None if reader == "read_xport" else read(path, user_missing=True)[0]
    said = rows, columns, frame, full, about.variable_value_labels
except Exception as reason:
    said = f"{type(reason).__name__}: {reason}"
pickle.dump(said, sys.stdout.buffer)
sys.stdout.flush()
os._exit(0)
"""


def _apart(path: Path, reader: str) -> tuple[int, int, Any, Any, dict[str, Any]]:
    """Read a file in a process of its own, which a damaged one may end: rows, columns, the table, it with what was
    declared missing (None: none was), and labels. Of a file that claims to be too large there is no table."""
    if find_spec(LIBRARY) is None:
        raise ModuleNotFoundError(f"No module named {LIBRARY!r}", name=LIBRARY)
    task = sys.path, LIBRARY, reader, str(path), most_cells(path), MOST_COLUMNS
    done = subprocess.run([sys.executable, "-c", CHILD], input=pickle.dumps(task), capture_output=True)
    if done.returncode:
        why = f"signal {-done.returncode}" if done.returncode < 0 else f"status {done.returncode}"
        raise DataError(f"{path} is damaged: {LIBRARY} broke off in reading it ({why}). Write it again.")
    said = pickle.loads(done.stdout)
    if isinstance(said, str):
        raise ValueError(said)  # the reader of files says which file is damaged
    return said


def refuse_cut(path: Path) -> None:
    """Raise DataError for a SAS transport file that was cut off, which pyreadstat takes for a shorter table.

    It is made of records of 80 bytes, the last one filled up with blanks: what is behind the last whole row is less
    than a record, and blank. Version 8 says how many rows there are, too; of version 5, a file that was cut off where
    both a row and a record end cannot be told from a whole one.
    """
    content = path.read_bytes()
    described = re.search(rb"(?s)HEADER RECORD\*{7}(?:NAMESTR|NAMSTV8) HEADER RECORD!{7}(\d{10})", content)
    begin = re.search(rb"HEADER RECORD\*{7}(?:OBS  |OBSV8)   HEADER RECORD!{7}(.{32})", content)
    if len(content) % RECORD:
        raise _cut(path)
    if described is None or begin is None or content.count(b"*******MEMB") > 1:
        return  # several tables in one file; what else it may be is for pyreadstat to say
    fields = [content[described.start() + RECORD + NAMESTR * k:][:NAMESTR] for k in range(int(described[1]))]
    fields = [one for one in fields if len(one) == NAMESTR]
    length = sum(int.from_bytes(one[4:6], "big") for one in fields)
    if length:
        rows, rest = divmod(len(content) - begin.start() - RECORD, length)
        said = begin[1].strip()
        short = said.isdigit() and int(said) > rows and begin[0].find(b"V8") > 0
        if short or content[len(content) - rest:].strip(b" ") or rest >= max(RECORD, length):
            raise _cut(path)


def _cut(path: Path) -> DataError:
    return DataError(f"{path} is a damaged SAS transport file (it ends within a row): write it again.")


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
