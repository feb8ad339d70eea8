"""Traces as files: what is read is what was written, the schema describes it, and damage is noticed."""

import copy
import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import cutaway as ct
from cutaway import inspect
from cutaway.errors import ArgumentError, FileError

SCHEMA = json.loads((Path(inspect.__file__).parent / "traces" / "trace.schema.json").read_text(encoding="utf-8"))
nn = ct.nn


def traced(kind="mlp", **how):
    rng = np.random.default_rng(0)
    net, X = {
        "mlp": lambda: (nn.MLP(2, [4], 2, dropout=0.5), rng.normal(size=(6, 2))),
        "cnn": lambda: (nn.CNN((8, 8, 1), 2), rng.normal(size=(6, 8, 8, 1))),
        "lstm": lambda: (nn.Recurrent(2, 3, 2, cell="lstm"), [rng.normal(size=(k, 2)) for k in (2, 3, 4, 1, 2, 2)]),
    }[kind]()
    opt = ct.optim.clip(ct.optim.AdamW(1e-2, decay="matrices"), norm=1.0)
    return ct.trace(net.init(0), X, [0, 1, 0, 1, 1, 0], "cross_entropy", opt, **how)


@pytest.mark.parametrize("how", [{}, {"steps": 2, "batch_size": 4}, {"threads": 2}, {"keep": ["layer1.*"]}], ids=str)
@pytest.mark.parametrize("kind", ["mlp", "cnn", "lstm"])
def test_a_trace_reads_back_whole_and_fits_the_schema(kind, how, tmp_path):
    t = traced(kind, **how)
    data = t.to_json(tmp_path / "t.json")
    jsonschema.validate(data, SCHEMA)
    again = inspect.read_trace(tmp_path / "t.json")
    assert type(again) is type(t) and str(again) == str(t) and again.to_json() == data
    for a, b in zip(t, again, strict=True) if how.get("steps") else [(t, again)]:
        assert list(a) == list(b)
        for name in a:
            np.testing.assert_array_equal(a[name], b[name])
        for i, j in zip(a.instructions, b.instructions, strict=True):
            assert {n: w.tobytes() for n, w in i.writes.items()} == {n: w.tobytes() for n, w in j.writes.items()}


def test_numbers_that_are_not_finite_survive():
    X = np.ones((4, 2))
    net = nn.MLP(2, [3], 2).init(0)
    net.parameters()[0].data[0] = [np.nan, np.inf]
    with np.errstate(all="ignore"):
        t = ct.trace(net, X, [0, 1, 0, 1], "cross_entropy")
    again = inspect.read_trace(json.loads(json.dumps(t.to_json(), allow_nan=False)))
    np.testing.assert_array_equal(again["layer1.weight"], net.parameters()[0].data)
    assert not again.about.finite


def test_a_trace_from_a_file_has_no_model():
    with pytest.raises(ArgumentError, match="has no model"):
        inspect.read_trace(traced().to_json()).program()


def damaged(change):
    data = copy.deepcopy(traced().to_json())
    change(data, data["steps"][0])
    return data


@pytest.mark.parametrize(("change", "says"), [
    (lambda d, s: d.update(format="other"), "is not a trace"),
    (lambda d, s: d.update(version=2), "version 2"),
    (lambda d, s: d.update(steps=[]), "no step"),
    (lambda d, s: s.pop("values"), "'values' is missing"),
    (lambda d, s: s["arrays"]["x"][0].update(shape=[7, 2]), "48 bytes where shape"),
    (lambda d, s: s["arrays"]["x"][0].update(base64="?"), "damaged"),
    (lambda d, s: s["arrays"]["x"][0].update(dtype="object"), "dtype 'object'"),
    (lambda d, s: s["arrays"].update(other=[]), "names 'other'"),
    (lambda d, s: s["instructions"].pop(1), "not numbered"),
    (lambda d, s: s["instructions"][3].update(more=1), "damaged"),
    (lambda d, s: s["vectors"].update({"θ": ["x"]}), "a part for each parameter"),
], ids=lambda p: p if isinstance(p, str) else "")
def test_damage_is_noticed(change, says):
    with pytest.raises(FileError, match=says):
        inspect.read_trace(damaged(change))


def test_files_that_are_no_traces(tmp_path):
    with pytest.raises(FileError, match="cannot be read"):
        inspect.read_trace(tmp_path / "none.json")
    (tmp_path / "half.json").write_text(json.dumps(traced().to_json())[:500])
    with pytest.raises(FileError, match="not a trace, or it is damaged"):
        inspect.read_trace(tmp_path / "half.json")
    with pytest.raises(FileError, match=r"there is no folder .*: create it first"):
        traced().to_json(tmp_path / "no" / "such.json")
