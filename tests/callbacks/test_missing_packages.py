"""What is not installed is named, with the command that brings it, before anything is trained or written."""

import sys

import optuna
import pytest

import cutaway as ct
import cutaway.mlflow
from cutaway.errors import ArgumentError

X, y = ct.datasets.make("moons", n=40, seed=0)


@pytest.mark.parametrize(("package", "callback"), [
    ("tensorboard", ct.callbacks.TensorBoard("run")), ("mlflow", ct.callbacks.MLflow()),
    ("optuna", ct.callbacks.Pruning(optuna.trial.FixedTrial({}))),
])
def test_callbacks(package, callback, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, package, None)  # as if it were not there
    monkeypatch.chdir(tmp_path)
    net = ct.nn.MLP(2, [4], 2).init(0)
    before = net.theta.copy()
    says = rf'needs the package {package}, which is not installed: pip install "cutaway\[{package}\]"'
    with pytest.raises(ArgumentError, match=says):
        ct.fit(net, X, y, loss="cross_entropy", callbacks=[callback])
    assert (net.theta == before).all() and not list(tmp_path.iterdir())


def test_models_of_mlflow(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(ArgumentError, match=r'pip install "cutaway\[mlflow\]"'):
        cutaway.mlflow.save_model(ct.nn.MLP(2, [4], 2).init(0), tmp_path / "m")
    assert not list(tmp_path.iterdir())
