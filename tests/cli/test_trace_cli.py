"""cutaway trace: the training step of one row, from a model file and its data."""

import numpy as np
import pandas as pd
import pytest

import cutaway as ct
from cutaway.inspect import read_trace


def test_a_row_of_a_table(here, run, models, table):
    status, out, err = run("trace", models / "price.safetensors", "table.csv", "--row", "17", "--out", "step.json")
    assert (status, err) == (0, "")
    assert f"Row 17 of table.csv  price: truth {table['price'][17]:,.0f}, predicted" in out
    phases = [out.find(f" {phase} ") for phase in ("load", "forward", "loss", "backward", "update")]
    assert -1 not in phases and phases == sorted(phases) and "J = " in out
    step, model = read_trace("step.json"), ct.load(models / "price.safetensors")
    np.testing.assert_array_equal(step["x"], model.encode(table.iloc[[17]]))
    np.testing.assert_array_equal(step["layer1.weight"], model.model_.state_dict()["layer1.weight"])
    assert model.model_.state_dict().keys() >= step.parameters.keys()


@pytest.mark.parametrize("kind", ["kind", "two", "labels"])
def test_classes_and_several_targets(here, run, models, kind):
    status, out, err = run("trace", models / f"{kind}.safetensors", "table.csv", "-r", "10", "--batch", "4")
    assert (status, err) == (0, "") and "batch of 4" in out and "truth" in out


def test_a_page_to_click_through(here, run, table):
    few = ct.Regressor([4], epochs=1, threads=1).fit(table[["area", "zone"]], table["price"])
    ct.save(few, "few.safetensors")  # a page explains each weight
    status, out, _ = run("trace", "few.safetensors", "table.csv", "--target", "price", "--html", "step.html")
    assert status == 0 and "Written: step.html" in out and "zone" in (here / "step.html").read_text()


@pytest.mark.parametrize(("args", "message"), [
    (("--row", "300"), "has rows 0 to 299"), (("--row", "-1"), "--row"), (("--out", "step.txt"), ".json"),
    (("--out", "nowhere/step.json"), "there is no folder"), (("--target", "prize"), "'price'"),
])
def test_errors(here, run, models, args, message):
    status, out, err = run("trace", models / "price.safetensors", "table.csv", *args)
    assert status == 2 and message in err and "Traceback" not in err and not out


def test_a_row_without_a_target(here, run, models, table):
    holes = table.assign(price=table["price"].where(table.index != 5))
    holes.to_csv("holes.csv", index=False)
    status, _, err = run("trace", models / "price.safetensors", "holes.csv", "--row", "5")
    assert status == 2 and "row 5 has no target" in err
    pd.DataFrame(table.drop(columns="price")).to_csv("none.csv", index=False)
    assert run("trace", models / "price.safetensors", "none.csv")[0] == 2
