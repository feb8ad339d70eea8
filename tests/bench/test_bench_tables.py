"""The tables to judge by: which are held out, and that no split lets the future, a group or a tested row teach."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.tables import catalogue, files, names
from benchmarks.tables.splits import divide


def test_every_third_table_by_name_is_held_out_and_the_houses_are_not():
    tables = names()[1:]
    assert names()[0] == "ames" and list(tables) == sorted(tables)
    assert names("held-out") == tables[2::3]
    assert set(names("development")) | set(names("held-out")) == set(names())


@pytest.mark.parametrize("by", ["chance", "time", "groups"])
def test_rows_are_on_one_side_and_a_split_is_always_the_same(by):
    keys = np.random.default_rng(0).integers(0, 40, 400)
    train, test = divide(1, by, keys)
    assert not set(train) & set(test)
    np.testing.assert_array_equal(test, divide(1, by, keys)[1])
    assert set(test) != set(divide(0, by, keys)[1])


def test_by_time_the_past_teaches_and_no_moment_is_parted():
    keys = np.random.default_rng(0).integers(0, 40, 400)
    for number in range(3):
        train, test = divide(number, "time", keys)
        assert keys[train].max() < keys[test].min()
    with pytest.raises(ValueError, match="splits 0, 1 and 2, not 3"):
        divide(3, "time", keys)


def test_by_groups_none_is_on_both_sides():
    keys = np.random.default_rng(0).integers(0, 40, 400)
    train, test = divide(0, "groups", keys)
    assert not set(keys[train]) & set(keys[test])
    assert len(set(keys[test])) == 10  # a quarter of the groups


def test_by_chance_every_class_is_shared_out_alike():
    labels = np.repeat(["often", "rare"], [360, 40])
    _, test = divide(0, "chance", np.arange(400), labels)
    assert (labels[test] == "rare").sum() == 10


def made(task="classification", **more):
    given = {"package": "none", "item": "", "terms": "", "about": "", "target": "y", "task": task}
    return catalogue.Source("made", **(given | more))


def test_what_names_a_row_or_knows_the_answer_is_left_out(monkeypatch, tmp_path):
    frame = pd.DataFrame({"id": np.arange(100) // 2, "a": np.arange(100.0), "tax": 1.0,
                          "y": ["p", "q"] * 49 + ["rare", None]})
    source = made(by="groups", order=("id",), keep_order=False, drop=("tax",))
    monkeypatch.setattr(catalogue, "SOURCES", (source,))
    monkeypatch.setattr(catalogue.Source, "raw", lambda self: frame)
    files.write(tmp_path)
    table = files.load("made", tmp_path)
    assert list(table.X.columns) == ["a"] and len(table.X) == 98
    assert set(table.y) == {"p", "q"}
    np.testing.assert_array_equal(table.keys, np.arange(98) // 2)


def test_a_table_that_is_not_written_yet_says_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"python -m benchmarks\.tables --write"):
        files.load("hitters", tmp_path)
