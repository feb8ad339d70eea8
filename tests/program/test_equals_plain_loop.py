"""Training through a program reaches the weights of a plain loop over Tensors, and gives its losses, in float64."""

import warnings
from contextlib import nullcontext

import numpy as np
import pytest

import cutaway as ct
from as_written import as_written
from cutaway.engines import ENGINES
from cutaway.nn import MLP, BatchNorm1d, Dropout, Embedding, LayerNorm, Linear, Module, ReLU, Sequential, Tanh
from cutaway.optim import SGD, Adam, AdamW, Momentum, RMSProp, clip, l1, l2, schedules

ROWS, BATCH, SEED = 22, 8, 7
EPS = 1e-3  # a bias in front of batch norm has a gradient of rounding errors alone: keep Adam from blowing them up


@pytest.fixture(autouse=True)
def _as_written(request):
    """Numbers are the same to ten digits whatever LLVM's optimizer makes of kernels in LLVM."""
    given = request.node.callspec.params if hasattr(request.node, "callspec") else {}
    with as_written() if given.get("engine", "cpu") in ("cpu", "portable", "wasm") else nullcontext():
        yield


class Skip(Module):
    def __init__(self):
        self.inner, self.out = Linear(4, 4), Linear(4, 3)

    def forward(self, x):
        return self.out(x + ct.ops.tanh(self.inner(x)) * 0.5)


class Shared(Module):
    """One layer used twice, and its matrix once more as an array of numbers."""

    def __init__(self):
        self.layer, self.out = Linear(4, 4), Linear(4, 3)

    def forward(self, x):
        h = ct.ops.relu(self.layer(x))
        h = ct.ops.relu(self.layer(h) + h)
        return self.out(h) + (self.layer.weight * self.layer.weight).mean()


class Computed(Module):
    """Weights that are calculated before they are used."""

    def __init__(self):
        self.root, self.bias = ct.nn.Parameter((3, 4), ct.nn.init.he_normal), ct.nn.Parameter((3,), ct.nn.init.zeros)

    def forward(self, x):
        return ct.ops.linear(x, self.root * self.root, self.bias)


class Two(Module):
    def __init__(self):
        self.left, self.right, self.out = Linear(4, 5), Linear(2, 3), Linear(8, 3)

    def forward(self, x, u):
        return self.out(ct.ops.concat([self.left(x), self.right(u)]))


class Table(Module):
    """Numbers and a column of categories, by name."""

    def __init__(self):
        self.colour, self.out = Embedding(5, 3), MLP(7, [6], 3, activation="silu")

    def forward(self, numbers, colour):
        return self.out(ct.ops.concat([numbers, self.colour(colour)]))


class Counts(Module):
    """Whole numbers that are looked up, calculated with and both: a count, and a category moved by one."""

    def __init__(self):
        self.colour, self.count, self.out = Embedding(8, 3), Linear(2, 3), Linear(6, 3)

    def forward(self, counts, colour):
        h = self.count(counts) * self.colour(colour + 1)
        return self.out(ct.ops.concat([h, self.colour(colour) + counts[:, :1]]))


class Words(Module):
    def __init__(self):
        self.table, self.out = Embedding(5, 3), Linear(3, 3)

    def forward(self, i):
        return self.out(self.table(i).mean(axis=1))


class Branches(Module):
    """What a user may write: slices, softmax, a product of two branches, numbers on the left."""

    def __init__(self):
        self.a, self.b, self.out = Linear(4, 6), Linear(4, 6), Linear(3, 3)
        self.scale = ct.nn.Parameter((1,), ct.nn.init.ones)

    def forward(self, x):
        gate = ct.ops.softmax(self.a(x))
        h = gate * self.b(x) / (2.0 + ct.ops.square(x).mean(axis=1, keepdims=True))
        h = h[:, :3] - 1.0 / (1.0 + ct.ops.exp(h[:, 3:]))
        return self.out(ct.ops.maximum(h, -h) ** 2) * self.scale


def data(kind):
    rng = np.random.default_rng(3)
    x, u, i = rng.normal(size=(ROWS, 4)), rng.normal(size=(ROWS, 2)), rng.integers(0, 5, (ROWS, 6))
    return {"x": x, "two": (x, u), "table": {"numbers": x, "colour": i[:, 0]}, "words": i,
            "counts": {"counts": i[:, 1:3], "colour": i[:, 0]},
            "images": x.reshape(-1, 2, 2), "steps": rng.normal(size=(ROWS, 3, 4))}[kind]


def targets(loss):
    rng = np.random.default_rng(4)
    if loss == "cross_entropy":
        return rng.integers(0, 3, ROWS)
    if loss == "binary_cross_entropy":
        return rng.integers(0, 2, (ROWS, 3)).astype(float)
    return rng.normal(size=(ROWS, 3) if loss != "quantile" else ROWS)


def part(X, rows):
    if isinstance(X, tuple):
        return tuple(x[rows] for x in X)
    return {k: x[rows] for k, x in X.items()} if isinstance(X, dict) else X[rows]


def call(model, X):
    return model(*X) if isinstance(X, tuple) else model(**X) if isinstance(X, dict) else model(X)


def plain(model, loss, opt, X, y, w, order):
    """Two epochs as the documentation writes them."""
    state, losses = opt.init(model.theta, model.decays(opt)), []
    loss = ct.losses.get(loss)
    for k, rows in enumerate(np.split(order, range(BATCH, len(order), BATCH)) * 2):
        with model.training(seed=SEED, step=k + 1):
            out = call(model, part(X, rows))
        J = loss(out, y[rows]) if w is None else loss(out, y[rows], weight=w[rows])
        J.backward()
        theta, state = opt.update(model.theta, model.grad, state)
        model.theta[:] = theta
        model.zero_grad()
        losses.append(J.item())
    return losses


def compiled(model, loss, opt, X, y, w, order, **options):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*has no CPU kernel", RuntimeWarning)
        program = ct.compile(model, loss, opt, batch_size=BATCH, input=part(X, slice(2)), target=y[:2], seed=SEED,
                             weighted=w is not None, **options)
    program.feed(X, y, w)
    return np.concatenate([program.run(order), program.run(order)])


NETWORKS = {
    "mlp": (lambda: MLP(4, [7, 5], 3), "x"),
    "every part": (lambda: Sequential(Dropout(0.2), Linear(4, 6), BatchNorm1d(6), ReLU(), Dropout(0.4), Linear(6, 5),
                                      LayerNorm(5), Tanh(), Linear(5, 3, bias=False)), "x"),
    "batch norm": (lambda: MLP(4, [6], 3, norm="batch"), "x"),
    "layer norm": (lambda: MLP(4, [6], 3, norm="layer", activation="gelu"), "x"),
    "skip": (Skip, "x"), "shared": (Shared, "x"),
    "branches": (Branches, "x"), "computed weights": (Computed, "x"), "two inputs": (Two, "two"),
    "table": (Table, "table"), "words": (Words, "words"), "counts": (Counts, "counts"),
    "flatten": (lambda: Sequential(ct.nn.Flatten(), Linear(4, 3)), "images"),
    "sequences": (lambda: Sequential(Linear(4, 2), Tanh(), LayerNorm(2), BatchNorm1d(2), ct.nn.Flatten(), Dropout(0.3),
                                     Linear(6, 3)), "steps"),
}
OPTIMIZERS = {
    "sgd": lambda: SGD(0.1), "adam": lambda: Adam(0.01, eps=EPS), "momentum": lambda: Momentum(schedules.step(0.2, 2)),
    "adamw": lambda: AdamW(schedules.warmup(schedules.cosine(0.02, steps=5), 2), weight_decay=0.1, eps=EPS,
                           decay="matrices"),
    "rmsprop": lambda: clip(RMSProp(0.01), norm=0.05), "l2": lambda: l2(clip(Adam(0.01, eps=EPS), value=0.01), 0.1),
    "l1": lambda: l1(SGD(0.1), 0.05),
}


def assert_reaches_the_plain_loop(network, loss, opt, weighted=False, **options):
    make, kind = NETWORKS[network]
    X, y = data(kind), targets(loss)
    w = np.random.default_rng(5).uniform(0, 2, ROWS) if weighted else None
    order = np.random.default_rng(6).permutation(ROWS)
    one, two = (make().init(1).astype("float64") for _ in range(2))
    losses = plain(one, loss, opt, X, y, w, order)
    np.testing.assert_allclose(compiled(two, loss, opt, X, y, w, order, **options), losses, rtol=1e-10)
    for (name, a), b in zip(one.state_dict().items(), two.state_dict().values(), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-10, atol=1e-12, err_msg=name)
    assert not np.allclose(one.theta, make().init(1).theta), "nothing was learned"


# XLA gets some: all rules run on JAX in tests/rules, and tests/engines/test_xla.py has sequences and embeddings.
# XLA and WebAssembly compile each for seconds; tests/engines/test_wasm.py has more of "wasm" and "portable"
FEW = {
    "portable": {"l1"},
    "wasm": {"two inputs"},
    "xla": {"every part", "shared", "computed weights", "two inputs", "counts", "cross_entropy", "huber", "quantile"},
}
#: the optimizers that XLA's networks have, so that each is tried there; the others have AdamW
ON_XLA = {"shared": "momentum", "computed weights": "rmsprop", "two inputs": "l2", "counts": "l1"}


def on_every_engine(name, values):
    return pytest.mark.parametrize(("engine", name), [
        (engine, value) for engine in ENGINES for value in values if engine not in FEW or value in FEW[engine]])


@on_every_engine("network", NETWORKS)
def test_networks(network, engine):
    opt = OPTIMIZERS[ON_XLA.get(network, "adamw")]() if engine == "xla" else AdamW(0.01, eps=EPS)
    assert_reaches_the_plain_loop(network, "mse", opt, network in ("mlp", "table"), engine=engine)


@on_every_engine("opt", OPTIMIZERS)
def test_optimizers(opt, engine):
    network = "mlp" if opt == "l1" else "every part"  # a bias before batch norm has a chance sign
    assert_reaches_the_plain_loop(network, "cross_entropy", OPTIMIZERS[opt](), engine=engine)


@on_every_engine("loss", ct.losses.LOSSES)
def test_losses(loss, engine):
    """Without weights of rows and with them; on XLA, by turns."""
    for weighted in ((loss != "huber",) if engine == "xla" else (False, True)):
        assert_reaches_the_plain_loop("skip", loss, Adam(0.01), weighted, engine=engine)


@pytest.mark.parametrize(("network", "threads"), list(zip(NETWORKS, [2, 3] * 7, strict=True)))
def test_threads(network, threads):
    assert_reaches_the_plain_loop(network, "cross_entropy", AdamW(0.01, eps=EPS), threads=threads, weighted=True)


def test_own_loss():
    def cubic(z, y):
        return (ct.ops.abs(z - y) ** 3).mean()

    assert_reaches_the_plain_loop("mlp", cubic, SGD(0.01))


@pytest.mark.parametrize("engine", [engine for engine in ENGINES if engine not in ("portable", "wasm")])
def test_frozen_parameters_stay_and_the_others_learn_as_before(engine):
    X, y, order = data("x"), targets("mse"), np.arange(ROWS)
    opt = l2(clip(SGD(0.05), norm=0.3), 0.1)
    one, two = (MLP(4, [5], 3).init(2).astype("float64") for _ in range(2))
    for model in (one, two):
        model.layers[0].weight.requires_grad = False
    start = one.layers[0].weight.data.copy()
    losses = []
    for rows in np.split(order, range(BATCH, ROWS, BATCH)) * 2:
        J = ct.losses.mse(one(X[rows]), y[rows])
        J.backward()
        learning = np.concatenate([np.full(p.size, p.requires_grad) for p in one.parameters()])
        g = one.grad + np.where(learning, 0.1 * one.theta, 0)
        g = g * min(1, 0.3 / np.linalg.norm(g))
        one.theta[:] = one.theta - 0.05 * g
        one.zero_grad()
        losses.append(J.item())
    np.testing.assert_allclose(compiled(two, "mse", opt, X, y, None, order, engine=engine), losses, rtol=1e-10)
    np.testing.assert_array_equal(two.layers[0].weight.data, start)
    np.testing.assert_allclose(two.theta, one.theta, rtol=1e-10)
