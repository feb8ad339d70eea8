"""Networks as ONNX files: ONNX Runtime gives what predict gives, and the file is one that every runtime reads."""

import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from test_onnx_operations import session

import cutaway as ct
from cutaway import nn
from cutaway.onnx.graph import IR, OPSET
from cutaway.rules import OPS, rule, xp

sys.path.append(str(Path(__file__).parent.parent / "files"))
from saved_networks import CUSTOM, STANDARD, awake

pytestmark = pytest.mark.usefixtures("kernels_as_written")

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(7, 4)).astype(np.float32)
IMAGES = RNG.normal(size=(5, 12, 10, 3)).astype(np.float32)
SERIES = ct.Sequences(RNG.normal(size=(6, 9, 3)).astype(np.float32), [9, 1, 3, 5, 9, 2])
TOKENS = ct.Sequences(RNG.integers(0, 20, (6, 9)), SERIES.lengths)
CODES = np.column_stack([RNG.normal(size=60), np.arange(60) % 7, RNG.normal(size=60)]).astype(np.float32)


def table(width):
    first = nn.TableInput.of(CODES, codes={1: 7}, scaled=[0, 2], bins=4, width=width)
    return nn.Sequential(first, nn.Linear(first.n_out, 4), nn.ReLU(), nn.Linear(4, 2))


def last(cell, **how):
    inner = cell(3, 5, **how)
    return nn.Sequential(nn.LastState(inner), nn.Linear(5 * inner.directions, 2))


def found_beside():
    net = nn.Ensemble([nn.MLP(4, [8], 1), nn.FoundLinear(4, 1)])
    net.networks[1].weight.data[...] = [[1.0, -2.0, 0.5, 3.0]]
    return net


NETWORKS = {
    "mlp": (lambda: nn.MLP(4, [8, 8], 3, activation="gelu"), ROWS),
    "cnn": (lambda: nn.CNN((12, 10, 3), 4, [8, 16], [12], "relu", 0.1, "batch"), IMAGES),
    "pools": (lambda: nn.Sequential(nn.Conv2d(3, 6, 3, stride=2, padding=1, groups=3), nn.BatchNorm2d(6), nn.ReLU(),
                                    nn.MaxPool2d(2), nn.AvgPool2d(2), nn.GlobalMaxPool(), nn.Linear(6, 2)), IMAGES),
    "rnn": (lambda: last(nn.RNN), SERIES),
    "rnn, relu": (lambda: last(nn.RNN, activation="relu"), SERIES),
    "lstm": (lambda: last(nn.LSTM, bidirectional=True), SERIES),
    "gru": (lambda: last(nn.GRU, layers=2, bidirectional=True), SERIES),
    "gru without bias": (lambda: last(nn.GRU, bias=False), SERIES),
    "filters before a scan": (lambda: nn.Sequential(nn.Conv1d(3, 8, 3, 2, padding="same"), nn.ReLU(), nn.LastState(
        nn.GRU(8, 5)), nn.Linear(5, 2)), SERIES),
    "words": (lambda: nn.Sequential(nn.Embedding(20, 4), nn.GlobalAveragePool(), nn.LayerNorm(4), nn.Linear(4, 2)),
              TOKENS),
    "members": (lambda: nn.TabM(4, [8, 8], 3, k=4, link="softmax"), ROWS),
    "members of yes and no": (lambda: nn.TabM(4, [8], 1, k=3, link="sigmoid"), ROWS),
    "found linear": (found_beside, ROWS),
    "bins": (lambda: table(0), CODES),
    "bins, narrow": (lambda: table(3), CODES),
    "numbers of each step in bins": (lambda: nn.Sequential(
        nn.PiecewiseLinear((0, 2), (2, 3), 4), nn.GlobalAveragePool(), nn.Linear(8, 1)), SERIES),
}


def exported(net, X, path):
    file = ct.export(net, path, input=X)
    return file, session(file.path)


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("name", NETWORKS)
def test_runtime_gives_what_predict_gives(name, precision, tmp_path):
    make, X = NETWORKS[name]
    net = make().astype(precision).init(1)
    file, ran = exported(net, X, tmp_path / "m.onnx")
    np.testing.assert_allclose(ran.run(None, file.feed(X))[0], net.predict(X), rtol=1e-5, atol=3e-6)
    none = ran.run(None, {name: a[:0] for name, a in file.feed(X).items()})[0]
    assert none.shape == (0, *net.predict(X).shape[1:])


@pytest.mark.parametrize("name", STANDARD | CUSTOM)
def test_every_network_that_can_be_saved_can_be_exported(name, tmp_path):
    make, X = (STANDARD | CUSTOM)[name]
    net = awake(make)
    file, ran = exported(net, X, tmp_path / "m.onnx")
    np.testing.assert_allclose(ran.run(None, file.feed(X))[0], net.predict(X), rtol=1e-5, atol=1e-6)


def test_an_answer_for_every_step(tmp_path):
    class Steps(nn.Module):
        def __init__(self):
            self.scan, self.head = nn.GRU(3, 4), nn.Linear(4, 2)

        def forward(self, x):
            return self.head(self.scan(x)[0])

    net = Steps().init(0)
    file, ran = exported(net, SERIES.values, tmp_path / "m.onnx")
    assert file.outputs[0].shape == ("rows", "steps", 2) and ran.get_outputs()[0].shape[::2] == ["rows", 2]
    x = RNG.normal(size=(2, 5, 3)).astype(np.float32)
    np.testing.assert_allclose(ran.run(None, {"x": x})[0], net.predict(x), atol=1e-6)


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru", "filters before a scan", "words"])
def test_what_lies_behind_a_length_does_not_count(name, tmp_path):
    make, X = NETWORKS[name]
    net = make().init(1)
    file, ran = exported(net, X, tmp_path / "m.onnx")
    feed = file.feed(X)
    noisy = {"x": feed["x"].copy(), "lengths": feed["lengths"]}
    for row, length in enumerate(X.lengths):
        noisy["x"][row, length:] = 7
    together = ran.run(None, noisy)[0]
    alone = [ran.run(None, {"x": feed["x"][i : i + 1, :n], "lengths": feed["lengths"][i : i + 1]})[0][0]
             for i, n in enumerate(X.lengths)]
    np.testing.assert_allclose(together, alone, atol=1e-6)
    np.testing.assert_allclose(together, net.predict(X), atol=1e-6)


@pytest.mark.parametrize("cell", [nn.RNN, nn.LSTM, nn.GRU])
def test_a_row_of_no_steps_stays_at_the_first_state(cell, tmp_path):
    net = last(cell, bidirectional=True).init(1)
    _, ran = exported(net, SERIES, tmp_path / "m.onnx")
    x = np.full((2, 4, 3), 5, np.float32)
    none, _ = ran.run(None, {"x": x, "lengths": np.array([0, 4])})[0]
    np.testing.assert_allclose(none, net.layers[1].bias.data, atol=1e-6)


def test_any_number_of_steps_goes_in(tmp_path):
    net = NETWORKS["filters before a scan"][0]().init(1)
    _, ran = exported(net, SERIES.values, tmp_path / "m.onnx")
    longer = RNG.normal(size=(3, 31, 3)).astype(np.float32)
    np.testing.assert_allclose(ran.run(None, {"x": longer})[0], net.predict(longer), atol=1e-6)


def test_steps_are_fixed_where_the_network_takes_only_so_many(tmp_path):
    net = nn.Sequential(nn.Conv1d(3, 4, 3), nn.Flatten(), nn.Linear(28, 2)).init(0)
    file, ran = exported(net, SERIES.values, tmp_path / "m.onnx")
    assert file.inputs[0].shape == ("rows", 9, 3)
    np.testing.assert_allclose(ran.run(None, {"x": SERIES.values})[0], net.predict(SERIES.values), atol=1e-6)


def test_the_file_is_one_that_old_runtimes_read(tmp_path):
    net = nn.CNN((12, 10, 3), 4, [8], [12], "relu", 0.1, "batch").init(0)
    file, ran = exported(net, IMAGES, tmp_path / "m.onnx")
    model = onnx.load(file.path)
    assert (model.ir_version, model.opset_import[0].version) == (IR, OPSET) == (8, 17) and len(model.opset_import) == 1
    assert ran.get_inputs()[0].shape == ["rows", 12, 10, 3] and ran.get_outputs()[0].shape == ["rows", 4]
    weights = {w.name: w for w in model.graph.initializer}
    assert weights.keys() >= {name for name, p in net.named_parameters()}
    conv = next(node for node in model.graph.node if node.op_type == "Conv")
    W, b = (onnx.numpy_helper.to_array(weights[name]) for name in conv.input[1:])
    assert W.shape == (8, 3, 3, 3) and b.shape == (8,)
    np.testing.assert_array_equal(W, np.moveaxis(net.layer1.weight.data, -1, 1))


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "softplus", "silu"])
def test_activations_rise_and_keep_their_bounds(activation, tmp_path):
    """Sigmoid as ONNX Runtime has it leaves [0, 1] near -17 and falls here and there."""
    net = nn.Sequential(nn.Linear(1, 1), nn.ACTIVATIONS[activation]())
    net.layer1.weight.data[...] = 1
    z = np.concatenate([np.linspace(-20, -15, 2000), np.linspace(8.2, 9, 2000), [-100, 100]])
    z = z.astype(np.float32)[:, None]
    _, ran = exported(net, z, tmp_path / "m.onnx")
    a = ran.run(None, {"x": z})[0][:, 0]
    np.testing.assert_allclose(a, net.predict(z)[:, 0], atol=1e-5, rtol=1e-6)
    if activation == "sigmoid":
        assert a.min() >= 0 and a.max() <= 1 and (np.diff(a[:2000]) >= 0).all() and (np.diff(a[2000:4000]) >= 0).all()


def test_an_elementwise_rule_of_ones_own_is_written_by_its_text(tmp_path):
    try:
        @rule("a = z / (1 + |z|)", "elementwise")
        def bent(z):
            return z / (1 + xp.abs(z))

        class Bent(nn.Activation):
            op = "bent"

        net = nn.Sequential(nn.Linear(4, 5), Bent()).init(0)
        _, ran = exported(net, ROWS, tmp_path / "m.onnx")
        np.testing.assert_allclose(ran.run(None, {"x": ROWS})[0], net(ROWS).data, atol=1e-6)
    finally:
        del OPS["bent"]


def test_an_operation_that_cannot_be_written_is_refused_by_its_layer(tmp_path):
    try:
        @rule("y = x, sorted")
        def in_order(x):
            return xp.sorted(x)

        class Sorted(nn.Module):
            weight = None

            def forward(self, x):
                from cutaway.autodiff import apply

                return apply("in_order", x)

        OPS["in_order"].__dict__["forward"].__globals__["xp"].sorted = lambda x: np.sort(x)
        path = tmp_path / "m.onnx"
        path.write_text("old")
        with pytest.raises(ct.errors.ArgumentError, match=r"the operation in_order .* has no row"):
            ct.export(nn.Sequential(nn.Linear(4, 4), Sorted()).init(0), path)
        assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
    finally:
        OPS.pop("in_order")
        vars(xp).pop("sorted", None)


def test_what_is_no_network_and_no_such_name_are_refused(tmp_path):
    with pytest.raises(ct.errors.ArgumentError, match=r"a Regressor or a network of cutaway.sklearn, got int"):
        ct.export(3, tmp_path / "m.onnx")
    with pytest.raises(ct.errors.ArgumentError, match="the network is the class Linear: build one"):
        ct.export(nn.Linear, tmp_path / "m.onnx")
    with pytest.raises(ct.errors.ArgumentError, match="promises a PyTorch file"):
        ct.export(nn.Linear(2, 1), tmp_path / "m.pt")
    with pytest.raises(ct.errors.FileError, match="there is no folder"):
        ct.export(nn.Linear(2, 1), tmp_path / "none" / "m.onnx")


def test_a_missing_package_is_named_with_the_command_that_brings_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ct.errors.ArgumentError, match=r'needs the package onnx.*: pip install "cutaway\[onnx\]"'):
        ct.export(nn.Linear(2, 1), tmp_path / "m.onnx")
