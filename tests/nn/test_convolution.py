"""Convolution, pooling and the ready CNN: against JAX's own, and what errors say."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cutaway as ct
from cutaway.errors import ArgumentError, ShapeError
from cutaway.nn import (
    CNN,
    AvgPool1d,
    AvgPool2d,
    BatchNorm2d,
    Conv1d,
    Conv2d,
    Flatten,
    GlobalAveragePool,
    GlobalMaxPool,
    Linear,
    MaxPool1d,
    MaxPool2d,
    Module,
    ReLU,
    Sequential,
)
from depth import each_once

pytestmark = pytest.mark.usefixtures("kernels_as_written")

jax.config.update("jax_enable_x64", True)

RNG = np.random.default_rng(0)
LAYOUT = {1: ("NWC", "OWI", "NWC"), 2: ("NHWC", "OHWI", "NHWC")}


def out_and_gradients(layer, x):
    """The layer's output, and the gradients of Σ c z for x and every parameter, with the c that was used."""
    leaf = ct.Tensor(x, requires_grad=True)
    z = layer(leaf)
    c = RNG.normal(size=z.shape)
    (z * c).sum().backward()
    return z.numpy(), c, [leaf.grad, *(p.grad for p in layer.parameters())]


def same_in_jax(layer, x, f):
    """f(x, *parameters) in JAX gives what the layer gives, and the same gradients."""
    z, c, gradients = out_and_gradients(layer, x)

    @jax.jit
    def there(*inputs):
        out, back = jax.vjp(f, *inputs)
        return out, back(jnp.asarray(c))

    out, theirs = there(x, *(p.data for p in layer.parameters()))
    np.testing.assert_allclose(z, out, rtol=1e-10, atol=1e-12)
    for ours, wanted in zip(gradients, theirs, strict=True):
        np.testing.assert_allclose(ours, wanted, rtol=1e-9, atol=1e-11)


# ---- convolution -----------------------------------------------------------------------------------------------------


@st.composite
def windows(draw, sizes):
    """Settings of a convolution over so many sizes, and the sizes of an image that its window fits into."""
    def each(most, least=1):
        return tuple(draw(st.integers(least, most)) for _ in range(sizes))

    window, stride, dilation = each(3), each(3), each(2)
    padding = draw(st.sampled_from(["same", "valid", each(2, 0)]))
    size = tuple(d * (k - 1) + 1 + draw(st.integers(0, 4)) for k, d in zip(window, dilation, strict=True))
    return window, stride, padding, dilation, draw(st.integers(1, 2)), size


def jax_conv(layer):
    def f(x, W, b):
        z = jax.lax.conv_general_dilated(
            x, W, layer.stride, layer.edges, rhs_dilation=layer.dilation, dimension_numbers=LAYOUT[layer.sizes],
            feature_group_count=layer.groups,
        )
        return z + b

    return f


def conv_equals_jax(make, settings):
    window, stride, padding, dilation, groups, size = settings
    layer = make(2 * groups, 3 * groups, window, stride, padding, dilation, groups).init(1).astype("float64")
    layer.bias.data[...] = RNG.normal(size=layer.bias.shape)
    same_in_jax(layer, RNG.normal(size=(2, *size, 2 * groups)), jax_conv(layer))


@given(settings=windows(2))
def test_conv2d_is_jax_s_for_every_stride_padding_dilation_and_group(settings):
    conv_equals_jax(Conv2d, settings)


@given(settings=windows(1))
def test_conv1d_is_jax_s_for_every_stride_padding_dilation_and_group(settings):
    conv_equals_jax(Conv1d, settings)


@given(size=st.integers(1, 12), window=st.integers(1, 5), stride=st.integers(1, 4), dilation=st.integers(1, 3))
def test_same_padding_keeps_the_size_over_the_stride_rounded_up(size, window, stride, dilation):
    layer = Conv1d(1, 1, window, stride, "same", dilation)
    assert layer(np.ones((1, size, 1))).shape == (1, -(-size // stride), 1)
    (before, after), = layer.edges
    assert before + after == dilation * (window - 1) and after - before in (0, 1)


def test_a_filter_is_a_row_of_the_weights():
    layer = Conv2d(3, 2, (2, 4), groups=1, bias=False)
    assert layer.weight.shape == (2, 2, 4, 3) and layer.bias is None
    image = RNG.normal(size=(1, 2, 4, 3))
    layer.weight.data[1] = image[0]
    assert layer(image).numpy()[0, 0, 0, 1] == pytest.approx((image**2).sum(), rel=1e-5)


def test_weights_start_as_he_says_for_the_places_that_a_neuron_sees():
    weight = Conv2d(32, 64, 3).init(0).weight.data
    assert weight.std() == pytest.approx(np.sqrt(2 / (9 * 32)), rel=0.05)
    grouped = Conv2d(32, 64, 3, groups=4).init(0).weight.data
    assert grouped.std() == pytest.approx(np.sqrt(2 / (9 * 8)), rel=0.05)


# ---- pooling ---------------------------------------------------------------------------------------------------------


def jax_pool(layer, start, join):
    dimensions, strides = (1, *layer.window, 1), (1, *layer.stride, 1)
    padding = ((0, 0), *layer.edges, (0, 0))
    return lambda x: jax.lax.reduce_window(x, start, join, dimensions, strides, padding)


POOLS = {
    "halves": (2, None, 0), "overlapping": (3, 2, 1), "same": (3, 1, "same"), "same with a stride": (2, 3, "same"),
    "one by one": (1, 1, 0),
}


@pytest.mark.parametrize(("name", "sizes"), each_once(POOLS, [1, 2]))
def test_pooling_is_jax_s(name, sizes):
    x = RNG.permutation(2 * 7**sizes * 3).reshape(2, *(7,) * sizes, 3) * 0.1
    largest, mean = ((MaxPool1d, AvgPool1d), (MaxPool2d, AvgPool2d))[sizes - 1]
    same_in_jax(largest(*POOLS[name]), x, jax_pool(largest(*POOLS[name]), -jnp.inf, jax.lax.max))
    layer = mean(*POOLS[name])
    total = jax_pool(layer, 0.0, jax.lax.add)
    same_in_jax(layer, x, lambda x: total(x) / np.prod(layer.window))


def test_a_window_may_differ_in_height_and_width():
    assert MaxPool2d((2, 3))(np.ones((1, 6, 6, 1))).shape == (1, 3, 2, 1)
    assert AvgPool2d((2, 3), stride=(1, 2), padding=(1, 0))(np.ones((1, 6, 6, 1))).shape == (1, 7, 2, 1)


@pytest.mark.parametrize("shape", [(2, 5, 3), (2, 4, 5, 3)])
def test_global_pooling_leaves_a_number_for_each_channel(shape):
    x = RNG.permutation(np.prod(shape)).reshape(shape) * 0.1
    places = tuple(range(1, len(shape) - 1))
    same_in_jax(GlobalAveragePool(), x, lambda x: x.mean(places))
    same_in_jax(GlobalMaxPool(), x, lambda x: x.max(places))


# ---- batch norm over images ------------------------------------------------------------------------------------------


def test_batch_norm_2d_normalises_every_channel_over_all_places():
    layer, x = BatchNorm2d(3).astype("float64"), RNG.normal(2, 3, size=(4, 5, 6, 3))
    with layer.training():
        y = layer(x).numpy()
    np.testing.assert_allclose(y.mean((0, 1, 2)), 0, atol=1e-12)
    np.testing.assert_allclose(y.std((0, 1, 2)), 1, rtol=1e-5)
    np.testing.assert_allclose(layer.running_var.data, 0.9 + 0.1 * x.var((0, 1, 2), ddof=1))
    with pytest.raises(ShapeError, match=r"BatchNorm2d of width 3\) takes inputs of 3 features, got shape \(4, 2\)"):
        layer(np.ones((4, 2)))


# ---- what does not fit -----------------------------------------------------------------------------------------------

MISFITS = {
    "no channel axis": (Conv2d(1, 8, 3), (7, 28, 28), r"\(n, height, width, channels\), got shape \(7, 28, 28\): "
                        r"reshape to \(7, 28, 28, 1\)"),
    "no time": (Conv1d(1, 8, 3), (7, 28), r"takes \(n, time, channels\), got shape \(7, 28\): reshape"),
    "wrong channels": (Conv2d(1, 8, 3), (7, 28, 28, 3), r"1 channels, got shape .* build it as Conv2d\(3, 8, \.\.\.\)"),
    "channels first": (Conv2d(3, 8, 3), (7, 3, 28, 28), "put the channels last"),
    "window too large": (Conv2d(1, 8, 5), (7, 4, 9, 1), r"a window over 5x5 places, but its input \(7, 4, 9, 1\) has "
                         "4x9 with its padding"),
    "window too far apart": (Conv1d(1, 8, 3, dilation=3, padding=1), (7, 4, 1), "over 7 places.* has 6 with"),
    "pool too large": (MaxPool2d(3), (7, 2, 2, 1), "MaxPool2d.*over 3x3 places.*2x2"),
    "nothing to pool": (GlobalAveragePool(), (7, 3), "takes .* got shape"),
}


@pytest.mark.parametrize("name", MISFITS)
def test_inputs_that_do_not_fit_are_refused_by_layer_and_shape(name):
    layer, shape, says = MISFITS[name]
    with pytest.raises(ShapeError, match=says):
        layer(np.ones(shape))
    with pytest.raises(ShapeError, match=r"^(layer1|input) "):
        Sequential(layer, ReLU())(np.ones(shape))


@pytest.mark.parametrize(("make", "says"), [
    (lambda: Conv2d(0, 1, 3), "Conv2d: n_in must be a whole number of at least 1, got 0"),
    (lambda: Conv2d(1, 1, 0), "Conv2d: window must be .* or a pair"),
    (lambda: Conv2d(1, 1, (3, 3, 3)), "window must be"),
    (lambda: Conv1d(1, 1, 2.5), "Conv1d: window must be a whole number of at least 1, got 2.5"),
    (lambda: Conv1d(1, 1, 3, stride=0), "stride must be"),
    (lambda: Conv1d(1, 1, 3, padding=-1), "padding must be a whole number of at least 0"),
    (lambda: Conv1d(1, 1, 3, padding="full"), 'padding must be "same", "valid" or a number of places, got \'full\''),
    (lambda: Conv1d(1, 1, 3, dilation=True), "dilation must be"),
    (lambda: Conv2d(3, 4, 3, groups=2), "groups=2 must divide the channels, 3 in and 4 out"),
    (lambda: MaxPool2d(2, padding=2), "MaxPool2d: padding 2 must be smaller than the window 2"),
    (lambda: CNN((28, 28), 3, norm="layer"), 'norm must be None or "batch"'),
    (lambda: CNN(28, 3), r"input_shape must be \(height, width, channels\)"),
    (lambda: CNN((28, 0, 1), 3), "input_shape must be a whole number"),
    (lambda: CNN((8, 8, 1), 3, activation="step"), "no activation is called 'step'"),
])
def test_settings_that_mean_nothing_are_refused(make, says):
    with pytest.raises(ArgumentError, match=says):
        make()


def test_compiling_asks_for_the_size_of_images():
    with pytest.raises(ArgumentError, match="Conv2d takes inputs of any size: pass input="):
        ct.compile(Sequential(Conv2d(1, 2, 3), Flatten(), Linear(8, 1)), engine="reference")


# ---- networks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("shape", "says"), [
    ((28, 28, 1), "28x28x1 -> conv 32 -> pool -> conv 64 -> pool -> 128 -> 10"),
    ((8, 8, 1), "8x8x1 -> conv 32 -> pool -> 128 -> 10"),
    ((5, 6, 1), "5x6x1 -> conv 32 -> 128 -> 10"),
    ((64, 64, 3), "64x64x3 -> conv 32 -> pool -> conv 64 -> pool -> conv 128 -> pool -> conv 256 -> pool -> 128 -> 10"),
    ((8, 50, 1), "8x50x1 -> conv 32 -> pool -> mean -> 128 -> 10"),
    ((24, 2), "24x2 -> conv 32 -> pool -> conv 64 -> pool -> 128 -> 10"),
])
def test_a_cnn_halves_its_input_while_four_places_are_left(shape, says):
    net = CNN(shape, 10)
    assert repr(net).startswith(f"CNN({says}, relu, ")
    assert net(np.ones((2, *shape))).shape == (2, 10)
    assert ct.compile(net, "cross_entropy", engine="reference").engine.listing.inputs[0].shape == shape


def test_a_cnn_can_be_told_its_channels_and_layers():
    net = CNN((12, 12, 3), 2, channels=[4, 6], hidden=[], activation="tanh", dropout=0.5, norm="batch")
    names = [type(layer).__name__ for layer in net.layers]
    assert names == ["Conv2d", "BatchNorm2d", "Tanh", "MaxPool2d", "Conv2d", "BatchNorm2d", "Tanh", "Flatten", "Linear"]
    assert [p.shape for p in net.parameters()][:2] == [(4, 3, 3, 3), (4,)]
    assert net.layers[-1].n_in == 6 * 6 * 6


def lines(n, size=8):
    """Images with one bright row (class 0) or column (class 1)."""
    rng = np.random.default_rng(1)
    X, y, at = 0.2 * rng.normal(size=(n, size, size, 1)), rng.integers(0, 2, n), rng.integers(0, size, n)
    for image, k, i in zip(X, y, at, strict=True):
        image[i if k == 0 else slice(None), i if k == 1 else slice(None)] += 1
    return X, y


class Residual(Module):
    def __init__(self, channels):
        self.conv, self.norm = Conv2d(channels, channels, 3, padding="same"), BatchNorm2d(channels)

    def forward(self, x):
        return x + ct.ops.relu(self.norm(self.conv(x)))


NETWORKS = {
    "cnn": lambda: CNN((8, 8, 1), 2, channels=[8], hidden=[16], norm="batch", dropout=0.1),
    "residual": lambda: Sequential(Conv2d(1, 8, 3), Residual(8), GlobalMaxPool(), Linear(8, 2)),
    "strided": lambda: Sequential(Conv2d(1, 8, 3, stride=2, padding=1), ReLU(), AvgPool2d(2), Flatten(), Linear(32, 2)),
}


@pytest.mark.parametrize(("name", "engine"), each_once(NETWORKS, ["cpu", "reference"]))
def test_convolutional_networks_learn_and_predict_what_they_evaluate(name, engine):
    net, (X, y) = NETWORKS[name]().init(0), lines(160)
    run = ct.fit(net, X, y, loss="cross_entropy", optimizer=ct.optim.AdamW(1e-2), epochs=12, validation=(*lines(60),),
                 metrics="accuracy", engine=engine)
    assert max(run.history["val_accuracy"]) > 0.9
    np.testing.assert_allclose(net.predict(X, engine=engine), net(X).numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("net", "shape"), [
    (CNN((6, 6, 2), 3, channels=[4], hidden=[5]), (6, 6, 2)),
    (Sequential(Conv1d(2, 4, 3, groups=2), MaxPool1d(2), Flatten(), Linear(12, 3)), (8, 2)),
], ids=["images", "sequences"])
def test_no_rows_go_through_as_no_rows(net, shape):
    assert net.init(0)(np.zeros((0, *shape))).shape == (0, 3)
