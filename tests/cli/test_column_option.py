"""cutaway fit --column NAME=KIND."""

import numpy as np
import pandas as pd
import pytest

import cutaway as ct


def test_columns_are_taken_for_what_was_asked(here, run):
    status, _, err = run("fit", "table.csv", "-t", "price", "--column", "nr=category", "--column", "far=boolean",
                           "--column", "owner=drop", "--epochs", 1, "--report", "r.html")
    assert (status, err) == (0, "")
    kinds = {column.name: column for column in ct.load("model.safetensors").encoder_.columns}
    assert kinds["far"].how.endswith("as asked")
    assert kinds["owner"].kind == "dropped"
    page = (here / "r.html").read_text(encoding="utf-8")
    assert "false -1, gaps 0, as asked" in page
    assert "nr=category, far=boolean, owner=drop" in page


@pytest.mark.parametrize(("options", "said"), [
    (["--column", "nr"], "--column nr: write NAME=KIND, such as --column shop=category"),
    (["--column", "nr=categorical"], "--column nr=...: the kind is 'categorical': choose one of number, category, "
                                     "boolean, date, drop. Did you mean 'category'?"),
    (["--column", "NR=drop"], "has no column 'NR'. Did you mean 'nr'"),
    (["--column", "nr=drop", "--column", "nr=number"], "asked for as 'drop' and as 'number': choose one"),
    (["--column", "nr=category", "--drop", "nr"], "--column nr=category: the same column stands in --drop"),
    (["--column", "price=number"], "stands in --target, so it is no input. Leave one of them out; --task says"),
    (["--column", "zone=category", "--group", "zone"], "the same column stands in --group"),
    (["--column", "zone=number"], "is not a number"),
])
def test_what_cannot_be_asked_is_refused_in_words(here, run, options, said):
    status, _, err = run("fit", "table.csv", "-t", "price", "--epochs", 1, *options)
    assert status != 0
    assert said in " ".join(err.split())
    assert not (here / "model.safetensors").exists()


def test_whole_numbers_that_are_names_are_told_of(here, run):
    rng = np.random.default_rng(0)
    shop = rng.permutation(np.repeat(np.arange(40), 8))
    own = rng.normal(size=40)[shop]
    pd.DataFrame({"store_nr": shop, "zip": rng.integers(100, 140, 320), "y": own.round(3), "z": own > 0}).to_csv(
        "shops.csv", index=False)
    status, out, _ = run("fit", "shops.csv", "-t", "y", "--drop", "z", "--epochs", 1)
    said = " ".join(out.split())
    assert status == 0
    assert "store_nr: the order of its whole numbers says little of the target" in said
    assert "--column store_nr=number leaves it at that" in said
    assert "zip holds whole numbers like names: --column zip=category takes them for such" in said
    columns = " ".join(run("inspect", "model.safetensors", "--columns")[1].split())
    assert columns.count("a code for each of") == 1 and "a code for each of 40 values" in columns
