"""Folders and tables of recordings as a Series: labels, features, and every error by the name of its file."""

import numpy as np
import pytest
from scipy.io import wavfile

import cutaway as ct
from cutaway.data import read_recordings
from cutaway.data.formats import format_of
from cutaway.errors import ArgumentError, DataError

PARTS = {"calm/a.csv": "t,x,y\n0,1,2\n1,3,4\n", "calm/b.csv": "t,x,y\n1,7,8\n0,5,6\n2,9,0\n",
         "wild/a.csv": "t,x,y\n0,,1\n"}


@pytest.fixture
def make(tmp_path):
    def made(files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(text, str):
                path.write_text(text)
            elif isinstance(text, tuple):
                wavfile.write(path, *text)
            else:
                path.write_bytes(text)
        return tmp_path
    return made


def sound(n=10, rate=1000, channels=1):
    return rate, np.zeros((n, channels), np.int16) + 3


def test_subfolders_are_labels_and_rows_are_steps(make):
    series = read_recordings(make(PARTS))
    assert series.features == ["t", "x", "y"] and series.y.tolist() == ["calm", "calm", "wild"]
    assert series.ids.tolist() == list(PARTS) and series.X.lengths.tolist() == [2, 3, 1]
    assert series.X.rows()[0].tolist() == [[0, 1, 2], [1, 3, 4]] and series.notes == ["1 value missing of 18"]


def test_time_orders_the_steps_and_is_no_feature(make):
    series = read_recordings(make(PARTS), time="t")
    assert series.features == ["x", "y"] and series.X.rows()[1].tolist() == [[5, 6], [7, 8], [9, 0]]
    assert read_recordings(make(PARTS), time="t", features=["y"]).X.rows()[1].tolist() == [[6], [8], [0]]


def test_a_folder_without_subfolders_has_no_labels(make):
    series = read_recordings(make({"a.csv": "x\n1\n2\n", "b.csv": "x\n3\n4\n"}))
    assert series.y is None and series.X[:, :, 0].tolist() == [[1, 2], [3, 4]]


def test_a_table_names_files_and_labels(make):
    folder = make(PARTS | {"list.csv": "file,kind,who\nwild/a.csv,w,1\ncalm/a.csv,c,2\n"})
    series = read_recordings(folder / "list.csv", target="kind", time="t")
    assert series.y.tolist() == ["w", "c"] and series.ids.tolist() == ["wild/a.csv", "calm/a.csv"]
    with pytest.raises(ArgumentError, match="target names 'kin'"):
        read_recordings(folder / "list.csv", target="kin")
    assert "no labels: list.csv has kind, who" in read_recordings(folder / "list.csv").notes[0]


def test_sound_has_a_feature_for_each_channel(make):
    folder = make({"a/1.wav": sound(10, channels=2), "b/1.wav": sound(20, channels=2), "b/notes.txt": "x"})
    series = read_recordings(folder)
    assert series.features == ["left", "right"] and series.X.lengths.tolist() == [10, 20] and series.rate == 1000
    assert series.notes[0] == "sound of 1,000 samples a second, 0.01 to 0.02 seconds"
    assert series.notes[1] == "ignored 1 other file (notes.txt)"


@pytest.mark.parametrize(("files", "says"), [
    ({}, "hold no recordings"),
    ({"a/x.txt": "1"}, "hold no recordings"),
    ({"a/1.wav": sound(), "b/2.wav": sound(rate=2000)}, "b/2.wav has 2,000 samples a second, a/1.wav 1,000"),
    ({"a/1.wav": sound(), "b/2.wav": sound(channels=2)}, "b/2.wav has 2 channels, a/1.wav 1"),
    ({"1.wav": sound(), "b/2.wav": sound()}, "recordings of its own .1.wav. beside subfolders"),
    ({"a/1.wav": sound(), "b/2.wav": b"RIFF"}, "2.wav is no WAV file"),
    ({"a/1.csv": "x,y\n1,2\n", "b/2.csv": "x,z\n1,2\n"}, "b/2.csv: it lacks y, and has x, z"),
    ({"a/1.csv": "x\n1\n", "b/2.csv": "x\nmuch\n"}, "b/2.csv: Column 'x', row 0.*'much' is not a number"),
    ({"a/1.csv": "x\n1\n", "b/2.csv": ""}, "2.csv.*is empty"),
    ({"a/1.csv": "x\n1\n", "b/2.csv": "x\n"}, "b/2.csv"),
    ({"a/1.csv": "x\n1\n", "b/2.csv": b"\x89PNG\r\n\x1a\n" + b"\0" * 99}, "2.csv is not a table but a PNG"),
    ({"a/1.csv": "x\n1\ninf\n"}, "a/1.csv.*inf"),
])
def test_one_bad_file_is_named_and_nothing_is_half_read(make, files, says):
    with pytest.raises(DataError, match=says):
        read_recordings(make(files))


def test_files_that_a_table_names_must_be_there(make):
    folder = make(PARTS | {"list.csv": "file,kind\ncalm/a.csv,c\ncalm/none.csv,w\n", "bare.csv": "a,b\n1,2\n"})
    with pytest.raises(DataError, match=r"none\.csv"):
        read_recordings(folder / "list.csv")
    with pytest.raises(DataError, match="no column of file names"):
        read_recordings(folder / "bare.csv")
    with pytest.raises(ArgumentError, match="is a folder: the names of its subfolders"):
        read_recordings(folder, target="kind")


def test_a_folder_with_an_image_is_one_of_images(make):
    folder = make(PARTS)
    assert format_of(folder).holds == "sequences"
    make({".cache/a.png": b"\x89PNG"})
    assert format_of(folder).holds == "sequences"
    make({"calm/a.png": b"\x89PNG"})
    assert format_of(folder).holds == "images"


def test_an_estimator_takes_the_folder(make):
    rows = "".join(f"{k}\n" for k in range(5))
    folder = make({f"{kind}/{i}.csv": f"x\n{i if kind == 'up' else -i}\n{rows}" for kind in ("up", "down")
                   for i in range(1, 6)})
    model = ct.Classifier(epochs=2).fit(folder)
    assert model.classes_.tolist() == ["down", "up"] and len(model.predict(folder)) == 10
