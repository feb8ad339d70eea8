"""ImageEncoder: learns size, channels and brightness from the training images alone, and standardises others alike."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from cutaway.data import ImageEncoder, Images, read_images
from cutaway.errors import ArgumentError, CutawayError, DataError, FileError, ShapeError

RANDOM = np.random.default_rng(0)
GREY = RANDOM.integers(0, 200, (20, 6, 8), dtype=np.uint8)
COLOUR = RANDOM.integers(0, 256, (20, 6, 8, 3), dtype=np.uint8) // np.array([1, 2, 4], dtype=np.uint8)


def through_json(encoder):
    return ImageEncoder.from_json(json.loads(json.dumps(encoder.to_json())))


def written(folder, images, suffix="png"):
    folder.mkdir(exist_ok=True)
    for i, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{i:03}.{suffix}")
    return folder


# --- what is learnt ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("X", [GREY, COLOUR, COLOUR / 255, COLOUR.astype(int), RANDOM.normal(1e6, 1, (9, 5, 5, 2))],
                         ids=["grey", "colour", "floats", "integers", "far from zero"])
def test_each_channel_has_mean_0_and_deviation_1_over_the_training_images(X):
    Z = ImageEncoder().fit_transform(X, dtype=np.float64)
    assert Z.shape == (*X.shape[:3], 1 if X.ndim == 3 else X.shape[3])
    np.testing.assert_allclose(Z.mean(axis=(0, 1, 2)), 0, atol=1e-9)
    np.testing.assert_allclose(Z.std(axis=(0, 1, 2)), 1, rtol=1e-9)


def test_images_are_float32_unless_asked_otherwise():
    encoder = ImageEncoder().fit(GREY)
    assert encoder.transform(GREY).dtype == np.float32
    exact = encoder.transform(GREY, np.float64)
    assert exact.dtype == np.float64
    np.testing.assert_allclose(encoder.transform(GREY), exact, rtol=1e-5, atol=1e-6)


def test_others_are_scaled_by_the_training_images():
    encoder = ImageEncoder().fit(GREY[:10])
    part = GREY[:10] / 255
    np.testing.assert_allclose(encoder.transform(GREY[10:], np.float64)[..., 0],
                               (GREY[10:] / 255 - part.mean()) / part.std())


def test_weights_count_images_as_if_repeated():
    weights = RANDOM.integers(0, 4, 20)
    weighted = ImageEncoder().fit(COLOUR, weights)
    repeated = ImageEncoder().fit(np.repeat(COLOUR, weights, axis=0))
    np.testing.assert_allclose(weighted.mean, repeated.mean, rtol=1e-12)
    np.testing.assert_allclose(weighted.deviation, repeated.deviation, rtol=1e-12)


def test_images_of_weight_zero_may_hold_anything():
    X = GREY / 255
    odd = np.concatenate([X, np.full((1, 6, 8), np.nan)])
    assert ImageEncoder().fit(odd, [1] * 20 + [0]).to_json() == ImageEncoder().fit(X).to_json()


@pytest.mark.parametrize("weights", [[1, 2], [-1] + [1] * 19, [np.nan] + [1] * 19, [0] * 20])
def test_impossible_weights_are_refused(weights):
    with pytest.raises(DataError, match="weights"):
        ImageEncoder().fit(GREY, weights)


def test_a_channel_that_is_always_the_same_is_centred():
    X = np.concatenate([GREY[..., None], np.full((20, 6, 8, 2), 100, np.uint8)], axis=3)
    encoder = ImageEncoder()
    assert (encoder.fit_transform(X)[..., 1:] == 0).all()
    assert encoder.deviation[1:].tolist() == [1, 1]


@pytest.mark.parametrize(("X", "says"), [
    (np.full((5, 4, 4), 7, np.uint8), "every pixel of all 5 is the same"),
    (np.full((5, 4, 4), 0.1), "every pixel of all 5 is the same"),
    (np.zeros((0, 4, 4)), "No images"),
    (np.stack([np.zeros((4, 4)), np.full((4, 4), np.nan)]), "Image 1 holds nan"),
    (np.stack([np.zeros((4, 4)), np.full((4, 4), 1e40)]), r"Image 1 holds 1e\+40"),
])
def test_images_that_cannot_be_learnt_from_say_why(X, says):
    with pytest.raises(DataError, match=says):
        ImageEncoder().fit(X)


def test_what_was_learnt_is_told_in_words():
    X = np.zeros((2, 4, 6), np.uint8)
    X[:, :2] = 255
    assert ImageEncoder().fit(X).describe() == [
        "4 x 6 pixels, grey, scaled by the training images' mean 0.5 and deviation 0.5"
    ]
    colour = np.stack([X, X // 5, X * 0], axis=-1)
    assert ImageEncoder().fit(Images(colour, None, ["a", "b"], fit="pad")).describe() == [
        "4 x 6 pixels, colour, resized (margins added), each channel scaled by the training images' mean and deviation",
        "red: mean 0.5 and deviation 0.5",
        "green: mean 0.1 and deviation 0.1",
        "blue: mean 0 and deviation 1",
    ]


def test_channels_and_shape_have_names():
    assert ImageEncoder().fit(GREY).feature_names == ["grey"]
    encoder = ImageEncoder().fit(COLOUR)
    assert (encoder.shape, encoder.feature_names) == ((6, 8, 3), ["red", "green", "blue"])
    assert ImageEncoder().fit(COLOUR[..., :2]).feature_names == ["channel 0", "channel 1"]
    assert (repr(ImageEncoder()), repr(encoder)) == ("ImageEncoder()", "ImageEncoder(6 x 8 pixels, colour)")


# --- files ------------------------------------------------------------------------------------------------------------


def test_files_and_arrays_are_the_same_images(tmp_path):
    path = written(tmp_path / "x", GREY)
    encoder = ImageEncoder().fit(path)
    assert encoder.to_json() == ImageEncoder().fit(GREY).to_json()
    table = pd.DataFrame({"file": sorted(map(str, path.iterdir()))})
    for source in (path, str(path), sorted(path.iterdir()), table, encoder.read(path), list(GREY), GREY[..., None]):
        np.testing.assert_array_equal(encoder.transform(source), encoder.transform(GREY))


def test_files_are_brought_to_the_size_of_training_in_the_way_of_training(tmp_path):
    training = read_images(written(tmp_path / "x", [*GREY, GREY[0][:4]]), size=(4, 4), fit="stretch")
    encoder = through_json(ImageEncoder().fit(training))
    others = written(tmp_path / "y", np.kron(GREY, np.ones((1, 3, 2), np.uint8)))
    np.testing.assert_array_equal(encoder.read(others).X, read_images(others, size=(4, 4), fit="stretch").X)
    assert encoder.transform(others).shape == (20, 4, 4, 1)


def test_lists_of_arrays_are_brought_to_the_size_of_training_too():
    encoder = ImageEncoder().fit(read_images([*GREY, GREY[0][:4]], size=(5, 5), fit="pad"))
    assert encoder.transform([GREY[0], GREY[1][:, :3]]).shape == (2, 5, 5, 1)


def test_channels_asked_for_in_training_are_asked_for_again(tmp_path):
    colour, grey = written(tmp_path / "c", COLOUR), written(tmp_path / "g", GREY)
    as_grey = through_json(ImageEncoder().fit(read_images(colour, mode="grey")))
    assert as_grey.transform(colour).shape == (20, 6, 8, 1)
    assert ImageEncoder().fit(colour).transform(grey).shape == (20, 6, 8, 3)


def test_damaged_files_are_skipped_by_read_when_asked(tmp_path):
    path = written(tmp_path / "x", GREY)
    encoder = ImageEncoder().fit(path)
    (path / "005.png").write_bytes(b"x")
    with pytest.raises(DataError, match=r"1 of 20 images cannot be read: 005\.png"):
        encoder.transform(path)
    assert len(encoder.read(path, skip_damaged=True)) == 19


# --- images unlike those of training ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("training", "others", "says"), [
    (GREY, COLOUR, "images are colour, those of training grey: .*mode='grey'"),
    (COLOUR, GREY, "images are grey, those of training colour: .*mode='colour'"),
    (COLOUR, COLOUR[..., :2], "images are 2 channels, those of training colour: give images of 3 channels"),
    (GREY, GREY[:, :4], r"images are 4 x 8 pixels .* training 6 x 8: .*size=\(6, 8\)"),
    (GREY, GREY[0], "not .* One image alone"),
])
def test_other_channels_and_sizes_name_both(training, others, says):
    with pytest.raises(ShapeError, match=says):
        ImageEncoder().fit(training).transform(others)


@pytest.mark.parametrize("training", [GREY, GREY / 255], ids=["bytes", "0 to 1"])
def test_bytes_and_numbers_from_0_to_1_are_the_same_images(training):
    encoder = ImageEncoder().fit(training)
    np.testing.assert_allclose(encoder.transform(GREY), encoder.transform(GREY / 255), atol=1e-6)


@pytest.mark.parametrize(("training", "others", "says"), [
    (GREY, GREY.astype(float), r"values from 0 to 199, those of training from 0 to 1: .*X\.astype\('uint8'\)"),
    (GREY / 255, GREY.astype(int), "values from 0 to 199, those of training from 0 to 0.78"),
    (GREY.astype(float), GREY, "are bytes, those of training other numbers, from 0 to 199"),
])
def test_numbers_of_another_scale_are_refused(training, others, says):
    with pytest.raises(DataError, match=says):
        ImageEncoder().fit(training).transform(others)


@pytest.mark.parametrize(("training", "others", "says"), [
    (GREY // 128, GREY, "bytes from 0 to 199, those of training bytes of 0 and 1 only"),
    (GREY / 199, GREY // 128, "bytes of 0 and 1 only, which is next to black"),
    (GREY.astype(np.uint16) * 20, GREY / 255, "values from 0 to 0.780392, those of training from 0 to 3980"),
])
def test_numbers_of_0_to_1_among_others_are_refused(training, others, says):
    with pytest.raises(DataError, match=says):
        ImageEncoder().fit(training).transform(others)


def test_masks_are_the_same_in_every_type():
    masks = GREY // 128
    encoder = ImageEncoder().fit(masks)
    for dtype in (bool, np.int64, np.float32):
        others = masks.astype(dtype) if dtype is not bool else masks
        np.testing.assert_allclose(encoder.transform(others), encoder.transform(masks), atol=1e-5)


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.int32, np.int64, np.float32, np.float64])
def test_a_narrow_range_of_many_levels_is_standardised(dtype):
    Z = ImageEncoder().fit_transform((GREY // 3 + np.uint16(520)).astype(dtype), dtype=np.float64)
    np.testing.assert_allclose([Z.mean(), Z.std()], [0, 1], atol=1e-6)


def test_the_depth_and_range_of_training_are_kept_and_told():
    encoder = ImageEncoder().fit(GREY // 3 + np.uint16(520))
    assert ImageEncoder.from_json(encoder.to_json()).describe() == encoder.describe()
    assert "16 bits, values 520 to 586, scaled by the training images' mean 5" in encoder.describe()[0]


def test_descriptions_of_before_are_read_and_stay_as_they_are():
    state = {name: value for name, value in ImageEncoder().fit(GREY).to_json().items() if name not in ("dtype", "span")}
    encoder = ImageEncoder.from_json(state)
    assert encoder.to_json() == state
    np.testing.assert_array_equal(encoder.transform(GREY), ImageEncoder().fit(GREY).transform(GREY))


def test_images_are_called_the_same_only_if_they_are():
    almost = np.full((5, 4, 4), 1000, np.float32)
    almost[2, 1, 1] = np.nextafter(np.float32(1000), np.float32(2000))
    with pytest.raises(DataError, match=r"differ only from 1000 to 1000.00006, which is rounding"):
        ImageEncoder().fit(almost)
    ImageEncoder().fit(np.full((5, 4, 4), 60000, np.uint16) + (np.arange(5) == 2)[:, None, None].astype(np.uint16))


def test_not_a_number_is_named_in_any_block():
    X = RANDOM.random((300, 64, 64), dtype=np.float32)
    encoder = ImageEncoder().fit(X)
    X[271, 3, 5] = np.inf
    with pytest.raises(DataError, match="Image 271 holds inf"):
        encoder.transform(X)


def test_transform_before_fit_says_so():
    for use in (lambda e: e.transform(GREY), lambda e: e.read("x"), lambda e: e.describe(), lambda e: e.to_json()):
        with pytest.raises(ArgumentError, match="call fit"):
            use(ImageEncoder())


# --- state ------------------------------------------------------------------------------------------------------------

SHAPES = arrays.array_shapes(min_dims=3, max_dims=4, min_side=1, max_side=4)


@given(st.one_of(arrays.arrays(np.uint8, SHAPES),
                 arrays.arrays(np.float64, SHAPES, elements=st.floats(-1e19, 1e19)),
                 arrays.arrays(np.int32, SHAPES)))
def test_any_images_are_finite_and_survive_json_bit_for_bit(X):
    encoder = ImageEncoder()
    try:
        Z = encoder.fit_transform(X)
    except (DataError, ShapeError):
        return
    again = through_json(encoder)
    assert np.isfinite(Z).all()
    assert Z.tobytes() == again.transform(X).tobytes()
    assert again.to_json() == encoder.to_json()


@pytest.mark.parametrize(("name", "value"), [
    ("height", 0), ("height", -1), ("height", 6.0), ("width", True), ("width", 10**12), ("channels", "1"),
    ("mean", []), ("mean", [0.1, 0.2]), ("mean", ["a"]), ("mean", 0.1), ("mean", [float("nan")]), ("mean", [10**400]),
    ("deviation", [0.0]), ("deviation", [-1.0]), ("deviation", [float("inf")]), ("deviation", [1e-300]),
    ("low", None), ("high", float("nan")), ("resized", "cover"), ("resized", ["crop"]), ("mode", 3), ("mode", {}),
])
def test_a_description_that_means_nothing_is_refused(name, value):
    state = ImageEncoder().fit(GREY).to_json()
    with pytest.raises(FileError, match=f"image encoder's {name} cannot be"):
        ImageEncoder.from_json(state | {name: value})


@pytest.mark.parametrize("state", [None, [], {}, {"height": 3}, "x"])
def test_a_description_with_other_entries_is_refused(state):
    with pytest.raises(FileError, match="must have the entries channels, deviation, height"):
        ImageEncoder.from_json(state)


PLAIN = st.none() | st.booleans() | st.integers(-3, 300) | st.integers() | st.floats() | st.sampled_from(["", "crop"])
JSON = PLAIN | st.lists(PLAIN, max_size=2) | st.dictionaries(st.just("a"), PLAIN)


@given(st.sampled_from(sorted(ImageEncoder().fit(GREY).to_json())), JSON)
def test_any_description_gives_an_encoder_or_an_error_of_ours(name, value):
    state = ImageEncoder().fit(GREY).to_json() | {name: value}
    try:
        encoder = ImageEncoder.from_json(state)
        assert np.isfinite(encoder.transform(np.zeros((1, *encoder.shape), np.uint8))).all()
    except CutawayError:
        pass


def test_images_made_by_hand_are_taken():
    images = Images(GREY[..., None], None, [str(i) for i in range(20)])
    np.testing.assert_array_equal(ImageEncoder().fit_transform(images), ImageEncoder().fit_transform(GREY))
