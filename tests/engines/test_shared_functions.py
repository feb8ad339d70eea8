"""Compiled functions that engines share: of networks that are built alike, and of those alone."""

import numpy as np
import pytest

import cutaway as ct
from cutaway.engines.xla import shared
from cutaway.engines.xla.shared import signature

pytest.importorskip("jax")

rng = np.random.default_rng(0)
X, y = rng.standard_normal((16, 4)).astype(np.float32), rng.integers(0, 3, 16)
nn = ct.nn


def program(model=None, optimizer=None, loss="cross_entropy", **options):
    model = model or nn.MLP(4, [6], 3)
    return ct.compile(model.init(0), loss, optimizer or ct.optim.AdamW(1e-2), 8, X, y, engine="xla", **options)


def compiled(*arguments, **options):
    return program(*arguments, **options).engine._compiled


def test_what_is_built_alike_is_compiled_once():
    """Whatever its weights, seed, and the optimizer's numbers."""
    one = compiled()
    assert compiled() is one is compiled(optimizer=ct.optim.AdamW(3e-3, weight_decay=0.1), seed=7)


@pytest.mark.parametrize("other", [
    lambda: compiled(nn.MLP(4, [7], 3)), lambda: compiled(nn.MLP(4, [6], 3, activation="tanh")),
    lambda: compiled(nn.MLP(4, [6], 3, dropout=0.2)), lambda: compiled(optimizer=ct.optim.SGD(1e-2)),
    lambda: compiled(optimizer=ct.optim.AdamW(1e-2, average=0.9)), lambda: compiled(keep_all=True),
    lambda: compiled(weighted=True), lambda: compiled(nn.MLP(4, [6], 3).astype("float64"))])
def test_what_differs_is_not(other):
    assert other() is not compiled()


def test_settings_that_are_equal_to_python_alone_differ():
    """0.0 == -0.0 == False, and yet a rule may take them for something else."""
    from dataclasses import replace

    listing = program().engine.listing

    def of(value):
        first = replace(listing.instructions[0], attributes={"setting": value})
        return signature(replace(listing, instructions=[first, *listing.instructions[1:]]))

    kinds = [0.0, -0.0, False, 0, "0", None, (0,), np.zeros(1), np.zeros(1, np.float32)]
    assert len({of(value) for value in kinds}) == len(kinds)
    assert of(np.zeros(10**6)) is None and of({}) is None  # too large to compare, or not to be compared


def test_another_training_of_the_same_network_gives_the_same_bits():
    ends = []
    for _ in range(2):
        run = ct.fit(nn.MLP(4, [6], 3, dropout=0.3).init(1), X, y, loss="cross_entropy", epochs=3, batch_size=8,
                     optimizer=ct.optim.AdamW(1e-2), engine="xla", progress=False)
        ends.append(run.model.theta)
    assert (ends[0] == ends[1]).all()


def test_those_that_nobody_asks_for_are_let_go(monkeypatch):
    monkeypatch.setattr(shared, "MOST", 2)
    made = [shared.shared(("test", k), object) for k in (1, 2, 1, 3)]
    assert made[0] is made[2] and shared.shared(("test", 1), object) is made[0]
    assert shared.shared(("test", 2), object) is not made[1]
    assert shared.shared(None, object) is not shared.shared(None, object)
