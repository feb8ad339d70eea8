"""The page of a trace holds the trace: its data as the format has it, bounded, its explanations those of explain."""

import json
import re

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import FileError
from cutaway.inspect import read_trace
from cutaway.report import trace_page as page

nn = ct.nn
rng = np.random.default_rng(0)


def traced(net=None, shape=(4, 2), **how):
    net = net or nn.MLP(2, [3], 2)
    y = np.arange(shape[0]) % 2
    how = {"optimizer": ct.optim.AdamW(1e-2), "engine": "reference"} | how
    return ct.trace(net.init(0), rng.normal(size=shape), y, "cross_entropy", **how)


def data(t, **how):
    text = page.trace_page(t if isinstance(t, list) else [t], **how)
    return json.loads(re.search(r'<script type="application/json" id="trace">(.*?)</script>', text, re.DOTALL)[1])


def test_the_page_holds_the_trace_as_its_format_has_it():
    t = traced()
    step = data(t)["steps"][0]
    own = {name: step[name] for name in t.to_json()["steps"][0]}
    again = read_trace({"format": "cutaway-trace", "version": 1, "steps": [own]})
    assert str(again) == str(t)


def test_it_names_nothing_outside_itself():
    text = page.trace_page([traced()])
    outside = set(re.findall(r"https?://[^\"'\s<]+", text)) - {"http://www.w3.org/2000/svg"}  # a name, not an address
    assert not outside and not re.search(r"src=|@import|url\(|fetch\(|XMLHttp", text)
    assert "default-src &#x27;none&#x27;" in text


@pytest.mark.parametrize("shape", [(64, 64, 64, 3), (3000, 700), (2_000_000,), (5,), ()])
@pytest.mark.parametrize("cap", page.CAPS)
def test_what_is_kept_of_an_array_is_bounded(shape, cap):
    kept = page._kept(shape, cap)
    assert all(0 < k <= s for k, s in zip(kept, shape, strict=True))
    assert np.prod(kept, dtype=int) <= max(cap, page.FEWEST ** len(shape))


def test_large_values_are_cut_and_the_page_says_so():
    t = traced(nn.MLP(2, [900, 900], 2), (32, 2))
    text = page.trace_page([t], explain=0)
    assert len(text) < 1.3 * page.PAGE_BYTES
    assert "large values are shown by their first numbers" in text
    step = data(t, explain=0)["steps"][0]
    cut = step["arrays"]["layer2.weight"][0]
    assert cut["shape"] < [900, 900]
    digest = step["digests"]["layer2.weight"][0]
    assert digest["shape"] == [900, 900] and digest["words"][2] == f"{t['layer2.weight'].max():.4g}"


def test_the_page_says_how_far_a_replay_is_from_the_run():
    t = traced()
    t.note = "replayed by rule; J differs by 2e-07"
    assert t.note in data(t)["steps"][0]["notes"]


def test_explanations_are_those_of_explain():
    t = traced()
    said = data(t)["steps"][0]["explanations"]
    weights = [name for name, p in t.parameters.items() for _ in range(int(np.prod(p.shape)))]
    assert len(said) == len(weights) + 4 * (3 + 2)  # every weight; z of every unit and sample
    e = t.explain("layer1.weight", 2, 1)
    assert {"formula": e.equation} in said["layer1.weight[2,1]"]
    assert f"{e.difference.value:.6g}" in json.dumps(said["layer1.weight[2,1]"])
    parts = [row[0] for row in said["layer1.weight[2,1]"][-1]["table"][1:]]
    assert parts == [*(p.name for p in t.explain_update("layer1.weight", 2, 1).parts), "rounding"]
    assert {"formula": t.explain("layer2.z", 3, 1).equation} in said["layer2.z[3,1]"]


def test_the_lectures_one_neuron_comes_out_factor_by_factor():
    net = nn.Sequential(nn.Linear(1, 1), nn.Sigmoid())
    t = ct.trace(net.init(0), [[0.7]], [[1.0]], "half_mse", ct.optim.SGD(0.1), engine="reference")
    chain = next(b["table"] for b in data(t)["steps"][0]["explanations"]["layer1.weight[0,0]"] if "table" in b)
    assert [row[0] for row in chain[1:-1]] == ["∂J/∂a", "∂a/∂z", "∂z/∂w"]
    factors = [float(row[2]) for row in chain[1:-1]]
    assert np.prod(factors) == pytest.approx(float(t.grad("layer1.weight")[0, 0]), rel=1e-4)


def test_only_the_largest_gradients_are_explained_when_asked():
    t = traced()
    step = data(t, explain=3)["steps"][0]
    said = [name for name in step["explanations"] if name.split("[")[0] in t.parameters]
    assert len(said) == 3 and any(note.startswith("Explained are 3 of ") for note in step["notes"])
    row, column = np.unravel_index(np.abs(t.grad("layer2.weight")).argmax(), (2, 3))
    assert f"layer2.weight[{row},{column}]" in said


class Skip(nn.Module):
    def __init__(self):
        self.inner = nn.Linear(3, 3)

    def forward(self, x):
        return x + self.inner(x)


@pytest.mark.parametrize(("net", "shape", "expected"), [
    (nn.MLP(2, [3], 2), (4, 2), [("x", 2, [], False), ("layer1", 3, [0], True), ("layer2", 2, [1], True)]),
    (nn.CNN((8, 8, 1), 2, channels=[4], hidden=[5]), (4, 8, 8, 1),
     [("x", 1, [], False), ("layer1", 4, [0], False), ("layer2", 5, [1], False), ("layer3", 2, [2], True)]),
    (nn.Recurrent(2, 6, 2, cell="lstm"), (4, 5, 2),
     [("x", 2, [], False), ("layer1.lstm", 6, [0], False), ("layer2", 2, [1], True)]),
], ids=["mlp", "cnn", "lstm"])
def test_a_network_is_drawn_as_its_layers(net, shape, expected):
    drawn = data(traced(net, shape), explain=0)["steps"][0]["columns"]
    assert [(c["label"], c["units"], c["sources"], c["weights"] is not None) for c in drawn] == expected


@pytest.mark.parametrize("make", [
    lambda: traced(threads=2), lambda: traced(keep=["layer1.z"]),
    lambda: traced(nn.Sequential(Skip(), nn.Linear(3, 2)), (4, 3)),
    lambda: traced(nn.Recurrent(2, 3, 2, cell="gru", bidirectional=True, layers=2), (4, 5, 2)),
    lambda: read_trace(traced().to_json()), lambda: traced(steps=2, batch_size=2),
    lambda: traced(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Dropout(0.5), nn.Linear(3, 2))),
], ids=["threads", "selection", "custom", "bidirectional", "file", "steps", "norm"])
def test_every_kind_of_trace_makes_a_page(make, tmp_path):
    make().to_html(tmp_path / "t.html", explain=4)
    assert (tmp_path / "t.html").read_text(encoding="utf-8").endswith("</html>")


def test_a_step_that_broke_off_makes_a_page():
    net = nn.MLP(2, [3], 2).init(0)
    net.parameters()[0].data[0] = np.inf
    with np.errstate(all="ignore"):
        t = ct.trace(net, np.ones((4, 2)), [0, 1, 0, 1], "cross_entropy", engine="reference")
        assert "the update did not take place" in page.trace_page([t])


def test_it_is_written_whole_or_not_at_all(tmp_path):
    with pytest.raises(FileError, match="nodir"):
        traced().to_html(tmp_path / "nodir" / "t.html", explain=0)
