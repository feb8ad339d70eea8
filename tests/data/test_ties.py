"""Ties: what looks as if it held rows together, and what only seems so; nothing is measured here."""

import numpy as np
import pandas as pd
import pytest

from cutaway.data.ties import near_copies, recurring, ties, words_in

rng = np.random.default_rng(0)
N = 200
DAYS = pd.date_range("2021-01-01", periods=N)


def found(frame, y=None):
    """{(way, column): sure}"""
    y = rng.normal(size=len(frame)) if y is None else y
    return {(tie.way, tie.column): tie.sure for tie in ties(pd.DataFrame(frame), y)}


def test_dates_in_the_order_of_the_rows_are_surely_time():
    assert found({"when": DAYS.strftime("%Y-%m-%d"), "x": rng.normal(size=N)}) == {("time", "when"): True}


def test_the_only_date_of_an_event_is_time_in_any_order():
    assert found({"sold": rng.permutation(DAYS)})[("time", "sold")] is True


@pytest.mark.parametrize("frame", [
    {"birthday": rng.permutation(DAYS)},
    {"date": rng.permutation(pd.date_range("1940-01-01", periods=N, freq="100D"))},
    {"ordered": rng.permutation(DAYS), "paid": rng.permutation(DAYS)},
    {"hired": DAYS},
], ids=["named so", "over 50 years", "two dates", "in order, but since when"])
def test_a_date_that_may_be_met_again_is_not_sure(frame):
    assert True not in found(frame).values()


def test_a_number_is_time_if_it_rises_and_is_called_so():
    rising = np.sort(rng.uniform(size=N))
    assert found({"t": rising})[("time", "t")] is True
    assert found({"depth": rising})[("time", "depth")] is False
    assert found({"t": rng.permutation(rising)}) == {}
    assert found({"day": np.tile(np.arange(1, 21), 10)}) == {}, "a day of the month begins again"


def test_a_year_is_told_of_and_the_year_of_building_is_nothing():
    years = rng.integers(1990, 2010, N)
    assert found({"YrSold": years}) == {("time", "YrSold"): False}
    assert found({"YearBuilt": years}) == {}


def test_what_only_counts_the_rows_is_their_order_in_the_file():
    alike = np.cumsum(rng.normal(size=N))
    assert found({"nr": np.arange(N), "x": rng.normal(size=N)}, alike) == {("time", ""): False}
    assert found({"nr": np.arange(N), "x": rng.normal(size=N)}) == {}
    assert found({"x": rng.normal(size=N)}, np.sort(alike)) == {}, "rows sorted by the target"


@pytest.mark.parametrize(("name", "sure"), [
    ("patient_id", True), ("SubjectNo", True), ("id", True), ("shop", False), ("customer_id", False),
])
def test_ids_that_repeat_are_groups_and_surely_so_if_they_name_what_was_sampled(name, sure):
    assert found({name: [f"c{i % 40}" for i in range(N)], "x": rng.normal(size=N)}) == {("groups", name): sure}


@pytest.mark.parametrize("frame", [
    {"zone": rng.choice(list("abcdefgh"), N)},
    {"patient_age": rng.integers(20, 60, N)},
    {"store": rng.integers(0, 40, N)},
    {"patient_id": np.arange(N)},
    {"patient_id": np.where(np.arange(N) % 3, 0, np.arange(N))},
    {"patient_id": [None, *range(40)] * 4 + [1] * 36},
], ids=["few levels", "an age", "a number that is no id", "all differ", "one of most rows", "gaps"])
def test_columns_that_hold_no_rows_together(frame):
    assert not any(way == "groups" for way, _ in found({**frame, "x": rng.normal(size=N)}))


def test_time_says_whether_the_groups_of_later_rows_are_known():
    again, anew = np.tile(np.arange(20), 10), np.repeat(np.arange(40), 5)
    assert found({"patient": again, "when": DAYS})[("groups", "patient")] is False
    assert found({"customer": anew, "when": DAYS})[("groups", "customer")] is True
    assert recurring(again, np.arange(N)) == 1 and recurring(anew, np.arange(N)) == 0


def test_nearly_copies_get_one_number():
    Z = np.repeat(rng.normal(size=(60, 6)), 2, axis=0)
    Z[::2, 5] += rng.normal(size=60)  # one number of six differs
    order = rng.permutation(120)
    labels = near_copies(pd.DataFrame(Z[order]))
    _, thing = np.unique(order // 2, return_inverse=True)
    assert len(np.unique(labels)) == 60
    assert all(len(set(labels[thing == k])) == 1 for k in range(60))
    assert near_copies(pd.DataFrame(rng.normal(size=(120, 6)))) is None


def test_few_kinds_of_rows_are_no_copies():
    assert near_copies(pd.DataFrame(rng.integers(0, 3, (300, 6)))) is None


def test_the_words_of_a_name():
    assert words_in("PULocationID")[-1] == "id" and words_in("Yr.Sold") == ["yr", "sold"] and words_in("123") == []
