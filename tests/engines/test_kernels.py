"""The CPU engine against the rules: every value and gradient of small programs, one for each case in cases.py."""

from contextlib import nullcontext

import numpy as np
import pytest
from around import Around, assert_same_values, program, uneven
from cases import CASE, EVERY, IDS, of_each, scan

import cutaway as ct
from as_written import as_written
from cutaway.engines.cpu.kernels import convolution
from cutaway.engines.xla import kernels as xla
from cutaway.rules import OPS
from depth import THOROUGH, each_once, every

# run inside every broadcast, batch norm and convolution of sequences, see below, test_training.py and tests/nn
INNER = {"sum_to", "running_average", "shortened"}
FIRST = of_each(len(IDS), lambda name: name not in INNER)  # each operation's first case; in a thorough run, all
OPTIMIZED = every(4, FIRST)
PRECISIONS = ["float32", "float64"]


def some_cases(step, which=lambda name: True, part=slice(None)):
    """Each operation's first case and each `step`-th of the others; of these, a part."""
    ids = of_each(step, lambda name: name not in INNER and which(name))
    ids = ids if THOROUGH else ids[part]
    return pytest.mark.parametrize(("id", "name", "make"), [(id, *CASE[id]) for id in ids], ids=ids)


TOLERANCE = {"float32": {"rtol": 3e-5, "atol": 3e-6}, "float64": {"rtol": 1e-11, "atol": 1e-13}}


def assert_as_the_rules(name, case, dtype, engine="cpu"):
    one, a = program(Around(name, case).astype(dtype), "reference", keep_all=True)
    two, b = program(Around(name, case).astype(dtype), engine, keep_all=True)
    np.testing.assert_allclose(b, a, **TOLERANCE[dtype])
    assert_same_values(one, two, **TOLERANCE[dtype])
    return two


@some_cases(4, part=slice(0, None, 3))  # test_operands.py takes all of them, of seven rows
@as_written()
def test_every_value_equals_the_rules(id, name, make):
    """And every operation has a kernel, forward and backward."""
    for n in (33, 1):
        made = assert_as_the_rules(name, make(np.random.default_rng(n), n, 3), "float32")
    missing = {i.op for i, kernel in zip(made.instructions, made.engine.kernels, strict=True) if kernel is None}
    assert not missing


@pytest.mark.parametrize("id", every(2, FIRST))
def test_every_value_of_a_wide_operation_equals_the_rules(id):
    """Where vectors are filled: by LLVM's optimizer, in every other of them."""
    name, make = CASE[id]
    case = make(np.random.default_rng(5), 5, 17)
    with nullcontext() if id in OPTIMIZED else as_written():
        assert_as_the_rules(name, case, PRECISIONS[IDS.index(id) % 2])


@some_cases(3, lambda name: name in xla.KERNELS)
def test_every_value_on_xla_equals_the_rules(id, name, make):
    """Where XLA has an operation of its own. All others run there by their rules: tests/rules/test_rules.py."""
    assert_as_the_rules(name, make(np.random.default_rng(5), 5, 17), "float64", "xla")


@some_cases(3, part=slice(0, None, 5))
@as_written()
def test_sharing_memory_changes_no_bit(id, name, make):
    case = make(np.random.default_rng(7), 6, 3)
    kept, shared = Around(name, case), Around(name, case)
    (_, a), (small, b) = program(kept, "cpu", 3, keep_all=True), program(shared, "cpu", 3)
    np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(kept.theta, shared.theta)
    assert small.memory.bytes <= small.memory.unshared_bytes


@some_cases(2, part=slice(1, None, 4))
@as_written()
def test_threads_repeat_their_bits_and_agree_with_the_rules(id, name, make):
    threads = 2 + IDS.index(id) % 2
    case = make(np.random.default_rng(8), 7, 3)
    models = [Around(name, case) for _ in range(3)]
    _, losses = program(models[0], "reference", 3)
    runs = [program(m, "cpu", 3, threads=threads)[1] for m in models[1:]]
    np.testing.assert_array_equal(models[1].theta, models[2].theta)
    np.testing.assert_array_equal(*runs)
    np.testing.assert_allclose(runs[0], losses, **TOLERANCE["float32"])
    np.testing.assert_allclose(models[1].theta, models[0].theta, **TOLERANCE["float32"])


SPECIAL = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 88.0, -88.0, 1e-8, -1e-8, 100.0, -100.0, 0.5, -3.0])
UNARY = [id for id, (name, _) in CASE.items() if OPS[name].kind == "elementwise" and len(OPS[name].inputs) == 1]


@pytest.mark.parametrize(("id", "dtype"), each_once(UNARY, PRECISIONS))  # of each precision: rules/test_extremes.py
def test_special_values_go_through_one_input(id, dtype):
    name, make = CASE[id]
    case = make(np.random.default_rng(0), 13, 1)
    case.inputs = (SPECIAL[:, None],)
    one, _ = program(Around(name, case).astype(dtype), "reference", keep_all=True)
    two, _ = program(Around(name, case).astype(dtype), "cpu", keep_all=True)
    assert_same_values(one, two, rtol=2e-5 if dtype == "float32" else 1e-12, atol=1e-30)
    assert np.isnan(two.value(two.engine.listing.output)[0, 0]), "NaN must stay visible"


@pytest.mark.parametrize(("name", "dtype"), each_once(
    ["add", "sub", "mul", "div", "maximum", "minimum", "greater", "greater_equal"], PRECISIONS))
def test_special_values_go_through_two_inputs(name, dtype):
    case = dict(EVERY)[name](np.random.default_rng(0), 2, 2)
    u, v = np.meshgrid(SPECIAL, SPECIAL)
    case.inputs, case.kinds = (u, v), ("rows", "rows")
    one, _ = program(Around(name, case).astype(dtype), "reference", keep_all=True)
    two, _ = program(Around(name, case).astype(dtype), "cpu", keep_all=True)
    assert_same_values(one, two, rtol=1e-6 if dtype == "float32" else 1e-14)


@some_cases(1, lambda name: name == "conv")
@as_written()
def test_images_are_padded_as_many_at_a_time_as_the_cache_holds(id, name, make, monkeypatch):
    case = make(np.random.default_rng(1), 3, 4)
    one, _ = program(Around("conv", case).astype("float64"), "reference", keep_all=True)
    monkeypatch.setattr(convolution, "TOGETHER", 1)  # one at a time
    two, _ = program(Around("conv", case).astype("float64"), "cpu", keep_all=True)
    assert_same_values(one, two, **TOLERANCE["float64"])


@pytest.mark.parametrize(("name", "reverse"), each_once(["rnn", "lstm", "gru"], [False, True]))
@as_written()
def test_gradients_are_cut_where_the_rule_cuts_them(name, reverse):
    case = scan(name, np.random.default_rng(3), 5, 4, state=True, ends=True, reverse=reverse, truncate=2)
    whole = scan(name, np.random.default_rng(3), 5, 4, state=True, ends=True, reverse=reverse)
    one, two, uncut = (program(Around(name, c).astype("float64"), engine, keep_all=True)[0]
                       for c, engine in ((case, "reference"), (case, "cpu"), (whole, "cpu")))
    assert_same_values(one, two, **TOLERANCE["float64"])
    assert not np.allclose(two.value("dw1"), uncut.value("dw1"))


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru", "conv"])
@as_written()
def test_a_last_batch_too_small_for_all_threads_trains_the_same(name):
    _, make = CASE["conv-conv_same" if name == "conv" else f"{name}-scan"]
    case = make(np.random.default_rng(4), 5, 4)
    thetas = []
    for threads in (1, 3):
        model = Around(name, case).astype("float64")
        made = ct.compile(model, uneven, ct.optim.SGD(0.05), batch_size=4, input=model.data(), target=np.zeros(5),
                          threads=threads)
        made.feed(model.data(), np.zeros(5))
        made.run()
        thetas.append(model.theta.copy())
    np.testing.assert_allclose(*thetas, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("threads", [1, 3])
@as_written()
def test_running_averages_know_how_many_rows_a_batch_has(threads):
    """None of their operands has rows; the last batch is a smaller one."""
    X = np.random.default_rng(0).standard_normal((17, 4))
    states = []
    for engine in ("reference", "cpu"):
        net = ct.nn.Sequential(ct.nn.Linear(4, 5), ct.nn.BatchNorm1d(5), ct.nn.Linear(5, 1)).init(0).astype("float64")
        made = ct.compile(net, "mse", ct.optim.SGD(0.1), 6, X, X[:, :1], engine=engine, threads=threads)
        made.feed(X, X[:, :1])
        made.run()
        states.append(net.state_dict())
    for name, expected in states[0].items():
        np.testing.assert_allclose(states[1][name], expected, rtol=1e-9, atol=1e-12)


class OfWholeNumbers(ct.nn.Module):
    """A function of whole numbers, times a weight."""

    embeds = True

    def __init__(self, f):
        self.f, self.weight = f, ct.nn.Parameter((3,), ct.nn.init.ones)

    def forward(self, x):
        return self.f(x) * self.weight


@pytest.mark.parametrize("name", ["sqrt", "tanh", "abs"])
def test_functions_of_whole_numbers_are_those_of_the_rules(name):
    x, losses = np.random.default_rng(0).integers(0, 5, (7, 3)), []
    for engine in ("reference", "cpu"):
        net = OfWholeNumbers(lambda x: getattr(ct.ops, name)(1 - x if name == "abs" else x)).init(0).astype("float64")
        made = ct.compile(net, "mse", ct.optim.SGD(0.1), 3, x, np.ones((7, 3)), engine=engine)
        made.feed(x, np.ones((7, 3)))
        losses.append(made.run())
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)
