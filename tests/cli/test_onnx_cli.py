"""cutaway inspect, trace and step on networks from ONNX files."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from skl2onnx import to_onnx
from sklearn.neural_network import MLPClassifier, MLPRegressor

MADE = Path(__file__).parent.parent / "onnx_files" / "made"
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    """An ONNX file of three classes, and a table and arrays of its rows."""
    folder = tmp_path_factory.mktemp("classes")
    X = RNG.normal(size=(60, 3)).astype(np.float32)
    names = np.array(["low", "middle", "high"])[np.digitize(X[:, 0], [-0.5, 0.5])]
    model = MLPClassifier((4,), max_iter=1, random_state=0)
    with pytest.warns(match="converge"):
        model.fit(X, names)
    (folder / "net.onnx").write_bytes(to_onnx(model, X[:1]).SerializeToString())
    pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "kind": names}).to_csv(folder / "rows.csv", index=False)
    np.savez(folder / "rows.npz", X=X, y=names)
    return folder


def words(text):
    return " ".join(text.split())


def test_inspect_shows_layers_and_what_goes_in(run, classifier):
    status, out, _ = run("inspect", classifier / "net.onnx")
    assert status == 0
    assert "an ONNX network" in out and "written by skl2onnx" in words(out)
    assert "linear" in out and "X real numbers (rows, 3)" in words(out)
    assert "Its classes are high, low, middle" in words(out)


def test_inspect_fills_in_sizes_that_are_open(run):
    status, out, _ = run("inspect", MADE / "torch_old_lstm_both.onnx")
    assert status == 0 and "lstm" in out and "x real numbers (rows, time, 3)" in words(out)


def test_trace_takes_off_the_softmax_that_the_loss_has(run, classifier):
    status, out, err = run("trace", classifier / "net.onnx", classifier / "rows.csv", "--target", "kind", "--row", "3")
    assert status == 0, err
    assert "cross_entropy" in out and "truth" in out
    status, again, _ = run("trace", classifier / "net.onnx", classifier / "rows.npz", "--row", "3")
    assert status == 0 and again.splitlines()[-5:] == out.splitlines()[-5:]


def test_step_goes_through_its_instructions(run, classifier, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("n 3\nq\n"))
    status, out, err = run("step", classifier / "net.onnx", classifier / "rows.npz")
    assert status == 0, err
    assert "60 rows of rows.npz" in words(out)


def test_numbers_are_compared_by_their_squares(run, tmp_path):
    X = RNG.normal(size=(40, 2)).astype(np.float32)
    with pytest.warns(match="converge"):
        model = MLPRegressor(hidden_layer_sizes=(4,), max_iter=1, random_state=0).fit(X, X[:, 0])
    (tmp_path / "net.onnx").write_bytes(to_onnx(model, X[:1]).SerializeToString())
    np.savez(tmp_path / "rows.npz", X=X, y=X[:, 0])
    status, out, err = run("trace", tmp_path / "net.onnx", tmp_path / "rows.npz", "--batch", "4")
    assert status == 0, err
    assert "mse" in out


@pytest.mark.parametrize(("args", "says"), [
    (["trace", "net.onnx", "rows.csv"], "does not say which column it predicts: name it with --target"),
    (["trace", "net.onnx", "rows.csv", "--target", "a"], "kind hold no plain numbers"),
    (["trace", "net.onnx", "none.npz"], "has no array y"),
    (["trace", "net.onnx", "other.npz"], "the label 'huge' is none of the network's classes"),
    (["trace", "net.onnx", "rows.npz", "--row", "60"], "has rows 0 to 59"),
    (["predict", "net.onnx", "rows.csv"], "is an ONNX network: `cutaway inspect`, `cutaway trace` and"),
    (["step", "net.onnx", "rows.npz", "--fresh"], "was drawn before training is not in its ONNX file"),
])
def test_what_cannot_be_done_is_said(run, classifier, monkeypatch, args, says):
    monkeypatch.chdir(classifier)
    np.savez("none.npz", X=np.zeros((4, 3)))
    np.savez("other.npz", X=np.zeros((4, 3)), y=["low", "huge", "low", "low"])
    status, _, err = run(*args)
    assert status == 2 and says in words(err)
