"""What is known of rows before a score on them is believed: columns that give the target away, copies, doubts."""

import numpy as np
import pytest

import cutaway as ct
from cutaway.data.judgement import copied, standard_error, telling, telling_copies

rng = np.random.default_rng(0)
N = 400
NOISE = rng.normal(size=(N, 3))


def judged(column, y, classes=True, others=NOISE):
    Z = np.c_[others[: len(y)], column]
    names = {name: slice(k, k + 1) for k, name in enumerate("abc")}
    return telling(Z, y, names | {"x": slice(3, Z.shape[1])}, classes)


NUMBER = rng.normal(size=N)
CLASS = (NUMBER < -0.5).astype(int)
GROUP = rng.integers(0, 40, N)
CODES = rng.integers(0, 4, N)


@pytest.mark.parametrize(("column", "y", "classes", "how"), [
    (NUMBER, CLASS, True, "value"),
    (NUMBER[:60], CLASS[:60], True, "value"),
    (NUMBER, np.digitize(NUMBER, [-1, 0, 1]), True, "value"),
    (np.sin(3 * NUMBER), (np.abs(np.sin(3 * NUMBER)) > 0.5).astype(int), True, "value"),
    (CODES, np.array([1, 0, 0, 1])[CODES], True, "value"),
    (np.eye(4)[CODES], np.array([1, 0, 0, 1])[CODES], True, "value"),
    (NUMBER, (NUMBER > 1.8).astype(int), True, "value"),
    (NUMBER, 1.19 * NUMBER + rng.normal(scale=1e-3, size=N), False, "value"),
    (NUMBER, np.exp(3 * NUMBER), False, "value"),
    (CODES, np.array([5.0, 3.0, 8.0, 1.0])[CODES], False, "value"),
    (np.arange(N), (np.arange(N) > 250).astype(int), True, "order"),
    (np.arange(N) * 2.0, np.sort(NUMBER), False, "order"),
    (np.arange(N) * 2.0, -np.sort(NUMBER), False, "order"),
    (np.arange(N) * 2.0, np.sin(np.arange(N) / 60) + 0.01 * NUMBER, False, "near"),  # a time, and what changes with it
    (np.arange(N), np.arange(N) // 150 % 2, True, "near"),
    (GROUP, rng.integers(0, 2, 40)[GROUP], True, "group"),
    (GROUP, rng.normal(size=40)[GROUP], False, "group"),
    (np.eye(40)[GROUP], rng.integers(0, 3, 40)[GROUP], True, "group"),
], ids=["threshold", "few rows", "bins", "folded", "codes", "one-hot", "rare class", "copy with noise", "function",
        "levels of numbers", "counter", "counter, numbers", "counter, falling", "time", "time of classes",
        "groups", "groups, numbers", "one-hot groups"])
def test_a_column_that_gives_the_target_away(column, y, classes, how):
    (found,) = judged(column, y, classes)
    assert (found.column, found.how) == ("x", how) and found.alone > 0.98


@pytest.mark.parametrize(("column", "y", "classes"), [
    (NUMBER, (NUMBER + rng.normal(scale=0.3, size=N) > 0).astype(int), True),
    (NUMBER, 2 * NUMBER + rng.normal(scale=0.3, size=N), False),
    (GROUP, rng.integers(0, 2, N), True),
    (np.arange(N), rng.integers(0, 2, N), True),
    (NUMBER[:20], CLASS[:20], True),
    (NUMBER, np.ones(N), False),
], ids=["noisy", "noisy numbers", "groups", "counter", "too few rows", "constant target"])
def test_columns_that_do_not(column, y, classes):
    assert judged(column, y, classes) == []


def test_a_column_filled_only_where_the_target_is_one_class():
    filled = (CLASS == 1) & (rng.random(N) < 0.6)
    (found,) = judged(np.c_[np.where(filled, rng.normal(size=N), 0), ~filled], CLASS)
    assert (found.how, found.label, found.rows) == ("filled", 1, filled.sum())


def test_where_most_columns_tell_the_problem_is_easy():
    assert telling(np.c_[NUMBER, 2 * NUMBER, NOISE[:, 0]], CLASS, {n: slice(k, k + 1) for k, n in enumerate("abc")},
                   True) == []


@pytest.mark.parametrize("name", ct.datasets.names(made=True))
def test_made_problems_have_no_such_column(name):
    X, y = ct.datasets.make(name, n=300)
    classes = y.dtype.kind != "f"
    columns = {str(k): slice(k, k + 1) for k in range(X.shape[1])}
    assert telling(X, y.astype(int) if classes else y, columns, classes) == []


def test_copies_are_found_whatever_the_type():
    assert copied([NOISE.astype("f4")], [np.r_[NOISE[:2], NOISE[:1] + 1]]).tolist() == [True, True, False]


def test_equal_rows_are_copies_where_chance_does_not_make_as_many():
    assert telling_copies([NOISE], [NOISE[:50]]) == 1.0 and telling_copies([NOISE], [NOISE[:50] + 1]) == 0
    assert telling_copies([np.round(NOISE)], [np.round(NOISE[:50])]) == 0  # few values each
    ages = np.c_[rng.integers(1, 80, 2000), rng.random(2000) > 0.5].astype(float)  # many values, and all of them often
    assert telling_copies([ages[:1500]], [ages[1500:]]) == 0
    zones = np.c_[NOISE, np.eye(4)[CODES]]
    columns = {"a": slice(0, 1), "b": slice(1, 2), "c": slice(2, 3), "zone": slice(3, 7)}
    assert telling_copies([zones], [np.r_[zones[:30], zones[:30] + 1]], columns) == 0.5
    images = rng.random((90, 6, 6, 1))
    assert telling_copies([images], [images[:9]]) == 1.0


SURVEY = np.clip(np.round(1.5 * NUMBER[:, None] + 0.4 * rng.normal(size=(N, 6))), -2, 2)
AGES = np.arange(N) % 60 + 18.0


@pytest.mark.parametrize(("X", "y"), [
    (np.c_[AGES, 2024 - AGES], 2 * AGES + rng.normal(size=N)),  # one column is made from the other
    (np.c_[AGES, 2024 - AGES], (AGES + 9 * rng.normal(size=N) > 50).astype(int)),
    (NOISE[rng.integers(0, 60, N)], rng.normal(size=N)),  # places, measured again and again
    (SURVEY, (NUMBER + rng.normal(size=N) > 0).astype(int)),  # questions that are answered alike
    (np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]] * 100), np.array([0, 1, 1, 0] * 100)),
])
def test_rows_that_are_equal_for_another_reason_are_no_copies(X, y):
    order = np.random.default_rng(1).permutation(len(X))
    X, y = X[order], y[order]
    assert telling_copies([X[:300]], [X[300:]], targets=(y[:300], y[300:])) == 0


@pytest.mark.parametrize("X", [
    rng.integers(0, 4, (200, 12)).astype(float), rng.integers(0, 10, (200, 8)), NOISE[:20].repeat(10, axis=0),
])
@pytest.mark.parametrize("y", [GROUP[:20].repeat(10), NUMBER[:20].repeat(10)])
def test_copies_of_few_values_each_are_found_by_their_targets(X, y):
    assert telling_copies([X], [X[::4]], targets=(y, y[::4])) == 1.0


def test_equal_images_of_different_classes_are_copies():
    images = rng.integers(0, 9, (5, 6, 6, 1)).repeat(8, axis=0)
    y = np.arange(40) % 2
    assert telling_copies([images[::2]], [images[1::2]], targets=(y[::2], y[1::2])) == 1.0


def test_one_pair_of_equal_rows_may_be_chance():
    X = np.r_[NOISE[:1], NOISE[100:129]]
    assert telling_copies([NOISE[:90]], [X]) == 0


def test_twelve_of_twelve_is_not_certain():
    assert 0.05 < standard_error(1.0, 12) < 0.15 and standard_error(0.5, 10_000) == pytest.approx(0.005, rel=0.01)
