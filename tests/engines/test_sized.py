"""Kernels that know their sizes: the same bits as those for every size, and when a program has which."""

import threading

import numpy as np
import pytest

import cutaway as ct
from cutaway.engines.cpu import native, sized
from depth import every


@pytest.fixture
def nothing_kept(monkeypatch):
    """A cache folder that seems to have no kernels that know their sizes; those for every size come from it."""
    monkeypatch.setattr(native, "is_kept", lambda digest: False)


class AtOnce:
    """A thread that is done as soon as it has begun."""

    def __init__(self, target, name):
        self.start = target


def trained(widths, batch, dtype="float32", patience=0.0):
    """Weights and predictions after a few steps, the last of them on fewer rows; and the program."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(3 * batch + 1, widths[0])), rng.normal(size=(3 * batch + 1, widths[-1]))
    net = ct.nn.MLP(widths[0], list(widths[1:-1]), widths[-1]).init(0).astype(dtype)
    program = ct.compile(net, "mse", ct.optim.SGD(0.1), batch_size=batch, threads=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sized, "PATIENCE", patience)
        patch.setattr(sized, "Thread", AtOnce)
        program.feed(X, y)
        for _ in range(3):
            program.run()
    return net.theta.copy(), net.predict(X), program


@pytest.mark.usefixtures("nothing_kept")
@pytest.mark.parametrize(("widths", "batch", "dtype"), every(2, [
    ((20, 64, 1), 32, "float32"), ((1, 1, 2), 1, "float32"), ((3, 33, 10), 7, "float64"), ((5, 9, 3), 19, "float32"),
]))
def test_no_bit_depends_on_which_kernels_run(widths, batch, dtype):
    *own, program = trained(widths, batch, dtype)
    *every, other = trained(widths, batch, dtype, patience=np.inf)
    assert f"s[N] == {batch}" in program.source(3)
    assert f"s[N] == {batch}" not in other.source(3)
    for a, b in zip(own, every, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.usefixtures("nothing_kept")
def test_a_program_trains_on_while_a_thread_compiles_its_kernels(monkeypatch):
    rng = np.random.default_rng(0)
    program = ct.compile(ct.nn.MLP(4, [6], 1).init(0), "mse", ct.optim.SGD(0.1), batch_size=8, threads=1)
    program.feed(rng.normal(size=(8, 4)), rng.normal(size=8))
    go, addresses = threading.Event(), sized.building.addresses
    monkeypatch.setattr(sized, "PATIENCE", 0.0)
    monkeypatch.setattr(sized.building, "addresses", lambda *given, **how: go.wait(60) and addresses(*given, **how))
    program.run()
    program.run()
    assert "s[N] == 8" not in program.source(3)
    go.set()
    for thread in threading.enumerate():
        if thread.name == "cutaway compiles":
            thread.join(60)
    program.run()
    assert "s[N] == 8" in program.source(3)


def test_what_an_earlier_process_kept_runs_at_once():
    trained((4, 6, 1), 8)
    assert "s[N] == 8" in trained((4, 6, 1), 8, patience=np.inf)[-1].source(3)


def test_large_layers_have_one_kernel_for_every_size():
    net = ct.nn.MLP(2000, [2000], 1).init(0)
    program = ct.compile(net, "mse", ct.optim.SGD(0.1), batch_size=512, threads=1)
    assert "s[N] == 512" not in program.source(3)
    assert not program.engine.kernels[3].sized
