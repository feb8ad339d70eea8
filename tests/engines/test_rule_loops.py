"""Rules as loops: operations of random shapes on the CPU engine against their rules, forward and backward."""

from itertools import product

import numpy as np
import pytest
from around import uneven
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import cutaway as ct
from as_written import as_written
from depth import each_once, examples

ops = ct.ops
few = settings(max_examples=examples(3), deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
sizes = st.integers(1, 5)


class Net(ct.nn.Module):
    """f of the rows times a weight, and of weights of these shapes."""

    def __init__(self, f, width, *shapes):
        self.f, self.scale = f, ct.nn.Parameter(width, lambda rng, shape: 1 + 0.3 * rng.standard_normal(shape))
        self.count = len(shapes)
        for k, shape in enumerate(shapes):
            setattr(self, f"w{k}", ct.nn.Parameter(shape, lambda rng, shape: rng.standard_normal(shape)))

    def forward(self, x):
        return self.f(x * self.scale, *(getattr(self, f"w{k}") for k in range(self.count)))


def step(f, X, shapes, engine, threads=1, rate=0.1, theta=None):
    """The loss of a full batch and θ after one step; every instruction of the CPU engine has a kernel."""
    net = Net(f, X.shape[-1:] if X.ndim > 1 else (), *shapes).init(0).astype("float64")
    program = ct.compile(net, uneven, ct.optim.SGD(rate), len(X), X, np.zeros(len(X)), engine=engine, threads=threads)
    if theta is not None:
        net.theta[...] = theta
    if engine == "cpu":
        assert not [i.title for i, kernel in zip(program.instructions, program.engine.kernels, strict=True)
                    if kernel is None]
    program.feed(X, np.zeros(len(X)))
    before = net.theta.copy()
    return program.run()[0], before, net.theta


@as_written()
def check(f, shape, *shapes):
    """f trains alike on both engines and with threads, and its gradient is that of its loss along a direction."""
    X = np.random.default_rng(0).standard_normal(shape)
    loss, before, expected = step(f, X, shapes, "reference")
    for threads in (1, 3):
        found, _, after = step(f, X, shapes, "cpu", threads)
        np.testing.assert_allclose(found, loss, rtol=1e-9)
        np.testing.assert_allclose(after, expected, rtol=1e-8, atol=1e-10)
    direction = np.random.default_rng(1).standard_normal(len(before))
    ahead, behind = (step(f, X, shapes, "cpu", theta=before + sign * 1e-6 * direction)[0] for sign in (1, -1))
    slope = (before - after) @ direction / 0.1
    np.testing.assert_allclose((ahead - behind) / 2e-6, slope, rtol=1e-5, atol=1e-5)


shape_of_rows = st.tuples(st.integers(2, 7), st.lists(sizes, min_size=0, max_size=3).map(tuple)).map(
    lambda found: (found[0], *found[1]))


@st.composite
def axes(draw, among):
    """An axis or several of a range of them, counted from either end."""
    chosen = draw(st.lists(st.sampled_from(among), min_size=1, max_size=len(among), unique=True))
    chosen = [k - among.stop if draw(st.booleans()) else k for k in chosen]
    return chosen[0] if len(chosen) == 1 and draw(st.booleans()) else tuple(chosen)


@few
@given(st.data(), shape_of_rows, st.sampled_from(["sum", "mean", "max", "min", "norm", "var", "std"]), st.booleans())
def test_reductions_over_any_axes(data, shape, name, keepdims):
    over = range(name == "std", len(shape))  # not over rows: below
    assume(over)
    axis = data.draw(axes(over) if name == "std" else st.none() | axes(over))
    check(lambda x: x * getattr(ops, name)(x * x + x, axis=axis, keepdims=True) + (
        getattr(ops, name)(x, axis=axis).sum() if not keepdims else 0.0), shape)


def test_a_deviation_over_the_rows_of_a_batch_is_refused_in_words_and_the_root_of_the_variance_is_not():
    """It divides by √n, and a program runs on batches of any size."""
    with pytest.raises(ct.errors.RecordingError, match="depends on the number of rows"):
        step(lambda x: x * ops.std(x), np.ones((4, 3)), (), "reference")
    check(lambda x: x * ops.sqrt(ops.var(x)), (4, 3))


@pytest.mark.parametrize(("name", "along"), each_once(
    ["sum", "mean", "max", "norm"], product([1, -1, (0, 1)], [(3, 70), (5, 129, 3), (2, 3, 64), (4, 200, 17)])))
def test_long_reductions(name, along):
    """Whose partial sums lie side by side."""
    axis, shape = along
    check(lambda x: x * getattr(ops, name)(x, axis=axis, keepdims=True), shape)


@few
@given(st.data(), shape_of_rows, st.sampled_from(["softmax", "log_softmax"]))
def test_softmax_along_any_axis(data, shape, name):
    shape = (*shape, 3)
    axis = data.draw(st.sampled_from([k for k in range(-len(shape), len(shape)) if k % len(shape)]))
    check(lambda x: getattr(ops, name)(x, axis=axis) * x, shape)


@pytest.mark.filterwarnings("ignore:.*has no CPU kernel:RuntimeWarning")
@pytest.mark.parametrize("threads", [1, 3])
def test_a_softmax_of_all_rows_is_one_whatever_the_threads(threads):
    """Each thread has some of the rows alone, so that NumPy computes it, once."""
    X = np.random.default_rng(0).standard_normal(7)
    losses = []
    for engine in ("cpu", "reference"):
        net = Net(lambda x: ops.softmax(x), ()).init(0).astype("float64")
        program = ct.compile(net, uneven, ct.optim.SGD(0.1), 7, X, np.zeros(7), engine=engine, threads=threads)
        program.feed(X, np.zeros(7))
        losses.append([program.run()[0] for _ in range(3)])
    np.testing.assert_allclose(*losses, rtol=1e-10)


@few
@given(st.lists(sizes, max_size=2), st.lists(sizes, max_size=2), sizes, sizes, sizes, st.integers(2, 5))
def test_products_of_rows_and_weights_of_any_ranks(ahead, more, m, k, p, n):
    ahead = tuple(ahead)
    check(lambda x, w: x @ w, (n, *ahead, p, k), (k, m))
    check(lambda x, w: x @ w, (n, *ahead, p, k), (*ahead, k, m))
    check(lambda x, w: w @ x, (n, *ahead, k, m), (p, k))
    check(lambda x, w: w @ x, (n, *ahead, k, m), (*more[:1], 1, *(1,) * len(ahead), p, k)[-2 - len(ahead) :])


@few
@given(st.lists(sizes, max_size=2).map(tuple), sizes, sizes, st.integers(2, 5))
def test_products_with_vectors_and_of_rows_alone(ahead, k, p, n):
    check(lambda x, w: x @ w, (n, *ahead, k), (k,))
    check(lambda x, w: w @ x, (n, *ahead, k, p), (k,))
    check(lambda x: x @ ops.swapaxes(x, -1, -2), (n, *ahead, k, p))
    check(lambda x: ops.swapaxes(x, -1, -2) @ x, (n, *ahead, k, p))


@pytest.mark.parametrize(("shape", "width"), [
    ((9, 40, 33), 70), ((3, 300, 20), 300), ((4, 5, 512), 520), ((40, 64), 512),
])
def test_large_products(shape, width):
    check(lambda x, w: x @ w, shape, (shape[-1], width))


@few
@given(st.data(), st.integers(2, 5), sizes, sizes, sizes)
def test_a_layer_of_neurons_with_a_bias_of_any_shape(data, n, r, k, m):
    bias = data.draw(st.sampled_from([(), (1,), (m,), (1, m), (r, 1), (r, m), (1, 1, m)]))
    check(lambda x, W, b: ops.linear(x, W, b), (n, r, k), (m, k), bias)
    check(lambda x, W, b: ops.linear(x, W, b + 0.0 * x.sum(axis=-1, keepdims=True)), (n, r, k), (m, k), bias)


@few
@given(st.data(), st.integers(2, 5), sizes, st.integers(2, 5))
def test_norms_with_gains_of_any_shape(data, n, r, k):
    shapes = st.sampled_from([(), (1,), (k,), (1, k), (r, 1), (r, k)])
    gain, shift = data.draw(shapes), data.draw(shapes)
    check(lambda x, g, b: ops.layer_norm(x, g, b), (n, r, k), gain, shift)
    check(lambda x, g, b: ops.batch_norm(x, g, b), (n, r, k), gain, shift)
    check(lambda x: ops.layer_norm(x, x.mean(axis=-1, keepdims=True), x), (n, r, k))


@few
@given(st.data(), st.integers(2, 5), sizes, st.integers(1, 4), st.sampled_from(["rnn", "lstm", "gru"]), st.booleans())
def test_scans_from_learned_states_with_biases_of_any_shape(data, n, time, k, name, reverse):
    gates = {"rnn": 1, "lstm": 4, "gru": 3}[name]
    bias = data.draw(st.sampled_from([(gates * k,), (1,), (), (1, gates * k), (n, gates * k)]))
    state = data.draw(st.sampled_from([(k,), (1, k), (1,), ()]))
    def scan(x, W, b, *states):
        return getattr(ops, name)(x, W, b, *states, reverse=reverse)[0]

    if bias[:1] != (n,):
        check(scan, (n, time, gates * k), (gates * k, k), bias, *[state] * (2 if name == "lstm" else 1))
    check(lambda x, W, *states: scan(x, W, x.sum(axis=1), *states), (n, time, gates * k), (gates * k, k),
          *[state] * (2 if name == "lstm" else 1))


@few
@given(st.data(), sizes, sizes)
def test_a_network_without_rows_beside_the_rows(data, r, k):
    """Weights that are computed: a softmax, a norm, a layer and a mean of parameters alone."""
    check(lambda x, w, g: x * ops.softmax(w, axis=0).mean(axis=0) + ops.layer_norm(w, g, g).sum(axis=0), (3, k + 1),
          (r, k + 1), (k + 1,))
    check(lambda x, w, W: ops.linear(x, ops.linear(w, W)), (3, k), (r, k + 1), (k, k + 1))


@few
@given(st.data(), st.integers(1, 3), st.integers(1, 3), st.integers(1, 2), st.integers(1, 2))
def test_convolutions_in_groups_of_any_stride(data, groups, each, stride, dilation):
    c = groups * each
    check(lambda x, W, b: ops.conv(x, W, b, stride=stride, padding=1, dilation=dilation, groups=groups), (3, 6, 5, c),
          (2 * groups, 2, 3, each), (2 * groups,))


@pytest.mark.parametrize(("f", "dtype"), each_once([
    lambda x: ops.softmax(x, axis=1), lambda x: x.mean(axis=1), lambda x: x.max(axis=(1, 2)), lambda x: x.sum(axis=-1),
    lambda x: x @ ops.swapaxes(x, 1, 2), lambda x: ops.layer_norm(x, x, x.sum(axis=2, keepdims=True)),
    lambda x: ops.norm(x, axis=2),
], ["float32", "float64"]))
def test_a_row_alone_has_the_bits_that_it_has_among_others(f, dtype):
    X = np.random.default_rng(0).standard_normal((37, 9, 70)).astype(dtype)
    net = Net(f, (70,)).init(0).astype(dtype)
    among = net.predict(X)
    for k in (0, 17, 36):
        assert net.predict(X[k : k + 1]).tobytes() == among[k : k + 1].tobytes()
