"""A stepping session on a run that happened."""

import copy

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError


@pytest.fixture(scope="module")
def run():
    X, y = ct.datasets.make("moons", n=64, seed=0)
    return ct.fit(ct.nn.MLP(2, [4], 2).init(0), X, y, loss="cross_entropy", epochs=6, validation=0.25)


def test_its_steps_have_the_bits_of_the_run(run):
    s = ct.inspect.session_of(run)
    s.run()
    assert [s.losses[k] for k in range(1, len(run.steps) + 1)] == run.steps["loss"].tolist()
    assert np.array_equal(s.trace().after("layer1.weight"), run.last["layer1.weight"])


def test_the_runs_model_stays_as_it_is(run):
    before = run.model.theta.copy()
    s = ct.inspect.session_of(run)
    s.goto(4)
    s.set("layer1.weight", (0, 0), 9.0)
    s.run()
    assert np.array_equal(run.model.theta, before)


def test_a_run_that_went_on_is_stepped_from_the_state_that_is_given(tmp_path):
    X, y = ct.datasets.make("moons", n=64, seed=0)
    how = {"loss": "cross_entropy", "checkpoint": tmp_path, "resume": True, "epochs": 4}
    started = []

    def stop_after_two(event):
        if not started:
            started.append(event.run.program.state.copy())
        if event.run.epochs_done == 2:
            event.run.stop()

    ct.fit(ct.nn.MLP(2, [4], 2).init(0), X, y, callbacks=[stop_after_two], **how)
    run = ct.fit(ct.nn.MLP(2, [4], 2).init(0), X, y, **how)
    with pytest.raises(ArgumentError, match="went on from a checkpoint"):
        ct.inspect.session_of(run)
    s = ct.inspect.session_of(run, started[0])
    s.run()
    assert [s.losses[k] for k in range(1, 9)] == run.steps["loss"].tolist()


def test_a_copy_of_a_run_is_refused(run):
    other = copy.copy(run)
    other.past = None
    with pytest.raises(ArgumentError, match="does not know its past"):
        ct.inspect.session_of(other)
