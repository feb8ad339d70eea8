"""Every argument is used, or refused with the reason: what one solver, one way of learning or few rows cannot use."""

import inspect

import numpy as np
import pytest
from sklearn.model_selection import cross_val_score

import cutaway as ct
from cutaway.errors import ArgumentError
from cutaway.sklearn import MLPClassifier, MLPRegressor
from cutaway.train import EpochEnded, TrainingWarning

RNG = np.random.default_rng(0)
X = RNG.standard_normal((240, 3))
Y = X[:, 0] + 2
LABELS = np.where(X[:, 0] > 0, "a", "b")


def gini(z, y):
    return float(np.abs(z).mean())


# ---- the score that decides ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("monitor", "column", "best"), [
    ("accuracy", "val_accuracy", np.argmax), ((gini, "min"), "val_gini", np.argmin), ("loss", "val_loss", np.argmin),
])
@pytest.mark.parametrize("validation", [0.25, (X[:50], LABELS[:50])], ids=["share", "own"])
def test_classifiers_keep_the_weights_of_the_best_score(monitor, column, best, validation):
    model = ct.Classifier(epochs=12, monitor=monitor, validation=validation, early_stopping=False).fit(X, LABELS)
    assert model.run_.best_epoch == 1 + best(model.history_[column])


def test_a_regressor_stops_by_it():
    model = ct.Regressor(epochs=50, monitor=(lambda z, y: 1.0, "max"), early_stopping=3).fit(X, Y)
    assert model.run_.epochs_done == 4 and "no better val_<lambda>" in model.run_.stopped


def test_a_file_keeps_a_monitor_that_has_a_name(tmp_path):
    for monitor, kept in (("accuracy", "accuracy"), ((gini, "max"), "loss")):
        ct.save(ct.Classifier(epochs=3, monitor=monitor).fit(X, LABELS), tmp_path / "m")
        again = ct.load(tmp_path / "m")
        assert again.monitor == kept
    with pytest.raises(ArgumentError, match="trained with monitor of its maker's"):
        again.fit(X, LABELS)
    again.set_params(monitor=(gini, "max")).fit(X, LABELS)


# ---- refused -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [ct.Classifier, ct.Regressor])
@pytest.mark.parametrize(("how", "says"), [
    ({"early_stopping": 3, "validation": None}, "early_stopping=3 needs rows"),
    ({"monitor": "mae", "validation": None}, "monitor='mae' needs rows"), ({"monitor": "auc"}, "no metric"),
    ({"monitor": ("auc", "max")}, "no metric"),
    ({"monitor": gini}, "whether higher or lower is better"), ({"start": "as is"}, "network that you hand over"),
    ({"start": "as is", "network": [4]}, "network that you hand over"), ({"start": "warm"}, "start is 'warm'"),
])
def test_what_could_not_be_used_is_refused(kind, how, says):
    model = kind(**how)
    for learn in (model.fit, model.partial_fit):
        with pytest.raises(ArgumentError, match=says):
            learn(X, LABELS if kind is ct.Classifier else Y)


@pytest.mark.parametrize(("model", "y"), [
    (ct.Classifier(monitor="rmse"), LABELS), (ct.Regressor(monitor="accuracy"), Y),
])
def test_a_score_of_another_kind_of_target_is_refused(model, y):
    with pytest.raises(ArgumentError, match="goes by 'loss'"):
        model.fit(X, y)


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize("how", [{"dropout": 0.1}, {"validation_data": (X, Y)}, {"callbacks": [print]}])
def test_lbfgs_says_what_it_cannot_use(kind, how):
    with pytest.raises(ArgumentError, match=f"{next(iter(how))} needs solver='adam' or 'sgd'"):
        kind(solver="lbfgs", **how).fit(X, LABELS if kind is MLPClassifier else Y)


# ---- said ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("how", "says"), [
    ({"early_stopping": 3}, "early_stopping=3"), ({"monitor": "rmse"}, "monitor='rmse'"),
    ({"validation": 0.3}, "validation=0.3"),
])
def test_few_rows_of_which_none_are_held_back(how, says):
    with pytest.warns(UserWarning, match=f"{says} is not used: with fewer than 200 rows") as told:
        ct.Regressor(epochs=3, **how).fit(X[:60], Y[:60])
    assert told[0].filename == __file__


@pytest.mark.parametrize("how", [{"validation": (X, Y)}, {"early_stopping": 3}, {"monitor": "mae"}, {"time_limit": 9}])
def test_a_first_pass_says_what_is_for_fit(how):
    model = ct.Regressor(**how)
    with pytest.warns(UserWarning, match=f"{next(iter(how))}.* for fit alone"):
        model.partial_fit(X, Y)
    model.partial_fit(X, Y)  # once is enough
    ct.Regressor(epochs=3, **how).fit(X, Y).partial_fit(X, Y)  # they have served


# ---- used ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "y"), [(MLPClassifier, LABELS), (MLPRegressor, Y)])
def test_passes_of_the_drop_ins_are_told_to_their_callbacks(kind, y):
    heard = []
    model = kind(callbacks=[heard.append], random_state=0)
    for _ in range(2):
        model.partial_fit(X, y, **({"classes": ["a", "b"]} if kind is MLPClassifier else {}))
    assert [type(event) for event in heard] == [EpochEnded] * 2 and [event.epoch for event in heard] == [1, 2]
    assert [event.row["loss"] for event in heard] == model.loss_curve_ == heard[1].run.history["loss"].tolist()


def test_a_callback_ends_the_passes_of_a_drop_in():
    model = MLPRegressor(callbacks=[lambda event: event.run.stop()], random_state=0).partial_fit(X, Y)
    assert model.stopped_


FIT = {
    "epochs": 2, "batch_size": 7, "validation": 0.3, "sample_weight": RNG.uniform(0.5, 2, 240), "seed": 5,
    "shuffle": False, "drop_last": True, "early_stopping": 1, "optimizer": ct.optim.SGD(0.1), "loss": "huber",
    "metrics": "mae", "monitor": "mae",
}


@pytest.mark.parametrize("name", FIT)
def test_every_argument_of_fit_changes_what_is_done(name):
    needs = {"early_stopping": {"validation": 0.5}, "metrics": {"validation": 0.5}, "monitor": {"validation": 0.5}}

    def done(**how):
        how = {"epochs": 12, "batch_size": 32, "optimizer": ct.optim.SGD(0.3)} | needs.get(name, {}) | how
        run = ct.fit(ct.nn.MLP(3, [8], 1).init(0), X, np.abs(Y) / 2, **how)
        return run.best_epoch, tuple(run.history), len(run.steps), run.model.theta.tobytes()

    assert done(**{name: FIT[name]}) != done()


def test_the_table_above_knows_every_argument_that_changes_numbers():
    elsewhere = {"model", "X", "y", "callbacks", "checkpoint", "resume", "engine", "threads", "progress", "time_limit",
                 "precision", "device", "devices", "exact", "own_rows"}  # test_devices.py, test_own_rows.py
    assert set(inspect.signature(ct.fit).parameters) == set(FIT) | elsewhere


def test_batch_norm_never_meets_a_single_row_by_an_automatic_batch_size():
    def net(n_in, n_out):
        return ct.nn.MLP(n_in, [8], n_out, norm="batch")

    many = RNG.standard_normal((401, 3))
    scores = cross_val_score(ct.Classifier(net, epochs=3), many, np.where(many[:, 0] > 0, "a", "b"))
    assert np.isfinite(scores).all()
    for rows in (214, 215, 321, 358):  # 193 and 321 to learn from leave one
        model = ct.Regressor(net, epochs=1).fit(many[:rows], many[:rows, 0])
        assert model.run_.past.rows.size % model.run_.batch_size != 1
    with pytest.warns(TrainingWarning, match="leave one"):
        model = ct.Regressor(net, epochs=2, batch_size=32, validation=None).fit(many[:225], many[:225, 0])
    assert len(model.run_.steps) == 2 * 7


def test_passes_of_one_row_and_of_one_too_many():
    def net(n_in, n_out):
        return ct.nn.MLP(n_in, [8], n_out, norm="batch")

    model = ct.Regressor(net).partial_fit(X[:33], Y[:33])
    assert np.isfinite(model.partial_fit(X[:65], Y[:65]).predict(X)).all()
    with pytest.raises(ValueError, match="give partial_fit two rows or more"):
        model.partial_fit(X[:1], Y[:1])
    ct.Regressor().partial_fit(X[:33], Y[:33]).partial_fit(X[:1], Y[:1])
