"""Pruning: what an Optuna study makes of what it hears, for several fits, workers and storages."""

import pickle
import signal
import subprocess
import sys

import numpy as np
import pytest
from sklearn.model_selection import cross_val_score

import cutaway as ct
from cutaway.callbacks import CSV, Pruning
from cutaway.errors import ArgumentError
from cutaway.train import EpochEnded

optuna = pytest.importorskip("optuna")
optuna.logging.set_verbosity(optuna.logging.WARNING)
State = optuna.trial.TrialState
X, y = ct.datasets.make("moons", n=120, seed=0)
HOW = {"loss": "cross_entropy", "batch_size": 40, "epochs": 4, "validation": 0.25}
BACK = type("Back", (optuna.pruners.BasePruner,), {"prune": lambda self, study, trial: trial.last_step == 1})


def net():
    return ct.nn.MLP(2, [4], 2).init(0)


def fit(*callbacks, **how):
    return ct.fit(net(), X, y, **(HOW | how), callbacks=callbacks)


def stop_after(epoch, how=lambda event: event.run.stop("enough")):
    return lambda event: how(event) if isinstance(event, EpochEnded) and event.epoch == epoch else None


def test_each_epoch_is_a_step_from_zero():
    study = optuna.create_study()
    trial = study.ask()
    run = fit(Pruning(trial))
    assert study.trials[0].intermediate_values == dict(enumerate(run.history["val_loss"].tolist()))
    assert (run.model.theta == fit().model.theta).all()


def test_without_validation_it_is_the_loss_and_otherwise_what_is_asked_for():
    study = optuna.create_study(direction="maximize")
    fit(Pruning(study.ask(), "val_accuracy"), metrics="accuracy")
    assert all(0 <= value <= 1 for value in study.trials[0].intermediate_values.values())
    study = optuna.create_study()
    run = fit(Pruning(study.ask()), validation=None)
    assert list(study.trials[0].intermediate_values.values()) == run.history["loss"].tolist()


def test_a_trial_that_is_given_up_has_its_last_score_and_ends_for_everybody_in_order(tmp_path):
    study = optuna.create_study(pruner=BACK())
    study.optimize(lambda trial: fit(Pruning(trial), CSV(tmp_path / "a.csv")), n_trials=1)
    (trial,) = study.trials
    assert trial.state == State.PRUNED and trial.value == trial.intermediate_values[1]
    assert (tmp_path / "a.csv").read_text().count("\n") == 3


def test_an_estimator_whose_trial_is_given_up_is_as_it_was_before():
    study = optuna.create_study(pruner=BACK())
    model = ct.Classifier([4], epochs=4, callbacks=[Pruning(study.ask())])
    with pytest.raises(optuna.TrialPruned, match="other trials were better at this epoch, 2"):
        model.fit(np.vstack([X, X]), np.append(y, y))
    assert not hasattr(model, "model_")


def test_several_networks_of_one_estimator_are_given_up_together():
    study = optuna.create_study(pruner=BACK())
    model = ct.Classifier(preset="best", epochs=4, callbacks=[Pruning(trial := study.ask())])
    with pytest.raises(optuna.TrialPruned):
        model.fit(np.vstack([X, X]), np.append(y, y))
    assert list(study.trials[trial.number].intermediate_values) == [0, 1]


def test_numbers_that_leave_the_finite_ones_are_a_trial_that_is_given_up():
    study = optuna.create_study()
    study.optimize(lambda trial: fit(Pruning(trial), optimizer=ct.optim.SGD(1e30)), n_trials=1)
    (trial,) = study.trials
    assert trial.state == State.PRUNED and all(np.isfinite(v) for v in trial.intermediate_values.values())


def test_a_run_that_goes_on_reports_new_steps_alone(tmp_path):
    trial = optuna.create_study().ask()
    fit(Pruning(trial), stop_after(3), checkpoint=tmp_path / "c")
    (tmp_path / "c" / "step-000000009.safetensors").rename(tmp_path / "c" / "old")  # it was killed: no checkpoint
    run = fit(Pruning(trial), checkpoint=tmp_path / "d")  # a warning of Optuna's would be an error
    assert list(trial.study.trials[0].intermediate_values) == [0, 1, 2, 3] and run.epochs_done == 4


def test_of_several_folds_the_first_is_heard_and_copies_have_the_same_trial():
    trial = optuna.create_study().ask()
    model = ct.Classifier([4], epochs=3, callbacks=[Pruning(trial, "loss")])
    cross_val_score(model, X, y, cv=2)
    assert list(trial.study.trials[0].intermediate_values) == [0, 1, 2]


def test_ctrl_c_ends_the_study():
    study = optuna.create_study()
    press = stop_after(2, lambda event: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        study.optimize(lambda trial: fit(Pruning(trial), press), n_trials=3)
    assert [trial.state for trial in study.trials] == [State.FAIL]


@pytest.mark.parametrize(("study", "monitor", "says"), [
    ({"directions": ["minimize", "maximize"]}, None, "the study has 2 objectives"),
    ({"direction": "maximize"}, None, "val_loss gets better by falling"),
    ({"direction": "minimize"}, "val_accuracy", "val_accuracy gets better by rising"),
    ({}, "val_auc", "monitor is 'val_auc', and the history has epoch, loss"),
])
def test_what_optuna_could_not_prune_by_is_refused(study, monitor, says):
    with pytest.raises(ArgumentError, match=says):
        fit(Pruning(optuna.create_study(**study).ask(), monitor), metrics="accuracy")


def test_a_fixed_trial_hears_of_it_too():
    assert fit(Pruning(optuna.trial.FixedTrial({}))).epochs_done == 4


def test_workers_share_a_study_by_its_file(tmp_path):
    """Another process prunes by what this one reported."""
    code = ("import optuna, cutaway as ct\n"
            "optuna.logging.set_verbosity(optuna.logging.WARNING)\n"
            "from optuna.storages.journal import JournalFileBackend\n"
            "study = optuna.create_study(storage=optuna.storages.JournalStorage(JournalFileBackend('study.log')),\n"
            "    study_name='moons', load_if_exists=True, pruner=optuna.pruners.MedianPruner(n_startup_trials=1))\n"
            "X, y = ct.datasets.make('moons', n=120, seed=0)\n"
            "def objective(trial):\n"
            "    how = dict(loss='cross_entropy', epochs=4, optimizer=ct.optim.SGD(1e-6))\n"
            "    run = ct.fit(ct.nn.MLP(2, [4], 2).init(0), X, y, **how, callbacks=[ct.callbacks.Pruning(trial)])\n"
            "    return run.history['loss'][-1]\n"
            "study.optimize(objective, n_trials=1)\n")
    backend = optuna.storages.journal.JournalFileBackend(str(tmp_path / "study.log"))
    study = optuna.create_study(study_name="moons", storage=optuna.storages.JournalStorage(backend))
    study.optimize(lambda trial: fit(Pruning(trial), validation=None).history["loss"][-1], n_trials=1)
    subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=tmp_path, check=True)
    assert [trial.state for trial in study.trials] == [State.COMPLETE, State.PRUNED]


def test_it_is_pickled_with_its_trial(tmp_path):
    backend = optuna.storages.journal.JournalFileBackend(str(tmp_path / "study.log"))
    study = optuna.create_study(storage=optuna.storages.JournalStorage(backend))
    again = pickle.loads(pickle.dumps(Pruning(study.ask(), "loss")))
    fit(again)
    assert len(study.trials[0].intermediate_values) == 4


def test_what_is_no_trial_is_refused_at_once():
    with pytest.raises(ArgumentError, match=r"trial must be Optuna's.* got None"):
        Pruning(None)
