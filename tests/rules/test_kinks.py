"""Slopes where there is no single one (kinks, ties) or where a rule meets 0 · ∞: as Tensors, by rule, in machine code.

Where NumPy and PyTorch have an answer it is ours (docs/conventions.md); the truth stands here a second time, by hand.
"""

import numpy as np
import pytest
from test_extremes import hows, made

import cutaway as ct
from cutaway.autodiff import apply
from cutaway.rules import OPS

#: operation, its inputs at one place, settings: value, and slope in the first input
KINKS = {
    "relu at 0": ("relu", (0.0,), {}, 0, 0),
    "leaky_relu at 0": ("leaky_relu", (0.0,), {"slope": 0.01}, 0, 0.01),
    "abs at 0": ("abs", (0.0,), {}, 0, 0),
    "abs at -0": ("abs", (-0.0,), {}, 0, 0),
    "elu at 0": ("elu", (0.0,), {"alpha": 2.0}, 0, 2),
    "selu at 0": ("selu", (0.0,), {}, 0, 1.0507009873554805 * 1.6732632423543772),
    "maximum at a tie": ("maximum", (0.0, 0.0), {}, 0, 0.5),
    "maximum of -0 and 0": ("maximum", (-0.0, 0.0), {}, 0, 0.5),
    "minimum at a tie": ("minimum", (2.0, 2.0), {}, 2, 0.5),
    "clip at its lower end": ("clip", (0.0,), {"low": 0.0, "high": 1.0}, 0, 1),
    "clip at its upper end": ("clip", (1.0,), {"low": 0.0, "high": 1.0}, 1, 1),
    "clip beyond": ("clip", (1.5,), {"low": 0.0, "high": 1.0}, 1, 0),
    "power 0 at 0": ("power", (0.0,), {"exponent": 0.0}, 1, 0),
    "power 0 at infinity": ("power", (np.inf,), {"exponent": 0.0}, 1, 0),
    "power 1 at 0": ("power", (0.0,), {"exponent": 1.0}, 0, 1),
    "power 2 at 0": ("power", (0.0,), {"exponent": 2.0}, 0, 0),
    "power 1/2 at 0": ("power", (0.0,), {"exponent": 0.5}, 0, np.inf),
    "power -1 at 0": ("power", (0.0,), {"exponent": -1.0}, np.inf, -np.inf),
    "sqrt at 0": ("sqrt", (0.0,), {}, 0, np.inf),
    "log at 0": ("log", (0.0,), {}, -np.inf, np.inf),
    "mae at a tie": ("mae", (1.0, 1.0), {}, 0, 0),
    "huber at a tie": ("huber", (1.0, 1.0), {"delta": 1.0}, 0, 0),
}


@hows
def test_a_quantile_at_a_tie_has_the_slope_between_its_two(how):
    q, y, t = np.ones((3, 1)), np.ones(3), np.array([0.2])
    l, d = made(how, "pinball", (q, y, t), ("rows", "fixed", "weights"), {}, "float64")
    assert l.tolist() == [0, 0, 0]
    np.testing.assert_allclose(d, 0.3)  # halfway between -0.2 and 0.8


@hows
@pytest.mark.parametrize("place", KINKS)
def test_slopes_at_kinks(place, how):
    name, given, settings, value, slope = KINKS[place]
    kinds = ("rows", "fixed") if name in ("mae", "huber") else ("rows",) * len(given)
    with np.errstate(all="ignore"):
        out, d = made(how, name, tuple(np.full((3, 1), x) for x in given), kinds, settings, "float64")
    np.testing.assert_allclose(out.ravel(), value, err_msg=place)
    np.testing.assert_allclose(d.ravel(), slope, err_msg=place)


@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_a_tie_gives_half_to_either_side_and_all_of_it_together(name):
    u, v = (ct.Tensor([0.0, 3.0], requires_grad=True) for _ in range(2))
    apply(name, u, v).sum().backward()
    assert u.grad.tolist() == v.grad.tolist() == [0.5, 0.5]


@pytest.mark.parametrize("axis", [None, 1, -1, (0, 1)])
def test_equal_largest_numbers_share_their_slope(axis):
    x = ct.Tensor([[1.0, 3.0, 3.0], [3.0, 0.0, 2.0]], requires_grad=True)
    ct.ops.max(x, axis=axis).sum().backward()
    assert x.grad.sum() == pytest.approx(1 if axis in (None, (0, 1)) else 2)
    assert x.grad[0, 1] == x.grad[0, 2] == pytest.approx(1 / 3 if axis in (None, (0, 1)) else 1 / 2)


def test_the_length_of_nothing_has_slope_0():
    x = ct.Tensor([[0.0, 0.0], [3.0, 4.0]], requires_grad=True)
    ct.ops.norm(x, axis=1).sum().backward()
    np.testing.assert_allclose(x.grad, [[0, 0], [0.6, 0.8]])


def test_the_deviation_of_equal_numbers_has_slope_0():
    x = ct.Tensor([[2.0, 2.0, 2.0]], requires_grad=True)
    ct.ops.std(x, axis=1).sum().backward()
    assert x.grad.tolist() == [[0, 0, 0]]


@hows
@pytest.mark.parametrize(("name", "settings", "at"), [
    ("log", {}, 0.0), ("sqrt", {}, 0.0), ("power", {"exponent": 0.5}, 0.0), ("power", {"exponent": -2.0}, 0.0),
    ("exp", {}, 2000.0),
])
def test_no_gradient_stays_none_where_a_slope_is_infinite(name, settings, at, how):
    """As in where(x > 0, log(x), 0): what the choice leaves out must not come back as NaN."""
    dw = np.zeros(2)
    with np.errstate(all="ignore"):
        given = {"u": np.full(2, at), "w": OPS[name].forward(np.full(2, at), **settings)}
        d = OPS[name].backward(dw, *(given[k] for k in OPS[name].needs), **settings)
    assert d.tolist() == [0, 0]


@pytest.mark.parametrize("engine", ["reference", "cpu"])
def test_what_a_choice_leaves_out_cannot_spoil_a_fit(engine):
    class Safe(ct.nn.Module):
        def __init__(self):
            self.scale = ct.nn.Parameter((1,), ct.nn.init.ones)

        def forward(self, x):
            z = x * self.scale
            return ct.ops.where(z > 0, ct.ops.log(z) + ct.ops.sqrt(z) + z**-0.5, 0.0)

    X = np.array([[0.0], [1.0], [2.0], [0.0]])
    with np.errstate(all="ignore"):
        run = ct.fit(Safe().init(0), X, X[:, 0], epochs=3, engine=engine)
    assert np.isfinite(run.history["loss"]).all()


def test_a_class_that_is_ruled_out_costs_nothing_where_its_probability_is_0():
    z = ct.Tensor([[0.0, 1.0, -np.inf], [-np.inf, 0.0, 0.0]], requires_grad=True)
    y = np.array([[0.25, 0.75, 0.0], [0.0, 1.0, 0.0]])
    J = ct.losses.cross_entropy(z, y)
    J.backward()
    lse = np.log(1 + np.e)
    assert J.item() == pytest.approx((0.25 * lse + 0.75 * (lse - 1) + np.log(2)) / 2)
    p = np.array([[1, np.e, 0], [0, (1 + np.e) / 2, (1 + np.e) / 2]]) / (1 + np.e)
    np.testing.assert_allclose(z.grad, (p - y) / 2, atol=1e-15)


def test_a_class_that_is_ruled_out_and_happens_costs_infinitely_much():
    assert ct.losses.cross_entropy(np.array([[0.0, -np.inf]]), np.array([[0.5, 0.5]])).item() == np.inf


@hows
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "z", "y", "value", "slope"), [
    ("soft_cross_entropy", [0.0, 0.0, -np.inf], [0.25, 0.75, 0.0], np.log(2), [0.25, -0.25, 0.0]),
    ("soft_cross_entropy", [0.0, -np.inf], [0.5, 0.5], np.inf, [0.5, -0.5]),
    ("binary_cross_entropy", [np.inf, -np.inf], [1.0, 0.0], 0, [0.0, 0.0]),
    ("binary_cross_entropy", [np.inf, 0.0], [0.0, 0.0], np.inf, [0.5, 0.25]),
    ("binary_cross_entropy", [-np.inf, 0.0], [1.0, 0.0], np.inf, [-0.5, 0.25]),
    ("poisson", [-np.inf], [0.0], 0, [0.0]),
])
def test_what_is_ruled_out_and_does_not_happen_costs_nothing(name, z, y, value, slope, dtype, how):
    """0 · ∞ counts as 0 here, where PyTorch gives NaN for class probabilities (docs/conventions.md)."""
    given = tuple(np.tile(np.array(v, dtype), (3, 1)) for v in (z, y))
    with np.errstate(all="ignore"):
        loss, dz = made(how, name, given, ("rows", "fixed"), {}, dtype)
    np.testing.assert_allclose(loss, np.full(3, value), rtol=1e-6)
    np.testing.assert_allclose(dz, np.tile(slope, (3, 1)), rtol=1e-6)
