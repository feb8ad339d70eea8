"""WebAssembly: trained here by wasmtime beside the reference engine, and to the bit beside the portable one."""

import json
import subprocess
import sys
from contextlib import nullcontext

import numpy as np
import pytest

import cutaway as ct
from as_written import as_written
from cutaway.engines.wasm import assembled
from cutaway.errors import ArgumentError

wasmtime = pytest.importorskip("wasmtime")
rng = np.random.default_rng(0)
SEQUENCES = ct.Sequences(rng.standard_normal((22, 5, 3)), rng.integers(1, 6, 22))
KINDS = {
    "cnn": (lambda: ct.nn.CNN((6, 6, 1), 3, [4], [8], activation="gelu", norm="batch", dropout=0.2),
            rng.standard_normal((22, 6, 6, 1))),
    "rnn": (lambda: ct.nn.Sequential(ct.nn.LastState(ct.nn.GRU(3, 8)), ct.nn.Linear(8, 3)), SEQUENCES),
}
CLASSES = rng.integers(0, 3, 22)


def trained(kind, engine, epochs=4):
    make, X = KINDS[kind]
    net = make().init(0)
    run = ct.fit(net, X, CLASSES, "cross_entropy", optimizer=ct.optim.AdamW(1e-2, eps=1e-3), epochs=epochs,
                 batch_size=8, engine=engine, threads=1, progress=False)
    return net, run


@pytest.mark.parametrize("kind", KINDS)
def test_it_trains_to_the_portable_engines_bits_and_near_the_reference(kind):
    with nullcontext() if kind == "cnn" else as_written():
        (one, a), (two, b), (three, c) = (trained(kind, engine) for engine in ("reference", "portable", "wasm"))
    np.testing.assert_array_equal(three.theta, two.theta)
    np.testing.assert_array_equal(c.steps["loss"], b.steps["loss"])
    assert c.program.state == b.program.state
    np.testing.assert_allclose(three.theta, one.theta, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(c.steps["loss"], a.steps["loss"], rtol=1e-3)
    X = KINDS[kind][1]
    with as_written():
        np.testing.assert_array_equal(three.predict(X, engine="wasm"), two.predict(X, engine="portable"))


# ---- the module that a page gets -------------------------------------------------------------------------------------


class Page:
    """What a page does with a module, in wasmtime."""

    def __init__(self, made):
        self.store = wasmtime.Store()
        module = wasmtime.Module(self.store.engine, made.wasm)
        assert not module.imports
        self.exports = wasmtime.Instance(self.store, module, []).exports(self.store)
        self.manifest = json.loads(json.dumps(made.manifest))

    def run(self, program, steps):
        return self.exports["run"](self.store, self.manifest["programs"][program]["number"], steps)

    def one(self, program, i):
        self.exports["one"](self.store, self.manifest["programs"][program]["number"], i)

    def array(self, address, shape, dtype):
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        return np.frombuffer(self.exports["memory"].get_buffer_ptr(self.store, size, address), dtype).reshape(shape)

    def slot(self, program, name):
        address = self.manifest["programs"][program]["slots"][name]
        return self.array(address, (1,), np.float64 if name == "RATE" else np.int64)

    def losses(self, program, steps):
        return self.array(self.manifest["programs"][program]["losses"]["address"], (steps,), np.float64)

    def value(self, program, name):
        v = next(v for v in self.manifest["programs"][program]["values"] if v["name"] == name)
        rows, shape = v["rows"], v["shape"]
        if rows:
            shape = [rows * int(self.slot(program, "N")[0]), *shape]
        return self.array(v["address"], shape, v["dtype"])

    def state(self, name):
        s = next(s for s in self.manifest["state"] if s["name"] == name)
        return self.array(s["address"], s["shape"], s["dtype"])


X, y = rng.standard_normal((22, 4)).astype("float32"), rng.standard_normal(22)
GRID = rng.standard_normal((9, 4)).astype("float32")


def program(optimizer=None, **how):
    net = ct.nn.MLP(4, [16], 1).init(0)
    made = ct.compile(net, "mse", optimizer or ct.optim.AdamW(1e-2), 8, X, y, **({"engine": "wasm"} | how))
    made.feed(X, y)
    return made


@pytest.fixture(scope="module")
def bundle():
    train = program(keep_all=True)
    forward = ct.engines.evaluator(train.model, X, engine="wasm", batch_size=4)
    forward.feed(np.zeros((9, 4)))
    return assembled({"train": train, "forward": forward})


@pytest.fixture
def page(bundle):
    return Page(bundle)


def test_a_page_trains_to_the_bits_of_python(page):
    twin = program(engine="portable")
    for _ in range(3):
        assert page.run("train", 1000) == 3  # of 8, 8 and 6 rows: the end of the epoch
        page.slot("train", "POSITION")[:] = 0
        np.testing.assert_array_equal(page.losses("train", 3), twin.run())
    np.testing.assert_array_equal(page.state("θ"), twin.model.theta)
    assert page.slot("train", "T") == 9 == twin.state.t
    np.testing.assert_array_equal(page.state("v"), twin.state["v"])
    for parameter in page.manifest["parameters"]:
        at, size = parameter["at"], int(np.prod(parameter["shape"]))
        wanted = dict(twin.model.named_parameters())[parameter["name"]].data
        np.testing.assert_array_equal(page.state("θ")[at : at + size].reshape(parameter["shape"]), wanted)


def test_every_value_of_a_step_is_read_where_the_manifest_says(page):
    twin = program(engine="portable", keep_all=True)
    page.run("train", 2)
    twin.run(steps=2)
    for v in twin.values():
        np.testing.assert_array_equal(page.value("train", v.name), twin.value(v), v.name)
    told = page.manifest["programs"]["train"]
    assert [i["title"] for i in told["instructions"]] == [i.title for i in twin.instructions]
    assert told["values"][told["loss"]]["name"] == "J"


def test_instructions_one_by_one_are_the_run(page, bundle):
    other = Page(bundle)
    other.run("train", 2)
    page.slot("train", "STEP")[:] = -1
    for _ in range(2):
        for i in range(len(page.manifest["programs"]["train"]["instructions"])):
            page.one("train", i)
    np.testing.assert_array_equal(page.state("θ"), other.state("θ"))
    np.testing.assert_array_equal(page.losses("train", 2), other.losses("train", 2))


def test_what_a_page_writes_counts(page):
    """The batch size, the rate, the optimizer's numbers, the order, and weights."""
    twin = program(ct.optim.AdamW(0.05, beta1=0.5), engine="portable")
    twin.model.theta[3] = 2.0
    order = rng.permutation(22)
    page.slot("train", "RATE")[:] = 0.05
    page.state("θ")[3] = 2.0
    told = page.manifest["programs"]["train"]
    page.array(told["order"]["address"], (22,), np.int64)[:] = order
    (beta1,) = [s for s in told["settings"] if s["name"] == "beta1"]
    assert beta1["value"] == 0.9
    page.array(beta1["address"], (1,), np.float64)[:] = 0.5
    page.run("train", 3)
    np.testing.assert_array_equal(page.losses("train", 3), twin.run(order))
    page.slot("train", "BATCH")[:], page.slot("train", "POSITION")[:] = 5, 0
    assert page.run("train", 99) == 5


def test_it_evaluates_with_the_weights_that_training_left(page):
    twin = program(engine="portable")
    page.run("train", 3), twin.run()
    told = page.manifest["programs"]["forward"]
    page.array(told["data"]["x"]["address"], (9, 4), "float32")[:] = GRID
    assert page.run("forward", 99) == 3
    out = page.array(told["outputs"]["address"], told["outputs"]["shape"], "float32")
    np.testing.assert_array_equal(out, twin.model.predict(GRID, engine="portable"))


def test_a_step_that_is_not_finite_is_not_done(page):
    before = page.state("θ").copy()
    page.array(page.manifest["programs"]["train"]["data"]["x"]["address"], (22, 4), "float32")[0] = np.inf
    assert page.run("train", 3) == 0 and page.slot("train", "STOPPED") == 1
    assert page.slot("train", "T") == 0 == page.slot("train", "POSITION")
    np.testing.assert_array_equal(page.state("θ"), before)


@as_written()
def test_a_schedules_rates_lie_ready_from_the_next_step_on():
    made = program(ct.optim.SGD(ct.optim.schedules.warmup(0.1, 4)))
    twin = program(ct.optim.SGD(ct.optim.schedules.warmup(0.1, 4)), engine="portable")
    page = Page(assembled({"train": made}))
    assert page.run("train", 3) == 3
    np.testing.assert_array_equal(page.losses("train", 3), twin.run())
    np.testing.assert_array_equal(page.state("θ"), twin.model.theta)


@as_written()
def test_averages_of_dead_weights_become_zeros_as_on_the_cpu():
    """Numbers below 1e-38 would make each step many times slower."""
    made = program(ct.optim.Momentum(0.1))
    made.state["v"][:] = 1e-36
    X0 = np.zeros((8, 4), "float32")
    made.feed(X0, made.model.predict(X0)[:, 0])  # no gradient at all
    for _ in range(60):
        made.run()
    v = np.abs(made.state["v"])
    assert (v == 0).any() and not ((v > 0) & (v < 2.0**-126)).any()


@pytest.mark.filterwarnings("ignore:.*has no CPU kernel")
@as_written()
def test_a_rule_in_python_runs_here_but_not_in_a_page():
    from dataclasses import dataclass
    from typing import ClassVar

    def halved(theta, g, *, lr):
        return theta - lr * np.asarray(g)

    @dataclass(frozen=True)
    class Halved(ct.optim.Optimizer, listed=False):
        rule: ClassVar = staticmethod(halved)
        by_parameter: ClassVar = True

    made, twin = program(Halved(0.1)), program(ct.optim.SGD(0.1), engine="reference")
    np.testing.assert_allclose(made.run(), twin.run(), rtol=1e-5)
    with pytest.raises(ArgumentError, match="train cannot run without Python: optimizer has no kernel"):
        assembled({"train": made})


@pytest.mark.parametrize(("programs", "says"), [
    (lambda: {}, "a module holds 1 to 15 programs, got 0"),
    (lambda: {"a": program(engine="reference")}, "a was compiled for the engine 'reference'"),
    (lambda: {"a": program(), "b": program()}, "of one model"),
    (lambda: {"a": ct.compile(ct.nn.MLP(4, [16], 1), engine="wasm")}, "a has no rows: feed it"),
])
def test_what_cannot_be_put_together_is_refused_in_words(programs, says):
    with pytest.raises(ArgumentError, match=says):
        assembled(programs())


def test_a_module_is_made_without_wasmtime():
    text = """import sys; sys.modules["wasmtime"] = None
import cutaway as ct, numpy as np
from cutaway.engines.wasm import assembled
p = ct.compile(ct.nn.Linear(4, 1).init(0), "mse", ct.optim.SGD(1e-2), 8, engine="wasm", keep_all=True)
p.feed(np.zeros((8, 4)), np.zeros(8))
assert assembled({"train": p}).wasm[:4] == b"\\0asm"
try:
    p.run()
except ct.errors.ArgumentError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert 'pip install "cutaway[wasm]"' in done.stdout
