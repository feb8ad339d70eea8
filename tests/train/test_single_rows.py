"""Batches of a single row: a batch norm can take none, so that a last batch of one row is left out, and said to be."""

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError
from cutaway.train import TrainingWarning

RNG = np.random.default_rng(0)
X = RNG.standard_normal((33, 3))
Y = (X[:, 0] > 0).astype(np.int32)


def net(**how):
    return ct.nn.MLP(3, [8], 2, **how).init(0)


@pytest.mark.parametrize("engine", ["cpu", "reference"])
def test_a_last_batch_of_one_row_is_left_out_where_batch_norm_cannot_take_it(engine):
    with pytest.warns(TrainingWarning, match="33 rows in batches of 16 leave one"):
        done = ct.fit(net(norm="batch"), X, Y, loss="cross_entropy", batch_size=16, epochs=3, engine=engine)
    assert len(done.steps) == 3 * 2 and np.isfinite(done.history["loss"]).all()


def test_its_schedule_spans_the_steps_that_are_done():
    with pytest.warns(TrainingWarning, match="leave one"):
        done = ct.fit(net(norm="batch"), X, Y, loss="cross_entropy", batch_size=16, epochs=3,
                      optimizer=ct.optim.SGD(ct.optim.schedules.cosine(0.1)))
    assert done.program.engine.optimizer.lr.steps == 6


def test_without_batch_norm_a_batch_of_one_row_counts():
    assert len(ct.fit(net(), X, Y, loss="cross_entropy", batch_size=16, epochs=3).steps) == 3 * 3


def test_fit_many_leaves_it_out_too():
    entries = [{"model": net(norm="batch"), "X": X, "y": Y, "loss": "cross_entropy", "batch_size": 16}]
    with pytest.warns(TrainingWarning, match=r"entries\[0\].*leave one"):
        assert len(ct.fit_many(entries)[0].steps) == 20 * 2


@pytest.mark.parametrize(("rows", "batch"), [(1, 8), (20, 1)])
def test_batches_that_are_all_of_one_row_are_refused(rows, batch):
    with pytest.raises(ArgumentError, match="batch norm cannot normalise a batch of one row"):
        ct.fit(net(norm="batch"), X[:rows], Y[:rows], loss="cross_entropy", batch_size=batch)
