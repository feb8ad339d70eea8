"""Estimators of images and of sequences as ONNX files."""

import numpy as np
import pytest
from test_onnx_tables import answers

import cutaway as ct

pytestmark = pytest.mark.filterwarnings("ignore::cutaway.errors.TrainingWarning")
HOW = {"epochs": 1, "threads": 1}


def test_images_of_bytes(tmp_path):
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 256, (60, 8, 8), np.uint8), rng.integers(0, 3, 60)
    model = ct.Classifier(**HOW).fit(X, y)
    file = ct.export(model, tmp_path / "m.onnx")
    assert [(p.name, p.type, p.shape) for p in file.inputs] == [("X", "uint8", ("rows", 8, 8, 1))]
    found = answers(model, X, tmp_path / "m.onnx")
    np.testing.assert_allclose(found["probabilities"], model.predict_proba(X), atol=1e-5)
    with pytest.raises(ct.errors.ArgumentError, match="takes images of bytes"):
        file.feed(X / 255)


def test_images_of_other_numbers_far_from_zero(tmp_path):
    rng = np.random.default_rng(0)
    X = 1e4 + rng.normal(size=(60, 8, 8, 3))
    model = ct.Regressor(**HOW).fit(X, rng.normal(size=60))
    np.testing.assert_allclose(answers(model, X, tmp_path / "m.onnx")["prediction"], model.predict(X), atol=1e-5)


def with_gaps(rng, lengths):
    rows = [3 * rng.normal(size=(k, 2)) + 5 for k in lengths]
    for row in rows:
        row[rng.random(row.shape) < 0.2] = np.nan
    return rows


def test_sequences_of_other_lengths_with_gaps(tmp_path):
    """A gap takes the value before it, or the mean where there is none; longer rows than training's go in, too."""
    rng = np.random.default_rng(0)
    X = with_gaps(rng, rng.integers(3, 12, 80))
    model = ct.Classifier(**HOW).fit(X, ["up" if np.nanmean(row) > 5 else "down" for row in X])
    for rows in (X, with_gaps(rng, [30, 1, 17])):
        found = answers(model, rows, tmp_path / "m.onnx")
        np.testing.assert_allclose(found["probabilities"], model.predict_proba(rows), atol=1e-5)
        assert (found["label"] == model.predict(rows)).all()


def test_sequences_of_one_length(tmp_path):
    X = np.random.default_rng(0).normal(size=(80, 24, 2))
    model = ct.Regressor(**HOW).fit(X, X.sum((1, 2)))
    file = ct.export(model, tmp_path / "m.onnx")
    assert [port.name for port in file.inputs] == ["X"]
    np.testing.assert_allclose(answers(model, X, tmp_path / "m.onnx")["prediction"], model.predict(X), atol=1e-5)
