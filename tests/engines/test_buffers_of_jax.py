"""NumPy arrays that JAX was handed, and that are filled again.

JAX on a CPU reads an array that begins at a multiple of 64 bytes where it is, and begins to read when the device is
free: what is written there in between is what it computes with, without a word. So the arrays here are aligned, and
the device is kept busy; without either, a test passes whatever the engine does.
"""

import numpy as np
import pytest

import cutaway as ct
from cutaway.memory import aligned
from cutaway.train import feeding

jax = pytest.importorskip("jax")
from jax import numpy as jnp  # noqa: E402

rng = np.random.default_rng(0)
X, y = rng.standard_normal((4, 64, 3)).astype(np.float32), rng.standard_normal((4, 64, 2)).astype(np.float32)


heavy = jax.jit(lambda a: jax.lax.fori_loop(0, 12, lambda _, a: a @ a / 400, a))


@pytest.fixture(autouse=True)
def busy(monkeypatch):
    """Give the device some milliseconds of work before each call of a compiled function."""
    a = jnp.ones((400, 400))
    heavy(a).block_until_ready()
    work = []

    def keep(self, *how):
        work.append(heavy(a))
        return found(self, *how)

    found = ct.engines.ENGINES["xla"]._mode
    monkeypatch.setattr(ct.engines.ENGINES["xla"], "_mode", keep)
    yield
    for each in work:
        each.block_until_ready()


def program(batch_size=16):
    net = ct.nn.MLP(3, [5], 2).init(0)
    return ct.compile(net, "mse", ct.optim.AdamW(1e-2), batch_size, X[0], y[0], engine="xla")


def buffer(like):
    return aligned(like.shape, like.dtype)


def test_jax_itself_reads_an_array_later_than_it_is_given():
    here, a, sums = buffer(X[0]), jnp.eye(400), []
    total = jax.jit(lambda x, a: x.sum() + 0 * a.sum())
    total(here, heavy(a)).block_until_ready()
    for _ in range(5):
        here[...] = 1
        sums.append(total(here, heavy(a)))
        here[...] = 2
    if all(float(found) == here.size for found in sums):
        pytest.skip("this JAX copies what it is handed, or nothing was busy: the rest here proves less")


def test_one_buffer_that_is_filled_for_each_part_trains_as_arrays_of_their_own():
    one, other, order = program(), program(), np.arange(64)
    Xs, ys, rows = buffer(X[0]), buffer(y[0]), order.copy()
    for k in range(4):
        Xs[...], ys[...] = X[k], y[k]
        one.feed(Xs, ys)
        losses = one.run(rows)
        Xs[...], ys[...], rows[...] = 1e9, 1e9, 0
        rows[...] = order
        other.feed(X[k].copy(), y[k].copy())
        np.testing.assert_array_equal(losses, other.run(order.copy()))
    np.testing.assert_array_equal(one.model.theta, other.model.theta)


def test_a_state_that_is_put_back_between_calls_is_read_in_time():
    one = program()
    one.feed(X[0], y[0])
    before = one.state.copy()
    first = one.run()
    for _ in range(5):
        one.state.put(before)
        np.testing.assert_array_equal(one.run(), first)
        one.model.theta[...] = 1e9


def test_stages_of_a_memory_map_train_as_all_rows_do(tmp_path, monkeypatch):
    whole, target = np.concatenate(X[:2]), np.concatenate(y[:2])
    np.save(tmp_path / "X.npy", whole)
    how = {"epochs": 2, "batch_size": 16, "engine": "xla", "progress": False}
    runs = []
    for data, room in ((whole, None), (np.load(tmp_path / "X.npy", mmap_mode="r"), 1500)):
        if room:
            monkeypatch.setattr(feeding, "STAGE", room)
        runs.append(ct.fit(ct.nn.MLP(3, [5], 2).init(0), data, target, shuffle=False, **how))
    np.testing.assert_array_equal(runs[1].steps["loss"], runs[0].steps["loss"])
    np.testing.assert_array_equal(runs[1].model.theta, runs[0].model.theta)


def test_inputs_that_stand_ready_are_read_in_time():
    made = ct.engines.evaluator(ct.nn.MLP(3, [5], 2).init(0), X[0][:2], engine="xla", batch_size=64)
    inputs, outputs, again = made.engine.standing(64)
    for k in (0, 1, 2, 3):
        inputs["x"][...] = X[k]
        again()
        inputs["x"][...] = 1e9
        np.testing.assert_array_equal(outputs, made.model.predict(X[k], engine="xla", batch_size=64))


def test_one_compiled_step_gives_the_same_bits_each_time():
    """Of products large enough for several threads of XLA: once they did not (jax #39741)."""
    wide, target = rng.standard_normal((512, 300)).astype(np.float32), np.arange(512) % 10
    net = ct.nn.MLP(300, [256, 256], 10, norm="batch").init(0)
    one = ct.compile(net, "cross_entropy", ct.optim.AdamW(1e-2), 256, wide, target, engine="xla")
    one.feed(wide, target)
    before, ends = one.state.copy(), []
    for _ in range(5):
        one.state.put(before)
        one.run()
        ends.append(net.theta.copy())
    assert all(np.array_equal(ends[0], end) for end in ends)
