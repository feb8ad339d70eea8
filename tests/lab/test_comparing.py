"""Comparisons: the test and its corrections against scipy and hand counts, and what is said of whom."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from cutaway.errors import ArgumentError
from cutaway.lab.races.comparing import bootstrap, compare, holm, seeds_needed, signed_rank


@pytest.mark.parametrize("n", [3, 6, 10, 13])
def test_the_signed_rank_test_is_scipys_exact_one(n):
    gaps = np.random.default_rng(n).normal(0.4, 1, n)
    assert signed_rank(gaps) == pytest.approx(stats.wilcoxon(gaps, method="exact").pvalue, abs=1e-12)


def test_with_many_seeds_patterns_are_drawn_and_come_close():
    gaps = np.random.default_rng(0).normal(0.35, 1, 40)
    assert signed_rank(gaps) == pytest.approx(stats.wilcoxon(gaps, method="exact").pvalue, abs=0.005)


def test_ties_and_zeros_are_counted_pattern_by_pattern():
    gaps = np.array([0.0, 0.0, 1.0, 1.0, -1.0, 2.0, 3.0])
    ranks = stats.rankdata(np.abs(gaps)) * (gaps != 0)
    seen = abs(np.sign(gaps) @ ranks)
    every = [abs(np.array(signs) @ ranks) >= seen for signs in product((-1, 1), repeat=len(gaps))]
    assert signed_rank(gaps) == np.mean(every)
    assert signed_rank(np.zeros(6)) == 1.0
    assert signed_rank(np.array([0, 0, 1.0, 2.0])) == 0.5  # of ++, +-, -+, -- two are as far out
    assert signed_rank(np.arange(1.0, 6)) == 2 / 2**5


def test_holm_by_hand():
    assert holm(np.array([0.01, 0.04, 0.03])) == pytest.approx([0.03, 0.06, 0.06])
    assert holm(np.array([0.9, 0.5])).tolist() == [1.0, 1.0]


def test_the_interval_is_scipys_percentile_bootstrap():
    gaps = np.random.default_rng(1).normal(size=25)
    theirs = stats.bootstrap((gaps,), np.median, method="percentile").confidence_interval
    assert bootstrap(gaps) == pytest.approx(tuple(theirs), abs=0.12)
    assert bootstrap(np.full(8, 3.0)) == (3.0, 3.0)


def test_where_there_is_no_difference_it_rarely_says_there_is_one():
    """Of comparisons of four, in which any claim would be wrong, fewer than one in twenty make one."""
    rng = np.random.default_rng(0)
    wrong = [any(p.apart for p in compare(list("abcd"), rng.standard_cauchy((4, 9))).pairs) for _ in range(200)]
    assert np.mean(wrong) <= 0.05


def test_a_difference_smaller_than_the_spread_of_seeds_is_found_if_it_is_the_same_in_each():
    rng = np.random.default_rng(0)
    seeds = rng.normal(0, 10, 10)
    found = compare(["a", "b"], np.array([seeds, seeds + 0.1 + rng.normal(0, 0.01, 10)]))
    (pair,) = found.pairs
    assert (pair.ahead, pair.behind, pair.apart) == ("a", "b", True)
    assert pair.p == 2 / 2**10 and pair.low < 0.1 < pair.high
    assert pair.gap == pytest.approx(0.1, abs=0.02)


def test_higher_can_be_better_and_what_is_not_finite_is_worse_than_any():
    scores = np.array([[0.9] * 6, [0.8] * 6, [np.nan] * 6])
    assert compare(list("abc"), scores, higher=True).names == ["a", "b", "c"]
    found = compare(list("abc"), scores)
    assert found.names == ["b", "a", "c"]
    assert found.pair("c", "a").gap == np.inf


def test_too_few_seeds_are_said_to_be_too_few():
    for pairs in (1, 3, 15):
        n = seeds_needed(pairs)
        assert pairs * 2 / 2**n <= 0.05 < pairs * 2 / 2 ** (n - 1)
    found = compare(list("abc"), np.array([[0.0] * 6, [9.0] * 6, [99.0] * 6]), "loss")
    assert str(found) == ("a has the best median loss, but 6 seeds cannot tell 3 apart, whatever they score: "
                          "take at least 7.")


def test_what_is_said():
    rng = np.random.default_rng(3)
    noise = rng.normal(size=(4, 10))
    near = str(compare(["AdamW", "Adam"], noise[:2], "loss"))
    assert "cannot be told apart by loss on these 10 seeds (median difference" in near and "ahead" not in near
    both = str(compare(["AdamW", "Adam", "SGD"], noise[:3] + np.array([[0], [0], [9]]), "loss"))
    assert "and" in both.split("cannot")[0] and "; both are ahead of SGD (median difference" in both
    clear = str(compare(list("abcd"), noise + np.array([[0], [9], [9], [20]]), "loss"))
    assert clear.startswith("a is ahead of ") and clear.count("median differences to a") == 1
    table = compare(["AdamW", "Adam", "SGD"], noise[:3] + np.array([[0], [0], [9]])).to_pandas()
    assert table["apart"].tolist() == [False, True, True]


def test_neighbours_that_differ_are_not_said_to_be_alike():
    """a is near b and near c, but b is always ahead of c: 'a, b and c cannot be told apart' would be wrong."""
    steady = np.arange(10.0)
    scores = np.array([[-5] * 6 + [40] * 4, steady, steady + 0.5])
    found = compare(list("abc"), scores, "loss")
    assert found.pair("b", "c").apart and not found.pair("a", "b").apart and not found.pair("a", "c").apart
    assert str(found).startswith("a cannot be told apart from b and c by loss")


def test_scores_of_another_shape_are_refused():
    with pytest.raises(ArgumentError, match=r"\(2, seeds\)"):
        compare(["a", "b"], np.zeros((3, 4)))
