"""Real data arrives whole, named, with its source; asking for what is not there says what is."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from cutaway import datasets
from cutaway.errors import ArgumentError

SHAPES = {"houses": (2930, 79), "digits": (1797, 64), "iris": (150, 4), "wine": (178, 13),
          "breast_cancer": (569, 30), "diabetes": (442, 10)}


@pytest.mark.parametrize("name", SHAPES)
def test_load(name):
    data = datasets.load(name)
    X, y = data
    assert X.shape == SHAPES[name] and y.shape == SHAPES[name][:1]
    assert data.frame.shape == (len(X), X.shape[1] + 1) and data.target in data.frame
    np.testing.assert_array_equal(data.frame[data.target], y)
    columns = data.frame.drop(columns=data.target)
    pd.testing.assert_frame_equal(columns, pd.DataFrame(X, columns=columns.columns))
    assert len(np.unique(y)) > 20 if data.task == "regression" else 2 <= len(np.unique(y)) <= 10
    assert data.source and data.terms
    for words in (name, f"{len(X):,} rows", data.target, data.task, data.source, data.terms):
        assert words in repr(data)


def test_houses_are_as_published():
    X, y = datasets.load("houses")
    assert isinstance(X, pd.DataFrame) and "price" not in X
    assert (y.min(), y.max(), y.median()) == (12789, 755000, 160000)
    assert X["area"].max() == 5642                                    # the unusual sales are kept
    assert X["Pool.QC"].isna().sum() == 2917 and X["Lot.Frontage"].isna().sum() == 490
    assert X["Neighborhood"].nunique() == 28


def test_houses_file_is_what_load_reads():
    file = datasets.path("houses")
    assert file.stat().st_size < 1_000_000
    pd.testing.assert_frame_equal(pd.read_csv(file), datasets.load("houses").frame)
    assert "De Cock" in (file.parent / "README.md").read_text()


def test_labels_are_words_and_digits_are_arrays():
    assert set(datasets.load("iris").y) == {"setosa", "versicolor", "virginica"}
    assert datasets.load("breast_cancer").y.value_counts().to_dict() == {"benign": 357, "malignant": 212}
    X, y = datasets.load("digits")
    assert (X.dtype, y.dtype) == (np.float32, np.int32) and (X.min(), X.max()) == (0, 16)


def test_a_loaded_set_is_the_callers_own():
    first = datasets.load("iris")
    first.frame.iloc[:, 0] = 0.0
    assert datasets.load("iris").X.iloc[0, 0] == 5.1
    with pytest.raises(dataclasses.FrozenInstanceError):
        first.name = "mine"


@pytest.mark.parametrize(("call", "name", "says"), [
    (datasets.load, "house", "did you mean 'houses'"),
    (datasets.load, "Iris", "did you mean 'iris'"),
    (datasets.load, "moons", "ct.datasets.make"),
    (datasets.load, None, "There are: houses, digits"),
    (datasets.path, "iris", "There are: houses"),
])
def test_unknown_names(call, name, says):
    with pytest.raises(ArgumentError, match=says):
        call(name)
