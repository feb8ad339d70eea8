"""Classifier and Regressor on images: what X may be, what is designed, what comes back."""

import pickle

import numpy as np
import pytest
from PIL import Image

import cutaway as ct
from cutaway.data import Images, read_images
from cutaway.errors import ArgumentError, CutawayError, DataError, ShapeError
from cutaway.estimators import baseline, permutation_importance
from cutaway.estimators.design import Design
from cutaway.estimators.inputs import KINDS, kind_of

DIGITS, LABELS = ct.datasets.load("digits")
DIGITS = (DIGITS.reshape(-1, 8, 8) * 15).astype(np.uint8)
X, Y = DIGITS[:60], np.where(LABELS[:60] < 5, "low", "high")
SMALL = {"epochs": 2, "network": {"channels": [4], "hidden": [8]}}


@pytest.fixture(scope="module")
def model():
    return ct.Classifier(**SMALL).fit(X, Y)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The first thirty digits as files, a folder for each class."""
    place = tmp_path_factory.mktemp("digits")
    for i, (image, label) in enumerate(zip(X[:30], Y[:30], strict=True)):
        (place / label).mkdir(exist_ok=True)
        Image.fromarray(image).save(place / label / f"{i:02}.png")
    return place


# ---- learning --------------------------------------------------------------------------------------------------------


def test_digits_are_learnt():
    fitted = ct.Classifier(epochs=15).fit(DIGITS[:1200], LABELS[:1200])
    assert fitted.score(DIGITS[1200:], LABELS[1200:]) > 0.94
    assert not np.array_equal(fitted.model_.theta, fitted.design_.network(0).theta)


def test_a_number_is_learnt_from_images():
    brightness = X.mean(axis=(1, 2))
    fitted = ct.Regressor(epochs=40, network={"channels": [8], "augment": None}).fit(X, brightness)
    assert fitted.score(X, brightness) > 0.7


# ---- what X may be ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [
    lambda: X, lambda: X[..., None], lambda: list(X), lambda: Images(X[..., None], None, [""] * len(X)),
], ids=["three dimensions", "four", "a list", "Images"])
def test_every_form_of_images_is_the_same(given, model):
    again = ct.Classifier(**SMALL).fit(given(), Y)
    assert np.array_equal(again.predict_proba(given()), model.predict_proba(X))


def test_floats_of_four_dimensions_are_images():
    fitted = ct.Classifier(**SMALL).fit(X[..., None] / 255, Y)
    assert fitted.design_.inputs == "images" and fitted.predict(X[..., None] / 255).shape == (60,)


def test_a_folder_brings_its_labels(folder):
    fitted = ct.Classifier(**SMALL).fit(folder)
    assert fitted.classes_.tolist() == ["high", "low"]
    images = read_images(folder)
    assert np.array_equal(fitted.predict(folder), fitted.predict(images.X))
    assert fitted.score(folder) == fitted.score(images) == fitted.score(images.X, images.y)


def test_labels_given_go_before_those_of_the_folder(folder):
    fitted = ct.Classifier(**SMALL).fit(folder, ["a", "b"] * 15)
    assert fitted.classes_.tolist() == ["a", "b"]


def test_a_list_of_files(folder):
    paths = sorted(folder.glob("*/*.png"))
    fitted = ct.Classifier(**SMALL).fit(paths, [path.parent.name for path in paths])
    assert np.array_equal(fitted.predict(list(map(str, paths))), fitted.predict(folder))


def test_an_npz_file_brings_its_labels(tmp_path, model):
    np.savez(tmp_path / "digits.npz", X=X, y=Y)
    assert np.array_equal(ct.Classifier(**SMALL).fit(tmp_path / "digits.npz").predict(X), model.predict(X))


def test_files_are_brought_to_the_size_of_training(folder):
    fitted = ct.Classifier(**SMALL).fit(read_images(folder, size=6))
    assert fitted.encode(folder).shape == (30, 6, 6, 1)


@pytest.mark.parametrize(("given", "name"), [
    (np.zeros((5, 3)), "table"), ({"a": [1, 2]}, "table"), ([[1, 2], [3, 4]], "table"), ("table.csv", "table"),
    (["red", "blue"], "table"), (np.zeros((5, 8, 8)), "sequences"), (np.zeros((5, 8, 8), np.uint8), "images"),
    (np.zeros((5, 8, 8, 3)), "images"), (["a.png", "b.jpg"], "images"), ([[[1.0], [2.0]]], "sequences"),
])
def test_kinds_are_told_apart(given, name):
    assert kind_of(given) is KINDS[name]


# ---- the design ------------------------------------------------------------------------------------------------------


def test_a_convolutional_network_is_designed_with_reasons():
    plan = ct.design(DIGITS[:500], LABELS[:500])
    assert (plan.kind, plan.inputs, plan.n_in, plan.n_out, plan.loss) == ("cnn", "images", (8, 8, 1), 10,
                                                                         "cross_entropy")
    assert all(reason for _, _, reason in plan.table()) and "filters" in str(plan)
    assert plan.network(0)(np.zeros((2, 8, 8, 1))).shape == (2, 10)


def test_large_images_get_more_filters():
    large = np.random.default_rng(0).integers(0, 255, (20, 64, 64, 3), np.uint8)
    assert ct.design(large, [0, 1] * 10).spec["channels"] > ct.design(X, Y).spec["channels"]


def test_digits_are_never_flipped_unasked():
    assert not any("flip" in name for name in ct.design(X, Y).spec["augment"])


def test_the_design_survives_json():
    plan = ct.design(X, Y)
    assert Design.from_json(plan.to_json()) == plan


def test_designs_of_older_files_are_tables():
    old = ct.design(np.eye(60), np.arange(60.0)).to_json()
    for name in ("inputs", "kind", "spec"):
        del old[name]
    again = Design.from_json(old | {"from a newer version": 1})
    assert (again.inputs, again.kind) == ("table", "mlp") and "hidden" in str(again)


def test_choices_reach_the_network_and_the_printed_design():
    fitted = ct.Classifier(epochs=1, network={"channels": [3], "augment": False, "dropout": 0.0}).fit(X, Y)
    rows = {name: (value, reason) for name, value, reason in fitted.design_.table()}
    assert "augment" not in rows and rows["filters"] == ("3, of 3 x 3 pixels", "as asked")
    assert fitted.model_.state_dict()["layer1.weight"].shape == (3, 3, 3, 1)


def test_a_factory_is_told_the_shape_of_an_image():
    seen = []

    def factory(n_in, n_out):
        seen.append((n_in, n_out))
        return ct.nn.CNN(n_in, n_out, [2], [4])

    ct.Classifier(network=factory, epochs=1).fit(X, LABELS[:60])
    assert seen == [((8, 8, 1), 10)]


def test_a_module_of_ones_own_is_shown_in_place_of_the_design():
    fitted = ct.Classifier(network=ct.nn.CNN((8, 8, 1), 1, [2], [4]), epochs=1).fit(X, Y)
    rows = {name: value for name, value, _ in fitted.design_.table()}
    assert rows["hidden"].startswith("CNN") and "filters" not in rows


# ---- the rest of an estimator ----------------------------------------------------------------------------------------


def test_a_model_in_a_file_predicts_the_same_bits(tmp_path, model):
    ct.save(model, tmp_path / "model.safetensors")
    again = ct.load(tmp_path / "model.safetensors")
    assert np.array_equal(again.predict_proba(X), model.predict_proba(X)) and str(again.design_) == str(model.design_)
    assert again.get_params()["network"] == SMALL["network"]


def test_pickle_predicts_the_same_bits(model):
    assert np.array_equal(pickle.loads(pickle.dumps(model)).predict_proba(X), model.predict_proba(X))


def test_partial_fit_learns_in_pieces():
    fitted = ct.Classifier(network={"channels": [8], "augment": None})
    for _ in range(20):
        for part in (slice(0, 30), slice(30, 60)):
            fitted.partial_fit(X[part], Y[part], classes=["high", "low"])
    assert fitted.score(X, Y) > 0.8


def test_validation_images_of_ones_own(folder):
    fitted = ct.Classifier(**SMALL, validation=(folder, None)).fit(X, Y)
    assert len(fitted.history_["val_loss"]) == 2


def test_weight_zero_is_absence(model):
    weights = np.r_[np.ones(60), np.zeros(60)]
    both = ct.Classifier(**SMALL).fit(np.concatenate([X, 255 - X]), np.tile(Y, 2), weights)
    assert np.array_equal(both.predict_proba(X), model.predict_proba(X))


def test_the_linear_model_sees_the_same_images(model, folder):
    linear = baseline(X, Y, like=model)
    assert linear.name == "logistic regression" and linear.encode(X).shape == (60, 64)
    assert linear.score(X, Y) > 0.9 and linear.predict(folder).shape == (30,)


def test_the_linear_model_sees_every_pixel_of_large_images():
    """Its means over fields tell nothing of a pattern of single pixels."""
    signs = np.where(np.indices((40, 40)).sum(axis=0) % 2, 1.0, -1.0)[None, :, :, None]
    labels = np.arange(160) % 2
    noise = np.random.default_rng(0).normal(size=(160, 40, 40, 1))
    large = noise + 0.2 * signs * np.where(labels, 1, -1)[:, None, None, None]
    linear = baseline(large[:120], labels[:120])
    assert linear.encode(large[:2]).shape == (2, 1600) and linear.score(large[120:], labels[120:]) > 0.9


def test_columns_that_matter_are_those_of_tables(model):
    with pytest.raises(DataError, match="only the columns of a table"):
        permutation_importance(model, X, Y)


# ---- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("given", "error", "says"), [
    (np.zeros((3, 8, 8, 3), np.uint8), ShapeError, "colour, those of training grey"),
    (np.zeros((3, 9, 8), np.uint8), ShapeError, "9 x 8 pixels"),
    (ct.Sequences(np.zeros((2, 3, 1)), np.array([3, 2])), DataError, "these are sequences"),
], ids=["channels", "size", "sequences"])
def test_images_unlike_those_of_training(model, given, error, says):
    with pytest.raises(error, match=says):
        model.predict(given)


def test_images_without_labels(model):
    with pytest.raises(DataError, match="come without labels"):
        ct.Classifier().fit(X)
    with pytest.raises(DataError, match="give y"):
        model.score(X)


def test_networks_that_do_not_fit():
    with pytest.raises(ShapeError, match="images, 8 x 8 pixels, grey"):
        ct.Classifier(network=ct.nn.CNN((8, 8, 3), 1)).fit(X, Y)
    with pytest.raises(ArgumentError, match="one can choose hidden, activation, dropout, channels"):
        ct.Classifier(network={"cell": "gru"}).fit(X, Y)


def test_files_of_different_sizes(tmp_path):
    for i in (1, 2):
        Image.fromarray(np.zeros((8, 8 * i), np.uint8)).save(tmp_path / f"{i}.png")
    with pytest.raises(CutawayError, match="2 different sizes"):
        ct.Classifier().fit([tmp_path / "1.png", tmp_path / "2.png"], ["a", "b"])
