"""Rows that no other process has: which of them a step takes, and what each counts, found by one process alone."""

from types import SimpleNamespace

import numpy as np
import pytest

from cutaway.train.feeding import Data
from cutaway.train.own_rows import OwnPast

OF = (5, 4)  # rows of two processes, in batches of two places each


def past(rank, shuffle=True):
    data = Data(np.arange(OF[rank])[:, None] + 10.0 * rank, np.zeros(OF[rank]), np.ones(OF[rank]))
    return OwnPast(data=data, rows=np.arange(OF[rank]), batch_size=4, seed=0, shuffle=shuffle, drop_last=False,
                   loss=None, optimizer=None, options={}, rows_of=OF, first=2 * rank)


def taken(own, order):
    """Rows and weights at this process's places, for each step."""
    fed = []
    engine = SimpleNamespace(own_rows=lambda n: slice(own.first, own.first + 2), reads_ahead=False)
    program = SimpleNamespace(engine=engine, feed=lambda inputs, y, weight: fed.append((inputs, weight)))
    (back, n), = own.batches_of(program, order)
    inputs, weight = fed[0]
    places = back.reshape(-1, 4)[:, own.first : own.first + 2]
    assert n == len(order)
    return inputs.arrays["x"][places, 0], weight[places]


def test_a_step_takes_the_same_share_of_the_rows_of_each():
    assert [past(rank).steps for rank in (0, 1)] == [3, 3]
    assert [past(rank).sizes.tolist() for rank in (0, 1)] == [[4, 3, 2]] * 2
    assert past(0).count == 9
    rows, weights = zip(*(taken(own, own.order(1)) for own in (past(0, False), past(1, False))), strict=True)
    seen = [np.where(w > 0, r, np.nan).tolist() for r, w in zip(rows, weights, strict=True)]
    np.testing.assert_array_equal(seen[0], [[0, 1], [2, 3], [4, np.nan]])
    np.testing.assert_array_equal(seen[1], [[10, 11], [12, np.nan], [13, np.nan]])


def test_the_loss_of_a_step_is_the_mean_over_the_rows_that_count():
    """The program divides by the four places of a batch."""
    weights = np.concatenate([taken(own, own.order(1))[1] for own in (past(0), past(1))], 1)
    np.testing.assert_allclose(weights.sum(1), 4)
    np.testing.assert_allclose(weights[:, 0], [1, 4 / 3, 2])


@pytest.mark.parametrize("rank", [0, 1])
def test_each_epoch_has_each_row_once_in_an_order_of_its_own(rank):
    orders = []
    for epoch in (1, 2):
        rows, weights = taken(past(rank), past(rank).order(epoch))
        orders.append(rows[weights > 0].tolist())
        assert sorted(orders[-1]) == [10 * rank + k for k in range(OF[rank])]
    assert orders[0] != orders[1]


def test_the_end_of_an_epoch_is_that_of_the_whole_one():
    """A run that goes on from a checkpoint begins there."""
    own = past(0)
    rows, weights = taken(own, own.order(1))
    late_rows, late_weights = taken(own, own.order(1)[4:])
    np.testing.assert_array_equal(late_rows, rows[1:])
    np.testing.assert_array_equal(late_weights, weights[1:])
