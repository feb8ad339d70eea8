"""cutaway lab batches and cutaway lab shuffling: on data that ships, on a file, and what they refuse."""

import json

import pytest


def test_batches_tries_the_sizes_and_the_way_out_of_a_poor_minimum(here, run):
    status, out, err = run("lab", "batches", "--data", "moons", "--hidden", "4", "--sizes", "8,full", "--lr", "0.1",
                           "--quick", "--out", "b.json", "--out", "b.svg")
    assert status == 0, err
    assert "mini-batch (8 rows)" in out and "batch (64 of 64 rows)       0 of 10" in out
    found = json.loads((here / "b.json").read_text())
    assert [v["batch_size"] for v in found["variants"]] == [8, 500] and found["variants"][0]["rate"] == 0.1
    assert json.loads((here / "b-escape.json").read_text())["kind"] == "escape" and (here / "b-escape.svg").exists()


def test_shuffling_takes_a_file_of_ones_own(here, run):
    status, out, err = run("lab", "shuffling", "--data", "table.csv", "--target", "kind", "--hidden", "8", "--quick",
                           "--out", "s.json")
    assert status == 0, err
    found = json.loads((here / "s.json").read_text())
    assert "sorted by class" in out and len(found["groups"]) == 3
    assert found["agreement"].keys() == {"sorted", "shuffled once"}


@pytest.mark.parametrize(("args", "says"), [
    (["batches", "--sizes", "one,full"], "--sizes 'one,full': give numbers of rows or full"),
    (["batches", "--seconds", "0"], "--seconds 0: give a number above 0"),
    (["batches", "--data", "digit"], "'digits'"),
    (["shuffling", "--out", "s.txt"], "must end in"),
])
def test_what_cannot_be_done_is_said(here, run, args, says):
    status, _, err = run("lab", *args)
    assert status == 2 and says in " ".join(err.split())
