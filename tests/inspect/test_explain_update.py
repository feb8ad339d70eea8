"""explain_update: the parts of a step add up to it, for every optimizer; Adam with L2 beside AdamW."""

import numpy as np
import pytest

import cutaway as ct

nn, optim = ct.nn, ct.optim
PLAIN = {name: cls(0.01) for name, cls in optim.OPTIMIZERS.items() if cls.__module__.startswith("cutaway.")}
OPTIMIZERS = PLAIN | {
    "clipped": optim.clip(optim.Adam(0.01), norm=0.01),
    "clipped by value": optim.clip(optim.Momentum(0.1), value=0.001),
    "l2": optim.l2(optim.Adam(0.01), 0.1), "l2, then clipped": optim.l2(optim.clip(optim.SGD(0.1), norm=0.05), 0.1),
    "l1": optim.l1(optim.Adam(0.01), 0.1), "matrices": optim.AdamW(0.01, decay="matrices"),
    "scheduled": optim.AdamW(optim.schedules.cosine(0.1, steps=10)),
}


def steps(optimizer, count=3, dtype="float64", net=None):
    X, y = ct.datasets.make("moons", n=24, seed=0)
    net = (net or nn.MLP(2, [5], 2)).init(3).astype(dtype)
    return ct.trace(net, X, y, "cross_entropy", optimizer, steps=count, engine="reference")


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_parts_add_up_to_the_step(name):
    for t in steps(OPTIMIZERS[name]):
        for parameter in t.parameters:
            change = t.update(parameter).change
            for index in np.ndindex(*change.shape):
                e = t.explain_update(parameter, *index)
                assert e.value == change[index]
                assert abs(e.rounding) <= 1e-13
                assert e.parts[-1].so_far == pytest.approx(e.value, rel=1e-9, abs=1e-13)


@pytest.mark.parametrize("name", PLAIN)
def test_in_single_precision_what_is_left_is_rounding(name):
    t = steps(PLAIN[name], dtype="float32")[1]
    e = t.explain("layer1.weight", 3, 1, of="update")
    assert abs(e.rounding) < 1e-6 * max(abs(e.before), abs(e.value)) + 1e-9
    assert str(e).splitlines()[0].startswith("ΔW1[3, 1] = ")


def test_gradient_descent_has_one_part_and_it_is_minus_eta_g():
    t = steps(optim.SGD(0.1), 1, dtype="float32")
    e = t.explain_update("layer1.weight", 0, 1)
    assert [p.name for p in e.parts] == ["gradient"]
    assert e.parts[0].value == pytest.approx(-0.1 * t.grad("layer1.weight")[0, 1])


def test_adam_with_l2_and_adamw_can_be_read_apart():
    l2, adamw = (steps(opt, 1) for opt in (optim.l2(optim.Adam(0.01), 0.1), optim.AdamW(0.01, weight_decay=0.1)))
    behind, apart = (t.explain_update("layer1.weight", 3, 1) for t in (l2, adamw))
    wanted = -0.01 * 0.1 * behind.before
    assert behind.decoupled == apart.decoupled == pytest.approx(wanted)
    assert apart.decay == pytest.approx(wanted) and apart.parts[-1].value == pytest.approx(wanted)
    assert abs(behind.decay) < 0.01 * abs(wanted)  # the first step is η long whatever L2 adds: its scaling undoes it
    assert [p.name for p in behind.parts] == ["gradient", "L2 in the gradient", "momentum", "adaptive scaling",
                                              "bias correction"]
    assert [p.name for p in apart.parts] == ["gradient", "momentum", "adaptive scaling", "bias correction",
                                             "decoupled decay"]


def test_l1_is_a_part_of_the_step_and_no_weight_decay():
    e = steps(optim.l1(optim.SGD(0.5), 0.25), 1).explain_update("layer1.weight", 3, 1)
    assert [p.name for p in e.parts] == ["gradient", "L1 in the gradient"] and e.decay is None
    assert e.parts[1].value == pytest.approx(-0.5 * 0.25 * np.sign(e.before)) and e.before


def test_bias_correction_shrinks_with_the_steps():
    first, *_, last = steps(optim.Adam(0.01, beta2=0.9), 30)
    sizes = [abs(t.explain_update("layer2.weight", 0, 0).parts[3].factor - 1) for t in (first, last)]
    assert sizes[1] < sizes[0]


def test_a_bias_that_decay_leaves_out_says_so():
    e = steps(OPTIMIZERS["matrices"], 1).explain_update("layer1.bias", 0)
    assert e.parts[-1].value == 0 and "leaves this one out" in e.parts[-1].formula and e.decay is None


def test_an_optimizer_of_ones_own_has_its_rule_as_a_part():
    def sign(theta, g, *, lr):
        return theta - lr * np.sign(g)

    class Sign(optim.Optimizer):
        rule = staticmethod(sign)

    try:
        t = steps(Sign(0.01), 1)
        e = t.explain_update("layer1.weight", 3, 1)
    finally:
        del optim.OPTIMIZERS["Sign"]
    assert [p.name for p in e.parts] == ["gradient", "Sign's rule"] and abs(e.rounding) < 1e-15
