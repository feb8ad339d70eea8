"""Threads: shards of the batch give the same bits however they are scheduled."""

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import cutaway as ct
from cutaway.engines import evaluator
from cutaway.engines.cpu import native, pool, slots
from depth import examples


@pytest.mark.parametrize("n", [2930, 1025, 1024, 3])
def test_predicting_on_threads_equals_predicting_on_one_also_with_a_smaller_last_batch(n):
    X = np.random.default_rng(0).standard_normal((n, 289)).astype("float32")
    model = ct.nn.MLP(289, [128, 128], 2).init(0)
    program = evaluator(model, X, batch_size=1024, threads=2)
    assert program.engine.threads == 2
    expected = evaluator(model, X, engine="reference").predict(X)
    for _ in range(examples(20)):
        np.testing.assert_allclose(program.predict(X), expected, rtol=1e-4, atol=1e-5)


def test_training_on_threads_gives_the_same_bits_every_time():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((300, 20)), rng.standard_normal(300)
    weights = set()
    for _ in range(5):
        model = ct.nn.MLP(20, [32, 32], 1, dropout=0.1).init(0)
        ct.fit(model, X, y, epochs=4, batch_size=70, threads=3)
        weights.add(model.theta.tobytes())
    assert len(weights) == 1


def test_several_python_threads_may_predict_with_one_model():
    rng = np.random.default_rng(0)
    tables = [rng.standard_normal((50 + k, 20)).astype("float32") for k in range(40)]
    model = ct.nn.MLP(20, [32], 3).init(0)
    expected = [model.predict(X) for X in tables]
    with ThreadPoolExecutor(4) as pool:
        for got, wanted in zip(pool.map(model.predict, tables), expected, strict=True):
            assert np.array_equal(got, wanted)


def starting(monkeypatch, error):
    """Nobody waits for work, and from the second thread on, none starts."""
    start, started = threading.Thread.start, []

    def some(self):
        if started:
            raise error
        started.append(self)
        start(self)

    monkeypatch.setattr(pool, "_idle", [])
    monkeypatch.setattr(threading.Thread, "start", some)
    return started


def test_where_the_system_gives_no_more_threads_those_there_are_run_all_shards_to_the_same_bits(monkeypatch):
    X = np.random.default_rng(0).standard_normal((300, 20)).astype("float32")
    program = evaluator(ct.nn.MLP(20, [32], 2).init(0), X, batch_size=100, threads=3)
    expected = program.predict(X)
    started = starting(monkeypatch, RuntimeError("can't start new thread"))
    assert np.array_equal(program.predict(X), expected)
    assert len(started) == 1


def test_ctrl_c_while_threads_start_leaves_none_waiting_for_the_others(monkeypatch):
    X = np.random.default_rng(0).standard_normal((300, 20)).astype("float32")
    program = evaluator(ct.nn.MLP(20, [32], 2).init(0), X, batch_size=100, threads=3)
    expected = program.predict(X)
    started = starting(monkeypatch, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        program.predict(X)
    assert len(started) == len(pool._idle) == 1  # it waits for other work
    monkeypatch.undo()
    assert np.array_equal(program.predict(X), expected)


@pytest.mark.parametrize("threads", [1, 3])
def test_ctrl_c_after_machine_code_has_run_loses_no_count_of_steps(monkeypatch, threads):
    X, y = np.random.default_rng(0).standard_normal((300, 20)), np.arange(300) % 2
    (one, a), (two, b) = (_fed(X, y, threads) for _ in range(2))
    monkeypatch.setattr(b.engine._pace, "learn", lambda seconds: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        b.run()
    monkeypatch.undo()
    done = b.state["t"]
    assert done == 8  # so many at first, as nobody knows yet how long they take
    a.run(steps=done)
    assert np.array_equal(one.theta, two.theta)
    assert np.array_equal(a.run(position=80), b.run(position=80)) and np.array_equal(one.theta, two.theta)


def _fed(X, y, threads):
    model = ct.nn.MLP(20, [32], 2).init(0)
    program = ct.compile(model, "cross_entropy", ct.optim.AdamW(1e-2), 10, X, y, threads=threads)
    program.feed(X, y)
    return model, program


def test_threads_that_wait_are_taken_again_and_do_not_keep_python_from_ending():
    code = (
        "import numpy as np, threading, cutaway as ct\n"
        "from cutaway.engines.cpu import pool\n"
        "X, net = np.ones((64, 4), np.float32), ct.nn.MLP(4, [8], 1).init(0)\n"
        "for threads in (2, 3, 2, 3): net.predict(X, threads=threads)\n"
        "assert threading.active_count() == 3 and len(pool._idle) == 2\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def test_threads_that_come_late_or_not_at_all_are_not_waited_for():
    """Each mailbox here is that of nobody."""
    X = np.random.default_rng(0).standard_normal((300, 20)).astype("float32")
    program = evaluator(ct.nn.MLP(20, [32], 2).init(0), X, batch_size=100, threads=3)
    expected = program.predict(X)
    program.engine._helpers = [pool.mailbox() for _ in range(2)]
    program.engine._prepare_states(None, 0)
    program.engine._native(program.engine._stretches[0].array, 3)
    assert np.array_equal(program.engine.outputs, expected)
    assert [mailbox[0] for mailbox in program.engine._helpers] == [slots.IDLE] * 2


def test_python_threads_may_predict_with_one_model_on_inputs_of_different_shapes():
    """Each shape needs a program of its own, of which a model keeps one."""
    rng = np.random.default_rng(0)
    model = ct.nn.Sequential(ct.nn.LastState(ct.nn.GRU(2, 3)), ct.nn.Linear(3, 2)).init(0)
    tables = [rng.standard_normal((4, 2 + k % 3, 2)).astype("float32") for k in range(60)]
    expected = [model.predict(X) for X in tables]
    with ThreadPoolExecutor(4) as pool:
        for got, wanted in zip(pool.map(model.predict, tables), expected, strict=True):
            assert np.array_equal(got, wanted)


class Attention(ct.nn.Module):
    def __init__(self, width):
        self.q, self.k = ct.nn.Linear(width, width), ct.nn.Linear(width, width)

    def forward(self, x):
        score = ct.ops.softmax(ct.ops.matmul(self.q(x), ct.ops.transpose(self.k(x), (0, 2, 1))))
        return ct.ops.matmul(score, x).mean(1)


@pytest.mark.filterwarnings("ignore:.*has no CPU kernel:RuntimeWarning")
@pytest.mark.parametrize(("model", "shape", "threads"), [
    (lambda: ct.nn.MLP(16, [16], 1), (16,), 1), (lambda: ct.nn.MLP(1000, [1000], 1), (1000,), 4),
    (lambda: ct.nn.Sequential(ct.nn.CNN((32, 32, 3), 1, [16, 16], [])), (32, 32, 3), 4),
    (lambda: Attention(2), (100, 2), 1), (lambda: Attention(4), (600, 4), 4),  # nearly all of it outside the layers
])
def test_all_matrix_products_count_when_threads_are_chosen(monkeypatch, model, shape, threads):
    monkeypatch.setattr(native, "cores", lambda: 4)
    assert evaluator(model().init(0), np.zeros((2, *shape)), batch_size=64, threads=None).engine.threads == threads


@pytest.mark.parametrize("threads", [2, 3, 7])
@pytest.mark.parametrize("sizes", [(784, [256, 128], 10), (64, [128, 64], 10), (3, [2], 1), (5, [1000], 1)])
def test_theta_is_cut_in_even_parts_and_layers_between_tiles_of_neurons(sizes, threads):
    program = ct.compile(ct.nn.MLP(*sizes), "mse", ct.optim.SGD(0.1), batch_size=64, threads=threads)
    cuts, size = program.engine._cuts, program.model.theta.size
    assert cuts[0] == 0 and cuts[-1] == size and sorted(cuts) == list(cuts)
    tile = 8 * max(p.shape[-1] for p in program.model.parameters())
    assert all(abs(cut - size * k / threads) <= tile for k, cut in enumerate(cuts))
    for i, kernel in zip(program.instructions, program.engine.kernels, strict=True):
        if i.scope == "neurons":
            ends, W = kernel.numbers[-threads - 1 :], i.writes[1]
            assert ends[0] == 0 and ends[-1] == W.shape[0] and sorted(ends) == ends
            assert all(end % 8 == 0 for end in ends[1:] if end < W.shape[0])
            assert [W.at + end * W.shape[1] for end in ends] == [min(max(c, W.at), W.at + W.width) for c in cuts]


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize(("net", "shape"), [
    (lambda: ct.nn.Recurrent(16, 64, 10, cell="lstm"), (20, 16)),  # few weights at every step, which come first
    (lambda: ct.nn.Sequential(ct.nn.Embedding(4000, 8), ct.nn.Flatten(), ct.nn.Linear(40, 96)), (5,)),
])
def test_where_most_of_theta_is_not_a_layers_neurons_threads_still_share_their_products(net, shape, threads):
    rows = np.zeros((2, *shape), np.int64 if len(shape) == 1 else float)
    program = ct.compile(net().init(0), "mse", ct.optim.SGD(0.1), 32, rows, threads=threads)
    layers = [k for k, i in enumerate(program.instructions) if i.scope == "neurons" and i.writes[1].shape[0] > 90]
    assert layers
    for k in layers:
        ends, neurons = program.engine.kernels[k].numbers[-threads - 1 :], program.instructions[k].writes[1].shape[0]
        assert ends == [round(neurons * shard / threads / 8) * 8 for shard in range(threads + 1)]


class Clock:
    """Time that passes as a step takes it: with helpers, and alone."""

    def __init__(self, monkeypatch, helped, alone):
        self.now, self.takes = 0.0, {True: helped, False: alone}
        monkeypatch.setattr(pool.time, "perf_counter", lambda: self.now)
        self.pace, self.shares = pool.Pace(2), {True: 0.0, False: 0.0}

    def work(self, seconds):
        end = self.now + seconds
        while self.now < end:
            seconds = self.pace.steps * self.takes[self.pace.helped]
            self.now += seconds
            self.shares[self.pace.helped] += seconds
            self.pace.learn(self.takes[self.pace.helped])


def test_helpers_help_where_that_is_faster_and_the_other_way_is_tried_now_and_then(monkeypatch):
    clock = Clock(monkeypatch, helped=0.001, alone=0.0015)
    clock.work(10)
    assert 0 < clock.shares[False] < 0.2
    clock.takes = {True: 0.003, False: 0.0015}  # another program keeps the second core busy
    clock.work(10)
    assert clock.shares[True] < 11
    clock.takes = {True: 0.001, False: 0.0015}
    clock.work(10)
    assert clock.shares[False] < 11.5


def test_one_slow_call_does_not_cost_a_second_of_the_slower_way(monkeypatch):
    clock = Clock(monkeypatch, helped=0.001, alone=0.0015)
    clock.work(3)
    before = clock.shares[False]
    clock.takes[True] = 0.003  # for one call another program is in the way
    clock.work(0.001)
    clock.takes[True] = 0.001
    clock.work(1)
    assert 0 < clock.shares[False] - before < 0.2


def test_one_thread_has_no_other_way(monkeypatch):
    pace = pool.Pace(1)
    for _ in range(50):
        assert not pace.helped and pace.steps >= 1
        pace.learn(0.2)


def test_where_the_system_wakes_nobody_threads_look_by_themselves(tmp_path):
    code = (
        "import numpy as np, cutaway as ct\n"
        "from cutaway.engines.cpu import language\n"
        "language.FUTEX = 0\n"
        "X = np.random.default_rng(0).random((600, 4))\n"
        "def trained(threads):\n"
        "    net = ct.nn.MLP(4, [8], 1).init(0)\n"
        "    ct.fit(net, X, X[:, 0], epochs=3, threads=threads, progress=False)\n"
        "    return net.theta\n"
        "assert (trained(1) == trained(3)).all()\n"
    )
    environment = os.environ | {"CUTAWAY_CACHE": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False,
                          env=environment)
    assert done.returncode == 0, done.stderr
