"""Models of one structure share what is recorded and compiled, and nothing that training changes."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

import cutaway as ct
from cutaway.nn.tree import structure
from cutaway.train.programs import Programs


class Shared(ct.nn.Module):
    """One layer twice, a buffer, a skip."""

    def __init__(self, scale=1.0):
        self.inner, self.norm, self.out = ct.nn.Linear(3, 3), ct.nn.BatchNorm1d(3), ct.nn.Linear(3, 2)
        self.scale = scale

    def forward(self, x):
        return self.out(self.norm(x + self.scale * ct.ops.tanh(self.inner(self.inner(x)))))


NETWORKS = {
    "mlp": lambda: ct.nn.MLP(3, [4], 2, dropout=0.3),
    "custom": Shared,
    "lstm": lambda: ct.nn.Sequential(ct.nn.LastState(ct.nn.LSTM(3, 4)), ct.nn.Linear(4, 2)),
    "cnn": lambda: ct.nn.CNN((8, 8, 1), 2, (3,), (4,), norm="batch"),
}
rng = np.random.default_rng(0)
DATA = {"lstm": rng.standard_normal((10, 5, 3)), "cnn": rng.standard_normal((10, 8, 8, 1))}
TABLE, CLASSES = rng.standard_normal((10, 3)), rng.integers(0, 2, 10)


def trained(program, X):
    program.feed(X, CLASSES)
    losses = [program.run(np.arange(10)) for _ in range(3)]
    return np.concatenate(losses), program.model.state_dict(), program.state


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("engine", ["cpu", "reference"])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_twin_trains_to_the_same_bits_as_a_program_of_its_own(name, engine, threads):
    X, how = DATA.get(name, TABLE), {"engine": engine, "threads": threads, "weighted": False, "keep_all": False}
    first, second, alone = (NETWORKS[name]().init(seed) for seed in (0, 1, 1))
    programs = Programs()
    slow, fast = ct.optim.AdamW(1e-3, weight_decay=0.5), ct.optim.AdamW(1e-2, beta1=0.5)
    one = programs.compile(first, ct.losses.cross_entropy, slow, 4, X[:3], CLASSES[:3], seed=0, **how)
    other = programs.compile(second, ct.losses.cross_entropy, fast, 4, X[:3], CLASSES[:3], seed=7, **how)
    assert len(programs.known) == 1
    own = ct.compile(alone, "cross_entropy", fast, 4, X[:3], CLASSES[:3], seed=7, engine=engine, threads=threads)
    assert str(other) == str(own)
    before = first.state_dict()
    for got, wanted in zip(trained(other, X), trained(own, X), strict=True):
        np.testing.assert_equal(got, wanted)
    np.testing.assert_equal(first.state_dict(), before)
    assert trained(one, X)[0][0] != trained(own, X)[0][0]


def first_of_each(theta, g, R, *, lr):
    return theta - lr * g, R + g.reshape(-1)[: R.size]


@dataclass(frozen=True)
class Keeps(ct.optim.Optimizer, listed=False):
    """State vectors whose shapes follow from a setting."""

    count: int = 1
    rule: ClassVar = staticmethod(first_of_each)

    def shapes(self, shape):
        return {"R": (min(self.count, int(np.prod(shape))),)}


S = ct.optim.schedules


@pytest.mark.parametrize(("one", "other", "shared"), [
    (ct.optim.Adam(0.1), ct.optim.Adam(0.2, beta1=0.5), True),
    (ct.optim.Adam(0.1), ct.optim.AdamW(0.1), False),
    (ct.optim.AdamW(0.1), ct.optim.AdamW(0.1, decay="matrices"), False),
    (ct.optim.SGD(S.cosine(0.1, 9)), ct.optim.SGD(S.step(0.1, 2)), True),
    (ct.optim.SGD(S.cosine(0.1, 9)), ct.optim.SGD(0.1), False),
    (ct.optim.SGD(0.1), ct.optim.SGD(S.cosine(0.1, 9)), False),
    (ct.optim.clip(ct.optim.SGD(0.1), norm=1.0), ct.optim.clip(ct.optim.SGD(0.1), norm=0.1), False),
    (ct.optim.l2(ct.optim.SGD(0.1), 1.0), ct.optim.SGD(0.1), False),
    (ct.optim.l1(ct.optim.SGD(0.1), 1.0), ct.optim.l2(ct.optim.SGD(0.1), 1.0), False),
    (Keeps(0.1), Keeps(0.2), True), (Keeps(0.1, count=1), Keeps(0.1, count=2), False),
])
@pytest.mark.filterwarnings("ignore:.*has no CPU kernel")
def test_programs_are_shared_by_optimizers_that_differ_in_their_rules_numbers_alone(one, other, shared):
    nets, programs = [ct.nn.MLP(3, [4], 2).init(0) for _ in range(3)], Programs()
    made = [programs.compile(net, ct.losses.cross_entropy, optimizer, 4, TABLE, CLASSES, seed=0)
            for net, optimizer in zip(nets, (one, other), strict=False)]
    alone = ct.compile(nets[2], "cross_entropy", other, 4, TABLE, CLASSES)
    assert (len(programs.known) == 1) is shared
    np.testing.assert_equal(trained(made[1], TABLE), trained(alone, TABLE))
    if not shared:
        with pytest.raises(ct.errors.ArgumentError, match="differs in its numbers alone"):
            made[0].twin(nets[1], other)


def test_an_evaluation_program_has_twins_too():
    first, second = (Shared().init(seed) for seed in (0, 1))
    programs = Programs()
    programs.evaluator(first, TABLE[:2], "cpu", 1)
    np.testing.assert_array_equal(programs.evaluator(second, TABLE[:2], "cpu", 1).predict(TABLE), second.predict(TABLE))
    assert len(programs.known) == 1


@pytest.mark.parametrize("change", [
    lambda net: ct.nn.MLP(3, [5], 2), lambda net: ct.nn.MLP(3, [4], 2, "tanh"), lambda net: net.astype("float64"),
    lambda net: ct.nn.MLP(3, [4], 2, dropout=0.1), lambda net: Shared(0.5),
])
def test_what_is_built_otherwise_has_another_structure(change):
    assert structure(change(ct.nn.MLP(3, [4], 2))) != structure(ct.nn.MLP(3, [4], 2))


def test_frozen_weights_and_settings_of_a_custom_module_are_structure():
    net = ct.nn.MLP(3, [4], 2)
    net[0].weight.requires_grad = False
    assert structure(net) != structure(ct.nn.MLP(3, [4], 2))
    assert structure(Shared(1.0)) == structure(Shared(1.0)) != structure(Shared(2.0))


def test_what_cannot_be_compared_is_not_shared():
    one, other = Shared(), Shared()
    one.mask, other.mask = np.ones(3), np.ones(3)
    assert structure(one) != structure(other)
    one.mask = other.mask
    assert structure(one) == structure(other)


@pytest.mark.parametrize("other", [ct.optim.Adam(1e-3), ct.optim.AdamW(1e-3, decay="matrices"),
                                   ct.optim.AdamW(ct.optim.schedules.cosine(1e-3)),
                                   ct.optim.clip(ct.optim.AdamW(1e-3), norm=1.0)])
def test_optimizers_that_differ_in_more_than_numbers_get_programs_of_their_own(other):
    programs, how = Programs(), {"weighted": False, "keep_all": False, "engine": "cpu", "threads": 1}
    for optimizer in (ct.optim.AdamW(1e-3), other.for_run(10)):
        programs.compile(ct.nn.MLP(3, [4], 2), ct.losses.mse, optimizer, 4, TABLE[:3], TABLE[:3, :2], 0, **how)
    assert len(programs.known) == 2


def test_schedules_of_different_shape_keep_their_own_listing():
    programs, how = Programs(), {"weighted": False, "keep_all": False, "engine": "cpu", "threads": 1}
    rates = [ct.optim.schedules.cosine(1e-3), ct.optim.schedules.exponential(1e-2, 0.9)]
    made = [programs.compile(ct.nn.MLP(3, [4], 2), ct.losses.mse, ct.optim.SGD(rate).for_run(10), 4, TABLE[:3],
                             TABLE[:3, :2], 0, **how) for rate in rates]
    assert len(programs.known) == 1
    assert "exponential" in str(made[1]) and "cosine" not in str(made[1])
