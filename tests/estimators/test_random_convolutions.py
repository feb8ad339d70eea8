"""RandomConvolutions: shares of places counted by hand, and what padding may not change."""

from itertools import combinations

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError
from cutaway.estimators.random_convolutions import RandomConvolutions

RNG = np.random.default_rng(0)


def test_a_feature_is_the_share_of_places_where_a_window_finds_more_than_its_threshold():
    Z = RNG.standard_normal((4, 40, 2)).astype(np.float32)
    found = RandomConvolutions(features=84 * 6, seed=3).fit(Z)
    F = found.transform(Z)
    assert found.apart == [1, 2, 4] and found.thresholds.shape == (3, 84, 2) and F.shape == (4, 3 * 84 * 2 + 4)
    for a, b, q in ((0, 0, 0), (1, 7, 1), (2, 83, 1)):
        weights = np.full(9, -1.0)
        weights[list(list(combinations(range(9), 3))[b])] = 2
        for i in range(4):
            x, over = Z[i][:, found.seen[a][b]].sum(axis=1), 0
            for t in range(40):
                places = [t + (j - 4) * found.apart[a] for j in range(9)]
                z = sum(w * x[p] for w, p in zip(weights, places, strict=True) if 0 <= p < 40)
                over += z > found.thresholds[a, b, q]
            assert F[i, (a * 84 + b) * 2 + q] == pytest.approx(over / 40, abs=1 / 40)
    np.testing.assert_allclose(F[:, -4:], np.hstack([Z.mean(1), Z.std(1)]), rtol=1e-5)


def test_a_sequence_alone_has_the_same_bits_as_among_longer_ones():
    rows = [RNG.standard_normal((k, 1)) for k in (30, 9, 21, 1)]
    found = RandomConvolutions(features=168).fit(ct.Sequences.from_list(rows))
    together = found.transform(ct.Sequences.from_list(rows))
    for row, F in zip(rows, together, strict=True):
        assert np.array_equal(found.transform(row[None]), F[None])


def test_the_level_of_a_series_says_nothing_but_in_its_mean():
    x = RNG.standard_normal((1, 60, 1))
    found = RandomConvolutions(features=84).fit(x)
    inner = [np.stack(list(found._found((x + c).astype(np.float32), 0, range(84))))[:, 0, 4:-4] for c in (0, 5)]
    np.testing.assert_allclose(*inner, atol=1e-4)


def test_fewer_features_than_windows_are_refused():
    with pytest.raises(ArgumentError, match="features is 10: there are 84 windows"):
        RandomConvolutions(features=10)
