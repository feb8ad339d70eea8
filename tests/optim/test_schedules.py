"""Schedules: their values, at single steps and for a whole run at once."""

import pickle

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError
from cutaway.optim import schedules

ALL = {
    "constant": schedules.constant(0.1), "step": schedules.step(0.1, every=3),
    "exponential": schedules.exponential(0.1, 0.5),
    "cosine": schedules.cosine(0.1, steps=9), "one_cycle": schedules.one_cycle(0.1, steps=11),
    "flat_cosine": schedules.flat_cosine(0.1, steps=10), "coslog": schedules.coslog(0.1, steps=60),
    "warmup": schedules.warmup(schedules.cosine(0.1, steps=9), 4), "warmup of a number": schedules.warmup(0.1, 4),
}


@pytest.mark.parametrize(("name", "values"), [
    ("constant", {1: 0.1, 50: 0.1}),
    ("step", {1: 0.1, 3: 0.1, 4: 0.01, 6: 0.01, 7: 0.001}),
    ("exponential", {1: 0.1, 2: 0.05, 4: 0.0125}),
    ("flat_cosine", {1: 0.1, 6: 0.1, 8: 0.1 * 0.5 * (1 + np.cos(0.4 * np.pi)), 11: 0.0, 20: 0.0}),
    # with s = (t - ½) / 60: log₂(1 + 15 s) is a whole number, and the rate 0, where 15 s is 1, 3, 7, 15
    ("coslog", {1: 0.05 * (1 - np.cos(2 * np.pi * np.log2(1.125))), 22: 0.05 * (1 - np.cos(2 * np.pi * np.log2(6.375))),
                99: 0.0}),
    ("cosine", {1: 0.1, 4: 0.075, 7: 0.025, 9: 0.0030153689607045807, 10: 0.0, 20: 0.0}),  # (1 + cos 160°) / 20
    ("one_cycle", {1: 0.004, 11: 4e-7, 20: 4e-7}),
    ("warmup", {1: 0.02, 2: 0.04, 4: 0.08, 5: 0.1, 8: 0.075, 13: 0.0030153689607045807}),
    ("warmup of a number", {1: 0.02, 4: 0.08, 5: 0.1, 500: 0.1}),
])
def test_values(name, values):
    for t, rate in values.items():
        assert float(ALL[name](t)) == pytest.approx(rate, abs=1e-15), t


@pytest.mark.parametrize("name", ALL)
def test_a_whole_run_at_once(name):
    t = np.arange(1, 15)
    np.testing.assert_allclose(ALL[name](t), [float(ALL[name](int(k))) for k in t], rtol=1e-15)


#: torch 2.13's rates at a peak of 1: CosineAnnealingLR(T_max=n), the same in Keras 3.15 and optax 0.2.8, and OneCycleLR
COSINE = {
    1: [1], 2: [1, 0.5], 3: [1, 0.75, 0.25],
    10: [1, 0.97552825814757, 0.90450849718747, 0.79389262614624, 0.65450849718747, 0.5, 0.34549150281253,
         0.20610737385376, 0.09549150281253, 0.02447174185242],
}
ONE_CYCLE = {
    2: [0.81174565397496, 4e-6], 3: [0.99441543569095, 0.462637102667, 4e-6],
    10: [0.04, 0.52, 1, 0.95048463201347, 0.81174565397496, 0.61126202193629, 0.38874197806371, 0.18825834605024,
         0.04951936798653, 4e-6],
}


@pytest.mark.parametrize("n", COSINE)
def test_cosine_is_everybody_elses(n):
    np.testing.assert_allclose(schedules.cosine(1.0, steps=n)(np.arange(1, n + 1)), COSINE[n], rtol=1e-10)


@pytest.mark.parametrize("n", ONE_CYCLE)
def test_one_cycle_is_pytorchs(n):
    np.testing.assert_allclose(schedules.one_cycle(1.0, steps=n)(np.arange(1, n + 1)), ONE_CYCLE[n], rtol=1e-9)


def test_a_floor_is_never_passed():
    rates = schedules.cosine(0.2, steps=5, floor=0.1)(np.arange(1, 9))
    assert rates[:5].min() > 0.02 and rates[5:] == pytest.approx(0.02)


RUNS = {
    "cosine": schedules.cosine(1.0), "one_cycle": schedules.one_cycle(1.0), "coslog": schedules.coslog(1.0),
    "flat_cosine": schedules.flat_cosine(1.0),
    "warmup and cosine": schedules.warmup(schedules.cosine(1.0), 1), "constant": schedules.constant(1.0),
    "warmup alone": schedules.warmup(1.0, 3), "step": schedules.step(1.0, 2),
    "exponential": schedules.exponential(1.0, 0.9),
}


@pytest.mark.parametrize("n", [1, 2, 3, 10, 100])
@pytest.mark.parametrize("name", RUNS)
def test_every_update_of_a_run_does_something(name, n):
    rates = RUNS[name].for_run(n)(np.arange(1, n + 1))
    assert (rates > 0).all() and rates.max() > (0.2 if n > 1 else 0.05)  # the one update of coslog is no peak


@pytest.mark.parametrize("epochs", [1, 2, 5])
def test_every_update_of_a_default_fit_does_something(epochs):
    design = ct.design(np.arange(6.0)[:, None], np.array([0.0, 1.0, 4.0, 2.0, 3.0, 9.0]))
    design.epochs = epochs
    opt = design.optimizer().for_run(design.steps)
    assert min(opt.rate(t) for t in range(1, design.steps + 1)) > 0.02 * design.lr


def test_a_flat_part_is_less_than_the_run():
    with pytest.raises(ArgumentError, match=r"flat must lie in \[0, 1\)"):
        schedules.flat_cosine(0.1, flat=1.0)


@pytest.mark.parametrize("call", [
    lambda: schedules.coslog(0.1, steps=0), lambda: schedules.flat_cosine(0.1, steps=0),
    lambda: schedules.cosine(0.1, steps=0), lambda: schedules.one_cycle(0.1, steps=0),
    lambda: schedules.step(0.1, every=0),
])
def test_a_run_has_one_update_at_least(call):
    with pytest.raises(ArgumentError, match="must be at least 1, got 0"):
        call()


@pytest.mark.parametrize("make", [schedules.cosine, schedules.one_cycle])
def test_schedules_over_a_run_are_told_its_length(make):
    with pytest.raises(ArgumentError, match=r"needs steps= outside of ct\.fit"):
        make(0.1)(1)
    assert float(make(0.1).for_run(10)(10)) < 3e-3
    assert make(0.1, steps=4).for_run(10).steps == 4


def test_warmup_leaves_the_rest_of_the_run_to_what_follows():
    schedule = schedules.warmup(schedules.cosine(0.1), 3).for_run(12)
    assert float(schedule(4)) == pytest.approx(0.1)
    assert float(schedule(12)) == float(schedules.cosine(0.1, steps=9)(9))


@pytest.mark.parametrize("after", [
    schedules.one_cycle(0.1, steps=20), schedules.warmup(schedules.cosine(0.1, steps=9), 5),
])
def test_warmup_rises_to_the_first_value_of_what_follows(after):
    rates = schedules.warmup(after, 4)(np.arange(1, 6))
    np.testing.assert_allclose(rates, float(after(1)) * np.arange(1, 6) / 5)


def test_an_optimizer_follows_its_schedule():
    opt = ct.optim.SGD(schedules.step(1.0, every=1, factor=0.5))
    theta, state = np.zeros(1), opt.init(np.zeros(1))
    for expected in (-1, -1.5, -1.75):
        theta, state = opt.update(theta, np.ones(1), state)
        assert theta[0] == expected


def test_any_function_of_the_step_will_do():
    opt = ct.optim.SGD(lambda t: 1 / t)
    assert opt.rate(4) == 0.25


@pytest.mark.parametrize("name", ALL)
def test_schedules_can_be_pickled(name):
    twin = pickle.loads(pickle.dumps(ct.optim.Adam(ALL[name])))
    assert twin.rate(3) == ct.optim.Adam(ALL[name]).rate(3) and repr(twin) == repr(ct.optim.Adam(ALL[name]))


def test_repr_says_what_it_is():
    assert repr(ct.optim.Adam(schedules.cosine(0.1))).startswith("Adam(lr=cosine(0.1), beta1=0.9")
