"""Whole numbers that are names, as those of shops, postcodes and sensors are: their order says nothing of the target.

What a value's own other rows say of the target is compared with what the rows of its two neighbours in order say. Ages,
years and counts are told as well by their neighbours as by themselves; names are not.
"""

from __future__ import annotations

import re

import numpy as np

from .columns import Settings
from .limits import (
    BY_NEIGHBOURS,
    FEW_ROWS,
    FEWEST_NAMES,
    FEWEST_OF_CODE,
    FEWEST_OF_NAME,
    MOST_CLASSES_TOLD,
    MOST_CODES,
    SURELY,
)
from .numbers import CALLED, TOLD, Number
from .targets import TargetEncoder

#: How columns of names in whole numbers are called.
LIKE_NAMES = re.compile(
    r"(.*[\W_])?(id|key|code|nr|no|num|number|zip|zip_?code|post_?code|postal_?code|plz|fips|sku|ean|shop|store|branch|"
    r"customer|client|user|product|item|article|vendor|supplier|sensor|machine|device|station|account|plant|site)s?$",
    re.I,
)


def with_names(column: Number, x: np.ndarray, T: np.ndarray | None, settings: Settings, padded: bool = False) -> None:
    """Give a column of numbers x (n,), NaN for gaps, a place for each value where these are names by targets T.

    padded: they were written with zeros in front, as names are.
    """
    if column.levels or not may_be_names(x, column.distinct):
        return
    if T is None or not are_names(x, T):
        column.names = CALLED if padded or called_so(column.name) else ""
        return
    values, rows = np.unique(x[~np.isnan(x)], return_counts=True)
    frequent = np.argsort(-rows, kind="stable")[: int((rows >= FEWEST_OF_CODE).sum())]
    column.coded = settings.embed and len(frequent) > settings.max_levels
    kept = frequent[: MOST_CODES if column.coded else settings.max_levels]
    column.names, column.levels = TOLD, np.sort(values[kept]).tolist()


def may_be_names(x: np.ndarray, distinct: int) -> bool:
    """Whether numbers x (n,), NaN for gaps, might be names: whole, none negative, many, each on several rows."""
    known = x[~np.isnan(x)]
    if len(x) < FEW_ROWS or not FEWEST_NAMES <= distinct <= len(known) / FEWEST_OF_NAME:
        return False
    return bool(known.min() >= 0 and (known == np.rint(known)).all())


def called_so(name: str) -> bool:
    """Whether a column of names is often called like this.

    >>> [called_so(name) for name in ("store_nr", "ShopID", "zip code", "customer_no", "age", "price", "n_items")]
    [True, True, True, True, False, False, False]
    """
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.strip())
    return LIKE_NAMES.match(words) is not None and not re.match(r"(n|num|count|number)[\W_]", words, re.I)


def are_names(x: np.ndarray, T: np.ndarray) -> bool:
    """Whether the order of numbers x (n,), NaN for gaps, says little of T (n, outputs) beside the values themselves.

    Both are the share of T's variance that a mean of other rows explains: of the same value, or of the value's two
    neighbours. The first must be surely above zero, the second far below the first.
    """
    known = ~np.isnan(x)
    _, place = np.unique(x[known], return_inverse=True)
    T = T[known] - T[known].mean(axis=0)
    spread = np.square(T).mean(axis=0)
    T = T[:, spread > 0] / np.sqrt(spread[spread > 0])
    if not T.shape[1]:
        return False
    rows = np.bincount(place).astype(np.float64)
    sums = np.stack([np.bincount(place, column) for column in T.T], axis=1)
    squares = np.stack([np.bincount(place, column) for column in np.square(T).T], axis=1)
    several = rows > 1
    own = ((np.square(sums) - squares)[several] / (rows[several] - 1)[:, None]).sum(axis=0)
    by_chance = np.sqrt(2 * (rows[several] / (rows[several] - 1)).sum())
    beside_sums, beside_rows = np.zeros_like(sums), np.zeros_like(rows)
    beside_sums[1:], beside_rows[1:] = sums[:-1], rows[:-1]
    beside_sums[:-1] += sums[1:]
    beside_rows[:-1] += rows[1:]
    beside = (sums * beside_sums / beside_rows[:, None]).sum(axis=0)
    sure = own > SURELY * by_chance
    return bool(sure.any() and beside[sure].sum() < BY_NEIGHBOURS * own[sure].sum())


def told_by(T: np.ndarray, target: TargetEncoder) -> np.ndarray:
    """The encoded targets as columns of numbers: one for each class, of the most frequent, where there are several."""
    if target.task != "multiclass":
        return T.reshape(len(T), -1).astype(np.float64)
    most = np.argsort(-np.bincount(T.astype(np.intp)), kind="stable")[:MOST_CLASSES_TOLD]
    return (T[:, None] == most).astype(np.float64)
