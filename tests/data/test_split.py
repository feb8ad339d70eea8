"""split: every row on exactly one side, in proportion, the same for a seed."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutaway.data import split
from cutaway.errors import ArgumentError, DataError


@pytest.mark.parametrize("form", ["%d.%m.%Y", "%m/%d/%Y %H:%M", "%d %B %Y", "%G-W%V-%u"])
def test_times_are_in_order_however_they_are_written(form):
    days = pd.date_range("2023-12-25", periods=10)[[3, 1, 4, 0, 5, 9, 2, 6, 8, 7]]
    _, test = split(10, 0.3, time=days.strftime(form))
    assert test.tolist() == [5, 8, 9]


def test_times_that_could_be_in_another_order_are_refused():
    with pytest.raises(DataError, match="time holds '03/04/2020', which is neither a number nor a date"):
        split(4, 0.5, time=["03/04/2020", "01/05/2020", "06/07/2020", "02/08/2020"])


@given(st.integers(10, 200), st.integers(0, 9), st.sampled_from(["chance", "stratify", "groups", "time"]), st.data())
def test_every_row_is_in_exactly_one_part(n, seed, way, data):
    labels = np.array(data.draw(st.lists(st.integers(0, 5), min_size=n, max_size=n)))
    labels[:3], labels[3:6] = [0, 1, 2], [0, 1, 2]
    ways = {} if way == "chance" else {way: labels}
    parts = split(n, (0.2, 0.2), seed, **ways)
    assert np.sort(np.concatenate(parts)).tolist() == list(range(n))
    assert all(len(part) > 0 and (np.diff(part) > 0).all() for part in parts)
    assert all((a == b).all() for a, b in zip(parts, split(n, (0.2, 0.2), seed, **ways), strict=True))


def test_parts_have_the_sizes_asked_for():
    assert [len(part) for part in split(1000, (0.1, 0.25))] == [650, 100, 250]
    assert [len(part) for part in split(5, 0.01)] == [4, 1]


def test_seeds_differ():
    assert set(split(1000, 0.2, seed=0)[1]) != set(split(1000, 0.2, seed=1)[1])


@given(st.lists(st.integers(2, 40), min_size=2, max_size=6), st.integers(0, 9))
def test_stratified_parts_hold_each_class_in_proportion(sizes, seed):
    y = np.repeat([f"class {i}" for i in range(len(sizes))], sizes)
    _, test = split(y, 0.25, seed, stratify=True)
    assert len(test) == max(1, round(len(y) * 0.25))
    for label, size in zip(np.unique(y), sizes, strict=True):
        assert abs((y[test] == label).sum() - size * len(test) / len(y)) < 1


def test_a_class_of_one_row_stays_in_training():
    y = ["a"] * 20 + ["b"]
    assert all(20 in split(y, 0.4, seed, stratify=True)[0] for seed in range(20))


@given(st.integers(0, 50), st.integers(2, 12))
def test_no_group_is_on_two_sides(seed, groups):
    group = np.random.default_rng(seed).integers(groups, size=100)
    group[:2] = [0, 1]
    train, test = split(100, 0.3, seed, groups=[f"patient {g}" for g in group])
    assert not set(group[train]) & set(group[test])


def test_groups_of_equal_size_meet_the_fraction():
    assert len(split(100, 0.2, groups=np.repeat(np.arange(20), 5))[1]) == 20


@pytest.mark.parametrize("time", [
    np.arange(10)[::-1],
    [f"2020-01-{day:02}" for day in range(10, 0, -1)],
    pd.date_range("2020-01-01", periods=10)[::-1],
], ids=["numbers", "text", "datetime"])
def test_by_time_the_latest_rows_are_last(time):
    assert [part.tolist() for part in split(10, (0.2, 0.3), time=time)] == [[5, 6, 7, 8, 9], [3, 4], [0, 1, 2]]


def test_rows_of_one_moment_stay_together():
    years = np.repeat([2006, 2007, 2008, 2009, 2010], [30, 30, 20, 13, 7])
    _, test = split(100, 0.2, time=years)
    assert sorted(set(years[test])) == [2009, 2010]


@pytest.mark.parametrize(("arguments", "says"), [
    ({"rows": 1}, "1 row cannot make 2 parts"),
    ({"rows": 2, "fractions": (0.2, 0.2)}, "2 rows cannot make 3 parts"),
    ({"rows": 6, "groups": [1] * 6}, "not enough groups"),
    ({"rows": 6, "fractions": (0.3, 0.3), "groups": [1, 1, 1, 2, 2, 2]}, "not enough groups"),
    ({"rows": 6, "time": [2020] * 6}, "not enough different moments"),
    ({"rows": 3, "time": ["2020-01-01", "later", "2020-01-02"]}, "time holds 'later'"),
    ({"rows": 3, "groups": ["a", None, "b"]}, "groups is missing in 1 row, first in row 1"),
    ({"rows": 3, "groups": ["a", "b"]}, "groups has 2 rows, the table 3"),
    ({"rows": ["a", "b", "c"], "stratify": True}, "No class has two rows"),
])
def test_rows_that_cannot_be_split_say_why(arguments, says):
    with pytest.raises(DataError, match=says):
        split(**arguments)


@pytest.mark.parametrize(("arguments", "says"), [
    ({"fractions": 0.0}, "above 0"),
    ({"fractions": (0.5, 0.5)}, "sum below 1"),
    ({"stratify": True}, "give y"),
    ({"groups": [1] * 10, "time": range(10)}, "not by groups and time"),
])
def test_arguments_that_contradict_are_refused(arguments, says):
    with pytest.raises(ArgumentError, match=says):
        split(10, **arguments)


def test_groups_stay_whole_and_classes_near_their_share():
    group = np.repeat(np.arange(60), 5)
    y = np.where(group % 5 == 0, "rare", "common")
    train, test = split(y, 0.25, seed=1, stratify=True, groups=group)
    assert not set(group[train]) & set(group[test])
    assert abs((y[test] == "rare").mean() - 0.2) < 0.04 and abs(len(test) - 75) <= 5


@pytest.mark.parametrize("seed", range(10))
def test_a_class_that_one_group_has_is_learnt_from(seed):
    group, y = np.repeat(np.arange(8), 4), np.repeat(["a", "b", "a", "b", "a", "b", "a", "c"], 4)
    train, _ = split(y, 0.4, seed, stratify=True, groups=group)
    assert set(y[train]) == {"a", "b", "c"}


def test_a_group_of_half_of_the_rows_is_learnt_from():
    group, y = np.array([0] * 50 + list(range(1, 51))), np.tile(["a", "b"], 50)
    train, test = split(y, 0.2, stratify=True, groups=group)
    assert set(np.flatnonzero(group == 0)) <= set(train) and len(test) == 20


def test_where_each_group_has_a_class_of_its_own_none_can_be_held_back():
    with pytest.raises(DataError, match="each has all rows of some class"):
        split(["a", "a", "b", "b"], 0.5, stratify=True, groups=[1, 1, 2, 2])
    with pytest.raises(ArgumentError, match="not by groups and time"):
        split(4, 0.5, time=[1, 2, 3, 4], groups=[1, 1, 2, 2])
