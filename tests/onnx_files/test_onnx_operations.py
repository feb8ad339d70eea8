"""Every operation, as ONNX Runtime computes its nodes, against its rule: the cases are those of rules/cases.py."""

import numpy as np
import pytest
from cases import EVERY, OPS

from cutaway.errors import ArgumentError
from cutaway.onnx.graph import OnnxGraph
from cutaway.onnx.operations import ROWS, WITHOUT, Site, written

runtime = pytest.importorskip("onnxruntime")
N = 3
WRITTEN = [(name, make) for name, make in EVERY if name not in WITHOUT]


def session(content):
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def graph_of(name, case, dtype):
    """The graph of one operation: rows come in, and what does not depend on rows is in the file."""
    g, feeds, inputs = OnnxGraph(), {}, []
    for k, (a, kind) in enumerate(zip(case.inputs, case.kinds, strict=True)):
        if a is None:
            inputs.append(None)
            continue
        a = a.astype(np.int64 if a.dtype.kind in "iu" else dtype)
        if kind in ("rows", "fixed") and a.ndim and len(a) == N:
            inputs.append(g.input(f"in{k}", a.dtype, (None, *a.shape[1:]), ""))
            feeds[f"in{k}"] = a
        else:
            inputs.append(g.parameter(f"in{k}", a))
    cast = [None if a is None else a.astype(a.dtype if a.dtype.kind in "iu" else dtype) for a in case.inputs]
    with np.errstate(all="ignore"):
        wanted = OPS[name].forward(*cast, **case.attributes)
    wanted = wanted if isinstance(wanted, tuple) else (wanted,)
    rows = any(x is not None and x.shape[:1] == (None,) for x in inputs)
    shapes = [(None, *w.shape[1:]) if rows and w.ndim else w.shape for w in wanted]
    one = case.inputs[0].shape[:1] == wanted[0].shape[:1]
    made = written(name, Site(g, shapes, one), inputs, case.attributes)
    for k, a in enumerate(made):
        g.output(f"out{k}", a, "")
    return g, feeds, wanted[:len(made)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "make"), WRITTEN, ids=[f"{name}-{make.__name__}" for name, make in WRITTEN])
def test_runtime_computes_what_the_rule_does(name, make, dtype):
    g, feeds, wanted = graph_of(name, make(np.random.default_rng(0), N, 4), np.dtype(dtype))
    found = session(g.content("one", "", {}, "")).run(None, feeds)
    for a, w in zip(found, wanted, strict=True):
        assert a.shape == w.shape
        np.testing.assert_allclose(a, w, rtol=2e-5, atol=2e-6)


def test_every_operation_has_nodes_or_a_reason_to_have_none():
    """An operation without a row is written by its rule's text; those that cannot be say why."""
    assert not ROWS.keys() & WITHOUT.keys() and ROWS.keys() | WITHOUT.keys() <= OPS.keys()
    own = {name: op for name, op in OPS.items() if op.forward.__module__.startswith("cutaway.")}
    by_text = own.keys() - ROWS.keys() - WITHOUT.keys()
    assert {name for name in by_text if own[name].kind != "elementwise"} == {
        "batch_norm", "cumsum", "layer_norm", "lookup", "piecewise", "rising"}


def test_an_operation_of_training_is_refused_in_words():
    with pytest.raises(ArgumentError, match="dropout has no place in an ONNX file: it is of training alone"):
        written("dropout", Site(OnnxGraph(), [(None,)]), [], {})
