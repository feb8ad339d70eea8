"""cutaway lab scaling and cutaway lab features: on data that ships, on a user's file, and what they refuse."""

import json

import numpy as np
import pandas as pd
import pytest


def test_scaling_on_the_digits_writes_a_figure_and_numbers(run, tmp_path):
    figure, numbers = tmp_path / "curves.svg", tmp_path / "curves.csv"
    status, out, err = run("lab", "scaling", "--sizes", "80", "--seeds", "1", "--out", figure, "--out", numbers)
    assert status == 0, err
    assert "accuracy, rows" in out
    assert "So few seeds can hardly tell who is ahead" in out
    assert "logistic regression" in figure.read_text()
    assert len(pd.read_csv(numbers)) == 4


def test_scaling_on_a_table_with_text_and_gaps(run, here):
    status, _, err = run("lab", "scaling", "--data", "table.csv", "--target", "price", "--quick", "--out", "c.json")
    assert status == 0, err
    found = json.loads((here / "c.json").read_text())
    assert found["metric"] == "R²"
    assert found["sizes"] == [40, 120]
    assert np.array(found["score"], float).shape == (4, 2, 2)


@pytest.mark.parametrize(("options", "says"), [
    (("--sizes", "10,x"), "give numbers of rows, such as 100,1000"),
    (("--sizes", "10,5000"), "give numbers of rows from 2 to 1,348"),
    (("--test", "2"), "a share of the rows above 0 and below 1"),
    (("--data", "digts"), "did you mean 'digits'"),
    (("--out", "curves.txt"), "must end in"),
])
def test_scaling_refuses(run, options, says):
    status, _, err = run("lab", "scaling", *options)
    assert status == 2
    assert says in " ".join(err.split())


def test_features_of_the_digits(run, tmp_path):
    figure = tmp_path / "features.svg"
    status, out, err = run("lab", "features", "--quick", "--epochs", "1", "--units", "2", "--out", figure)
    assert status == 0, err
    assert "A unit sees 3 × 3, then 5 × 5, then 7 × 7 pixels, then the whole image." in out
    assert "see 7 × 7 pixels" in figure.read_text()


def test_features_of_images_in_a_file(run, tmp_path):
    random = np.random.default_rng(0)
    y = np.arange(60) % 2
    X = random.integers(0, 60, (60, 9, 9), dtype=np.uint8)
    X[y == 1, 2:6] += 150
    np.savez_compressed(tmp_path / "bars.npz", X=X, y=y)
    status, out, err = run("lab", "features", "--data", tmp_path / "bars.npz", "--quick", "--epochs", "1")
    assert status == 0, err
    assert "15 images of 9 × 9 × 1." in out


def test_features_of_a_table_are_refused(run):
    status, _, err = run("lab", "features", "--data", "iris", "--quick")
    assert status == 2
    assert "iris holds rows: features are of images" in " ".join(err.split())
