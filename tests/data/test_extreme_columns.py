"""Columns and targets of any size and far from zero: scaled in float64 before they become float32."""

import numpy as np
import pandas as pd
import pytest

from cutaway.data import SequenceEncoder, TableEncoder, TargetEncoder

UNIT = np.random.default_rng(0).standard_normal(1_000)
LARGEST = np.finfo(float).max


def encoded(x, weights=None):
    table = pd.DataFrame({"x": x, "beside": np.arange(len(x)) % 2})
    encoder = TableEncoder().fit(table, weights)
    return encoder.columns[0], encoder.transform(table)[:, 0]


@pytest.mark.parametrize("size", [1e-320, 1e-300, 1e-12, 1e12, 1e300])
def test_a_column_of_any_size_becomes_the_same_features(size):
    np.testing.assert_allclose(encoded(UNIT * size)[1], encoded(UNIT)[1], atol=1e-6 if size > 1e-310 else 1e-3)


@pytest.mark.parametrize("offset", [1e6, 1e9, 1.7e9, 1e12])
def test_a_column_far_from_zero_keeps_its_digits(offset):
    """As float32 a time stamp of 1.7e9 knows only every 128th second; these are fractions of one."""
    x = offset + UNIT
    np.testing.assert_allclose(encoded(x)[1], encoded(UNIT)[1], atol=1e-6 + 2e-16 * offset)
    assert len(np.unique(encoded(x)[1])) > 950


@pytest.mark.parametrize("weighted", [False, True])
def test_dense_time_stamps_are_no_constant(weighted):
    """Nanoseconds, one every ten microseconds: neighbours differ by less than rounding would, the column does not."""
    x = 1_700_000_000_000_000_000 + 10_000 * np.arange(100_000)
    column, z = encoded(x, np.ones(len(x)) if weighted else None)
    assert column.kind == "number" and column.distinct == len(x)
    np.testing.assert_allclose(np.diff(z[30_000:70_000]), np.diff(z)[50_000], rtol=0.5)


@pytest.mark.parametrize("value", [0.1, 1e-300, 1e300, -1e9 / 3, 2**60, 5e-324])
def test_a_constant_is_dropped_whatever_it_is(value):
    column, _ = encoded(np.full(100, value))
    assert column.kind == "constant (dropped)" and column.reason.startswith("every row holds")


def test_what_differs_only_by_rounding_is_dropped_with_advice():
    column, _ = encoded(1e15 + UNIT)
    assert column.kind == "constant (dropped)"
    assert column.reason == "differences are rounding beside 1e+15: subtract that from it"


def test_whole_numbers_that_64_bits_cannot_tell_apart_are_not_called_the_same():
    column = TableEncoder().fit({"id": 2**63 + np.arange(100, dtype=np.uint64), "x": np.arange(100.0)}).columns[0]
    assert "as far as 64 bits tell" in column.reason and "subtract the least" in column.reason


@pytest.mark.parametrize("x", [np.tile([-LARGEST, LARGEST, 0.0], 50), np.tile([5e-324, 1e300, -1e-300], 50)])
def test_a_column_over_the_whole_range_of_numbers(x):
    assert np.isfinite(encoded(x)[1]).all() and len(np.unique(encoded(x)[1])) >= 2


@pytest.mark.parametrize("offset", [0, 1e9])
@pytest.mark.parametrize("size", [1e-300, 1.0, 1e250])
def test_sequences_too(size, offset):
    X = ((UNIT + offset) * size).reshape(50, 20, 1)
    plain = SequenceEncoder().fit_transform(UNIT.reshape(50, 20, 1))
    np.testing.assert_allclose(SequenceEncoder().fit_transform(X), plain, atol=1e-6)


# ---- targets -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", ["standard", "robust"])
@pytest.mark.parametrize(("size", "offset"), [(1, 0), (1e12, 0), (1e-12, 0), (1e-320, 0), (1e300, 0), (1, 1e9),
                                              (1, -1e12)])
def test_targets_come_back_in_their_own_unit(size, offset, scale):
    """Within float32's rounding of the spread, not of the offset."""
    y = UNIT * size + offset
    target = TargetEncoder("regression", scale=scale).fit(y)
    z = target.transform(y)
    assert 0.5 < z.std() < 2
    np.testing.assert_allclose(target.inverse(z), y, rtol=3e-16, atol=5e-7 * size)


@pytest.mark.parametrize("scale", ["standard", "robust"])
def test_targets_over_the_whole_range_of_numbers(scale):
    y = np.tile([-LARGEST, LARGEST, 0.0], 50)
    target = TargetEncoder("regression", scale=scale).fit(y)
    z = target.transform(y, np.float64)
    assert np.isfinite(z).all() and np.isfinite(target.inverse(z * 0.999)).all()


@pytest.mark.parametrize("labels", [[2**53, 2**53 + 1], [2**60, 2**60 + 1], [2**63, 2**63 + 1], [2**70, 2**70 + 1]])
def test_whole_numbers_beyond_float64_are_exact_as_classes(labels):
    y = np.array(labels * 20)
    target = TargetEncoder().fit(y)
    again = TargetEncoder.from_json(target.to_json())
    assert again.classes.tolist() == labels
    assert again.inverse(again.transform(y)).tolist() == labels * 20
