"""The command line on sequences: .ts files, long tables, .npz files, and one series to forecast."""

import gzip
import io
from contextlib import redirect_stderr, redirect_stdout

import numpy as np
import pandas as pd
import pytest

import cutaway as ct
from cutaway.cli import main

TRAIN, TEST = ct.datasets.path("italy_power", "train"), "test.ts"
SHORT = ("--epochs", 2)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with each tenth sequence of a test part, a long table of 60 patients and a series of 300 hours."""
    place = tmp_path_factory.mktemp("sequences")
    head, _, body = gzip.decompress(ct.datasets.path("italy_power", "test").read_bytes()).decode().partition("@data\n")
    (place / TEST).write_text(head + "@data\n" + "".join(body.splitlines(keepends=True)[::10]))
    rng = np.random.default_rng(0)
    rows = []
    for k in range(60):
        for t in range(int(rng.integers(5, 9))):
            rows.append({"who": f"p{k}", "day": t, "pulse": 60 + 20 * (k % 2) + rng.normal(), "ill": "ny"[k % 2]})
    pd.DataFrame(rows).sample(frac=1, random_state=0).to_csv(place / "long.csv", index=False)
    hours = pd.date_range("2024-01-01", periods=300, freq="h")
    load = 100 + 30 * np.sin(np.arange(300) * 2 * np.pi / 24) + rng.normal(0, 1, 300)
    series = pd.DataFrame({"when": hours, "load": load, "wind": rng.normal(size=300)})
    series.to_csv(place / "series.csv", index=False)
    return place


@pytest.fixture(scope="module")
def curves(place):
    """What `fit` says of given parts of a file; its model and report are curves.safetensors and r.html."""
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        assert main([*map(str, ("fit", TRAIN, "--test", place / TEST, *SHORT, "--report", place / "r.html",
                                "-o", place / "curves.safetensors"))]) == 0
    assert err.getvalue() == ""
    return out.getvalue()


@pytest.fixture
def here(place, tmp_path, monkeypatch):
    """An empty folder to work in, with the files in it."""
    monkeypatch.chdir(tmp_path)
    for name in (TEST, "long.csv", "series.csv", "curves.safetensors", "r.html"):
        (tmp_path / name).symlink_to(place / name)
    return tmp_path


def bad(result, *said):
    status, out, err = result
    assert status == 2 and err.startswith("error: ") and "Traceback" not in err and out == ""
    assert all(word in err for word in said), err


def said_in(text, *said):
    text = " ".join(text.split())
    assert all(word in text for word in said), text


# ---- files of series -------------------------------------------------------------------------------------------------


def test_given_parts_of_a_ts_file_and_what_can_be_done_with_the_model(curves, here, run):
    said_in(curves, "67 sequences of 24 time steps of 1 feature", "67 sequences to learn from, 103 for the test",
            "filters", "3 convolutional networks side by side", "ridge regression on random convolutions",
            "few sequences", "nearest neighbour")
    assert "Columns that matter" not in curves
    said_in((here / "r.html").read_text(encoding="utf-8"), "67 sequences of 24 time steps", "2 classes")
    model = ct.load("curves.safetensors")
    status, out, err = run("predict", "curves.safetensors", TEST)
    found = pd.read_csv(io.StringIO(out))
    assert (status, err) == (0, "") and list(found.columns) == ["row", "prediction", "probability_1", "probability_2"]
    assert found["prediction"].astype(str).tolist() == model.predict(TEST).tolist()
    assert f"{model.score(TEST):.3f}" in run("evaluate", "curves.safetensors", TEST)[1]
    status, out, err = run("inspect", "curves.safetensors")
    assert (status, err) == (0, "") and "shares" in out and "24 time steps of 1 feature" in out


def test_an_npz_file_of_sequences_and_a_share_of_it(here, run):
    X, y = ct.datasets.load("italy_power", "train")
    np.savez("italy.npz", X=X, y=y)
    status, out, _ = run("fit", "italy.npz", "--test", 0.25, *SHORT)
    assert status == 0
    said_in(out, "67 sequences of 24 time steps", "50 sequences to learn from, 17 for the test")
    assert run("evaluate", "model.safetensors", "italy.npz")[0] == 0


def test_an_npz_file_of_a_table(here, run):
    rng = np.random.default_rng(0)
    np.savez("table.npz", X=rng.normal(size=(60, 3)), y=rng.integers(0, 2, 60))
    status, out, _ = run("fit", "table.npz", *SHORT)
    assert status == 0 and "60 rows, 4 columns" in out and "y: 2 classes" in out
    assert run("evaluate", "model.safetensors", "table.npz")[0] == 0


def test_a_test_table_of_its_own(here, run):
    frame = pd.read_csv("series.csv")
    frame[:200].to_csv("a.csv", index=False)
    frame[200:].to_csv("b.csv", index=False)
    status, out, _ = run("fit", "a.csv", "-t", "load", "--test", "b.csv", *SHORT)
    assert status == 0
    said_in(out, "180 rows to learn from, 20 to see when to stop, 100 for the test")


# ---- long tables -----------------------------------------------------------------------------------------------------


def test_a_long_table_from_fit_to_the_steps_that_matter(here, run):
    status, out, err = run("fit", "long.csv", "--id", "who", "--time", "day", "-t", "ill", "--epochs", 10)
    assert (status, err) == (0, "")
    said_in(out, "60 sequences of 5 to 8 time steps of 1 feature", "ill: 2 classes")
    status, out, err = run("predict", "model.safetensors", "long.csv")
    found = pd.read_csv(io.StringIO(out))
    assert (status, err) == (0, "") and list(found.columns)[:2] == ["who", "prediction"] and len(found) == 60
    assert (found["prediction"] == ["ny"[int(who[1:]) % 2] for who in found["who"]]).mean() > 0.9
    assert run("evaluate", "model.safetensors", "long.csv")[0] == 0
    status, out, err = run("explain", "model.safetensors", "long.csv", "--picture", "w.svg", "-o", "w.json")
    assert (status, err) == (0, "") and (here / "w.svg").exists() and (here / "w.json").exists()
    said_in(out, "Sequences of long.csv", "most hangs on step", "integrated gradients say the same", "w.svg")
    bad(run("explain", "model.safetensors", "long.csv", "--row", 1), "--row is for columns of a table")


# ---- forecasts -------------------------------------------------------------------------------------------------------


def test_a_series_is_forecast_from_its_windows_and_a_model_has_its_window_and_its_gaps(torn, run):
    status, out, err = run("fit", "series.csv", "--forecast", "load", "--time", "when", "--window", 12, *SHORT)
    assert (status, err) == (0, "")
    said_in(out, "288 windows of 12 steps with 1 to forecast", "ridge regression", "the last value again has R²")
    status, out, err = run("predict", "model.safetensors", "series.csv")
    found = pd.read_csv(io.StringIO(out))
    assert (status, err) == (0, "") and found["row"].tolist() == list(range(12, 301))
    assert run("evaluate", "model.safetensors", "series.csv")[0] == 0
    status, _, err = run("evaluate", "model.safetensors", "torn.csv")
    assert status == 0 and "30 steps of 1 hour are missing" in err and "--gaps" not in err
    pd.read_csv("series.csv").head(12).to_csv("short.csv", index=False)
    bad(run("evaluate", "model.safetensors", "short.csv"), "windows of 12 with the 1 that follow: give at least")


def test_several_steps_ahead_are_tested_on_the_latest_windows(here, run):
    status, out, _ = run("fit", "series.csv", "--forecast", "load", "--drop", "when", "--horizon", 2, *SHORT)
    assert status == 0 and "load +2" in out
    said_in(run("inspect", "model.safetensors")[1], "the latest, none of which an earlier part has seen")
    assert run("predict", "model.safetensors", "series.csv")[1].startswith("row,prediction_load +1,prediction_load +2")


@pytest.fixture
def torn(here):
    """The series without 30 hours in its middle, its rows in any order."""
    whole = pd.read_csv("series.csv")
    whole.drop(range(100, 130)).sample(frac=1, random_state=0).to_csv("torn.csv", index=False)
    whole[::2].to_csv("coarse.csv", index=False)
    return whole


def test_a_series_with_missing_hours_says_so_and_joins_nothing(torn, run):
    status, out, err = run("fit", "torn.csv", "--forecast", "load", "--time", "when", "--window", 12, *SHORT)
    assert (status, err) == (0, "")
    said_in(out, "time goes in steps of 1 hour, from 2024-01-01 to 2024-01-13 11:00:00", "in the order of 'when'",
            "'when' has 1 gap, where 30 steps of 1 hour are missing after 2024-01-05 03:00:00; 12 windows across a gap "
            "left out", "--gaps fill", "246 windows")
    status, out, err = run("predict", "model.safetensors", "torn.csv")
    assert status == 0 and "12 windows across a gap left out" in err
    assert pd.read_csv(io.StringIO(out))["row"].tolist() == [*range(12, 100), *range(112, 271)]
    assert "has learnt steps of 1 hour" in run("predict", "model.safetensors", "coarse.csv")[2]


def test_missing_hours_are_filled_joined_or_refused_as_asked(torn, run):
    how = ("--forecast", "load", "--time", "when", "--window", 12, *SHORT, "--gaps")
    assert "276 windows" not in run("fit", "torn.csv", *how, "fill")[1]
    assert len(run("predict", "model.safetensors", "torn.csv")[1].splitlines()) == 1 + 300 - 12 + 1
    assert "258 windows" in run("fit", "torn.csv", *how, "join")[1]
    bad(run("fit", "torn.csv", *how, "refuse"), "30 steps of 1 hour are missing", "--gaps fill")
    bad(run("fit", "series.csv", "--forecast", "load", "--drop", "when", "--gaps", "fill"), "name it with --time")
    bad(run("fit", "series.csv", "-t", "load", "--gaps", "fill"), "--gaps does not go with")


def test_a_window_that_fits_nowhere_is_named_as_the_command_line_names_it(torn, run):
    how = ("--forecast", "load", "--time", "when", *SHORT)
    bad(run("fit", "torn.csv", *how, "--window", 200), "Set a smaller --window, or: --gaps fill")
    bad(run("fit", "series.csv", *how, "--window", 400), "set a smaller --window or --horizon")


def test_times_of_ten_digits_are_told_to_the_second(torn, run):
    whole = pd.read_csv("series.csv").assign(when=1_700_000_000 + 3600 * np.arange(300)).drop(range(100, 130))
    whole.to_csv("seconds.csv", index=False)
    said_in(run("fit", "seconds.csv", "--forecast", "load", "--time", "when", *SHORT)[1], "missing after 1700356400")


def test_a_time_that_stands_twice_is_an_error(torn, run):
    pd.concat([torn, torn[5:7]]).to_csv("twice.csv", index=False)
    bad(run("fit", "twice.csv", "--forecast", "load", "--time", "when", *SHORT),
        "'when' is 2024-01-01 05:00:00 in lines 7 and 302", "1 more row like that")


def test_rows_in_the_order_of_the_file_name_a_column_that_may_be_the_time(torn, run):
    torn.assign(hour=np.arange(300)).to_csv("hours.csv", index=False)
    said_in(run("fit", "hours.csv", "--forecast", "load", "--drop", "when", *SHORT)[1], "--time hour finds steps")


# ---- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("options", "said"), [
    ([TRAIN, "--target", "x"], "--target does not go with"),
    ([TRAIN, "--size", "3"], "--size does not go with"),
    ([TRAIN, "--augment"], "--augment varies images"),
    ([TRAIN, "--horizon", "2"], "--horizon does not go with"),
    ([TRAIN, "--test", "long.csv"], "it holds a table"),
    (["long.csv", "--id", "who", "-t", "ill"], "--time, the one that orders them"),
    (["long.csv", "--id", "who", "--time", "day"], "--target: name the column"),
    (["long.csv", "--id", "whom", "--time", "day", "-t", "ill"], "Did you mean 'who'?"),
    (["long.csv", "-t", "ill", "--window", "3"], "without --forecast"),
    (["series.csv", "--forecast", "lod"], "Did you mean 'load'?"),
    (["series.csv", "--forecast", "load"], "--drop; or --time"),
    (["series.csv", "--forecast", "load", "-t", "load"], "--target does not go with --forecast"),
    (["series.csv", "--forecast", "load", "--time", "when", "--window", "300"], "needs 301"),
    (["series.csv", "--forecast", "load", "--time", "when", "--test", "long.csv"], "leave the options out"),
    (["series.csv"], "--target: name the column"),
])
def test_options_that_do_not_fit(here, run, options, said):
    bad(run("fit", *options, *SHORT), said)


@pytest.mark.parametrize(("lines", "said"), [
    ("@classLabel true a b\n@data\n:a\n1,2:b\n", "line 3"),
    ("@classLabel false\n@data\n1,2\n3,4\n5,7\n", "@classLabel"),
    ("1,2:a\n", "no .ts file"),
], ids=["length zero", "no labels", "no header"])
def test_damaged_series(here, run, lines, said):
    (here / "s.ts").write_text(lines)
    bad(run("fit", "s.ts", *SHORT), "s.ts", said)


def test_other_data_than_in_training(curves, here, run):
    run("fit", "series.csv", "-t", "load", *SHORT, "--split", "random", "-q", "-o", "t.safetensors")
    bad(run("predict", "curves.safetensors", "long.csv"), "--id")
    bad(run("predict", "curves.safetensors", ct.datasets.path("japanese_vowels")), "12 features a time step, but")
    bad(run("predict", "t.safetensors", TEST), "holds sequences")
