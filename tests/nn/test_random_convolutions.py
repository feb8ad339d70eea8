"""RandomConvolutions: shares of steps counted by hand, and what padding may not change."""

from itertools import combinations

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError, ShapeError
from cutaway.nn import RandomConvolutions

RNG = np.random.default_rng(0)


def test_an_output_is_the_share_of_steps_at_which_a_window_finds_more_than_its_threshold():
    Z = RNG.standard_normal((4, 40, 2)).astype(np.float32)
    layer = RandomConvolutions.of(Z, features=84 * 6, seed=3)
    assert layer.apart == (1, 2, 3, 4) and layer.thresholds == (2, 2, 1, 1)
    F = layer(Z).numpy()
    for d, a, q, first in ((1, 0, 0, 0), (2, 7, 1, 2 * 84), (4, 83, 0, 5 * 84)):
        twos = list(combinations(range(9), 3))[a]
        weight = getattr(layer, f"weight{d}").numpy()[a]
        seen = weight.any(axis=0)
        assert seen.any() and all((weight[j, seen] == (2 if j in twos else -1)).all() for j in range(9))
        lower, sharp = getattr(layer, f"lower{d}").numpy()[q, a], getattr(layer, f"sharp{d}").numpy()[a]
        for i in range(4):
            x, share = Z[i][:, seen].sum(axis=1), 0.0
            for t in range(40):
                places = [t + (j - 4) * d for j in range(9)]
                z = sum((2 if j in twos else -1) * x[p] for j, p in enumerate(places) if 0 <= p < 40)
                share += min(max((z - lower) * sharp, 0), 1) / 40
            assert F[i, first + q * 84 + a] == pytest.approx(share, abs=1e-5)


def test_thresholds_lie_where_a_sequence_is_above_them_for_evenly_spread_shares():
    Z = RNG.standard_normal((1, 300, 1))
    shares = RandomConvolutions.of(Z, features=84 * 20)(Z).numpy()[0]
    np.testing.assert_allclose(np.quantile(shares, (0.25, 0.5, 0.75)), (0.25, 0.5, 0.75), atol=0.02)


def test_a_sequence_alone_has_the_same_bits_as_among_longer_ones():
    rows = [RNG.standard_normal((k, 1)) for k in (30, 9, 21, 1)]
    layer = RandomConvolutions.of(ct.Sequences.from_list(rows), features=168)
    together = layer.predict(ct.Sequences.from_list(rows))
    for row, F in zip(rows, together, strict=True):
        assert np.array_equal(layer.predict(row[None]), F[None])


def test_the_level_of_a_series_says_nothing_away_from_its_ends():
    assert not ct.nn.RandomConvolutions(1, [1], [1]).weight1.numpy().sum(axis=1).any()


def test_a_series_that_never_changes_has_finite_outputs():
    flat = np.full((3, 20, 1), 7.0)
    assert np.isfinite(RandomConvolutions.of(flat, features=84)(flat).numpy()).all()


def test_slopes_reach_the_input():
    Z = RNG.standard_normal((2, 30, 1))
    layer = RandomConvolutions.of(Z, features=168).astype("float64")
    x = ct.Tensor(Z, requires_grad=True)
    direction, step = RNG.standard_normal(Z.shape), 1e-6
    weights = RNG.standard_normal(layer.n_out)
    (layer(x) * weights).sum().backward()
    f = [float((layer(ct.Tensor(Z + s * step * direction)) * weights).sum().numpy()) for s in (1, -1)]
    assert (x.grad * direction).sum() == pytest.approx((f[0] - f[1]) / (2 * step), rel=1e-3)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ArgumentError, match="features is 10: there are 84 windows"):
        RandomConvolutions.of(np.zeros((2, 20, 1)), features=10)
    with pytest.raises(ArgumentError, match="apart names each distance once"):
        RandomConvolutions(1, [1, 1], [1, 1])
    with pytest.raises(ShapeError, match=r"takes \(n, time, 2\), got shape \(3, 20, 1\)"):
        RandomConvolutions(2, [1], [1])(np.zeros((3, 20, 1)))
