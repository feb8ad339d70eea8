"""Summaries: counted by hand, against the profile, for every kind of network; layers that are one linear layer."""

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError, ShapeError
from cutaway.program.profile import operations

nn = ct.nn


class Twice(nn.Module):
    """One layer used twice around an activation, with a connection past them."""

    def __init__(self, width):
        self.inner = nn.Linear(width, width)
        self.idle = nn.Parameter((width,), nn.init.zeros)

    def forward(self, x):
        return x + self.inner(ct.ops.tanh(self.inner(x)))


def found(summary, column):
    return [value for value in summary.to_pandas()[column] if value]


# ---- the table -------------------------------------------------------------------------------------------------------


def test_a_perceptron_counted_by_hand():
    s = ct.summary(nn.MLP(4, [16], 3))
    assert list(s.to_pandas().gives) == ["(n, 4)", "(n, 16)", "(n, 16)", "(n, 3)"]
    assert found(s, "parameters") == [4 * 16 + 16, 16 * 3 + 3] and found(s, "multiply_adds") == [4 * 16, 16 * 3]
    assert (s.parameters, s.trained, s.frozen, s.parameter_bytes) == (131, 131, 0, 4 * 131)
    assert s.multiply_adds == 112 and s.activation_bytes == 4 * (4 + 16 + 16 + 3)


def test_a_convolutional_network_counted_by_hand():
    net = nn.Sequential(
        nn.Conv2d(3, 8, 5, padding="same"), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 6, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Dropout(0.5), nn.Linear(6 * 3 * 2, 2),
    )
    s = ct.summary(net, (16, 12, 3))
    assert found(s, "settings") == ["3 → 8, 5 × 5, same", "8", "2 × 2", "8 → 6, 3 × 3, stride 2 × 2", "36 → 2"]
    assert found(s, "parameters") == [8 * 75 + 8, 16, 6 * 72 + 6, 36 * 2 + 2]
    assert found(s, "multiply_adds") == [16 * 12 * 8 * 75, 3 * 2 * 6 * 72, 72]
    assert s.buffers == 16 and s.training_only == ["layer3: Dropout(0.5)"]
    view = next(row for row in s.rows if row.operation == "reshape")
    assert view.bytes == 0 and view.gives == "(n, 36)"


def test_a_recurrent_network_counts_its_time_steps():
    net = nn.Recurrent(3, 16, 2, cell="gru", bidirectional=True)
    s = ct.summary(net, (24, 3))
    each = 24 * 3 * 48 + 23 * 16 * 48  # the state before the first step is zero
    assert found(s, "multiply_adds") == [each, each, 64]
    assert found(s, "settings") == ["3 → 16", "3 → 16, from the end", "32 → 2"]
    values = np.zeros((2, 24, 3), np.float32)
    of_sequences = ct.summary(net, ct.Sequences(values, np.array([24, 20])))
    assert of_sequences.multiply_adds == s.multiply_adds
    assert list(of_sequences.to_pandas().layer)[:2] == ["input", "lengths"]


@pytest.mark.parametrize(("net", "shape"), [
    (nn.CNN((12, 12, 2), 3, channels=[4, 6]), None), (nn.Recurrent(3, 5, 2, layers=2), (7, 3)),
    (nn.Sequential(nn.Linear(4, 6), Twice(6), nn.Linear(6, 1)), None),
])
def test_the_work_is_that_of_the_profile(net, shape):
    s = ct.summary(net, shape)
    example = None if shape is None else np.zeros((2, *shape))
    program = ct.compile(net, input=example, batch_size=8, threads=1)
    assert 8 * 2 * s.multiply_adds == sum(operations(i, 8) for i in program.instructions if i.phase == "forward")


def test_a_layer_that_runs_twice_is_counted_once():
    s = ct.summary(nn.Sequential(nn.Linear(4, 6), Twice(6), nn.Linear(6, 1)))
    rows = {row.layer: row for row in s.rows if row.operation == "linear"}
    assert rows["layer2.inner"].parameters == 42 and not rows["layer2.inner"].shared
    assert rows["layer2.inner@2"].parameters == 0 and rows["layer2.inner@2"].shared == "layer2.inner"
    assert "as layer2.inner" in str(s) and s.unused == ["layer2.idle"]
    assert s.parameters == sum(row.parameters for row in s.rows) + 6
    assert s.multiply_adds == 24 + 36 + 36 + 6


def test_frozen_parameters_are_told_apart():
    net = nn.MLP(4, [8], 2)
    for p in net[0].parameters():
        p.requires_grad = False
    s = ct.summary(net)
    assert (s.trained, s.frozen) == (18, 40) and "18 trained, 40 frozen" in str(s)


def test_several_inputs_whole_numbers_and_doubles():
    class Both(nn.Module):
        def __init__(self):
            self.words, self.one = nn.Embedding(20, 4), nn.Linear(4, 3)

        def forward(self, numbers, words):
            return self.one(numbers) + self.words(words)[:, 0, :3]

    s = ct.summary(Both().astype("float64"), (np.zeros((2, 4)), np.zeros((2, 5), int)))
    assert [row.gives for row in s.rows[:2]] == ["(n, 4)", "(n, 5)"] and s.parameter_bytes == 8 * s.parameters
    words = nn.Sequential(nn.Embedding(50, 8), nn.LastState(nn.GRU(8, 5)), nn.Linear(5, 2))
    assert ct.summary(words, (7,)).rows[1].gives == "(n, 7, 8)"


def test_estimators_and_files_say_themselves_what_they_take(tmp_path):
    X, y = ct.datasets.make("moons", n=60, seed=0)
    model = ct.Classifier(network=[8], epochs=1).fit(X, y)
    assert ct.summary(model).multiply_adds == ct.summary(model.model_).multiply_adds == 8 * 2 + 8 * 1
    net = nn.Sequential(nn.Linear(4, 6), Twice(6), nn.Linear(6, 1))
    ct.save(net, tmp_path / "own.safetensors")
    restored = ct.summary(ct.load(tmp_path / "own.safetensors"))
    assert restored.name == "Sequential" and restored.multiply_adds == ct.summary(net).multiply_adds


def test_errors_say_what_to_give():
    with pytest.raises(ArgumentError, match=r"any length.*input_shape, such as \(24, 3\)"):
        ct.summary(nn.Recurrent(3, 16, 2))
    with pytest.raises(ArgumentError, match="give input_shape, that of one row"):
        ct.summary(nn.Sequential(nn.Conv2d(1, 4, 3)))
    with pytest.raises(ArgumentError, match=r"\(None, 4\).*without the batch"):
        ct.summary(nn.MLP(4, [8], 2), (None, 4))
    with pytest.raises(ShapeError, match=r"input_shape=\(5,\) does not fit: layer1"):
        ct.summary(nn.MLP(4, [8], 2), (5,))
    with pytest.raises(ArgumentError, match="model is a int"):
        ct.summary(3)
    with pytest.raises(ArgumentError, match="call fit first"):
        ct.summary(ct.Classifier())


# ---- collapse --------------------------------------------------------------------------------------------------------


COLLAPSED = {
    "two layers": (nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 4)), (4,), ("layer1", "layer2"), ()),
    "three of four": (
        nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 8)), (4,),
        ("layer2", "layer3", "layer4"), (),
    ),
    "dropout": (nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 4)), (4,), ("layer1", "layer2"), ()),
    "convolutions": (nn.Sequential(nn.Conv2d(1, 2, 3), nn.Conv2d(2, 4, 3)), (9, 9, 1), ("layer1", "layer2"), ()),
    "flatten": (
        nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 2)), (4, 4, 1), ("layer1", "layer2"), ("flatten",),
    ),
    "a norm": (
        nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 4)), (4,), ("layer1", "layer3"), ("batch norm",),
    ),
}


@pytest.mark.parametrize("case", COLLAPSED)
def test_layers_without_an_activation_between_them_are_one(case):
    net, shape, layers, between = COLLAPSED[case]
    s = ct.summary(net, shape)
    (one,) = s.collapse
    assert (one.layers, one.between) == (layers, between)
    assert f"{layers[-2]} and {layers[-1]} are one linear layer" in str(s)


@pytest.mark.parametrize(("net", "shape"), [
    (nn.MLP(4, [8, 8], 2), None), (nn.CNN((8, 8, 1), 2), None), (nn.Recurrent(3, 4, 2, layers=2), (5, 3)),
    (nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8), nn.Linear(8, 2)), None),
    (nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), nn.Conv2d(2, 2, 2)), (8, 8, 1)),
    (nn.Sequential(nn.Linear(4, 6), Twice(6), nn.Linear(6, 1)), None),  # the first is read by the connection too
])
def test_networks_that_do_not_collapse(net, shape):
    assert ct.summary(net, shape).collapse == []


def test_a_bottleneck_may_be_meant():
    (narrow,) = ct.summary(nn.Sequential(nn.Linear(20, 3), nn.Linear(3, 20))).collapse
    assert "of rank 3 at most" in str(narrow) and "If that is not meant" in str(narrow)
    (plain,) = ct.summary(nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 4))).collapse
    assert "or use one layer" in str(plain)
    pair = nn.Sequential(nn.Conv2d(4, 4, 3, groups=4), nn.Conv2d(4, 8, 1))
    assert "If that is not meant" in str(ct.summary(pair, (6, 6, 4)).collapse[0])


@pytest.mark.parametrize("count", [2, 3, 8])
def test_members_of_a_list_that_are_alike_are_one_line(count):
    """In the text alone: the table of pandas keeps every row, and the totals are those of all."""
    net = ct.nn.Ensemble([ct.nn.MLP(4, [8], 1) for _ in range(count)])
    s = ct.summary(net)
    folded = [line for line in s.cells() if line[1] == "each as networks.0"]
    assert bool(folded) == (count > 2)
    assert s.parameters == count * 49 and len(s.to_pandas()) == 1 + 4 * count + 2
    if folded:
        (line,) = folded
        assert line[0] == f"networks.1 to networks.{count - 1}" and line[3] == str((count - 1) * 49)
        assert not [row for row in s.cells() if row[0].startswith("networks.1.")]


def test_a_member_of_a_list_that_differs_is_shown():
    net = ct.nn.Ensemble([ct.nn.MLP(4, [width], 1) for width in (8, 8, 8, 9, 8)])
    layers = {row[0].partition(".layer")[0] for row in ct.summary(net).cells()}
    assert {"networks.0", "networks.1 to networks.2", "networks.3", "networks.4"} <= layers
