"""The networks of cutaway.sklearn as ONNX files: ONNX Runtime answers as their predict does, gaps included."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

import cutaway as ct
from cutaway.sklearn import MLPClassifier, MLPRegressor

onnxruntime = pytest.importorskip("onnxruntime")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 4))
SCORE = X @ RNG.normal(size=(4, 3))
HOLED = np.where(RNG.random(X.shape) < 0.1, np.nan, X)
CASES = {
    "two classes of text": (MLPClassifier, {}, X, np.where(SCORE[:, 0] > 0, "yes", "no")),
    "three numbers": (MLPClassifier, {"activation": "logistic"}, X, SCORE.argmax(1) * 10),
    "labels": (MLPClassifier, {"activation": "gelu"}, X, (SCORE > 0).astype(int)),
    "one class": (MLPClassifier, {}, X, np.full(80, "all")),
    "a number": (MLPRegressor, {"activation": "tanh"}, X, SCORE[:, 0]),
    "several outputs with gaps": (MLPRegressor, {"activation": "identity"}, HOLED, SCORE),
    "counts of single precision": (MLPRegressor, {"loss": "poisson"}, X.astype("f4"), np.round(np.exp(SCORE[:, 0]))),
    "gaps in classes": (MLPClassifier, {}, HOLED, SCORE.argmax(1)),
}


def fitted(what):
    kind, arguments, rows, y = CASES[what]
    with pytest.warns(ConvergenceWarning):
        return kind(hidden_layer_sizes=(6,), max_iter=3, random_state=0, **arguments).fit(rows, y)


@pytest.mark.parametrize("what", CASES)
def test_the_file_answers_as_predict(what, tmp_path):
    model = fitted(what)
    file = ct.export(model, tmp_path / "m.onnx")
    rows = np.concatenate([X, HOLED, 100 * X, X * 0])
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx")
    names = [port.name for port in session.get_outputs()]
    found = dict(zip(names, session.run(None, file.feed(rows)), strict=True))
    if "label" in found:
        np.testing.assert_array_equal(found["label"], model.predict(rows))
        np.testing.assert_allclose(found["probabilities"], model.predict_proba(rows), rtol=1e-5, atol=1e-6)
    else:
        near = 1e-4 if "single" in what else 1e-5  # e to the 80 makes a rounding of its exponent 80 times as large
        np.testing.assert_allclose(found["prediction"], model.predict(rows), rtol=near, atol=1e-6)
    assert session.run(None, {"X": np.zeros((0, 4))})[0].shape[0] == 0


def test_what_is_no_drop_in_is_named_with_what_goes(tmp_path):
    with pytest.raises(ct.errors.ArgumentError, match="coverage are not for a MLPRegressor"):
        ct.export(fitted("a number"), tmp_path / "m.onnx", coverage=0.5)
    with pytest.raises(ct.errors.ArgumentError, match="got object"):
        ct.export(object(), tmp_path / "m.onnx")


def test_whatever_takes_one_network_says_which_network_of_a_series_goes():
    series, X, y = ct.forecast.Forecaster(), np.zeros((8, 2)), np.zeros(8)
    series.model_ = ct.nn.MLP(2, [3], 1)
    uses = [lambda name=f"m{ending}": ct.export(series, name) for ending in (".onnx", ".o", ".so", ".wasm")]
    uses += [lambda use=use: use(series, X, y) for use in (ct.to_page, ct.trace, ct.step, ct.diagnose)]
    for use in uses:
        with pytest.raises(ct.errors.ArgumentError, match=r"a Forecaster is several models.* --forecast TARGET"):
            use()
