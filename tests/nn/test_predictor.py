"""ct.predictor(model): what model.predict gives for a row, for the network as it is at the moment of the call."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError, ShapeError

rng = np.random.default_rng(0)
X = rng.standard_normal((20, 6)).astype(np.float32)


def network(**how):
    return ct.nn.MLP(6, [16, 8], 3, **how).init(0)


def same(f, model, rows=X):
    wanted = model.predict(rows)
    for x, row in zip(rows, wanted, strict=True):
        np.testing.assert_array_equal(f(x), row)


@pytest.mark.parametrize("how", [{}, {"norm": "batch"}, {"dropout": 0.5}, {"norm": "layer"}, {"activation": "gelu"}])
def test_a_row_is_what_predict_gives_for_it(how):
    model = network(**how)
    ct.fit(model, X, rng.integers(0, 3, 20), loss="cross_entropy", epochs=2, batch_size=10)
    same(ct.predictor(model), model)


@pytest.mark.parametrize("engine", ["reference", "cpu"])
def test_every_engine_has_it(engine):
    model = network()
    f = ct.predictor(model, engine=engine)
    np.testing.assert_array_equal(f(X[0]), model.predict(X[:1], engine=engine)[0])


def test_a_batch_of_one_gives_a_batch_of_one():
    model = network()
    f = ct.predictor(model)
    assert f(X[:1]).shape == (1, 3) and f(X[0]).shape == (3,)
    np.testing.assert_array_equal(f(X[:1]), model.predict(X[:1]))


@pytest.mark.parametrize("x", [X[0].astype(np.float64), X[0].tolist(), X[0].astype(">f4"), np.arange(6), X.T[:, 0],
                               np.ones(6, bool), ct.Tensor(X[0])], ids=lambda x: type(x).__name__)
def test_numbers_may_come_in_any_form(x):
    model = network()
    rows = x.data[None] if isinstance(x, ct.Tensor) else np.asarray(x)[None]
    np.testing.assert_array_equal(ct.predictor(model)(x), model.predict(rows)[0])


def test_an_answer_is_the_callers_own():
    f = ct.predictor(network())
    first = f(X[0])
    kept = first.copy()
    f(X[1])
    np.testing.assert_array_equal(first, kept)
    first[:] = 0
    np.testing.assert_array_equal(f(X[0]), kept)


def written(model):
    model.layer1.weight.data[...] *= 2


def replaced(model):
    model.layer2.weight.data = model.layer2.weight.data * 3


def replaced_out_of_order(model):
    model.layer2.weight.data = np.asfortranarray(model.layer2.weight.data * 3)


def set_as_a_parameter(model):
    model.layer1.bias = ct.nn.Parameter(np.ones(16, np.float32))


def theta(model):
    model.theta = model.theta + 1


def loaded(model):
    model.load_state_dict(network(norm="batch").init(5).state_dict())


def drawn(model):
    model.init(7)


def in_double(model):
    model.astype("float64")


def trained(model):
    ct.fit(model, X, rng.integers(0, 3, 20), loss="cross_entropy", epochs=1)


def another_layer(model):
    model.layer1.bias.data = np.full(16, 0.5, np.float32)
    model.extra = ct.nn.Linear(2, 2)


CHANGES = [written, replaced, replaced_out_of_order, set_as_a_parameter, theta, loaded, drawn, in_double, trained,
           another_layer]


@pytest.mark.parametrize("change", CHANGES)
def test_it_sees_whatever_changes_the_weights(change):
    model = network(norm="batch")
    f = ct.predictor(model)
    before = f(X[0])
    change(model)
    same(f, model)
    assert not np.array_equal(f(X[0]), before) or change is theta


def test_it_sees_a_buffer_that_is_replaced():
    model = network(norm="batch")
    f = ct.predictor(model)
    _, buffer = next(iter(model.named_buffers()))
    buffer.data = buffer.data + 0.25
    same(f, model)


def test_it_sees_a_setting_of_a_layer():
    class Scaled(ct.nn.Module):
        def __init__(self):
            self.inner, self.by = ct.nn.Linear(6, 2), 2.0

        def forward(self, x):
            return self.inner(x) * self.by

    model = Scaled().init(0)
    f = ct.predictor(model)
    one = f(X[0])
    model.by = 4.0
    np.testing.assert_array_equal(f(X[0]), 2 * one)


def test_weights_that_are_replaced_under_a_call_stay_readable():
    """The memory that machine code may be reading is kept until its own call is over."""
    model = network()
    f = ct.predictor(model)
    start = model.layer1.weight.data.copy()
    wanted = f(X[0])

    def replace():
        for _ in range(300):
            model.layer1.weight.data = start.copy()

    with ThreadPoolExecutor(3) as pool:
        busy = pool.submit(replace)
        answers = [f(X[0]) for _ in range(300)]
        busy.result()
    assert all(np.array_equal(answer, wanted) for answer in answers)


def test_threads_do_not_disturb_each_other():
    model = network()
    f, wanted = ct.predictor(model), model.predict(X)

    def ask(k):
        return all(np.array_equal(f(X[i % 20]), wanted[i % 20]) for i in range(k, k + 500))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(ask, range(8)))


def test_a_sequence_may_have_any_length():
    model = ct.nn.Sequential(ct.nn.LastState(ct.nn.GRU(2, 5)), ct.nn.Linear(5, 1)).init(0)
    f = ct.predictor(model)
    for steps in (3, 7, 3, 1):
        x = rng.standard_normal((steps, 2)).astype(np.float32)
        np.testing.assert_array_equal(f(x), model.predict(x[None])[0])


def test_an_image_is_a_sample():
    model = ct.nn.CNN((8, 8, 1), 3, [4]).init(0)
    image = rng.standard_normal((8, 8, 1)).astype(np.float32)
    f = ct.predictor(model, image)
    np.testing.assert_array_equal(f(image), model.predict(image[None])[0])
    np.testing.assert_array_equal(f(image[None]), model.predict(image[None]))


def test_numbers_that_look_rows_up_are_checked_each_time():
    model = ct.nn.Sequential(ct.nn.Embedding(10, 4), ct.nn.Flatten(), ct.nn.Linear(12, 2)).init(0)
    f = ct.predictor(model, np.array([1, 2, 3]))
    np.testing.assert_array_equal(f(np.array([9, 0, 4])), model.predict(np.array([[9, 0, 4]]))[0])
    with pytest.raises(ArgumentError, match="from 0 to 9, got 0 to 10"):
        f(np.array([10, 0, 4]))
    np.testing.assert_array_equal(f([9, 0, 4]), model.predict(np.array([[9, 0, 4]]))[0])


class Towers(ct.nn.Module):
    def __init__(self):
        self.one, self.two = ct.nn.Linear(6, 2), ct.nn.Linear(3, 2)

    def forward(self, a, b):
        return self.one(a) * self.two(b)


def test_several_inputs_come_as_a_tuple_or_by_name():
    model = Towers().init(0)
    f, b = ct.predictor(model), rng.standard_normal((20, 3)).astype(np.float32)
    wanted = model.predict((X, b))[0]
    np.testing.assert_array_equal(f((X[0], b[0])), wanted)
    np.testing.assert_array_equal(f({"a": X[0], "b": b[0]}), wanted)


@pytest.mark.parametrize(("x", "error", "says"), [
    (X[0, :5], ShapeError, r"\(2, 5\)"),
    (X[:2], ShapeError, "one sample, here of shape \\(6,\\), got an array of shape \\(2, 6\\).*model.predict"),
    (["a"] * 6, ArgumentError, "encode text"),
    (X[0].astype(complex), ArgumentError, "takes numbers"),
])
def test_what_is_no_sample_is_refused_in_words(x, error, says):
    f = ct.predictor(ct.nn.Sequential(ct.nn.Flatten(), ct.nn.Linear(6, 2)).init(0), X[0])
    with pytest.raises(error, match=says):
        f(x)
    assert f(X[0]).shape == (2,)


def test_it_is_not_copied_or_pickled():
    f = ct.predictor(network())
    for way in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(ArgumentError, match=r"call ct\.predictor"):
            way(f)
    assert repr(f) == "Predictor(MLP for samples of shape (6,))"


def test_a_model_that_has_one_is_copied_and_freed_as_any_other():
    import gc
    import weakref

    model = network()
    f = ct.predictor(model)
    assert copy.deepcopy(model).predict(X).shape == (20, 3)
    gone = weakref.ref(model)
    del f, model
    gc.collect()
    assert gone() is None


def test_probabilities_are_for_classifiers():
    with pytest.raises(ArgumentError, match="a network gives raw outputs"):
        ct.predictor(network())(X[0], proba=True)
