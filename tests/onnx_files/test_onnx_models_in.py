"""Networks that other libraries wrote, read by ct.load: they give what ONNX Runtime gives, train, and go out again."""

import re

import numpy as np
import pytest
from onnx_models import FILES, answers, rows_for, trained_one_step
from skl2onnx import to_onnx
from sklearn.datasets import load_iris
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler

import cutaway as ct
from depth import THOROUGH, each_once

pytestmark = pytest.mark.usefixtures("kernels_as_written")


@pytest.mark.parametrize("name", FILES)
def test_it_gives_what_onnx_runtime_gives(name):
    net = ct.load(FILES[name])
    X = rows_for(net, 7)
    np.testing.assert_allclose(net.predict(X), answers(str(FILES[name]), net, X), atol=1e-5)


def kinds_once(names):
    """Of each kind of network, such as lstm_both, one file: the makers take turns. In a thorough run all of them."""
    kinds = {}
    for name in names:
        kinds.setdefault(re.sub("^(torch_)?[a-z0-9]+_", "", name), []).append(name)
    return names if THOROUGH else [of[k % len(of)] for k, of in enumerate(kinds.values())]


@pytest.mark.parametrize("name", kinds_once(list(FILES)))
def test_so_it_does_for_one_row_saved_and_written_again(name, tmp_path):
    net = ct.load(FILES[name])
    X, one = rows_for(net, 7), rows_for(net, 1, seed=1)
    np.testing.assert_allclose(net.predict(one), answers(str(FILES[name]), net, one), atol=1e-5)
    found = net.predict(X)
    ct.save(net, tmp_path / "m.safetensors")
    assert np.array_equal(ct.load(tmp_path / "m.safetensors").predict(X), found)
    ct.export(net, tmp_path / "m.onnx")
    again = ct.load(tmp_path / "m.onnx")
    np.testing.assert_allclose(again.predict(X), found, atol=1e-5)
    np.testing.assert_allclose(answers(str(tmp_path / "m.onnx"), again, X), found, atol=1e-5)


# PyTorch's two exporters wrote the same networks: of each, one's file learns
LEARN = [name.replace("new", "old") if k % 2 and name.startswith("torch_new") else name
         for k, name in enumerate(FILES) if not name.startswith("torch_old")]


@pytest.mark.parametrize("name", kinds_once(LEARN))
def test_a_step_of_training_changes_every_weight_as_the_rules_say(name):
    net = ct.load(FILES[name])
    X, before = rows_for(net), net.state_dict()
    T = np.random.default_rng(1).normal(size=net.predict(X).shape).astype(net.dtype)
    after, wanted = trained_one_step(net, X, T), trained_one_step(ct.load(FILES[name]), X, T, "reference")
    assert before.keys() == after.keys()
    assert not np.array_equal(np.concatenate([a.ravel() for a in before.values()]),
                              np.concatenate([a.ravel() for a in after.values()]))
    for key, weights in dict(net.named_parameters()).items():
        moved = np.abs(wanted[key] - before[key]).max() > 1e-7  # a bias of keys moves no softmax
        assert not moved or not np.array_equal(before[key], weights.data), key
        np.testing.assert_allclose(after[key], wanted[key], rtol=2e-4, atol=2e-6)


@pytest.mark.parametrize("name", ["torch_old_cnn", "torch_new_lstm_both", "torch_old_attention", "torch_new_words"])
def test_it_can_be_looked_into(name):
    net = ct.load(FILES[name])
    X, shape = rows_for(net), rows_for(net).shape[1:]
    T = net.predict(X) + 1
    step = ct.trace(net, X, T, loss="mse")
    assert abs(step.J - 1) < 1e-5
    name, weights = next(iter(net.named_parameters()))
    assert f"∂J/∂{name}[" in str(step.explain(name, *[0] * weights.data.ndim, of="gradient"))
    assert "parameters" in str(ct.summary(net, shape))
    session = ct.step(net, X, T, "mse", ct.optim.SGD(0.1), len(T))
    session.next()
    assert np.isfinite(net.predict(X)).all()


# ---- scikit-learn's, written here ------------------------------------------------------------------------------------

X, Y = load_iris(return_X_y=True)
X = X.astype(np.float32)
MODELS = {
    "regressor": MLPRegressor(hidden_layer_sizes=(5,), max_iter=20, random_state=0),
    "tanh": MLPRegressor(hidden_layer_sizes=(5, 4), activation="tanh", max_iter=20, random_state=0),
    "logistic": MLPRegressor(hidden_layer_sizes=(5,), activation="logistic", max_iter=20, random_state=0),
    "classifier": MLPClassifier((5,), max_iter=20, random_state=0),
    "scaled": make_pipeline(StandardScaler(), MLPClassifier((5,), max_iter=20, random_state=0)),
    "normalised": make_pipeline(Normalizer(), MLPClassifier((5,), max_iter=20, random_state=0)),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("name", "zipmap"), each_once(MODELS, (True, False)))
def test_the_network_of_scikit_learn_is_taken_without_its_labels(name, zipmap, tmp_path):
    model, classifies = MODELS[name], name not in ("regressor", "tanh", "logistic")
    model.fit(X, np.array(["setosa", "versicolor", "virginica"])[Y] if classifies else Y)
    file = tmp_path / "m.onnx"
    file.write_bytes(to_onnx(model, X[:1], options={"zipmap": zipmap} if classifies else None).SerializeToString())
    net = ct.load(file)
    wanted = model.predict_proba(X) if classifies else model.predict(X)[:, None]
    np.testing.assert_allclose(net.predict(X), wanted, atol=1e-5)
    assert net.classes == (["setosa", "versicolor", "virginica"] if classifies else None)
    before = net.theta.copy()
    ct.fit(net, X, wanted.astype(np.float32) * 0.5, loss="mse", epochs=1)
    assert (net.theta != before).mean() > 0.8
