"""loss="quantile": shares of targets lie below, none crosses, and every way of asking gives the same numbers."""

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError

RNG = np.random.default_rng(0)
X = RNG.uniform(-1, 1, (1200, 2))
Y = 3 * X[:, 0] + (0.3 + X[:, 1].clip(0)) * RNG.normal(size=1200)
LEVELS = (0.1, 0.5, 0.9)
BRIEF = {"loss": "quantile", "network": [16], "epochs": 40, "threads": 1}


@pytest.fixture(scope="module")
def model():
    return ct.Regressor(quantiles=LEVELS, **BRIEF).fit(X[:900], Y[:900])


def test_shares_of_the_targets_lie_below(model):
    q = model.predict_quantiles(X[900:])
    assert q.shape == (300, 3) and (np.diff(q, axis=1) > 0).all()
    np.testing.assert_allclose((Y[900:, None] < q).mean(0), LEVELS, atol=0.08)
    wide = q[:, 2] - q[:, 0]
    assert wide[X[900:, 1] > 0.7].mean() > 1.5 * wide[X[900:, 1] < 0].mean()


def test_predict_gives_the_one_in_the_middle_and_a_predictor_the_same_bits(model):
    assert (model.predict(X) == model.predict_quantiles(X)[:, 1]).all()
    ask = ct.predictor(model)
    assert [ask(row) for row in X[:20]] == model.predict(X[:20]).tolist()
    assert (model.predict_quantiles(X)[7] == model.predict_quantiles(X[7:8])[0]).all()


def test_listing_and_design_know_them(model):
    assert "rising" in str(model.run_.program) and "pinball" in str(model.run_.program)
    assert "0.1, 0.5 and 0.9 of the targets" in str(model.design_) and "3 neurons, rising" in str(model.design_)
    raw = model.model_.predict(model.encode(X))
    assert raw.shape == (1200, 3) and (np.diff(raw, axis=1) < 0).any()


@pytest.mark.parametrize("levels", [None, 0.9, (0.2,), (0.6, 0.7), (0.01, 0.25, 0.5, 0.75, 0.99)])
def test_any_number_of_them_survives_a_file(levels, tmp_path):
    model = ct.Regressor(quantiles=levels, **BRIEF | {"epochs": 3}).fit(X, Y)
    ct.save(model, tmp_path / "m")
    loaded = ct.load(tmp_path / "m")
    q = loaded.predict_quantiles(X)
    assert (q == model.predict_quantiles(X)).all() and q.shape == (1200, {None: 3, 0.9: 1}.get(levels) or len(levels))
    assert (loaded.predict(X) == model.predict(X)).all()
    assert (loaded.predict_interval(X) == model.predict_interval(X)).all()
    ask = ct.predictor(loaded)
    assert ask(X[0]) == loaded.predict(X[:1])[0]
    loaded.partial_fit(X, Y)


def test_intervals_are_laid_around_the_outermost(model):
    found, q = model.predict_interval(X[900:]), model.predict_quantiles(X[900:])
    assert 0.82 < ((found[:, 0] <= Y[900:]) & (found[:, 1] >= Y[900:])).mean() < 0.97
    assert np.corrcoef(found[:, 1] - found[:, 0], q[:, 2] - q[:, 0])[0, 1] > 0.9


def test_intervals_of_little_coverage_are_narrow_and_still_hold_what_is_predicted(model):
    low, high = model.predict_interval(X, coverage=0.02).T
    predicted = model.predict(X)
    assert np.mean(high - low) < 0.2 * np.mean(np.diff(model.predict_quantiles(X)[:, [0, 2]]))
    assert (low <= predicted).all() and (predicted <= high).all()


@pytest.mark.parametrize("quantiles", [(0, 0.5), (0.5, 1), (0.5, 0.5), (0.9, 0.1), (), "0.5"])
def test_bad_ones_are_refused_before_training(quantiles):
    with pytest.raises(ArgumentError, match="each once and in rising order"):
        ct.Regressor(loss="quantile", quantiles=quantiles).fit(X, Y)


def test_what_does_not_go_with_them_is_refused():
    with pytest.raises(ArgumentError, match='is of loss="quantile", and loss is None'):
        ct.Regressor(quantiles=(0.5,)).fit(X, Y)
    with pytest.raises(ArgumentError, match="is of one number a row, and y has 2 columns"):
        ct.Regressor(loss="quantile").fit(X, np.stack([Y, Y], 1))
    with pytest.raises(ArgumentError, match="monitor='r2' is of one prediction a row"):
        ct.Regressor(loss="quantile", monitor="r2").fit(X, Y)
    with pytest.raises(ArgumentError, match='predict_quantiles is of loss="quantile"'):
        ct.Regressor(epochs=1).fit(X, Y).predict_quantiles(X)


def test_a_network_of_ones_own_has_an_output_for_each():
    model = ct.Regressor(lambda n_in, n_out: ct.nn.MLP(n_in, [8], n_out), loss="quantile", epochs=3).fit(X, Y)
    assert model.model_.predict(model.encode(X)).shape == (1200, 3)
    with pytest.raises(ArgumentError, match="needs 3"):
        ct.Regressor(ct.nn.MLP(2, [8], 1), loss="quantile").fit(X, Y)


def test_columns_that_say_nothing_have_the_same_quantiles_in_every_row():
    with pytest.warns(UserWarning, match="Nothing can be learnt"):
        model = ct.Regressor(loss="quantile", epochs=30).fit(np.ones((1200, 2)), Y)
    q = model.predict_quantiles(np.ones((2, 2)))
    assert (q[0] == q[1]).all() and (np.diff(q[0]) > 0).all()
