"""State: what outlasts a step, copied, put back, read and written by name."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

import cutaway as ct
from cutaway.autodiff import assign, ops
from cutaway.errors import ArgumentError, ShapeError
from cutaway.program import State
from depth import each_once

pytestmark = pytest.mark.usefixtures("kernels_as_written")
rng = np.random.default_rng(0)
X, y = rng.standard_normal((24, 3)), rng.integers(0, 2, 24)


def net():
    return ct.nn.MLP(3, [4], 2, norm="batch").init(0)


def trained(steps=3, optimizer=None, **options):
    program = ct.compile(net(), "cross_entropy", optimizer or ct.optim.Adam(1e-2), 8, X, y, **options)
    program.feed(X, y)
    program.run(steps=steps)
    return program


def buffer_of(state):
    return next(name for name in state.names if name.endswith("running_mean"))


def test_it_names_weights_vectors_buffers_and_the_number_of_steps():
    state = trained().state
    assert list(state)[:3] == ["θ", "m", "v"] and list(state)[-1] == "t" and state["t"] == state.t == 3
    assert {buffer_of(state), "t"} < set(state) and state.names == tuple(state)[:-1]


def test_a_program_that_evaluates_has_weights_and_buffers_alone():
    state = State(net())
    assert not state.vectors and state["θ"].size and buffer_of(state) and state.t == 0


def test_an_array_is_the_live_one():
    program = trained()
    state, m = program.state, program.state["m"]
    assert state["θ"] is program.model.theta and state["m"] is m
    before = m.copy()
    program.run(steps=1)
    assert (m != before).any()


def test_what_is_written_into_it_is_what_the_next_step_reads():
    one, other = trained(steps=2), trained(steps=2)
    for state in (one.state, other.state):
        state["m"][:] = 0
        state.t = 7
    np.testing.assert_array_equal(one.run(steps=1), other.run(steps=1))
    assert one.state == other.state and one.state.t == 8 and one.state != trained(steps=3).state


def test_buffers_that_somebody_replaced_are_found():
    program = trained()
    name = buffer_of(program.state)
    buffer = dict(program.model.named_buffers())[name]
    buffer.data = np.full_like(buffer.data, 3)
    assert (program.state[name] == 3).all()


@pytest.mark.parametrize("engine", ["cpu", "reference"])  # of others: tests/engines/test_interface.py
def test_a_snapshot_brings_a_run_back_to_the_same_bits(engine):
    program = trained(engine=engine)
    snapshot = program.state.copy()
    losses = program.run(steps=3)
    program.state.put(snapshot)
    assert program.state == snapshot and program.state.t == 3
    np.testing.assert_array_equal(program.run(steps=3), losses)


def test_nobody_can_write_into_a_snapshot():
    snapshot = trained().state.copy()
    with pytest.raises(ValueError, match="read-only"):
        snapshot["θ"][:] = 0


def test_a_snapshot_of_some_names_leaves_the_others_alone():
    program = trained()
    state, vectors = program.state, program.state.copy(program.state.vectors)
    assert list(vectors) == ["m", "v", "t"]
    program.run(steps=2)
    theta = state["θ"].copy()
    state.put(vectors)
    np.testing.assert_array_equal(state["θ"], theta)
    np.testing.assert_array_equal(state["m"], vectors["m"])


def test_another_optimizer_takes_what_it_knows_of_a_snapshot():
    adam, momentum = trained().state, trained(optimizer=ct.optim.Momentum(0.1)).state
    momentum.put(adam.copy())
    np.testing.assert_array_equal(momentum["v"], adam["v"])
    assert "m" not in momentum


def test_read_gives_a_copy_and_write_checks_the_shape():
    state = trained().state
    state.read("m")[:] = 9
    assert (state["m"] != 9).all()
    state.write("m", np.full(state["m"].shape, 9))
    assert (state["m"] == 9).all()
    state.write("t", 4)
    assert state.read("t") == 4
    with pytest.raises(ShapeError, match=r"m of the state has shape \(\d+,\), got numbers of shape \(2,\)"):
        state.write("m", [1, 2])


def test_a_parameters_part_of_a_vector_has_its_shape():
    program = trained()
    state, model = program.state, program.model
    for name, p in model.named_parameters():
        assert np.shares_memory(state.part(name), p.data) and state.part(name, "v").shape == p.shape
    np.testing.assert_array_equal(
        np.concatenate([state.part(name, "m").ravel() for name, _ in model.named_parameters()]), state["m"])
    for parameter, vector in (("layer9.weight", "m"), ("layer1.weight", "q")):
        with pytest.raises(ArgumentError, match=f"no {'vector' if vector == 'q' else 'parameter'} called .*it has"):
            state.part(parameter, vector)


def factored(theta, g, R, C, *, lr):
    return theta, R, C


@dataclass(frozen=True)
class Factored(ct.optim.Optimizer, listed=False):
    """An average for each row and column of a matrix, as Adafactor keeps them."""

    rule: ClassVar = staticmethod(factored)

    def shapes(self, shape):
        return {"R": shape[:-1], "C": shape[:-2] + shape[-1:]}


def test_an_optimizers_vectors_may_have_shapes_of_their_own():
    state = State(ct.nn.Linear(3, 5).init(0), Factored(0.1))
    assert state["R"].size == 5 + 1 and state["C"].size == 3 + 5
    assert state.part("weight", "R").shape == (5,) and state.part("weight", "C").shape == (3,)
    assert state.part("bias", "R").shape == () and state.part("bias", "C").shape == (5,)


def test_a_buffer_that_is_called_like_a_vector_has_another_name():
    class Odd(ct.nn.Module):
        def __init__(self):
            self.layer, self.m = ct.nn.Linear(2, 1), ct.nn.Buffer(np.ones(3))

        def forward(self, x):
            return self.layer(x)

    state = State(Odd().init(0), ct.optim.Adam(1e-3))
    assert state["m"].size == 3 and not state["m"].any() and state["buffer.m"].all()


class Called(ct.nn.Module):
    """A parameter and a buffer of any names."""

    def __init__(self, parameter, buffer):
        vars(self)[parameter], vars(self)[buffer] = ct.nn.Parameter(np.eye(3)), ct.nn.Buffer(np.array([1.0, 2.0, 3.0]))
        self.called = parameter, buffer

    def forward(self, x):
        weight, buffer = (getattr(self, name) for name in self.called)
        if ct.nn.training_mode() is not None:
            assign(buffer, ops.mul(buffer, 0.5))
        return ops.linear(x * buffer, weight)


@pytest.mark.parametrize(("name", "engine", "threads"), each_once(
    ["g", "held", "m", "θ", "g of all shards", "x", "J"], ["cpu", "reference", "cpu"], [2, 1, 1]))
def test_no_name_of_a_parameter_or_a_buffer_is_taken_for_a_vector(name, engine, threads):
    def trained(*names):
        model = Called(*names)
        program = ct.compile(model, "mse", ct.optim.Adam(0.1), 4, X, X, engine=engine, threads=threads)
        program.feed(X, X)
        return program.run(), [t.data.copy() for t in model.tensors()]

    for names in ((name, "b"), ("W", name)):
        np.testing.assert_equal(trained(*names), trained("W", "b"))


def test_a_held_weight_and_a_buffer_may_have_one_name():
    def trained(name):
        s = ct.step(Called("W", name), X, X, "mse", ct.optim.Adam(0.1), batch_size=4)
        s.freeze("W", 0, 0)
        s.run(3)
        return [t.data.copy() for t in s.model.tensors()]

    np.testing.assert_equal(trained("held"), trained("b"))


def test_holding_a_weight_changes_no_division_of_the_work_whatever_it_is_called():
    s = ct.step(Called("θ", "b"), X, X, "mse", ct.optim.Adam(0.1), batch_size=4, threads=2)
    s.freeze("θ", 0, 0)
    assert not any(i.op == "reduce" for i in s.program.instructions)


def test_an_unknown_name_is_told_with_those_there_are():
    with pytest.raises(KeyError, match=r"no 'q': it has θ, m, v"):
        trained().state["q"]
