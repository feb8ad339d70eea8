"""cutaway explain: what moved the prediction of a row, from a model file and a table."""

import json
import re

import pytest


def test_a_row_of_a_table(here, run, models):
    status, out, err = run("explain", models / "price.safetensors", "table.csv", "--row", "17", "--typical",
                           "--picture", "why.svg", "--out", "why.json")
    assert (status, err) == (0, "") and "Row 17 of table.csv" in out and "area" in out and "Written: why.svg" in out
    state = json.loads((here / "why.json").read_text())
    assert {"area", "zone"} <= {row["column"] for row in state["columns"]} and "<svg" in (here / "why.svg").read_text()


def test_a_row_alone_in_its_file_is_compared_with_the_typical_one(here, run, models):
    lines = (here / "table.csv").read_text().splitlines()[:2]
    (here / "one.csv").write_text("\n".join(lines))
    status, out, err = run("explain", models / "price.safetensors", "one.csv")
    assert (status, err) == (0, "") and "a typical row has" in out


def test_a_report_shows_what_columns_do_and_what_moved_rows(models):
    page = (models / "kind.html").read_text()
    assert "<h2>What the columns do</h2>" in page and "What moved single rows" in page
    number = re.search(r"The most doubtful row, row (\d+)", page)
    assert number and int(number[1]) < 300


def test_what_a_column_does(here, run, models):
    status, out, err = run("explain", models / "price.safetensors", "table.csv", "--effects", "area", "--picture",
                           "effects.svg", "--out", "effects.json")
    assert (status, err) == (0, "") and "price by area" in out and "█" in out and "missing" in out
    state = json.loads((here / "effects.json").read_text())
    assert [one["column"] for one in state["columns"]] == ["area"] and "<svg" in (here / "effects.svg").read_text()
    status, out, err = run("explain", models / "kind.safetensors", "table.csv", "--effects", "area", "--effects",
                           "zone", "--partial", "--output", "large")
    assert (status, err) == (0, "") and "kind = large: what 2 columns do to it" in out and "partial dependence" in out


@pytest.mark.parametrize(("args", "message"), [
    (("--effects", "aera"), "did you mean 'area'"), (("--effects", "same"), "knows no column 'same'"),
    (("--effects", "area", "--row", "1"), "--row of one"), (("--partial",), "add --effects COL"),
    (("--row", "300"), "has rows 0 to 299"), (("--picture", "why.txt"), ".svg"), (("--output", "prize"), "'price'"),
])
def test_errors(here, run, models, args, message):
    status, out, err = run("explain", models / "price.safetensors", "table.csv", *args)
    assert status == 2 and message in err and "Traceback" not in err and not out
