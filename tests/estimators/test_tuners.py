"""Tuners of others take our estimators as they are: Optuna's search, Ray Tune. (Dask's workers: test_parallel.py.)"""

import numpy as np
import pytest
from sklearn.model_selection import StratifiedKFold, cross_val_score

import cutaway as ct
from cutaway.train import EpochEnded

X, y = ct.datasets.make("moons", n=240, noise=0.3, seed=0)
LABELS = np.array(["no", "yes"])[y]


@pytest.mark.filterwarnings("ignore:OptunaSearchCV is experimental")
@pytest.mark.filterwarnings("ignore:`optuna.terminator` module has been deprecated")  # which it calls itself
def test_optuna_search_cv_tunes_settings_inside_arguments():
    optuna, integration = pytest.importorskip("optuna"), pytest.importorskip("optuna_integration")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    model = ct.Classifier([8], optimizer=ct.optim.AdamW(1e-2), epochs=4, threads=1)
    space = {"optimizer__lr": optuna.distributions.FloatDistribution(1e-3, 1e-1, log=True),
             "network__dropout": optuna.distributions.FloatDistribution(0.0, 0.5),
             "batch_size": optuna.distributions.CategoricalDistribution([16, 32])}
    cv = StratifiedKFold(2)
    search = integration.OptunaSearchCV(model, space, cv=cv, n_trials=3, random_state=0, verbose=0).fit(X, LABELS)
    assert search.best_score_ == cross_val_score(search.best_estimator_, X, LABELS, cv=cv).mean()
    assert search.best_estimator_.optimizer.lr == search.best_params_["optimizer__lr"]
    assert search.predict(X[:5]).dtype == LABELS.dtype and len(search.trials_) == 3


def test_ray_tune_hears_of_each_epoch_by_a_callback(tmp_path, monkeypatch):
    """By hand where Ray is installed: it starts a server of its own."""
    ray = pytest.importorskip("ray")
    from ray import tune

    def trainable(config):
        def report(event):
            if isinstance(event, EpochEnded):
                tune.report({"val_loss": event.row["val_loss"], "epoch": event.epoch})

        ct.Classifier([8], optimizer=ct.optim.AdamW(config["lr"]), epochs=4, threads=1, callbacks=[report]).fit(X, y)

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        space = {"lr": tune.grid_search([1e-4, 1e-2])}
        how = tune.TuneConfig(metric="val_loss", mode="min", scheduler=tune.schedulers.ASHAScheduler())
        runs = tune.RunConfig(storage_path=str(tmp_path), verbose=0)
        found = tune.Tuner(trainable, param_space=space, tune_config=how, run_config=runs).fit()
    finally:
        ray.shutdown()
    assert not found.errors and found.get_best_result().config == {"lr": 1e-2}
    own = ct.Classifier([8], optimizer=ct.optim.AdamW(1e-2), epochs=4, threads=1).fit(X, y).history_["val_loss"]
    assert found.get_best_result().metrics["val_loss"] == own[-1]
