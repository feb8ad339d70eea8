"""Arrays in the callers' hands: machine code walks them by address, so whatever becomes of them must do no harm.

Each case runs in a process of its own, which would end by a signal; what it prints is compared.
"""

import os
import re
import subprocess
import sys

import numpy as np
import pytest

import cutaway as ct
from depth import each_once

HEAD = """
import ctypes, mmap, threading, time
import numpy as np, cutaway as ct

def guarded(values):
    "A copy of an array whose last byte lies before a page that nobody may touch."
    values = np.ascontiguousarray(values)
    pages = -(-max(values.nbytes, 1) // mmap.PAGESIZE)
    memory = mmap.mmap(-1, (pages + 1) * mmap.PAGESIZE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    libc = ctypes.CDLL(None)
    libc.mprotect.argtypes = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
    assert libc.mprotect(start + pages * mmap.PAGESIZE, mmap.PAGESIZE, 0) == 0
    at = pages * mmap.PAGESIZE - values.nbytes
    out = np.frombuffer(memory, values.dtype, values.size, at).reshape(values.shape)
    out[...] = values
    return out

def told(f):
    try:
        return f()
    except ct.errors.CutawayError as error:
        print(type(error).__name__, error, sep=": ")

def embedder():
    return ct.nn.Sequential(ct.nn.Embedding(10, 4), ct.nn.Flatten(), ct.nn.Linear(8, 1)).init(0)

def disturbed(f, change, back, seconds=0.4):
    "f() again and again while another thread changes something for moments at a time."
    done = threading.Event()
    def disturb():
        while not done.is_set():
            change()
            back()
    other = threading.Thread(target=disturb)
    other.start()
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            try:
                f()
            except ct.errors.CutawayError:
                pass
    finally:
        done.set()
        other.join()
"""


def alone(code):
    """What a process of its own prints that runs `code`; it must end well."""
    run = subprocess.run([sys.executable, "-W", "ignore", "-c", HEAD + code], capture_output=True, text=True,
                         timeout=120, env=os.environ)
    assert run.returncode == 0, (run.returncode, run.stderr[-1500:])
    return run.stdout


# ---- data that change while they are trained on ----------------------------------------------------------------------

CHANGED = {
    "embeddings' numbers in fit": """
X = np.ones((64, 2), np.int32)
def go(change): ct.fit(net, X, np.zeros((64, 1)), epochs=3, callbacks=[lambda e: change and X.fill(2**28)])
net = embedder()""",
    "class numbers in fit": """
X = np.random.default_rng(0).normal(size=(64, 3)); y = np.zeros(64, np.int32)
def go(change): ct.fit(net, X, y, "cross_entropy", epochs=3, callbacks=[lambda e: change and y.fill(2**29)])
net = ct.nn.MLP(3, [4], 3).init(0)""",
    "class numbers in float64": """
X = np.random.default_rng(0).normal(size=(64, 3)); y = np.zeros(64, np.int32)
def go(change): ct.fit(net, X, y, "cross_entropy", epochs=3, callbacks=[lambda e: change and y.fill(2**29)])
net = ct.nn.MLP(3, [4], 3).astype("float64").init(0)""",
    "a program's own loop": """
X = np.ones((64, 2), np.int32)
def go(change):
    p = ct.compile(net, "mse", input=X, target=np.zeros((64, 1)), threads=2)
    p.feed(X, np.zeros((64, 1)))
    if change: X.fill(2**28)
    p.run()
net = embedder()""",
    "twins of many models": """
X = np.ones((64, 2), np.int32); nets = [embedder() for _ in range(3)]
def go(change):
    ct.fit_many([{"model": m, "X": X, "y": np.zeros((64, 1)), "epochs": 3,
                  "callbacks": [lambda e: change and X.fill(2**28)]} for m in nets])
net = nets[2]""",
    "held-out rows": """
X = np.ones((64, 2), np.int32); Xv = np.ones((9, 2), np.int32)
def go(change):
    ct.fit(net, X, np.zeros((64, 1)), epochs=3, validation=(Xv, np.zeros((9, 1))),
           callbacks=[lambda e: change and Xv.fill(2**28)])
net = embedder()""",
    "the order, between steps": """
X = np.random.default_rng(0).normal(size=(64, 3)); o = np.arange(64)
def go(change):
    p = ct.compile(net, batch_size=1)
    p.feed(X, np.zeros((64, 1)))
    p.run(o, between=lambda n: change and o.fill(2**40))
net = ct.nn.MLP(3, [4], 1).init(0)""",
    "sequences' lengths": """
X = ct.Sequences(np.random.default_rng(0).normal(size=(8, 5, 2)), lengths := np.full(8, 3, np.int32))
def go(change):
    ct.fit(net, X, np.zeros((8, 1)), epochs=3, callbacks=[lambda e: change and lengths.fill(2**30)])
net = ct.nn.Sequential(ct.nn.LastState(ct.nn.GRU(2, 3)), ct.nn.Linear(3, 1)).init(0)""",
}


@pytest.fixture(scope="module")
def changed():
    """What is printed of each case, without changes and with them. (A process for each would take a minute.)"""
    runs = [f"{code}\ngo({change})\nprint({case!r}, {change}, net.theta.tobytes().hex(), sep='|', flush=True)"
            for case, code in CHANGED.items() for change in (False, True)]
    lines = [line.split("|") for line in alone("\n".join(runs)).splitlines()]
    return {(case, change == "True"): weights for case, change, weights in lines}


@pytest.mark.parametrize("case", CHANGED)
def test_whole_numbers_that_change_during_a_run_change_nothing(case, changed):
    """What is looked up are the numbers that were checked."""
    assert changed[case, True] == changed[case, False]


def test_whole_numbers_that_another_thread_changes_for_moments():
    alone("""
X, y, net = np.ones((512, 2), np.int32), np.zeros((512, 1)), embedder()
p = ct.compile(net, "mse", input=X, target=y)
p.feed(X, y)
def wild(): X[:, 1] = 2**30
def tame(): X[:, 1] = 1
for f in (lambda: net.predict(X), lambda: ct.fit(net, X, y, epochs=1), lambda: (p.feed(X, y), p.run())):
    disturbed(f, wild, tame)
""")


def test_numbers_refused_leave_the_data_fed_before(tmp_path):
    """A program that was fed rightly and then wrongly must not run on the wrong numbers."""
    X, y = np.ones((8, 2), np.int32), np.zeros((8, 1))
    net = ct.nn.Sequential(ct.nn.Embedding(10, 4), ct.nn.Flatten(), ct.nn.Linear(8, 1))
    program = ct.compile(net, "mse", input=X, target=y)
    program.feed(X, y)
    with pytest.raises(ct.errors.ArgumentError, match="0 to 9, got 1000000 to 1000000"):
        program.feed(np.full((4, 2), 10**6), y[:4])
    assert program.engine.rows == 8 and program.engine.data["x"].max() == 1


# ---- arrays that are replaced ----------------------------------------------------------------------------------------

REPLACED = {
    "a weight of another shape": (
        "net.layer.weight.data = guarded(np.ones((1, 1), np.float32))", "ShapeError.*layer.weight.*(1, 1)"),
    "a bias of another shape": ("net.layer.bias.data = guarded(np.ones((1,), np.float32))", "ShapeError.*bias"),
    "a running mean": ("net.norm.running_mean.data = guarded(np.zeros(1, np.float32))", "ShapeError.*running_mean"),
    "no array": ("net.layer.weight.data = [[1.0]]", "Error.*layer.weight.*list"),
    "another precision": ("net.astype('float64')", "TrainingError.*precision"),
    "one parameter's precision": (
        "net.layer.weight.data = net.layer.weight.data.astype('float64')", "TrainingError.*precision"),
}
NET = """
class Net(ct.nn.Module):
    def __init__(self):
        self.layer, self.norm = ct.nn.Linear(64, 64), ct.nn.BatchNorm1d(64)
        self.last = ct.nn.Linear(64, 1)
    def forward(self, x): return self.last(self.norm(self.layer(x)))
net, X, y = Net().init(0), np.random.default_rng(0).normal(size=(32, 64)), np.zeros((32, 1))
"""


@pytest.mark.parametrize("engine", ["cpu", "reference"])
def test_a_program_refuses_an_array_that_no_longer_fits(engine):
    lines = alone("".join(NET + f"""
p = ct.compile(net, "mse", ct.optim.Adam(0.1), input=X, target=y, engine={engine!r})
p.feed(X, y); p.run()
{change}
told(lambda: print(p.run()))
""" for change, _ in REPLACED.values())).splitlines()
    for line, (_, message) in zip(lines, REPLACED.values(), strict=True):
        assert re.search(message, line), line


@pytest.mark.parametrize("where", ["a weight of another shape", "a bias of another shape", "a running mean"])
def test_predict_refuses_an_array_that_no_longer_fits(where):
    net, X = ct.nn.Sequential(ct.nn.Linear(64, 64), ct.nn.BatchNorm1d(64)).init(0), np.ones((8, 64), np.float32)
    net.predict(X)
    tensor = {"weight": net[0].weight, "bias": net[0].bias, "running": net[1].running_mean}[where.split()[1]]
    tensor.data = np.ones((1,) * tensor.ndim, np.float32)
    with pytest.raises(ct.errors.ShapeError, match=f"{where.split()[1]}.* has shape .1,"):
        net.predict(X)


@pytest.mark.parametrize("change", [np.asfortranarray, lambda w: w[::-1], lambda w: np.repeat(w, 2, 1)[:, ::2],
                                    lambda w: np.broadcast_to(w[:1], w.shape)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_other_strides_change_no_result(change, dtype):
    net, X = ct.nn.MLP(5, [6], 1).astype(dtype).init(0), np.random.default_rng(0).normal(size=(7, 5))
    net.predict(X)
    w = net.parameters()[0]
    w.data = change(w.data)
    expected = net(X).data
    np.testing.assert_allclose(net.predict(X), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(net.predict(X, engine="reference"), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("engine", ["cpu", "reference"])
def test_weights_of_other_strides_and_byte_order_are_trained_as_before(engine):
    def trained(change, order):
        net = ct.nn.MLP(5, [6], 1, norm="batch").init(0)
        X, y = np.random.default_rng(0).normal(size=(40, 5)), np.ones((40, 1))
        program = ct.compile(net, "mse", ct.optim.AdamW(0.1), input=X, target=y, engine=engine)
        program.feed(X, y)
        program.run()
        for t in net.tensors():
            t.data = change(t.data)
            t.data = t.data.astype(t.dtype.newbyteorder(order))
        program.run()
        return net.theta.copy(), next(net.named_buffers())[1].data

    for a, b in zip(trained(np.copy, "="), trained(lambda a: np.repeat(a, 2, 0)[::2], "S"), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_network_that_is_given_wider_weights_is_predicted_with_them():
    class Net(ct.nn.Module):
        def __init__(self):
            self.w = ct.nn.Parameter((2, 3), lambda rng, shape: np.ones(shape))

        def forward(self, x):
            return ct.ops.linear(x, self.w)

    net, X = Net(), np.ones((4, 3))
    assert net.predict(X).shape == (4, 2)
    net.w.data = np.full((5, 3), 2.0, np.float32)
    np.testing.assert_array_equal(net.predict(X), np.full((4, 5), 6.0))


@pytest.mark.parametrize("lock", ["net.theta", "net.parameters()[0].data", "next(net.named_buffers())[1].data"])
@pytest.mark.parametrize("engine", ["cpu", "reference"])
def test_what_is_read_only_is_not_trained(lock, engine):
    net = ct.nn.MLP(3, [4], 1, norm="batch").init(0)
    before = net.theta.copy()
    array = eval(lock, {"net": net, "next": next})
    array.flags.writeable = False
    with pytest.raises(ct.errors.TrainingError, match="read-only"):
        ct.fit(net, np.ones((8, 3)), np.zeros((8, 1)), epochs=1, batch_size=4, engine=engine)
    np.testing.assert_array_equal(net.theta, before)


def test_what_is_frozen_may_be_read_only():
    net = ct.nn.MLP(3, [4], 1).init(0)
    p = net.parameters()[0]
    p.requires_grad, p.data.flags.writeable = False, False
    ct.fit(net, np.ones((8, 3)), np.zeros((8, 1)), epochs=1)


# ---- precision that changes between steps ----------------------------------------------------------------------------


def test_a_precision_that_changes_between_steps_ends_training():
    runs = ["ct.fit(net, X, y, epochs=9, callbacks=[lambda e: net.astype(after)])",
            "ct.fit(net, X, y, epochs=9, validation=0.2, callbacks=[lambda e: net.astype(after)])",
            "p.run(), net.astype(after), p.run()"]
    out = alone("".join(f"""
after = {after!r}
net, X, y = ct.nn.MLP(30, [512], 1).astype({before!r}), np.zeros((64, 30)), np.zeros((64, 1))
p = ct.compile(net, "mse", input=X, target=y); p.feed(X, y)
told(lambda: print({run}))
""" for before, after in (("float64", "float32"), ("float32", "float64")) for run in runs))
    assert all(re.match("TrainingError: .*precision", line) for line in out.splitlines())


def test_a_precision_that_another_thread_changes():
    alone("""
net, X, y = ct.nn.MLP(30, [512], 1), np.zeros((64, 30)), np.zeros((64, 1))
for f in (lambda: ct.fit(net, X, y, epochs=3), lambda: net.predict(X)):
    disturbed(f, lambda: net.astype("float64"), lambda: net.astype("float32"))
""")


class Mixed(ct.nn.Module):
    """Float64 numbers come into a float32 network."""

    def __init__(self, where):
        self.first, self.last, self.where = ct.nn.Linear(3, 4), ct.nn.Linear(4, 1), where

    def forward(self, x):
        constant = ct.Tensor(np.full(1, 2.0))
        if self.where == "input":
            x = x * constant
        x = self.first(x)
        x = x * constant if self.where == "inside" else x
        x = self.last(x)
        return x * constant if self.where == "end" else x


@pytest.mark.parametrize("where", ["input", "inside", "end"])
def test_machine_code_has_one_precision(where):
    """It would take halves of doubles for numbers, and write beyond its gradients."""
    net, X = Mixed(where).init(0), np.ones((8, 3))
    for run in (lambda: net.predict(X), lambda: ct.fit(net, X, np.zeros((8, 1)))):
        with pytest.raises(ct.errors.RecordingError, match="mul has float64 numbers in a program of float32"):
            run()
    assert net.predict(X, engine="reference").dtype == np.float64


def test_a_loss_has_the_precision_of_the_network():
    with pytest.raises(ct.errors.RecordingError, match="one precision"):
        ct.fit(ct.nn.MLP(3, [4], 1), np.ones((8, 3)), np.zeros((8, 1)),
               lambda z, y: ((z - y) ** 2 * ct.Tensor(np.ones(1))).mean())


# ---- where a run begins, and its weights -----------------------------------------------------------------------------


@pytest.fixture
def program():
    made = ct.compile(ct.nn.MLP(3, [4], 1).init(0), batch_size=16, weighted=True)
    made.feed(np.zeros((64, 3)), np.zeros((64, 1)), np.ones(64))
    return made


@pytest.mark.parametrize("position", [-1, -4, -64, -(10**9), 1.0, np.nan, True, "0", None])
def test_a_run_begins_at_a_row(program, position):
    with pytest.raises(ct.errors.ArgumentError, match="position must be a whole number of at least 0"):
        program.run(position=position, steps=1)


@pytest.mark.parametrize("steps", [-1, 1.5, True, "2"])
def test_a_run_has_whole_steps(program, steps):
    with pytest.raises(ct.errors.ArgumentError, match="steps must be a whole number"):
        program.run(steps=steps)


def test_behind_the_last_row_there_is_nothing_to_train_on(program):
    assert len(program.run(position=64)) == len(program.run(position=2**70)) == 0


@pytest.mark.parametrize("shape", [(64, 0), (64, 5), (64, 2, 2)])
def test_weights_of_rows_are_one_a_row(program, shape):
    with pytest.raises(ct.errors.ShapeError, match="w was compiled for rows of shape"):
        program.feed(np.zeros((64, 3)), np.zeros((64, 1)), np.ones(shape))


@pytest.mark.parametrize(("X", "y", "name"), [(np.float32(3), np.zeros((1, 1)), "x"), (3, 1, "x"),
                                              (np.zeros((1, 3)), 1.0, "y")])
def test_data_have_rows(program, X, y, name):
    with pytest.raises(ct.errors.ShapeError, match=f"{name} must have a row for each sample"):
        program.feed(X, y, np.ones(1))


@pytest.mark.parametrize("order", [[[0, 1]], 3, [True, False], [0.0], [2**63], [-1]])
def test_an_order_is_a_vector_of_row_numbers(program, order):
    with pytest.raises(ct.errors.ArgumentError, match="order must"):
        program.run(np.array(order))


def test_a_program_without_data_says_so():
    with pytest.raises(ct.errors.ArgumentError, match="no data to train on"):
        ct.compile(ct.nn.MLP(3, [4], 1)).run()


def test_data_of_another_form_are_refused(program):
    with pytest.raises(ct.errors.ArgumentError, match="compiled for data called x, y, w, got x1, x2"):
        program.feed((np.zeros((4, 3)), np.zeros((4, 3))), np.zeros((4, 1)), np.ones(4))


# ---- several models, threads, and optimizers of one's own ------------------------------------------------------------


OWN = """
from dataclasses import dataclass
from cutaway.optim import Optimizer
from cutaway.rules import xp

def signum(theta, g, m, *, lr, beta):
    m = beta * m + (1 - beta) * g
    return theta - lr * xp.sign(m), m

@dataclass(frozen=True)
class Signum(Optimizer):
    beta: float = 0.9
    rule = staticmethod(signum)
"""


def test_an_optimizer_of_ones_own_on_replaced_arrays(tmp_path):
    """Same shape: trained where they are; another: refused, and nothing is written."""
    (tmp_path / "own_optimizer.py").write_text(OWN)
    out = alone(f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
from own_optimizer import Signum
X, y = np.random.default_rng(0).normal(size=(64, 9)), np.zeros((64, 1))
def trained(change, dtype, threads):
    net = ct.nn.MLP(9, [16, 16], 1, norm="batch").astype(dtype).init(0)
    program = ct.compile(net, "mse", Signum(0.01), 32, X, y, threads=threads)
    program.feed(X, y)
    program.run()
    for t in net.tensors():
        t.data = change(t.data)
    program.run()
    return net.theta.tobytes()
for dtype, threads in {each_once(["float32", "float64"], [2, 1])}:
    print(trained(np.copy, dtype, threads) == trained(lambda a: np.repeat(a, 2, -1)[..., ::2], dtype, threads))
    told(lambda: trained(lambda a: guarded(a[:1]), dtype, threads))
""").splitlines()
    assert out and set(out[::2]) == {"True"}
    assert all(re.match("ShapeError: layer1.weight was replaced", line) for line in out[1::2])


def test_one_twin_of_many_whose_arrays_are_replaced_ends_alone():
    X, y, nets = np.zeros((64, 9)), np.ones((64, 1)), [ct.nn.MLP(9, [8], 1).init(k) for k in range(3)]

    def spoil(event):
        nets[1].parameters()[0].data = np.ones((1, 1), np.float32)

    with pytest.warns(ct.train.TrainingWarning, match=r"entries\[1\]: ShapeError: layer1.weight was replaced"):
        runs = ct.fit_many([{"model": n, "X": X, "y": y, "epochs": 3, "callbacks": [spoil] if k == 1 else []}
                            for k, n in enumerate(nets)])
    assert [run.epochs_done for run in runs] == [3, 0, 3]  # before its first epoch


def test_a_program_of_other_shapes_is_no_twin():
    program = ct.compile(ct.nn.MLP(9, [8], 1))
    twin = program.twin(ct.nn.MLP(9, [16], 1), ct.optim.AdamW(1e-3))
    twin.feed(np.zeros((4, 9)), np.zeros((4, 1)))
    with pytest.raises(ct.errors.ShapeError, match=r"layer1\.weight"):
        twin.run()


def test_a_network_that_grew_under_its_program():
    net = ct.nn.Sequential(ct.nn.Linear(3, 4), ct.nn.Linear(4, 1))
    program = ct.compile(net)
    program.feed(np.zeros((4, 3)), np.zeros((4, 1)))
    net.layers.append(ct.nn.Linear(1, 1))
    assert net.theta.size == 23
    with pytest.raises(ct.errors.ShapeError, match="θ was replaced"):
        program.run()


def test_no_more_steps_are_looked_at_than_were_begun():
    program = ct.compile(ct.nn.MLP(3, [4], 1), batch_size=4)
    program.feed(np.zeros((64, 3)), np.zeros((64, 1)))
    engine = program.engine
    engine.begin(None, 0, 2)
    for _ in range(2):
        for i in range(len(program.instructions)):
            engine.one(i)
    with pytest.raises(ct.errors.ArgumentError, match="all of the 2 steps"):
        engine.one(0)


class Scales(ct.nn.Module):
    """A plain array and a Tensor that nobody trains, which a program copies when it is recorded."""

    def __init__(self):
        self.layer, self.array, self.constants = ct.nn.Linear(2, 2), np.ones(2), [ct.Tensor(np.ones(2, np.float32))]

    def forward(self, x):
        return self.layer(x) * self.array + self.constants[0]


def test_constants_that_are_written_into_count_in_the_next_prediction():
    net, X = Scales().init(0), np.ones((3, 2))
    before = net.predict(X)
    net.array *= 3
    net.constants[0].data[:] = 5
    np.testing.assert_allclose(net.predict(X), 3 * (before - 1) + 5, rtol=1e-5)


@pytest.mark.parametrize(("data", "got"), [
    (np.ones((4, 3), np.int64), "an array of int64"), (np.ones((4, 3), np.float16), "an array of float16"),
    (np.ones((4, 3), complex), "an array of complex128"), ([[1.0] * 3] * 4, "list"), (1.0, "float"), (None, "NoneType"),
])
@pytest.mark.parametrize("use", [
    lambda net: net.predict(np.ones((2, 3))), lambda net: ct.fit(net, np.ones((4, 3)), np.ones((4, 1)), epochs=1),
    lambda net: net.theta, lambda net: ct.compile(net, target=np.ones((4, 1))),
], ids=["predict", "fit", "theta", "compile"])
def test_what_is_no_weight_in_a_weights_data(use, data, got):
    net = ct.nn.MLP(3, [4], 1)
    net.layers[0].weight.data = data
    with pytest.raises(ct.errors.ArgumentError, match=rf"weight.data is an array of float32 or float64, got {got}"):
        use(net)


def test_a_twin_has_the_optimizer_of_its_program_unless_told_otherwise():
    X, Y, nets = np.ones((4, 3)), np.ones((4, 1)), [ct.nn.MLP(3, [4], 1).init(0) for _ in range(2)]
    first = ct.compile(nets[0], "mse", ct.optim.SGD(0.1), input=X, target=Y)
    for program in (first, first.twin(nets[1])):
        program.feed(X, Y)
        program.run()
    np.testing.assert_array_equal(nets[0].theta, nets[1].theta)
    for other, optimizer, says in ((ct.nn.MLP(3, [4, 4], 1), None, "has 4 weights and buffers: this one has 6"),
                                   (nets[1], ct.optim.Adam(0.1), "in its numbers alone")):
        with pytest.raises(ct.errors.CutawayError, match=says):
            first.twin(other, optimizer)
