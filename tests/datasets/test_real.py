"""Real data arrives whole, named, with its source; asking for what is not there says what is."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from cutaway import Sequences, datasets
from cutaway.data import read_ts
from cutaway.data.series import extent_of
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


@pytest.mark.parametrize(("name", "train", "test", "classes"), [
    ("italy_power", (67, 24, 1), (1029, 24, 1), 2),
    ("japanese_vowels", (270, 26, 12), (370, 29, 12), 9),
])
def test_series_come_whole_or_in_the_parts_of_their_source(name, train, test, classes):
    whole, parts = datasets.load(name), [datasets.load(name, part) for part in ("train", "test")]
    assert [part.X.shape for part in parts] == [train, test]
    assert whole.X.shape == (train[0] + test[0], *test[1:]) and whole.X.dtype == np.float32
    assert whole.y.tolist() == [label for part in parts for label in part.y]
    assert len(set(whole.y)) == classes
    for words in (name, f"{len(whole.X):,} rows", whole.target, "classification", whole.source, whole.terms):
        assert words in repr(whole)


def test_series_of_different_lengths_are_sequences():
    X, _ = datasets.load("japanese_vowels")
    assert isinstance(X, Sequences) and (X.lengths.min(), X.lengths.max()) == (7, 29)


@pytest.mark.parametrize("name", ["italy_power", "japanese_vowels"])
@pytest.mark.parametrize("part", ["train", "test"])
def test_series_files_are_what_load_reads(name, part):
    file, (X, y) = datasets.path(name, part), datasets.load(name, part)
    read = read_ts(file)
    assert extent_of(read.X) == extent_of(X) and read.y.tolist() == y.tolist()
    np.testing.assert_array_equal(np.asarray(getattr(read.X, "values", read.X), np.float32), getattr(X, "values", X))
    assert file.stat().st_size < 1_000_000 and file.name in (file.parent / "README.md").read_text()


@pytest.mark.parametrize(("name", "part", "says"), [
    ("italy_power", "tset", "no part called 'tset'; did you mean 'test'"),
    ("houses", "train", "'houses' comes in one piece, without part='train'"),
])
@pytest.mark.parametrize("call", [datasets.load, datasets.path])
def test_unknown_parts(call, name, part, says):
    with pytest.raises(ArgumentError, match=says):
        call(name, part)


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
    (datasets.load, "italy", "There are: .*italy_power, japanese_vowels"),
    (datasets.path, "iris", "There are: houses, italy_power"),
])
def test_unknown_names(call, name, says):
    with pytest.raises(ArgumentError, match=says):
        call(name)
