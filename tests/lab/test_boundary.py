"""Boundary: what is drawn is what the model says, in two dimensions and on planes through many."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import cutaway as ct
from cutaway.errors import ArgumentError, DataError, ShapeError
from cutaway.lab.functions.boundary import boundary

nn = ct.nn


@pytest.fixture(scope="module")
def iris():
    found = ct.datasets.load("iris")
    return found.X, found.y, ct.Classifier(epochs=20).fit(found.X, found.y)


def spot(found, i, j):
    """The row of data at a point of the picture."""
    return found.plane.at(np.array([[found.a[j], found.b[i]]]))


def test_the_boundary_of_a_known_classifier_lies_where_it_should():
    net = nn.Linear(2, 2)
    net.weight.data[:], net.bias.data[:] = [[0, 0], [1, 2]], [0, -1]  # class 1 where x + 2 y > 1
    X = np.array([[0.0, 0.0], [1.0, 1.0]])
    found = boundary(net, X, [0, 1], points=50)
    x, y = np.meshgrid(found.a, found.b)
    assert ((found.values[..., 1] > 0.5) == (x + 2 * y > 1)).all() and found.score == 1
    np.testing.assert_allclose(found.values[..., 1], 1 / (1 + np.exp(1 - x - 2 * y)), rtol=1e-5)
    assert found.plane.share == 1 and not found.plane.distance.any()


def test_one_output_is_a_logit_where_targets_are_classes_and_else_a_number():
    net = nn.Linear(2, 1)
    net.weight.data[:], net.bias.data[:] = [[1, 1]], [0]
    X = np.array([[0.0, -1.0], [1.0, 1.0], [2.0, 0.5]])
    assert boundary(net, X, [0, 1, 1]).classes == ["0", "1"]
    numbers = boundary(net, X, [-1, 2, 2.5], points=9)
    assert numbers.classes == [] and numbers.values.shape == (9, 9) and numbers.score == 1
    np.testing.assert_allclose(numbers.values, numbers.a + numbers.b[:, None], rtol=1e-5, atol=1e-6)


def test_any_model_with_scikit_learns_methods():
    X, y = ct.datasets.make("moons", n=100, seed=0)
    names = np.array(["low", "high"])[y]
    model = LogisticRegression().fit(X, names)
    found = boundary(model, X, names, points=20)
    np.testing.assert_array_equal(found.values[3, 7], model.predict_proba(spot(found, 3, 7))[0])
    assert found.classes == ["high", "low"] and found.score == model.score(X, names)


def test_a_table_with_names_is_shown_in_its_own_units(iris):
    X, y, _ = iris
    two = X.iloc[:, :2] if hasattr(X, "iloc") else X[:, :2]
    model = ct.Classifier(epochs=5).fit(two, y)
    found = boundary(model, two, y, points=10)
    assert found.plane.names == (tuple(two.columns) if hasattr(two, "columns") else ("x0", "x1"))
    assert found.a[0] < np.min(np.asarray(two), 0)[0] < np.max(np.asarray(two), 0)[0] < found.a[-1]
    assert found.score == pytest.approx(model.score(two, y))


# ---- planes ----------------------------------------------------------------------------------------------------------


def test_the_principal_plane_is_the_one_that_svd_finds(iris):
    X, y, model = iris
    found = boundary(model, X, y, points=10)
    numbers = np.asarray(X, float)
    scaled = (numbers - numbers.mean(0)) / numbers.std(0)
    s = np.linalg.svd(scaled, compute_uv=False)
    assert found.plane.share == pytest.approx((s[:2] ** 2).sum() / (s**2).sum())
    left_out = np.square(found.plane.distance).mean()
    assert left_out == pytest.approx(1 - found.plane.share)  # what the plane holds and leaves out is everything
    said = model.predict_proba(spot(found, 4, 2) if not hasattr(X, "columns") else type(X)(
        spot(found, 4, 2), columns=X.columns))
    np.testing.assert_allclose(found.values[4, 2], said[0], rtol=1e-6)


def test_a_plane_goes_through_its_three_points(iris):
    X, y, model = iris
    numbers = np.asarray(X, float)
    three = numbers[[0, 60, 140]]
    found = boundary(model, X, y, plane=three, points=5)
    np.testing.assert_allclose(found.plane.at(found.plane.on(three)), three)
    assert found.plane.distance[[0, 60, 140]].max() < 1e-12 < found.plane.distance.max()
    means = boundary(model, X, y, plane="means", points=5).plane
    labels = np.asarray(y)
    of_class = np.stack([numbers[labels == c].mean(0) for c in np.unique(labels)])
    np.testing.assert_allclose(means.at(means.on(of_class)), of_class)


def test_images_and_tables_of_text_lie_on_planes_too():
    rng = np.random.default_rng(0)
    images = rng.normal(size=(30, 8, 8, 1))
    found = boundary(nn.CNN((8, 8, 1), 3, channels=[4], hidden=[8]), images, rng.integers(0, 3, 30), points=6)
    assert found.values.shape == (6, 6, 3) and len(found.plane.centre) == 64
    import pandas as pd

    table = pd.DataFrame({"town": ["a", "b", "c"] * 20, "size": np.arange(60.0)})
    model = ct.Regressor(epochs=3).fit(table, np.arange(60.0))
    found = boundary(model, table, np.arange(60.0), points=6)
    assert len(found.plane.centre) == 4 and found.score == pytest.approx(model.score(table, np.arange(60.0)), abs=1e-5)


def test_figures_and_numbers_are_written(iris, tmp_path):
    X, y, model = iris
    found = boundary(model, X, y, points=12)
    assert found.classes[0] in str(found) and "of the variance of 4 features" in str(found)
    assert len(found.to_pandas()) == 144 and found.to_json()["kind"] == "boundary"
    for name in ("b.svg", "b.json", "b.csv"):
        assert found.save(tmp_path / name).stat().st_size > 100
    assert "versicolor</text>" in (tmp_path / "b.svg").read_text()  # text stays text


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"plane": "pac"}, ArgumentError, 'plane must be "pca", "means" or three rows'),
        ({"plane": np.zeros((3, 4))}, ArgumentError, "on one line"),
        ({"points": 1}, ArgumentError, "points must be"),
        ({"model": 3}, ArgumentError, "give a ct.nn.Module or a trained estimator"),
        ({"y": ["rose"] * 150}, DataError, "labels that the model does not know"),
        ({"model": nn.MLP(4, [3], 3), "X": np.zeros((150, 4))}, DataError, "as the loss takes it"),
        ({"model": nn.MLP(4, [3], 3), "X": np.full((150, 4), np.nan), "y": None}, DataError, "not finite"),
        ({"model": nn.MLP(1, [3], 3), "X": np.zeros((150, 1)), "y": None}, ShapeError, "takes two or more"),
    ],
)
def test_what_does_not_fit_is_refused(iris, change, error, says):
    X, y, model = iris
    with pytest.raises(error, match=says):
        boundary(**({"model": model, "X": X, "y": y} | change))
