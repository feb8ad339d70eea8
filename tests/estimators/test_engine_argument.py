"""engine=, device= and devices= of the estimators: what trains them. What they say afterwards needs no JAX."""

import builtins
import sys

import numpy as np
import pytest
from sklearn.base import clone

import cutaway as ct
from cutaway.engines.registry import Engines
from cutaway.errors import ArgumentError
from cutaway.sklearn import MLPClassifier, MLPRegressor

pytest.importorskip("jax")
X, y = ct.datasets.make("moons", n=60, seed=0)
SMALL = {"network": [4], "epochs": 1, "validation": None, "optimizer": ct.optim.SGD(0.1), "batch_size": 30}
ON_XLA = {"engine": "xla", "device": "cpu"}


@pytest.fixture(scope="module")
def trained():
    return ct.Classifier(**SMALL, **ON_XLA).fit(X, y)


@pytest.fixture
def without_jax(monkeypatch):
    real = builtins.__import__

    def without(name, *how):
        if name.split(".")[0] == "jax":
            raise ModuleNotFoundError("No module named 'jax'", name="jax")
        return real(name, *how)

    for name in [name for name in sys.modules if name.startswith("cutaway.engines.xla")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.setattr("cutaway.engines.choice.ENGINES", Engines())


def test_an_estimator_is_trained_by_its_engine_to_about_the_same_weights(trained):
    assert trained.run_.program.engine.name == "xla"
    other = ct.Classifier(**SMALL).fit(X, y)
    assert other.run_.program.engine.name == "cpu"
    assert ("engine", "xla on cpu", "as asked") in trained.design_.table()
    assert "engine" not in str(other.design_)
    np.testing.assert_allclose(trained.model_.theta, other.model_.theta, rtol=1e-5, atol=1e-6)


def test_its_file_says_what_trained_it_and_predicts_where_there_is_no_jax(trained, tmp_path, without_jax):
    ct.save(trained, tmp_path / "m.safetensors")
    again = ct.load(tmp_path / "m.safetensors")
    assert {name: again.get_params()[name] for name in ON_XLA} == ON_XLA
    np.testing.assert_array_equal(again.predict_proba(X), trained.predict_proba(X))
    with pytest.raises(ArgumentError, match=r"needs jax, which is not installed: pip install .*GPU"):
        again.fit(X, y)
    again.set_params(engine="cpu", device=None, optimizer=SMALL["optimizer"]).partial_fit(X, y)


def test_a_clone_is_trained_by_the_same_engine(trained):
    assert clone(trained).get_params() == trained.get_params()


def test_partial_fit_goes_on_with_it():
    model = ct.Classifier(**SMALL, **ON_XLA)
    for _ in range(2):
        model.partial_fit(X, y)
    assert (model._program.engine.name, model._program.state.t) == ("xla", 4)


@pytest.mark.filterwarnings("ignore:.*onverge")
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_the_drop_ins_for_scikit_learn_too(solver):
    """lbfgs reads the gradient of all rows from the engine."""
    ours, theirs = (MLPRegressor(hidden_layer_sizes=(3,), solver=solver, max_iter=4, random_state=0, engine=engine).fit(
        X.astype(float), y) for engine in ("cpu", "xla"))
    np.testing.assert_allclose(np.concatenate([w.ravel() for w in theirs.coefs_]),
                               np.concatenate([w.ravel() for w in ours.coefs_]), rtol=1e-8)


@pytest.mark.parametrize(("how", "words"), [
    ({"device": "gpu"}, "device='gpu': the engine 'cpu' runs on the processor. For other devices take engine="),
    ({"devices": 2}, "the engine 'cpu' runs on one device: leave out devices="),
    ({"engine": "jax"}, "no engine is called 'jax': use one of cpu, portable, reference, wasm, xla"),
    ({"engine": "xla", "device": "tpu"}, """device='tpu': JAX finds none here, only 'cpu'.*jax.tpu."""),
    ({"engine": "xla", "device": "npu"}, "device is 'npu': give None or one of 'cpu', 'gpu', 'tpu'"),
    ({"engine": "xla", "devices": 99}, "devices=99, and JAX finds 1 here"),
    ({"precision": "fp8"}, "precision is 'fp8'"),
])
@pytest.mark.parametrize("kind", [ct.Classifier, MLPClassifier, ct.forecast.Forecaster], ids=lambda kind: kind.__name__)
def test_what_is_not_there_is_refused_before_data_are_read(kind, how, words):
    with pytest.raises(ArgumentError, match=words):
        kind(**how).fit(None, None)
