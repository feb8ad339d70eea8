"""Models that XLA trains in one call: each is trained as it is alone, and what befalls one is its own affair."""

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import TrainingWarning
from cutaway.train import past

rng = np.random.default_rng(0)
X, y = rng.standard_normal((24, 4)).astype(np.float32), rng.integers(0, 3, 24)
RATES = (1e-3, 1e-2, 3e-2)


def entries(**options):
    return [{"model": ct.nn.MLP(4, [6], 3, dropout=0.2).init(k), "X": X, "y": y, "loss": "cross_entropy", "epochs": 4,
             "batch_size": 8, "optimizer": ct.optim.AdamW(r), "seed": k, "engine": "xla"} | options
            for k, r in enumerate(RATES)]


def close(together, alone):
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_allclose(one.model.theta, other.model.theta, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(one.steps["loss"], other.steps["loss"], rtol=1e-5)


@pytest.fixture(scope="module")
def alone():
    return ct.fit_many(entries(), workers=1)


@pytest.fixture
def calls(monkeypatch):
    """How many models were in each call."""
    from cutaway.engines.xla.together import Together

    found, do = [], Together._do
    monkeypatch.setattr(Together, "_do", lambda self, same: (found.append(len(same)), do(self, same))[1])
    return found


def test_each_is_trained_as_it_is_alone(alone, calls):
    """With rates, seeds, dropout and orders of its own."""
    runs = ct.fit_many(entries())
    close(runs, alone)
    assert set(calls) == {3}
    assert all(run.program.engine.meeting is None and run.program.state.t == 12 for run in runs)


def test_one_that_is_not_finite_ends_and_the_others_go_on(alone, calls):
    wild = entries()
    wild[1]["optimizer"] = ct.optim.AdamW(1e38)
    with pytest.warns(TrainingWarning, match=r"entries\[1\]: training stopped at step"):
        runs = ct.fit_many(wild)
    close([runs[0], runs[2]], [alone[0], alone[2]])
    assert runs[1].stopped.startswith("not finite") and 2 in calls


def test_one_whose_callback_raises_keeps_nobody_waiting(alone):
    def raises(event):
        if getattr(event, "epoch", 0) == 2:
            raise RuntimeError("no more")

    some = entries()
    some[0]["callbacks"] = [raises]
    with pytest.warns(TrainingWarning, match="no more"):
        runs = ct.fit_many(some)
    close(runs[1:], alone[1:])


def test_models_with_other_data_or_fewer_epochs_do_their_steps_alone(alone, calls):
    some = entries()
    some[1]["X"], some[2]["epochs"] = X + 1, 2
    runs = ct.fit_many(some)
    close(runs[:1], alone[:1])
    assert set(calls) == {2}
    assert [run.program.state.t for run in runs] == [12, 12, 6]


def test_who_is_to_stop_is_heard_between_two_calls():
    """Of an epoch of three steps, the first call does one."""
    runs = ct.fit_many(entries(time_limit=1e-9))
    assert [len(run.steps) for run in runs] == [1, 1, 1] == [run.program.state.t for run in runs]
    assert all(run.stopped.startswith("the time limit") for run in runs)


def test_epochs_that_one_call_does_are_told_apart(alone):
    """A run without callbacks asks for many at once; its history, steps and snapshots are those of epochs."""
    run, other, _ = ct.fit_many(entries(epochs=40))
    assert run.epochs_done == len(run.history) == 40 and len(run.steps) == 120
    assert run.steps["epoch"].tolist() == [k for k in range(1, 41) for _ in range(3)]
    np.testing.assert_allclose(run.steps["loss"][:12], alone[0].steps["loss"], rtol=1e-5)
    assert [snapshot["t"] for snapshot in other.past.snapshots] == [3 * epoch for epoch in (0, 16, 32)]


def test_an_order_is_drawn_once_for_models_of_one_seed(monkeypatch):
    drawn, draw = [], past.shuffled
    monkeypatch.setattr(past, "shuffled", lambda rows, seed, epoch: (drawn.append((seed, epoch)),
                                                                     draw(rows, seed, epoch))[1])
    runs = ct.fit_many([one | {"seed": k // 2} for k, one in enumerate(entries())])
    assert sorted(drawn) == [(seed, epoch) for seed in (0, 1) for epoch in (1, 2, 3, 4)]
    monkeypatch.undo()
    for run in runs:
        np.testing.assert_array_equal(run.past.order(3), draw(run.past.rows, run.seed, 3))


def test_orders_are_laid_out_and_checked_once_for_models_of_one_seed(monkeypatch):
    """Nobody can write into what they share; an order that can be written into is copied for each."""
    from cutaway.engines.xla.engine import XLA

    checked, check = [], XLA.row_numbers
    monkeypatch.setattr(XLA, "row_numbers", lambda self, order: (checked.append(len(order)), check(self, order))[1])
    one, other, _ = ct.fit_many([one | {"seed": k // 2} for k, one in enumerate(entries(epochs=8))])
    assert sorted(checked) == [48] * 8  # two epochs, four times, for two seeds
    shared = one.past.orders(3, 4)
    assert shared is other.past.orders(3, 4) and not shared.flags.writeable
    np.testing.assert_array_equal(shared, np.concatenate([one.past.order(3), one.past.order(4)]))

    meeting, mine = one.program.engine.together(2), np.arange(24)
    copies = [meeting.checked_once(mine, 24, one.program.engine.row_numbers) for _ in range(2)]
    assert copies[0] is not copies[1] and not any(np.shares_memory(mine, copy) for copy in copies)
    mine.flags.writeable = False
    first, again = (meeting.checked_once(mine, 24, one.program.engine.row_numbers) for _ in range(2))
    assert first is again and not np.shares_memory(mine, first)


def test_what_an_update_needs_is_found_once_for_models_of_the_same_settings(monkeypatch):
    from cutaway.engines.xla.engine import XLA

    found, numbers = [], XLA.numbers
    monkeypatch.setattr(XLA, "numbers", lambda self, t, *some: (found.append(t), numbers(self, t, *some))[1])

    def decaying():
        optimizers = [ct.optim.AdamW(1e-2, weight_decay=decay) for decay in (0.01, 0.5, 0.01)]
        return [one | {"optimizer": opt} for one, opt in zip(entries(), optimizers, strict=True)]

    runs = ct.fit_many(decaying())
    assert sorted(found) == [1, 1, 4, 4, 7, 7, 10, 10]  # an epoch of three steps each
    close(runs, ct.fit_many(decaying(), workers=1))


def test_epochs_of_a_call_under_way_are_counted(monkeypatch):
    """So that a bar moves on while one call does many of them."""
    from cutaway.train.training import Training

    seen, leaves = [], Training._leaves
    monkeypatch.setattr(Training, "_leaves", lambda self: (seen.append((self.epochs_done, self.run.epochs_done)),
                                                           leaves(self))[1])
    ct.fit_many(entries(epochs=40))
    assert all(under_way >= done for under_way, done in seen)
    assert any(under_way > done for under_way, done in seen)
