"""Scores, ranks and shares of time, from what was measured."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from typing import Any

from .peers import COMPETITORS

#: they are not measured on every split: none waits for them
SPARED = {name for name, one in COMPETITORS.items() if one.most is not None or one.aside}
Results = dict[str, Any]


def common(results: Results, table: str) -> list[dict[str, Any]]:
    """The splits of a table that all were measured on who were measured on any; {who: what was found} of each."""
    splits = results.get("fits", {}).get(table, {}).values()
    everyone = {name for fits in splits for name in fits} - SPARED
    return [fits for fits in splits if everyone <= set(fits)]


def mean_of(results: Results, table: str, who: str, key: str) -> float | None:
    """The mean over a table's common splits of a score, a loss or seconds; None where any of them is missing."""
    found = [fits.get(who, {}).get(key) for fits in common(results, table)]
    return statistics.fmean(found) if found and None not in found else None


def ranks(values: dict[str, float], better: str = "more") -> dict[str, float]:
    """The place of each among all: 1 for the best, and for equal ones the mean of their places.

    >>> ranks({"a": 0.9, "b": 0.7, "c": 0.9})
    {'a': 1.5, 'b': 3.0, 'c': 1.5}
    """
    sign = 1 if better == "more" else -1
    return {name: 1 + sum(sign * (other - value) > 0 for other in values.values())
            + (sum(other == value for other in values.values()) - 1) / 2 for name, value in values.items()}


def mean_ranks(results: Results, tables: Iterable[str], among: list[str], key: str = "score",
               better: str = "more") -> tuple[dict[str, float], list[str]]:
    """{who: mean place} over the tables that all of them were measured on, and which these are."""
    places: dict[str, list[float]] = {name: [] for name in among}
    used = []
    for table in tables:
        values = {name: mean_of(results, table, name, key) for name in among}
        whole = {name: value for name, value in values.items() if value is not None}
        if len(whole) == len(among):
            used.append(table)
            for name, place in ranks(whole, better).items():
                places[name].append(place)
    return {name: statistics.fmean(found) for name, found in places.items() if found}, used


def share(results: Results, tables: Iterable[str], who: str, of: str = "RealMLP-TD", key: str = "cpu") -> float | None:
    """The median over the tables of one's seconds over another's, None where none has both."""
    found = []
    for table in tables:
        mine, theirs = mean_of(results, table, who, key), mean_of(results, table, of, key)
        if mine is not None and theirs:
            found.append(mine / theirs)
    return statistics.median(found) if found else None
