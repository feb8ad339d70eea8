"""TableEncoder: understands every column of a table once, then turns tables like it into arrays."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from difflib import get_close_matches
from typing import Any

import numpy as np

from ..described import described, entry
from ..errors import ArgumentError, DataError
from ..text import counted
from .categories import Category
from .codes import expanded
from .column_kinds import asked_kinds, refuse_unknown
from .columns import NOTHING, Column, Settings
from .doubts import Doubt, Doubts
from .far_numbers import let_far
from .limits import CLIP, FEWEST_OF_LEVEL_IN_SMALL, MOST_LEVELS, MOST_NOTES
from .limits import ENCODED_AT_ONCE as BLOCK
from .limits import FEW_ROWS_AT_ONCE as FEW
from .limits import LARGE_TABLE as LARGE
from .limits import LOOKED_AT_TOGETHER as TOGETHER
from .numbers import Number, encode_numbers, fit_numbers, numbers_of
from .reading import column_names, is_frame, read_table, unnamed
from .records import RecordEncoder
from .understand import understand
from .weights import weighed
from .written_numbers import WRITTEN


class TableEncoder:
    """Turn the columns of any table into one array of numbers, the same way every time.

    Numbers are scaled by median and quartiles and clipped smoothly at ±`clip`; categories become one column for each
    level seen `min_count` times or more (the `max_levels` most frequent), the rest share 'other'; gaps are marked.
    embed: more levels than that become one feature instead, the place of the level, for a network that begins with an
    embedding: `codes` says which features are such places, and of how many, `expanded` lays them out as columns.
    Integer columns with at most `integer_levels` values also get a column for each value. `kinds` overrules what a
    column is taken for: {"zip": "category", "note": "drop"}. What was understood is in `columns`.

    >>> from cutaway.data import TableEncoder
    >>> table = {"area": [120.0, None, 64.0, None], "zone": ["RL", "RM", "RL", "RM"]}
    >>> encoder = TableEncoder()
    >>> encoder.fit_transform(table).shape
    (4, 4)
    >>> encoder.feature_names
    ['area', 'area missing', 'zone=RL', 'zone=RM']
    """

    columns: list[Column]
    #: Whose rows these are, in messages: an estimator says its own name.
    owner = "TableEncoder"

    def __init__(self, *, min_count: int = FEWEST_OF_LEVEL_IN_SMALL, max_levels: int = MOST_LEVELS,
                 integer_levels: int = 0, clip: float | None = CLIP, kinds: dict[str, str] | None = None,
                 embed: bool = False):
        self.settings = Settings(min_count, max_levels, integer_levels, clip, embed)
        self.kinds = asked_kinds(kinds, "kinds")

    def fit(self, X: Any, weights: Any = None, constant: bool = False, told: np.ndarray | None = None) -> TableEncoder:
        """Understand every column of X (a path, table or array); rows count as much as their weights (n,).

        A row of weight 2 is the row twice, for `min_count` too, where less than a row is still one. Only what a column
        holds, text or identifiers that all differ, goes by the rows as they stand. constant: a table of which no column
        says anything is no error, but becomes one feature that is always zero (`blank`).
        told: targets (n, outputs), by which whole numbers of a frame that are names are recognised, and numbers that
        say as much far out as near.
        """
        table = as_table(X)
        rows = table.shape[0]
        if rows == 0:
            raise DataError(f"No rows: 0 sample(s) (shape={table.shape}) while a minimum of 1 is required.")
        if weights is not None:
            told = None if told is None else told[np.asarray(weights) > 0]
            weights, table = weighed(weights, table)
        self.positional = not is_frame(table) or unnamed(table)
        if self.kinds:
            table = read_table(table)
            refuse_unknown(self.kinds, map(str, table.columns))
        fit = self._fit_frame(table, weights, told) if is_frame(table) else self._fit_array(table, weights, told)
        self.columns = list(fit)
        for column in self.columns:
            column.asked = column.name in self.kinds
            if isinstance(column, Number):
                column.written = getattr(table, "attrs", {}).get(WRITTEN, {}).get(column.name, "")
        self._lay_out()
        if self.blank and not constant:
            raise DataError(f"No column of the table can be learnt from ({self.whys()}).")
        return self

    def transform(self, X: Any, dtype: Any = np.float32) -> np.ndarray:
        """The rows of X encoded: (n, len(feature_names)). Columns may come in any order, extra ones are ignored."""
        if not hasattr(self, "columns"):
            raise ArgumentError("This TableEncoder has seen no table yet: call fit(X) first.")
        table = self.read(X)
        if is_frame(table) and 0 < len(table) <= FEW and (few := self._records(dtype).rows(table)) is not None:
            return few
        table = self._aligned(table)
        out = np.zeros((table.shape[0], len(self.feature_names)), dtype)
        numbers, writers = table, []
        if is_frame(table):
            for i, (column, start) in enumerate(zip(self._kept, self._starts, strict=True)):
                if not isinstance(column, Number):
                    writers.append((column.writer(table.iloc[:, i]), slice(start, start + len(column.features))))
            numbers = [numbers_of(table.iloc[:, i], column) for i, column in self._numbers.items()]
        columns = list(self._numbers.values())

        def encode(rows: slice) -> None:
            for write, features in writers:
                write(rows, out[rows, features])
            if columns:
                block = _block(numbers, rows, self._used)
                encode_numbers(block, columns, out[rows], self._number_starts, first_row=rows.start)

        each_of(encode, list(_row_blocks(len(out), len(self.columns))), out.size)
        return out

    def look_up(self, names: list[str]) -> None:
        """Give these categories a code in place of a column for each level: what a network looks up."""
        for column in self.columns:
            if column.name in names and isinstance(column, Category):
                column.coded = True
        self._lay_out()

    def expanded(self, Z: Any) -> Any:
        """Lay out the codes of encoded rows Z (n, features) as columns of 0 and 1: (n, len(expanded_names)).

        A scipy.sparse CSR matrix where that is wide; Z itself where there are no codes. For whoever needs plain
        numbers: a linear model, say.

        >>> from cutaway.data import TableEncoder
        >>> shops = TableEncoder(max_levels=2, embed=True).fit({"shop": ["a", "a", "b", "b", "c", "c"]})
        >>> Z = shops.transform({"shop": ["c", "a", "new"]})
        >>> Z.tolist(), shops.codes
        ([[2.0], [0.0], [3.0]], {0: 4})
        >>> shops.expanded(Z).tolist()
        [[0.0, 0.0, 1.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
        >>> shops.expanded_names
        ['shop=a', 'shop=b', 'shop=c', 'shop other']
        """
        return expanded(Z, self.codes) if self.codes else Z

    @property
    def expanded_names(self) -> list[str]:
        """The names of the columns that `expanded` gives."""
        return [name for column in self._kept for name in column.spread] or [NOTHING]

    def doubts(self, X: Any) -> Doubts:
        """Find what in the rows of X is unlike every row of training, by column; columns left out do not count."""
        if not hasattr(self, "columns"):
            raise ArgumentError("This TableEncoder has seen no table yet: call fit(X) first.")
        table = self._aligned(as_table(X))
        found: list[Doubt] = []
        if is_frame(table):
            for i, column in enumerate(self._kept):
                cells = table.iloc[:, i]
                if isinstance(column, Number):
                    found += column.doubts_of(numbers_of(cells, column))
                else:
                    found += column.doubts(cells)
        else:
            step = max(1, TOGETHER // max(1, table.shape[0]))
            for start in range(0, len(self._kept), step):
                used = np.flatnonzero([bool(column.features) for column in self.columns])[start : start + step]
                block = table[:, used]
                block = np.asarray(block.toarray() if hasattr(block, "toarray") else block, np.float64)
                for x, column in zip(block.T, self._kept[start : start + step], strict=True):
                    found += column.doubts_of(x) if isinstance(column, Number) else []
        return Doubts(table.shape[0], found)

    def fit_transform(self, X: Any, weights: Any = None, dtype: Any = np.float32) -> np.ndarray:
        return self.fit(X, weights).transform(X, dtype)

    @property
    def blank(self) -> bool:
        """Whether no column says anything."""
        return not self._kept

    def whys(self) -> str:
        """Say for the first columns what became of each."""
        return "; ".join(f"{column.name!r}: {column.how}" for column in self.columns[:8])

    def read(self, X: Any) -> Any:
        """Read X as a frame, a 2-D array or a CSR matrix; a pandas Series with the columns' names is one row."""
        if hasattr(X, "to_frame") and hasattr(X, "iloc") and X.ndim == 1 and hasattr(X, "index"):
            names = set(map(str, X.index[: 10 * len(self.columns)]))
            if self._kept and {column.name for column in self._kept} <= names:
                return X.to_frame().T.infer_objects()
        return as_table(X, {column.name: column.written for column in self._numbers.values() if column.written})

    def cells(self, X: Any) -> list[Any]:
        """Read the columns of X that are used, in training's order, each as a pandas Series."""
        table = self._aligned(self.read(X))
        table = read_table(table.toarray() if hasattr(table, "tocsr") else table)
        table = table if table.shape[1] == len(self._kept) else table.iloc[:, self._used]
        return [table.iloc[:, i] for i in range(table.shape[1])]

    def notes(self) -> list[str]:
        """Say where a rule of thumb changed what is seen of a column: levels beyond the most, words taken for gaps."""
        found = [note for column in self._kept if (note := column.note(self.settings))]
        more = [f"and {len(found) - MOST_NOTES:,} more columns like that"] * (len(found) > MOST_NOTES)
        return found[:MOST_NOTES] + more

    def to_json(self) -> dict[str, Any]:
        """Give everything fitted as plain dicts, lists, numbers and strings."""
        return {
            "settings": {**asdict(self.settings), "kinds": self.kinds},
            "positional": self.positional,
            "columns": [column.to_json() for column in self.columns],
        }

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> TableEncoder:
        """The encoder that `to_json` described. Raises FileError for a description that it cannot have written."""
        settings = entry(state, "settings", dict[str, Any])
        kinds = entry(settings, "kinds", dict[str, str])
        settings = described(Settings, {name: value for name, value in settings.items() if name != "kinds"})
        encoder = cls(**vars(settings), kinds=kinds)
        encoder.positional = entry(state, "positional", bool)
        encoder.columns = [Column.from_json(column) for column in entry(state, "columns", list[Any])]
        encoder._lay_out()
        return encoder

    def _records(self, dtype: Any) -> RecordEncoder:
        """What encodes a few rows without a frame."""
        kept = vars(self).setdefault("_rows", {})
        records = kept.get(np.dtype(dtype))
        if records is None or records.columns is not self.columns:
            records = kept[np.dtype(dtype)] = RecordEncoder(self.columns, dtype)
        return records

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_rows"}

    def __repr__(self) -> str:
        if not hasattr(self, "columns"):
            return "TableEncoder()"
        return f"TableEncoder({counted(len(self.columns), 'column')} -> {counted(len(self.feature_names), 'feature')})"

    def _lay_out(self) -> None:
        """Find where each kept column's features begin."""
        kept = [(i, column) for i, column in enumerate(self.columns) if column.features]
        widths = [len(column.features) for _, column in kept]
        self.feature_names = [feature for _, column in kept for feature in column.features] or [NOTHING]
        self._kept = [column for _, column in kept]
        self._used: Any = slice(None) if len(kept) == len(self.columns) else [i for i, _ in kept]
        self._starts = [0, *np.cumsum(widths).tolist()][:-1]
        starts = list(zip(self._starts, self._kept, strict=True))
        #: Which features are codes, places of levels, and how many codes each has.
        self.codes = {start + j: size for start, column in starts for j, size in column.codes.items()}
        #: Which features are scaled numbers.
        self.scaled = [start + j for start, column in starts for j in column.scaled]
        #: For each code, the one of a level that training never had.
        self.unseen = {start + j: column.unseen for start, column in starts for j in column.codes}
        self._numbers = {i: column for i, column in enumerate(self._kept) if isinstance(column, Number)}
        self._number_starts = [self._starts[i] for i in self._numbers]

    def _aligned(self, table: Any) -> Any:
        """The table with the columns that training had; a frame has just the kept ones, in order."""
        expected, given = len(self.columns), table.shape[1]
        by_place = not is_frame(table) or (unnamed(table) and not self._named_alike(table))
        if not is_frame(table) and given == expected and len(self._numbers) == len(self._kept):
            return table
        table = read_table(table)
        places = {str(name): i for i, name in enumerate(table.columns)}
        missing = [column.name for column in self._kept if column.name not in places]
        if by_place or (self.positional and missing):
            if given != expected:
                raise DataError(
                    f"X has {given} features, but {self.owner} is expecting {expected} features as input: "
                    "give the columns that training had, in the same order."
                )
            return table.iloc[:, self._used]
        if missing:
            raise DataError(
                f"The table lacks {counted(len(missing), 'column')} of training: {', '.join(map(repr, missing))}. "
                f"{_guesses(missing, places) or ('Add it' if len(missing) == 1 else 'Add them')} (cells may be empty)."
            )
        return table.iloc[:, [places[column.name] for column in self._kept]]

    def _named_alike(self, frame: Any) -> bool:
        """Whether a frame has every column that is used under its name, be it only x0 or 0."""
        return {column.name for column in self._kept} <= set(map(str, frame.columns))

    def _fit_array(self, table: Any, weights: np.ndarray | None, told: np.ndarray | None) -> Iterator[Column]:
        n, k = table.shape
        names = column_names(k)
        table = table.tocsc() if hasattr(table, "tocsc") else table
        step = max(1, TOGETHER // n)
        for start in range(0, k, step):
            block = table[:, start : start + step]
            block = block.toarray() if hasattr(block, "toarray") else block
            block = np.ascontiguousarray(block.T, dtype=np.float64)
            columns = fit_numbers(names[start : start + step], block, weights, self.settings)
            for column, x in zip(columns, block, strict=True):
                let_far(column, x, told, weights)
            yield from columns

    def _fit_frame(self, table: Any, weights: np.ndarray | None, told: np.ndarray | None) -> Iterator[Column]:
        def fit(i: int) -> Column:
            name = str(table.columns[i])
            return understand(name, table.iloc[:, i], weights, self.settings, self.kinds.get(name), told)

        yield from each_of(fit, list(range(table.shape[1])), table.size)


def _guesses(missing: list[str], given: Iterable[str]) -> str:
    """Guess what missing names may be called in the table given, or nothing: "Did you mean 'age' by 'AGE'? ..."."""
    by_letters = {_letters(name): name for name in given}
    pairs = []
    for name in missing:
        letters = _letters(name)
        close = [letters] if letters in by_letters else get_close_matches(letters, by_letters, n=1, cutoff=0.8)
        pairs += [f"{name!r} by {by_letters[one]!r}" for one in close]
    if not pairs:
        return ""
    more = f", and {len(pairs) - 3} more like that" if len(pairs) > 3 else ""
    return f"Did you mean {', '.join(pairs[:3])}{more}? Rename what has another name, add what is not there"


def _letters(name: str) -> str:
    """Leave out of a name what people write in one way or another: case, spaces, underscores, points."""
    return "".join(letter for letter in name.casefold() if letter.isalnum()) or name


def as_table(X: Any, written: dict[str, str] | None = None) -> Any:
    """Read X as a 2-D numeric array or a CSR matrix where it is one, else as a DataFrame.

    written: how the numbers of a file's columns are written, where it does not tell.
    """
    if hasattr(X, "tocsr"):
        X = X.tocsr()
    elif isinstance(X, np.ma.MaskedArray):
        X = np.ma.filled(X.astype(np.float64), np.nan)
    elif isinstance(X, list | tuple):
        return read_table(X, written=written)
    if getattr(X, "ndim", 0) == 2 and getattr(getattr(X, "dtype", None), "kind", "") in tuple("biuf") and X.shape[1]:
        return X
    return read_table(X, written=written)


def _block(numbers: Any, rows: slice, used: Any) -> np.ndarray:
    """Take some rows of a list of columns, or of the used columns of an array or sparse matrix."""
    if isinstance(numbers, list):
        return np.stack([x[rows] for x in numbers]).T
    block = numbers[rows][:, used]
    return block.toarray() if hasattr(block, "toarray") else block


def each_of(f: Callable[[Any], Any], parts: list[Any], cells: int) -> list[Any]:
    """Apply f to each part, in two threads where there is much to do: sorting and arithmetic leave Python alone."""
    if cells < LARGE or len(parts) < 2 or (os.cpu_count() or 1) < 2:
        return [f(part) for part in parts]
    with ThreadPoolExecutor(2) as threads:
        return list(threads.map(f, parts))


def _row_blocks(rows: int, columns: int) -> Iterator[slice]:
    step = max(32, BLOCK // max(1, columns))
    return (slice(start, min(start + step, rows)) for start in range(0, rows, step))
