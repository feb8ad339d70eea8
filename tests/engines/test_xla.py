"""What is the XLA engine's own: what it is as near to the rules as, what it leaves alone, and what it says."""

import subprocess
import sys

import jax
import numpy as np
import pytest

import cutaway as ct
from cutaway.autodiff import apply
from cutaway.engines.xla.arrays import arrays
from cutaway.engines.xla.kernels import FOR_CPU, KERNELS, kernel_for
from cutaway.engines.xla.lasting import lasting
from cutaway.engines.xla.step import by_number
from cutaway.errors import ArgumentError
from cutaway.optim import SGD, Adam, AdamW, Optimizer, clip
from cutaway.rules import OPS, bind, convolution, linear, rule, xp
from depth import every

nn, rng = ct.nn, np.random.default_rng(0)
X, y = rng.standard_normal((22, 4)).astype(np.float32), rng.integers(0, 3, 22)
IMAGES, SERIES = rng.standard_normal((22, 5, 4, 2)).astype(np.float32), [
    rng.standard_normal((n, 2)).astype(np.float32) for n in rng.integers(2, 6, 22)]
EPS = 1e-3  # a bias before batch norm has a gradient of roundings, which Adam would blow up


class Words(nn.Module):
    def __init__(self):
        self.table, self.out = nn.Embedding(5, 4), nn.Linear(4, 3)

    def forward(self, i):
        return self.out(self.table(i).mean(axis=1))


NETWORKS = {
    "batch norm and dropout": (lambda: nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3),
                                                     nn.Linear(8, 3)), X),
    "LSTM": (lambda: nn.Recurrent(2, 4, 3, cell="lstm"), SERIES),
    "GRU of lengths": (lambda: nn.Recurrent(2, 4, 3, cell="gru", bidirectional=True), SERIES),
    "filters and batch norm of lengths": (lambda: nn.Sequential(nn.Conv1d(2, 4, 3, 2, "same"), nn.BatchNorm1d(4),
                                                                nn.ReLU(), nn.GlobalAveragePool(), nn.Linear(4, 3)),
                                          SERIES),
    "CNN of changed images": (lambda: nn.Sequential(nn.Augment(flip=True, shift=1), nn.Conv2d(2, 4, 3, padding=1),
                                                    nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, 3)),
                              IMAGES),
    "embeddings": (Words, rng.integers(0, 5, (22, 6))),
}


def fitted(make, X, engine, y=y, **options):
    settings = {"optimizer": clip(AdamW(1e-2, eps=EPS), norm=0.5), "epochs": 2, "batch_size": 8, "threads": 1}
    return ct.fit(make().init(0), X, y, "cross_entropy", engine=engine, progress=False, **settings | options)


@pytest.mark.parametrize("network", NETWORKS)
def test_it_trains_as_the_rules_do_in_single_precision(network):
    """The losses differ by roundings: XLA adds up in an order of its own, and without its 64-bit mode in single."""
    make, data = NETWORKS[network]
    rows = 22 if network == "CNN of changed images" else 16  # of another size, a last batch is compiled once more
    data = data[:rows]
    ours, theirs = (fitted(make, data, engine, y=y[:rows]) for engine in ("reference", "xla"))
    np.testing.assert_allclose(theirs.steps["loss"], ours.steps["loss"], rtol=1e-5)
    np.testing.assert_allclose(theirs.model.predict(data, engine="xla"), ours.model.predict(data, engine="reference"),
                               rtol=1e-3, atol=1e-4)


def mlp():
    return nn.MLP(4, [6], 3).init(0)


def test_jax_is_set_as_it_was():
    before = jax.config.values.copy()
    fitted(mlp, X, "xla", epochs=1)
    assert jax.config.values == before
    with jax.enable_x64(True):
        same = fitted(mlp, X, "xla", epochs=1)
    np.testing.assert_array_equal(same.steps["loss"], fitted(mlp, X, "xla", epochs=1).steps["loss"])


def test_a_run_that_was_stopped_goes_on_to_the_same_bits(tmp_path):
    def stop(event):
        if getattr(event, "epoch", 0) == 1:
            event.run.stop()

    whole = fitted(mlp, X, "xla", validation=0.25)
    fitted(mlp, X, "xla", validation=0.25, checkpoint=tmp_path, callbacks=[stop])
    rest = fitted(mlp, X, "xla", validation=0.25, checkpoint=tmp_path, resume=True)
    np.testing.assert_array_equal(rest.model.theta, whole.model.theta)
    assert rest.history["val_loss"][-1] == whole.history["val_loss"][-1]


def test_many_models_share_what_was_compiled():
    options = {"X": X, "y": y, "loss": "cross_entropy", "epochs": 1, "batch_size": 8, "engine": "xla"}
    one, two = ct.fit_many([{"model": mlp(), "optimizer": SGD(r), **options} for r in (0.1, 0.2)])
    assert one.program.engine._compiled is two.program.engine._compiled
    assert one.history["loss"] != two.history["loss"]


def test_a_step_can_be_looked_into():
    session = ct.step(mlp(), X, y, "cross_entropy", engine="xla", batch_size=8)
    session.run(1)
    assert session.program.engine.name == "xla" and session.program.state.t == 1
    run = fitted(mlp, X, "xla", epochs=1)
    assert "layer1.weight" in str(run.trace(step=2).explain("layer1.weight", 0, 1))
    assert "MLP" in str(ct.diagnose(run))


def test_frozen_weights_and_silent_neurons_stay_so():
    ends = []
    for engine in ("reference", "xla"):
        session = ct.step(mlp(), X, y, "cross_entropy", SGD(0.1), engine=engine, batch_size=8)
        session.freeze("layer1.weight", 1, 2)
        session.kill("layer1", 3)
        session.run(4)
        ends.append(session.model.theta.copy())
    np.testing.assert_allclose(*ends, rtol=1e-4, atol=1e-6)
    assert ends[1][4 + 2] == mlp().theta[4 + 2]


class Named(nn.Module):
    """A parameter and a buffer that are called as vectors of the optimizer are."""

    def __init__(self):
        self.m, self.v = nn.Parameter((4, 3), nn.init.he_normal), nn.Buffer(np.full(3, 2.0, np.float32))

    def forward(self, x):
        return x @ self.m * self.v


def test_no_name_is_taken_for_a_vector_of_the_optimizer():
    ours, theirs = (fitted(Named, X, engine, epochs=1) for engine in ("reference", "xla"))
    np.testing.assert_allclose(theirs.model.theta, ours.model.theta, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(theirs.model.predict(X, engine="xla"), ours.model.predict(X, engine="reference"),
                               rtol=1e-4, atol=1e-5)


def test_a_profile_says_what_its_times_are_of():
    program = ct.compile(mlp(), "cross_entropy", SGD(0.1), 8, X, y, engine="xla")
    program.feed(X, y)
    told = program.profile(steps=2)
    assert told.step > 0 and "the engine xla runs a step as a whole" in str(told)
    assert "XLA plans which of them share memory" in str(program.memory) and "XLA" in program.source(3)


def test_predictions_of_few_rows_are_those_of_many():
    """Rows are filled up to a size that is compiled already, where none reads another."""
    net = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Linear(5, 3)).init(0)
    many = net.predict(X, engine="xla", batch_size=8)
    for n in (1, 3, 5):
        np.testing.assert_allclose(net.predict(X[:n], engine="xla", batch_size=8), many[:n], rtol=1e-5, atol=1e-6)


class Centred(nn.Module):
    def __init__(self):
        self.out = nn.Linear(4, 3)

    def forward(self, x):
        return self.out(x - x.mean(axis=0))


def test_rows_that_read_each_other_are_not_filled_up():
    net = Centred().init(0)
    np.testing.assert_allclose(net.predict(X[:3], engine="xla"), net.predict(X[:3], engine="reference"), atol=1e-6)


def test_numbers_that_look_something_up_are_checked():
    table = ct.compile(Words().init(0), "cross_entropy", SGD(0.1), 8, np.zeros((2, 6), int), y[:2], engine="xla")
    with pytest.raises(ArgumentError, match="from 0 to 4"):
        table.feed(np.full((22, 6), 5), y)
    program = ct.compile(mlp(), "cross_entropy", SGD(0.1), 8, X, y, engine="xla")
    with pytest.raises(ArgumentError, match="from 0 to 2"):
        program.feed(X, y + 1)
    program.feed(X, y)
    with pytest.raises(ArgumentError, match="from 0 to 21"):
        program.run([22])


def test_constants_of_every_step_are_found_in_double():
    """In single precision 1 - β₂ᵗ would keep three digits of the first steps, and the weights differ from the third."""
    ours, theirs = (fitted(mlp, X, engine, optimizer=Adam(1e-2, eps=1e-12)) for engine in ("reference", "xla"))
    np.testing.assert_allclose(theirs.steps["loss"], ours.steps["loss"], rtol=3e-6)


@pytest.mark.parametrize("lr", [1e-3, 1e30])
def test_training_stops_before_the_step_that_is_not_finite(lr):
    """Whether all was finite is asked after many steps; the state is that of the last good one, all the same."""
    def spoilt(engine):
        data = X.copy()
        data[13] = 1e30  # its square is beyond single precision
        program = ct.compile(nn.MLP(4, [6], 3).init(0), "mse", SGD(lr), 2, data, np.zeros((22, 3)), engine=engine)
        program.feed(data, np.zeros((22, 3)))
        with np.errstate(all="ignore"):
            losses = program.run(steps=11)
        return program, losses

    (ours, mine), (theirs, rules) = spoilt("xla"), spoilt("reference")
    assert len(mine) == len(rules) == ours.state.t == theirs.state.t < 11
    assert not ours.engine.finite and np.isfinite(ours.state["θ"]).all()
    np.testing.assert_allclose(ours.state["θ"], theirs.state["θ"], rtol=1e-5, atol=1e-6)


def test_weights_that_grow_too_large_in_a_last_step_are_no_gradient_that_is_not_finite():
    """A program that looks at θ after all steps sees infinity, and asks again, of every gradient."""
    ends = []
    for engine in ("xla", "reference"):
        program = ct.compile(nn.MLP(4, [6], 3).init(0), "mse", SGD(1e39), 2, X, np.ones((22, 3)), engine=engine)
        program.feed(X, np.ones((22, 3)))
        with np.errstate(all="ignore"):
            assert len(program.run(steps=1)) == program.state.t == 1 and program.engine.finite
        ends.append(program.state["θ"])
    assert not np.isfinite(ends[0]).all() and (np.isfinite(ends[0]) == np.isfinite(ends[1])).all()


class AtMostOne(Optimizer, listed=False):
    rule = staticmethod(lambda theta, g, *, lr: theta - lr * xp.minimum(g, 1))


@pytest.mark.parametrize(("optimizer", "known"), [
    (Adam(1e-3), True), (SGD(0.1), True), (AdamW(1e-3, decay="matrices"), True), (AtMostOne(0.1), False),
    (clip(SGD(0.1), norm=1.0), False)], ids=["Adam", "SGD", "two ranges", "a rule with min", "clipped"])
def test_it_is_known_whether_the_weights_keep_what_was_not_finite(optimizer, known):
    """They do if only sums, products and roots lie between; min and max may lose it, and so may what clips g."""
    engine = ct.compile(nn.MLP(4, [6], 3), "mse", optimizer, 2, X, np.zeros((22, 3)), engine="xla").engine
    found = lasting(engine.listing, engine._update.function(), len(engine._update.constants))
    assert bool(found) == known and (not known or {name for name, _, _ in found} == {"θ"})


def test_data_may_be_written_over_once_they_were_fed_to_a_run():
    """JAX reads an array that begins at a multiple of 64 bytes where it lies, and perhaps later: it is given a copy."""
    block = np.zeros(22 * 4 + 16, np.float32)
    at = -block.ctypes.data % 64 // 4
    mine = block[at : at + 88].reshape(22, 4)
    mine[...] = X
    program = ct.compile(mlp(), "cross_entropy", SGD(0.1), 8, mine, y, engine="xla")
    program.feed(mine, y)
    program.run(steps=1)
    mine[...] = np.nan
    assert np.isfinite(program.run(position=8, steps=1)).all()


@pytest.mark.parametrize("seed", every(2, [4, 1]))
def test_operations_of_xla_are_as_their_rules(seed):
    """Windows of random sizes, strides, edges and distances, over one or two sizes; ties between equal numbers too."""
    rng = np.random.default_rng(seed)
    sizes = int(rng.integers(1, 3))
    window, stride, dilation = (tuple(map(int, rng.integers(1, 4, sizes))) for _ in range(3))
    padding = tuple((int(rng.integers(0, w)), int(rng.integers(0, w))) for w in window)
    groups = int(rng.integers(1, 3))
    x = rng.integers(-2, 3, (2, *rng.integers(7, 10, sizes), 2 * groups)).astype(np.float32)
    W, b = rng.standard_normal((2 * groups, *window, 2)).astype(np.float32), np.ones(2 * groups, np.float32)
    pool, whole = {"window": window, "stride": stride, "padding": padding}, {
        "stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    y, z = convolution.max_pool(x, **pool), convolution.conv(x, W, b, **whole)
    calls = {"max_pool": ((x,), pool), "max_pool_back": ((y + 1, x, y), pool), "avg_pool": ((x,), pool),
             "avg_pool_back": ((y, x.shape), pool), "conv": ((x, W, b), whole),
             "conv_back": ((z, x, W, b.shape), whole)}
    assert calls.keys() == KERNELS.keys() - FOR_CPU
    rules = {name: getattr(convolution, name) for name in calls}

    @jax.jit  # all in one compilation
    def everything(given):
        found = {}
        for name, (arguments, settings) in calls.items():
            arguments = [given.get((name, k), a) for k, a in enumerate(arguments)]
            found[name] = [made(*arguments, **settings) for made in (KERNELS[name], bind(rules[name], arrays()))]
        return found  # in a loop on a CPU the rule itself is run

    found = everything({(name, k): a for name, (arguments, _) in calls.items() for k, a in enumerate(arguments)
                        if isinstance(a, np.ndarray)})
    for name, (arguments, settings) in calls.items():
        theirs = rules[name](*arguments, **settings)
        for ours in found[name]:
            for a, wanted in zip(*(r if isinstance(r, tuple) else (r,) for r in (ours, theirs)), strict=True):
                np.testing.assert_allclose(a, wanted, rtol=1e-4, atol=1e-4, err_msg=f"{name} {settings}")


@pytest.mark.parametrize(("dz", "x", "b"), [
    ((5, 3), (5, 4), (3,)), ((2, 5, 3), (2, 5, 4), None), ((5, 3), (1, 4), (1, 3))],
    ids=["rows", "rows of rows", "one row for all"])
def test_the_derivative_of_a_layer_on_a_cpu_is_as_its_rule(dz, x, b):
    rng = np.random.default_rng(6)
    dz, x, W = (rng.standard_normal(size).astype(np.float32) for size in (dz, x, (3, 4)))
    own = kernel_for(linear.linear_back, "cpu")
    assert own is not None and kernel_for(linear.linear_back, "gpu") is None
    for a, wanted in zip(own(dz, x, W, b), linear.linear_back(dz, x, W, b), strict=True):
        np.testing.assert_allclose(a, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("window", [(2, 3), (130,)])
def test_pools_of_windows_side_by_side_are_as_their_rules(window):
    """Places are left over at the end; of equal numbers the first one is the greatest; more than a byte counts, too."""
    x = np.random.default_rng(2).integers(-2, 3, (2, *(2 * k + k // 2 for k in window), 3)).astype(np.float32)
    pool = {"window": window, "stride": window, "padding": ((0, 0),) * len(window)}
    y = convolution.max_pool(x, **pool)
    for name, arguments in {"max_pool": (x,), "max_pool_back": (y + 1, x, y), "avg_pool": (x,),
                            "avg_pool_back": (y, x.shape)}.items():
        ours, wanted = KERNELS[name](*arguments, **pool), getattr(convolution, name)(*arguments, **pool)
        np.testing.assert_allclose(ours, wanted, rtol=1e-6, atol=1e-6, err_msg=name)


def test_rules_that_take_number_by_number_are_told_from_others():
    """They may be given θ piece by piece: a square root may, a length may not."""
    f4 = np.dtype(np.float32)
    assert by_number(lambda theta, g: (jax.numpy.where(g > 0, theta, jax.numpy.sqrt(g)), g * 2), [f4, f4])
    assert not by_number(lambda theta, g: theta - g / jax.numpy.sqrt((g * g).sum()), [f4, f4])
    assert not by_number(lambda theta: theta[::-1], [f4])


def test_weights_in_pieces_train_as_one_long_array_does(monkeypatch):
    from cutaway.engines.xla import engine

    long = fitted(mlp, X, "xla")
    monkeypatch.setattr(engine, "LONG_ON_CPU", 0)
    apart = fitted(mlp, X, "xla")
    np.testing.assert_allclose(apart.model.theta, long.model.theta, rtol=1e-5, atol=1e-6)


# ---- rules of somebody's own -----------------------------------------------------------------------------------------


def late(theta, g, *, lr, t, rest):
    return theta - (lr if t > rest else 0 * lr) * g


class Late(Optimizer, listed=False):
    """It begins after some steps."""

    rest = 2.0
    rule = staticmethod(late)


def test_an_update_that_asks_for_the_step_by_if():
    run = fitted(mlp, X, "xla", optimizer=Late(0.1), epochs=1)
    np.testing.assert_allclose(run.model.theta, fitted(mlp, X, "reference", optimizer=Late(0.1), epochs=1).model.theta,
                               atol=1e-6)


def rows_of_a_matrix(theta, g, R, *, lr):
    R = R + (g * g).sum(-1) if g.ndim > 1 else R + g * g
    return theta - lr * g / xp.sqrt(R[..., None] if g.ndim > 1 else R), R


class Rows(Optimizer, listed=False):
    """A scale for each row."""

    rule = staticmethod(rows_of_a_matrix)

    def shapes(self, shape):
        return {"R": shape[:-1] if len(shape) > 1 else shape}


def test_an_optimizer_with_state_of_its_own_shape():
    ours, theirs = (fitted(mlp, X, engine, optimizer=Rows(0.01), epochs=1) for engine in ("reference", "xla"))
    np.testing.assert_allclose(theirs.model.theta, ours.model.theta, rtol=1e-4, atol=1e-5)


@pytest.fixture
def by_numpy():
    @rule("a = sort z", "elementwise")
    def by_numpy(z):
        return np.sort(z)

    yield lambda z: apply("by_numpy", z)
    del OPS["by_numpy"]


def test_a_rule_that_asks_numpy_is_refused_by_name(by_numpy):
    class Own(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(4, 3)

        def forward(self, x):
            return self.layer(by_numpy(x))

    program = ct.compile(Own().init(0), "cross_entropy", SGD(0.1), 8, X, y, engine="xla")
    program.feed(X, y)
    with pytest.raises(ArgumentError, match=r"by_numpy cannot be compiled by XLA: its rule .*`xp` of cutaway.rules"):
        program.run()


def test_without_jax_it_says_what_to_install():
    program = ("import sys; sys.modules['jax'] = None; import cutaway as ct\n"
               "try: ct.compile(ct.nn.Linear(2, 1), engine='xla')\n"
               "except ct.errors.ArgumentError as error: print(error)")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "the engine 'xla' needs jax" in done.stdout and 'pip install "cutaway[xla]"' in done.stdout


def test_jax_is_loaded_only_where_it_is_asked_for():
    program = "import sys, cutaway as ct; ct.compile(ct.nn.Linear(2, 1)); print('jax' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
