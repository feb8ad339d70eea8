"""Modules: names, the flat block, state, copies, and eager evaluation."""

import copy
import pickle

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError, ShapeError
from cutaway.nn import MLP, BatchNorm1d, Dropout, Embedding, LayerNorm, Linear, Module, ReLU, Sequential


class Shared(Module):
    def __init__(self):
        self.first, self.table = Linear(3, 3), {"a": Linear(3, 2), "b": Linear(3, 2)}
        self.again = self.first
        self.list = [LayerNorm(3)]

    def forward(self, x):
        h = self.again(ct.ops.relu(self.first(x)))
        return self.table["a"](self.list[0](h))


def names(model):
    return [name for name, _ in model.named_parameters()]


# ---- names ---------------------------------------------------------------------------------------------------------


def test_sequential_numbers_the_layers_that_have_parameters():
    model = Sequential(Linear(2, 3), ReLU(), BatchNorm1d(3), Dropout(), Linear(3, 1, bias=False))
    assert names(model) == ["layer1.weight", "layer1.bias", "layer2.weight", "layer2.bias", "layer3.weight"]
    assert [name for name, _ in model.named_buffers()] == ["layer2.running_mean", "layer2.running_var"]


def test_each_layer_is_asked_a_few_times_however_deep_layers_lie_in_layers():
    """Asked twice by each level it would be asked 4,096 times here, and for minutes 30 levels deep."""
    asked = []

    class Asked(Linear):
        def owns_parameters(self):
            asked.append(True)
            return super().owns_parameters()

    net = Asked(2, 2)
    for _ in range(12):
        net = Sequential(net)
    assert [name for name, _ in net.named_parameters()] == [".".join(["layer1"] * 12 + [k]) for k in ("weight", "bias")]
    assert len(asked) <= 13


def test_a_network_with_weights_of_its_own_owns_parameters():
    class Scaled(Sequential):
        def __init__(self):
            super().__init__(ReLU())
            self.scale = ct.nn.Parameter((2,), ct.nn.init.zeros)

    assert Scaled().owns_parameters() and not Sequential(ReLU()).owns_parameters()
    assert Sequential(Sequential(ReLU()), Linear(2, 2)).owns_parameters()


def test_nested_and_custom_names():
    nested = Sequential(Sequential(Linear(2, 2), ReLU()), Linear(2, 1))
    assert names(nested)[::2] == ["layer1.layer1.weight", "layer2.weight"]
    assert names(Shared()) == [
        "first.weight", "first.bias", "table.a.weight", "table.a.bias", "table.b.weight", "table.b.bias",
        "list.0.weight", "list.0.bias",
    ]


def test_a_layer_used_twice_is_stored_once():
    layer = Linear(3, 3)
    model = Sequential(layer, ReLU(), layer)
    assert names(model) == ["layer1.weight", "layer1.bias"] and model.theta.size == 12


def values_of(model, X):
    program = ct.compile(model, "mse", input=X, target=np.zeros((2, model(X).shape[1])), engine="reference")
    return [v.name for v in program.values()]


def test_values_are_named_after_their_layers_and_a_second_call_says_so():
    layer = Linear(2, 2)
    found = values_of(Sequential(layer, ReLU(), layer), np.zeros((2, 2)))
    assert {"layer1.z", "layer1.a", "layer1@2.z", "layer1.dz", "layer1@2.dz", "layer1.dweight"} <= set(found)


# ---- the flat block ------------------------------------------------------------------------------------------------


def test_weights_are_views_of_theta():
    model = Shared()
    model.theta[:] = np.arange(model.theta.size)
    assert model.first.weight.data.tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    model.first.bias.data[...] = -1
    assert model.theta[9:12].tolist() == [-1, -1, -1]
    assert model.theta.ctypes.data % 64 == 0
    model.theta = np.zeros(model.theta.size)
    assert not model.first.weight.data.any()


def test_theta_of_a_part_and_of_the_whole_agree():
    model = Sequential(Linear(2, 2), Linear(2, 2))
    whole = model.theta
    whole[:] = np.arange(12)
    model.layers[1].theta[0] = 50
    assert model.theta[6] == 50 and model.layers[1].weight.data[0, 0] == 50
    model.theta[6] = 60
    assert model.layers[1].theta[0] == 60


def test_grad_is_flat_and_zero_where_there_is_none():
    model = Sequential(Linear(1, 1), Linear(1, 1)).astype("float64")
    model.layers[0]([[3.0]]).sum().backward()
    np.testing.assert_array_equal(model.grad, [3, 1, 0, 0])
    model.zero_grad()
    np.testing.assert_array_equal(model.grad, [0, 0, 0, 0])


# ---- state ---------------------------------------------------------------------------------------------------------


@pytest.mark.smoke
def test_state_makes_a_round_trip():
    one, two = (MLP(3, [4], 2, norm="batch").init(seed) for seed in (0, 1))
    one.layers[1].running_mean.data[...] = 7
    state = one.state_dict()
    two.load_state_dict(state)
    X = np.ones((2, 3))
    np.testing.assert_array_equal(one(X).numpy(), two(X).numpy())
    state["layer1.weight"][...] = 0
    assert one.layers[0].weight.data.any(), "the state must be a copy"


def test_a_state_that_does_not_fit_changes_nothing():
    model = Linear(2, 3)
    before = model.theta.copy()
    with pytest.raises(ArgumentError, match=r"it lacks bias; it has extra"):
        model.load_state_dict({"weight": np.zeros((3, 2)), "extra": np.zeros(1)})
    with pytest.raises(ShapeError, match=r"bias has shape \(3,\) here, but \(4,\) in the state"):
        model.load_state_dict({"weight": np.zeros((3, 2)), "bias": np.zeros(4)})
    np.testing.assert_array_equal(model.theta, before)


COPIES = {
    "mlp": lambda: MLP(3, [4], 2, activation="gelu_tanh", dropout=0.1, norm="batch"), "shared": Shared,
    "embedding": lambda: Sequential(Embedding(3, 4), Linear(4, 2)),
}


@pytest.mark.parametrize("how", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["deepcopy", "pickle"])
@pytest.mark.parametrize("kind", COPIES)
def test_copies_are_equal_and_independent(kind, how):
    model = COPIES[kind]().init(3)
    X = np.array([0, 2, 1]) if kind == "embedding" else np.ones((2, 3))
    assert model.theta.size
    model.predict(X, engine="reference")
    twin = how(model)
    np.testing.assert_array_equal(twin.theta, model.theta)
    np.testing.assert_array_equal(twin(X).numpy(), model(X).numpy())
    twin.theta[:] = 0
    assert model.theta.any() and names(twin) == names(model)
    np.testing.assert_array_equal(twin.init(3).theta, model.theta)


def test_a_copy_of_a_shared_layer_is_still_shared():
    twin = copy.deepcopy(Shared())
    assert twin.first is twin.again


def test_a_model_with_gradients_can_be_copied():
    model = Linear(2, 1)
    model([[1.0, 2.0]]).sum().backward()
    np.testing.assert_array_equal(copy.deepcopy(model).grad, model.grad)


def test_astype_changes_parameters_and_buffers():
    model = MLP(2, [3], 1, norm="batch")
    before = model.theta.copy()
    assert model.astype("float64") is model
    assert {t.dtype for _, t in [*model.named_parameters(), *model.named_buffers()]} == {np.dtype("float64")}
    assert model.theta.dtype == model.dtype == model([[1.0, 2.0]]).dtype == np.float64
    np.testing.assert_array_equal(model.theta, before)
    with pytest.raises(ArgumentError, match='"float32" or "float64", got int32'):
        model.astype("int32")


# ---- chance --------------------------------------------------------------------------------------------------------


def test_init_depends_on_seed_and_name_alone():
    one, two = MLP(3, [4], 2), MLP(3, [4], 2)
    np.testing.assert_array_equal(one.init(5).theta, two.init(5).theta)
    assert not np.array_equal(one.init(5).theta, two.init(6).theta)
    longer = MLP(3, [4, 4], 2).init(5)
    np.testing.assert_array_equal(longer.layers[0].weight.data, one.init(5).layers[0].weight.data)
    assert not np.array_equal(one.layers[0].weight.data.ravel()[:8], one.layers[2].weight.data.ravel())


def test_init_puts_buffers_back():
    model = BatchNorm1d(2)
    model.running_var.data[...] = 9
    np.testing.assert_array_equal(model.init(0).running_var.data, [1, 1])


def test_constructors_follow_the_process_seed():
    def draw():
        return Linear(3, 3).weight.data.copy()

    ct.seed(4)
    first, second = draw(), draw()
    ct.seed(4)
    np.testing.assert_array_equal(draw(), first)
    np.testing.assert_array_equal(draw(), second)
    assert not np.array_equal(first, second)
    ct.seed(0)


def spread(weight):
    return weight.std(), np.abs(weight).max()


def test_first_weights_have_the_spread_of_their_initialisers():
    he = Linear(200, 300).init(0).weight.data
    assert he.std() == pytest.approx(np.sqrt(2 / 200), rel=0.02)
    out = MLP(200, [300], 100).init(0).layers[-1].weight.data
    assert np.abs(out).max() <= np.sqrt(6 / 400) and out.std() == pytest.approx(np.sqrt(2 / 400), rel=0.02)
    selu = MLP(200, [300], 1, activation="selu").init(0).layers[0].weight.data
    assert selu.std() == pytest.approx(np.sqrt(1 / 200), rel=0.02)
    q = ct.nn.init.orthogonal(np.random.default_rng(0), (5, 8))
    np.testing.assert_allclose(q @ q.T, np.eye(5), atol=1e-12)
    assert not Linear(2, 3).bias.data.any()


# ---- errors and words ----------------------------------------------------------------------------------------------


def test_errors_name_layer_and_shapes():
    with pytest.raises(ShapeError, match=r"Linear 3 -> 2\) takes inputs of 3 features, got shape \(5, 4\): build"):
        Linear(3, 2)(np.zeros((5, 4)))
    with pytest.raises(ShapeError, match=r"LayerNorm of width 3\) takes inputs of 3 features, got shape \(5, 4\)"):
        LayerNorm(3)(np.zeros((5, 4)))
    with pytest.raises(ArgumentError, match=r"Embedding of 3 entries takes numbers 0\.\.2, got -1 to 5"):
        Embedding(3, 2)(np.array([-1, 5]))
    with pytest.raises(ArgumentError, match="looks up whole numbers, got float"):
        Embedding(3, 2)(np.zeros(2))
    with pytest.raises(ArgumentError, match="encode text"):
        Linear(1, 1)(np.array([["a"]]))


@pytest.mark.parametrize(("make", "says"), [
    (lambda: Linear(0, 2), "n_in must be a whole number of at least 1, got 0"), (lambda: Linear(2, 1.5), "n_out"),
    (lambda: Linear(True, 2), "n_in"), (lambda: Dropout(1.0), r"p must lie in \[0, 1\)"),
    (lambda: Sequential(np.tanh), "Sequential takes layers"),
    (lambda: MLP(2, [3], 1, norm="group"), 'norm must be None, "layer"'),
    (lambda: MLP(2, [3], 1, activation="sine"), "no activation is called 'sine': use one of relu"),
    (lambda: Module()(1.0), r"Module must define forward"),
    (lambda: ct.nn.Parameter((3, 4)), r"a shape needs an initialiser, as in Parameter\(\(3, 4\), ct.nn.init"),
])
def test_settings_that_make_no_sense(make, says):
    with pytest.raises((ArgumentError, NotImplementedError), match=says):
        make()


def test_repr_shows_the_tree():
    assert repr(Sequential(Linear(2, 3), ReLU(), Linear(3, 1, bias=False))) == (
        "Sequential(  # 12 parameters\n  layer1: Linear(2 -> 3)\n  layer1: ReLU()\n  layer2: Linear(3 -> 1, no bias)\n)"
    )


def test_repr_shows_a_modules_own_parameters():
    class Scaled(Module):
        def __init__(self):
            self.scale, self.inner = ct.nn.Parameter(np.ones((2, 1))), Linear(2, 3)

    assert repr(Scaled()) == "Scaled(  # 11 parameters\n  scale: Parameter(2, 1)\n  inner: Linear(2 -> 3)\n)"


def test_predict_keeps_programs_for_many_rows_few_and_one_and_gives_every_row_the_same_bits():
    model, X = ct.nn.MLP(6, [16, 8], 3).init(0), np.random.default_rng(0).standard_normal((40, 6)).astype(np.float32)
    wanted = model.predict(X)
    for rows in (1, 5, 1, 8, 40, 3, 1):
        np.testing.assert_array_equal(model.predict(X[:rows]), wanted[:rows])
    assert len(model._evaluators) == 3
    for array in (X[:1].astype(np.float64), X[:1].tolist()):
        np.testing.assert_array_equal(model.predict(array), wanted[:1])
    model.layer1.weight.data = model.layer1.weight.data * 2
    np.testing.assert_array_equal(model.predict(X[:1]), model.predict(X)[:1])
    model.layer1.weight.data[...] = 0
    np.testing.assert_array_equal(model.predict(X[:1]), model.predict(X)[:1])
    first = model.predict(X[:1])
    assert first is not model.predict(X[:1]) and not np.shares_memory(first, model.predict(X[:1]))
    model.astype("float64")
    assert model.predict(X[:1]).dtype == np.float64 and len(model._evaluators) == 1


def test_a_single_row_beside_several_of_another_input_is_refused_each_time():
    class Two(ct.nn.Module):
        def __init__(self):
            self.inner = Linear(5, 2)

        def forward(self, a, b):
            return self.inner(ct.ops.concat([a, b], axis=1))

    model, a, b = Two().init(0), np.ones((3, 3), np.float32), np.ones((3, 2), np.float32)
    for _ in range(2):
        assert model.predict((a[:1], b[:1])).shape == (1, 2)
        for rows in (0, 2):
            with pytest.raises(ShapeError):
                model.predict((a[:1], b[:rows]))


def test_single_rows_of_sequences_and_of_numbers_that_are_looked_up_are_checked_as_many_are():
    model = ct.nn.Sequential(ct.nn.Embedding(10, 4), ct.nn.Flatten(), ct.nn.Linear(12, 2)).init(0)
    words = np.array([[9, 0, 4], [1, 2, 3]])
    np.testing.assert_array_equal(model.predict(words[:1]), model.predict(words)[:1])
    with pytest.raises(ArgumentError, match="from 0 to 9"):
        model.predict(words[:1] + 1)
