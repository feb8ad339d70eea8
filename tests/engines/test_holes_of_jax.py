"""Known holes of JAX and XLA that the engine stays clear of. docs/engines.md says for each which test would show it."""

import numpy as np
import pytest

import cutaway as ct

jax = pytest.importorskip("jax")
rng = np.random.default_rng(0)
SERIES, ROWS, y = rng.standard_normal((64, 5, 3)), rng.standard_normal((64, 3)), np.arange(64) % 2


class Called(Exception):
    """Instead of a call of a compiled function: its arguments."""


def loops(net, X):
    """The loops of the compiled function of many steps, the outer one first: how many arrays each carries along."""
    program = ct.compile(net.init(0), "cross_entropy", ct.optim.AdamW(1e-2), 16, X, y, engine="xla")
    program.feed(X, y)
    engine, compiled = program.engine, program.engine._compiled

    def called(*arguments):
        raise Called(*arguments)

    engine._compiled = called
    with pytest.raises(Called) as found:
        program.run()
    with engine._mode():
        return list(carried(jax.make_jaxpr(compiled, static_argnums=0)(*found.value.args).jaxpr))


def carried(jaxpr):
    for e in jaxpr.eqns:
        if e.primitive.name == "scan":  # what it carries has the shape that one step gives it
            step = getattr(e.params["jaxpr"], "jaxpr", e.params["jaxpr"])
            yield sum(one.aval.shape == all_.aval.shape for one, all_ in zip(step.outvars, e.outvars, strict=True))
        elif e.primitive.name == "while":
            yield len(e.outvars)
        for p in e.params.values():
            inner = getattr(p, "jaxpr", p)
            if hasattr(inner, "eqns"):
                yield from carried(inner)


@pytest.mark.parametrize("layers", [1, 8])
def test_a_loop_of_steps_carries_as_many_arrays_however_many_layers_there_are(layers):
    """The step and the last one, θ, m, v, the losses: a loop costs by the number of what it carries (jax #40150), which
    would be three for each parameter."""
    assert loops(ct.nn.MLP(3, [4] * layers, 2), ROWS) == [6]


@pytest.mark.parametrize(("layer", "states"), [(ct.nn.LSTM, 2), (ct.nn.GRU, 1), (ct.nn.RNN, 1)])
def test_a_recurrent_layer_is_two_scans_that_carry_its_state_alone(layer, states):
    """Its gradient is a scan by its own rule, not one that JAX makes of the first and that carries what it adds up."""
    net = ct.nn.Sequential(ct.nn.LastState(layer(3, 4)), ct.nn.Linear(4, 2))
    assert loops(net, SERIES) == [6, states, states]
