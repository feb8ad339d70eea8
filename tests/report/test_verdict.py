"""The verdict: which score can see, who is ahead of whom and of what costs nothing, and what makes it doubtful."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from cutaway.data.judgement import Telling, area, judged_by
from cutaway.report import verdict
from cutaway.report.verdict import Answer, best_threshold, constant_answer, judge, sentence

rng = np.random.default_rng(0)


def classes_of(n, share, strength, seed=0):
    """Labels of which `share` are "late", and the answers of a model that knows something and of one that does not."""
    r = np.random.default_rng(seed)
    z = r.normal(size=n)
    y = np.where(r.random(n) < np.clip(share * np.exp(strength * z - strength**2 / 2), 0, 1), "late", "on time")
    known, unknown = (np.c_[p, 1 - p] for p in (share * np.exp(0.5 * z) / 3, share * r.random(n)))
    labels = np.array(["late", "on time"])
    return y, [Answer(name, labels[p.argmax(1)], p) for name, p in (("network", known), ("linear", unknown))], labels


def with_simple(y, answers, labels):
    return [*answers, constant_answer("binary", y, y, labels)]


@pytest.mark.parametrize(("task", "y", "by"), [
    ("regression", [1.0, 2.0], "R²"), ("regression", [2.0, 2.0], ""), ("multi-output regression", np.ones((3, 2)), ""),
    ("binary", ["a", "b"], "accuracy"), ("binary", ["a"] * 4 + ["b"], "ROC AUC"), ("binary", ["a", "a"], ""),
    ("multiclass", ["a"] * 18 + ["b", "c"], "ROC AUC"), ("multilabel", np.eye(10, dtype=int), "ROC AUC"),
    ("multilabel", np.array([[0, 1], [1, 0]]), "accuracy"),
    ("multilabel", np.array([[0, 1], [0, 0]] * 9 + [[1, 1], [0, 0]]), "ROC AUC"),  # one rare label is enough
])
def test_the_score_that_can_see(task, y, by):
    assert judged_by(task, np.array(y)) == by


@pytest.mark.parametrize("classes", [2, 3])
def test_the_area_is_scikit_learns(classes):
    y, p = rng.integers(0, classes, 90), np.round(rng.random((90, classes)), 1) + 0.01
    p /= p.sum(1, keepdims=True)
    expected = roc_auc_score(y, p[:, 1] if classes == 2 else p, multi_class="ovr")
    assert area("multiclass", y, p, np.arange(classes)) == pytest.approx(expected)
    many = Answer("", np.zeros(590), np.r_[p, p[:1].repeat(500, 0)])
    assert judge("multiclass", np.r_[y, np.zeros(500, int)], [many, many], np.arange(classes)).ahead == [(0.0, 0.0)]


def test_the_spread_of_an_area_is_that_of_repeated_tests():
    """DeLong's standard error against the deviation over many test parts."""
    found = [judge("binary", y, answers, labels) for y, answers, labels in
             (classes_of(600, 0.05, 1.0, seed) for seed in range(60))]
    gains = [one.ahead[0][0] for one in found]
    assert np.mean([one.ahead[0][1] for one in found]) == pytest.approx(np.std(gains), rel=0.25)


def test_one_row_of_a_rare_class_decides_nothing():
    """Ranked first by one model and among the last by the other: with one row either may happen by chance."""
    y, labels = np.array(["late"] + ["on time"] * 9), np.array(["late", "on time"])
    first, last = np.r_[0.9, np.linspace(0.1, 0.5, 9)], np.r_[0.2, np.linspace(0.1, 0.5, 9)]
    answers = [Answer("", labels[[1] * 10], np.c_[p, 1 - p]) for p in (first, last)]
    said = sentence("binary", y, answers, labels)
    assert "within chance: ROC AUC 1.000" in said and "So few rows leave ROC AUC uncertain by" in said


def test_rare_classes_are_judged_by_what_sees_them():
    y, answers, labels = classes_of(3000, 0.03, 1.0)
    text = sentence("binary", y, with_simple(y, answers, labels), labels)
    assert "the network wins: ROC AUC" in text and "is as good" not in text


def test_a_network_that_learnt_nothing_is_no_better_than_the_largest_class():
    y, answers, labels = classes_of(2000, 0.03, 0.0)
    text = sentence("binary", y, with_simple(y, [answers[1], answers[1]], labels), labels)
    assert "always answering 'on time' is as good" in text and "ROC AUC 0.500" in text
    y = rng.choice(["no", "yes"], 300, p=[0.6, 0.4])
    guess = rng.choice(["no", "yes"], 300)
    answers = [Answer("", guess, np.full((300, 2), 0.5))] * 2
    text = sentence("binary", y, [*answers, constant_answer("binary", y, y, ["no", "yes"])], ["no", "yes"])
    assert "an answer that costs nothing wins: always answering 'no', accuracy" in text


def test_numbers_are_compared_with_their_mean():
    y = rng.normal(size=200)
    guess = rng.normal(size=200)
    simple = constant_answer("regression", y, y, None)
    text = sentence("regression", y, [Answer("", guess), Answer("", guess + 1), simple], None)
    assert "an answer that costs nothing wins: always answering the mean, R² 0.000" in text


@pytest.mark.parametrize(("season", "says"), [
    (0.05, "an answer that costs nothing wins: the value 24 steps before, R² 0.99"),
    (0.2, "the value 24 steps before is as good, within chance"),
    (0.9, "Of the answers that cost nothing, the value 24 steps before is best"),
])
def test_a_forecast_is_compared_with_the_season(season, says):
    y, r = rng.normal(size=400), np.random.default_rng(1)
    network, linear, seasonal, last = (y + r.normal(scale=s, size=400) for s in (0.2, 0.4, season, 2.0))
    answers = [Answer("", network), Answer("", linear), Answer("the last value", last),
               Answer("the value 24 steps before", seasonal)]
    assert says in sentence("regression", y, answers, None, table=False, ahead=1)


def test_windows_that_overlap_are_fewer_than_they_are():
    y = rng.normal(size=(300, 24))
    answers = [Answer("", y + rng.normal(scale=s, size=y.shape)) for s in (0.5, 0.6)]
    alone, together = (judge("multi-output regression", y, answers, None, overlap) for overlap in (1, 24))
    assert together.ahead[0][1] == pytest.approx(alone.ahead[0][1] * 24**0.5)


def test_so_few_rows_that_the_score_is_uncertain():
    y = np.array(["a", "b"] * 6)
    assert "uncertain by ± 0.17" in sentence("binary", y, [Answer("", y), Answer("", y)], ["a", "b"])
    y = np.tile(y, 100)
    assert "uncertain" not in sentence("binary", y, [Answer("", y), Answer("", y)], ["a", "b"])
    few, many = (rng.normal(size=n) for n in (20, 4000))
    noisy = [sentence("regression", y, [Answer("", y + rng.normal(size=len(y)) / 2)] * 2, None) for y in (few, many)]
    assert "leave R² uncertain" in noisy[0] and "uncertain" not in noisy[1]


def test_a_test_part_of_one_target_says_so():
    assert "R² says nothing" in sentence("regression", np.ones(9), [Answer("", np.ones(9))] * 2, None)
    (found,) = verdict.one_kind(np.array(["no"] * 9), ["late"], "rows")
    assert found.text == "All 9 test rows have late no: ROC AUC and balanced accuracy say nothing."
    assert verdict.one_kind(np.array([1.0, 2.0]), ["y"], "rows") == []


def test_a_class_that_nobody_ever_says():
    y, answers, _ = classes_of(3000, 0.03, 1.0)
    (found,) = verdict.rare("binary", y, answers, False, ("late", 0.04))
    assert found.name == "classes never predicted" and "always answering that has accuracy 0.9" in found.text
    assert "Neither the network nor the linear model takes a single test row for late" in found.text
    assert "--class-weight balanced" in found.why and "--threshold late=0.04" in found.why
    (weighed,) = verdict.rare("binary", y, answers, True)
    assert "--class-weight" not in weighed.why
    even = rng.choice(["a", "b"], 200)
    assert verdict.rare("binary", even, [Answer("", even)], False) == []


def test_a_small_class_among_several_is_missed_too():
    y = np.repeat(["a", "b", "c"], [100, 100, 8])
    (found,) = verdict.rare("multiclass", y, [Answer("", np.where(y == "c", "a", y))], False)
    assert "does not take a single test row for c (8 rows)" in found.text


def test_the_threshold_finds_most_for_the_fewest_alarms():
    truth = rng.random(2000) < 0.05
    p = np.clip(0.03 + 0.05 * truth + rng.normal(scale=0.02, size=2000), 0, 1)
    value = best_threshold(truth, p)
    assert 0.03 < value < 0.08 and (p[truth] >= value).mean() > 0.7 and (p[~truth] >= value).mean() < 0.3


def test_leaks_come_with_the_option_that_takes_them_out():
    told = [Telling("my bwt", "value", 1.0), Telling("who", "group", 1.0), Telling("boat", "filled", 1.0, 1, 30)]
    found = verdict.leaks(told, 99, ["survived no", "survived yes"], "survived")
    assert [one.command for one in found] == ["--drop 'my bwt'", "--group who", "--drop boat"]
    assert "my bwt alone predicts survived" in found[0].advice and "(--drop 'my bwt')" in found[0].advice
    assert "are survived yes" in found[2].text


def test_rows_that_were_learnt_from_are_counted():
    known = rng.normal(size=(100, 3))
    (found,) = verdict.copies([known], [np.r_[known[:5], rng.normal(size=(45, 3))]], "test", "rows")
    assert found.text.startswith("5 of the 50 test rows are") and found.severity == "notice"
    assert verdict.copies([known], [rng.normal(size=(45, 3))], "test", "rows") == []
    assert verdict.copies([np.round(known)], [np.round(known)], "test", "rows") == []


def test_labels_that_nobody_ever_says():
    y = np.c_[rng.random(300) < 0.5, rng.random(300) < 0.04].astype(int)
    (found,) = verdict.rare("multilabel", y, [Answer("", y * [1, 0])], False, None, ["big", "broken"])
    assert "does not take a single test row for broken (" in found.text and found.command == ""
    assert verdict.rare("multilabel", y, [Answer("", y)], False, None, ["big", "broken"]) == []


def test_given_rows_are_called_so():
    y = np.array(["a"] * 95 + ["b"] * 5)
    (found,) = verdict.rare("binary", y, [Answer("", np.full(100, "a"))], True, part="given")
    assert "95.0% of the given rows are 'a'" in found.text and "single given row for b" in found.text


def test_the_number_beside_a_winner_is_its_own_though_it_wins_by_chance():
    y = np.array(["a", "b"] * 10)
    network, linear = Answer("", np.r_[y[:18], ["b", "a"]]), Answer("", np.r_[y[:19], ["a"]])
    text = sentence("multiclass", y, [network, linear], np.array(["a", "b", "c"]))
    assert "the linear model is ahead, but within chance: accuracy 0.950 beside the network's 0.900" in text


def test_that_linear_models_often_win_is_said_of_small_tables_alone():
    y = np.random.default_rng(0).normal(size=200)
    answers = [Answer("the network", y * 0), Answer("the linear model", y)]
    assert "On small tables it often does" in sentence("regression", y, answers, None)
    assert "It is the one to use here" in sentence("regression", y, answers, None, small=False)
