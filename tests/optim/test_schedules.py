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
    "warmup": schedules.warmup(schedules.cosine(0.1, steps=9), 4), "warmup of a number": schedules.warmup(0.1, 4),
}  # fmt: skip


@pytest.mark.parametrize(("name", "values"), [
    ("constant", {1: 0.1, 50: 0.1}),
    ("step", {1: 0.1, 3: 0.1, 4: 0.01, 6: 0.01, 7: 0.001}),
    ("exponential", {1: 0.1, 2: 0.05, 4: 0.0125}),
    ("cosine", {1: 0.1, 5: 0.05, 9: 0.0, 20: 0.0}),
    ("one_cycle", {1: 0.004, 4: 0.1, 11: 4e-7}),
    ("warmup", {1: 0.02, 2: 0.04, 4: 0.08, 5: 0.1, 9: 0.05, 13: 0.0}),
    ("warmup of a number", {1: 0.02, 4: 0.08, 5: 0.1, 500: 0.1}),
])
def test_values(name, values):
    for t, rate in values.items():
        assert float(ALL[name](t)) == pytest.approx(rate, abs=1e-15), t


@pytest.mark.parametrize("name", ALL)
def test_a_whole_run_at_once(name):
    t = np.arange(1, 15)
    np.testing.assert_allclose(ALL[name](t), [float(ALL[name](int(k))) for k in t], rtol=1e-15)


def test_cosine_ends_at_its_floor():
    assert float(schedules.cosine(0.2, steps=5, floor=0.1)(5)) == pytest.approx(0.02)


@pytest.mark.parametrize("make", [schedules.cosine, schedules.one_cycle])
def test_schedules_over_a_run_are_told_its_length(make):
    with pytest.raises(ArgumentError, match=r"needs steps= outside of ct\.fit"):
        make(0.1)(1)
    assert float(make(0.1).for_run(10)(10)) < 1e-6
    assert make(0.1, steps=4).for_run(10).steps == 4


def test_warmup_leaves_the_rest_of_the_run_to_what_follows():
    schedule = schedules.warmup(schedules.cosine(0.1), 3).for_run(12)
    assert float(schedule(4)) == pytest.approx(0.1) and float(schedule(12)) == pytest.approx(0.0)


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
