"""Conditions at which a session stops, and that it stops at the first step at which they hold."""

import signal

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError

nn = ct.nn
X, y = ct.datasets.make("moons", n=60, seed=0)


def session(optimizer=None):
    net = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2)).init(0)
    return ct.step(net, X, y, "cross_entropy", optimizer or ct.optim.SGD(0.5), 10, epochs=20, seed=1)


def walked(holds):
    """The first step of the run after which something holds of (session before, session after)."""
    s = session()
    for _ in range(s.steps):
        before = s["layer1.weight"]
        s.next_step()
        if holds(s, before):
            return s.step
    raise AssertionError("the case does not happen in this run")


@pytest.mark.parametrize(("text", "holds"), [
    ("loss < 0.2", lambda s, before: s.losses[s.step] < 0.2),
    ("J<2e-1", lambda s, before: s.losses[s.step] < 0.2),
    ("gradient > 0.45", lambda s, before: s.length("g") > 0.45),
    ("gradient < 0.2", lambda s, before: s.length("g") < 0.2),
    ("layer1.a > 2.6", lambda s, before: s["layer1.a"].max() > 2.6),
    ("layer1.weight[1, 0] > 0.8", lambda s, before: s["layer1.weight"][1, 0] > 0.8),
    ("W1[1, 1] crosses -0.4", lambda s, before: (before[1, 1] + 0.4) * (s["W1"][1, 1] + 0.4) < 0),
    ("dead relu", lambda s, before: not (s["layer1.a"] > 0).any(0).all()),
])
def test_stops_at_the_first_step_at_which_it_holds(text, holds):
    s = session()
    s.stop_when(text)
    said = s.run()
    wanted = walked(holds)
    assert (s.step, s.done) == (wanted, True) and said.startswith(f"step {wanted}: {text}: "), said
    assert s["layer1.z"].shape == (10, 8)  # the step's values are there


def test_a_function_of_the_session_may_say_why():
    s = session()
    s.stop_when(lambda s: s.step == 7 and f"z1 reaches {s['layer1.z'].max():.1f}")
    assert "z1 reaches" in s.run() and s.step == 7


def test_not_finite_stops_at_the_instruction():
    s = session(ct.optim.SGD(1e25))
    s.stop_when("nan")
    assert "is not finite" in s.run() and not s.done
    last = s.trace().instructions[-1]
    assert not all(np.isfinite(a).all() for a in last.writes.values())
    s.back()
    assert all(np.isfinite(a).all() for i in s.trace().instructions for a in i.writes.values())


def test_a_relu_must_be_silent_for_so_many_steps_and_is_told_once():
    s = session()
    s.set("layer1.bias", 3, -100.0)
    b = s.stop_when("dead relu 4")
    assert "never above zero in the last 4 steps: layer1.a[3]" in s.run() and s.step == 4
    s.breaks.remove(b)
    assert s.run(3) == "3 steps done"


def test_a_clipped_gradient_is_measured_before_it_is_clipped():
    s = session(ct.optim.clip(ct.optim.SGD(0.5), norm=0.01))
    s.stop_when("gradient > 0.1")
    s.run()
    assert s.step == 1


def test_every_way_forward_heeds_conditions_but_goto():
    s = session()
    s.stop_when("loss < 100")
    assert s.next_epoch().startswith("step 1: loss < 100") and s.next_step().startswith("step 2: loss < 100")
    s.goto(9)
    assert (s.step, s.at) == (9, 0)


@pytest.mark.parametrize(("text", "match"), [
    ("gradient is large", "no condition"), ("layer1.weigth > 1", "did you mean 'layer1.weight'"),
    ("layer1.weight crosses 0", "give the place of one"), ("layer1.weight[9, 9] > 0", "shape"),
])
def test_conditions_that_cannot_be_read(text, match):
    s = session()
    with pytest.raises(ArgumentError, match=match):
        s.stop_when(text)
    assert not s.breaks


def test_no_relu_none_dead():
    s = ct.step(nn.Sequential(nn.Linear(2, 2)).init(0), X, y, "cross_entropy")
    with pytest.raises(ArgumentError, match="no layer of this network has a ReLU"):
        s.stop_when("dead relu")


def test_stop_ends_a_run_after_the_step_under_way():
    s = session()
    s.stop_when(lambda s: s.stop("enough"))
    assert s.run() == "step 1: enough" and s.done


def test_ctrl_c_ends_a_run_after_the_step_under_way():
    s = session()
    s.stop_when(lambda s: s.step == 3 and signal.raise_signal(signal.SIGINT))
    assert s.run() == "step 3: interrupted" and s.done
    s.breaks.clear()
    assert s.run(2) == "2 steps done"
