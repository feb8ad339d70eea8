"""The command line on images: folders, tables of files, .npz files."""

import io
import os
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import cutaway as ct
from cutaway.cli import main

DIGITS, LABELS = ct.datasets.load("digits")
DIGITS = (DIGITS.reshape(-1, 8, 8) * 15).astype(np.uint8)
CLASSES = np.where(LABELS < 5, "low", "high")
SHORT = ("--epochs", 2, "--hidden", 8)


def fill(folder, rows, colour=False):
    """Digits as files, a folder for each class; their names."""
    names = []
    for i in rows:
        (folder / CLASSES[i]).mkdir(parents=True, exist_ok=True)
        names.append(f"{CLASSES[i]}/{i:03}.png")
        Image.fromarray(DIGITS[i]).convert("RGB" if colour else "L").save(folder / names[-1])
    return names


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with digits in `digits`, more in `more`, in colour in `colour`, and a model of the first."""
    place = tmp_path_factory.mktemp("images")
    names = fill(place / "digits", range(240))
    fill(place / "more", range(240, 280))
    fill(place / "colour", range(20), colour=True)
    frame = pd.DataFrame({"picture": [f"digits/{name}" for name in names], "kind": CLASSES[:240], "nr": range(240)})
    frame.to_csv(place / "labels.csv", index=False)
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        patch.chdir(place)
        assert main(["fit", "digits", *map(str, SHORT), "--report", "r.html"]) == 0
    assert err.getvalue() == ""
    (place / "said.txt").write_text(out.getvalue(), encoding="utf-8")
    return place


@pytest.fixture
def here(place, monkeypatch):
    monkeypatch.chdir(place)
    return place


def bad(result, *said):
    status, out, err = result
    assert status == 2 and err.startswith("error: ") and "Traceback" not in err and out == ""
    assert all(word in err for word in said), err


def test_a_folder_from_fit_to_files(here):
    out = (here / "said.txt").read_text(encoding="utf-8")
    for said in ("240 images of 8 x 8 pixels, grey", "2 classes", "filters", "convolutional",
                 "192 images to learn from", "logistic regression", "Confusion"):
        assert said in out
    assert "Columns that matter" not in out


def test_the_report_shows_sizes_classes_and_mistakes(here):
    page = (here / "r.html").read_text(encoding="utf-8")
    for said in ("240 images of 8 x 8 pixels, grey", "2 classes", "Mistakes", ".png"):
        assert said in page
    assert "Columns that matter" not in page and "All 0 columns" not in page
    assert page.count('src="data:image/png;base64,') >= 12  # of each class, and of the mistakes
    assert b"data:image/png" not in (here / "model.safetensors").read_bytes()


def test_predictions_carry_file_names(here, run):
    status, out, err = run("predict", "model.safetensors", "more")
    found = pd.read_csv(io.StringIO(out))
    assert (status, err) == (0, "")
    assert list(found.columns) == ["file", "prediction", "probability_high", "probability_low"]
    model, images = ct.load("model.safetensors"), ct.data.read_images("more")
    assert found["file"].tolist() == images.names and found["prediction"].tolist() == model.predict(images).tolist()


def test_one_image_is_predicted(here, run):
    status, out, _ = run("predict", "model.safetensors", "digits/low/000.png")
    assert status == 0 and len(out.splitlines()) == 2


def test_evaluate_takes_labels_from_the_folders(here, run):
    status, out, err = run("evaluate", "model.safetensors", "more")
    assert (status, err) == (0, "")
    assert f"{ct.load('model.safetensors').score('more'):.3f}" in out and "Images that the model" in out


def test_inspect_shows_how_images_are_read(here, run):
    status, out, err = run("inspect", "model.safetensors")
    assert (status, err) == (0, "") and "8 x 8 pixels, grey, scaled by" in out and "conv" in out


def test_a_table_of_file_names(here, run):
    status, out, _ = run("fit", "labels.csv", "-t", "kind", *SHORT, "-o", "t.safetensors")
    assert status == 0 and "240 images" in out and "kind: 2 classes" in out
    status, out, _ = run("evaluate", "t.safetensors", "labels.csv")
    os.remove("t.safetensors")
    assert status == 0 and "given   240" in out


def test_a_table_stays_one_without_its_column_of_files(here, run):
    status, out, _ = run("fit", "labels.csv", "-t", "kind", "--drop", "picture", *SHORT, "-o", "t.safetensors")
    os.remove("t.safetensors")
    assert status == 0 and "240 rows, 3 columns" in out


def test_an_npz_file(here, run):
    np.savez("digits.npz", X=DIGITS[:100], y=CLASSES[:100])
    status, out, _ = run("fit", "digits.npz", *SHORT, "-o", "n.safetensors")
    assert status == 0 and "100 images" in out
    status, out, _ = run("predict", "n.safetensors", "digits.npz")
    os.remove("n.safetensors")
    assert status == 0 and out.splitlines()[1].startswith("image 0,")


def test_a_folder_to_test_on_and_counts_are_of_the_folder_that_is_named(here, run):
    status, out, _ = run("fit", "digits", "--test", "more", *SHORT, "-o", "t.safetensors", "--lr", 0.002)
    os.remove("t.safetensors")
    text = " ".join(out.split())
    assert status == 0 and "216 images to learn from, 24 to see when to stop, 40 for the test" in text
    counts = Counter(path.parent.name for path in here.glob("digits/*/*.png"))
    assert f"2 classes: {', '.join(f'{k} {n}' for k, n in counts.most_common())} images" in text
    assert "240 images of 8 x 8 pixels, grey, and 40 more to test on" in text


def test_many_classes_are_counted_as_classes(here, run, tmp_path):
    for k in range(10):
        (tmp_path / "ten" / str(k)).mkdir(parents=True)
        for i in range(8 + (k == 3)):
            Image.fromarray(DIGITS[10 * i + k]).save(tmp_path / "ten" / str(k) / f"{i}.png")
    text = " ".join(run("fit", tmp_path / "ten", *SHORT, "-o", "t.safetensors")[1].split())
    assert "10 classes, by images: 3 9, 0 8, 1 8, 2 8, and 6 more classes" in text


def test_size_and_augmentation(here, run):
    for option, kept in (("--augment", True), ("--no-augment", False)):
        assert run("fit", "digits", "--size", "6x6", option, *SHORT, "-q", "-o", "s.safetensors")[0] == 0
        design = ct.load("s.safetensors").design_
        assert design.n_in == (6, 6, 1) and bool(design.spec["augment"]) == kept
    assert run("predict", "s.safetensors", "more")[0] == 0
    os.remove("s.safetensors")


def test_damaged_images_are_skipped_only_when_asked(here, run, tmp_path):
    fill(tmp_path / "some", range(30))
    (tmp_path / "some" / "low" / "x.png").write_text("no image")
    bad(run("fit", tmp_path / "some", *SHORT), "low/x.png", "--skip-damaged")
    bad(run("predict", "model.safetensors", tmp_path / "some"), "low/x.png")
    assert "skipped 1 of 31" in run("fit", tmp_path / "some", *SHORT, "--skip-damaged", "-o", "d.safetensors")[1]
    os.remove("d.safetensors")
    assert run("predict", "model.safetensors", tmp_path / "some", "--skip-damaged")[1].count("\n") == 31


def test_sizes_that_differ_need_a_size(here, run, tmp_path):
    for label in "ab":
        (tmp_path / label).mkdir()
        for side in (8, 9):
            Image.new("L", (side, 8)).save(tmp_path / label / f"{side}.png")
    bad(run("fit", tmp_path, *SHORT), "2 different sizes", "--size 8x8")
    bad(run("fit", "digits", "--size", "huge"), "--size 28x28")


@pytest.mark.parametrize(("options", "said"), [
    (["digits", "--target", "kind"], "--target does not go with digits"),
    ([".", "--target", "kind"], "--target does not go with images0, a folder"),
    (["digits", "--group", "kind"], "--group does not go with digits, which holds images"),
    (["digits", "--forecast", "kind"], "--forecast does not go with digits"),
    (["digits/low"], "give each class a folder"),
    (["digits", "--test", "labels.csv", "--drop", "picture"], "--drop does not go with digits"),
    (["digits", "--test", "nowhere"], "no file or folder nowhere"),
    (["labels.csv", "-t", "kin"], "no column 'kin'"),
    (["labels.csv", "-t", "kind", "-t", "nr"], "an image has one label"),
    (["digits", "--test", "1.5"], "--test 1.5"),
])
def test_options_that_do_not_fit(here, run, options, said):
    bad(run("fit", *options), said)


def test_a_folder_without_images(here, run, tmp_path):
    bad(run("fit", tmp_path), "hold no images")


def test_channels_unlike_those_of_training(here, run):
    refused = run("predict", "model.safetensors", "colour")
    bad(refused, "colour, those of training grey", "--mode grey turns them to grey")
    assert "read_images" not in refused[2]
    status, out, err = run("predict", "model.safetensors", "colour", "--mode", "grey")
    assert status == 0 and out.startswith("file,prediction") and "in colour read as grey" in err


@pytest.mark.parametrize("command", ["predict", "evaluate", "trace"])
def test_a_size_unlike_that_of_training_names_an_option_that_there_is(here, run, tmp_path, command):
    for label, sides in (("low", (9, 9)), ("high", (8, 12))):
        (tmp_path / "odd" / label).mkdir(parents=True)
        for i, side in enumerate(sides):
            Image.new("L", (side, 9), 100 * i).save(tmp_path / "odd" / label / f"{i}.png")
    of_model = (command, "model.safetensors")
    bad(run(*of_model, tmp_path / "odd"), "Those of training are 8 x 8", "--size 8x8")
    bad(run(*of_model, tmp_path / "odd", "--size", "9x9"), "size is 9 x 9, but the model takes 8 x 8")
    assert run(*of_model, tmp_path / "odd", "--size", "8x8")[0] == 0


# ---- more than eight bits --------------------------------------------------------------------------------------------


@pytest.fixture
def detector(tmp_path, monkeypatch):
    """Forty pictures of a detector of 12 bits, whose values go from 520 to 590: a bright half is left or right."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for label in ("left", "right"):
        os.makedirs(f"shots/{label}")
        for i in range(20):
            pixels = rng.integers(520, 555, (12, 12)).astype(np.uint16)
            pixels[:, slice(0, 6) if label == "left" else slice(6, 12)] += 35
            Image.fromarray(pixels).save(f"shots/{label}/{i}.png")
    return tmp_path


def test_the_range_of_a_detector_is_looked_at(detector, run):
    status, out, err = run("fit", "shots", "--epochs", 30, "--no-augment", "--test", 0.25)
    assert (status, err) == (0, "")
    said = " ".join(out.split())
    assert "16 bits, values 520 to 589, scaled by the training images' mean" in said
    assert "40 images of more than 8 bits with values from 520 to 589" in said
    model = ct.load("model.safetensors")
    files = ct.data.read_images("shots")
    assert model.score("shots") == 1 and (model.predict(files.X) == model.predict("shots")).all()
    # and images of another depth are refused
    os.makedirs("bytes/left")
    Image.fromarray(np.arange(144, dtype=np.uint8).reshape(12, 12)).save("bytes/left/a.png")
    bad(run("predict", "model.safetensors", "bytes"), "are bytes, those of training other numbers, from 5")
    bad(run("fit", "shots", "--test", "bytes", *SHORT), "--test bytes has images of 8 bits, shots of 16 bits")


def test_classes_that_only_the_test_part_has(here, run, tmp_path):
    fill(tmp_path, range(5))
    bad(run("fit", tmp_path, "--test", "more"), "has no image of the class high")


def test_other_data_than_images(here, run, tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    bad(run("predict", "model.safetensors", tmp_path / "t.csv"), "no column of image files")
    bad(run("predict", "model.safetensors", "more", "--keep", "file"), "--keep")


def test_without_pillow(here, run, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    bad(run("fit", "digits", *SHORT), "cutaway[images]")


@pytest.mark.parametrize("command", [["fit"], ["predict", "model.safetensors"], ["trace", "model.safetensors"]])
def test_a_bomb_among_images_is_named_and_the_way_on_said(here, run, tmp_path, command):
    fill(tmp_path / "some", range(20))
    bomb = b"P5 100000 100000 255\n"
    (tmp_path / "some" / "low" / "a\x1b[2J\n<b>.png").write_bytes(bomb)
    bad(run(*command, tmp_path / "some"), "low/a\\x1b[2J\\n<b>.png (10,000,000,000 pixels", "--skip-damaged")


def test_names_of_files_and_folders_are_text(here, run, tmp_path):
    fill(tmp_path, range(30))
    (tmp_path / "low").rename(tmp_path / "<script>\x1b[31m")
    (tmp_path / "high").rename(tmp_path / "=low")
    odd = "\u202e<img src=x onerror=alert(1)>.png"
    for folder in ("<script>\x1b[31m", "=low"):
        next((tmp_path / folder).iterdir()).rename(tmp_path / folder / odd)
    model, page = tmp_path / "m.safetensors", tmp_path / "r.html"
    status, out, err = run("fit", tmp_path, *SHORT, "-o", model, "--report", page)
    assert (status, err) == (0, "") and "\x1b" not in out and "\u202e" not in out
    html = page.read_text(encoding="utf-8")
    assert "<script>\x1b" not in html and "<img src=x" not in html and "\u202e" not in html
    status, out, err = run("predict", model, tmp_path, "-o", tmp_path / "p.csv")
    cells = pd.read_csv(tmp_path / "p.csv")["file"]
    assert status == 0 and len(cells) == 30 and not any(cell.startswith("=") for cell in cells)
