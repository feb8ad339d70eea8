"""Doubt on the command line: intervals and quantiles as columns, and what is refused."""

import io

import numpy as np
import pandas as pd
import pytest

import cutaway as ct


def test_predict_writes_intervals(here, run, models, table):
    status, out, err = run("predict", models / "price.safetensors", "table.csv", "--interval", "0.8")
    assert (status, err) == (0, "")
    found, model = pd.read_csv(io.StringIO(out)), ct.load(models / "price.safetensors")
    assert list(found.columns) == ["prediction", "prediction_low", "prediction_high"]
    np.testing.assert_allclose(found.iloc[:, 1:], model.predict_interval(table, 0.8), rtol=1e-6)


def test_every_target_has_two_ends(here, run, models, table):
    status, out, _ = run("predict", models / "two.safetensors", "table.csv", "--interval", "0.8")
    assert status == 0 and out.splitlines()[0].split(",") == [
        "prediction_price", "prediction_area", "prediction_price_low", "prediction_price_high", "prediction_area_low",
        "prediction_area_high"]


@pytest.mark.parametrize(("model", "coverage", "says"), [
    ("price", "1.5", "--interval 1.5: coverage is 1.5: give the share"), ("price", "0.999", "can promise"),
    ("kind", "0.9", "--interval is of numbers"),
])
def test_what_cannot_be_is_refused(here, run, models, model, coverage, says):
    status, out, err = run("predict", models / f"{model}.safetensors", "table.csv", "--interval", coverage)
    assert (status, out) == (2, "") and says in " ".join(err.split())


def test_quantiles_are_learnt_and_written(here, run):
    status, out, _ = run("fit", "table.csv", "-t", "price", "--loss", "quantile", "--quantiles", "0.1,0.5,0.9",
                         "--epochs", "3", "-o", "q.safetensors", "--report", "q.html")
    assert status == 0 and "are below the quantile of 0.1" in " ".join(out.split())
    assert "How sure is it?" in (here / "q.html").read_text(encoding="utf-8")
    status, out, _ = run("predict", "q.safetensors", "table.csv")
    found = pd.read_csv(io.StringIO(out))
    assert list(found.columns) == ["prediction", "quantile_0.1", "quantile_0.5", "quantile_0.9"]
    assert (found["prediction"] == found["quantile_0.5"]).all()
    assert (found["quantile_0.1"] < found["quantile_0.9"]).all()


@pytest.mark.parametrize(("options", "says"), [
    (["--quantiles", "0.5"], "--quantiles goes with --loss quantile"),
    (["--loss", "quantile", "--quantiles", "0.9,0.1"], "in rising order, such as 0.05,0.5,0.95"),
    (["--loss", "quantile", "--quantiles", "half"], "in rising order, such as 0.05,0.5,0.95"),
])
def test_bad_quantiles_are_refused(here, run, options, says):
    status, _, err = run("fit", "table.csv", "-t", "price", *options)
    assert status == 2 and says in " ".join(err.split())


def test_fit_and_evaluate_say_how_sure_it_is(here, run, models):
    for name, says in (("kind", "expected calibration error on given rows"), ("price", "Intervals for 90% cover")):
        status, out, _ = run("evaluate", models / f"{name}.safetensors", "table.csv")
        assert status == 0 and says in " ".join(out.split())


def test_a_small_table_has_intervals_too(here, run):
    rng = np.random.default_rng(0)
    few = pd.DataFrame({"a": rng.normal(size=80), "b": rng.normal(size=80)}).assign(y=lambda t: t["a"])
    few.to_csv("few.csv", index=False)
    status, _, err = run("fit", "few.csv", "-t", "y", "--epochs", 5, "-o", "few.safetensors")
    assert status == 0, err
    status, out, err = run("predict", "few.safetensors", "few.csv", "--interval", "0.9")
    assert status == 0 and len(out.splitlines()) == 81, err
