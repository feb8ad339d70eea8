"""The forms in which people write dates. A column has one form, which all its cells decide together.

A form turns a word into an ISO 8601 date (and time), read for all words at once. Dates that begin with the
year and dates with a month's name can be read in one way only: they are understood beside every form.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from .limits import FEWEST_SPELT_DAYS, LONGEST_DATE, MOST_OF_KIND, NUMBERS_OF_DATES, SPELT_YEARS

#: An ISO 8601 date or time as people write it, and its offset from UTC ("+02:00"; "" for none).
Iso = tuple[str, str]
MONTHS = ("jan(?:uary)?", "feb(?:ruary)?", "mar(?:ch)?", "apr(?:il)?", "may", "june?", "july?", "aug(?:ust)?",
          "sept?(?:ember)?", "oct(?:ober)?", "nov(?:ember)?", "dec(?:ember)?")
MONTH_OF = {month[:3]: f"{i:02}" for i, month in enumerate(MONTHS, 1)}
YEAR = r"(?P<y>[12]\d{3}|9999)"
OFFSET = r"\s?(?P<offset>z|utc|gmt|[+-]\d\d(?::?\d\d)?)"
CLOCK = (r"(?P<h>[01]?\d|2[0-3])(?::(?P<min>[0-5]\d)(?::(?P<s>[0-5]\d)(?:[.,](?P<f>\d{1,9}))?)?"
         r"(?:\s?(?P<half>[ap])\.?m\.?)?"
         r"|\s?(?P<only>[ap])\.?m\.?)")
TIMED = rf"(?:(?:t|,? | at ){CLOCK}(?:{OFFSET})?)?"
NAMED = f"(?P<mon>{'|'.join(MONTHS)})"
WEEKDAY = r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\.?,? )?"
DAY, MONTH = r"(?P<d>0?[1-9]|[12]\d|3[01])", r"(?P<m>0?[1-9]|1[0-2])"
SHORT = r"(?P<sep>[/.-])", rf"(?P=sep)(?:{YEAR}|(?<=/)(?P<yy>\d\d))"  # 1.5.20 and 1-5-20 are as likely no dates


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE | re.ASCII)


def _clock(found: dict[str, str | None]) -> Iso | None:
    """The time of day that was found; ("", "") where there is none, None where no clock shows it."""
    if (hour := found.get("h")) is None:
        return "", ""
    h, half = int(hour), (found["half"] or found["only"] or "").lower()
    if half:
        if not 1 <= h <= 12:
            return None
        h = h % 12 + 12 * (half == "p")
    fraction = f".{found['f']}" if found["f"] else ""
    return f"T{h:02}:{found['min'] or '00'}:{found['s'] or '00'}{fraction}", _offset(found.get("offset") or "")


def _offset(text: str) -> str:
    if text[:1] not in "+-":
        return "+00:00"
    digits = text[1:].replace(":", "")
    return f"{text[0]}{digits[:2]}:{digits[2:] or '00'}" if text else ""


def _dated(*patterns: str) -> Callable[[str], Iso | None]:
    """Read words by patterns of year, month (or its name), day and time."""
    known = [_pattern(pattern + TIMED) for pattern in patterns]

    def read(word: str) -> Iso | None:
        for pattern in known:
            if match := pattern.fullmatch(word):
                found = match.groupdict()
                if (clock := _clock(found)) is None:
                    return None
                year, name = found["y"], found.get("mon")
                if year is None:  # as POSIX has it: 69 to 99 are of the last century
                    year = f"{'19' if (short := found['yy'] or '00') >= '69' else '20'}{short}"
                month = MONTH_OF[name[:3].lower()] if name else f"{found['m']:0>2}"
                return f"{year}-{month}-{found.get('d') or '1':0>2}{clock[0]}", clock[1]
        return None

    return read


ISO = _pattern(r"(?P<day>\d{4}(?P<sep>[-/])(?:\d\d?(?P=sep)\d\d?"
               rf"(?P<clock>(?:t| ){CLOCK}(?:{OFFSET})?)?|\d\d?))")
ISO_PLAIN = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)?", re.ASCII)


def _iso(word: str) -> Iso | None:
    """Read 2024-01-31, 2024/1/31, 2024-01, each day with or without a time."""
    if ISO_PLAIN.fullmatch(word):
        return word, ""
    match = ISO.fullmatch(word)
    if not match or (clock := _clock(match.groupdict())) is None:
        return None
    parts = (match["day"][: match.start("clock")] if match["clock"] else match["day"]).split(match["sep"])
    if len(parts) == 2 and int(parts[0]) not in SPELT_YEARS:
        return None  # 4711-05 is a code
    return "-".join([parts[0], *(f"{part:0>2}" for part in parts[1:])]) + clock[0], clock[1]


COMPACT = _pattern(rf"{YEAR}(?P<m>\d\d)(?P<d>\d\d)(?:t(?P<h>\d\d)(?P<min>\d\d)(?P<s>\d\d)?(?:{OFFSET})?)?")
QUARTER = _pattern(rf"{YEAR}[-/ ]?q(?P<q>[1-4])"), _pattern(rf"q(?P<q>[1-4])[-/ ]?{YEAR}")
WEEK = _pattern(rf"{YEAR}-?w(?P<w>\d\d)(?:-?(?P<d>[1-7]))?")
TIME = _pattern(CLOCK)


def _compact(word: str) -> Iso | None:
    if not (found := COMPACT.fullmatch(word)) or int(found["y"]) not in SPELT_YEARS:
        return None
    day = f"{found['y']}-{found['m']}-{found['d']}"
    if not found["h"]:
        return day, ""
    return f"{day}T{found['h']}:{found['min']}:{found['s'] or '00'}", _offset(found["offset"] or "")


def _quarter(word: str) -> Iso | None:
    found = QUARTER[0].fullmatch(word) or QUARTER[1].fullmatch(word)
    return (f"{found['y']}-{3 * int(found['q']) - 2:02}-01", "") if found else None


def _week(word: str) -> Iso | None:
    if not (found := WEEK.fullmatch(word)):
        return None
    try:
        return date.fromisocalendar(int(found["y"]), int(found["w"]), int(found["d"] or 1)).isoformat(), ""
    except ValueError:  # a year has 52 or 53 weeks
        return None


def _time(word: str) -> Iso | None:
    found = TIME.fullmatch(word)
    clock = _clock(found.groupdict() | {"offset": None}) if found else None
    return (f"{NO_DAY}{clock[0]}", "") if clock else None


def _counted(unit: timedelta, since: str, least: float = -1e18) -> Callable[[str], Iso | None]:
    """Read numbers that count a unit of time since a day."""
    start = datetime.fromisoformat(since)

    def read(word: str) -> Iso | None:
        try:
            number = float(word)
            if number < least:
                return None
            moment = start + timedelta(milliseconds=round(number * (unit / MILLISECOND)))
            return moment.isoformat(), ""
        except (ValueError, OverflowError):
            return None

    return read


def _year(word: str) -> Iso | None:
    return (f"{word}-01-01", "") if re.fullmatch(r"[12]\d{3}", word, re.ASCII) else None


def _unix(unit: timedelta) -> Callable[[str], Iso | None]:
    """Read counts of a unit since 1970, which are moments of UTC."""
    counted = _counted(unit, NO_DAY)
    return lambda word: (found[0], "+00:00") if (found := counted(word)) else None


NO_DAY = "1970-01-01"
MILLISECOND = timedelta(milliseconds=1)
_named = _dated(
    rf"{WEEKDAY}(?P<d>\d\d?)(?:st|nd|rd|th|\.)?(?: of)?[ -]?{NAMED}\.?,?[ -]?(?:(?P<y>\d{{4}})|(?P<yy>\d\d))",
    rf"{WEEKDAY}{NAMED}\.?[ -]?(?P<d>\d\d?)(?:st|nd|rd|th)?(?:, ?| |-)(?P<y>\d{{4}})",
    rf"{NAMED}\.?,?[ /-](?P<y>\d{{4}})",
)
#: Every form: how it reads a word, what it is called in words, an example.
FORMS: dict[str, tuple[Callable[[str], Iso | None], str, str]] = {
    "iso": (_iso, "", "2024-01-31"),
    "dmy": (_dated(DAY + SHORT[0] + MONTH + SHORT[1]), "day first", "31/01/2024"),
    "mdy": (_dated(MONTH + SHORT[0] + DAY + SHORT[1]), "month first", "01/31/2024"),
    "named": (_named, "", "31 Jan 2024"),
    "compact": (_compact, "as 20240131", "20240131"),
    "quarter": (_quarter, "by quarters", "2024-Q1"),
    "week": (_week, "by ISO weeks", "2024-W05"),
    "time": (_time, "time of day", "14:30"),
    "year": (_year, "by years", "2024"),
    "excel": (_counted(timedelta(days=1), "1899-12-30", least=61), "Excel's numbers of days", "45322"),
    "seconds": (_unix(timedelta(seconds=1)), "seconds since 1970", "1706659200"),
    "milliseconds": (_unix(MILLISECOND), "milliseconds since 1970", "1706659200000"),
}
#: What a column of text may be decided to have; the others are numbers, which say nothing by themselves.
OF_TEXT = ("iso", "dmy", "mdy", "named", "compact", "quarter", "week", "time")
#: What is read beside every form, since it can mean one day only.
CLEAR = ("iso", "named")


@dataclass
class DateForm:
    """The form that a column of words has. unsure: day and month could change places in every cell."""

    form: str
    unsure: bool = False


def form_of(words: list[str], counts: np.ndarray, forms: tuple[str, ...] = OF_TEXT,
            share: float = MOST_OF_KIND) -> DateForm | None:
    """The form that reads the given share of all cells, or more; words[i], which are no gaps, stand in counts[i] cells.

    >>> form_of(["15.08.2020", "01.02.2020"], np.array([1, 1])), form_of(["1/2/2020", "2/1/2020"], np.array([3, 1]))
    (DateForm(form='dmy', unsure=False), DateForm(form='mdy', unsure=True))
    """
    allowed = (1 - share) * counts.sum() + 1e-9
    lost = dict.fromkeys(forms, 0.0)
    first = ""
    for word, count in zip(words, counts.tolist(), strict=True):
        word, longer = word.strip(), len(word) > LONGEST_DATE
        for form in [*lost]:
            if longer or FORMS[form][0](word) is None:
                lost[form] += count
                if lost[form] > allowed:
                    del lost[form]
            elif form == "dmy" and not first:
                first = word
        if not lost:
            return None
    if not words:
        return None
    form = min(lost, key=lambda form: lost[form])
    if not {"dmy", "mdy"} <= lost.keys() or lost["dmy"] != lost["mdy"] or form not in ("dmy", "mdy"):
        return DateForm(form)
    return DateForm("mdy" if "/" in first else "dmy", unsure=True)


def read_dates(words: list[str], form: str) -> tuple[np.ndarray, np.ndarray]:
    """Read words of a form: datetime64[us] (NaT for none), and the offsets from UTC in minutes (NaN: none).

    >>> clocks, offsets = read_dates(["15.08.2020 14:30+02:00", "soon"], "dmy")
    >>> clocks.astype(str).tolist(), offsets.tolist()
    (['2020-08-15T14:30:00.000000', 'NaT'], [120.0, nan])
    """
    import pandas as pd

    read = FORMS[form][0]
    others = [FORMS[clear][0] for clear in CLEAR if clear != form]
    plain: list[str | None] = []
    offsets = np.full(len(words), np.nan)
    for i, word in enumerate(words):
        if (found := None if len(word) > LONGEST_DATE else read(word := word.strip())) is None:
            if len(word) <= LONGEST_DATE:
                found = next((found for other in others if (found := other(word))), None)
            if found is None:
                plain.append(None)
                continue
        plain.append(found[0])
        if found[1]:
            offsets[i] = int(found[1][0] + "1") * (60 * int(found[1][1:3]) + int(found[1][4:]))
    dates = pd.to_datetime(pd.Index(plain, dtype=object), format="ISO8601", errors="coerce")
    clocks = dates.as_unit("us").to_numpy(copy=True)
    offsets[np.isnat(clocks) | ~(np.abs(offsets) < 24 * 60)] = np.nan
    return clocks, offsets


def form_of_numbers(x: np.ndarray) -> str | None:
    """What numbers x (n,), gaps NaN, are that somebody says are dates; None if that is not certain."""
    known = x[~np.isnan(x)]
    if not known.size:
        return None
    low, high = known.min(), known.max()
    return next((form for form, least, most in NUMBERS_OF_DATES if least <= low and high <= most), None)


def spell_days(x: np.ndarray) -> bool:
    """Whether numbers x (n,), gaps NaN, all spell days, as 20240131 does: several different ones."""
    known = x[~np.isnan(x)]
    low, high = SPELT_YEARS.start * 10_000, SPELT_YEARS.stop * 10_000
    if not known.size or known.min() < low or known.max() >= high:
        return False
    spelt = distinct(known)
    if len(spelt) < FEWEST_SPELT_DAYS or (spelt != np.rint(spelt)).any():
        return False
    whole = spelt.astype(np.int64)
    year, month, day = whole // 10_000, whole // 100 % 100, whole % 100
    if not ((month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)).all():
        return False
    start = (year - 1970).astype("datetime64[Y]").astype("datetime64[M]") + (month - 1)
    return bool(((start.astype("datetime64[D]") + (day - 1)).astype("datetime64[M]") == start).all())


def distinct(x: np.ndarray) -> np.ndarray:
    """The different ones of x (n,), in order: np.unique takes seconds for a million times of whole seconds."""
    x = np.sort(x)
    return x[np.append(True, x[1:] != x[:-1])] if len(x) else x


def wanted(form: str | None) -> str:
    """Say what a cell of a form looks like."""
    _, said, example = FORMS[form or "iso"]
    return f"a date like {example}" + (f" ({said})" if said and form not in ("compact", "quarter", "week") else "")


def kind_with_form(kind: Any) -> bool:
    """Whether a kind names a date's form: "date:dmy"."""
    return isinstance(kind, str) and kind.startswith("date:") and kind[5:] in FORMS
