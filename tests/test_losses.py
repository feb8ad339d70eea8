"""Losses as functions: their values by hand, weights, shapes that are refused, and that raw outputs stay stable."""

import numpy as np
import pytest
from sklearn.metrics import mean_poisson_deviance

import cutaway as ct
from cutaway.errors import ArgumentError, ShapeError
from cutaway.losses import LOSSES

Z, Y = np.array([[1.0, -2.0], [0.5, 3.0]]), np.array([[0.0, 1.0], [1.0, 0.0]])


@pytest.mark.parametrize(("name", "z", "y", "value"), [
    ("mse", Z, Y, (1 + 9 + 0.25 + 9) / 4), ("half_mse", Z, Y, (1 + 9 + 0.25 + 9) / 8),
    ("mae", Z, Y, (1 + 3 + 0.5 + 3) / 4),
    ("huber", Z, Y, (0.5 + 2.5 + 0.125 + 2.5) / 4),
    ("poisson", Z, Y, mean_poisson_deviance(Y.ravel(), np.exp(Z).ravel()) / 2),
    ("binary_cross_entropy", Z, Y, np.mean(np.log1p(np.exp(-Z * (2 * Y - 1))))),
    ("cross_entropy", Z, np.array([1, 0]), (np.log(1 + np.exp(3)) + np.log(1 + np.exp(2.5))) / 2),
    ("cross_entropy", Z, Y, (np.log(1 + np.exp(3)) + np.log(1 + np.exp(2.5))) / 2),
])  # fmt: skip
def test_values(name, z, y, value):
    assert LOSSES[name](z, y).item() == pytest.approx(value, rel=1e-14)


@pytest.mark.parametrize("name", LOSSES)
def test_weights_of_samples(name):
    """Σ w ℓ / B: a weight of two counts a row twice, a weight of zero not at all."""
    y = np.array([1, 0]) if name == "cross_entropy" else Y
    first, second = (LOSSES[name](Z[i : i + 1], y[i : i + 1]).item() for i in (0, 1))
    assert LOSSES[name](Z, y, weight=np.array([2.0, 0.0])).item() == pytest.approx(first)
    assert LOSSES[name](Z, y, weight=np.array([0.5, 1.5])).item() == pytest.approx((0.5 * first + 1.5 * second) / 2)


@pytest.mark.parametrize("name", [n for n in LOSSES if n != "cross_entropy"])
def test_one_output_takes_a_vector_of_targets_and_nothing_else_broadcasts(name):
    z, y = Z[:, :1], Y[:, 0]
    assert LOSSES[name](z, y).item() == LOSSES[name](z, y[:, None]).item()
    for wrong in (np.zeros(3), np.zeros((1, 2)), np.zeros((2, 1)), np.zeros(2), np.zeros(())):
        with pytest.raises(ShapeError, match=r"outputs of shape \(2, 2\) but the targets have shape"):
            LOSSES[name](Z, wrong)
    with pytest.raises(ShapeError):
        LOSSES[name](np.zeros(2), np.zeros((2, 1)))


def test_cross_entropy_refuses_what_is_no_class():
    for wrong in (np.array([0, 2]), np.array([-1, 0])):
        with pytest.raises(ShapeError, match="2 outputs are for classes 0 to 1, but y has classes"):
            ct.losses.cross_entropy(Z, wrong)
    with pytest.raises(ShapeError, match=r"class numbers must have shape \(2,\), got \(2, 1\)"):
        ct.losses.cross_entropy(Z, np.array([[0], [1]]))
    with pytest.raises(ShapeError, match=r"outputs must be \(n, classes\), got \(2,\)"):
        ct.losses.cross_entropy(np.zeros(2), np.array([0, 1]))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_outputs_far_from_zero_give_finite_losses_and_gradients(dtype):
    z = ct.Tensor(np.array([[1000.0, -1000.0], [-1000.0, 1000.0]], dtype), requires_grad=True)
    for J in (ct.losses.cross_entropy(z, np.array([1, 1])), ct.losses.binary_cross_entropy(z, Y)):
        z.grad = None
        J.backward()
        assert np.isfinite(J.item()) and np.isfinite(z.grad).all() and z.grad.dtype == dtype


@pytest.mark.parametrize("name", LOSSES)
def test_precision_is_that_of_the_outputs(name):
    y = np.array([1, 0]) if name == "cross_entropy" else Y
    assert LOSSES[name](ct.Tensor(Z.astype("float32")), y).dtype == np.float32


def test_whole_numbers_as_targets_of_a_regression():
    assert ct.losses.mse(Z, np.array([[0, 1], [1, 0]])).item() == ct.losses.mse(Z, Y).item()


def test_targets_and_weights_that_want_a_gradient_are_refused():
    z, y = ct.Tensor(Z, requires_grad=True), ct.Tensor(Y, requires_grad=True)
    for call in (lambda: ct.losses.mse(z, y), lambda: ct.losses.mse(z, Y, weight=y[:, 0]),
                 lambda: ct.losses.cross_entropy(z, y * 2)):  # fmt: skip
        with pytest.raises(ArgumentError, match="would get no gradient"):
            call()


def test_by_name():
    assert ct.losses.get("mse") is ct.losses.mse and ct.losses.get(np.sum) is np.sum
    with pytest.raises(ArgumentError, match="no loss is called 'mean': use one of mse, half_mse"):
        ct.losses.get("mean")


@pytest.mark.smoke
def test_the_worked_example_of_the_lecture():
    """z = wx + b, a = sigmoid(z), J = (a - y)²/2: dJ/dw = (a - y) · a (1 - a) · x."""
    w, b = ct.Tensor([[0.5]], requires_grad=True), ct.Tensor([0.1], requires_grad=True)
    a = ct.ops.sigmoid(ct.ops.linear(ct.Tensor([[2.0]]), w, b))
    ct.losses.half_mse(a, [[1.0]]).backward()
    value = 1 / (1 + np.exp(-1.1))
    assert w.grad[0, 0] == pytest.approx((value - 1) * value * (1 - value) * 2, rel=1e-14)
    assert b.grad[0] == pytest.approx((value - 1) * value * (1 - value), rel=1e-14)
