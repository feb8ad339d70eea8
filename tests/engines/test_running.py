"""Running a program: stopping at what is not finite, resuming, threads, and what is said once."""

import math
import os
import subprocess
import sys

import numpy as np
import pytest

import cutaway as ct
from cutaway.engines import evaluator
from cutaway.engines.cpu import pool
from cutaway.rules import OPS, rule

engines = pytest.mark.parametrize("engine", ["cpu", pytest.param("reference", marks=pytest.mark.smoke)])


def small(seed=0, dtype="float32", **options):
    model = ct.nn.MLP(3, [6], 2, dropout=0.3, norm="batch").astype(dtype).init(seed)
    opt = ct.optim.AdamW(ct.optim.schedules.cosine(0.05, 12))
    program = ct.compile(model, "cross_entropy", opt, batch_size=5, seed=4, **options)
    X, y = np.random.default_rng(1).normal(size=(23, 3)), np.arange(23) % 2
    program.feed(X, y)
    return model, program


def everything(model):
    return np.concatenate([model.theta, *(b.data for _, b in model.named_buffers())])


@engines
@pytest.mark.parametrize("threads", [1, 2])
def test_a_loss_that_is_not_finite_stops_before_the_update(engine, threads):
    X, y = np.random.default_rng(0).normal(size=(20, 3)), np.zeros(20)
    X[13, 1] = np.nan
    model, other = (ct.nn.MLP(3, [4], 1, norm="batch").init(0) for _ in range(2))
    for m, rows in ((model, 20), (other, 10)):
        opt = ct.optim.clip(ct.optim.Adam(0.01), value=1.0)
        program = ct.compile(m, "mse", opt, batch_size=5, engine=engine, threads=threads)
        program.feed(X[:rows], y[:rows])
        losses = program.run()
        assert len(losses) == 2 and np.isfinite(losses).all() and program.state["t"] == 2
    np.testing.assert_array_equal(everything(model), everything(other))


@engines
def test_a_gradient_that_is_not_finite_stops_too(engine):
    """√0 is finite, its slope is not."""
    model = ct.nn.Linear(1, 1, init=ct.nn.init.zeros)
    program = ct.compile(model, lambda z, y: ct.ops.sqrt(ct.ops.square(z)).mean(), ct.optim.SGD(0.1),
                         input=np.ones((2, 1)), target=np.zeros((2, 1)), engine=engine)
    program.feed(np.ones((4, 1)), np.zeros((4, 1)))
    with np.errstate(all="ignore"):
        assert len(program.run()) == 0
    assert not model.theta.any()


@engines
def test_training_goes_on_after_the_bad_rows_are_gone(engine):
    model, program = small(engine=engine)
    clean, bad = np.arange(23), program.engine.data["x"].copy()
    bad[2] = np.inf
    program.feed(bad, np.zeros(23, int))
    with np.errstate(all="ignore"):
        assert len(program.run(clean)) == 0
    assert len(program.run(clean[5:])) == 4 and np.isfinite(model.theta).all() and program.state["t"] == 4


@engines
def test_a_run_in_pieces_gives_the_same_bits(engine):
    order = np.random.default_rng(2).permutation(23)
    (one, whole), (two, pieces) = small(engine=engine), small(engine=engine)
    a = np.concatenate([whole.run(order), whole.run(order)])
    b = np.concatenate([pieces.run(order, 0, 2), pieces.run(order, 10, 1), pieces.run(order, 15), pieces.run(order)])
    np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(everything(one), everything(two))


@engines
def test_rows_as_they_come_are_the_order_from_0(engine):
    (one, a), (two, b) = small(engine=engine), small(engine=engine)
    np.testing.assert_array_equal(a.run(), b.run(np.arange(23)))
    np.testing.assert_array_equal(everything(one), everything(two))


@engines
@pytest.mark.parametrize("order", [[0, 23], [-1, 0], [0.5, 1.0]])
def test_rows_that_are_not_there(engine, order):
    _, program = small(engine=engine)
    with pytest.raises(ct.errors.ArgumentError, match="row numbers from 0 to 22"):
        program.run(np.array(order))


@engines
def test_two_programs_share_one_model(engine):
    X, y = np.random.default_rng(0).normal(size=(8, 3)), np.zeros(8)
    model = ct.nn.MLP(3, [4], 1).init(0)
    programs = [ct.compile(model, "mse", ct.optim.SGD(0.1), batch_size=8, engine=engine) for _ in range(2)]
    losses = []
    for program in programs * 2:
        program.feed(X, y)
        losses.extend(program.run())
    assert losses == sorted(losses, reverse=True) and len(set(losses)) == 4


@engines
def test_weights_that_moved_in_memory_are_found_again(engine):
    X, y = np.random.default_rng(0).normal(size=(8, 3)), np.zeros(8)
    (one, two) = (ct.nn.MLP(3, [4], 1).init(0) for _ in range(2))
    a, b = (ct.compile(m, "mse", ct.optim.SGD(0.1), batch_size=8, engine=engine) for m in (one, two))
    for program in (a, b):
        program.feed(X, y)
        program.run()
    two.layers[0].theta[:] *= 1     # a part's own block: the weights move there
    np.testing.assert_array_equal(a.run(), b.run())
    np.testing.assert_array_equal(one.theta, two.theta)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_same_threads_give_the_same_bits_and_others_nearly(threads):
    (reference, a), (one, b), (two, c) = (small(dtype="float64"), small(dtype="float64", threads=threads),
                                          small(dtype="float64", threads=threads))
    losses = [np.concatenate([program.run() for _ in range(2)]) for program in (a, b, c)]
    np.testing.assert_array_equal(losses[1], losses[2])
    np.testing.assert_array_equal(everything(one), everything(two))
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)
    np.testing.assert_allclose(everything(one), everything(reference), rtol=1e-3, atol=1e-5)


def test_shards_in_turn_give_the_bits_of_threads_side_by_side(monkeypatch):
    models = []
    for serial in (False, True):
        model, program = small(threads=3)
        if serial:
            monkeypatch.setattr(pool, "take", lambda count, serve: [])
        program.run()
        models.append(everything(model))
    np.testing.assert_array_equal(*models)


@pytest.mark.parametrize("batch_size", [1, 2, 4, 7])
def test_more_threads_than_rows(batch_size):
    X, y = np.random.default_rng(0).normal(size=(15, 3)), np.arange(15) % 2
    models = [ct.nn.MLP(3, [4], 2, norm="layer").astype("float64").init(0) for _ in range(2)]
    for model, options in zip(models, ({"engine": "reference"}, {"threads": 4}), strict=True):
        program = ct.compile(model, "cross_entropy", ct.optim.Momentum(0.1), batch_size=batch_size, **options)
        program.feed(X, y)
        program.run()
    np.testing.assert_allclose(models[1].theta, models[0].theta, rtol=1e-10, atol=1e-12)


def test_a_rule_of_ones_own_is_told_what_machine_code_lacks():
    @rule("a = z π", "elementwise")
    def by_pi(z):
        return z * math.pi

    class ByPi(ct.nn.Activation):
        op = "by_pi"

    try:
        with pytest.warns(RuntimeWarning, match=r"by_pi has no CPU kernel \(Attribute .* kernels: math.pi\)"):
            evaluator(ct.nn.Sequential(ByPi()), np.ones((4, 3)))
    finally:
        del OPS["by_pi"]


def test_kernels_can_be_read():
    _, program = small()
    sources = [program.source(i) for i in range(len(program.instructions))]
    assert any("def linear(" in s for s in sources) and any("relu(z[j])" in s for s in sources)


def test_the_seed_of_the_program_chooses_the_masks():
    losses = [small()[1].run(), small()[1].run()]
    np.testing.assert_array_equal(*losses)
    model = ct.nn.MLP(3, [6], 2, dropout=0.3).init(0)
    one, two = (ct.compile(model, "cross_entropy", ct.optim.SGD(0.0), batch_size=23, seed=s) for s in (1, 2))
    for program in (one, two):
        program.feed(np.ones((23, 3)), np.arange(23) % 2)
    assert one.run() != two.run()


def test_the_reference_engine_needs_no_compiler():
    code = ("import sys, numpy as np, cutaway as ct\n"
            "ct.nn.MLP(2, [3], 1).predict(np.ones((2, 2)), engine='reference')\n"
            "assert not {'llvmlite'} & sys.modules.keys()")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, check=False)
    assert done.returncode == 0, done.stderr


@engines
def test_an_evaluator_that_keeps_all_shows_every_value_of_its_last_batch(engine):
    net = ct.nn.MLP(3, [4], 2).init(0)
    X = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)
    program = evaluator(net, X, engine=engine, batch_size=4, keep_all=True)
    out = program.predict(X)
    z, a = program.value("layer1.z"), program.value("layer1.a")
    np.testing.assert_allclose(z, X[4:] @ net[0].weight.data.T + net[0].bias.data, rtol=1e-5, atol=1e-6)
    assert (z < 0).any() and np.array_equal(a, np.maximum(z, 0))
    assert np.array_equal(program.value("layer2.z"), out[4:])


@pytest.mark.parametrize("number", [99, -99, "relu", None])
def test_a_kernel_is_asked_for_by_its_number_in_the_listing(number):
    program = ct.compile(ct.nn.MLP(2, [2], 1), target=np.zeros((4, 1)))
    assert program.source(np.int64(3)) == program.source(3)
    with pytest.raises(ct.errors.ArgumentError, match=r"numbers 0 to \d+, as in print\(program\), got"):
        program.source(number)
