"""The score that decides which weights are put back and when training stops early, and what happens without one."""

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError, FileError
from cutaway.train import TrainingWarning

RNG = np.random.default_rng(0)
X = RNG.standard_normal((200, 3))
Y = (X[:, 0] + 0.5 * RNG.standard_normal(200) > 0).astype(np.int32)


def net(n_out=2, **how):
    return ct.nn.MLP(3, [8], n_out, **how).init(0)


def run(model=None, **how):
    how = {"loss": "cross_entropy", "epochs": 25, "validation": 0.3, "optimizer": ct.optim.AdamW(0.05)} | how
    return ct.fit(model or net(), X, Y, **how)


def gini(z, y):
    return float(np.mean((z.argmax(1) == y) * (1 + y)))


@pytest.mark.parametrize(("monitor", "column", "best"), [
    ("loss", "val_loss", np.argmin), ("val_loss", "val_loss", np.argmin), ("accuracy", "val_accuracy", np.argmax),
    (("accuracy", "min"), "val_accuracy", np.argmin), ((gini, "max"), "val_gini", np.argmax),
])
def test_the_weights_of_the_best_score_come_back(monitor, column, best):
    states = []
    done = run(monitor=monitor, callbacks=[lambda e: states.append(e.run.model.state_dict())])
    assert done.best_epoch == 1 + best(done.history[column])
    kept = states[done.best_epoch]  # states[0] is before the first epoch
    assert all(np.array_equal(done.model.state_dict()[name], values) for name, values in kept.items())


def test_a_metric_that_is_listed_is_monitored_by_its_name():
    done = run(metrics=[gini, "accuracy"], monitor=("gini", "max"))
    assert done.best_epoch == 1 + np.argmax(done.history["val_gini"]) and "val_accuracy" in done.history


def test_early_stopping_goes_by_it_and_says_so():
    done = run(monitor=(lambda z, y: 0.5, "max"), early_stopping=4)
    assert done.best_epoch == 1 and done.epochs_done == 5 and "no better val_<lambda> for 4 epochs" in done.stopped


def test_fit_many_monitors_too():
    (done,) = ct.fit_many([{"model": net(), "X": X, "y": Y, "loss": "cross_entropy", "validation": 0.3,
                            "monitor": "accuracy"}])
    assert done.best_epoch == 1 + np.argmax(done.history["val_accuracy"])


def test_a_resumed_run_keeps_it_and_refuses_another(tmp_path):
    how = {"epochs": 12, "monitor": "accuracy", "early_stopping": 9}
    whole = run(**how)
    with_stop = [lambda e: getattr(e, "epoch", 0) == 5 and e.run.stop()]
    run(**how, checkpoint=tmp_path, callbacks=with_stop)
    with pytest.raises(FileError, match=r"other settings \(monitor\)"):
        run(epochs=12, early_stopping=9, checkpoint=tmp_path, resume=True)
    again = run(**how, checkpoint=tmp_path, resume=True)
    assert again.best_epoch == whole.best_epoch and np.array_equal(again.model.theta, whole.model.theta)


@pytest.mark.parametrize(("how", "says"), [
    ({"monitor": gini}, r'give \(gini, "max"\) or \(gini, "min"\)'), ({"monitor": "auc"}, "accuracy, r2, rmse, mae"),
    ({"monitor": ("accuracy", "up")}, "monitor is"), ({"monitor": 3}, "monitor is"),
    ({"monitor": "accuracy", "validation": None}, "validation data"),
    ({"metrics": "accuracy", "validation": None}, "validation data"), ({"time_limit": "1 h"}, "time_limit"),
])
def test_what_cannot_be_monitored_is_refused_with_the_reason(how, says):
    with pytest.raises(ArgumentError, match=says):
        run(**how)


def test_no_score_is_a_number():
    with pytest.warns(TrainingWarning, match="no epoch had a val_none that is a number"):
        done = run(monitor=(_none, "max"), epochs=3)
    assert done.best_epoch == 3 and done.last is None and done.trouble


def test_a_score_that_is_no_number_is_never_the_best():
    scores = iter([np.inf, np.nan, 0.5, 0.7, np.inf])

    def odd(z, y):
        return next(scores)

    assert run(monitor=(odd, "max"), epochs=5).best_epoch == 4


def _none(z, y):
    return float("nan")


_none.__name__ = "none"


@pytest.mark.parametrize(("score", "says"), [
    (lambda z, y: (z.argmax(1) == y), r"the metric <lambda> gave an array of shape \(60,\): one number"),
    (lambda z, y: None, "the metric <lambda> gave None"),
])
def test_a_metric_that_gives_no_number_is_named(score, says):
    with pytest.raises(ArgumentError, match=says):
        run(monitor=(score, "max"), epochs=1)


def test_a_score_of_ones_own_that_is_never_a_number_is_among_the_likely_causes():
    with pytest.warns(TrainingWarning, match="Or nothing gives none: call it with"):
        run(monitor=(nothing, "max"), epochs=1)


def nothing(z, y):
    return float("nan")
