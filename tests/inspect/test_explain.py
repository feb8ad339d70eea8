"""explain: sums of products that are the gradient, against JAX and differences; weighted sums that are the value."""

import json
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError
from cutaway.estimators.mlp.objective import Objective
from cutaway.inspect.explanations.paths import Graph
from cutaway.rules import OPS

jax.config.update("jax_enable_x64", True)
nn, optim = ct.nn, ct.optim
ROWS, RNG = 5, np.random.default_rng(0)


def double(model, seed=1):
    """A network in double precision, biases too anything but zero."""
    model.init(seed).astype("float64")
    rng = np.random.default_rng(seed)
    for p in model.parameters():
        if p.data.ndim == 1:
            p.data[...] += rng.normal(size=p.shape) / 3
    return model


def mean_cross_entropy(z, y):
    return -jax.nn.log_softmax(z)[jnp.arange(len(y)), y].mean()


def mlp():
    def theirs(p, x):
        h = jax.nn.relu(x @ p["layer1.weight"].T + p["layer1.bias"])
        h = jnp.tanh(h @ p["layer2.weight"].T + p["layer2.bias"])
        return h @ p["layer3.weight"].T + p["layer3.bias"]

    layers = nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3)
    return nn.Sequential(*layers), RNG.normal(size=(ROWS, 4)), theirs


def cnn():
    def theirs(p, x):
        kinds = ("NHWC", "OHWI", "NHWC")
        z = jax.lax.conv_general_dilated(x, p["layer1.weight"], (1, 1), "VALID", dimension_numbers=kinds)
        a = jax.nn.relu(z + p["layer1.bias"])
        y = a.reshape(len(x), 2, 2, 2, 2, 2).max((2, 4)).reshape(len(x), -1)
        return y @ p["layer2.weight"].T + p["layer2.bias"]

    layers = nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 3)
    return nn.Sequential(*layers), RNG.normal(size=(ROWS, 6, 6, 1)), theirs


def lstm():
    def theirs(p, x):
        names = "weight_ih", "weight_hh", "bias_ih", "bias_hh"
        W_ih, W_hh, b_ih, b_hh = (p[f"layer1.lstm.{name}_l0"] for name in names)
        h = c = jnp.zeros((len(x), 3))
        for t in range(x.shape[1]):
            i, f, g, o = jnp.split(x[:, t] @ W_ih.T + b_ih + h @ W_hh.T + b_hh, 4, axis=1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return h @ p["layer2.weight"].T + p["layer2.bias"]

    return nn.Recurrent(2, 3, 3, cell="lstm"), RNG.normal(size=(ROWS, 4, 2)), theirs


KINDS = {"mlp": mlp, "cnn": cnn, "lstm": lstm}


def traced(model, X, y=None, loss="cross_entropy", **options):
    y = RNG.integers(0, 3, len(X)) if y is None else y
    return ct.trace(model, X, y, loss, **{"engine": "reference"} | options)


def some(array, count=3, seed=0):
    """A few indices of an array."""
    places = np.random.default_rng(seed).permutation(array.size)[:count]
    return [tuple(int(k) for k in np.unravel_index(p, array.shape)) for p in places]


# ---- gradients -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_gradient_is_jax_s_the_sum_of_its_terms_of_its_paths_and_a_difference(kind):
    model, X, theirs = KINDS[kind]()
    y = RNG.integers(0, 3, ROWS)
    t = traced(double(model), X, y)
    p = {name: jnp.asarray(q.data) for name, q in model.named_parameters()}
    wanted = jax.jit(jax.grad(lambda p: mean_cross_entropy(theirs(p, jnp.asarray(X)), y)))(p)  # one program, soon made
    for name in t.parameters:
        for index in some(t[name], 2):
            e = t.explain(name, *index)
            assert e.value == pytest.approx(float(wanted[name][index]), rel=1e-9, abs=1e-12)
            assert e.total == pytest.approx(e.value, rel=1e-9, abs=1e-12)
            assert sum(e.by_sample.values()) == pytest.approx(e.value, rel=1e-9, abs=1e-12)
            if e.paths.complete:
                assert e.paths.sum == pytest.approx(e.value, rel=1e-9, abs=1e-12)
            assert e.difference.error < 1e-7 or e.difference.kinks
            for term in e.terms:
                assert np.prod([f.value for f in term.factors]) == pytest.approx(term.value, rel=1e-12)


def bi_lstm():
    return nn.Recurrent(2, 3, 2, cell="lstm", layers=2, dropout=0.3, bidirectional=True)


class Shared(nn.Module):
    """A layer that is used twice, a skip connection, a constant, and a part of its input."""

    def __init__(self):
        self.inner = nn.Linear(3, 3)
        self.out = nn.Linear(3, 3)

    def forward(self, x):
        x = x[:, 1:]
        a = ct.ops.tanh(self.inner(x))
        return self.out(x + 0.5 * ct.ops.tanh(self.inner(a)))


LENGTHS = ct.Sequences(RNG.normal(size=(4, 5, 2)), np.array([5, 3, 4, 1]))
NETWORKS = {
    "batch norm, dropout": (lambda: nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Dropout(0.4),
                                                  nn.Linear(6, 3)), RNG.normal(size=(6, 4))),
    "layer norm": (lambda: nn.Sequential(nn.Linear(4, 6), nn.LayerNorm(6), nn.GELU(), nn.Linear(6, 3)),
                   RNG.normal(size=(5, 4))),
    "convolutions": (lambda: nn.Sequential(nn.Conv2d(2, 4, 3, stride=2, padding=1, groups=2), nn.BatchNorm2d(4),
                                           nn.SiLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(16, 3)),
                     RNG.normal(size=(4, 7, 7, 2))),
    "embedding": (lambda: nn.Sequential(nn.Embedding(6, 3), nn.LastState(nn.GRU(3, 2)), nn.Linear(2, 3)),
                  RNG.integers(0, 6, (4, 5))),
    "rnn": (lambda: nn.Recurrent(2, 3, 2, cell="rnn", layers=2), RNG.normal(size=(4, 5, 2))),
    "gru with lengths": (lambda: nn.Recurrent(2, 3, 2, cell="gru", bidirectional=True), LENGTHS),
    "lstms with lengths": (bi_lstm, LENGTHS),
    "batch norm with lengths": (lambda: nn.Sequential(nn.Conv1d(2, 3, 3, padding="same"), nn.BatchNorm1d(3), nn.Tanh(),
                                                      nn.GlobalAveragePool(), nn.Linear(3, 2)), LENGTHS),
    "own module": (Shared, RNG.normal(size=(5, 4))),
}
every_network = pytest.mark.parametrize("kind", NETWORKS)


def trace_of(kind, **options):
    make, X = NETWORKS[kind]
    y = np.random.default_rng(3).integers(0, 2, len(X))
    return traced(double(make()), X, y, **options)


@every_network
def test_products_along_all_paths_add_up_to_the_gradient(kind):
    t = trace_of(kind)
    for name in t.parameters:
        gradient = t.grad(name)
        for index in some(gradient, 2):
            place = int(np.ravel_multi_index(index, gradient.shape))
            graph = Graph(t, name, place, np.arange(len(t.about.rows)))
            assert graph.sums[name][place] == pytest.approx(gradient[index], rel=1e-9, abs=1e-12)
            if graph.count[name][place] < 500:
                paths = list(graph.largest())
                assert len(paths) == graph.count[name][place]
                assert sum(p.product for p in paths) == pytest.approx(gradient[index], rel=1e-9, abs=1e-12)
                sizes = [abs(p.product) for p in paths]
                assert all(a >= b * (1 - 1e-9) for a, b in pairwise(sizes))


@every_network
def test_gradients_of_every_network_agree_with_differences_dropout_s_masks_fixed(kind):
    t = trace_of(kind, seed=4)
    for name in t.parameters:
        (index,) = some(t[name], 1, seed=2)
        e = t.explain(name, *index)
        assert e.total == pytest.approx(e.value, rel=1e-9, abs=1e-11)
        assert e.difference.error < 1e-7


@every_network
def test_delta_unfolds_layer_by_layer_down_to_the_loss(kind):
    t = trace_of(kind)
    name = next(iter(t.parameters))
    index = np.unravel_index(abs(t.grad(name)).argmax(), t[name].shape)
    e, layers = t.explain(name, *index, check=False), 0
    while e.terms and e.terms[0].source is not None:
        above = e.expand(0)
        assert above.value == pytest.approx(e.terms[0].factors[0].value, rel=1e-9, abs=1e-12)
        assert above.total == pytest.approx(above.value, rel=1e-9, abs=1e-12)
        e, layers = above, layers + 1
    assert layers > 2 and e.name == "ℓ"


def test_a_traced_value_s_own_gradient():
    model, X, _ = mlp()
    t = traced(double(model), X)
    e = t.explain("layer1.a", 2, 3, of="gradient")
    assert e.value == t.grad("layer1.a")[2, 3] and e.difference.error < 1e-8
    assert e.terms[0].factors[1].symbol.startswith("W2[")
    assert e.paths.complete and e.paths.sum == pytest.approx(e.value, rel=1e-9)
    assert {term.sample for term in e.terms} == {2}


def test_a_thousand_paths_are_listed_and_their_share_is_of_the_exact_total():
    model, X, _ = lstm()
    t = traced(double(model), np.concatenate([X] * 3, axis=1))
    e = t.explain("layer1.lstm.weight_hh_l0", 1, 2, check=False)
    paths = e.paths
    assert paths.count > 10_000 and len(paths.listed) == 1000 and not paths.complete
    assert paths.share == pytest.approx(sum(p.product for p in paths.listed) / e.value)
    assert 0 < paths.share_of_absolute < 1
    assert f"{100 * paths.share:.1f} %" in str(e)
    assert len(e.by_time) == 11 and sum(e.by_time.values()) == pytest.approx(e.value)


def test_too_many_numbers_leave_the_samples_that_contribute_most(monkeypatch):
    model, X, _ = mlp()
    t = traced(double(model), X)
    monkeypatch.setattr("cutaway.inspect.explanations.paths.MOST_EDGES", 60)
    e = t.explain("layer1.weight", 0, 0, check=False)
    assert not e.paths.whole and not e.paths.complete
    assert e.paths.rows[0] == max(e.by_sample, key=lambda s: abs(e.by_sample[s]))
    assert f"through sample {e.paths.rows[0]};" in str(e)


class Squashed(nn.Module):
    """Weights that are computed from others."""

    def __init__(self):
        self.inner, self.out = nn.Linear(4, 3), nn.Linear(3, 3)

    def forward(self, x):
        return self.out(ct.ops.linear(x, ct.ops.tanh(self.inner.weight)) * self.inner.bias)


@pytest.mark.parametrize("threads", [1, 2])
def test_computed_weights_and_threads(threads):
    t = traced(double(Squashed()), RNG.normal(size=(6, 4)), engine="cpu", threads=threads)
    for name, index in (("inner.weight", (1, 2)), ("inner.bias", (1,)), ("out.weight", (2, 1))):
        e = t.explain(name, *index)
        assert e.value and e.total == pytest.approx(e.value, rel=1e-9)
        assert e.paths.complete and e.paths.sum == pytest.approx(e.value, rel=1e-9) and e.difference.error < 1e-8


def test_a_hidden_state_s_gradient_is_that_of_the_output_it_is_part_of():
    t = trace_of("rnn")
    hidden, y = (t.explain(f"layer1.rnn.l0.{name}", 1, 2, 0, of="gradient", check=False) for name in ("hidden", "y"))
    assert hidden.value == y.value == pytest.approx(y.total)


# every operation that has a derivative, between two layers of a network
def binned(width=0):
    """Four numbers in bins, and what becomes of them."""
    bins = nn.PiecewiseLinear.of(RNG.normal(size=(50, 4)), [0, 1, 2, 3], 4, width)
    return nn.Sequential(bins, nn.Linear(bins.n_out, 4))


BETWEEN = {
    "dropout": nn.Dropout(0.5), "leaky_relu": ct.ops.leaky_relu, "elu": ct.ops.elu,
    "power": lambda x: ct.ops.power(x * x + 1.0, 1.5), "log": lambda x: ct.ops.log(x * x + 1.0),
    "sqrt": lambda x: ct.ops.sqrt(x * x + 1.0), "div": lambda x: x / (x * x + 1.0), "mul": lambda x: x * x,
    "add": lambda x: x + 1.0, "sub": lambda x: 1.0 - x, "maximum": lambda x: ct.ops.maximum(x, 0.1 * x),
    "minimum": lambda x: ct.ops.minimum(x, 0.1 * x), "clip": lambda x: ct.ops.clip(x, -0.6, 0.7),
    "where": lambda x: ct.ops.where(x > 0.1, x, x * x), "max": lambda x: x + ct.ops.max(x, axis=1, keepdims=True),
    "norm": lambda x: x / (1.0 + ct.ops.norm(x, axis=1, keepdims=True)),
    "matmul": lambda x: ct.ops.matmul(x, np.eye(4)[::-1].copy()),
    "reshape": lambda x: x.reshape((-1, 2, 2)).reshape((-1, 4)), "transpose": lambda x: ct.ops.transpose(
        x.reshape((-1, 2, 2)), (0, 2, 1)).reshape((-1, 4)),
    "concat": lambda x: ct.ops.concat([x[:, 2:], x[:, :2]]), "index": lambda x: x[:, ::-1],
    "sum": lambda x: x + ct.ops.sum(x, axis=1, keepdims=True), "mean": lambda x: x - ct.ops.mean(x, axis=0),
    "max_pool": lambda x: ct.ops.max_pool(x.reshape((-1, 4, 1)), (2,), (1,), ((0, 1),)).reshape((-1, 4)),
    "avg_pool": lambda x: ct.ops.avg_pool(x.reshape((-1, 4, 1)), (2,), (1,), ((0, 1),)).reshape((-1, 4)),
    "global_average": lambda x: x + ct.ops.global_average(x.reshape((-1, 4, 1))),
    "global_max": lambda x: x + ct.ops.global_max(x.reshape((-1, 4, 1))),
    "shares_above": lambda x: x + ct.ops.shares_above(x.reshape((-1, 4, 1)), [[-1.0]], [0.3])[:, 0],
    "log1p": lambda x: ct.ops.log1p(x * x), "cumsum": lambda x: ct.ops.cumsum(x, axis=1),
    "layer_norm": nn.LayerNorm(4), "batch_norm": nn.BatchNorm1d(4),
    "falling_dropout": nn.FallingDropout(0.5, 10), "gain": nn.Scale(4, rate=6),
    "piecewise": binned(), "by_feature": binned(3),
    "parametric_relu": nn.Parametric(4, "relu"), "parametric_selu": nn.Parametric(4, "selu"),
    "parametric_mish": nn.Parametric(4, "mish"),
} | {name: getattr(ct.ops, name) for name in ("relu", "sigmoid", "tanh", "selu", "gelu", "gelu_tanh", "silu",
     "softplus", "mish", "identity", "neg", "exp", "expm1", "erf", "sin", "cos", "abs", "square", "softmax",
     "log_softmax")}


class Between(nn.Module):
    def __init__(self, operation):
        self.first, self.operation, self.last = nn.Linear(3, 4), operation, nn.Linear(4, 2)

    def forward(self, x):
        return self.last(self.operation(self.first(x)))


@pytest.mark.parametrize("op", BETWEEN)
def test_every_operation_can_be_taken_apart(op):
    t = traced(double(Between(BETWEEN[op])), RNG.normal(size=(4, 3)), RNG.normal(size=(4, 2)), "mse")
    e = t.explain("first.weight", 2, 1)
    assert any(i.op == op for i in t.instructions)
    assert e.total == pytest.approx(e.value, rel=1e-9, abs=1e-12) and e.difference.error < 1e-7
    if e.paths.complete:
        assert e.paths.sum == pytest.approx(e.value, rel=1e-9, abs=1e-12)
    for name in t:
        if t.facts.get(name) and t.facts[name].role == "activation" and t[name].size:
            for index in some(t[name], 1):
                assert str(t.explain(name, *index))


LOSSES = {"mse": (2,), "half_mse": (2,), "mae": (2,), "huber": (2,), "poisson": (2,),
          "binary_cross_entropy": (2,)}


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss(loss):
    y = RNG.random(size=(4, 2)).round()
    t = traced(double(nn.Linear(3, 2)), RNG.normal(size=(4, 3)), y, loss)
    e = t.explain("weight", 1, 2)
    assert e.paths.complete and e.paths.sum == pytest.approx(e.value, rel=1e-9) and e.difference.error < 1e-8
    assert str(t.explain("loss", 1)) and str(t.explain("J"))


def test_quantiles():
    t = traced(double(nn.Linear(3, 3)), RNG.normal(size=(4, 3)), RNG.normal(size=4), "quantile")
    for neuron in range(3):
        e = t.explain("weight", neuron, 2)
        assert e.paths.complete and e.paths.sum == pytest.approx(e.value, rel=1e-9) and e.difference.error < 1e-7
    assert str(t.explain("loss", 1)) and str(t.explain("J"))


def test_soft_targets_and_weights_of_samples():
    y = RNG.dirichlet(np.ones(3), size=5)
    t = traced(double(nn.Linear(4, 3)), RNG.normal(size=(5, 4)), y, sample_weight=np.arange(1.0, 6))
    e = t.explain("weight", 1, 2)
    assert e.paths.complete and e.paths.sum == pytest.approx(e.value, rel=1e-9) and e.difference.error < 1e-8


@pytest.mark.parametrize("weights", [None, np.arange(1.0, 6)], ids=["equal", "weighted"])
def test_a_penalty_of_large_weights(weights):
    t = traced(double(nn.Linear(4, 1)), RNG.normal(size=(5, 4)), RNG.normal(size=(5, 1)),
               Objective("squared_error", alpha=3.0), sample_weight=weights)
    e = t.explain("weight", 0, 2)
    assert e.paths.complete and e.paths.sum == pytest.approx(e.value, rel=1e-9) and e.difference.error < 1e-8
    assert any("P" in str(t.explain(name)) for name in ("P", "J"))


def test_no_operation_is_left_out_of_these_tests():
    tried = {*BETWEEN, *LOSSES, "linear", "conv", "embedding", "rnn", "lstm", "gru", "batch_stats", "masked",
             "step_stats", "cross_entropy", "soft_cross_entropy", "weighted_mean", "penalty", "penalized_mean",
             "pinball", "rising"}
    theirs = {"hold"}  # the stepping session's own: a killed neuron
    # tests/nn/test_tabular.py and test_members.py; the last of evaluation alone
    theirs |= {"lookup", "member_inputs", "member_linear", "member_cross_entropy", "member_log_mean_exp"}
    assert {name for name, rule in OPS.items() if rule.backward} - theirs <= tried


# ---- kinks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("layer", "unit"), [(nn.ReLU(), r"relu layer1\.a\[0, 0\]"),
                                             (nn.LeakyReLU(), r"leaky_relu layer1\.a\[0, 0\]")])
def test_a_crossed_kink_is_named(layer, unit):
    net = nn.Sequential(nn.Linear(1, 1), layer).init(0)
    net.theta[:] = 1e-7, 0
    t = traced(net, np.ones((1, 1)), np.ones((1, 1)), "half_mse")
    e = t.explain("layer1.weight", 0, 0)
    assert len(e.difference.kinks) == 1
    assert unit.replace("\\", "") in e.difference.kinks[0] and "a kink is crossed" in str(e)
    net.theta[:] = 1, 0
    t = traced(net, np.ones((1, 1)), np.zeros((1, 1)), "half_mse")
    assert not t.explain("layer1.weight", 0, 0).difference.kinks


def test_a_pool_s_winner_that_changes_is_a_kink():
    net = nn.Sequential(nn.Conv1d(1, 1, 1), nn.MaxPool1d(2), nn.Flatten(), nn.Linear(1, 1)).init(0)
    t = traced(net, np.array([[[1.0], [1.0 + 1e-9]], [[0.0], [2.0]]]), np.zeros((2, 1)), "mse")
    (kink,) = t.explain("layer1.z", 0, 0, 0, of="gradient").difference.kinks
    assert "max_pool" in kink


# ---- values ----------------------------------------------------------------------------------------------------------


@every_network
def test_contributions_add_up_to_the_value(kind):
    t = trace_of(kind)
    summed = 0
    for name in t:
        v = t.facts.get(name)
        if v is not None and v.role not in ("activation", "input", "parameter"):
            continue
        for index in some(t[name], 2) if name not in t.vectors else ():
            e = t.explain(name, *index, of="value")
            assert e.value == t[name][index]
            assert str(e)
            if e.terms and e.operation in ("linear", "conv", "avg_pool", "mean", "add", "global_average"):
                assert e.total == pytest.approx(e.value, rel=1e-9, abs=1e-12)
                summed += 1
    assert summed > 3


def test_a_neuron_largest_contributions_first_then_bias_then_activation():
    model, X, _ = mlp()
    t = traced(double(model), X)
    e = t.explain("layer1.z", 1, 3)
    parts = t["x"][1] * t["layer1.weight"][3]
    np.testing.assert_allclose([term.value for term in e.terms[:-1]], parts[np.argsort(-abs(parts))], rtol=1e-12)
    assert e.terms[-1].factors[0].symbol == "b1[3]" and e.terms[-1].value == t["layer1.bias"][3]
    assert e.then == [f"a1[1, 3] = max(0, z1[1, 3]) = {t['layer1.a'][1, 3]:.6g}"]
    inner = t.explain("layer2.z", 1, 0).expand(0)
    assert inner.name == "layer1.a" and inner.inner.name == "layer1.z"


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_gates_are_the_sums_that_squashing_makes_them(cell):
    t = traced(double(nn.Recurrent(2, 3, 2, cell=cell)), RNG.normal(size=(3, 4, 2)), RNG.integers(0, 2, 3))
    gates = {"rnn": ["hidden"], "gru": ["reset", "update"], "lstm": ["input", "forget", "output"]}[cell]
    for gate in gates:
        e = t.explain(f"layer1.{cell}.{gate}", 1, 2, 0)
        squashed = np.tanh(e.total) if cell == "rnn" else 1 / (1 + np.exp(-e.total))
        assert e.value == pytest.approx(squashed) and len(e.terms) == 5
    if cell == "gru":
        n = t.explain("layer1.gru.candidate", 1, 2, 0)
        u, r, v = (f.value for f in n.parts)
        assert n.value == pytest.approx(np.tanh(u + r * v)) and v == pytest.approx(n.total)
    again = t.explain(f"layer1.{cell}.y[2]", 1, 0)
    assert again.value == t.explain(f"layer1.{cell}.y", 1, 2, 0).value


def test_which_place_won_which_mask_which_row():
    t = trace_of("embedding")
    e = t.explain("layer1.h", 2, 3, 1)
    assert e.equation == f"h1[2, 3, 1] = W1[{t['x'][2, 3]}, 1], from row {t['x'][2, 3]} of the table"
    t = trace_of("batch norm, dropout")
    name = next(i.results["a"] for i in t.instructions if i.op == "dropout")
    for sample, dropped in enumerate(t[name][:, 0] == 0):
        e = t.explain(name, sample, 0)
        if e.parts[0].value:
            assert ("dropped" in e.notes[0]) == dropped
    model, X, _ = cnn()
    t = traced(double(model), X)
    name = next(i.results["y"] for i in t.instructions if i.op == "max_pool")
    e = t.explain(name, 1, 0, 1, 0)
    assert e.parts[0].value == e.value == max(f.value for f in e.parts) and len(e.parts) == 4


def test_softmax_s_share_and_the_loss():
    model, X, _ = mlp()
    t = traced(double(model), X, np.array([0, 1, 2, 0, 1]))
    assert "the true one" in t.explain("y_hat", 1, 1).notes[0]
    e = t.explain("loss", 1)
    assert e.equation == "ℓ[1] = −log ŷ[1, 1]"
    assert t.explain("J").total == pytest.approx(t.J)


# ---- as it is printed ------------------------------------------------------------------------------------------------

ONE_NEURON = """\
∂J/∂w = -0.0625  (layer1.weight, step 1)

  layer1: linear, z = W x + b

  ∂J/∂w = ∂J/∂a · ∂a/∂z · ∂z/∂w = (a − y) · a(1 − a) · x

  ∂J/∂a    =  a − y     =     -0.5
  ∂a/∂z    =  a(1 − a)  =     0.25
  ∂z/∂w    =  x         =      0.5
  product               =  -0.0625

  central difference: (J(+h) − J(−h)) / 2h = -0.0625, h = 6e-06, in double; """


def test_the_lecture_s_neuron_symbol_by_symbol():
    net = nn.Sequential(nn.Linear(1, 1), nn.Sigmoid())
    net.theta[:] = 1, -0.5
    t = traced(net, np.array([[0.5]]), np.array([[1.0]]), "half_mse")
    assert str(t.explain("layer1.weight", 0, 0)).startswith(ONE_NEURON)
    assert "∂J/∂b = ∂J/∂a · ∂a/∂z · ∂z/∂b = (a − y) · a(1 − a) · 1" in str(t.explain("layer1.bias", 0))


def test_explanations_are_plain_data_too():
    model, X, _ = lstm()
    t = traced(double(model), X, optimizer=optim.AdamW(0.01))
    for e in (t.explain("layer1.lstm.weight_hh_l0", 0, 1), t.explain("layer1.lstm.h", 0, 1),
              t.explain("layer2.bias", 0, of="update")):
        data = json.loads(json.dumps(e.to_json(), allow_nan=False))
        assert data["value"] == e.value and data["text"] == str(e)


def test_a_trace_from_a_file_is_explained_without_difference():
    model, X, _ = mlp()
    t = traced(double(model), X)
    again = ct.inspect.read_trace(t.to_json())
    e = again.explain("layer1.weight", 2, 1)
    assert e.difference is None and e.value == t.explain("layer1.weight", 2, 1).value
    assert e.paths.sum == pytest.approx(e.value)
    with pytest.raises(ArgumentError, match="came from a file"):
        again.explain("layer1.weight", 2, 1, of="update")


# ---- errors ----------------------------------------------------------------------------------------------------------


def test_errors_say_what_fits():
    model, X, _ = mlp()
    model.layers[0].bias.requires_grad = False
    t = traced(double(model), X)
    for call, message in [
        (lambda: t.explain("layer1.wight", 0, 0), r"did you mean 'layer1\.weight'"),
        (lambda: t.explain("layer1.weight", 0), r"layer1\.weight has shape \(6, 4\): give 2 indices"),
        (lambda: t.explain("layer1.weight", 6, 0), r"index 0 must be a whole number from 0 to 5, got 6"),
        (lambda: t.explain("layer1.weight", 0.5, 0), r"got 0\.5"),
        (lambda: t.explain("layer1.weight", 0, 0, of="delta"), r'"gradient", "value" or "update"'),
        (lambda: t.explain("layer1.bias", 0), r"it is frozen"),
        (lambda: t.explain("layer1.bias", 0, of="update"), r"is frozen"),
        (lambda: t.explain("layer1.z", 0, 0, of="update"), r"no parameter called 'layer1\.z'"),
        (lambda: t.explain("θ", 0), r"whole vector"),
        (lambda: t.explain("x", 0, 0, of="gradient"), r"no gradient of x"),
        (lambda: t.explain("x", 0, 0).expand(), r"x\[0, 0\] is not made of anything"),
    ]:
        with pytest.raises(ArgumentError, match=message):
            call()
