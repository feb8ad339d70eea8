"""Tables as CSV that may be opened in a spreadsheet: no cell in them runs as a formula."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

import numpy as np

#: Before what a spreadsheet takes for a formula: such a sign (full-width ones count, too) at the start of a cell or
#: behind what other countries' spreadsheets take for the end of one, and white space that some of them drop.
FORMULA = re.compile(r"^(?=\s*[=+\-@＝＋－＠]|[\t\n])|(?<=\S[;\t])(?=\s*[=+\-@＝＋－＠])")


def as_csv(columns: dict[str, Any], header: bool = True, plain: Collection[str] = ()) -> str:
    """Write columns as CSV in which no cell runs as a formula.

    header: with a line of names. plain: columns of numbers that are written out already.

    >>> as_csv({"name": ["=1+1", "-3", "ann"], "n": [1, 2, 3]}).split()
    ['name,n', "'=1+1,1", '-3,2', 'ann,3']
    >>> as_csv({"n": ["1.5", "-2"]}, header=False, plain=["n"])
    '1.5\\n-2\\n'
    """
    if not header and columns.keys() <= set(plain):
        return "".join(f"{line}\n" for line in map(",".join, zip(*columns.values(), strict=True)))
    import pandas as pd
    from pandas.api import types

    frame = pd.DataFrame({name: pd.Series(values).reset_index(drop=True) for name, values in columns.items()})
    for name in frame.columns:
        number = types.is_numeric_dtype(frame[name].dtype) or types.is_datetime64_any_dtype(frame[name].dtype)
        if name not in plain and not number:
            cells = frame[name].astype(object)
            if types.infer_dtype(cells, skipna=True) == "string":  # each word once
                codes, words = pd.factorize(cells)
                cells = pd.Series(np.array([*map(harmless, words), np.nan], dtype=object)[codes], dtype=object)
            else:
                cells = cells.map(harmless, na_action="ignore")
            frame[name] = cells
    frame.columns = [harmless(str(name)) for name in frame.columns]
    return frame.to_csv(index=False, header=header, lineterminator="\n")


def harmless(cell: Any) -> Any:
    """Put an apostrophe before text that a spreadsheet would take for a formula; numbers stay.

    >>> harmless("=SUM(A1)"), harmless("-1.5"), harmless("-b")
    ("'=SUM(A1)", '-1.5', "'-b")
    """
    if isinstance(cell, bool | int | float):
        return cell
    text = re.sub("\r\n?", "\n", str(cell))  # CSV's writer puts no quotes around a cell with "\r", which ends a row
    try:
        float(text)
    except ValueError:
        return FORMULA.sub("'", text)
    return text
