"""Tables of which each process has a part: what all of them say together. (tests/processes runs two of them.)"""

import numpy as np
import pandas as pd
import pytest

import cutaway as ct
from cutaway.data import limits
from cutaway.errors import DataError
from cutaway.estimators import own_rows


@pytest.fixture
def beside(monkeypatch):
    """Let another process say what is given, in turn."""
    def others(*values):
        said = iter(values)
        monkeypatch.setattr(own_rows, "gathered", lambda mine: [mine, next(said)])

    return others


def rows_of(model, X, y, weights=None):
    return model._rows(X, y, weights)


def test_a_process_that_is_alone_fits_as_ever():
    X, y = ct.datasets.make("moons", n=60, seed=0)
    one, other = (ct.Classifier([4], epochs=2) for _ in range(2))
    assert (one.fit(X, y).model_.theta == other.fit_own_rows(X, y).model_.theta).all()


def test_the_sample_has_as_large_a_share_of_each(beside, monkeypatch):
    monkeypatch.setattr(own_rows, "ROWS_OF_ALL", 50)
    X = pd.DataFrame({"x": np.arange(80.0)})
    beside((pd.DataFrame({"x": [-1.0] * 10}), np.zeros(10), np.full(10, 2.0)))
    rows = rows_of(ct.Regressor(), X, np.arange(80.0))
    sample = own_rows._sample(type("Team", (), {"rank": 1}), rows, 100)
    assert len(sample) == 40 + 10 and sample.of == 100 and limits.ROWS_OF_ALL > 10_000
    values = sample.X["x"].to_numpy()
    assert (values[:40] == sample.y[:40]).all() and len(set(values[:40])) == 40 and (values[40:] == -1).all()
    assert sample.weights.tolist() == [1.0] * 40 + [2.0] * 10


def test_classes_are_those_of_any():
    model = ct.Classifier()
    rows = rows_of(model, np.zeros((3, 1)), np.array(["b", "a", "b"]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(own_rows, "gathered", lambda mine: [mine, ["c"]])
        assert own_rows._classes(model, rows).tolist() == ["b", "a", "c"]


def test_predictions_lie_in_the_range_of_all_targets(beside):
    model = ct.Regressor()
    model.limits_ = np.array([[0.0], [2.0]])
    beside(np.array([[-5.0], [1.0]]))
    own_rows._same_limits(model)
    assert model.limits_.tolist() == [[-5.0], [2.0]]


@pytest.mark.parametrize(("parts", "words"), [
    ((pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [1]})), r"rank 0 has \['a'\], rank 1 has \['b'\]"),
    ((np.zeros((2, 3)), np.zeros((2, 4))), r"\(3,\), \(4,\)"),
])
def test_parts_that_are_not_alike_are_refused(parts, words):
    with pytest.raises(DataError, match=words):
        own_rows._joined(parts)
