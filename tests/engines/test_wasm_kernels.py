"""Kernels as WebAssembly against the rules: operations of each kind, all in one module, so that it is compiled once."""

import numpy as np
import pytest
from around import Around, assert_same_values, program
from cases import EVERY, IDS

import cutaway as ct
from as_written import as_written
from cutaway.engines.wasm.code import code

pytest.importorskip("wasmtime")
# one of each kind of loop, and whatever calls a function of maths.py
CHOSEN = {
    "relu", "gelu", "softplus", "elu", "tanh", "sigmoid", "log", "sin", "cos", "log1p", "power", "where", "linear",
    "embedding", "conv", "max_pool", "global_average", "batch_norm", "layer_norm", "dropout", "rnn", "lstm", "gru",
    "matmul", "cross_entropy", "binary_cross_entropy", "poisson", "softmax", "concat", "index", "cumsum", "lookup",
}
chosen = {}
for id, (name, make) in zip(IDS, EVERY, strict=True):
    if name in CHOSEN and name not in {known for known, _ in chosen.values()}:
        chosen[id] = name, make


@pytest.fixture(scope="module")
def made():
    """The program of each case, not run yet, and one module for all."""
    programs = {}
    for id, (name, make) in chosen.items():
        model = Around(name, make(np.random.default_rng(5), 5, 9))
        X, y = model.data(), np.zeros(model.n)
        p = ct.compile(model, lambda z, y: (z * (z + 1.0)).mean(), ct.optim.SGD(0.05), model.n + 2, X, y, engine="wasm",
                       keep_all=True)
        p.feed(X, y)
        programs[id] = p
    with as_written():  # what LLVM's optimizer makes of some of them: test_wasm.py
        whole = code([k for p in programs.values() for k in p.engine.kernels], np.dtype("float32"))
    for p in programs.values():
        p.engine.use(whole)
    return programs


@pytest.mark.parametrize("id", chosen)
def test_every_value_equals_the_rules(made, id):
    name, make = chosen[id]
    one, a = program(Around(name, make(np.random.default_rng(5), 5, 9)), "reference", keep_all=True)
    np.testing.assert_allclose(made[id].run(), a, rtol=3e-5, atol=3e-6)
    assert made[id].engine.compiled
    assert_same_values(one, made[id], rtol=3e-5, atol=3e-6)
