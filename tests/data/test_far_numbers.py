"""Numbers that say as much of the target far out as near are bent farther out; all that reads a row does it alike."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

import cutaway as ct
from cutaway.data import TableEncoder
from cutaway.data.columns import Settings
from cutaway.data.far_numbers import let_far, off_line
from cutaway.data.limits import BENT_BEYOND, CLIP, FEWEST_FAR, MOST_BENT_AT
from cutaway.data.numbers import fit_numbers

N = 300
rng = np.random.default_rng(0)
DELAY = np.concatenate([rng.normal(0, 5, N - 20), rng.uniform(60, 300, 20)])
NOISE = rng.normal(0, 3, N)


def clip_of(x, y, weights=None):
    (column,) = fit_numbers(["x"], x[None], weights, Settings())
    let_far(column, x, np.asarray(y).reshape(len(x), -1), weights)
    return column.clip


def wide(x):
    """Three times as far as any of them lies, by median and quartiles as NumPy has them."""
    low, middle, high = np.nanpercentile(x, [25, 50, 75], method="averaged_inverted_cdf")
    return min(BENT_BEYOND * np.nanmax(np.abs(x - middle)) / (high - low), MOST_BENT_AT)


def test_lines_are_those_of_rows_left_out_one_at_a_time():
    x, T = rng.normal(size=12), rng.normal(size=(12, 2))
    n = rng.integers(1, 4, 12).astype(float)
    rows = np.repeat(np.arange(12), n.astype(int))
    expected = sum(float((T[row, j] - np.polyval(np.polyfit(x[rest], T[rest, j], 1), x[row])) ** 2)
                   for k, row in enumerate(rows) for rest in [np.delete(rows, k)] for j in range(2))
    assert off_line(x, T, n) == pytest.approx(expected)


@pytest.mark.parametrize("target", [DELAY + NOISE, -DELAY + NOISE, np.stack([NOISE, DELAY], axis=1)],
                         ids=["up", "down", "one of two"])
def test_numbers_are_bent_beyond_all_where_the_target_goes_on_with_them(target):
    assert clip_of(DELAY, target) == pytest.approx(wide(DELAY))


@pytest.mark.parametrize("target", [np.minimum(DELAY, 15) + NOISE, np.tanh(DELAY / 10), NOISE,
                                    np.where(np.abs(DELAY) > 30, 0.0, DELAY), np.zeros(N)],
                         ids=["stops", "saturates", "nothing", "mistakes", "constant"])
def test_numbers_stay_bent_where_it_does_not(target):
    assert clip_of(DELAY, target) == CLIP


def test_few_wild_rows_tell_nothing():
    x, y = DELAY[: N - 20 + FEWEST_FAR], (DELAY + NOISE)[: N - 20 + FEWEST_FAR]
    assert clip_of(x, y) == pytest.approx(wide(x))
    assert clip_of(x[:-1], y[:-1]) == CLIP


def test_one_mistake_leaves_numbers_bent_whose_target_goes_on_for_others():
    x = DELAY.copy()
    x[0] = 1e6
    assert clip_of(x, DELAY + NOISE) == CLIP


def test_numbers_are_bent_somewhere_however_far_they_go():
    x = DELAY * np.where(np.abs(DELAY) > 30, 100.0, 1.0)
    assert clip_of(x, x) == MOST_BENT_AT


def test_a_row_of_weight_two_is_the_row_twice_and_gaps_say_nothing():
    x, y = np.where(np.arange(N) % 7 == 0, np.nan, DELAY), DELAY + NOISE
    twice = np.where(np.arange(N) % 3 == 0, 2, 1)
    found = clip_of(x, y, twice.astype(float))
    assert found == clip_of(np.repeat(x, twice), np.repeat(y, twice)) == pytest.approx(wide(np.repeat(x, twice)))


def test_without_targets_nothing_changes():
    assert TableEncoder().fit({"x": DELAY}).columns[0].clip == CLIP


@pytest.fixture(scope="module")
def learnt():
    """Departures and what else is known of flights, learnt from a frame and from an array."""
    X = np.stack([DELAY, rng.lognormal(0, 1, N), np.zeros(N)], axis=1)
    X[::9, 2] = 1.0
    models = [ct.Regressor([8], epochs=20, random_state=0, threads=1).fit(table, DELAY + NOISE)
              for table in (pd.DataFrame(X, columns=["late", "wind", "rain"]), X, csr_array(X))]
    return X, models


def test_an_estimator_bends_one_column_farther_than_the_others(learnt):
    X, models = learnt
    for model in models:
        assert [column.clip for column in model.encoder_.columns] == [pytest.approx(wide(DELAY)), CLIP, CLIP]
        for j, (column, z) in enumerate(zip(model.encoder_.columns, model.encode(X).T, strict=True)):
            plain = (X[:, j] - column.center) / column.scale
            np.testing.assert_allclose(z, plain / np.sqrt(1 + (plain / column.clip) ** 2), rtol=1e-5)
    assert f"smooth clip at ±{wide(DELAY):g}" in models[0].encoder_.columns[0].way
    said = f"late: the target goes on with it far out: it is bent at ±{wide(DELAY):.3g}, not at ±3"
    assert models[0].encoder_.notes() == [said]


def test_frames_arrays_sparse_rows_records_and_files_say_the_same(learnt, tmp_path):
    X, (model, *others) = learnt
    frame = pd.DataFrame(X, columns=["late", "wind", "rain"])
    expected = model.predict(frame)
    ct.save(model, tmp_path / "flights.safetensors")
    assert (ct.load(tmp_path / "flights.safetensors").predict(frame) == expected).all()
    ask = ct.predictor(model)
    assert [ask(row) for row in frame.tail(5).to_dict("records")] == expected[-5:].tolist()
    for other in others:
        np.testing.assert_array_equal(np.asarray(other.encode(csr_array(X))), model.encode(frame))


def test_what_lies_far_out_is_foretold(learnt):
    X, models = learnt
    for model in models:
        far = np.abs(DELAY) > 30
        assert np.corrcoef(model.predict(X)[far], DELAY[far])[0, 1] > 0.98
