"""Classifier and Regressor on sequences: what X may be, what is designed, forecasts."""

import pickle

import numpy as np
import pytest

import cutaway as ct
from cutaway.data import Series, windows
from cutaway.errors import DataError
from cutaway.estimators import baseline
from cutaway.estimators.inputs import KINDS

RNG = np.random.default_rng(0)
N = 40
X = RNG.standard_normal((N, 12, 2))
Y = np.where(X[:, :3, 0].mean(1) > 0, "up", "down")
RAGGED = [row[: 12 - i % 4] for i, row in enumerate(X)]
SMALL = {"epochs": 2, "network": {"width": 4}}


@pytest.fixture(scope="module")
def model():
    return ct.Classifier(**SMALL).fit(X, Y)


@pytest.fixture(scope="module")
def ragged():
    return ct.Classifier(**SMALL).fit(RAGGED, Y)


# ---- learning --------------------------------------------------------------------------------------------------------


def test_power_curves_are_learnt_from_their_file():
    train, test = (ct.datasets.path("italy_power", part) for part in ("train", "test"))
    fitted = ct.Classifier(epochs=15).fit(train)
    assert fitted.score(test) > 0.94
    assert not np.array_equal(fitted.model_.theta, fitted.design_.network(0).theta)


def test_a_forecast_beats_the_last_value():
    cut = windows(np.sin(np.arange(500) / 3) + 0.05 * RNG.standard_normal(500), length=16)
    fitted = ct.Regressor(epochs=10).fit(cut[:400])
    persistence = 1 - np.mean((cut.y[400:, 0] - cut.X[400:, -1, 0]) ** 2) / cut.y[400:, 0].var()
    assert fitted.score(cut[400:]) > max(0.9, persistence)


# ---- what X may be ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [
    lambda: list(X), lambda: ct.Sequences(X, np.full(N, 12)), lambda: Series(X, Y, "", ["x0", "x1"]),
    lambda: X.tolist(),
], ids=["a list", "Sequences", "a Series", "lists of lists"])
def test_every_form_of_sequences_is_the_same(given, model):
    again = ct.Classifier(**SMALL).fit(given(), Y)
    assert np.array_equal(again.predict_proba(given()), model.predict_proba(X))


def test_a_series_and_a_file_bring_their_labels(tmp_path, model):
    assert np.array_equal(ct.Classifier(**SMALL).fit(Series(X, Y, "", ["x0", "x1"])).predict(X), model.predict(X))
    np.savez(tmp_path / "s.npz", X=X, y=Y)
    assert np.array_equal(ct.Classifier(**SMALL).fit(tmp_path / "s.npz").predict(X), model.predict(X))


def test_padding_changes_nothing(ragged):
    values = np.full((N, 20, 2), 99.0)
    for i, row in enumerate(RAGGED):
        values[i, : len(row)] = row
    padded = ct.Sequences(values, np.array([len(row) for row in RAGGED]))
    assert np.array_equal(ragged.predict_proba(padded), ragged.predict_proba(RAGGED))
    longer = [*RAGGED[:-1], np.zeros((30, 2))]
    assert np.allclose(ragged.predict_proba(longer)[:-1], ragged.predict_proba(RAGGED)[:-1], atol=1e-6)


def test_other_lengths_than_in_training(model):
    assert model.predict(X[:, :7]).shape == (N,)


# ---- the design ------------------------------------------------------------------------------------------------------


def test_a_recurrent_network_is_designed_with_reasons():
    plan = ct.design(X, Y)
    assert (plan.kind, plan.inputs, plan.n_in, plan.n_out) == ("recurrent", "sequences", 2, 1)
    assert all(reason for _, _, reason in plan.table()) and "recurrent" in str(plan)
    assert plan.network(0)(np.zeros((3, 5, 2))).shape == (3, 1)


def test_longer_sequences_are_read_by_filters_and_few_by_several_networks():
    long = RNG.standard_normal((N, 600, 1))
    plan = ct.design(long, Y)
    assert (plan.kind, plan.members, plan.spec["windows"], plan.spec["strides"]) == ("fcn", 3, [17, 9, 5], [2, 2, 2])
    assert all(reason for _, _, reason in plan.table()) and "strides leave 75 of 600 steps" in str(plan).replace(
        "\n" + " " * 52, " ")
    assert plan.network(0)(np.zeros((2, 600, 1))).shape == (2, 1)
    few, more = (ct.design(RNG.standard_normal((n, 30, 1)), np.arange(n) % 2) for n in (300, 600))
    assert (few.members, few.validation) == (3, 0) and (more.members, more.validation) == (1, 0)


def test_where_a_forecast_hangs_on_the_last_steps_a_recurrent_network_reads_them_behind_filters():
    plan = ct.design(windows(np.cumsum(RNG.standard_normal(400)), length=150))
    assert plan.kind == "recurrent" and plan.spec["front"] and not plan.encoder.each
    assert "windows of one series" in plan.reasons["recurrent"] and "filters" in str(plan)


def test_filters_learn_from_sequences_of_several_lengths_and_are_kept_in_a_file(tmp_path):
    """Two waves somewhere in noise: a mean over all steps cannot tell them apart, a filter can."""
    rng, rows = np.random.default_rng(1), []
    for i in range(40):
        row = rng.normal(0, 0.3, rng.integers(30, 50))
        at = rng.integers(0, len(row) - 12)
        row[at : at + 12] += 2 * np.sin(np.arange(12) * (np.pi / 2 if i % 2 else np.pi / 6))
        rows.append(row[:, None])
    y = np.array(["slow", "fast"])[np.arange(40) % 2]
    fitted = ct.Classifier(epochs=30, random_state=0).fit(rows[:30], y[:30])
    assert fitted.design_.kind == "fcn" and fitted.score(rows[30:], y[30:]) == 1
    ct.save(fitted, tmp_path / "model.safetensors")
    again = ct.load(tmp_path / "model.safetensors")
    assert np.array_equal(again.predict_proba(rows), fitted.predict_proba(rows))
    alone = np.concatenate([fitted.predict_proba(row[None]) for row in rows[:5]])
    assert np.array_equal(alone, fitted.predict_proba(rows)[:5])


def test_asked_for_a_cell_the_network_of_longer_sequences_is_recurrent():
    fitted = ct.Classifier(epochs=2, network={"cell": "lstm", "width": 4}).fit(RNG.standard_normal((N, 60, 2)), Y)
    plan = fitted.design_
    assert (plan.kind, plan.members, plan.epochs) == ("recurrent", 1, 2) and "LSTM, 4 units" in str(plan)


@pytest.mark.parametrize("choice", [{"members": 1}, {"channels": [4, 4], "windows": [5, 3], "strides": [1, 2]},
                                    {"hidden": [8], "activation": "tanh"}])
def test_choices_of_filters_by_name(choice):
    fitted = ct.Classifier(epochs=1, network=choice).fit(RNG.standard_normal((N, 30, 2)), Y)
    assert set(fitted.predict(RNG.standard_normal((3, 30, 2)))) <= {"up", "down"}


def test_a_loss_of_one_s_own_has_one_network():
    y = RNG.standard_normal(N)
    fitted = ct.Regressor(epochs=1, loss=lambda z, y: ct.ops.mean((z - y) ** 2)).fit(
        np.sin(np.arange(30) * RNG.uniform(0.1, 2, (N, 1)))[:, :, None], y)
    assert fitted.design_.members == 1


@pytest.mark.parametrize("choice", [{"cell": "lstm", "bidirectional": False}, {"layers": 2}, {"front": [4]},
                                    {"hidden": [8], "activation": "tanh"}])
def test_choices_by_name(choice):
    fitted = ct.Classifier(epochs=1, network={"width": 4} | choice).fit(RAGGED, Y)
    assert set(fitted.predict(RAGGED)) <= {"up", "down"}


def test_a_factory_is_told_the_number_of_features():
    seen = []

    def factory(n_in, n_out):
        seen.append((n_in, n_out))
        return ct.nn.Recurrent(n_in, 3, n_out, cell="rnn")

    ct.Classifier(network=factory, epochs=1).fit(RAGGED, Y)
    assert seen == [(2, 1)]


# ---- the rest of an estimator ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["model", "ragged"])
def test_a_model_in_a_file_predicts_the_same_bits(tmp_path, which, request):
    fitted = request.getfixturevalue(which)
    ct.save(fitted, tmp_path / "model.safetensors")
    for again in (ct.load(tmp_path / "model.safetensors"), pickle.loads(pickle.dumps(fitted))):
        assert np.array_equal(again.predict_proba(RAGGED), fitted.predict_proba(RAGGED))


def test_partial_fit_takes_pieces_of_other_lengths():
    one = ct.Classifier(network={"width": 8})
    for _ in range(30):
        one.partial_fit(RAGGED[:20], Y[:20], classes=["down", "up"])
        one.partial_fit([row[:6] for row in RAGGED[20:]], Y[20:])
    assert one.score(RAGGED, Y) > 0.8


def test_windows_are_held_back_by_time():
    cut = windows(np.arange(300.0), length=5)
    fitted = ct.Regressor(**SMALL)
    rows = fitted.prepare(cut)
    learn, steer = rows.held
    assert learn.max() < steer.min() and len(steer) == round(0.1 * len(cut))
    assert "val_loss" in fitted.train(rows).history_


def test_several_steps_ahead():
    fitted = ct.Regressor(**SMALL).fit(windows(np.sin(np.arange(90.0)), length=8, horizon=3))
    assert fitted.predict(np.zeros((2, 8, 1))).shape == (2, 3)


@pytest.mark.parametrize(("given", "width"), [(X, 24), (RAGGED, 24 + 11)], ids=["one length", "several"])
def test_the_linear_model_sees_all_steps_and_of_several_lengths_summaries_too(given, width):
    linear = baseline(given, Y)
    assert linear.encode(given).shape == (N, width) and linear.score(given, Y) > 0.6


def test_summaries_are_of_the_sequence_alone():
    encoder = KINDS["sequences"].encoder(ct.Sequences.from_list(RAGGED), None)
    flat = KINDS["sequences"].flat(encoder.transform(RAGGED), encoder)
    row = encoder.transform(RAGGED).rows()[3]
    assert flat[3, -11:] == pytest.approx([*row.mean(0), *row.std(0), *row.min(0), *row.max(0), *row[-1], 9 / 12])
    assert flat[3, :18] == pytest.approx(row.ravel()) and not flat[3, 18:24].any()


# ---- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("given", "says"), [
    (X[:, :, :1], "1 feature a time step, but training had 2"), ([np.zeros((0, 2)), np.zeros((3, 2))], "no time steps"),
], ids=["features", "length zero"])
def test_sequences_unlike_those_of_training(model, given, says):
    with pytest.raises(DataError, match=says):
        model.predict(given)


def test_sequences_of_length_zero_cannot_be_learnt():
    with pytest.raises(DataError, match="sequence 1 has no time steps"):
        ct.Classifier().fit([np.ones((3, 2)), np.ones((0, 2))], ["a", "b"])
