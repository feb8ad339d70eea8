"""Weights of PyTorch: filters and flattened images turned, layers paired by name or order, and doubt said aloud.

The oracle is PyTorch's arithmetic written down again in NumPy, channels first. (With torch 2.13.0 installed the same
networks agree with it to 4e-7; it is no test dependency.)
"""

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError, ShapeError

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(4, 3, 6, 6)).astype("float32")  # n, channels, height, width


def draw(*shape):
    return RNG.normal(size=shape).astype("float32")


def conv(x, W, b):
    """PyTorch's Conv2d: x (n, c, h, w), W (m, c, kh, kw)."""
    kh, kw = W.shape[2:]
    windows = np.lib.stride_tricks.sliding_window_view(x, (kh, kw), (2, 3))
    return np.einsum("nchwij,mcij->nmhw", windows, W) + b[:, None, None]


@pytest.mark.parametrize("shape", [(8, 3, 3, 3), (4, 3, 2, 3)])
def test_filters_are_turned(shape):
    state = {"weight": draw(*shape), "bias": draw(shape[0])}
    layer = ct.nn.Conv2d(3, shape[0], shape[2:])
    layer.load_state_dict(state, layout="torch")
    out = layer(IMAGES.transpose(0, 2, 3, 1)).numpy().transpose(0, 3, 1, 2)
    np.testing.assert_allclose(out, conv(IMAGES, **{"W": state["weight"], "b": state["bias"]}), rtol=1e-4, atol=1e-5)


def test_filters_of_sequences_are_turned():
    W, x = draw(4, 3, 2), draw(5, 3, 7)
    layer = ct.nn.Conv1d(3, 4, 2, bias=False)
    layer.load_state_dict({"weight": W}, layout="torch")
    truth = np.einsum("nctk,mck->nmt", np.lib.stride_tricks.sliding_window_view(x, 2, 2), W)
    np.testing.assert_allclose(layer(x.transpose(0, 2, 1)).numpy().transpose(0, 2, 1), truth, rtol=1e-4, atol=1e-5)


def test_a_whole_network_by_order_with_batch_norm_and_flattened_images():
    state = {"0.weight": draw(5, 3, 3, 3), "0.bias": draw(5), "1.weight": draw(5), "1.bias": draw(5),
             "1.running_mean": draw(5), "1.running_var": draw(5) ** 2 + 0.5, "1.num_batches_tracked": np.array(7),
             "4.weight": draw(6, 80), "4.bias": draw(6), "5.weight": draw(6, 6), "5.bias": draw(6)}
    net = ct.nn.Sequential(ct.nn.Conv2d(3, 5, 3), ct.nn.BatchNorm2d(5), ct.nn.ReLU(), ct.nn.Flatten(),
                           ct.nn.Linear(80, 6), ct.nn.Linear(6, 6))
    net.load_state_dict(state, layout="torch")
    h = conv(IMAGES, state["0.weight"], state["0.bias"])
    mean, var, gain, bias = (state[f"1.{k}"][:, None, None] for k in ("running_mean", "running_var", "weight", "bias"))
    h = np.maximum((h - mean) / np.sqrt(var + 1e-5) * gain + bias, 0).reshape(4, -1)
    z = (h @ state["4.weight"].T + state["4.bias"]) @ state["5.weight"].T + state["5.bias"]
    np.testing.assert_allclose(net.predict(IMAGES.transpose(0, 2, 3, 1)), z, rtol=2e-4, atol=1e-4)


class Own(ct.nn.Module):
    def __init__(self):
        self.conv, self.fc = ct.nn.Conv2d(3, 5, 3), ct.nn.Linear(80, 2)

    def forward(self, x):
        return self.fc(self.conv(x).flatten(1))


def test_a_forward_of_ones_own_is_asked_about_flattened_images():
    state = {"conv.weight": draw(5, 3, 3, 3), "conv.bias": draw(5), "fc.weight": draw(2, 80), "fc.bias": draw(2)}
    net = Own()
    with pytest.raises(ArgumentError, match=r"fc may read flattened images.*channels=\{'fc': c\}"):
        net.load_state_dict(state, layout="torch")
    net.load_state_dict({f"module.{k}": v for k, v in state.items()}, layout="torch", channels={"fc": 5})
    h = conv(IMAGES, state["conv.weight"], state["conv.bias"]).reshape(4, -1)
    truth = h @ state["fc.weight"].T + state["fc.bias"]
    np.testing.assert_allclose(net.predict(IMAGES.transpose(0, 2, 3, 1)), truth, rtol=2e-4, atol=1e-4)


@pytest.mark.parametrize("make", [ct.nn.RNN, ct.nn.LSTM, ct.nn.GRU])
def test_recurrent_layers_embeddings_and_norms_lie_alike(make):
    for layer in (make(3, 4, layers=2, bidirectional=True), ct.nn.Embedding(5, 2), ct.nn.LayerNorm(4)):
        state = {k: draw(*v.shape) for k, v in layer.state_dict().items()}
        layer.load_state_dict(state, layout="torch")
        assert all((layer.state_dict()[k] == v).all() for k, v in state.items())


class Torch(np.ndarray):
    """An array of PyTorch's as far as Python can tell."""

    __module__ = "torch"

    def detach(self):
        return self

    cpu = detach

    def numpy(self):
        return np.asarray(self)


def test_arrays_of_pytorch_are_noticed_and_taken():
    layer, state = ct.nn.Conv2d(3, 8, 3), {"weight": draw(8, 3, 3, 3).view(Torch), "bias": draw(8).view(Torch)}
    with pytest.raises(ArgumentError, match=r'PyTorch\'s.*layout="torch"'):
        layer.load_state_dict(state)
    layer.load_state_dict(state, layout="torch")
    np.testing.assert_array_equal(layer.weight.data, np.asarray(state["weight"]).transpose(0, 2, 3, 1))
    linear = ct.nn.Linear(2, 3)
    linear.load_state_dict({"weight": draw(3, 2).view(Torch), "bias": draw(3).view(Torch)})  # lie as they do here


def test_shapes_that_read_both_ways_are_doubted():
    layer, state = ct.nn.Conv2d(3, 8, 3), {"weight": draw(8, 3, 3, 3), "bias": draw(8)}
    with pytest.warns(UserWarning, match=r"look the same in PyTorch's layout"):
        layer.load_state_dict(state)
    layer.load_state_dict(state, layout="cutaway")
    layer.load_state_dict(layer.state_dict())  # its own: no doubt
    one = ct.nn.Conv2d(1, 8, 3)
    one.load_state_dict(dict(one.state_dict()))  # (8, 3, 3, 1) is ours alone


REFUSED = {
    "filters that fit in PyTorch's layout alone": (
        ct.nn.Conv2d(3, 8, 5), {"weight": draw(8, 3, 5, 5), "bias": draw(8)}, None, ShapeError, 'say layout="torch"'),
    "numbered names": (ct.nn.MLP(2, [3], 1), {"0.weight": draw(3, 2), "0.bias": draw(3), "2.weight": draw(1, 3),
                                              "2.bias": draw(1)}, None, ArgumentError, 'say layout="torch"'),
    "layers that could change places": (
        ct.nn.MLP(3, [3], 3), {f"{k}.{p}": draw(*s) for k in "ba" for p, s in (("weight", (3, 3)), ("bias", (3,)))},
        "torch", ArgumentError, "have the same shapes"),
    "another number of layers": (ct.nn.MLP(2, [3], 1), {"0.weight": draw(3, 2), "0.bias": draw(3)}, "torch",
                                 ArgumentError, "2 layers with weights and the state 1"),
    "a projection of an LSTM": (
        ct.nn.LSTM(2, 3), {k: v for k, v in ct.nn.LSTM(2, 3).state_dict().items()} | {"weight_hr_l0": draw(1, 3)},
        "torch", ArgumentError, "weight_hr_l0"),
    "another width": (ct.nn.Linear(2, 3), {"weight": draw(4, 2), "bias": draw(4)}, "torch", ShapeError, r"\(4, 2\)"),
    "a checkpoint around it": (ct.nn.Linear(2, 3), {"epoch": 3, "model": {"weight": draw(3, 2), "bias": draw(3)}},
                               "torch", ArgumentError, r"give state\['model'\]"),
    "another layout": (ct.nn.Linear(2, 3), {}, "flax", ArgumentError, 'layout must be "torch"'),
}


class Tied(ct.nn.Module):
    """Two layers of one weight."""

    def __init__(self):
        self.a, self.b = ct.nn.Linear(3, 3), ct.nn.Linear(3, 3)
        self.b.weight = self.a.weight

    def forward(self, x):
        return self.b(ct.ops.relu(self.a(x)))


@pytest.mark.parametrize("layout", [None, "torch"])
def test_tied_weights_have_two_names_in_pytorch(layout):
    W, net = draw(3, 3), Tied()
    state = {"a.weight": W, "a.bias": draw(3), "b.weight": W.copy(), "b.bias": draw(3)}
    net.load_state_dict(state, layout=layout)
    x = draw(5, 3)
    expected = np.maximum(x @ W.T + state["a.bias"], 0) @ W.T + state["b.bias"]
    np.testing.assert_allclose(net.predict(x), expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(ArgumentError, match=r"a.weight and b.weight are one tensor here, but differ"):
        net.load_state_dict(state | {"b.weight": W + 1}, layout=layout)


@pytest.mark.parametrize("prefix", ["module.", "model.", "_orig_mod.module.", "net.backbone."])
def test_what_stands_before_every_name_is_left_out(prefix):
    net, state = ct.nn.MLP(3, [3], 3), ct.nn.MLP(3, [3], 3).init(4).state_dict()  # layers that could change places
    net.load_state_dict({prefix + name: a for name, a in state.items()}, layout="torch")
    np.testing.assert_array_equal(net.layers[0].weight.data, state["layer1.weight"])


def test_inputs_that_may_be_images_are_asked_for_their_channels():
    W, x = draw(2, 3 * 4), draw(5, 3, 2, 2)
    net = ct.nn.Sequential(ct.nn.Flatten(), ct.nn.Linear(12, 2, bias=False))
    with pytest.warns(UserWarning, match=r"layer1 reads flattened inputs.*channels={'layer1': 3}"):
        net.load_state_dict({"1.weight": W}, layout="torch")
    for channels, expected in ((3, x.reshape(5, -1) @ W.T), (0, x.transpose(0, 2, 3, 1).reshape(5, -1) @ W.T)):
        net.load_state_dict({"1.weight": W}, layout="torch", channels={"layer1": channels})
        np.testing.assert_allclose(net.predict(x.transpose(0, 2, 3, 1)), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("first", [ct.nn.Embedding(9, 4), ct.nn.Linear(4, 4)], ids=["embedding", "linear"])
def test_steps_of_words_and_features_lie_alike(first):
    net = ct.nn.Sequential(first, ct.nn.Flatten(), ct.nn.Linear(12, 2))
    state = {f"{k}.{p}": draw(*t.shape) for k, layer in ((0, first), (2, net.layers[2]))
             for p, t in layer.named_parameters()}
    net.load_state_dict(state, layout="torch")
    np.testing.assert_array_equal(net.layers[2].weight.data, state["2.weight"])


@pytest.mark.parametrize("what", REFUSED)
def test_what_does_not_fit_or_could_mean_two_things_is_refused(what):
    net, state, layout, error, words = REFUSED[what]
    before = net.theta.copy()
    with pytest.raises(error, match=words):
        net.load_state_dict(state, layout=layout)
    assert (net.theta == before).all()


def test_an_array_in_place_of_a_parameter_is_refused():
    layer = ct.nn.Linear(2, 3)
    with pytest.raises(ArgumentError, match=r"weight.data\[...\] = values"):
        layer.weight = np.zeros((3, 2))
    layer.weight, layer.bias = ct.nn.Parameter(np.zeros((3, 2))), None
    assert [name for name, _ in layer.named_parameters()] == ["weight"]


def test_layers_alike_are_not_told_apart_by_a_file_that_sorts_its_names(tmp_path):
    from safetensors.numpy import save_file

    state = {f"{k}.{p}": draw(*s) for k in ("a1", "b2") for p, s in (("weight", (3, 3)), ("bias", (3,)))}
    save_file(state, tmp_path / "net.safetensors")
    net = ct.nn.Sequential(*(ct.nn.Linear(3, 3) for _ in range(2)))
    net.load_state_dict(state, layout="torch")  # in PyTorch's own order
    with pytest.raises(ArgumentError, match="do not say which is which"):
        net.load_state_dict(tmp_path / "net.safetensors", layout="torch")
    many = ct.nn.Sequential(*(ct.nn.Linear(2, 2) for _ in range(12)))
    ct.export(many.init(0), tmp_path / "many.safetensors", layout="torch")
    again = ct.nn.Sequential(*(ct.nn.Linear(2, 2) for _ in range(12))).init(1)
    again.load_state_dict(tmp_path / "many.safetensors", layout="torch")
    np.testing.assert_array_equal(again.theta, many.theta)
