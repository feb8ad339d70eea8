"""The command line on forecasts by time: a file with holes becomes a forecast with its band in two commands."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cutaway as ct
from cutaway.cli import main


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with an hourly load of eight days, without 20 of its hours, and the model of it."""
    place = tmp_path_factory.mktemp("forecasts")
    rng = np.random.default_rng(0)
    hours = pd.date_range("2026-01-05", periods=192, freq="h")
    load = 100 + 30 * np.sin(hours.hour * 2 * np.pi / 24) + rng.normal(0, 1, 192)
    frame = pd.DataFrame({"when": hours, "load": load.round(2)})
    frame.drop(index=range(100, 120)).to_csv(place / "load.csv", index=False)
    both = pd.concat([frame.assign(shop="a", holiday=0), frame.assign(shop="b", load=2 * frame["load"], holiday=0)])
    both.to_csv(place / "shops.csv", index=False)
    return place


@pytest.fixture
def here(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("load.csv", "shops.csv"):
        (tmp_path / name).symlink_to(place / name)
    return tmp_path


BY_TIME = ("--forecast", "load", "--time", "when", "--horizon", 6, "--window", 24, "--threads", 1)
BRIEF = ("--test", 0.02)  # room for one cut: of three, a forecaster is fitted behind each


def words(text):
    return " ".join(text.split())


@pytest.fixture(scope="module")
def early(place):
    """The file of a model that has learnt from the first seven days, early.csv."""
    data, model = place / "early.csv", place / "early.safetensors"
    pd.read_csv(place / "load.csv").head(144).to_csv(data, index=False)
    assert main([str(a) for a in ("fit", data, *BY_TIME, *BRIEF, "-q", "-o", model)]) == 0
    return model


def test_two_commands_make_a_forecast_of_a_file_with_holes(here, run):
    status, out, err = run("fit", "load.csv", *BY_TIME, "--report", "r.html")
    assert (status, err) == (0, "")
    for said in ("1 series of 192 steps, 1 hour apart, from 2026-01-05 to 2026-01-12 23:00:00",
                 "20 steps of 1 hour are missing in 1 gap", "seasonal naive", "ridge on all lags", "wins: MASE",
                 "coverage (80% asked)", "cutaway predict model.safetensors load.csv"):
        assert said in words(out), said
    status, out, err = run("predict", "model.safetensors", "load.csv", "-o", "f.csv", "--picture", "f.svg")
    found = pd.read_csv("f.csv")
    assert (status, out) == (0, "") and "6 steps of 1 series forecast, written to f.csv, drawn in f.svg" in words(err)
    assert found.columns.tolist() == ["when", "forecast", "lower", "upper"]
    assert found["when"].tolist() == [f"2026-01-13 0{k}:00:00" for k in range(6)]
    assert (found["lower"] <= found["forecast"]).all() and (here / "f.svg").exists()
    again = pd.read_csv(io.StringIO(run("predict", "model.safetensors", "load.csv", "--horizon", 8)[1]))
    pd.testing.assert_frame_equal(again.head(6), found)
    assert again["when"].tolist()[6:] == ["2026-01-13 06:00:00", "2026-01-13 07:00:00"]
    assert "linear, " in (shown := words(run("inspect", "model.safetensors")[1])) or "MLP" in shown
    for command in ("evaluate", "explain"):
        status, _, err = run(command, "model.safetensors", "load.csv")
        assert status == 2 and "forecaster" in err
    page = (here / "r.html").read_text()
    assert "load" in page and "MASE" in page


def test_the_column_of_times_is_found_and_told_and_without_one_rows_are_steps(here, run):
    how = ("--forecast", "load", "--horizon", 2, "--window", 12, "--threads", 1, *BRIEF)
    frame = pd.read_csv("load.csv").tail(90)
    frame.to_csv("late.csv", index=False)
    status, out, err = run("fit", "late.csv", *how)
    assert (status, err) == (0, "")
    assert "times are those of 'when', the first column of dates: name another column if" in words(out)
    assert run("predict", "model.safetensors", "late.csv")[1].splitlines()[1].startswith("2026-01-13 00:00:00,")
    frame[["load"]].to_csv("bare.csv", index=False)
    status, out, err = run("fit", "bare.csv", *how)
    assert (status, err) == (0, "") and "1 series of 90 steps " in words(out)
    assert "rows are steps: no column says when they are" in words(out)
    assert run("predict", "model.safetensors", "bare.csv")[1].splitlines()[1].startswith("90,")


def test_several_series_and_columns_known_ahead(here, run):
    status, out, err = run("fit", "shops.csv", *BY_TIME, "--id", "shop", "--known", "holiday", "-q")
    assert status == 2 and "'holiday' holds nothing that can be learnt from" in err
    frame = pd.read_csv("shops.csv")
    frame["holiday"] = frame["when"].str[:10].isin(["2026-01-07", "2026-01-11"]).astype(int)
    frame.to_csv("all.csv", index=False)
    status, out, err = run("fit", "all.csv", *BY_TIME, *BRIEF, "--id", "shop", "--known", "holiday", "-q")
    assert status == 0 and "wins: MASE" in out and "Data" not in out
    status, _, err = run("predict", "model.safetensors", "all.csv")
    assert status == 2 and "'holiday' is known ahead" in err and "of 'a' is not given" in err
    times = pd.date_range("2026-01-13", periods=6, freq="h").astype(str)
    coming = pd.concat([pd.DataFrame({"when": times, "shop": shop, "holiday": 0}) for shop in "ab"])
    pd.concat([frame, coming]).to_csv("new.csv", index=False)
    status, out, _ = run("predict", "model.safetensors", "new.csv")
    found = pd.read_csv(io.StringIO(out))
    assert status == 0 and found["shop"].tolist() == ["a"] * 6 + ["b"] * 6
    assert isinstance(ct.load("model.safetensors"), ct.forecast.Forecaster)


@pytest.mark.parametrize(("options", "said"), [
    (["load.csv", *BY_TIME, "--gaps", "refuse"], "20 steps of 1 hour are missing in 1 gap"),
    (["load.csv", *BY_TIME, "-t", "load"], "--target does not go with --forecast"),
    (["load.csv", *BY_TIME, "--group", "load"], "--group does not go with --forecast"),
    (["load.csv", *BY_TIME, "--known", "holidays"], "has no column 'holidays'"),
    (["load.csv", *BY_TIME, "--test", "shops.csv"], "leave the options out"),
    (["load.csv", *BY_TIME, "--step", "fortnight"], "give one such as '15 minutes'"),
    (["load.csv", *BY_TIME, "--zone", "Mars/North"], "Mars/North"),
    (["shops.csv", *BY_TIME], "name the column that tells them apart with --id"),
    (["load.csv", "--forecast", "load", "--epochs", 1, "--known", "when"], "--known is of forecasts: add"),
    (["load.csv", "--forecast", "load", "--hidden", 4, "--gaps", "fill"], "name it with --time"),
    (["load.csv", "--forecast", "lod", "--time", "when"], "Did you mean 'load'?"),
])
def test_what_does_not_fit_is_told(here, run, options, said):
    status, out, err = run("fit", *options)
    assert status == 2 and out == "" and said in err, err


def test_what_a_forecaster_cannot_do_is_told(here, run, early):
    Path("other.csv").write_text("date,price\n2026-01-01,1\n", encoding="utf-8")
    status, _, err = run("predict", early, "other.csv")
    assert status == 2 and "there are 'date', 'price'." in words(err)  # and no target, which the file has not
    for more, said in ((["--keep", "load"], "--keep does not go"), (["--interval", 1.5], "coverage is 1.5")):
        status, out, err = run("predict", early, "load.csv", *more)
        assert status == 2 and out == "" and said in err, err


def test_rows_that_came_later_are_scored_beside_the_rivals(here, run, early):
    status, out, _ = run("evaluate", early, "load.csv")
    assert status == 0
    for said in ("28 forecasts of up to 6 steps; 28 new steps of 1 series, the first 2026-01-11 20:00:00",
                 "seasonal naive", "ridge on all lags", "wins: MASE", "coverage (80% asked)", "+6"):
        assert said in words(out), said
    assert run("evaluate", early, "load.csv")[1] == out
    status, _, err = run("evaluate", early, early.with_suffix(".csv"))
    assert status == 2 and "forecaster" in err and "would look better than new ones" in words(err)
    status, _, err = run("evaluate", early, "load.csv", "--target", "load")
    assert status == 2 and "--target does not go with a forecaster" in err


def test_a_series_that_never_changes_is_learnt_and_forecast(here, run):
    rows = pd.DataFrame({"when": pd.date_range("2026-01-05", periods=60, freq="h"), "load": 0})
    rows.to_csv("flat.csv", index=False)
    how = ("--forecast", "load", "--time", "when", "--horizon", 2, "--window", 6, "--threads", 1, *BRIEF)
    status, out, err = run("fit", "flat.csv", *how, "-o", "flat.safetensors")
    assert status == 0 and "divide" not in err and "inf%" not in words(out) and "Steps ahead" not in out
    assert pd.read_csv(io.StringIO(run("predict", "flat.safetensors", "flat.csv")[1]))["forecast"].tolist() == [0, 0]
