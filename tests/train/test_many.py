"""ct.fit_many: what each run must equal, and what happens when one goes wrong."""

import os
import signal
import threading

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError, DataError, ShapeError
from cutaway.train import EpochEnded, Started, TrainingWarning


def table(n=90, k=4, dtype="float32"):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, k)).astype(dtype)
    return X, (X @ np.arange(1, k + 1) / 5).astype(dtype)


def net(width=8, seed=0, **options):
    return ct.nn.MLP(4, [width], 1, **options).init(seed)


def entry(X, y, model=None, **arguments):
    return {"model": net() if model is None else model, "X": X, "y": y, "epochs": 2, "batch_size": 16, **arguments}


def variants():
    """Entries that differ in everything that matters."""
    X, y = table()
    exact, target = table(dtype="float64")
    return [
        entry(X, y),
        entry(X, y, net(seed=1), seed=1, optimizer=ct.optim.SGD(1e-2)),
        entry(X, y, net(32), optimizer=ct.optim.AdamW(ct.optim.schedules.cosine(1e-2))),
        entry(X, y, net(dropout=0.2), validation=0.2, early_stopping=1, epochs=5),
        entry(X[:50], y[:50], net(16), validation=(X[50:], y[50:]), sample_weight=np.arange(1.0, 51), drop_last=True),
        entry(exact, target, net().astype("float64"), batch_size="full"),
        entry(exact, target, validation=0.2, metrics=["rmse"]),
        entry(exact, target, validation=(exact[50:], target[50:])),
        entry(exact, exact, ct.nn.MLP(4, [2], 4).init(0)),
        entry(exact, target > 0, validation=0.2, loss="binary_cross_entropy"),
        entry(X, y, net(), engine="reference", shuffle=False),
    ]


def assert_same(many, alone):
    assert np.array_equal(many.model.theta, alone.model.theta)
    assert np.array_equal(many.steps["loss"], alone.steps["loss"])
    assert list(many.history) == list(alone.history)
    for name in set(alone.history) - {"seconds"}:
        assert np.array_equal(many.history[name], alone.history[name])
    assert (many.best_epoch, many.stopped) == (alone.best_epoch, alone.stopped)


@pytest.mark.parametrize("workers", [None, 1, 3])
def test_each_run_equals_its_own_single_run_bit_for_bit(workers):
    alone = [ct.fit(**arguments, threads=1) for arguments in variants()]
    for run, single in zip(ct.fit_many(variants(), workers), alone, strict=True):
        assert_same(run, single)


def test_runs_come_in_the_order_of_the_entries():
    X, y = table()
    entries = [entry(X, y, epochs=n) for n in (4, 1, 3, 2)]
    runs = ct.fit_many(iter(entries), workers=2)
    assert [run.epochs_done for run in runs] == [4, 1, 3, 2]
    assert all(run.model is e["model"] for run, e in zip(runs, entries, strict=True))


def test_runs_are_side_by_side():
    X, y = table()
    meet = threading.Barrier(2, timeout=30)

    def wait(event):
        if isinstance(event, Started):
            meet.wait()

    ct.fit_many([entry(X, y, callbacks=[wait]) for _ in range(4)], workers=2)


def test_one_thread_each_unless_an_entry_asks_for_more():
    X, y = table()
    runs = ct.fit_many([entry(X, y), entry(X, y, threads=2)])
    assert [run.program.engine.threads for run in runs] == [1, 2]
    assert_same(runs[1], ct.fit(**entry(X, y, threads=2)))


def test_no_entries_no_runs():
    assert ct.fit_many([]) == []


# ---- shared arrays ---------------------------------------------------------------------------------------------------


def fed(run, name="x"):
    return run.program.engine.data[name]


def test_a_shared_array_in_the_programs_precision_is_fed_as_it_is():
    X, y = table()
    for run in ct.fit_many([entry(X, y), entry(X, y)]):
        assert np.shares_memory(fed(run), X) and np.shares_memory(fed(run, "y"), y)


def test_a_shared_array_in_another_precision_is_converted_once():
    X, y = table(dtype="float64")
    one, two, double = ct.fit_many([entry(X, y), entry(X, y), entry(X, y, net().astype("float64"))])
    assert np.shares_memory(fed(one), fed(two)) and np.shares_memory(fed(one, "y"), fed(two, "y"))
    assert np.shares_memory(fed(double), X) and fed(one).dtype == np.float32


def test_validation_inputs_are_shared_too(monkeypatch):
    arrays, feed = [], ct.Program.feed
    monkeypatch.setattr(ct.Program, "feed", lambda self, X, *more: (arrays.append(X.arrays["x"]), feed(self, X, *more)))
    X, y = table(dtype="float64")
    ct.fit_many([entry(X, y, validation=(X, y)) for _ in range(2)])
    assert len(arrays) == 4 and all(np.shares_memory(a, arrays[0]) and a.dtype == np.float32 for a in arrays)


def test_class_numbers_and_inputs_in_several_parts_are_shared_too():
    X, y = table(dtype="float64")
    inputs, classes = {"a": X[:, :2], "b": X[:, 2:]}, (y > 0).astype(np.int64)

    class Two(ct.nn.Module):
        def __init__(self):
            self.inner = ct.nn.Linear(4, 2)

        def forward(self, a, b):
            return self.inner(ct.ops.concat([a, b]))

    one, two = ct.fit_many([entry(inputs, classes, Two(), loss="cross_entropy") for _ in range(2)])
    for name in ("x.a", "x.b", "y"):
        assert np.shares_memory(fed(one, name), fed(two, name))


def test_whole_numbers_as_targets_and_inputs_of_embeddings(tmp_path):
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 9, (90, 3)), rng.integers(0, 2, 90)

    def arguments():
        model = ct.nn.Sequential(ct.nn.Embedding(9, 4), ct.nn.Flatten(), ct.nn.Linear(12, 1)).init(0)
        return entry(X, y, model, loss="binary_cross_entropy")

    one, two = ct.fit_many([arguments(), arguments()])
    assert np.shares_memory(fed(one), fed(two)) and fed(one).dtype == np.int32
    assert_same(two, ct.fit(**arguments(), threads=1))


def test_sequences_are_shared():
    rng = np.random.default_rng(0)
    X = ct.Sequences(rng.standard_normal((40, 6, 2)), rng.integers(1, 7, 40))

    def arguments():
        model = ct.nn.Sequential(ct.nn.LastState(ct.nn.GRU(2, 4)), ct.nn.Linear(4, 1)).init(0)
        return entry(X, np.ones(40), model)

    one, two = ct.fit_many([arguments(), arguments()])
    assert np.shares_memory(fed(one), fed(two)) and np.shares_memory(fed(one, "lengths"), fed(two, "lengths"))
    assert not np.shares_memory(fed(one, "lengths"), X.lengths)  # somebody may change these
    assert_same(two, ct.fit(**arguments(), threads=1))


def test_memory_maps_are_read_in_stages(tmp_path):
    X, y = table()
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    for run in ct.fit_many([entry(mapped, y), entry(mapped, y)]):
        assert_same(run, ct.fit(**entry(X, y, threads=1)))


# ---- what goes wrong -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"epochs": 0}, ArgumentError, "epochs"),
        ({"X": np.ones((90, 3), np.float32)}, ShapeError, "layer1"),
        ({"y": np.full(90, np.nan)}, DataError, "y has nan"),
        ({"model": "mlp"}, ArgumentError, "Module"),
        ({"rate": 0.1}, ArgumentError, "rate"),
        ({"progress": True}, ArgumentError, "fit_many itself"),
        ({"loss": "mes"}, ArgumentError, "mse"),
    ],
)
def test_every_entry_is_checked_before_any_trains(change, error, text):
    X, y = table()
    good = entry(X, y)
    before = good["model"].theta.copy()
    with pytest.raises(error, match=rf"^entries\[1\]: .*{text}"):
        ct.fit_many([good, entry(X, y) | change])
    assert np.array_equal(good["model"].theta, before)


def test_what_is_no_entry_is_refused():
    with pytest.raises(ArgumentError, match=r"entries\[0\].*dict of fit's arguments.*MLP"):
        ct.fit_many([net()])
    with pytest.raises(ArgumentError, match=r"entries\[0\].*missing a required argument"):
        ct.fit_many([{"model": net()}])


def test_an_error_of_the_model_itself_says_which_entry():
    class Broken(ct.nn.Linear):
        def forward(self, x):
            raise ZeroDivisionError

    X, y = table()
    with pytest.raises(ZeroDivisionError) as caught:
        ct.fit_many([entry(X, y), entry(X, y, Broken(4, 1))])
    assert caught.value.__notes__ == ["in entries[1] of fit_many"]


def test_entries_must_not_share_weights():
    X, y = table()
    shared = net()
    for other in (shared, ct.nn.Sequential(shared, ct.nn.ReLU())):
        with pytest.raises(ArgumentError, match=r"entries\[2\].*weights of entries\[0\]"):
            ct.fit_many([entry(X, y, shared), entry(X, y), entry(X, y, other)])


def test_entries_must_not_share_a_checkpoint_folder(tmp_path):
    X, y = table()
    ct.fit_many([entry(X, y, checkpoint=tmp_path / "a"), entry(X, y, checkpoint=tmp_path / "b")])
    with pytest.raises(ArgumentError, match=r"entries\[1\].*checkpoints"):
        ct.fit_many([entry(X, y, checkpoint=tmp_path / "c"), entry(X, y, checkpoint=str(tmp_path / "c"))])


@pytest.mark.parametrize("workers", [0, -1, 1.5, "all"])
def test_workers_are_counted(workers):
    with pytest.raises(ArgumentError, match="workers"):
        ct.fit_many([], workers)


def test_a_run_that_diverges_is_reported_and_the_others_go_on():
    X, y = table()
    entries = [entry(X, y), entry(1e15 * X, 1e15 * y, optimizer=ct.optim.SGD(1e30)), entry(X, y)]
    with pytest.warns(TrainingWarning, match=r"^entries\[1\]: .*not finite") as caught:
        good, bad, other = ct.fit_many(entries)
    assert len(caught) == 1 and caught[0].filename == __file__
    assert "not finite" in bad.stopped and bad.epochs_done < 2
    for run in (good, other):
        assert_same(run, ct.fit(**entry(X, y, threads=1)))


def test_a_callback_that_raises_ends_its_own_run_only():
    def broken(event):
        if isinstance(event, EpochEnded):
            raise KeyError("lost")

    X, y = table()
    with pytest.warns(TrainingWarning, match=r"^entries\[0\]: KeyError: 'lost'") as caught:
        bad, good = ct.fit_many([entry(X, y, callbacks=[broken]), entry(X, y)])
    assert isinstance(caught[0].message.__cause__, KeyError)
    assert bad.epochs_done == 1 and bad.stopped == "KeyError: 'lost'"
    assert good.epochs_done == 2


def test_ctrl_c_ends_all_runs_and_returns_them():
    X, y = table()

    def press(event):
        if isinstance(event, EpochEnded) and event.epoch == 3:
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    first, second, waiting = ct.fit_many(
        [entry(X, y, epochs=10**6, callbacks=[press]), entry(X, y, epochs=10**6), entry(X, y, epochs=10**6)], workers=2
    )
    assert {run.stopped for run in (first, second, waiting)} == {"interrupted"}
    assert 3 <= first.epochs_done < 10**6 and waiting.epochs_done == 0
    assert signal.getsignal(signal.SIGINT) is before


def test_the_line_says_how_many_are_done(capsys):
    X, y = table()
    ct.fit_many([entry(X, y) for _ in range(3)], progress=True)
    assert "3/3 models" in capsys.readouterr().err
    ct.fit_many([entry(X, y)], progress=False)
    assert not capsys.readouterr().err
