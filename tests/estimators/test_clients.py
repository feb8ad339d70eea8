"""Our estimators where others use them as scikit-learn's own: selection, ensembles, calibration, writers."""

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import AdaBoostRegressor, BaggingClassifier, StackingClassifier, VotingRegressor
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import RFE, SequentialFeatureSelector
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import partial_dependence
from sklearn.model_selection import HalvingGridSearchCV, TunedThresholdClassifierCV, learning_curve
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, RegressorChain
from sklearn.semi_supervised import SelfTrainingClassifier

import cutaway as ct
from cutaway.errors import ArgumentError, DataError
from cutaway.sklearn import MLPClassifier, MLPRegressor
from depth import each_once

RNG = np.random.default_rng(0)
N = 120
FRAME = pd.DataFrame(RNG.standard_normal((N, 3)), columns=["p", "q", "r"])
X = FRAME.to_numpy()
Y = 2 * X[:, 0] + 1
WORDS = np.where(X[:, 0] > 0, "a", "b")
HARD = np.where(X[:, 0] + RNG.standard_normal(N) > 0, "a", "b")


def classifier():
    return ct.Classifier([4], epochs=3)


def regressor():
    return ct.Regressor([4], epochs=3)


def weights(model):
    return np.abs(model.model_.parameters()[0].data).sum(axis=0)


CLIENTS = {
    "forward selection": (lambda: SequentialFeatureSelector(classifier(), n_features_to_select=1, cv=2), WORDS),
    "elimination": (lambda: RFE(regressor(), n_features_to_select=1, importance_getter=weights), Y),
    "stack": (lambda: StackingClassifier([("a", classifier()), ("b", classifier())], cv=2), WORDS),
    "vote": (lambda: VotingRegressor([("a", regressor()), ("b", regressor())]), Y),
    "bag": (lambda: BaggingClassifier(classifier(), 2, max_features=0.7), WORDS),
    "boost": (lambda: AdaBoostRegressor(regressor(), n_estimators=2), Y),
    "calibration": (lambda: CalibratedClassifierCV(classifier(), cv=2), WORDS),
    "threshold": (lambda: TunedThresholdClassifierCV(classifier(), cv=2), HARD),
    "several": (lambda: MultiOutputClassifier(classifier()), np.stack([WORDS, HARD], 1)),
    "chain": (lambda: ClassifierChain(classifier()), (X > 0).astype(int)),
    "numbers' chain": (lambda: RegressorChain(regressor()), X * 3),
    "halving": (lambda: HalvingGridSearchCV(ct.Classifier([4]), {"validation": [None]}, cv=2, resource="epochs",
                                            min_resources=2, max_resources=4), WORDS),
    "own labels": (lambda: SelfTrainingClassifier(classifier()), np.where(np.arange(N) % 2, -1, X[:, 0] > 0)),
}


@pytest.mark.parametrize(("name", "table"), each_once(CLIENTS, (FRAME, X)))
@pytest.mark.filterwarnings("ignore:X does not have valid feature names", "ignore:X has feature names")  # theirs
def test_clients_of_scikit_learn(name, table):
    make, y = CLIENTS[name]
    client = make().fit(table, y)
    if hasattr(client, "predict"):
        assert len(client.predict(table)) == N


def test_fitted_ones_too():
    model = classifier().fit(FRAME, HARD)
    assert CalibratedClassifierCV(FrozenEstimator(model)).fit(FRAME, HARD).predict_proba(FRAME).shape == (N, 2)
    assert partial_dependence(model, FRAME, ["p"], grid_resolution=4)["average"].shape == (1, 4)
    _, train, _ = learning_curve(classifier(), FRAME, WORDS, cv=2, train_sizes=[0.5, 1.0],
                                 exploit_incremental_learning=True)
    assert np.isfinite(train).all()


@pytest.mark.parametrize("kind", [ct.Classifier, ct.Regressor, MLPClassifier, MLPRegressor])
def test_a_probe_with_a_row_of_n_features_in(kind):
    y = WORDS if "Classifier" in kind.__name__ else Y
    for table in (FRAME, X):
        brief = {"max_iter": 300, "tol": 1e9, "n_iter_no_change": 1} if "MLP" in kind.__name__ else {"epochs": 2}
        model = kind(**brief).fit(table, y)
        names = {"columns": FRAME.columns} if table is FRAME and "MLP" in kind.__name__ else None
        probe = np.zeros((1, model.n_features_in_))
        assert len(model.predict(pd.DataFrame(probe, **names) if names else probe)) == 1


def test_images_and_sequences_have_no_number_of_features():
    """A client that finds one tries a row of so many numbers, which is no image."""
    images = ct.Classifier(epochs=1).fit(RNG.integers(0, 255, (N, 6, 6), np.uint8), WORDS)
    sequences = ct.Regressor(epochs=1).fit(RNG.standard_normal((N, 5, 2)), Y)
    assert not hasattr(images, "n_features_in_") and not hasattr(sequences, "n_features_in_")


def test_a_width_error_names_the_estimator(tmp_path):
    model = regressor().fit(X, Y)
    ct.save(model, tmp_path / "m")
    for one in (model, ct.load(tmp_path / "m")):
        with pytest.raises(DataError, match="X has 2 features, but Regressor is expecting 3 features as input"):
            one.predict(X[:, :2])


@pytest.mark.parametrize("labels", [np.char.encode(WORDS), np.char.encode(WORDS).astype(object)])
def test_labels_of_bytes_are_said_to_be_bytes(labels):
    with pytest.raises(DataError, match=r"y holds bytes .*decode them"):
        classifier().fit(X, labels)


# ---- converters and writers that may be installed --------------------------------------------------------------------


@pytest.mark.parametrize("y", [WORDS, np.digitize(X[:, 0], [-0.5, 0.5]), (X[:, :2] > 0).astype(int), Y, X[:, :2]])
def test_onnx(y):
    skl2onnx, runtime = pytest.importorskip("skl2onnx"), pytest.importorskip("onnxruntime")
    numbers = np.asarray(y).dtype.kind == "f"
    kind = MLPRegressor if numbers else MLPClassifier
    x = X.astype(np.float32)
    model = kind(hidden_layer_sizes=(5,), solver="lbfgs", max_iter=500, tol=0.1, random_state=0).fit(x, y)
    made = skl2onnx.to_onnx(model, x[:1], options=None if numbers else {id(model): {"zipmap": False}})
    found = runtime.InferenceSession(made.SerializeToString()).run(None, {"X": x})
    if numbers:
        assert np.allclose(found[0].reshape(np.shape(y)), model.predict(x), atol=1e-5)
    else:
        assert np.array_equal(found[0], model.predict(x)) and np.allclose(found[1], model.predict_proba(x), atol=1e-5)


def test_what_onnx_cannot_hold_is_said():
    skl2onnx = pytest.importorskip("skl2onnx")
    model = MLPClassifier((5,), "gelu", max_iter=300, tol=1e9, n_iter_no_change=1).fit(X, WORDS)
    with pytest.raises(ArgumentError, match="activation='gelu'"):
        skl2onnx.to_onnx(model, X[:1])


@pytest.mark.parametrize("make", [classifier, lambda: MLPClassifier((4,), max_iter=300, tol=1e9, n_iter_no_change=1,
                                                                       random_state=0)])
def test_skops(make):
    io = pytest.importorskip("skops.io")
    model = make().fit(FRAME, WORDS)
    written = io.dumps(model)
    back = io.loads(written, trusted=io.get_untrusted_types(data=written))
    assert np.array_equal(back.predict_proba(FRAME), model.predict_proba(FRAME))
    assert np.array_equal(back.partial_fit(FRAME, WORDS).model_.theta, model.partial_fit(FRAME, WORDS).model_.theta)
