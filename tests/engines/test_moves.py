"""Kernels that are made from shapes: operations that move numbers, or repeat them, of any shapes, keys and axes."""

import numpy as np
import pytest
from around import Around, assert_same_values, program
from hypothesis import given, settings
from hypothesis import strategies as st
from random_moves import MOVES

import cutaway as ct
from cutaway.engines.cpu.loops import Space, View, broadcast, merged
from cutaway.program import Value
from depth import examples

pytestmark = pytest.mark.usefixtures("kernels_as_written")
TOLERANCE = {"float32": {"rtol": 3e-5, "atol": 3e-6}, "float64": {"rtol": 1e-11, "atol": 1e-13}}
every_move = pytest.mark.parametrize(("name", "make"), MOVES, ids=[f"{n}-{make.__name__}" for n, make in MOVES])
by_chance = {"max_examples": examples(3), "deadline": None}


def missing(made):
    return [str(i.title) for i, kernel in zip(made.instructions, made.engine.kernels, strict=True) if kernel is None]


@every_move
@settings(**by_chance)
@given(seed=st.integers(0, 10**6), n=st.integers(2, 9), dtype=st.sampled_from(sorted(TOLERANCE)))
def test_every_value_and_gradient_equals_the_rules_and_none_lacks_a_kernel(name, make, seed, n, dtype):
    case = make(np.random.default_rng(seed), n)
    one, a = program(Around(name, case).astype(dtype), "reference", keep_all=True)
    two, b = program(Around(name, case).astype(dtype), "cpu", keep_all=True)
    np.testing.assert_allclose(b, a, **TOLERANCE[dtype])
    assert_same_values(one, two, **TOLERANCE[dtype])
    assert not {name, f"{name}'", "sum_to", "real"} & set(missing(two))


@every_move
@settings(**by_chance)
@given(seed=st.integers(0, 10**6), threads=st.integers(2, 3))
def test_threads_share_the_work_and_train_the_same(name, make, seed, threads):
    case = make(np.random.default_rng(seed), 7)
    models = [Around(name, case).astype("float64") for _ in range(3)]
    _, losses = program(models[0], "reference", 3)
    runs = [program(m, "cpu", 3, threads=threads)[1] for m in models[1:]]
    np.testing.assert_array_equal(models[1].theta, models[2].theta)
    np.testing.assert_array_equal(*runs)
    np.testing.assert_allclose(runs[0], losses, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(models[1].theta, models[0].theta, rtol=1e-9, atol=1e-12)


class Net(ct.nn.Module):
    """x · s, put through a function."""

    def __init__(self, f, width):
        self.f, self.s = f, ct.nn.Parameter((width,), ct.nn.init.ones)

    def forward(self, x):
        return self.f(x * self.s)


def compiled(f, width=4, engine="cpu", batch_size=8, **options):
    X = np.random.default_rng(0).normal(size=(11, 3, width))
    net = Net(f, width).init(0).astype("float64")
    made = ct.compile(net, lambda z, y: (z * z).mean(), ct.optim.SGD(0.1), input=X, target=np.zeros(11),
                      batch_size=batch_size, engine=engine, **options)
    made.feed(X, np.zeros(11))
    return made, net


BY_ROWS = {
    "a step": lambda h: h[:, -1], "every other": lambda h: h[:, ::2], "a new axis": lambda h: h[..., None],
    "columns": lambda h: h[:, :, [2, 0, 1]], "swapped": lambda h: h.swapaxes(1, 2),
    "joined": lambda h: ct.ops.concat([h, h, h], axis=1), "stacked": lambda h: ct.ops.stack([h, h], axis=2),
    "cumulative": lambda h: ct.ops.cumsum(h, 1),
    "sums": lambda h: h.sum(axis=(1, 2)), "a row of two a sample": lambda h: h.reshape(-1, 4)[::3],
}
MIXED = {
    "backwards": lambda h: h[::-1], "batch twice": lambda h: ct.ops.concat([h, h], axis=0),
    "cumulative over rows": lambda h: ct.ops.cumsum(h, 0), "the last row": lambda h: h * h[-1],
    "the first row": lambda h: h * h[0], "rows of rows": lambda h: h.reshape(-1, 4)[::-3],
}


@pytest.mark.filterwarnings("ignore:.*has no CPU kernel:RuntimeWarning")
@pytest.mark.parametrize("f", BY_ROWS.values(), ids=BY_ROWS)
def test_what_leaves_samples_apart_is_shared_by_rows(f):
    made, _ = compiled(f)
    shared = [i for i in made.instructions if i.op in ("index", "transpose", "concat", "cumsum", "sum", "reshape")
              and i.phase != "loss"]
    assert shared and {i.scope for i in shared} == {"rows"}


@pytest.mark.parametrize("f", MIXED.values(), ids=MIXED)
def test_what_mixes_samples_is_done_by_one_thread_and_right_for_every_batch(f):
    found = []
    for engine, threads in (("reference", 1), ("cpu", 1), ("cpu", 3)):
        made, net = compiled(f, engine=engine, threads=threads)
        made.run(), made.run()  # the last batch is smaller
        found.append(net.theta.copy())
        mixing = [i for i in made.instructions if i.op in ("index", "concat", "cumsum")]
        assert mixing and {i.scope for i in mixing} == {"once"}
        assert engine == "reference" or not missing(made)
    np.testing.assert_allclose(found[1], found[0], rtol=1e-10)
    np.testing.assert_allclose(found[2], found[0], rtol=1e-10)


@pytest.mark.filterwarnings("ignore:.*has no CPU kernel:RuntimeWarning")
def test_rows_that_a_batch_may_not_have_are_for_the_rule_which_says_so():
    """Of a batch of one row, there is no row 1: a kernel could not refuse."""
    made, _ = compiled(lambda h: h * h[1], batch_size=10)
    made.run(steps=1)
    with pytest.raises(ct.errors.ShapeError, match="cannot run on a batch of 1: index 1 is out of bounds"):
        made.run()


def test_a_gradient_that_rows_share_is_summed_by_one_thread_and_the_rest_by_all():
    made, _ = compiled(lambda h: h * h[0])
    scopes = {(i.title, i.scope) for i in made.instructions if i.phase == "backward"}
    assert {("mul'", "rows"), ("sum_to", "once"), ("index'", "once")} <= scopes


def test_equal_places_add_up_in_order():
    made, net = compiled(lambda h: h[:, :, [0, 0, 3, 0]])
    made.run(steps=1)
    X = np.random.default_rng(0).normal(size=(11, 3, 4))[:8]
    slope = (X**2).sum((0, 1)) * np.array([3, 0, 0, 1]) * 2 / (8 * 3 * 4)
    np.testing.assert_allclose(net.theta, 1 - 0.1 * slope, rtol=1e-12)


class Turned(ct.nn.Module):
    """Weights in another shape than theirs."""

    def __init__(self):
        self.w = ct.nn.Parameter((2, 6), lambda rng, shape: rng.normal(size=shape))

    def forward(self, x):
        return x * self.w.reshape(3, 4).T.flatten().reshape(4, 3).swapaxes(0, 1)[:3]


def test_weights_take_any_shape():
    found = []
    for engine in ("reference", "cpu"):
        X, net = np.random.default_rng(0).normal(size=(5, 3, 4)), Turned().init(0).astype("float64")
        made = ct.compile(net, lambda z, y: (z * z).mean(), ct.optim.SGD(0.1), input=X, target=np.zeros(5),
                          engine=engine)
        made.feed(X, np.zeros(5))
        made.run()
        found.append(net.theta.copy())
    np.testing.assert_allclose(*found, rtol=1e-10)
    assert not missing(made)


# ---- the loops -------------------------------------------------------------------------------------------------------


def test_axes_without_a_gap_become_one():
    space, views = merged(Space((1, 3, 1, 4), True), {"a": View((12, 4, 7, 1)), "b": View((12, 4, 0, 1))})
    assert (space, views["a"], views["b"]) == (Space((12,), True), View((1,)), View((1,)))
    space, views = merged(Space((1, 3, 4), True), {"a": View((12, 4, 1)), "b": View((0, 4, 1))})
    assert (space, views["b"]) == (Space((1, 12), True), View((0, 1)))


def test_how_operands_repeat():
    space = Space.of(Value("w", (3, 4), 1, np.dtype(float)))
    strides = {shape: broadcast(Value("v", shape, rows, np.dtype(float)), space) for shape, rows in (
        ((3, 4), 1), ((3, 1), 1), ((4,), 0), ((3, 1), 0), ((1, 3, 4), 0), ((), 0), ((2, 4), 0), ((4,), 1))}
    assert {shape: view and view.strides for shape, view in strides.items()} == {
        (3, 4): (12, 4, 1), (3, 1): (0, 1, 0), (4,): None, (1, 3, 4): (0, 4, 1), (): (0, 0, 0), (2, 4): None}


def test_cumulative_sums_are_numpys():
    x = np.random.default_rng(0).normal(size=(3, 4))
    for axis in (None, 0, 1, -1):
        np.testing.assert_allclose(ct.ops.cumsum(x, axis=axis).data, np.cumsum(x, axis=axis))
    np.testing.assert_allclose(ct.grad(lambda t: (ct.ops.cumsum(t, 0) * x).sum())(x), np.cumsum(x[::-1], 0)[::-1])
    with pytest.raises(ct.errors.ShapeError, match="cumsum: there is no axis 2 among 2"):
        ct.ops.cumsum(x, 2)
