"""Forked processes: after training with threads, while other threads work, and as workers of a pool."""

import concurrent.futures
import contextlib
import multiprocessing
import os
import threading
import time
import traceback
import warnings

import numpy as np
import pytest

import cutaway as ct
from cutaway.engines.cpu import building, native, pool

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")

rng = np.random.default_rng(0)
X = rng.standard_normal((300, 20)).astype(np.float32)
y = (X[:, 0] > 0).astype(int)


def trained():
    net = ct.nn.MLP(20, [32], 2, dropout=0.1).init(0)
    ct.fit(net, X, y, loss="cross_entropy", epochs=2, batch_size=100, threads=2, progress=False)
    return net


@contextlib.contextmanager
def forking_beside_threads():
    """That is what is tried here. Newer versions of Python warn of it, and JAX, if another test has imported it."""
    with warnings.catch_warnings():
        for kind in (DeprecationWarning, RuntimeWarning):
            warnings.filterwarnings("ignore", ".*fork", kind)
        yield


def in_a_child(work, seconds=60):
    """Whether a forked process did the work and ended by itself, in time."""
    with forking_beside_threads():
        child = os.fork()
    if not child:
        try:
            work()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        gone, status = os.waitpid(child, os.WNOHANG)
        if gone:
            return status == 0
        time.sleep(0.01)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return False


def test_a_child_predicts_and_trains_to_the_same_bits_and_its_parent_goes_on():
    net = trained()
    before, weights = net.predict(X, threads=2), net.theta.copy()

    def work():
        assert np.array_equal(net.predict(X, threads=2), before)
        assert np.array_equal(trained().theta, weights)
        ct.fit(net, X, y, loss="cross_entropy", threads=2, progress=False)

    assert in_a_child(work)
    assert np.array_equal(net.theta, weights)  # the child's training was its own
    assert np.array_equal(trained().theta, weights)


def test_a_child_is_not_kept_waiting_by_threads_that_it_does_not_have():
    """Another thread of the parent is predicting with the model, another one is training it, as the process forks."""
    net = trained()
    net.predict(X)
    (program,) = net._evaluators.values()
    held, done = threading.Event(), threading.Event()

    def hold(event):
        if isinstance(event, ct.train.events.Started):
            with program._lock:
                held.set()
                done.wait(60)

    options = {"loss": "cross_entropy", "epochs": 1, "progress": False}
    thread = threading.Thread(target=ct.fit, args=(net, X, y), kwargs=options | {"callbacks": [hold]})
    thread.start()
    held.wait(60)
    try:
        assert in_a_child(lambda: (net.predict(X), ct.fit(net, X, y, **options)))
    finally:
        done.set()
        thread.join()


def test_a_fork_waits_for_kernels_that_another_thread_compiles():
    """The compiler's own locks would stay closed in the child."""
    begun, compiled = threading.Event(), []

    def compile_for_a_while():
        with building._lock:
            begun.set()
            time.sleep(0.2)
            compiled.append(True)

    thread = threading.Thread(target=compile_for_a_while)
    thread.start()
    begun.wait()

    def work():
        assert compiled
        found = []
        other = threading.Thread(target=lambda: found.append(building._lock.acquire(timeout=5)))
        other.start()
        other.join()
        assert found == [True]

    assert in_a_child(work)
    thread.join()


def test_a_child_has_helpers_of_its_own_and_its_parents_go_on():
    net = trained()
    before = net.predict(X, threads=3)

    def work():
        assert not pool._idle and threading.active_count() == 1
        for _ in range(20):
            assert np.array_equal(net.predict(X, threads=3), before)
        assert len(pool._idle) == 2

    helpers = len(pool._idle)
    assert helpers >= 2
    for _ in range(3):
        assert in_a_child(work)
    assert np.array_equal(net.predict(X, threads=3), before) and len(pool._idle) == helpers


def look(_):
    program = ct.compile(ct.nn.MLP(512, [512], 1), batch_size=512)
    return trained().theta.tobytes(), native.cores(), program.engine.threads


@pytest.mark.parametrize("kind", ["Pool", "ProcessPoolExecutor"])
def test_workers_of_a_pool_take_one_core_each(kind, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    weights, fork = trained().theta.tobytes(), multiprocessing.get_context("fork")
    executor = concurrent.futures.ProcessPoolExecutor
    pools = {"Pool": lambda: fork.Pool(2), "ProcessPoolExecutor": lambda: executor(2, fork)}
    with forking_beside_threads(), pools[kind]() as pool:
        found = list(pool.map(look, range(4)))
    assert found == [(weights, 1, 1)] * 4


def test_workers_take_what_their_pool_allows(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
    monkeypatch.setattr(native, "_quota", lambda: 8)
    with forking_beside_threads():
        monkeypatch.setenv("OMP_NUM_THREADS", "3")
        with multiprocessing.get_context("fork").Pool(1) as pool:
            assert pool.apply(native.cores) == 3


@pytest.mark.parametrize(("files", "wanted"), [
    ({"cpu.max": "150000 100000\n"}, 2), ({"cpu.max": "max 100000\n"}, 64), ({}, 64), ({"cpu.max": "?"}, 64),
    ({"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 3),
    ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 64),
])
def test_a_containers_share_of_the_processor_counts_as_its_cores(tmp_path, monkeypatch, files, wanted):
    (tmp_path / "cpu").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(native, "GROUP", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(64)), raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    native._quota.cache_clear()
    try:
        assert native.cores() == wanted
    finally:
        native._quota.cache_clear()
