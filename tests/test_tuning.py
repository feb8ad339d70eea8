"""ct.tuning: search spaces around a design, for each kind of data, as Optuna's trials ask for them."""

import numpy as np
import pytest
from sklearn.base import is_classifier

import cutaway as ct
from cutaway.errors import ArgumentError

optuna = pytest.importorskip("optuna")
optuna.logging.set_verbosity(optuna.logging.WARNING)

RNG = np.random.default_rng(0)
TABLE = RNG.standard_normal((300, 4))
IMAGES = RNG.random((60, 8, 8, 1), np.float32)
LONG = RNG.standard_normal((60, 40, 2)).astype(np.float32)
SHORT = LONG[:, :6]
DATA = {"table": (ct.Classifier, TABLE, np.where(TABLE[:, 0] > 0, "a", "b")),
        "few": (ct.Regressor, TABLE[:60], TABLE[:60, 0]),
        "images": (ct.Classifier, IMAGES, np.arange(60) % 3),
        "filters": (ct.Classifier, LONG, np.arange(60) % 2),
        "recurrent": (ct.Regressor, SHORT, SHORT[:, -1, 0])}


def plan_of(kind):
    _, X, y = DATA[kind]
    return ct.design(X, y)


def drawn(plan, seed):
    """A trial of a study that draws by chance, and what it drew."""
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed)).ask()
    return ct.tuning.suggest(trial, plan), trial.params


@pytest.mark.parametrize("kind", DATA)
def test_what_was_designed_is_in_the_space_and_asks_for_nothing(kind):
    plan = plan_of(kind)
    chosen = ct.tuning.chosen(plan)
    study = optuna.create_study()
    study.enqueue_trial(chosen)
    trial = study.ask()
    assert ct.tuning.suggest(trial, plan) == {} and trial.params == chosen


@pytest.mark.parametrize("kind", DATA)
@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_drawn_is_what_is_trained(kind, seed):
    estimator, X, y = DATA[kind]
    arguments, drew = drawn(plan_of(kind), seed)
    model = estimator(**arguments, epochs=1).fit(X, y)
    made = model.design_
    assert model.optimizer.lr.lr == drew["lr"] and model.optimizer.weight_decay == drew["weight_decay"]
    assert made.dropout == drew["dropout"] and made.batch_size == drew.get("batch_size", len(X))
    if "hidden_layers" in drew:
        assert made.hidden == (drew["hidden_width"],) * drew["hidden_layers"]
    if "filters" in drew:
        assert made.spec["channels"][0] == drew["filters"]
    assert {name: made.spec[name] for name in drew if name in made.spec and name != "augment"} == {
        name: value for name, value in drew.items() if name in made.spec and name != "augment"}
    assert np.isfinite(model.predict_proba(X) if is_classifier(model) else model.predict(X)).all()


def test_another_batch_has_the_epochs_and_the_warm_up_that_the_design_would_have():
    _, X, y = DATA["table"]
    plan = plan_of("table")
    values = ct.tuning.chosen(plan) | {"batch_size": 64, "lr": 3e-3}
    arguments = ct.tuning.suggest(optuna.trial.FixedTrial(values), plan)
    model = ct.Classifier(batch_size=64)
    model.prepare(X, y)
    assert arguments["optimizer"].lr.rise == model.design_.optimizer().lr.rise != plan.optimizer().lr.rise
    assert arguments["optimizer"].average == plan.average


def test_a_linear_model_stays_beside_layers_that_were_drawn():
    plan = plan_of("few")
    assert plan.linear
    arguments = ct.tuning.suggest(optuna.trial.FixedTrial(ct.tuning.chosen(plan) | {"hidden_layers": 1}), plan)
    assert arguments == {"network": {"hidden": [128], "linear": True}}


def test_the_preset_of_the_plan_is_kept():
    _, X, y = DATA["table"]
    plan = ct.design(X, y, preset="fast")
    assert ct.tuning.suggest(optuna.trial.FixedTrial(ct.tuning.chosen(plan)), plan) == {"preset": "fast"}


def test_the_best_trial_gives_its_estimator_again_from_a_study_on_disk(tmp_path):
    _, X, y = DATA["table"]
    plan = plan_of("table")
    backend = optuna.storages.journal.JournalFileBackend(str(tmp_path / "study.log"))
    how = {"storage": optuna.storages.JournalStorage(backend), "study_name": "one", "load_if_exists": True,
           "sampler": optuna.samplers.RandomSampler(seed=0)}

    def objective(trial):
        model = ct.Classifier(**ct.tuning.suggest(trial, plan), epochs=2, callbacks=[ct.callbacks.Pruning(trial)])
        return model.fit(X, y).history_["val_loss"].min()

    for tries in (1, 2):  # the second study goes on with the first one's trials
        study = optuna.create_study(**how)
        study.enqueue_trial(ct.tuning.chosen(plan), skip_if_exists=True)
        study.optimize(objective, n_trials=1)
        assert len(study.trials) == tries
    model = ct.Classifier(**ct.tuning.suggest(study.best_trial, plan), epochs=2).fit(X, y)
    assert model.history_["val_loss"].min() == study.best_value


def test_what_has_no_space_is_refused():
    plan = plan_of("table")
    plan.lr = "auto"
    with pytest.raises(ArgumentError, match='the plan\'s lr is "auto"'):
        ct.tuning.chosen(plan)
    plan.kind = "own"
    with pytest.raises(ArgumentError, match="no search space for a network of kind 'own'"):
        ct.tuning.chosen(plan)
    with pytest.raises(ArgumentError, match=r"around a design, got 3: give ct.design\(X, y\)"):
        ct.tuning.chosen(3)
