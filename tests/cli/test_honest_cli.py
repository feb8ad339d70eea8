"""cutaway fit divides the rows by time or groups where a random split surely flatters, and says what it would claim."""

import numpy as np
import pandas as pd
import pytest

from cutaway.data.limits import FEWEST_NEAR

rng = np.random.default_rng(0)
QUICK = ("--epochs", 2, "--hidden", 8)


def words(text):
    return " ".join(text.split())


@pytest.fixture(autouse=True, scope="module")
def _unmeasured_ties():
    """Here they are measured."""


@pytest.fixture
def visits(tmp_path, monkeypatch):
    """visits.csv: 80 patients, five visits each; their age, size and weight tell one from the others."""
    monkeypatch.chdir(tmp_path)
    patient = np.repeat(np.arange(80), 5)
    own = rng.normal(size=(80, 3)).round(4)[patient]
    frame = pd.DataFrame(own, columns=["age", "size", "weight"]).assign(patient=patient, dose=rng.normal(size=400))
    frame["y"] = 3 * rng.normal(size=80)[patient] + frame["dose"]
    frame["well"] = np.where(frame["y"] > 0, "yes", "no")
    frame.iloc[rng.permutation(400)].to_csv("visits.csv", index=False)
    return tmp_path


@pytest.fixture
def sales(tmp_path, monkeypatch):
    """sales.csv: a price that drifts, the rows in the order of their dates."""
    monkeypatch.chdir(tmp_path)
    n = 500
    area, drift = rng.uniform(30, 150, n), 4 * np.cumsum(rng.normal(size=n))
    frame = {"sold": pd.date_range("2022-01-01", periods=n).strftime("%Y-%m-%d"), "area": area, "price": area + drift}
    pd.DataFrame(frame).to_csv("sales.csv", index=False)
    return tmp_path


def test_no_patient_is_on_two_sides_unasked_and_both_figures_are_told(visits, run):
    status, out, _ = run("fit", "visits.csv", "-t", "y", "--drop", "well", *QUICK, "--report", "r.html")
    said = words(out)
    assert status == 0 and "(no patient on two sides)" in (visits / "r.html").read_text(encoding="utf-8")
    assert "A random split would claim R² 0." in said and "a patient that was not learnt from" in said
    assert "If that is not so, add --split random." in said and "patient divides the rows and is not an input" in said
    assert said.index("A random split would claim") < said.index("Design")


def test_random_overrules(visits, run):
    status, out, _ = run("fit", "visits.csv", "-t", "y", "--drop", "well", *QUICK, "--split", "random")
    assert status == 0 and "random split" not in out and "patient divides" not in words(out)


def test_of_classes_each_part_has_its_share(visits, run):
    status, out, _ = run("fit", "visits.csv", "-t", "well", "--drop", "y", *QUICK, "--split", "groups:patient")
    assert status == 0 and "a random split" not in out.lower() and "patient divides the rows" in words(out)


def test_targets_that_drift_are_tested_on_the_latest_rows(sales, run):
    status, out, _ = run("fit", "sales.csv", "-t", "price", *QUICK, "-o", "m.safetensors")
    said = "The test rows are therefore the latest by sold (the rows are in its order)"
    assert status == 0 and said in words(out)
    assert "To forecast the steps to come instead: --forecast TARGET --time sold." in words(out)
    assert "the latest by sold" in run("inspect", "m.safetensors")[1]


@pytest.mark.parametrize(("way", "how"), [("time", "the latest by sold"), ("time:sold", "the latest by sold")])
def test_a_way_finds_its_column(sales, run, way, how):
    run("fit", "sales.csv", "-t", "price", *QUICK, "--split", way, "-o", "m.safetensors")
    assert how in words(run("inspect", "m.safetensors")[1])


def test_without_a_column_of_time_it_is_the_file_s_order(sales, run):
    run("fit", "sales.csv", "-t", "price", "--drop", "sold", *QUICK, "--split", "time", "-o", "m.safetensors")
    assert "the latest by the file's order" in words(run("inspect", "m.safetensors")[1])


@pytest.mark.parametrize(("options", "says"), [
    (["--split", "chance"], "--split chance: give auto, random, time or groups"),
    (["--split", "random:sold"], "--split random:sold: give auto, random"),
    (["--split", "time:when"], "--time: sales.csv has no column 'when'"),
    (["--split", "groups"], "no column of sales.csv looks as if it named what rows belong to"),
    (["--split", "random", "--time", "sold"], "the rows are divided in one way"),
    (["--split", "time:area", "--time", "sold"], "the rows are divided in one way"),
    (["--split", "time", "--test", "sales.csv"], "leave the options out that divide the rows"),
], ids=["no way", "a column for random", "no such column", "no groups", "two ways", "two columns", "a test file"])
def test_what_a_split_cannot_mean_is_refused(sales, run, options, says):
    status, out, err = run("fit", "sales.csv", "-t", "price", *QUICK, *options)
    assert status != 0 and says in words(err) and "Training" not in out


def test_too_few_rows_are_divided_by_chance(sales, run):
    pd.read_csv("sales.csv").head(FEWEST_NEAR - 1).to_csv("few.csv", index=False)
    status, out, _ = run("fit", "few.csv", "-t", "price", *QUICK)
    assert status == 0 and "random split" not in out


def test_rivals_are_compared_where_asked_and_in_a_report(sales, run):
    asked = ("fit", "sales.csv", "-t", "price", *QUICK, "--split", "random")
    status, out, _ = run(*asked, "--rivals", "-o", "m.safetensors")
    table = out.partition("Or rather")[2]
    assert status == 0 and all(name in table for name in ("linear", "boosting", "network", "mean of the three"))
    assert "Or rather" in run("inspect", "m.safetensors")[1]
    assert "Or rather" not in run(*asked)[1]


def test_rows_that_stand_on_both_sides_are_counted(sales, run):
    frame = pd.read_csv("sales.csv")
    pd.concat([frame, frame.iloc[:20]]).to_csv("twice.csv", index=False)
    said = words(run("fit", "twice.csv", "-t", "price", *QUICK, "--split", "random")[1])
    count = int(said.partition(" of the 104 test rows stand among those to learn from, too")[0].split()[-1])
    assert 1 <= count <= 20
    assert "stand among those" not in run("fit", "sales.csv", "-t", "price", *QUICK, "--split", "random")[1]
