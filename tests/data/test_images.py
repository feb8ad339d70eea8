"""read_images: any source becomes one array of upright 8-bit images; what is damaged or unclear is named."""

import contextlib
import os
import struct
import subprocess
import sys
import zlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cutaway.data import holds_images, read_images
from cutaway.errors import ArgumentError, CutawayError, DataError, ShapeError

RANDOM = np.random.default_rng(0)
GREY = RANDOM.integers(0, 256, (6, 8), dtype=np.uint8)
COLOUR = RANDOM.integers(0, 256, (6, 8, 3), dtype=np.uint8)
#: A picture whose four quarters differ, so that every turn of it looks different.
QUARTERS = np.kron(np.array([[0, 80], [160, 240]], dtype=np.uint8), np.ones((8, 16), dtype=np.uint8))


@pytest.fixture
def folder(tmp_path):
    """Write images (arrays, Pillow images or bytes) by name into a folder, and give the folder."""

    def write(**files):
        for name, content in files.items():
            path = tmp_path / name.replace("__", "/").replace("_", ".")
            path.parent.mkdir(exist_ok=True)
            if isinstance(content, bytes):
                path.write_bytes(content)
            else:
                (Image.fromarray(content) if isinstance(content, np.ndarray) else content).save(path)
        return tmp_path

    return write


def bytes_of(path):
    return path.read_bytes()


def bomb(side):
    """A PNG of a few bytes whose header asks for side x side pixels."""

    def chunk(kind, content=b""):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)) + chunk(b"IDAT")


# --- folders ----------------------------------------------------------------------------------------------------------


def test_subfolders_are_the_labels(folder):
    images = read_images(folder(dog__2_png=GREY, cat__b_png=255 - GREY, cat__a_PNG=GREY))
    assert images.names == ["cat/a.PNG", "cat/b.png", "dog/2.png"]
    assert images.y.tolist() == ["cat", "cat", "dog"]
    assert images.X.dtype == np.uint8
    np.testing.assert_array_equal(images.X[..., 0], [GREY, 255 - GREY, GREY])
    assert images.notes == []


def test_a_folder_without_subfolders_has_no_labels(folder):
    images = read_images(str(folder(b_png=GREY, a_png=GREY)))
    assert (images.names, images.y) == (["a.png", "b.png"], None)


def test_what_is_no_image_is_ignored_and_counted(folder):
    path = folder(cat__1_png=GREY, dog__1_png=GREY, cat___DS_Store=b"x", cat__Thumbs_db=b"x", dog__a_txt=b"", b_md=b"")
    (path / "empty").mkdir()
    (path / "dog" / "inner").mkdir()
    images = read_images(path)
    assert len(images) == 2
    assert images.notes == [
        "ignored 2 hidden files",
        "ignored 2 files not named as images (.md, .txt)",
        "did not look into 1 folder further inside (dog/inner)",
        "no images in 1 subfolder (empty)",
    ]


def test_images_beside_subfolders_of_images_are_refused(folder):
    with pytest.raises(DataError, match=r"images of its own \(1\.png\) beside subfolders of images \(cat\)"):
        read_images(folder(**{"1_png": GREY, "cat__1_png": GREY}))


def test_images_two_folders_deep_say_which_folder_to_name(folder):
    path = folder(train__x=b"")
    (path / "train" / "cat").mkdir()
    Image.fromarray(GREY).save(path / "train" / "cat" / "1.png")
    with pytest.raises(DataError, match=r"in train/cat: name .*train, so that its subfolders are the labels"):
        read_images(path)


def test_a_folder_without_images_says_what_it_holds(folder):
    with pytest.raises(DataError, match=r"hold no images .*its files are \.csv, \.txt"):
        read_images(folder(a_csv=b"", b_csv=b"", c_txt=b""))


# --- tables -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet"])
def test_a_table_of_file_names_finds_its_columns_by_itself(folder, suffix):
    path = folder(pics__a_png=GREY, pics__b_png=255 - GREY) / f"t.{suffix}"
    table = pd.DataFrame({"kind": ["x", "y"], "image": ["pics/b.png", "pics/a.png"]})
    table.to_parquet(path) if suffix == "parquet" else table.to_csv(path, sep="\t" if suffix == "tsv" else ",")
    if suffix != "parquet":
        path.write_text(table.to_csv(index=False, sep="\t" if suffix == "tsv" else ","))
    images = read_images(path)
    assert (images.names, images.y.tolist()) == (["pics/b.png", "pics/a.png"], ["x", "y"])
    np.testing.assert_array_equal(images.X[1, ..., 0], GREY)


def test_labels_of_a_table_may_be_numbers(folder):
    (folder(a_png=GREY, b_png=GREY) / "t.csv").write_text("file,age\na.png,31.5\nb.png,7\n")
    assert read_images(folder() / "t.csv").y.tolist() == [31.5, 7.0]


def test_with_more_columns_the_labels_are_named_or_left_out(folder):
    (folder(a_png=GREY) / "t.csv").write_text("file,age,name\na.png,31,Ada\n")
    assert read_images(folder() / "t.csv", labels="name").y.tolist() == ["Ada"]
    unlabelled = read_images(folder() / "t.csv")
    assert unlabelled.y is None
    assert "no labels" in unlabelled.notes[0] and "'age', 'name'" in unlabelled.notes[0]


def test_files_without_a_suffix_are_found_because_they_exist(folder):
    path = folder(a_png=GREY)
    (path / "a.png").rename(path / "a")
    (path / "t.csv").write_text("word,file\nb,a\n")
    assert read_images(path / "t.csv").names == ["a"]


def test_of_several_columns_of_file_names_one_must_be_chosen(folder):
    path = folder(a_png=GREY, b_png=255 - GREY)
    (path / "t.csv").write_text("left,right\na.png,b.png\n")
    with pytest.raises(DataError, match=r"more than one column, 'left', 'right': say which, such as files='left'"):
        read_images(path / "t.csv")
    np.testing.assert_array_equal(read_images(path / "t.csv", files="right").X[0, ..., 0], 255 - GREY)


@pytest.mark.parametrize(("text", "arguments", "says"), [
    ("a,b\n1,2\n", {}, "no column of image files: in none of 'a', 'b'"),
    ("f,b\na.png,2\n", {"labels": "c"}, "labels names the column 'c', but .* has 'f', 'b'"),
    ("f,b\na.png,2\n", {"files": "c"}, "files names the column 'c'"),
    ("f,b\na.png,2\n,3\n", {}, r"column 'f', row 1 \(the first row is 0\): nan is no file name"),
    ("f,b\na.png,2\ngone.png,3\n", {}, r"1 of 2 images cannot be read: gone\.png \(no such file"),
], ids=["no files", "labels", "files", "gap", "missing"])
def test_tables_that_lead_to_no_images_say_why(folder, text, arguments, says):
    (folder(a_png=GREY) / "t.csv").write_text(text)
    with pytest.raises((DataError, ArgumentError), match=says):
        read_images(folder() / "t.csv", **arguments)


# --- lists, .npz and arrays -------------------------------------------------------------------------------------------


def test_a_list_of_paths_keeps_its_order_and_takes_labels(folder):
    path = folder(a_png=GREY, b_png=255 - GREY)
    images = read_images([path / "b.png", str(path / "a.png")], labels=["x", "y"])
    np.testing.assert_array_equal(images.X[..., 0], [255 - GREY, GREY])
    assert images.y.tolist() == ["x", "y"]


def test_one_image_file_is_one_image(folder):
    assert read_images(folder(a_png=GREY) / "a.png").shape == (1, 6, 8, 1)


def test_npz_files_hold_X_and_perhaps_y(tmp_path):
    np.savez(tmp_path / "a.npz", X=np.stack([COLOUR, COLOUR]), y=[3, 4], z=["a", "b"])
    np.savez(tmp_path / "b.npz", X=GREY[np.newaxis])
    assert read_images(tmp_path / "a.npz").y.tolist() == [3, 4]
    assert read_images(tmp_path / "a.npz", labels="z").y.tolist() == ["a", "b"]
    assert read_images(tmp_path / "b.npz").shape == (1, 6, 8, 1)


@pytest.mark.parametrize(("arrays", "says"), [
    ({"X": np.array([{}], dtype=object)}, "holds Python objects, which could run code"),
    ({"x_train": np.zeros(3)}, "holds the arrays 'x_train', but no X"),
    ({"X": np.zeros((3, 2, 2)), "y": np.zeros(2)}, "3 images and these labels: 2"),
    ({"X": np.zeros((3, 2))}, r"not \(3, 2\)"),
    ({"X": np.zeros((0, 2, 2))}, "No images"),
], ids=["objects", "no X", "labels", "shape", "empty"])
def test_npz_files_without_images_say_why(tmp_path, arrays, says):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises((DataError, ShapeError), match=says):
        read_images(tmp_path / "a.npz")


@given(st.binary(max_size=200))
def test_any_bytes_called_npz_are_an_error_of_ours(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"any\.npz"):
        read_images(path)


def test_a_cut_npz_file_is_an_error_of_ours(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", X=np.stack([COLOUR] * 9))
    whole = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(whole[:100] + whole[140:])
    with pytest.raises(DataError, match=r"a\.npz cannot be read"):
        read_images(tmp_path / "a.npz")


def test_arrays_keep_their_numbers():
    floats = RANDOM.random((2, 5, 4))
    images = read_images(floats, labels=["a", "b"])
    np.testing.assert_array_equal(images.X, floats[..., np.newaxis])
    assert (images.names, images.y.tolist()) == (["image 0", "image 1"], ["a", "b"])
    assert read_images(floats > 0.5).X.tolist() == ((floats > 0.5) * 255)[..., np.newaxis].tolist()


def test_images_can_be_picked_like_rows():
    some = read_images(np.arange(24).reshape(4, 2, 3), labels=list("abcd"))[np.array([3, 1])]
    assert (some.X[:, 0, 0, 0].tolist(), some.y.tolist(), some.names) == ([18, 6], ["d", "b"], ["image 3", "image 1"])


def test_arrays_of_different_sizes_are_brought_to_the_size_asked_for():
    images = read_images([np.full((4, 6), 7.0), np.full((6, 4), 9.0)], size=(3, 3))
    np.testing.assert_allclose(images.X.mean(axis=(1, 2, 3)), [7, 9])
    assert images.notes == ["2 images brought to 3 x 3 pixels (the centre cut out)"]


def test_arrays_turn_grey_and_colour_as_files_do(folder):
    path = folder(a_png=COLOUR) / "a.png"
    assert abs(read_images(COLOUR[np.newaxis], mode="grey").X - read_images(path, mode="grey").X.astype(int)).max() <= 1
    assert read_images(GREY[np.newaxis], mode="colour").X.tolist() == np.stack([GREY] * 3, axis=-1)[None].tolist()


@pytest.mark.parametrize(("source", "says"), [
    (GREY, r"not \(6, 8\)\. One image alone is X\[np.newaxis\]"),
    (np.zeros((2, 3, 32, 32)), r"channels first.*transpose\(0, 2, 3, 1\)"),
    ([np.zeros((4, 6)), np.zeros((6, 4))], r"image 0 has 4 x 6 pixels \(height x width\), image 1 6 x 4 pixels"),
    ([np.zeros((4, 6)), np.zeros((4, 6, 3))], "Image 1 is colour of type float64, image 0 grey"),
    ([Image.fromarray(GREY)], "Image 0 is one of Pillow's"),
    (np.array([["a"]]), "arrays of numbers, not of <U1"),
    ([], "the list is empty"),
    ([[[1, 2], [3]]], "differ in length"),
    (None, "not of object: give a folder"),
    ("nowhere", "no file or folder nowhere"),
], ids=["one", "channels first", "sizes", "channels", "Pillow", "text", "empty", "ragged", "None", "missing"])
def test_what_are_no_images_in_memory_says_why(source, says):
    with pytest.raises((DataError, ShapeError), match=says):
        read_images(source)


# --- what a file's image looks like -----------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["png", "bmp", "gif", "tif", "webp", "pgm"])
def test_lossless_formats_give_the_pixels_that_were_written(folder, suffix):
    path = folder() / f"a.{suffix}"
    Image.fromarray(GREY).save(path, **({"lossless": True} if suffix == "webp" else {}))
    images = read_images(path, mode="grey")
    np.testing.assert_array_equal(images.X[0, ..., 0], GREY)


@pytest.mark.parametrize(("suffix", "apart"), [("png", 0), ("jpg", 8), ("tif", 0)])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_photos_are_turned_upright(tmp_path, suffix, apart, orientation):
    turned = {1: lambda a: a, 2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud, 5: np.transpose,
              6: lambda a: np.rot90(a, 1), 7: lambda a: np.rot90(a, 2).T, 8: lambda a: np.rot90(a, 3)}
    stored = Image.fromarray(np.ascontiguousarray(turned[orientation](QUARTERS)))
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / f"a.{suffix}", exif=exif)
    pixels = read_images(tmp_path / f"a.{suffix}").X[0, ..., 0]
    assert pixels.shape == QUARTERS.shape
    assert abs(pixels - QUARTERS.astype(int)).max() <= apart


def test_transparency_is_laid_over_white(folder):
    alpha = np.dstack([COLOUR, np.full((6, 8), 255, np.uint8)])
    alpha[0, :, 3], alpha[1, :, 3] = 0, 128
    clear = Image.fromarray(GREY)
    images = read_images(folder(a_png=alpha, b_png=COLOUR))
    np.testing.assert_array_equal(images.X[0, 0], 255)
    np.testing.assert_allclose(images.X[0, 1], 255 - (255 - COLOUR[1].astype(int)) * 128 / 255, atol=1)
    np.testing.assert_array_equal(images.X[0, 2:], COLOUR[2:])
    assert images.notes == ["1 image with transparency laid over white"]
    clear.save(folder() / "c.png", transparency=int(GREY[0, 0]))
    assert read_images(folder() / "c.png").X[0, 0, 0, 0] == 255


@pytest.mark.parametrize("suffix", ["png", "gif", "bmp", "tif"])
def test_palettes_are_looked_up(tmp_path, suffix):
    paletted = Image.fromarray(COLOUR).quantize(16)
    paletted.save(tmp_path / f"a.{suffix}")
    np.testing.assert_array_equal(read_images(tmp_path / f"a.{suffix}").X[0], np.asarray(paletted.convert("RGB")))


def test_a_palette_of_greys_is_grey(folder):
    paletted = Image.fromarray(GREY).quantize(16)
    assert read_images(folder(a_png=paletted)).shape == (1, 6, 8, 1)


def test_sixteen_bits_become_eight(folder):
    deep = GREY.astype(np.uint16) * 257
    images = read_images(folder(a_png=deep, b_tif=deep))
    np.testing.assert_array_equal(images.X[..., 0], [GREY, GREY])
    assert images.notes == ["2 images of more than 8 bits reduced to 256 levels"]


def test_floating_point_files_of_256_levels_are_bytes(folder):
    np.testing.assert_array_equal(read_images(folder(a_tif=(GREY / np.float32(255)))).X[0, ..., 0], GREY)


DEEP = {
    "uint16": (np.arange(48).reshape(6, 8) + 520).astype(np.uint16),
    "signed": (np.arange(48).reshape(6, 8) - 20).astype(np.int32),
    "float": np.linspace(0, 4095, 48, dtype=np.float32).reshape(6, 8),
    "float to 1": np.linspace(0, 1, 48, dtype=np.float32).reshape(6, 8) ** 2,
}


@pytest.mark.parametrize("numbers", DEEP.values(), ids=DEEP)
def test_files_of_more_than_8_bits_keep_their_numbers(folder, numbers):
    images = read_images(folder(a_tif=numbers, b_tif=numbers[::-1].copy()))
    np.testing.assert_array_equal(images.X[..., 0], [numbers, numbers[::-1]])
    assert images.dtype == numbers.dtype
    assert images.notes == [f"2 images of more than 8 bits with values from {numbers.min():g} to {numbers.max():g}"]


def test_a_detector_of_12_bits_is_read_alike_from_every_format(folder):
    numbers = DEEP["uint16"]
    with (folder(a_png=numbers, b_tif=numbers) / "c.pgm").open("wb") as file:
        file.write(b"P5 8 6 65535 " + numbers.astype(">u2").tobytes())
    images = read_images(folder())
    assert images.dtype == np.uint16 and (images.X[..., 0] == numbers).all()


def test_signed_bytes_are_signed(tmp_path):
    numbers = np.arange(-24, 24, dtype=np.int8).reshape(6, 8)
    Image.fromarray(numbers.view(np.uint8)).save(tmp_path / "a.tif", tiffinfo={339: 2})
    assert read_images(tmp_path / "a.tif").X[0, ..., 0].tolist() == numbers.tolist()


def test_deep_images_are_resized_and_turned(folder, tmp_path):
    numbers = DEEP["uint16"]
    small = read_images(folder(a_png=numbers), size=(3, 4))
    assert small.dtype == np.float32 and 520 < small.X.min() < small.X.max() < 568
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(numbers).save(tmp_path / "turned.png", exif=exif)
    np.testing.assert_array_equal(read_images(tmp_path / "turned.png").X[0, ..., 0], np.rot90(numbers, -1))


def test_deep_images_beside_bytes_are_taken_as_parts_of_their_scale(folder):
    images = read_images(folder(a_png=GREY, b_png=(DEEP["uint16"] * 100).astype(np.uint16)))
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images.X[1, ..., 0], np.rint(DEEP["uint16"] * 100.0 * 255 / 65535))
    assert images.notes == ["1 image of more than 8 bits 52000 to 56700 of 65,535, reduced to 256 levels"]


@pytest.mark.parametrize("numbers", [DEEP["uint16"], np.arange(48, dtype=np.uint16).reshape(6, 8) % 2])
def test_deep_images_of_which_bytes_would_leave_nothing_are_refused_beside_them(folder, numbers):
    with pytest.raises(DataError, match=r"1 image of more than 8 bits has values from .* and the others are bytes"):
        read_images(folder(a_png=GREY, b_png=numbers))


def test_depth_overrules_what_files_hold(folder):
    deep = GREY.astype(np.uint16) * 257
    assert read_images(folder(a_png=deep), depth="numbers").X[0, ..., 0].tolist() == deep.tolist()
    assert read_images(folder(a_png=DEEP["uint16"]), depth="bytes").X.max() == 2
    with pytest.raises(ArgumentError, match="depth is 16: choose 'bytes', 'numbers' or None"):
        read_images(folder(), depth=16)


def test_not_a_number_in_a_file_is_damage(folder):
    odd = DEEP["float"].copy()
    odd[2, 3] = np.nan
    with pytest.raises(DataError, match=r"b\.tif \(it holds NaN or infinity\)"):
        read_images(folder(a_tif=DEEP["float"], b_tif=odd))


def test_colour_of_16_bits_says_that_its_upper_8_are_read(tmp_path):
    pixels = np.full((6, 8, 3), 520, ">u2") + np.arange(3, dtype=">u2")
    (tmp_path / "a.ppm").write_bytes(b"P6 8 6 65535 " + pixels.tobytes())
    images = read_images(tmp_path / "a.ppm")
    assert images.notes == ["1 image in colour of 16 bits, the upper 8 of which are read"]


def test_other_colour_models_become_red_green_and_blue(folder):
    Image.new("CMYK", (8, 6), (0, 255, 255, 0)).save(folder() / "a.tif")
    assert read_images(folder() / "a.tif").X[0, 0, 0].tolist() == [255, 0, 0]


def test_of_several_frames_the_first_is_read(folder):
    frames = [Image.fromarray(GREY), Image.fromarray(255 - GREY)]
    frames[0].save(folder() / "a.gif", save_all=True, append_images=frames[1:])
    images = read_images(folder() / "a.gif", mode="grey")
    np.testing.assert_array_equal(images.X[0, ..., 0], GREY)
    assert images.notes == ["1 image in files of several: only the first is read"]


def test_images_are_grey_only_if_all_are(folder):
    path = folder(a_png=GREY)
    assert read_images(path).shape == (1, 6, 8, 1)
    images = read_images(folder(b_png=COLOUR))
    np.testing.assert_array_equal(images.X[0], np.stack([GREY] * 3, axis=-1))
    assert images.notes == ["1 image in grey read as colour, like the rest"]
    assert read_images(path, mode="grey").shape == (2, 6, 8, 1)


# --- size -------------------------------------------------------------------------------------------------------------


def test_different_sizes_name_two_files_and_the_way_out(folder):
    path = folder(a_png=GREY, b_png=GREY, c_png=GREY[:4])
    with pytest.raises(DataError) as error:
        read_images(path)
    assert str(error.value) == (
        "The images have 2 different sizes: a.png has 6 x 8 pixels (height x width), c.png 4 x 8 pixels. "
        "Say which size all are brought to: size=(6, 8) (--size 6x8)."
    )


@pytest.mark.parametrize(("fit", "row"), [
    ("crop", [80, 80, 160, 160]),
    ("stretch", [0, 80, 160, 240]),
    ("pad", [120, 120, 120, 120]),  # the margin's; the picture lies in the rows between
])
def test_three_ways_to_one_size(folder, fit, row):
    stripes = np.kron(np.array([[0, 80, 160, 240]], dtype=np.uint8), np.ones((40, 20), np.uint8))
    images = read_images(folder(a_png=stripes), size=(4, 4), fit=fit)
    assert abs(images.X[0, 0, :, 0].astype(int) - row).max() <= 12
    assert (images.fit, len(images.notes)) == (fit, 1)


@pytest.mark.parametrize("fit", ["crop", "stretch", "pad"])
@pytest.mark.parametrize("shape", [(1, 50), (50, 1), (7, 5), (3, 1000)])
def test_images_of_any_proportion_fit_any_size(folder, fit, shape):
    plain = np.full(shape, 90, np.uint8)
    images = read_images(folder(a_png=plain), size=(9, 4), fit=fit)
    assert images.shape == (1, 9, 4, 1)
    assert (images.X == 90).all()


def test_margins_have_the_colour_of_the_border(folder):
    framed = np.full((8, 4, 3), [200, 30, 60], np.uint8)
    framed[3:5, 1:3] = 0
    images = read_images(folder(a_png=framed), size=8, fit="pad")
    np.testing.assert_array_equal(images.X[0, :, :2], np.full((8, 2, 3), [200, 30, 60]))
    np.testing.assert_array_equal(images.X[0, :, 2:6], framed)


@pytest.mark.parametrize("orientation", [1, 6])
def test_large_photos_are_brought_down_alike_whichever_way_they_are_stored(tmp_path, orientation):
    upright = np.kron(QUARTERS, np.ones((25, 25), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.rot90(upright, 1 if orientation == 6 else 0).copy()).save(tmp_path / "a.jpg", exif=exif)
    pixels = read_images(tmp_path / "a.jpg", size=(16, 32)).X[0, ..., 0]
    assert abs(pixels[[2, 2, 13, 13], [2, 29, 2, 29]].astype(int) - [0, 80, 160, 240]).max() <= 8


@pytest.mark.parametrize("size", ["28", "28x28", "28 X 28", 28, (28, 28), [28], np.int64(28)])
def test_sizes_are_written_in_many_ways(size):
    assert read_images(np.zeros((1, 4, 4)), size=size).shape == (1, 28, 28, 1)


@pytest.mark.parametrize("size", ["28*28", "", "x", 0, -1, (28,) * 3, 2.5, (28, None), "²", True, (10_000, 10_000)])
def test_impossible_sizes_are_refused(size):
    with pytest.raises(ArgumentError, match="size is"):
        read_images(np.zeros((1, 4, 4)), size=size)


@pytest.mark.parametrize("arguments", [{"mode": "gray"}, {"fit": "cover"}, {"files": "x"}])
def test_arguments_outside_their_values_are_refused(arguments):
    with pytest.raises(ArgumentError, match=next(iter(arguments))):
        read_images(np.zeros((1, 4, 4)), **arguments)


def test_labels_are_not_given_to_a_folder(folder):
    with pytest.raises(ArgumentError, match="subfolders are the labels"):
        read_images(folder(a_png=GREY), labels=["x"])


def test_images_larger_than_memory_are_an_error(folder, monkeypatch):
    path = folder(a_png=GREY)

    def full(*_):
        raise MemoryError

    monkeypatch.setattr("cutaway.data.image_files.np.empty", full)
    with pytest.raises(DataError, match=r"3 images of 6 x 8 pixels need .* smaller size"):
        read_images([path / "a.png"] * 3)


# --- damage -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def damaged(folder):
    """Nine good images, and one of each kind of damage."""
    path = folder(**{f"good{i}_png": GREY for i in range(9)}, big_png=np.kron(GREY, np.ones((9, 9), np.uint8)))
    whole = bytes_of(path / "good0.png")
    (path / "big.png").unlink()
    folder(cut_png=whole[:-30], empty_png=b"", text_png=b"hello, world", bomb_png=bomb(9_000), huge_png=bomb(30_000))
    (path / "link.png").symlink_to("nowhere")
    os.mkfifo(path / "pipe.png")
    return path


def test_all_damaged_images_are_named_at_once(damaged):
    with pytest.raises(DataError) as error:
        read_images(damaged)
    assert str(error.value) == (
        "7 of 16 images cannot be read: "
        "bomb.png (81,000,000 pixels, more than the 50,000,000 that are read: make it smaller); "
        "cut.png (image file is truncated); "
        "empty.png (an empty file); "
        "huge.png (900,000,000 pixels, more than the 50,000,000 that are read: make it smaller); "
        "link.png (no such file or directory); and 2 more. "
        "Fetch them again or remove them; or leave them out: skip_damaged=True (--skip-damaged)."
    )


def test_damaged_images_are_left_out_when_asked_and_noted(damaged):
    images = read_images(damaged, skip_damaged=True)
    assert images.names == [f"good{i}.png" for i in range(9)]
    np.testing.assert_array_equal(images.X[..., 0], [GREY] * 9)
    assert images.notes[0] == "followed 1 symbolic link"
    assert images.notes[1].startswith("skipped 7 of 16 images, which cannot be read: bomb.png (")


def test_labels_stay_with_their_images_when_some_are_left_out(folder):
    path = folder(a__1_png=GREY, a__2_png=b"x", b__1_png=b"x", b__2_png=255 - GREY)
    images = read_images(path, skip_damaged=True)
    assert list(zip(images.names, images.y.tolist(), strict=True)) == [("a/1.png", "a"), ("b/2.png", "b")]


def test_no_usable_image_at_all_is_an_error_even_so(folder):
    with pytest.raises(DataError, match=r"2 of 2 images cannot be read: a\.png .* None is left: fetch them again"):
        read_images(folder(a_png=b"x", b_png=b"y"), skip_damaged=True)


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "bmp", "tif", "webp"])
def test_a_file_cut_short_is_never_half_read(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(np.kron(COLOUR, np.ones((4, 4, 1), np.uint8))).save(path)
    whole = path.read_bytes()
    for share in (0.1, 0.5, 0.9):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(DataError, match=rf"a\.{suffix} \("):
            read_images(path)


@given(st.sampled_from(["png", "gif", "bmp", "tif", "webp", "jpg"]), st.data())
def test_any_change_of_a_file_gives_an_image_or_an_error_of_ours(tmp_path_factory, suffix, data):
    path = tmp_path_factory.getbasetemp() / f"any.{suffix}"
    Image.fromarray(COLOUR).save(path)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    with contextlib.suppress(CutawayError):
        assert read_images(path).X.dtype == np.uint8


def test_a_format_that_starts_other_programs_is_not_opened(folder):
    Image.fromarray(COLOUR).save(folder() / "a.eps")
    (folder() / "a.eps").rename(folder() / "a.png")
    with pytest.raises(DataError, match="no image in a known format"):
        read_images(folder())


def test_without_pillow_the_error_says_what_to_install(folder, monkeypatch):
    path = folder(a_png=GREY)
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(DataError, match=r'pip install "cutaway\[images\]"'):
        read_images(path)
    assert read_images(GREY[np.newaxis]).shape == (1, 6, 8, 1)


# --- what front doors ask ---------------------------------------------------------------------------------------------


def test_sources_of_images_are_recognised(folder):
    path = folder(cat__1_png=GREY)
    (path / "t.csv").write_text("file,label\ncat/1.png,cat\n")
    np.savez(path / "a.npz", X=GREY[np.newaxis])
    image = path / "cat" / "1.png"
    for source in (path, path / "cat", image, [image], path / "t.csv", path / "a.npz", pd.DataFrame({"f": ["1.png"]}),
                   GREY[np.newaxis], np.zeros((1, 4, 4, 3)), read_images(path)):
        assert holds_images(source), source


def test_tables_and_sequences_are_not_taken_for_images(folder):
    path = folder(a_txt=b"x")
    (path / "t.csv").write_text("a,b\n1,2\n")
    np.savez(path / "a.npz", X=np.zeros((2, 3)))
    for source in (path, path / "t.csv", path / "a.npz", path / "none.png", [1, 2], [], np.zeros((2, 3)), None,
                   np.zeros((2, 3, 4)), pd.DataFrame({"f": ["x"]}), ["a.txt"]):
        assert not holds_images(source), source


def test_importing_the_room_loads_no_image_library():
    code = "import sys, cutaway.data; print([m for m in ('PIL', 'pandas') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
