"""Intervals: the order statistic that a hand finds, coverage over many splits, and what is refused."""

import math
import pickle

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError, DataError, FileError
from cutaway.estimators import crossed
from cutaway.estimators.intervals import Intervals, ranked, sizes_of
from depth import each_once, examples

RNG = np.random.default_rng(0)
X = RNG.uniform(-1, 1, (600, 3))
Y = 3 * X[:, 0] + (0.2 + X[:, 0].clip(0)) * RNG.normal(size=600)
TWO = np.stack([Y, 1000 * X[:, 1] + 10 * RNG.normal(size=600)], 1)
BRIEF = {"epochs": 8, "network": [16], "threads": 1}


@pytest.fixture(scope="module")
def one():
    """A model of one output, to be asked."""
    return ct.Regressor(**BRIEF).fit(X, Y)


@pytest.fixture(scope="module")
def two():
    """A model of two outputs, to be asked."""
    return ct.Regressor(**BRIEF).fit(X, TWO)


@pytest.mark.parametrize("m", [9, 20, 61])
@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9])
def test_the_score_is_the_order_statistic_of_split_conformal_prediction(m, coverage):
    errors = RNG.permutation(np.arange(1.0, m + 1))
    scores, shares = ranked(errors, None)
    intervals = Intervals([[0.0]], [[1.0]], [scores.tolist()], [shares.tolist()], m)
    low, high = intervals.of(np.zeros((1, 1)), np.zeros((1, 1)), coverage)
    assert high[0, 0] == -low[0, 0] == math.ceil(round((m + 1) * coverage, 9))


def test_a_row_of_weight_two_counts_as_two():
    errors, times = np.array([3.0, 1.0, 2.0, 5.0]), np.array([1, 2, 3, 2])
    (scores, shares), (again, each) = ranked(errors, times), ranked(np.repeat(errors, times), None)
    assert scores.tolist() == sorted(errors)
    last = np.searchsorted(again, scores, "right") - 1
    np.testing.assert_allclose(shares * 5 / 4, each[last] * 9 / 8)


def test_of_many_errors_some_thousands_are_kept_and_none_covers_less():
    errors = np.arange(1.0, 50_001)
    scores, shares = ranked(errors, None)
    assert len(scores) <= 2000 and (shares == scores / 50_001).all()
    for c in (0.01, 0.5, 0.9, 0.99):
        exact = math.ceil(c * 50_001)
        assert exact <= scores[np.searchsorted(shares, c)] <= exact + 50


def test_sizes_follow_the_errors_and_few_rows_have_one():
    predicted, errors = RNG.uniform(0, 1, 5000), RNG.uniform(0, 1, 5000)
    places, sizes = sizes_of(predicted, errors * (1 + predicted))
    assert (np.diff(places) > 0).all()
    truth = 0.5 * (1 + places) + 0.5 * 0.75
    np.testing.assert_allclose(sizes, truth, rtol=0.1)
    assert len(sizes_of(predicted[:20], errors[:20])[0]) == 1
    assert sizes_of(np.ones(100), np.zeros(100))[1].tolist() == [1.0]


@pytest.mark.parametrize("log", [False, True])
def test_intervals_cover_what_they_promise_and_are_wider_where_errors_are(log):
    rng, covered, widths = np.random.default_rng(1), [], []
    for seed in range(examples(5)):
        A = rng.uniform(-1, 1, (1400, 3))
        b = 3 * A[:, 0] + (0.2 + A[:, 0].clip(0)) * rng.normal(size=1400)
        b = np.exp(b) if log else b
        model = ct.Regressor([16], epochs=60, threads=1, random_state=seed, validation=0.3).fit(A[:600], b[:600])
        found = model.predict_interval(A[600:])
        assert (found[:, 0] <= model.predict(A[600:])).all() and (model.predict(A[600:]) <= found[:, 1]).all()
        covered.append(((found[:, 0] <= b[600:]) & (b[600:] <= found[:, 1])).mean())
        width = found[:, 1] - found[:, 0]
        widths.append(width[A[600:, 0] > 0.7].mean() / width[A[600:, 0] < 0].mean())
    assert 0.87 < np.mean(covered) < 0.94 and np.mean(widths) > 1.4


def test_more_coverage_is_wider_and_less_may_be_nearly_nothing(one):
    widths = [np.diff(one.predict_interval(X, c)).mean() for c in (0.01, 0.3, 0.6, 0.9, 0.98)]
    assert (np.diff(widths) >= 0).all() and widths[0] < 0.1 * widths[-1]


def test_every_output_has_its_own(two):
    found = two.predict_interval(X, 0.8)
    assert found.shape == (600, 2, 2) and (found[..., 0] < found[..., 1]).all()
    covered = ((found[..., 0] <= TWO) & (found[..., 1] >= TWO)).mean(0)
    assert (covered > 0.7).all() and (covered < 0.95).all()


def test_they_survive_files_and_those_of_before_have_none(two, tmp_path):
    found = two.predict_interval(X)
    ct.save(two, tmp_path / "m")
    assert (ct.load(tmp_path / "m").predict_interval(X) == found).all()
    old = {name: value for name, value in two.to_description().items() if name != "intervals"}
    with pytest.raises(DataError, match="older model files do not"):
        ct.Regressor.from_description(two.model_, old).predict_interval(X)


@pytest.mark.parametrize("change", [
    {"scores": [[1.0]]}, {"sizes": [[0.0], [1.0]], "places": [[0.0], [1.0]]}, {"rows": "many"},
    {"scores": [[2.0, 1.0]] * 2, "shares": [[0.1, 0.2]] * 2}, {"scores": [[1.0, 2.0]] * 2, "shares": [[0.5, 1.0]] * 2},
])
def test_damaged_ones_are_refused(two, change):
    described = two.to_description()
    described["intervals"] = described["intervals"] | change
    with pytest.raises(FileError, match="damaged"):
        ct.Regressor.from_description(two.model_, described)


@pytest.mark.parametrize("coverage", [0, 1, 1.5, -0.1, float("nan"), "0.9", None, True])
def test_a_coverage_outside_0_to_1_is_refused(one, coverage):
    with pytest.raises(ArgumentError, match="above 0 and below 1"):
        one.predict_interval(X, coverage)


def test_more_than_the_rows_can_promise_is_refused():
    model = ct.Regressor(validation=(X[:9], Y[:9]), **BRIEF).fit(X[9:], Y[9:])
    assert model.predict_interval(X, 0.9).shape == (600, 2)
    with pytest.raises(ArgumentError, match=r"9 rows held back can promise 0\.9 at most"):
        model.predict_interval(X, 0.95)


@pytest.mark.parametrize("fitted", [
    lambda: ct.Regressor(**BRIEF).fit(X[:19], Y[:19]), lambda: ct.Regressor(validation=None, **BRIEF).fit(X, Y),
    lambda: ct.Regressor().partial_fit(X, Y),
])
def test_where_nothing_was_held_back_there_are_none(fitted):
    with pytest.raises(DataError, match="needs errors on rows that were not learnt from"):
        fitted().predict_interval(X)


def test_too_few_rows_to_hold_some_back_are_asked_of_networks_that_had_not_all_of_them(tmp_path):
    covered = []
    for seed in range(3):
        model, rows = ct.Regressor(threads=1, epochs=30), np.arange(100) + 60 * seed
        model.fit(X[rows], Y[rows])
        low, high = model.predict_interval(np.delete(X, rows, 0)).T
        covered.append(np.mean((low <= np.delete(Y, rows)) & (np.delete(Y, rows) <= high)))
    assert 0.85 < np.mean(covered) < 0.97 and model.intervals_.rows == 100
    own = model.predict(X)
    ct.save(model, tmp_path / "m")
    assert (ct.load(tmp_path / "m").predict_interval(X) == model.predict_interval(X)).all()
    assert (own == model.predict(X)).all()


def test_of_few_rows_held_back_the_answers_of_networks_without_each_row_decide():
    covered, alone = [], []
    for seed in range(4):
        model, rows = ct.Regressor([16], epochs=20, threads=1, random_state=seed), RNG.permutation(600)
        model.fit(X[rows[:210]], Y[rows[:210]])
        assert model.intervals_.rows == 21
        scores, own = model.intervals_, model.predict(X)
        new = rows[210:]
        low, high = model.predict_interval(X[new]).T
        covered.append(np.mean((low <= Y[new]) & (Y[new] <= high)))
        assert model.intervals_.rows == 210 and (model.predict(X) == own).all()
        learnt, model.intervals_ = model.intervals_, scores
        low, high = pickle.loads(pickle.dumps(model)).predict_interval(X[new]).T  # a copy has no rows to learn from
        alone.append(np.mean((low <= Y[new]) & (Y[new] <= high)))
        assert learnt.rows == 210
    assert 0.87 < np.mean(covered) < 0.94 and np.std(covered) < np.std(alone)


@pytest.mark.parametrize("fitted", [
    lambda: ct.Regressor(validation=(X[300:320], Y[300:320]), **BRIEF).fit(X[:300], Y[:300]),
    lambda: ct.Regressor(validation=0.5, **BRIEF).fit(X[:300], Y[:300]),
    lambda: ct.Regressor(**BRIEF).fit(X[:300], Y[:300], groups=np.arange(300) // 5),
], ids=["own rows", "many rows", "groups"])
def test_rows_of_ones_own_whole_groups_and_many_rows_stand_as_they_are(fitted):
    model = fitted()
    before = model.intervals_
    model.predict_interval(X)
    assert model.intervals_ is before


def test_networks_of_fewer_rows_learn_until_the_epoch_that_was_kept(monkeypatch):
    model = ct.Regressor([8], epochs=40, early_stopping=5, threads=1).fit(X[:250], Y[:250])
    learnt, fit_many = [], crossed.fit_many
    monkeypatch.setattr(crossed, "fit_many", lambda *a, **how: [learnt.append(run) for run in fit_many(*a, **how)])
    model.predict_interval(X)
    model.predict_interval(X)
    assert [run.epochs_done for run in learnt] == [model.run_.best_epoch] * 10


@pytest.mark.parametrize("n", [20, 210], ids=["none held back", "few held back"])
def test_each_row_is_answered_by_the_network_that_did_not_learn_from_it(monkeypatch, n):
    def means(entries, *_, **__):  # networks that have learnt nothing but the mean of their targets
        for entry in entries:
            for parameter in entry["model"].parameters():
                parameter.data[...] = 0
            parameter.data[...] = entry["y"].mean()

    told, found_of = [], crossed.found_of
    monkeypatch.setattr(crossed, "fit_many", means)
    monkeypatch.setattr(crossed, "found_of", lambda *parts: told.append(parts) or found_of(*parts))
    model = ct.Regressor([], epochs=1, threads=1, preset="fast").fit(X[:n], Y[:n])
    model.predict_interval(X)
    (_, learnt, held), = told
    y, said = held.y.ravel().astype(float), held.z.ravel()
    assert sorted(y) == sorted(learnt.y.ravel()) and len(y) == n
    for answer in np.unique(said):
        own = said == answer
        assert own.sum() == n / 10
        assert answer == pytest.approx(y[~own].mean(), abs=1e-6)


@pytest.mark.parametrize(("network", "y"),
                         each_once((lambda i, o: ct.nn.MLP(i, [4], o), [4], "auto"), (TWO[:60], Y[:60])))
def test_those_of_few_rows_are_of_any_network_and_weights(network, y):
    model = ct.Regressor(**BRIEF | {"network": network}).fit(X[:60], y, sample_weight=np.linspace(0.5, 2, 60))
    low, high = np.moveaxis(model.predict_interval(X), -1, 0)
    assert (low < high).all()


def test_without_its_rows_a_model_of_few_rows_says_what_to_do():
    model = pickle.loads(pickle.dumps(ct.Regressor(**BRIEF).fit(X[:60], Y[:60])))
    with pytest.raises(DataError, match="once before the model is saved"):
        model.predict_interval(X)


def test_a_constant_target_has_intervals_of_no_width():
    with pytest.warns(UserWarning, match="Nothing can be learnt"):
        model = ct.Regressor(epochs=2).fit(X, np.full(600, 7.0))
    assert np.abs(model.predict_interval(X) - 7).max() < 1e-3
