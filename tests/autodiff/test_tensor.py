"""Tensors: arithmetic and backward against JAX, the tape, and what errors say."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

import cutaway as ct
from cutaway.errors import ArgumentError, RecordingError, ShapeError

pytestmark = pytest.mark.usefixtures("kernels_as_written")

jax.config.update("jax_enable_x64", True)


def leaf(value):
    return ct.Tensor(np.asarray(value, float), requires_grad=True)


@given(shapes=mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=4), seed=st.integers(0, 2**32),
       sign=st.sampled_from(["+", "-", "*", "/"]))
def test_arithmetic_broadcasts_and_differentiates_as_jax_does(shapes, seed, sign):
    rng = np.random.default_rng(seed)
    u, v = rng.uniform(0.5, 2, shapes.input_shapes[0]), rng.uniform(0.5, 2, shapes.input_shapes[1])
    c = rng.normal(size=shapes.result_shape)
    f = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b}[sign]
    a, b = leaf(u), leaf(v)
    w = f(a, b)
    (w * c).sum().backward()
    du, dv = jax.grad(lambda x, y: (f(x, y) * c).sum(), (0, 1))(jnp.asarray(u), jnp.asarray(v))
    np.testing.assert_allclose(w.numpy(), f(u, v))
    np.testing.assert_allclose(a.grad, du, rtol=1e-12)
    np.testing.assert_allclose(b.grad, dv, rtol=1e-12)


MIXED = {
    "numbers on either side": (lambda x, np: (2.0 - x) * 3 + 1 / x - (x / 4 + 5),
                               lambda x, np: (2.0 - x) * 3 + 1 / x - (x / 4 + 5)),
    "arrays on either side": (lambda x, _: np.ones((2, 1, 4)) * x - x / np.full(4, 2.0),
                              lambda x, _: np.ones((2, 1, 4)) * x - x / np.full(4, 2.0)),
    "skip connections": (lambda x, _: ct.ops.tanh(x) * x + ct.ops.tanh(x * x),
                         lambda x, _: jnp.tanh(x) * x + jnp.tanh(x * x)),
    "one value used often": (lambda x, _: x * x * x + x - x,
                             lambda x, _: x * x * x + x - x),
    "matrix products": (lambda x, _: x @ x.T @ x + (np.ones((2, 3)) @ x).sum(),
                        lambda x, _: x @ x.T @ x + (np.ones((2, 3)) @ x).sum()),
    "slices, steps and arrays of rows": (lambda x, _: x[1:, ::2] * x[0, 1] + x[[0, 0], 1:3],
                                         lambda x, _: x[1:, ::2] * x[0, 1] + x[np.array([0, 0]), 1:3]),
    "new axes": (lambda x, _: x[:, None, :] * x[None], lambda x, _: x[:, None, :] * x[None]),
    "sums and means": (lambda x, _: x.sum(axis=0) * x.mean(axis=1, keepdims=True) + x.mean(),
                       lambda x, _: x.sum(axis=0) * x.mean(axis=1, keepdims=True) + x.mean()),
    "reshapes": (lambda x, _: x.reshape(2, 6).transpose() * x.reshape((6, 2)),
                 lambda x, _: x.reshape(2, 6).transpose() * x.reshape((6, 2))),
    "powers": (lambda x, _: x**3 + x**0.5 - x**-1, lambda x, _: x**3 + x**0.5 - x**-1),
    "negation": (lambda x, _: -x * 2, lambda x, _: -x * 2),
    "pieces side by side": (lambda x, _: ct.ops.concat([x[:, :1], x * x, x[:, 2:]], axis=1),
                            lambda x, _: jnp.concatenate([x[:, :1], x * x, x[:, 2:]], axis=1)),
    "softmax": (lambda x, _: ct.ops.softmax(x) * x, lambda x, _: jax.nn.softmax(x) * x),
    "layer norm": (lambda x, _: ct.ops.layer_norm(x, x[0], x[1]),
                   lambda x, _: x[0] * (x - x.mean(1, keepdims=True)) / jnp.sqrt(x.var(1, keepdims=True) + 1e-5)
                   + x[1]),
    "batch norm": (lambda x, _: ct.ops.batch_norm(x, x[0], x[1]),
                   lambda x, _: x[0] * (x - x.mean(0)) / jnp.sqrt(x.var(0) + 1e-5) + x[1]),
}


@pytest.mark.parametrize("name", MIXED)
def test_compositions_differentiate_as_jax_does(name):
    ours, theirs = MIXED[name]
    rng = np.random.default_rng(0)
    x = rng.uniform(0.5, 2, (3, 4))
    c = rng.normal(size=ours(ct.Tensor(x), np).shape)
    t = leaf(x)
    (ours(t, np) * c).sum().backward()
    value, slope = jax.jit(lambda x: (theirs(x, np), jax.grad(lambda x: (theirs(x, np) * c).sum())(x)))(x)
    np.testing.assert_allclose(ours(ct.Tensor(x), np).numpy(), value, rtol=1e-12)
    np.testing.assert_allclose(t.grad, slope, rtol=1e-9)


def test_a_layer_used_twice_adds_up_both_gradients():
    layer, x = ct.nn.Linear(3, 3).astype("float64"), np.ones((2, 3))
    layer(ct.ops.tanh(layer(x))).sum().backward()

    def f(W, b):
        return (jnp.tanh(x @ W.T + b) @ W.T + b).sum()

    dW, db = jax.grad(f, (0, 1))(jnp.asarray(layer.weight.data), jnp.asarray(layer.bias.data))
    np.testing.assert_allclose(layer.weight.grad, dW, rtol=1e-12)
    np.testing.assert_allclose(layer.bias.grad, db, rtol=1e-12)


# ---- the tape ------------------------------------------------------------------------------------------------------


def test_gradients_of_leaves_add_up_over_backward_calls_and_those_between_do_not():
    w = leaf([1.0, 2.0])
    middle = w * 3
    (middle * w).sum().backward(keep=True)
    np.testing.assert_allclose(w.grad, [6, 12])
    once = middle.grad.copy()
    (w * w).sum().backward()
    np.testing.assert_allclose(w.grad, [8, 16])
    np.testing.assert_allclose(middle.grad, once)


def test_keep_allows_a_second_backward():
    w = leaf([1.0, 2.0])
    J = (w * w).sum()
    J.backward(keep=True)
    J.backward()
    np.testing.assert_allclose(w.grad, [4, 8])
    with pytest.raises(ArgumentError, match=r"already ran.*keep=True"):
        J.backward()


def test_gradients_of_values_in_between_are_kept():
    w = leaf([1.0, 2.0])
    z = w * 2
    (z * z).sum().backward()
    np.testing.assert_allclose(z.grad, [4, 8])


def test_tapes_that_meet_become_one():
    a, b = leaf(2.0), leaf(3.0)
    left, right = a * a, b * b * b
    later = left * 2
    (left * right + later).backward()
    assert a.grad == 2 * 2 * 27 + 2 * 2 * 2 and b.grad == 4 * 27


def test_what_does_not_lead_to_J_gets_no_gradient():
    a, b = leaf(2.0), leaf(3.0)
    unused = a * b
    (a * a).backward()
    assert a.grad == 4 and b.grad is None and unused.grad is None


def test_a_thousand_operations_need_no_recursion():
    x = leaf(1.0)
    y = x
    for _ in range(3000):
        y = y + 0.001
    y.backward()
    assert x.grad == 1


def test_the_tape_can_be_read():
    layer = ct.nn.Sequential(ct.nn.Linear(2, 3), ct.nn.ReLU())
    y = layer([[1.0, 2.0]]).sum()
    lines = str(y.tape).splitlines()
    assert lines == [
        "  0  layer1: linear((1, 2), (3, 2), (3,)) -> (1, 3)", "  1  layer1: relu((1, 3)) -> (1, 3)",
        "  2  sum((1, 3)) -> ()",
    ]
    y.backward()
    assert str(y.tape) == ""


def test_what_needs_no_gradient_leaves_no_tape():
    assert (ct.Tensor([1.0]) * 2).tape is None


# ---- numbers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numbers_and_arrays_follow_the_precision_of_the_tensor(dtype):
    x = ct.Tensor(np.ones(3, dtype), requires_grad=True)
    for y in (x + 1, 2.5 * x, x - np.ones(3), np.ones(3, np.float32) / x, x * np.float64(2), x**2):
        assert y.dtype == dtype
    for i in (np.arange(3), np.arange(3, dtype=np.int32), ct.Tensor(np.arange(3)), np.array([True, False, True])):
        assert (x * i).dtype == (i + x).dtype == dtype
    assert ct.ops.concat([ct.Tensor([1, 2]), x], axis=0).dtype == dtype
    (x * np.arange(3.0)).sum().backward()
    assert x.grad.dtype == dtype


def test_integers_are_looked_up_and_get_no_gradient():
    table, i = leaf(np.arange(6.0).reshape(3, 2)), ct.Tensor(np.array([2, 0, 2]))
    h = ct.ops.embedding(i, table)
    np.testing.assert_array_equal(h.numpy(), [[4, 5], [0, 1], [4, 5]])
    h.sum().backward()
    np.testing.assert_array_equal(table.grad, [[1, 1], [0, 0], [2, 2]])
    assert i.grad is None and not i.requires_grad


def test_integers_that_want_a_gradient_become_float64():
    x = ct.Tensor([1, 2], requires_grad=True)
    (x * x).sum().backward()
    assert x.dtype == np.float64 and x.grad.tolist() == [2, 4]


def test_grad_gives_the_gradient_as_an_array():
    np.testing.assert_array_equal(ct.grad(lambda x: (x**3).sum())(np.array([1.0, 2.0])), [3, 12])
    np.testing.assert_array_equal(ct.grad(lambda x: (x * x).sum())([1, 2]), [2, 4])


def test_grad_leaves_the_array_alone():
    x = np.ones(2)
    x.flags.writeable = False
    np.testing.assert_array_equal(ct.grad(lambda t: (t * 5).sum())(x), [5, 5])


def test_grad_of_what_ignores_its_argument_is_zero():
    w = leaf(1.0)
    np.testing.assert_array_equal(ct.grad(lambda x: w * 2.0)([1.0, 2.0]), [0, 0])


def test_the_leaf_keeps_no_view_of_other_gradients():
    a, b = leaf([1.0]), leaf([1.0])
    (a + b).sum().backward()
    a.grad += 1
    assert b.grad.tolist() == [1]


# ---- errors --------------------------------------------------------------------------------------------------------


def test_backward_starts_at_one_number():
    with pytest.raises(ShapeError, match=r"shape \(2,\): take .mean\(\) or .sum\(\)"):
        (leaf([1.0, 2.0]) * 2).backward()


def test_backward_with_nothing_to_differentiate():
    with pytest.raises(ArgumentError, match="no input of this tensor has requires_grad"):
        ct.Tensor([1.0]).sum().backward()


def test_shapes_that_do_not_fit_name_the_operation_and_both_shapes():
    with pytest.raises(ShapeError, match=r"add \(w = u \+ v\) cannot take shapes \(2,\), \(3,\)"):
        leaf([1.0, 2.0]) + leaf([1.0, 2.0, 3.0])


def test_text_has_no_gradient():
    with pytest.raises(ArgumentError, match="needs numbers"):
        ct.Tensor(["a"], requires_grad=True)


@pytest.mark.parametrize("look", [bool, float, lambda x: x.item(), lambda x: x.numpy(), np.exp, np.asarray])
def test_values_cannot_be_looked_at_while_recording(look):
    class Looks(ct.nn.Module):
        def __init__(self):
            self.layer = ct.nn.Linear(2, 1)

        def forward(self, x):
            look(self.layer(x).sum())
            return x

    with pytest.raises(RecordingError, match="while the model is being recorded"):
        ct.compile(Looks(), "mse", target=np.zeros((2, 2)), engine="reference")


def test_outside_of_a_recording_a_tensor_is_a_number_and_an_array():
    x = ct.Tensor([[2.0]])
    assert float(x) == 2 and bool(x) and np.exp(x).shape == (1, 1) and len(x) == 1 and x.ndim == 2 and x.size == 1
