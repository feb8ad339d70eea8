"""Dates on the command line: the report asks where day and month could change places, and --column answers."""

import numpy as np
import pandas as pd


def table(here):
    rng, days = np.random.default_rng(0), [f"{1 + i % 12:02}/{1 + i * 7 % 12:02}/202{i % 4}" for i in range(200)]
    x = rng.normal(size=200)
    pd.DataFrame({"when": days, "x": x, "y": 2 * x + rng.normal(size=200)}).to_csv(here / "d.csv", index=False)


def test_where_day_and_month_could_change_places_the_terminal_says_so(here, run):
    table(here)
    status, out, err = run("fit", "d.csv", "-t", "y", "--epochs", 1)
    assert status == 0, err
    assert "no cell tells day from month" in " ".join(out.split()) and "--column when=date:dmy" in out


def test_rows_can_be_divided_by_a_column_whose_form_is_asked_for(here, run):
    table(here)
    status, out, err = run("fit", "d.csv", "-t", "y", "--epochs", 1, "--time", "when", "--column", "when=date:dmy")
    assert status == 0, err
    assert "no cell tells day from month" not in out


def test_time_that_could_be_in_another_order_is_refused(here, run):
    table(here)
    status, _, err = run("fit", "d.csv", "-t", "y", "--epochs", 1, "--time", "when")
    assert status == 2 and "neither a number nor a date like 2024-01-31" in " ".join(err.split())
    assert "--column when=date:dmy or date:mdy" in " ".join(err.split())
