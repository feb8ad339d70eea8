"""Optimizers whose rule takes a parameter at a time, with state vectors of their own shapes."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

import cutaway as ct
from cutaway.engines import ENGINES
from cutaway.errors import ArgumentError

rng = np.random.default_rng(0)
X, y = rng.standard_normal((40, 3)).astype(np.float32), rng.integers(0, 2, 40)
every_engine = pytest.mark.parametrize("engine", [engine for engine in ENGINES if engine not in ("portable", "wasm")])


def factored(theta, g, R, C, *, lr, beta, weight_decay):
    if g.ndim < 2:
        R = beta * R + (1 - beta) * g * g
        return theta - lr * g / (R**0.5 + 1e-8), R, C
    R = beta * R + (1 - beta) * (g * g).mean(-1)
    C = beta * C + (1 - beta) * (g * g).mean(-2)
    v = R[:, None] * C[None] / (R.mean() + 1e-30)
    return theta - lr * (g / (v**0.5 + 1e-8) + weight_decay * theta), R, C


@dataclass(frozen=True)
class Factored(ct.optim.Optimizer, listed=False):
    """For a matrix, averages of g² of its rows and columns in place of one for each weight, as Adafactor keeps them."""

    beta: float = 0.9
    weight_decay: float = 0.01
    rule: ClassVar = staticmethod(factored)
    by_parameter: ClassVar = True

    def shapes(self, shape):
        return {"R": shape[:-1], "C": shape[-1:]} if len(shape) == 2 else {"R": shape, "C": ()}


def net(frozen=False):
    model = ct.nn.MLP(3, [5], 2).init(0)
    model[0].bias.requires_grad = not frozen
    return model


def trained(engine, model=None, steps=5, **options):
    model = net() if model is None else model
    program = ct.compile(model, "cross_entropy", Factored(1e-2), 8, X, y, engine=engine, **options)
    program.feed(X, y)
    return program, program.run(steps=steps)


@every_engine
@pytest.mark.filterwarnings("ignore:.*has no CPU kernel")
@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("threads", [1, 2])
def test_each_parameter_is_updated_by_itself_in_its_shape(engine, frozen, threads):
    program, losses = trained(engine, net(frozen), threads=threads)
    model, opt = net(frozen), Factored(1e-2)
    states = {name: opt.init(p.data) for name, p in model.named_parameters()}
    for k in range(5):
        rows = slice(8 * k, 8 * k + 8)
        model.zero_grad()
        J = ct.losses.cross_entropy(model(X[rows]), y[rows])
        J.backward()
        assert losses[k] == pytest.approx(J.item(), rel=1e-5)
        for name, p in model.named_parameters():
            if p.requires_grad:
                p.data[...], states[name] = opt.update(p.data, p.grad, states[name])
    for name, p in model.named_parameters():
        np.testing.assert_allclose(program.state.part(name), p.data, rtol=1e-4, atol=1e-6)
        for vector in ("R", "C"):
            np.testing.assert_allclose(program.state.part(name, vector), states[name][vector], rtol=1e-4, atol=1e-7)
    assert program.state["R"].size == 5 + 5 + 2 + 2 and program.state["C"].size == 3 + 1 + 5 + 1


@every_engine
@pytest.mark.filterwarnings("ignore:.*has no CPU kernel")
def test_a_run_is_resumed_traced_and_stepped_to_where_it_was(engine, tmp_path):
    how = {"optimizer": Factored(1e-2), "batch_size": 8, "engine": engine, "progress": False}
    stop = [lambda event: event.run.stop() if getattr(event, "epoch", 0) == 1 else None]
    ct.fit(net(), X, y, "cross_entropy", epochs=2, checkpoint=tmp_path, callbacks=stop, **how)
    run = ct.fit(net(), X, y, "cross_entropy", epochs=2, checkpoint=tmp_path, resume=True, **how)
    whole = ct.fit(net(), X, y, "cross_entropy", epochs=2, **how)
    assert run.program.state == whole.program.state
    near = {"rtol": 0, "atol": 0} if run.program.engine.exact else {"rtol": 1e-4, "atol": 1e-6}
    t, J = whole.trace(step=7), whole.steps["loss"][6]
    np.testing.assert_allclose(t.J, J, **near)
    assert bool(t.note) is bool(J != t.J)
    update = t.update("layer1.weight")
    assert update.state["R"].shape == (5,) and update.state_after["C"].shape == (3,)
    again = t.program()
    np.testing.assert_allclose(again.run()[0], t.J, **near)
    np.testing.assert_allclose(again.state.part("layer1.weight", "R"), update.state_after["R"], **near)
    s = ct.step(net(), X, y, "cross_entropy", Factored(1e-2), batch_size=8, epochs=2, engine=engine)
    s.goto(7)
    s.goto(3)
    s.goto(7)
    np.testing.assert_allclose(s["layer1.weight.R"], update.state["R"], **near)

@pytest.mark.filterwarnings("ignore:.*has no CPU kernel")
def test_the_listing_has_an_update_for_each_parameter():
    program, _ = trained("reference", net(frozen=True), steps=0)
    updates = [i for i in program.instructions if i.op == "optimizer"]
    assert [i.written[0].name for i in updates] == ["layer1.weight", "layer2.weight", "layer2.bias"]
    assert "Factored" in str(program)


def test_one_numbers_step_is_not_explained():
    t = ct.trace(net(), X, y, "cross_entropy", Factored(1e-2), engine="reference")
    with pytest.raises(ArgumentError, match="Factored updates whole parameters at a time"):
        t.explain_update("layer1.weight", 0, 0)
