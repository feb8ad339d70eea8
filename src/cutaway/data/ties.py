"""What ties the rows of a table together, so that a random split flatters: time, what they belong to, near-copies.

Only looks are judged here: names, kinds, order. Whether a tie makes a score false is measured where models are trained.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import CutawayError
from .limits import (
    ALIKE_CELLS,
    CLOSE_RANKS,
    COPIES_ASKED,
    FEWEST_GROUPS,
    FEWEST_MOMENTS,
    FEWEST_NEAR,
    LARGEST_GROUP,
    LONGEST_LOG,
    MOST_COLUMNS_ALIKE,
    MOST_FOR_COPIES,
    MOST_LOOKED_FOR_TIES,
    MOST_OF_GROUP,
    ORDERED,
    ROWS_ASKED,
    SHARE_OF_COPIES,
    TOLD_BY_ORDER,
    VARIED,
)


@dataclass(frozen=True)
class Tie:
    """A column that ties rows together, or "" for the order of the file or for rows that are nearly copies.

    way: "time" or "groups", as `split` takes it. labels (n,): they order the rows, or are equal where rows belong
    together. sure: new rows will be later, or of other groups, as far as looks can say, so that a split may go by it
    unasked; why says it in words.
    """

    way: str
    column: str
    labels: np.ndarray
    sure: bool
    why: str

    @property
    def named(self) -> str:
        """What the rows are divided by, as a sentence has it."""
        if self.column:
            return self.column
        return "the file's order" if self.way == "time" else "rows that are nearly copies"


#: Words in the names of numbers that are moments; "month" or "hour" alone go round in a circle.
TIME = re.compile("year|yr|date|datetime|day|time|timestamp|period|epoch|t|week|quarter|step|tick|wave|instant|when|"
                  "jahr|datum|tag|zeit|woche|quartal|année|annee|jour|temps|año|ano|fecha")
YEAR = re.compile("year|yr|jahr|année|annee|año|ano")
#: Names of dates from which on something exists: later rows may well have earlier ones.
SINCE = re.compile(r"birth|born|\bdob\b|built|blt|found|hire|join|since|opened|regist|sign.?up|establish|construct|"
                   r"renov|remod|manufact|model.?year|vintage|expir|start.?date|gebur|baujahr|naiss|nacim", re.I)
#: What is sampled, measured several times and then done with: new rows are of others. With a word that says that it
#: is its name or number, and alone also a bare "id", "group" or "case"; "patient age" is none.
SAMPLED = re.compile("patient|subject|subj|participant|person|individual|respondent|animal|mouse|rat|child|pupil|"
                     "student|baby|infant|mother|family|household|donor|volunteer|speaker|writer|singer|specimen|"
                     "session|recording|encounter|admission|episode|slide|scan|document|conversation|proband|familie")
ALONE = re.compile("id|pid|uid|group|case|ids")
NUMBERED = re.compile("id|uid|uuid|no|nr|num|number|code|key|name|ref|hash|index|nummer")
#: What will be met again in the rows to come, unless time says otherwise.
KNOWN = re.compile("user|customer|client|member|account|employee|device|sensor|machine|house|property|vehicle|car|"
                   "kunde|gerät")


def ties(X: Any, y: Any) -> list[Tie]:
    """Find what may tie the rows of a frame X (n, columns) together; y (n,) or (n, outputs) are their targets.

    Those of which looks are surest come first. Columns with gaps, which divide no rows, are passed over.
    """
    moments = list(_moments(X))
    found = moments + list(_groups(X, moments))
    groups = [tie for tie in found if tie.way == "groups"]
    copies = None if any(tie.sure for tie in groups) else near_copies(X)
    if copies is not None and not any(_same(copies, tie.labels) for tie in groups):
        found.append(Tie("groups", "", copies, True, "they are nearly copies of each other"))
    if not moments and _in_order(X, y):
        found.append(Tie("time", "", np.arange(len(X)), False, "rows near each other have targets that are alike"))
    return sorted(found, key=lambda tie: not tie.sure)


# ---- time ------------------------------------------------------------------------------------------------------------


def _moments(X: Any) -> Iterator[Tie]:
    """Find columns of dates, and of numbers that are moments or order the rows."""
    dates: list[tuple[str, np.ndarray]] = []
    for name in list(X.columns)[:MOST_LOOKED_FOR_TIES]:
        cells, words = X[name], words_in(str(name))
        if _is_number(cells):
            x = cells.to_numpy(np.float64, na_value=np.nan)
            named, years = _has(words, TIME), _has(words, YEAR) and bool(((x >= 1800) & (x <= 2200)).all())
            ordered = order_of(x) >= ORDERED and (years or _rises(x))
            if SINCE.search(str(name)) or _called(words) or not (ordered or years) or not np.isfinite(x).all():
                continue
            if len(distinct := np.unique(x)) < FEWEST_MOMENTS or (not named and len(distinct) < len(x) * TOLD_BY_ORDER):
                continue
            if named or not (np.diff(x) == 1).all():  # what only counts the rows is their order in the file
                why = "the rows are in its order" if ordered else "it is a time by its name"
                yield Tie("time", name, x, named and ordered, why)
        elif (x := _dates(cells, name)) is not None and len(np.unique(x)) >= FEWEST_MOMENTS:
            dates.append((name, x))
    events = [name for name, _ in dates if not SINCE.search(str(name))]
    for name, x in dates:
        ordered, short = order_of(x) >= ORDERED, float(np.ptp(x)) <= LONGEST_LOG
        if ordered:
            yield Tie("time", name, x, name in events, "the rows are in its order")
        elif name in events:
            sure = events == [name] and short
            why = "it is the only date that says when a row happened" if sure else "it is a date"
            yield Tie("time", name, x, sure, why)


def order_of(x: np.ndarray) -> float:
    """The share of the steps from row to row that go the way most go, of those that go anywhere; 0.5 is no order.

    >>> order_of(np.array([1, 2, 2, 3, 4, 3]))
    0.75
    """
    steps = np.diff(x)
    up, down = int((steps > 0).sum()), int((steps < 0).sum())
    return max(up, down) / max(up + down, 1)


def _rises(x: np.ndarray) -> bool:
    """Whether a number rises, or falls, through the whole file, and does not begin again and again."""
    n = len(x)
    places = np.empty(n)
    places[np.argsort(x, kind="stable")] = np.arange(n)
    return n > 1 and abs(float(np.corrcoef(places, np.arange(n))[0, 1])) >= ORDERED


def _is_number(cells: Any) -> bool:
    from pandas.api import types

    return types.is_numeric_dtype(cells.dtype) and not types.is_bool_dtype(cells.dtype)


def _dates(cells: Any, name: str) -> np.ndarray | None:
    """Read a column of dates as days, (n,); None where it holds something else, or has gaps."""
    from pandas.api import types

    from .cells import words_of
    from .dates import Cells, days_since
    from .understand import kind_of

    if isinstance(cells.dtype, types.CategoricalDtype) or types.is_bool_dtype(cells.dtype):
        return None
    form, words = "iso", None
    try:
        if not types.is_datetime64_any_dtype(cells.dtype):
            some = cells.iloc[np.linspace(0, len(cells) - 1, min(len(cells), ROWS_ASKED)).astype(int)]
            if some.isna().any() or kind_of(words_of(some, name))[0] != "date":
                return None
            words = words_of(cells, name)
            written = kind_of(words)[1]  # all rows decide how dates are written, not some
            if written is None or written.form == "time":
                return None
            form = written.form
        read = Cells.of(cells, name, form, words).by_clock(None)
    except CutawayError:  # its cells are refused where they are encoded, with the words for it
        return None
    dates = read.dates[read.codes]
    return None if np.isnat(dates).any() else days_since(dates, dates.min())


def _in_order(X: Any, y: Any) -> bool:
    """Whether targets are alike from row to row in the file, and that is not because it is sorted by them."""
    y = np.asarray(y)
    if y.ndim != 1 or len(y) < FEWEST_NEAR:
        return False
    values, place = np.unique(y.astype(str) if y.dtype == object else y, return_inverse=True)
    if y.dtype.kind in "fiu" and len(values) > VARIED:
        r = np.argsort(np.argsort(place, kind="stable"))
        alike = float(np.corrcoef(r[1:], r[:-1])[0, 1])
        drift = abs(float(np.corrcoef(r, np.arange(len(r)))[0, 1]))
        return alike > 5 / np.sqrt(len(y)) and order_of(y) < ORDERED and drift < ORDERED
    same, share = float((place[1:] == place[:-1]).mean()), np.bincount(place) / len(y)
    chance = float(np.square(share).sum())
    spread = np.sqrt(chance * (1 - chance) / len(y))
    runs = 1 + int((place[1:] != place[:-1]).sum())
    return bool(spread > 0 and same - chance > 5 * spread and runs > 3 * len(values))


# ---- groups ----------------------------------------------------------------------------------------------------------


def words_in(name: str) -> list[str]:
    """The words of a column's name, in lower case, without the s of several.

    >>> words_in("PatientID"), words_in("subjects#"), words_in("house_no")
    (['patient', 'id'], ['subject'], ['house', 'no'])
    """
    words = re.findall(r"[A-ZÄÖÜ]+(?![a-zäöüéèñß])|[A-ZÄÖÜ]?[a-zäöüéèñß]+", name)
    return [word.lower().removesuffix("s") if len(word) > 3 else word.lower() for word in words]


def _has(words: list[str], pattern: re.Pattern[str]) -> bool:
    return any(pattern.fullmatch(word) for word in words)


def _names(words: list[str], pattern: re.Pattern[str]) -> bool:
    """Whether words are the name or number of what the pattern has, and of nothing else."""
    return _has(words, pattern) and all(pattern.fullmatch(word) or NUMBERED.fullmatch(word) for word in words)


def _sampled(words: list[str]) -> bool:
    return _names(words, SAMPLED) or (len(words) == 1 and _has(words, ALONE))


def _called(words: list[str]) -> bool:
    """Whether a name says that a column tells things or people apart."""
    return _sampled(words) or _names(words, KNOWN)


def _groups(X: Any, moments: list[Tie]) -> Iterator[Tie]:
    """Find columns that may say what rows belong to."""
    import pandas as pd

    n, times = len(X), {tie.column for tie in moments}
    time = next((tie.labels for tie in moments if tie.sure), None)
    for name in list(X.columns)[:MOST_LOOKED_FOR_TIES]:
        cells, words = X[name], words_in(str(name))
        sampled, called = _sampled(words), _called(words)
        if name in times or cells.isna().any() or (_is_number(cells) and not called):
            continue
        if _is_number(cells) and not bool((cells == np.floor(cells)).all()):
            continue
        try:
            codes = pd.factorize(cells)[0]
        except TypeError:
            continue
        sizes = np.bincount(codes)
        if len(sizes) < FEWEST_GROUPS or len(sizes) > n / 1.5 or sizes.max() > LARGEST_GROUP * n:
            continue
        rows = n / len(sizes)
        sure, why = sampled and rows <= MOST_OF_GROUP, "by its name, new rows will be of others"
        again = None if time is None else recurring(codes, time)
        if again is not None and again > 0.5:
            sure, why = False, f"{again:.0%} of the latest rows are of one that was there before"
        elif again is not None and again < 0.2 and called:
            sure, why = True, "the latest rows are of new ones"
        if called or (len(sizes) >= 2 * FEWEST_GROUPS and rows <= MOST_OF_GROUP):
            yield Tie("groups", name, codes, sure, why)


def recurring(codes: np.ndarray, time: np.ndarray) -> float:
    """The share of the latest fifth of the rows whose group earlier rows have, too.

    >>> recurring(np.array([0, 0, 1, 1, 2, 2, 3, 3, 0, 4]), np.arange(10))
    0.5
    """
    late = time > np.quantile(time, 0.8, method="lower")
    return float(np.isin(codes[late], codes[~late]).mean()) if late.any() else 0.0


# ---- rows that are nearly copies -------------------------------------------------------------------------------------


def near_copies(X: Any) -> np.ndarray | None:
    """Number rows (n,) so that those that are nearly copies of each other have one number; None where few rows are.

    Nearly copies agree in most of the columns that vary, number for number or within a thousandth of the rows' ranks:
    measurements of one thing, or rows that somebody multiplied. Exact copies count among them.
    """
    ranks = None if len(X) > MOST_FOR_COPIES else _varied(X)
    if ranks is None:
        return None
    n, k = ranks.shape
    need = int(np.ceil(ALIKE_CELLS * k))
    asked = np.linspace(0, n - 1, min(n, COPIES_ASKED)).astype(int)
    if sum(bool(_alike(ranks, i, need).any()) for i in asked) < SHARE_OF_COPIES * len(asked):
        return None
    return _clusters(ranks, need)


def _same(copies: np.ndarray, groups: np.ndarray) -> bool:
    """Whether near-copies are what a column's groups hold: of two rows of a group, half are copies, or more."""
    pairs = [np.square(np.unique(labels, return_counts=True)[1]).sum() - len(copies)
             for labels in (groups, copies * (int(groups.max()) + 1) + groups)]
    return bool(pairs[0] > 0 and pairs[1] >= 0.5 * pairs[0])


def _varied(X: Any) -> np.ndarray | None:
    """The columns of X that vary from row to row, as ranks between 0 and 1, (n, k); None if they are too few."""
    import pandas as pd

    found = []
    for name in X.columns:
        codes, values = pd.factorize(X[name], sort=_is_number(X[name]))
        if len(values) <= max(VARIED, len(X) / 100):
            continue
        if _is_number(X[name]):
            found.append(X[name].rank(method="average").to_numpy(np.float64) / len(X))
        elif np.bincount(codes[codes >= 0]).max(initial=0) > 1:  # words that all differ tell nothing
            found.append(codes.astype(np.float64))
        if len(found) == MOST_COLUMNS_ALIKE:
            break
    return np.nan_to_num(np.stack(found, axis=1), nan=-1.0) if len(found) >= 3 else None


def _alike(ranks: np.ndarray, i: int, need: int) -> np.ndarray:
    close = (np.abs(ranks - ranks[i]) <= CLOSE_RANKS).sum(axis=1) >= need
    close[i] = False
    return close


def _clusters(ranks: np.ndarray, need: int) -> np.ndarray:
    """Join rows that are nearly copies: each is compared with those near it in the order of some columns."""
    n, k = ranks.shape
    parent = np.arange(n)

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for column in range(k):
        order = np.lexsort((ranks[:, (column + 1) % k], ranks[:, column]))
        for step in (1, 2, 3, 5, 8):
            a, b = order[:-step], order[step:]
            same = (np.abs(ranks[a] - ranks[b]) <= CLOSE_RANKS).sum(axis=1) >= need
            for i, j in zip(a[same].tolist(), b[same].tolist(), strict=True):
                parent[root(i)] = root(j)
    return np.unique([root(i) for i in range(n)], return_inverse=True)[1]
