"""Layers that differ in training, and predict, which runs the compiled evaluation of a model."""

import warnings

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import CutawayError, ShapeError
from cutaway.nn import MLP, BatchNorm1d, Dropout, Embedding, Flatten, LayerNorm, Linear, Module, ReLU, Sequential

# ---- dropout -------------------------------------------------------------------------------------------------------


def masks(seed=0, step=1, rows=200, p=0.3, calls=1):
    layer, found = Dropout(p), []

    class Net(Module):
        def forward(self, x):
            found.extend(layer(x).numpy() for _ in range(calls))
            return x

    with (net := Net()).training(seed=seed, step=step):
        net(np.ones((rows, 50)))
    return found


def test_dropout_keeps_the_mean():
    (a,) = masks()
    assert set(np.unique(a)) == {0, np.float32(1 / 0.7)}
    assert (a == 0).mean() == pytest.approx(0.3, abs=5 * np.sqrt(0.3 * 0.7 / a.size))
    rows, columns = (a == 0).mean(1), (a == 0).mean(0)
    assert rows.std() == pytest.approx(np.sqrt(0.21 / 50), rel=0.2)
    assert columns.std() == pytest.approx(np.sqrt(0.21 / 200), rel=0.4)


def test_dropout_does_nothing_in_evaluation():
    np.testing.assert_array_equal(Dropout(0.5)(np.ones((2, 3))).numpy(), np.ones((2, 3)))
    with Dropout(0.0).training() as mode:
        assert Dropout(0.0)(np.ones((1, 2))).numpy().tolist() == [[1, 1]] and mode.calls == 0


def test_masks_depend_on_seed_step_call_and_position_alone():
    (a,) = masks()
    np.testing.assert_array_equal(masks()[0], a)
    np.testing.assert_array_equal(masks(rows=120)[0], a[:120])
    two = masks(calls=2)
    np.testing.assert_array_equal(two[0], a)
    for other in (two[1], masks(seed=1)[0], masks(step=2)[0]):
        agree = ((other == 0) == (a == 0)).mean()
        assert agree == pytest.approx(0.3**2 + 0.7**2, abs=0.03), "independent masks agree as often as chance has it"


# ---- normalisation -------------------------------------------------------------------------------------------------


def test_batch_norm_keeps_running_averages_with_the_unbiased_variance():
    layer, X = BatchNorm1d(2).astype("float64"), np.array([[1.0, 0.0], [3.0, 4.0], [5.0, 8.0]])
    with layer.training():
        y = layer(X).numpy()
    np.testing.assert_allclose(y, (X - X.mean(0)) / np.sqrt(X.var(0) + 1e-5), rtol=1e-12)
    np.testing.assert_allclose(layer.running_mean.data, 0.1 * X.mean(0))
    np.testing.assert_allclose(layer.running_var.data, 0.9 + 0.1 * X.var(0, ddof=1))
    np.testing.assert_allclose(
        layer(X).numpy(), (X - layer.running_mean.data) / np.sqrt(layer.running_var.data + 1e-5), rtol=1e-12
    )


def test_batch_norm_over_sequences_takes_every_position_for_a_row():
    layer, X = BatchNorm1d(2).astype("float64"), np.random.default_rng(0).normal(size=(3, 4, 2))
    with layer.training():
        y = layer(X).numpy()
    np.testing.assert_allclose(y.mean((0, 1)), 0, atol=1e-12)
    np.testing.assert_allclose(layer.running_var.data, 0.9 + 0.1 * X.var((0, 1), ddof=1))


def test_batch_norm_cannot_train_on_one_row():
    layer = BatchNorm1d(2)
    with layer.training(), pytest.raises(ShapeError, match=r"batch of one row.*drop_last"):
        layer([[1.0, 2.0]])
    assert layer([[1.0, 2.0]]).shape == (1, 2)


@pytest.mark.parametrize("engine", ["cpu", "reference"])
def test_a_program_cannot_train_batch_norm_on_one_row_either(engine):
    model = MLP(2, [3], 1, norm="batch").init(0)
    program = ct.compile(model, "mse", batch_size=4, engine=engine)
    program.feed(np.ones((5, 2)), np.ones(5))
    with pytest.raises(CutawayError, match="one row"):
        program.run()


def test_layer_norm_normalises_each_row():
    layer = LayerNorm(3).astype("float64")
    y = layer([[1.0, 2.0, 6.0]]).numpy()
    np.testing.assert_allclose(y, (np.array([[1, 2, 6]]) - 3) / np.sqrt(14 / 3 + 1e-5))


# ---- predict -------------------------------------------------------------------------------------------------------


class Two(Module):
    def __init__(self):
        self.table, self.out = Embedding(4, 2), Linear(5, 2)

    def forward(self, x, i):
        return self.out(ct.ops.concat([x, self.table(i)]))


class Tokens(Module):
    """More rows inside than samples outside."""

    def __init__(self):
        self.layer, self.out = Linear(2, 3), Linear(9, 2)

    def forward(self, x):
        h = ct.ops.relu(self.layer(x.reshape(x.shape[0] * 3, 2)))
        return self.out(h.reshape(x.shape[0], 9))


RNG = np.random.default_rng(0)
NETWORKS = {
    "mlp": (lambda: MLP(4, [8], 3, dropout=0.5), RNG.normal(size=(23, 4))),
    "batch norm": (lambda: MLP(4, [8], 3, norm="batch"), RNG.normal(size=(23, 4))),
    "sequences": (lambda: Sequential(Linear(2, 3), ReLU(), Linear(3, 2)), RNG.normal(size=(23, 5, 2))),
    "images": (lambda: Sequential(Flatten(), Linear(6, 2)), RNG.normal(size=(23, 3, 2))),
    "words": (lambda: Sequential(Embedding(5, 3), Flatten(), Linear(12, 2)), RNG.integers(0, 5, (23, 4))),
    "tuple": (Two, (RNG.normal(size=(23, 3)), RNG.integers(0, 4, 23))),
    "dict": (Two, {"i": RNG.integers(0, 4, 23), "x": RNG.normal(size=(23, 3))}),
    "tokens": (Tokens, RNG.normal(size=(23, 6))),
    "whole numbers": (lambda: MLP(2, [3], 1), RNG.integers(0, 9, (23, 2))),
}


def eager(model, X):
    return (model(*X) if isinstance(X, tuple) else model(**X) if isinstance(X, dict) else model(X)).numpy()


@pytest.mark.parametrize("engine", ["cpu", "reference"])
@pytest.mark.parametrize("kind", NETWORKS)
def test_predict_equals_eager_evaluation(kind, engine):
    make, X = NETWORKS[kind]
    model = make().init(1)
    for _, buffer in model.named_buffers():
        buffer.data[...] = 0.5
    for batch_size in (23, 7, 1000, 1):
        out = model.predict(X, batch_size=batch_size, engine=engine)
        np.testing.assert_allclose(out, eager(model, X), rtol=1e-5, atol=1e-6)
        assert out.dtype == np.float32


@pytest.mark.parametrize("engine", ["cpu", "reference"])
@pytest.mark.parametrize("kind", NETWORKS)
def test_predict_on_no_rows_gives_no_rows(kind, engine):
    make, X = NETWORKS[kind]
    if kind == "tuple":
        nothing = tuple(x[:0] for x in X)
    else:
        nothing = {k: x[:0] for k, x in X.items()} if kind == "dict" else X[:0]
    model = make()
    out = model.predict(nothing, engine=engine)
    assert out.shape == (0, *eager(model, X).shape[1:]) and out.dtype == np.float32


def test_predict_sees_new_weights():
    model, X = MLP(4, [8], 3).init(0), np.ones((2, 4))
    before = model.predict(X)
    model.theta[:] *= 2
    assert not np.array_equal(model.predict(X), before)
    np.testing.assert_allclose(model.astype("float64").predict(X), eager(model, X), rtol=1e-12)
    model.load_state_dict(MLP(4, [8], 3).init(5).state_dict())
    np.testing.assert_allclose(model.predict(X), eager(model, X), rtol=1e-12)


def test_predict_refuses_what_the_model_was_not_made_for():
    with pytest.raises(ShapeError, match="takes inputs of 4 features"):
        MLP(4, [8], 3).predict(np.ones((2, 5)))


@pytest.mark.parametrize("engine", ["cpu", "reference"])
def test_predict_refuses_numbers_that_no_table_has(engine):
    """Only the last row is wrong, so that recording on the first ones does not see it."""
    model = Sequential(Embedding(3, 2), Linear(2, 1))
    for wrong in (3, -1, 10**6):
        with pytest.raises(CutawayError, match=rf"whole numbers from 0 to 2, got .*{wrong}"):
            model.predict(np.array([0, 1, 2, 0, wrong]), engine=engine)


def test_an_output_without_rows_is_refused():
    class Mean(Module):
        def __init__(self):
            self.layer = Linear(2, 1)

        def forward(self, x):
            return self.layer(x).mean()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        with pytest.raises(CutawayError, match="row"):
            Mean().predict(np.ones((50, 2)))
