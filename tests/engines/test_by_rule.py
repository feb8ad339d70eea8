"""Instructions that run by their rules in Python: only they do, and the rest keeps machine code and threads."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

import cutaway as ct
from cutaway.autodiff import apply
from cutaway.engines import evaluator
from cutaway.engines.cpu import engine as cpu
from cutaway.rules import OPS, rule

pytestmark = pytest.mark.filterwarnings("ignore:.*has no CPU kernel:RuntimeWarning")
every_thread = pytest.mark.parametrize("threads", [1, 2, 3])

rng = np.random.default_rng(0)
X, y = rng.standard_normal((47, 6)).astype(np.float32), rng.integers(0, 3, 47)


def dimmed(z):
    return z * math.sin(math.pi / 3) * heard()  # no words of the language of kernels


def heard():
    return 1


def dimmed_back(da):
    return da * math.sin(math.pi / 3)


def scaled_by(x, s):
    return np.multiply(x, s)  # not in the rules' namespace


def scaled_by_back(dy, x, s):
    return np.multiply(dy, s), np.multiply(dy, x).sum(0)


def crossed(x, W):
    return np.matmul(x, W.T)


def crossed_back(dz, x, W):
    return np.matmul(dz, W), np.matmul(dz.T, x)


@pytest.fixture(autouse=True)
def own_rules(monkeypatch):
    monkeypatch.setattr(cpu, "_warned_of", set())
    rule("a = z sin π/3", "elementwise")(dimmed)
    rule("y = x s")(scaled_by)
    rule("z = x Wᵀ")(crossed)
    yield
    for name in ("dimmed", "scaled_by", "crossed"):
        del OPS[name]


class Middle(ct.nn.Module):
    """A network with an own rule between its layers: on values alone, with a scale of its own that it reads twice, or
    with weights that a layer of neurons reads too."""

    def __init__(self, op):
        self.op, self.one, self.tied, self.last = op, ct.nn.Linear(6, 16), ct.nn.Linear(16, 16), ct.nn.Linear(16, 3)
        self.s = ct.nn.Parameter((16,), ct.nn.init.ones) if op == "scaled_by" else None

    def forward(self, x):
        h = ct.ops.relu(self.one(x))
        if self.op == "dimmed":
            h = apply("dimmed", h)
        elif self.op == "scaled_by":
            h = apply("scaled_by", ct.ops.relu(apply("scaled_by", h, self.s)), self.s)
        elif self.op == "crossed":
            h = self.tied(apply("crossed", self.tied(h), self.tied.weight))
        return self.last(ct.ops.relu(self.tied(h)))


def compiled(op, optimizer=None, model=None, **options):
    model = Middle(op).init(0) if model is None else model
    program = ct.compile(model, "cross_entropy", optimizer or ct.optim.AdamW(1e-2), 10, X, y, **options)
    program.feed(X, y)
    return model, program


OWN = ("dimmed", "scaled_by", "crossed")


@every_thread
@pytest.mark.parametrize("op", OWN)
def test_an_own_rule_runs_in_python_alone_and_trains_as_the_reference_engine_does(op, threads):
    model, program = compiled(op, threads=threads)
    expected, reference = compiled(op, engine="reference")
    by_rule = [i.op for i, kernel in zip(program.instructions, program.engine.kernels, strict=True) if kernel is None]
    assert program.engine.threads == threads and set(by_rule) == {op}
    for _ in range(3):
        np.testing.assert_allclose(program.run(), reference.run(), rtol=1e-5)
    np.testing.assert_allclose(model.theta, expected.theta, rtol=1e-3, atol=1e-5)


def test_the_bits_are_those_of_one_thread_where_no_gradient_is_a_sum_over_shards():
    (one, a), (two, b), (three, c) = (compiled("dimmed", threads=threads) for threads in (1, 2, 3))
    for program in (a, b, c):
        program.run()
    assert one.theta.tobytes() == two.theta.tobytes() == three.theta.tobytes()


@pytest.mark.parametrize("op", OWN)
def test_the_same_threads_give_the_same_bits_also_instruction_by_instruction(op):
    (one, a), (two, b) = compiled(op, threads=2), compiled(op, threads=2, keep_all=True)
    assert np.isfinite(a.run()).all()
    engine = b.engine
    engine.begin(None, 0, 5)
    for _ in range(5):
        for i in range(len(engine.instructions)):
            engine.one(i)
    assert one.theta.tobytes() == two.theta.tobytes()


@every_thread
@pytest.mark.parametrize("op", OWN)
def test_an_evaluation_with_an_own_rule_has_threads_too(op, threads):
    model = Middle(op).init(0)
    program = evaluator(model, X, batch_size=10, threads=threads)
    assert program.engine.threads == threads and not program.engine.compiled
    expected = evaluator(model, X, engine="reference").predict(X)
    # numbers near zero are what is left of larger ones, which BLAS adds in an order of each machine's own
    np.testing.assert_allclose(program.predict(X), expected, rtol=1e-5, atol=1e-6 * np.abs(expected).max())


@every_thread
def test_a_profile_times_an_own_rule_in_its_place(threads):
    model, program = compiled("dimmed", threads=threads)
    before = model.theta.copy()
    assert len(program.profile(steps=3).instruction) == len(program.instructions)
    np.testing.assert_array_equal(model.theta, before)


def whole_matrix(theta, g, *, lr):
    return theta - lr * g / (np.sqrt((g * g).mean()) + 1e-8)


@dataclass(frozen=True)
class WholeMatrix(ct.optim.Optimizer, listed=False):
    rule: ClassVar = staticmethod(whole_matrix)
    by_parameter: ClassVar = True


@every_thread
def test_an_optimizer_that_takes_whole_parameters_leaves_threads_to_the_rest(threads):
    model, program = compiled("", WholeMatrix(1e-2), threads=threads)
    expected, reference = compiled("", WholeMatrix(1e-2), engine="reference")
    by_rule = {i.op for i, kernel in zip(program.instructions, program.engine.kernels, strict=True) if kernel is None}
    assert program.engine.threads == threads and by_rule == {"optimizer"}
    np.testing.assert_allclose(program.run(), reference.run(), rtol=1e-5)
    np.testing.assert_allclose(model.theta, expected.theta, rtol=1e-3, atol=1e-5)


@every_thread
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_rule_that_raises_leaves_the_steps_before_and_the_next_run_goes_on(error, threads, monkeypatch):
    calls: list = []
    (one, a), (two, b) = compiled("dimmed", threads=threads), compiled("dimmed", threads=threads)
    a.run(steps=2)

    def raising():
        calls.append(1)
        if len(calls) == 3:
            raise error("stop")
        return 1

    monkeypatch.setitem(dimmed.__globals__, "heard", raising)
    with pytest.raises(error, match="stop"):
        b.run()
    assert b.state["t"] == 2 and one.theta.tobytes() == two.theta.tobytes()
    monkeypatch.undo()
    assert a.run(position=20).tolist() == b.run(position=20).tolist()
    assert one.theta.tobytes() == two.theta.tobytes()


@every_thread
def test_numbers_that_are_not_finite_stop_a_program_with_an_own_rule(threads):
    model, program = compiled("scaled_by", threads=threads)
    bad = X.copy()
    bad[25, 0] = np.inf
    program.feed(bad, y)
    with np.errstate(all="ignore"):
        assert len(program.run()) == 2
    assert program.state["t"] == 2 and np.isfinite(model.theta).all()


def test_it_says_once_which_rule_runs_in_python():
    with pytest.warns(RuntimeWarning, match=r"^dimmed has no CPU kernel .*math.* in NumPy.*machine code") as said:
        compiled("dimmed", threads=2)
    assert len(said) == 1 and str(said[0].message).endswith("numbers in digits and functions of cutaway.rules.xp")


def test_an_optimizer_is_called_by_its_name_and_told_once(recwarn):
    for _ in range(2):
        compiled("", WholeMatrix(1e-2), threads=2)
    said = [str(w.message) for w in recwarn if "has no CPU kernel" in str(w.message)]
    assert len(said) == 1 and said[0].startswith("WholeMatrix has no CPU kernel, as its rule takes whole parameters")
