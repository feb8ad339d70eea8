"""The commands on tables from where they lie: sheets, queries, standard input, several files."""

import io
import sqlite3
import sys
from contextlib import closing

import numpy as np
import pandas as pd
import pytest

from cutaway.cli import main
from cutaway.data import source_files

FAST = ("--preset", "fast", "--epochs", "2", "-q")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Rows in files of several kinds, and a model that has learnt from a file with decimal commas."""
    folder, rng = tmp_path_factory.mktemp("files"), np.random.default_rng(0)
    area, zone = rng.normal(1500, 200, 90).round(1), rng.choice(["RL", "RM"], 90)
    rows = pd.DataFrame({"area": area, "zone": zone, "price": (area * 3 + 500 * (zone == "RL")).round(2)})
    swap = str.maketrans(",.", ".,")
    lines = [f"{a:,.1f};{z};{p:,.2f} €".translate(swap) for a, z, p in zip(area, zone, rows["price"], strict=True)]
    (folder / "rows.csv").write_text("\n".join(["# of the town", "area;zone;price", *lines]))
    with pd.ExcelWriter(folder / "book.xlsx") as book:
        pd.DataFrame({"other": [1]}).to_excel(book, sheet_name="About", index=False)
        rows.to_excel(book, sheet_name="Rows", index=False)
    rows[:50].to_csv(folder / "part1.csv", index=False)
    rows[50:].to_parquet(folder / "part2.parquet")
    with closing(sqlite3.connect(folder / "rows.sqlite")) as base:
        rows.to_sql("rows", base, index=False)
        base.commit()
    out = folder / "m.safetensors"
    assert main(["fit", str(folder / "rows.csv"), "-t", "price", "--out", str(out), *FAST]) == 0
    return folder


@pytest.fixture
def inside(folder, monkeypatch):
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("source", [
    ["book.xlsx", "--sheet", "Rows"], ["book.xlsx::Rows"], ["rows.sqlite"], ["part1.csv", "part2.parquet"],
    ["part[12].*"], ["rows.sqlite", "--sql", "select zone, area * 2 // 2 as area from rows".replace("//", "/")],
    ["part1.csv", "part2.parquet", "book.xlsx::Rows"],
], ids=" ".join)
def test_a_model_predicts_rows_from_where_they_lie(inside, run, source):
    wanted = run("predict", "m.safetensors", "rows.csv")
    found = run("predict", "m.safetensors", *source)
    assert wanted[0] == found[0] == 0, found[2]
    assert found[1].splitlines()[:91] == wanted[1].splitlines()


@pytest.mark.parametrize("command", ["trace", "explain", "step"])
@pytest.mark.parametrize("source", [["book.xlsx", "--sheet", "Rows"], ["rows.sqlite", "--sql", "select * from rows"]],
                         ids=["sheet", "query"])
def test_every_command_that_looks_inside_reads_them_too(inside, run, monkeypatch, command, source):
    outputs = []
    for given in (["rows.csv"], source):
        monkeypatch.setattr(sys, "stdin", io.StringIO("q\n"))
        outputs.append(run(command, "m.safetensors", *given))
    wanted, found = outputs
    assert wanted[0] == found[0] == 0, found[2]
    assert found[1].replace(source[0], "rows.csv") == wanted[1]


def test_a_step_without_a_model_reads_no_sheet(run):
    status, _, err = run("step", "--sheet", "Rows")
    assert status == 2 and "go with a model and data" in " ".join(err.split())


def test_standard_input_is_read_like_a_file(inside, run, monkeypatch):
    source_files._kept_input.cache_clear()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((inside / "part1.csv").read_bytes())))
    status, out, err = run("predict", "m.safetensors", "-")
    source_files._kept_input.cache_clear()
    assert (status, out) == (0, run("predict", "m.safetensors", "part1.csv")[1]), err


def test_a_model_reads_numbers_as_they_were_written_in_training_also_the_target(inside, run, tmp_path):
    (tmp_path / "one.csv").write_text("area;zone;price\n1.500;RL;5.000 €\n1.400;RM;4.200 €\n")
    (tmp_path / "two.csv").write_text("area,zone,price\n1500,RL,5000\n1400,RM,4200\n")
    for command in ("predict", "evaluate"):
        assert run(command, "m.safetensors", tmp_path / "one.csv")[1].replace("one.csv", "two.csv") == \
            run(command, "m.safetensors", tmp_path / "two.csv")[1]


def test_what_was_seen_of_the_file_is_printed(inside, run, tmp_path):
    status, out, err = run("fit", "rows.csv", "-t", "price", "--out", tmp_path / "m.safetensors", *FAST[:-1])
    assert status == 0, err
    words = " ".join(out.split())
    assert "line 1 is a comment and left out" in words and "area is written like 1.234,5 and read as numbers" in words
    assert "price is written like 1.234,5 € and read as numbers" in words
    status, out, err = run("inspect", tmp_path / "m.safetensors")
    assert "written 1.234,5" in " ".join(out.split()), err


@pytest.mark.parametrize(("args", "says"), [
    (["book.xlsx"], "has 2 sheets: About, Rows. Name one of them, book.xlsx::About (--sheet NAME)"),
    (["book.xlsx", "--sheet", "Row"], "did you mean 'Rows'?"),
    (["rows.sqlite", "--sql", "select nope from rows"], "no such column: nope"),
    (["part1.csv", "book.xlsx::About"], "has area, zone, price, and book.xlsx::About lacks area, zone, price"),
    (["part1.csv", "--sheet", "Rows"], "sheet= (--sheet) is for files with sheets or tables in it, and this is CSV"),
    (["nothing*.csv"], "no name here fits the pattern"),
    ([".", "--sheet", "x"], "--sheet does not go with"),
])
def test_bad_input_is_told_in_words_before_training(inside, run, args, says):
    status, out, err = run("fit", *args, "-t", "price", "--out", "new.safetensors")
    assert status == 2 and not out and says in " ".join(err.split()), err
    assert not (inside / "new.safetensors").exists()


def test_nothing_on_standard_input_is_told(inside, run, monkeypatch):
    source_files._kept_input.cache_clear()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    status, _, err = run("predict", "m.safetensors", "-")
    source_files._kept_input.cache_clear()
    assert status == 2 and "standard input is empty: a table has a line of column names" in err
