"""Keras' weights by name or in order: what fits goes in, what could be meant in two ways is refused in words."""

import numpy as np
import pytest

import cutaway as ct
from cutaway import nn
from cutaway.errors import ArgumentError, ShapeError


def draw(*shape):
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


def dense(n_in, n_out, name):
    return {f"{name}/kernel": draw(n_in, n_out), f"{name}/bias": draw(n_out)}


def test_kernels_are_turned():
    net, state = nn.MLP(3, [4], 2), dense(3, 4, "sequential/dense_7") | dense(4, 2, "sequential/dense_8")
    net.load_state_dict(state, layout="keras")
    x = draw(5, 3)
    hidden = np.maximum(x @ state["sequential/dense_7/kernel"] + state["sequential/dense_7/bias"], 0)
    z = hidden @ state["sequential/dense_8/kernel"] + state["sequential/dense_8/bias"]
    np.testing.assert_allclose(net.predict(x), z, rtol=1e-5, atol=1e-6)


def test_columns_z_r_h_of_a_gru_become_rows_r_z_n():
    layer, state = nn.GRU(3, 2), {"gru/kernel": draw(3, 6), "gru/recurrent_kernel": draw(2, 6), "gru/bias": draw(2, 6)}
    layer.load_state_dict(state, layout="keras")
    z, r, n = state["gru/kernel"].T.reshape(3, 2, 3)
    np.testing.assert_array_equal(layer.state_dict()["weight_ih_l0"], np.concatenate([r, z, n]))
    of_state = state["gru/bias"][1].reshape(3, 2)
    np.testing.assert_array_equal(layer.state_dict()["bias_hh_l0"], of_state[[1, 0, 2]].ravel())


def test_the_one_bias_of_an_lstm_goes_in_and_the_sum_of_ours_out():
    layer = nn.LSTM(3, 2).init(0)
    layer.load_state_dict([draw(3, 8), draw(2, 8), draw(8)], layout="keras")
    own = layer.state_dict()
    assert (own["bias_ih_l0"] == draw(8)).all() and not own["bias_hh_l0"].any()
    layer.load_state_dict(own | {"bias_hh_l0": draw(8)})
    from cutaway.nn.keras_layout import keras_state

    np.testing.assert_array_equal(keras_state(layer)["cell/vars/2"], 2 * draw(8))


def test_numbers_say_the_order_of_layers_alike():
    state = {}
    for k in (10, 2, 1, 0):
        name = f"layers/dense_{k}/vars" if k else "layers/dense/vars"
        state |= {key: a + k for key, a in dense(3, 3, name).items()}
    net = nn.Sequential(*(nn.Linear(3, 3) for _ in range(4)))
    net.load_state_dict(state, layout="keras")
    assert [round(float(layer.bias.data[0] - draw(3)[0])) for layer in net.layers] == [0, 1, 2, 10]


def test_names_of_keras_2_and_a_depthwise_kernel_are_taken():
    net = nn.Sequential(nn.Conv2d(3, 6, 2, groups=3), nn.Flatten(), nn.Linear(6, 2))
    kernel = draw(2, 2, 3, 2)
    state = {"depthwise_conv2d/depthwise_conv2d/depthwise_kernel:0": kernel,
             "depthwise_conv2d/depthwise_conv2d/bias:0": draw(6),
             "dense_4/dense_4/kernel:0": draw(6, 2), "dense_4/dense_4/bias:0": draw(2)}
    net.load_state_dict(state, layout="keras")
    x = draw(1, 2, 2, 3)
    expected = np.einsum("hwc,hwcm->cm", x[0], kernel).ravel() + draw(6)
    np.testing.assert_allclose(net.layers[0](x).numpy().ravel(), expected, rtol=1e-5)


def test_our_own_names_say_which_is_which():
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    net.load_state_dict({"layer2/kernel": draw(3, 3) + 1, "layer2/bias": draw(3), "layer1/kernel": draw(3, 3),
                         "layer1/bias": draw(3)}, layout="keras")
    assert (net.layers[0].weight.data == draw(3, 3).T).all()


def test_a_normalisation_with_another_epsilon_is_doubted():
    layer = nn.BatchNorm1d(3)
    with pytest.warns(UserWarning, match=r"eps=1e-5.*0.001.*BatchNorm1d\(3, eps=0.001\)"):
        layer.load_state_dict([draw(3), draw(3), draw(3), draw(3) ** 2], layout="keras")
    assert (layer.running_var.data == draw(3) ** 2).all()


GRU = {"gru/kernel": draw(3, 6), "gru/recurrent_kernel": draw(2, 6)}
REFUSED = {
    "names that do not say the order": (
        lambda: nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3)), dense(3, 3, "hidden") | dense(3, 3, "out"),
        ArgumentError, r"layer1 .*layer2 .*same shapes.*hidden.*out.*do not say which"),
    "another width": (
        lambda: nn.MLP(3, [4], 2), dense(3, 4, "dense") | dense(4, 1, "dense_1"), ShapeError,
        r"no weights fit layer2 \(kernel \(4, 2\), bias \(2,\)\): there is dense_1 \(kernel \(4, 1\), bias \(1,\)\)"),
    "a layer too many": (
        lambda: nn.Linear(3, 4), dense(3, 4, "dense") | {"normalization/mean": draw(3)}, ArgumentError,
        r"the state has normalization \(mean \(3,\)\), for which this model has no layer"),
    "a layer too few": (lambda: nn.MLP(3, [4], 2), dense(3, 4, "dense"), ShapeError, "no weights fit layer2.*no more"),
    "another bias": (lambda: nn.Linear(3, 4, bias=False), dense(3, 4, "dense"), ShapeError, r"bias \(4,\)"),
    "a GRU that resets before": (lambda: nn.GRU(3, 2), GRU | {"gru/bias": draw(6)}, ShapeError, "reset_after=False"),
    "the same in order": (lambda: nn.GRU(3, 2), [*GRU.values(), draw(6)], ShapeError, "reset_after=False"),
    "a batch norm without a scale": (
        lambda: nn.BatchNorm1d(3), {f"batch_normalization/vars/{k}": draw(3) for k in range(3)}, ShapeError,
        "gamma or beta is left out"),
    "another number in order": (lambda: nn.MLP(3, [4], 2), [draw(3, 4), draw(4)], ArgumentError,
                                "the state has 2 arrays, and this model 4"),
    "another shape in order": (lambda: nn.Linear(3, 4), [draw(4, 3), draw(4)], ShapeError,
                               r"the layer wants kernel \(3, 4\), but array 0 has shape \(4, 3\)"),
    "an array of two meanings": (
        lambda: nn.Sequential(nn.Embedding(3, 3), nn.Linear(3, 3, bias=False)),
        {"a/vars/0": draw(3, 3), "b/vars/0": draw(3, 3)}, ArgumentError, "could be any of a/vars .*; b/vars "),
    "text": (lambda: nn.Linear(3, 4), {"dense/kernel": np.array(["a"])}, ArgumentError, "dense/kernel holds"),
    "a number": (lambda: nn.Linear(3, 4), 7, ArgumentError, "a file or a model, got int"),
    "members": (lambda: nn.TabM(3, [4], 2), {}, ArgumentError, r"\(Members\) has no counterpart in Keras"),
    "a gain": (lambda: nn.Sequential(nn.Scale(3), nn.Linear(3, 4)), {}, ArgumentError, r"layer1 \(Scale\) has no"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_does_not_fit_or_could_mean_two_things_is_refused_and_nothing_changes(what):
    make, state, error, words = REFUSED[what]
    net = make().init(0)
    before = net.theta.copy()
    with pytest.raises(error, match=words):
        net.load_state_dict(state, layout="keras")
    assert (net.theta == before).all()


def test_names_of_kerass_are_noticed():
    with pytest.raises(ArgumentError, match='say layout="keras"'):
        nn.Linear(3, 4).load_state_dict(dense(3, 4, "dense"))


class Own(nn.Module):
    def __init__(self):
        self.first, self.blocks = nn.Linear(3, 3), [nn.Linear(3, 3), nn.LSTM(3, 3)]
        self.gain = nn.Parameter((3,), nn.init.ones)

    def forward(self, x):
        return self.gain * self.blocks[0](self.first(x))


def test_weights_of_ones_own_module_go_out_by_its_names_for_pytorch_alone(tmp_path):
    written = ct.export(Own().init(0), tmp_path / "own.safetensors", layout="torch")
    assert {"first.weight", "blocks.0.bias", "blocks.1.weight_ih_l0", "gain"} <= written.shapes.keys()
    with pytest.raises(ArgumentError, match=r"the model \(Own\) has gain"):
        ct.export(Own().init(0), tmp_path / "own.weights.h5", layout="keras")
    assert not (tmp_path / "own.weights.h5").exists()


EXPORTS = {
    "a wrong ending": (nn.Linear(2, 2), "net.h5", "keras", r"ends in .weights.h5, .npz"),
    "a pickle": (nn.Linear(2, 2), "net.pt", "torch", "promises a PyTorch file"),
    "a layout nobody knows": (nn.Linear(2, 2), "net.npz", "flax", 'layout must be "torch", "keras" or "sklearn"'),
    "members": (nn.TabM(3, [4], 2), "net.safetensors", "torch", r"\(Members\) has no counterpart in PyTorch"),
    "two networks that answer as one": (nn.Ensemble([nn.MLP(2, [3], 1), nn.MLP(2, [3], 1)]), "net.npz", "keras",
                                        "no counterpart"),
    "no network": (3, "net.safetensors", "torch", "takes a network or a trained estimator, got int"),
}


@pytest.mark.parametrize("what", EXPORTS)
def test_what_cannot_go_out_is_refused_and_nothing_is_written(what, tmp_path):
    model, name, layout, words = EXPORTS[what]
    with pytest.raises(ArgumentError, match=words):
        ct.export(model, tmp_path / name, layout=layout)
    assert not list(tmp_path.iterdir())


def test_weights_of_an_estimator_are_its_networks(tmp_path):
    X, y = ct.datasets.load("iris")
    model = ct.Classifier(nn.MLP(4, [4], 3), epochs=1).fit(X, y)
    written = ct.export(model, tmp_path / "iris.npz", layout="torch")
    assert sum(int(np.prod(shape)) for shape in written.shapes.values()) == model.model_.theta.size
