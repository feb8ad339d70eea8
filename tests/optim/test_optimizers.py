"""Optimizers: hand-computed steps, the traps of the formulas, purity, convergence, and the CPU's update loop."""

from dataclasses import replace

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError, ShapeError
from cutaway.optim import OPTIMIZERS, SGD, AdaGrad, Adam, AdamW, Momentum, RMSProp, clip, l1, l2, schedules
from depth import each_once, every

# θ after one and two steps from θ = 1 with lr 0.1 and gradients 2, then -1; worked out by hand from MATHS: for Adam,
# m = 0.2, 0.08; v = 0.004, 0.004996; bias corrections 0.1, 0.19 and 0.001, 0.001999 (in decimal arithmetic).
STEPS = {
    "SGD": ({}, 0.8, 0.9),
    "Momentum": ({}, 0.98, 0.972),                          # v = 0.2, 0.08
    "HeavyBall": ({}, 0.8, 0.72),                           # v = 2, 0.8
    "Nesterov": ({}, 0.62, 0.648),                          # v = 2, 0.8; g + 0.9 v = 3.8, -0.28
    "AdaGrad": ({"eps": 1.0}, 0.9333333333333333, 0.9642350327708281),     # G = 4, 5
    "RMSProp": ({"eps": 0.6}, 0.8, 0.8971285862357264),     # E = 0.4, 0.46: √(0.4 + 0.6) = 1
    "RMSPropOutside": ({"eps": 1.0}, 0.8774851773445586, 0.9370716591385351),
    "Adam": ({"eps": 1.0}, 0.9333333333333333, 0.9170191645106088),        # m̂ = 2, v̂ = 4
    "AMSGrad": ({"eps": 1.0}, 0.9333333333333333, 0.9170191645106088),
    "AdamW": ({"eps": 1.0, "weight_decay": 0.5}, 0.8833333333333333, 0.8228524978439421),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_first_two_steps_are_those_worked_out_by_hand(name):
    settings, first, second = STEPS[name]
    opt = OPTIMIZERS[name](0.1, **settings)
    theta = np.array([1.0])
    state = opt.init(theta)
    theta, state = opt.update(theta, np.array([2.0]), state)
    assert theta[0] == pytest.approx(first, rel=1e-13)
    theta, state = opt.update(theta, np.array([-1.0]), state)
    assert theta[0] == pytest.approx(second, rel=1e-13) and state["t"] == 2


def test_bias_correction_divides():
    """Adam's first step has the length lr whatever the gradient; multiplying would make it a thousandth of it."""
    for g in (1e-3, 5.0, -400.0):
        theta, _ = Adam(0.1).update(np.zeros(1), np.array([g]), Adam(0.1).init(np.zeros(1)))
        assert theta[0] == pytest.approx(-0.1 * np.sign(g), rel=1e-4)


def test_adagrad_and_rmsprop_first_steps():
    g = np.array([3.0])
    assert AdaGrad(0.1).update(np.zeros(1), g, AdaGrad(0.1).init(g))[0][0] == pytest.approx(-0.1)
    assert RMSProp(0.1).update(np.zeros(1), g, RMSProp(0.1).init(g))[0][0] == pytest.approx(-0.1 / np.sqrt(0.1))


def test_epsilon_stands_inside_the_root_in_rmsprop_and_outside_elsewhere():
    g = np.array([1e-6])
    inside, _ = RMSProp(1.0, alpha=0.0, eps=1e-8).update(np.zeros(1), g, RMSProp(1.0).init(g))
    assert inside[0] == pytest.approx(-1e-6 / np.sqrt(1e-12 + 1e-8))
    for opt in (AdaGrad(1.0), Adam(1.0), ct.optim.RMSPropOutside(1.0, alpha=0.0)):
        outside, _ = opt.update(np.zeros(1), g, opt.init(g))
        assert outside[0] == pytest.approx(-1e-6 / (1e-6 + 1e-8))


def test_weight_decay_of_adamw_does_not_enter_the_moments_and_l2_does():
    theta, g = np.array([10.0]), np.array([0.5])
    _, plain = Adam(0.1).update(theta, g, Adam(0.1).init(theta))
    _, decoupled = AdamW(0.1, weight_decay=0.3).update(theta, g, Adam(0.1).init(theta))
    _, coupled = l2(Adam(0.1), 0.3).update(theta, g, Adam(0.1).init(theta))
    assert decoupled["m"] == plain["m"] and decoupled["v"] == plain["v"]
    assert coupled["m"] == pytest.approx(0.1 * (0.5 + 0.3 * 10)) and coupled["v"] == pytest.approx(0.001 * 3.5**2)


def test_adamw_decays_from_the_old_theta():
    theta, g = np.array([10.0]), np.array([0.5])
    adam, _ = Adam(0.1).update(theta, g, Adam(0.1).init(theta))
    adamw, _ = AdamW(0.1, weight_decay=0.3).update(theta, g, Adam(0.1).init(theta))
    assert adamw[0] == pytest.approx(adam[0] - 0.1 * 0.3 * 10)


def test_amsgrad_keeps_the_largest_scale():
    opt, theta = ct.optim.AMSGrad(0.1), np.zeros(1)
    state = opt.init(theta)
    for g in (10.0, 0.0, 0.0):
        theta, state = opt.update(theta, np.array([g]), state)
    assert state["top"][0] == pytest.approx(0.1) and state["v"][0] < 0.0999


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_update_is_pure_and_keeps_the_precision(name, dtype):
    opt = clip(l2(OPTIMIZERS[name](0.1), 0.1), norm=0.5)
    theta, g = np.ones(5, dtype), np.arange(5, dtype=dtype)
    state = opt.init(theta)
    for array in (theta, g, *(v for v in state.values() if isinstance(v, np.ndarray))):
        array.flags.writeable = False
    new, after = opt.update(theta, g, state)
    assert new.dtype == dtype and all(v.dtype == dtype for v in after.values() if isinstance(v, np.ndarray))
    assert state["t"] == 0 and after["t"] == 1 and after.keys() == state.keys()
    assert not np.array_equal(new, theta)
    np.testing.assert_array_equal(new, opt.update(theta, g, state)[0])


def descend(opt, slope, start, steps):
    theta = np.array(start, float)
    state = opt.init(theta)
    for _ in range(steps):
        theta, state = opt.update(theta, slope(theta), state)
    return theta


RATES = {"SGD": 0.1, "Momentum": 0.2, "HeavyBall": 0.02, "Nesterov": 0.02, "AdaGrad": 0.5, "AdamW": 0.05}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_finds_the_bottom_of_a_parabola(name):
    opt = OPTIMIZERS[name](schedules.cosine(RATES.get(name, 0.05), steps=600))
    if name == "AdamW":
        opt = AdamW(opt.lr, weight_decay=0.0)
    end = descend(opt, lambda t: np.array([2.0, 8.0]) * (t - [3, -2]), [0, 0], 600)
    np.testing.assert_allclose(end, [3, -2], atol=1e-3)


VALLEY = {"SGD": 1.9e-3, "Momentum": 1e-2, "HeavyBall": 5e-4, "Nesterov": 5e-4, "AdaGrad": 0.5}


@pytest.mark.parametrize("name", every(3, list(OPTIMIZERS)))
def test_follows_rosenbrocks_valley_to_its_end(name):
    def slope(t):
        x, y = t
        return np.array([-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)])

    opt = OPTIMIZERS[name](schedules.cosine(VALLEY.get(name, 0.02), steps=15000))
    if name == "AdamW":
        opt = AdamW(opt.lr, weight_decay=0.0)
    np.testing.assert_allclose(descend(opt, slope, [-1.0, 1.0], 15000), [1, 1], atol=0.02)


# ---- what stands around a rule -------------------------------------------------------------------------------------


def test_clip_by_norm_shortens_long_gradients_alone():
    opt, theta = clip(SGD(1.0), norm=1.0), np.zeros(2)
    np.testing.assert_allclose(opt.update(theta, np.array([3.0, 4.0]), opt.init(theta))[0], [-0.6, -0.8])
    np.testing.assert_allclose(opt.update(theta, np.array([0.3, 0.4]), opt.init(theta))[0], [-0.3, -0.4])
    np.testing.assert_array_equal(opt.update(theta, np.zeros(2), opt.init(theta))[0], [0, 0])


def test_clip_by_value():
    opt, theta = clip(SGD(1.0), value=0.5), np.zeros(3)
    np.testing.assert_array_equal(opt.update(theta, np.array([3.0, -4.0, 0.1]), opt.init(theta))[0], [-0.5, 0.5, -0.1])


def test_transforms_apply_from_the_outside_in():
    theta, g = np.array([3.0]), np.array([1.0])
    last, first = l2(clip(SGD(1.0), norm=2.0), 1.0), clip(l2(SGD(1.0), 1.0), norm=0.5)
    assert last.update(theta, g, last.init(theta))[0][0] == pytest.approx(3 - 2)            # 1 + 3, then cut to 2
    assert first.update(theta, g, first.init(theta))[0][0] == pytest.approx(3 - (0.5 + 3))  # cut to 0.5, then + 3


def test_l1_adds_its_weight_with_the_sign_of_theta():
    opt, theta = l1(SGD(0.5), 0.25), np.array([2.0, -2.0, 0.0, 1e-30])
    np.testing.assert_array_equal(opt.update(theta, np.array([1.0, 1.0, 0.0, 0.0]), opt.init(theta))[0],
                                  [2 - 0.5 * 1.25, -2 - 0.5 * 0.75, 0, -0.125])


def test_l1_drives_to_zero_what_the_loss_does_not_need():
    """|θ| + ½ (θ - a)² is lowest at a less 1 towards 0, and at 0 where |a| < 1; L2 would leave a / 2."""
    a = np.array([3.0, 0.5, -2.0])
    np.testing.assert_allclose(descend(l1(SGD(1e-3), 1.0), lambda t: t - a, [1, 1, 1], 10_000), [2, 0, -1], atol=2e-3)


def test_decay_of_matrices_alone():
    model = ct.nn.Sequential(ct.nn.Linear(2, 3), ct.nn.LayerNorm(3)).astype("float64").init(0)
    model.layers[0].bias.data[...] = 1
    opt, before = AdamW(0.1, weight_decay=0.5, decay="matrices"), model.theta.copy()
    flags = model.decays(opt)
    np.testing.assert_array_equal(flags, [1] * 6 + [0] * 9)
    theta, _ = opt.update(before, np.zeros(15), opt.init(before, flags))
    np.testing.assert_allclose(theta, np.where(flags, before * 0.95, before))


def test_a_frozen_parameter_is_neither_moved_nor_decayed():
    model = ct.nn.Linear(2, 2)
    model.bias.requires_grad = False
    np.testing.assert_array_equal(model.decays(AdamW(0.1)), [1, 1, 1, 1, 0, 0])


@pytest.mark.parametrize(("make", "says"), [
    (lambda: SGD(0.1, momentum=0.9), r"SGD has no momentum: use ct.optim.Momentum\(lr, beta=0.9\).*\(1 - beta\)"),
    (lambda: SGD(-1), "lr must be a number >= 0"), (lambda: SGD("fast"), "lr must be a number"),
    (lambda: SGD(float("nan")), "lr must be a number"), (lambda: Adam(0.1, beta1=1.0), r"beta1 must lie in \[0, 1\)"),
    (lambda: RMSProp(0.1, alpha=-0.1), "alpha must lie in"),
    (lambda: AdamW(0.1, weight_decay=-1), "must not be negative"),
    (lambda: AdamW(0.1, decay="biases"), 'decay must be "all" or "matrices"'),
    (lambda: l1(SGD(1), -0.1), "from 0 on, got -0.1"), (lambda: l1(SGD(1), float("nan")), "from 0 on, got nan"),
    (lambda: clip(SGD(1)), "norm= or value="),
    (lambda: clip(SGD(1), norm=1, value=1), "norm= or value="), (lambda: clip(SGD(1), norm=-1), "above zero"),
])
def test_settings_that_make_no_sense(make, says):
    with pytest.raises(ArgumentError, match=says):
        make()


def test_gradient_of_another_shape():
    with pytest.raises(ShapeError, match=r"theta has shape \(2,\), its gradient \(3,\)"):
        SGD(0.1).update(np.zeros(2), np.zeros(3), {"t": 0})


# ---- the CPU's loop ------------------------------------------------------------------------------------------------


def prepared(name):
    rate = schedules.exponential(0.05, 0.9)
    own = {
        "clipped": lambda: clip(l2(AdamW(rate), 0.1), norm=0.7),
        "l1": lambda: l1(Adam(rate), 0.1),
        "cut": lambda: l2(clip(Momentum(0.1), value=0.05), 0.1),
        "matrices": lambda: AdamW(rate, weight_decay=0.3, decay="matrices"),
    }
    return own[name]() if name in own else OPTIMIZERS[name](rate)


@pytest.mark.parametrize(("name", "dtype"), each_once(
    [*OPTIMIZERS, "clipped", "l1", "cut", "matrices"], ["float32", "float64"]))
def test_cpu_update_equals_the_rule(name, dtype):
    """From the same weights, state and gradient, one step at a time: θ within two units in the last place."""
    opt = prepared(name)
    tolerance = {"float32": {"rtol": 2.5e-7, "atol": 6e-8}, "float64": {"rtol": 1e-12, "atol": 1e-15}}[dtype]
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(6, 5)), rng.normal(size=(6, 7))
    model = ct.nn.Sequential(ct.nn.Linear(5, 6), ct.nn.Tanh(), ct.nn.Linear(6, 7)).astype(dtype).init(0)
    model.layers[0].bias.requires_grad = name not in ("clipped", "cut")
    program = ct.compile(model, "mse", opt, batch_size=6, input=X[:2], target=y[:2], keep_all=True)
    program.feed(X, y)
    state = opt.init(model.theta, model.decays(opt))
    learning = np.concatenate([np.full(p.size, p.requires_grad) for p in model.parameters()])
    for _ in range(4):
        theta = model.theta.copy()
        state |= {k: v.copy() for k, v in program.state.items() if k != "t"}
        J = ct.losses.mse(model(X), y)
        J.backward()
        g = np.where(learning, model.grad, 0).astype(dtype)
        program.run()
        got = program.value("g")
        near = {"rtol": 1e-4, "atol": 1e-6} if dtype == "float32" else {"rtol": 1e-10, "atol": 1e-14}
        np.testing.assert_allclose(got[learning], prepare(opt, g, theta)[learning], **near)
        expected, state = replay(opt, theta, got, state)
        np.testing.assert_allclose(model.theta[learning], expected[learning], **tolerance)
        np.testing.assert_array_equal(model.theta[~learning], theta[~learning])
        for key in opt.state_names:
            np.testing.assert_allclose(program.state[key][learning], state[key][learning], **tolerance)
        assert program.state["t"] == state["t"]
        model.zero_grad()


def prepare(opt, g, theta):
    for step in opt.prepare:
        g = step.apply(g, theta)
    return g


def replay(opt, theta, g, state):
    """The rule alone, on a gradient that is prepared already."""
    return replace(opt, prepare=()).update(theta, g, state)
