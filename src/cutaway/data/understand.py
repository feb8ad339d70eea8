"""What does this column hold? Decides the kind of each column of a table, and fits it."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from ..errors import DataError
from ..text import counted
from .categories import Boolean, Category
from .cells import CODE, CodedWords, is_gap, unreadable, words_of
from .columns import Column, Dropped, Settings
from .date_forms import DateForm, distinct, form_of, form_of_numbers, read_dates, spell_days, wanted
from .dates import Cells, Date, fit_parts
from .far_numbers import let_far
from .limits import FEW_VALUES as FEW
from .limits import FEWEST_OF_CODE, MOST_CODES, MOST_REMEMBERED, NEARLY_ALL
from .limits import MOST_OF_KIND as MOST
from .numbers import Number, fit_numbers, parse_numbers, plain_numbers
from .numbers_as_names import with_names
from .weights import times

IDENTIFIER = re.compile(r"(.*[\W_])?(id|key|uuid|guid|pid|index|row|row_?number|order|unnamed: \d+|column 1)$", re.I)


def understand(name: str, cells: Any, weights: np.ndarray | None, settings: Settings, kind: str | None,
               told: np.ndarray | None = None) -> Column:
    """Fit one column of a DataFrame, as `kind` or as what it looks like, also beside targets `told` (n, outputs)."""
    from pandas.api import types

    if kind == "drop":
        return Dropped(name, "dropped", int(cells.isna().sum()), int(cells.astype(str).nunique()), "", "as asked")
    named = isinstance(cells.dtype, types.CategoricalDtype)
    kind, _, form = (kind or "").partition(":")
    kind = kind or None
    asked = named or kind is not None
    written = DateForm(form) if form else None
    if kind in (None, "number") and not named and not types.is_bool_dtype(cells.dtype):
        x = plain_numbers(cells)
        if x is not None and kind is None and spell_days(x):
            kind, written = "date", DateForm("compact")
        elif x is not None:
            column = _number(name, x, weights, settings, words=[])
            if kind is None and isinstance(column, Number):
                with_names(column, x, told, settings)
            let_far(column, x, told, weights)
            counter = kind is None and types.is_integer_dtype(cells.dtype)
            return _without_identifier(column, len(x)) if counter else column
    if kind in (None, "date") and types.is_datetime64_any_dtype(cells.dtype):
        return _date(name, Cells.of(cells, name, form or "iso"), weights, settings, written or DateForm("iso"), [])

    words = words_of(cells, name, None if weights is None else times(weights))
    seen = words.gaps, len(words.words), next(iter(words.words), "")[:40]
    if not words.words or (len(words.words) == 1 and not words.gaps_reach(settings.min_count)):
        return _constant(name, *seen)
    marked = words.gaps_reach(settings.min_count)
    if kind is None:
        kind, written = ("category", None) if named else kind_of(words)
    if kind == "number":
        values, bad = parse_numbers(words)
        if asked and bad.any():
            raise unreadable(name, words, bad, "a number")
        odd = [word for word, wrong in zip(words.words, bad, strict=True) if wrong]
        x = words.spread(values, np.nan)
        column = _number(name, x, weights, settings, odd)
        if not asked and isinstance(column, Number):
            with_names(column, x, told, settings, padded=any(CODE.match(word) for word in words.words))
        let_far(column, x, told, weights)
        return column
    if kind == "date":
        written = written or asked_form(words, name)
        read = Cells.of(cells, name, written.form, words)
        if asked:
            read.refuse(name, [], wanted(written.form))
        return _date(name, read, weights, settings, written, read.odd)
    if kind == "boolean":
        column = Boolean(name, "boolean", *seen, marked)
        column.values(words)  # refuses words that are neither
        return column
    return _category(name, words, seen, settings, asked)


def kind_of(words: CodedWords) -> tuple[str, DateForm | None]:
    """Decide what a column of words holds: 'boolean', 'number' or 'date' if its cells read so, else 'category'.

    Of dates, also how they are written.
    """
    if all(word.strip().lower() in ("true", "false") for word in words.words):
        return "boolean", None
    counts = words.counts
    filled = np.array([not is_gap(word) for word in words.words], dtype=bool)
    cells = max(1, counts[filled].sum())
    values, bad = parse_numbers(words)
    share = counts[filled & ~bad].sum() / cells
    if share == 1 or (share >= MOST and (filled & ~bad).sum() > FEW):
        return ("date", DateForm("compact")) if spell_days(values) else ("number", None)
    known = np.flatnonzero(filled)
    written = form_of([words.words[i] for i in known], counts[known])
    if written is None:
        return "category", None
    dated = ~np.isnat(read_dates([words.words[i] for i in known], written.form)[0])
    return ("date", written) if counts[known][dated].sum() >= MOST * cells else ("category", None)


def asked_form(words: CodedWords, name: str) -> DateForm:
    """The form of words that somebody says are dates: what most of them are. Raises DataError where nothing tells."""
    values, bad = parse_numbers(words)
    if not bad.any() and (form := form_of_numbers(values)):
        return DateForm(form)
    known = [i for i, word in enumerate(words.words) if not is_gap(word)]
    if not bad.any() and known:
        raise DataError(
            f"Column {name!r} holds numbers such as {words.words[known[0]]!r:.40}, which are dates in several ways "
            "or in none: say what they count, date:excel, date:seconds or date:milliseconds."
        )
    some = [words.words[i] for i in known]
    return form_of(some, words.counts[known], share=0.5) or DateForm("iso")


def _number(name: str, x: np.ndarray, weights: np.ndarray | None, settings: Settings, words: list[str]) -> Column:
    (column,) = fit_numbers([name], x[None], weights, settings)
    if isinstance(column, Number):
        column.words = words
    return column


def _without_identifier(column: Column, rows: int) -> Column:
    if column.distinct == rows > FEW and IDENTIFIER.match(column.name.strip()):
        reason = "by its name and its whole numbers, all different, it is an identifier"
        return Dropped(column.name, "identifier (dropped)", column.gaps, column.distinct, column.example, reason)
    return column


def _date(name: str, read: Cells, weights: np.ndarray | None, settings: Settings, written: DateForm,
          words: list[str]) -> Column:
    coded = read.by_clock(read.zone)
    missing = np.isnat(coded.dates)[coded.codes]
    known = np.flatnonzero(~missing)
    there = distinct(coded.dates[~np.isnat(coded.dates)])
    said = slice(11, None) if written.form == "time" else slice(None)
    example = _iso(coded.dates[coded.codes[known[0]]]).replace("T", " ")[said] if len(known) else ""
    seen = len(missing) - len(known), len(there), example
    gaps = seen[0] if weights is None else times(weights)[missing].sum()
    marked = bool(gaps >= settings.min_count)
    if len(known) == 0 or (seen[1] == 1 and not marked):
        return _constant(name, *seen)
    first, last = _iso(there[0]), _iso(there[-1])
    parts = fit_parts(coded, first, weights, written.form)
    return Date(name, "date", *seen, marked, first, parts, settings.clip, words, last, written.form, read.zone,
                written.unsure)


def _iso(day: np.datetime64) -> str:
    return str(day).removesuffix(".000000")


def _category(name: str, words: CodedWords, seen: tuple[int, int, str], settings: Settings, asked: bool) -> Column:
    counts, distinct, rows = words.counts, len(words.words), int((words.codes >= 0).sum())
    if distinct > max(FEW, NEARLY_ALL * rows) and not asked:
        kind = "text (dropped)" if any(" " in word for word in words.words[:100]) else "identifier (dropped)"
        return Dropped(name, kind, *seen, f"{distinct:,} different values in {counted(rows, 'row')}")
    ranked = sorted(zip(-counts, words.words, strict=True))
    levels = [word for count, word in ranked if -count >= settings.min_count]
    several = [word for count, word in ranked if -count >= FEWEST_OF_CODE]
    coded = settings.embed and len(several) > settings.max_levels
    levels = several[:MOST_CODES] if coded else levels[: settings.max_levels]
    marked = words.gaps_reach(settings.min_count)
    if not levels:
        return Dropped(name, "text (dropped)", *seen, f"no value occurs {settings.min_count} times or more")
    rare = sorted({word for _, word in ranked} - set(levels))
    known = rare if len(rare) <= MOST_REMEMBERED else None
    return Category(name, "category", *seen, marked, levels, len(levels) < distinct, known, coded)


def _constant(name: str, gaps: int, distinct: int, example: str) -> Dropped:
    reason = f"every row holds {example!r}" if distinct else "every row is empty"
    return Dropped(name, "constant (dropped)", gaps, distinct, example, reason)
