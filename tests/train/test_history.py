"""History: columns that grow by the row, and gaps that are NaN."""

import numpy as np

from cutaway.train.history import History


def test_rows_added_one_by_one_or_together_are_all_there_in_order():
    history = History()
    for start in range(0, 1000, 10):
        history.append(step=start, loss=start / 2)
        history.extend({"step": np.arange(start + 1, start + 10), "loss": np.arange(start + 1, start + 10) / 2})
    assert len(history) == 1000
    np.testing.assert_array_equal(history["step"], np.arange(1000))
    np.testing.assert_array_equal(history["loss"], np.arange(1000) / 2)
    assert history["step"].dtype == np.int64


def test_a_column_that_was_not_named_has_gaps():
    history = History()
    history.append(epoch=1)
    history.append(epoch=2, val_loss=0.5)
    history.append(epoch=3)
    np.testing.assert_array_equal(history["val_loss"], [np.nan, 0.5, np.nan])


def test_what_was_read_stays_as_it_was():
    history = History()
    history.append(loss=1.0)
    read = history["loss"]
    history.append(loss=2.0)
    assert read.tolist() == [1.0] and history["loss"].tolist() == [1.0, 2.0]


def test_no_rows_still_name_their_columns():
    h = History()
    h.extend({"loss": np.zeros(0)})
    assert len(h) == 0 and h["loss"].size == 0
