"""Drawings of networks: valid SVG that stands alone, says what it shows, and stays small for large networks."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError
from cutaway.inspect.network_graph import MOST, graph_of
from cutaway.inspect.operations import program_of

nn = ct.nn
draw = ct.inspect.draw
SVG = "{http://www.w3.org/2000/svg}"


class Skip(nn.Module):
    def __init__(self, width):
        self.inner, self.outer = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x):
        return ct.ops.relu(x + self.outer(ct.ops.relu(self.inner(x))))


class Branches(nn.Module):
    def __init__(self):
        self.small, self.large = nn.Conv2d(1, 8, 3, padding="same"), nn.Conv2d(1, 8, 5, padding="same")
        self.out = nn.Linear(16, 3)

    def forward(self, x):
        both = ct.ops.concat([ct.ops.relu(self.small(x)), ct.ops.relu(self.large(x))], axis=-1)
        return self.out(nn.GlobalAveragePool()(both))


NETWORKS = {
    "three neurons": (lambda: nn.MLP(2, [3], 1), None),
    "small layers": (lambda: nn.MLP(4, [16, 16], 3), None),
    "large layers": (lambda: nn.MLP(784, [256, 128], 10), None),
    "convolutions": (lambda: nn.CNN((28, 28, 1), 10), None),
    "sequences": (lambda: nn.Recurrent(3, 16, 4, layers=2, bidirectional=True), None),
    "a convolution over time": (lambda: nn.Sequential(nn.Conv1d(2, 4, 3), nn.LastState(nn.GRU(4, 5))), (12, 2)),
    "embeddings": (lambda: nn.Sequential(nn.Embedding(50, 8), nn.LastState(nn.RNN(8, 5)), nn.Linear(5, 2)), (7,)),
    "past a layer": (lambda: nn.Sequential(nn.Linear(4, 8), Skip(8), Skip(8), nn.Linear(8, 2)), None),
    "branches": (Branches, (12, 12, 1)),
    "a hundred layers": (lambda: nn.Sequential(*[m for _ in range(100) for m in (nn.Linear(16, 16), nn.ReLU())]), None),
}


def texts(drawing):
    return [e.text for e in ElementTree.fromstring(drawing.svg).iter(f"{SVG}text")]


def circles(drawing):
    return [e for e in ElementTree.fromstring(drawing.svg).iter(f"{SVG}circle") if e.get("class") == "unit"]


@pytest.mark.parametrize("name", NETWORKS)
def test_a_drawing_stands_alone_and_is_readable(name):
    make, shape = NETWORKS[name]
    drawing = draw(make().init(0), input_shape=shape)
    root = ElementTree.fromstring(drawing.svg)
    assert root.tag == f"{SVG}svg" and root.get("role") == "img"
    named = {e.get("id"): e.text for e in root if e.tag in (f"{SVG}title", f"{SVG}desc")}
    title, about = (named[key] for key in root.get("aria-labelledby").split())
    assert title == drawing.title and drawing.about in about
    assert "prefers-color-scheme:dark" in drawing.svg
    rest = drawing.svg.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"http|href|url\(|@import|<script|<image|\son\w+=", rest)
    assert len(drawing.svg) < 120_000
    _, _, width, height = map(float, root.get("viewBox").split())
    for e in root.iter():
        x, y = (float(e.get(k)) for k in ("x", "y")) if e.tag == f"{SVG}text" else (0, 0)
        assert 0 <= x <= width and 0 <= y <= height
    assert "nan" not in drawing.svg and "inf" not in drawing.svg


def test_few_neurons_are_drawn_one_by_one_with_their_weights():
    net = nn.MLP(2, [3], 1)
    net[0].weight.data[...] = [[1, -1], [0.5, -0.5], [1, 1]]
    drawing = draw(net)
    assert len(circles(drawing)) == 2 + 3 + 1
    paths = [e for e in ElementTree.fromstring(drawing.svg).iter(f"{SVG}path") if "L" in e.get("d", "")]
    first = {(e.get("class"), float(e.get("stroke-width"))): e.get("d").count("M") for e in paths[:4]}
    assert first[("above", 3.3)] == 3 and first[("below", 3.3)] == 1 and {k[0] for k in first} == {"above", "below"}
    assert "weight above zero" in texts(drawing)


def test_many_neurons_are_the_first_and_the_last_of_them():
    drawing = draw(nn.MLP(784, [256], 10))
    assert len(circles(drawing)) == 8 + 8 + 10
    assert "linear 784 → 256" in texts(drawing) and "200,960 parameters" in texts(drawing)
    assert "weight above zero" not in texts(drawing)


def test_a_graph_has_its_connections():
    net = nn.Sequential(nn.Linear(4, 8), Skip(8), nn.Linear(8, 2))
    nodes = graph_of(program_of(net))
    assert [(node.name, node.kind, node.column) for node in nodes] == [
        ("input", "units", 0), ("layer1", "units", 1), ("layer2.inner", "units", 2), ("layer2.outer", "units", 3),
        ("layer2", "join", 4), ("layer3", "units", 5),
    ]
    assert [node.name for node in nodes[4].before] == ["layer1", "layer2.outer"]
    assert nodes[2].lines == ["linear 8 → 8", "relu"] and nodes[4].lines == ["add", "relu"] and nodes[4].sign == "+"


def test_a_value_used_before_and_after_its_activation_has_two_boxes():
    class Both(nn.Module):
        def __init__(self):
            self.one = nn.Linear(3, 3)

        def forward(self, x):
            h = self.one(x)
            return h * ct.ops.sigmoid(h)

    assert [node.kind for node in graph_of(program_of(Both()))] == ["units", "units", "step", "join"]


def test_attention_is_products_that_meet():
    class Attention(nn.Module):
        def __init__(self, width):
            self.q, self.k, self.v = (nn.Linear(width, width) for _ in range(3))

        def forward(self, x):
            share = ct.ops.softmax(self.q(x) @ self.k(x).transpose(0, 2, 1))
            return x + share @ self.v(x)

    nodes = graph_of(program_of(Attention(4), (7, 4)))
    assert [node.name for node in nodes if node.kind == "units"] == ["q", "k", "v"]
    assert {node.count for node in nodes if node.kind == "units"} == {4}
    assert [node.sign for node in nodes if node.kind == "join"] == ["·", "·", "+"]
    assert len({node.column for node in nodes if node.kind == "units"}) == 1


def test_the_middle_of_a_long_network_is_folded_up():
    nodes = graph_of(program_of(NETWORKS["a hundred layers"][0]()))
    assert len(nodes) == MOST and any(node.name == f"{101 - MOST + 1} more" for node in nodes)
    assert [node.column for node in nodes] == list(range(MOST))


def test_names_are_text_and_nothing_else():
    X = {"<b>&\"'": np.linspace(0, 1, 40), "up\u202edown\x07": np.linspace(1, 0, 40)}
    y = np.array(["<script>", "b]]>", "c"] * 13 + ["c"])
    drawing = draw(ct.Classifier(network=[4], epochs=1).fit(X, y))
    assert {"<b>&\"'", "<script>", "b]]>", "c", "up�down�"} <= set(texts(drawing))
    assert drawing.title.startswith("Classifier: ")


def test_files_and_paths(tmp_path):
    net = nn.Sequential(nn.Linear(4, 8), Skip(8), nn.Linear(8, 2)).init(0)
    drawing = draw(net, tmp_path / "net.svg")
    assert (tmp_path / "net.svg").read_text(encoding="utf-8") == drawing.svg == drawing._repr_svg_()
    ct.save(net, tmp_path / "own.safetensors")
    assert draw(ct.load(tmp_path / "own.safetensors")).about == drawing.about
    assert draw(net).svg == drawing.svg
    with pytest.raises(ArgumentError, match=r"net\.png.*ends in \.svg"):
        draw(net, "net.png")
    with pytest.raises(ArgumentError, match="give input_shape"):
        draw(nn.Sequential(nn.Conv2d(1, 4, 3)))
