"""Sparse tables stay sparse until their rows are needed: to the same bits, and without the dense table."""

import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse as sp

import cutaway as ct
from cutaway import staged
from cutaway.errors import DataError
from cutaway.estimators.found_linear import place_of
from cutaway.estimators.sparse import row_encoder
from cutaway.estimators.wide import WideLinear
from cutaway.sklearn import MLPClassifier, MLPRegressor
from cutaway.train import feeding

RNG = np.random.default_rng(0)
N, K = 300, 40
X = sp.random(N, K, density=0.1, format="csr", random_state=0, data_rvs=lambda n: RNG.uniform(0.5, 3, n))
Y = np.asarray(X[:, :9].sum(axis=1)).ravel()
LABELS = np.where(np.median(Y) < Y, "a", "b")
BRIEF = {"max_iter": 300, "tol": 1e9, "n_iter_no_change": 2, "random_state": 0}
NET = {"network": [8], "epochs": 3}

MODELS = {
    "classifier": (lambda: ct.Classifier(**NET), LABELS), "regressor": (lambda: ct.Regressor(**NET), Y),
    "own validation": (lambda: ct.Classifier(**NET, validation=(X[:50], LABELS[:50])), LABELS),
    "class of weight zero": (lambda: ct.Classifier(**NET, class_weight={"a": 0}), LABELS),
    "drop-in": (lambda: MLPClassifier((8,), **BRIEF), LABELS),
    "drop-in regressor": (lambda: MLPRegressor(hidden_layer_sizes=(8,), solver="sgd", **BRIEF), Y),
    "drop-in, early stopping": (lambda: MLPClassifier((8,), early_stopping=True, **BRIEF), LABELS),
    "drop-in, own validation": (
        lambda: MLPRegressor(hidden_layer_sizes=(8,), validation_data=(X[:50], Y[:50]), **BRIEF), Y),
    "drop-in, lbfgs": (lambda: MLPClassifier((8,), solver="lbfgs", max_iter=300, tol=1, random_state=0), LABELS),
}


@pytest.fixture
def small_stages(monkeypatch):
    """So small that this table is made in many of them."""
    monkeypatch.setattr(staged, "STAGE", 4000)
    monkeypatch.setattr(feeding, "STAGE", 4000)


def trained(make, y, table=X):
    model = make().fit(table, y)
    first = model.predict(table)
    if hasattr(model, "partial_fit") and getattr(model, "early_stopping", False) is not True:
        model.partial_fit(table, y)
    return model.model_.theta.copy(), first, model


@pytest.mark.parametrize("name", MODELS)
def test_in_stages_to_the_same_bits(name, small_stages, monkeypatch):
    make, y = MODELS[name]
    theta, first, model = trained(make, y)
    assert isinstance(model.encode(X), staged.Staged)
    monkeypatch.setattr(staged, "STAGE", 2**30)
    whole, then, _ = trained(make, y)
    assert np.array_equal(theta, whole) and np.array_equal(first, then)


@pytest.mark.parametrize("name", ["classifier", "drop-in"])
@pytest.mark.parametrize("form", ["csr_array", "csc_matrix", "coo_matrix", "doubled"])
def test_every_sparse_form(name, form, small_stages):
    make, y = MODELS[name]
    table = getattr(sp, form)(X) if form != "doubled" else sp.csr_matrix(
        (np.repeat(X.data / 2, 2), np.repeat(X.indices, 2), X.indptr * 2), shape=X.shape)
    assert np.array_equal(trained(make, y, table)[0], trained(make, y)[0])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_are_encoded_as_the_encoder_does(dtype):
    from cutaway.estimators.inputs import table_encoder

    table = X.copy()
    table.data[5] = 1e200
    table = sp.hstack([table, sp.csr_matrix((N, 2))]).tocsr()  # two columns that say nothing
    encoder = table_encoder(N).fit(table)
    new = table.copy()
    new.data[7] = np.nan
    assert np.array_equal(row_encoder(encoder, new, dtype)(new), encoder.transform(new, dtype))
    new.data[7] = np.inf
    with pytest.raises(DataError, match="infinity"):
        row_encoder(encoder, new, dtype)(new)


@pytest.mark.parametrize("name", ["classifier", "drop-in"])
def test_gaps_in_a_sparse_table(name, small_stages, monkeypatch):
    make, y = MODELS[name]
    table = X.copy()
    table.data[::10] = np.nan
    theta = trained(make, y, table)[0]
    monkeypatch.setattr(staged, "STAGE", 2**30)
    assert np.array_equal(theta, trained(make, y, table)[0])


def test_fit_takes_sparse_rows(small_stages):
    nets = [ct.nn.MLP(K, [8], 1).init(0) for _ in range(3)]
    ct.fit(nets[0], X, Y, epochs=3, validation=0.2)
    ct.fit(nets[1], X.toarray(), Y, epochs=3, validation=0.2)
    ct.fit_many([{"model": nets[2], "X": X, "y": Y, "epochs": 3, "validation": 0.2}])
    assert np.array_equal(nets[0].theta, nets[1].theta) and np.array_equal(nets[0].theta, nets[2].theta)


def test_steps_on_sparse_rows_can_be_traced(small_stages):
    model = ct.Classifier(**NET).fit(X, LABELS)
    assert model.run_.steps["loss"][2] == model.run_.trace(step=3).J
    assert np.isfinite(ct.trace(model, X[:20], LABELS[:20]).J)


MEASURED = """
import tracemalloc
import numpy as np, scipy.sparse as sp
import cutaway as ct
from cutaway import staged
from cutaway.sklearn import MLPClassifier
from cutaway.train import feeding
staged.STAGE = feeding.STAGE = 2**22
places = np.random.default_rng(0).integers(0, 20000, 12000)
X = sp.csr_matrix((np.ones(12000), places, np.arange(0, 12001, 20)), shape=(600, 20000))
y = np.arange(600) % 2
for model in (ct.Classifier([4], epochs=1), MLPClassifier((4,), max_iter=1, batch_size=20)):
    model.fit(X[:40, :30], y[:40])  # so that all modules are there
    tracemalloc.start()
    model.fit(X, y).predict(X)
    print(tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()
"""


def test_the_dense_table_is_never_made():
    done = subprocess.run([sys.executable, "-c", MEASURED], capture_output=True, text=True, check=True)
    classifier, drop_in = map(int, done.stdout.split())
    assert max(classifier, drop_in) < 600 * 20000 * 8


WIDE = sp.random(520, 1100, density=0.02, format="csr", random_state=0)
SUM = np.asarray(WIDE[:, :50].sum(axis=1)).ravel()


@pytest.mark.parametrize("y", [SUM, np.stack([SUM, -SUM], 1), np.where(np.median(SUM) < SUM, "a", "b"),
                               np.digitize(SUM, np.quantile(SUM, [0.3, 0.6]))],
                         ids=["number", "two numbers", "two classes", "three classes"])
def test_a_linear_model_stands_beside_the_network_of_a_wide_table(y):
    kind = ct.Regressor if np.asarray(y).dtype.kind == "f" else ct.Classifier
    weight = np.linspace(0, 2, 520)
    model = kind(epochs=1, threads=1, network={"linear": True}).fit(WIDE, y, sample_weight=weight)
    place = place_of(model.model_)
    rows = model.run_.past.rows
    Z, T = np.asarray(model.encode(WIDE[1:]), np.float64)[rows], model.target_encoder_.transform(y)[1:][rows]
    task = model.design_.task if kind is ct.Classifier else "regression"
    T = T if kind is ct.Regressor else T.astype(int)
    alone = WideLinear(task, model.design_.n_out).fit(Z, T, weight[1:][rows])
    np.testing.assert_allclose(Z @ place.weight.data.T + place.bias.data,
                               Z @ alone.coef + (alone.intercept - alone.mean @ alone.coef), atol=1e-3)


def test_it_does_so_unasked_where_columns_are_more_than_rows():
    assert ct.design(WIDE, SUM).linear and not ct.design(np.zeros((520, 3)) + SUM[:, None] ** [1, 2, 3], SUM).linear
