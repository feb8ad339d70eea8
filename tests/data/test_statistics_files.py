"""Files of Stata, SPSS and SAS, written by pyreadstat and pandas."""

import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyreadstat
import pytest

from cutaway.data import TableEncoder, read_table, statistics_files
from cutaway.data.written_numbers import NOTES
from cutaway.errors import ArgumentError, DataError
from depth import THOROUGH, every

FRAME = pd.DataFrame({"sex": [1.0, 2, 9, 1], "age": [30.0, 40, 99, np.nan], "name": ["a", "", "c", "d"],
                      "score": [0.0, 0.25, -1e9, 3]})
SEX, AGE = {1: "m", 2: "f", 9: "refused"}, {99: "unknown"}
MISSING = {"sex": [9], "age": [{"lo": 98, "hi": 99}]}


#: A process that has imported pandas, which is most of the time of a reader, and forks one for each file.
READERS = """
import os, pandas, pyreadstat, sys
while folder := sys.stdin.readline().strip():
    if not (child := os.fork()):
        os.dup2(os.open(folder + "/asked", os.O_RDONLY), 0)
        os.dup2(os.open(folder + "/said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
        exec(open(folder + "/code").read(), {})
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture(scope="module")
def readers():
    command = [sys.executable, "-c", READERS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.stdin.close()


@pytest.fixture(autouse=True)
def ready(readers, monkeypatch, request, tmp_path_factory):
    """Files are read in a process that has pandas already; those of which the process may end are not."""
    if not hasattr(os, "fork") or "damaged" in request.node.name or "ends" in request.node.name:
        return
    folder = tmp_path_factory.mktemp("read")

    def run(command, input, capture_output):
        (folder / "code").write_text(command[2])
        (folder / "asked").write_bytes(input)
        readers.stdin.write(f"{folder}\n")
        readers.stdin.flush()
        return subprocess.CompletedProcess(command, int(readers.stdout.readline()), (folder / "said").read_bytes())

    monkeypatch.setattr(statistics_files, "subprocess", SimpleNamespace(run=run))


def spss(path, **how):
    pyreadstat.write_sav(FRAME, path, variable_value_labels={"sex": SEX, "age": AGE}, **how)
    return path


def test_labels_are_categories_and_partly_labelled_columns_numbers(tmp_path):
    table = read_table(spss(tmp_path / "t.zsav", compress=True))  # below, files that are not compressed
    assert table["sex"].tolist() == ["m", "f", "refused", "m"]
    assert list(table["sex"].cat.categories) == ["m", "f", "refused"]
    assert table["age"].tolist()[:3] == [30, 40, 99] and np.isnan(table["age"][3])
    assert table["name"].isna().tolist() == [False, True, False, False]
    assert table["score"].tolist() == FRAME["score"].tolist()
    assert table.attrs[NOTES] == ["age: not all values have labels, so that they stay numbers"]
    assert TableEncoder(min_count=1).fit(table).columns[0].kind == "category"


def test_what_users_declared_missing_is_a_gap_or_on_request_a_level(tmp_path):
    path = spss(tmp_path / "t.sav", missing_ranges=MISSING)
    table = read_table(path)
    assert table["sex"].isna().tolist() == [False, False, True, False]
    assert table["age"].isna().tolist() == [False, False, True, True]
    assert table.attrs[NOTES] == ["2 cells declared missing, in sex, age, are gaps (user_missing=True, --user-missing, "
                                  "makes levels of them)"]
    kept = read_table(path, user_missing=True)
    assert kept["sex"].tolist() == ["m", "f", "refused", "m"]
    assert kept["age"].isna().tolist() == [False, False, True, True]


def test_letters_for_what_is_missing_in_stata_are_told_from_zeros(tmp_path):
    frame = pd.DataFrame({"sex": [1, 2, "a", 1], "age": [30, 0, "b", None]}, dtype=object)
    pyreadstat.write_dta(frame, tmp_path / "t.dta", variable_value_labels={"sex": {1: "m", 2: "f", "a": "refused"}},
                         missing_user_values={"sex": ["a"], "age": ["b"]})
    table = read_table(tmp_path / "t.dta")
    assert table["sex"].isna().tolist() == [False, False, True, False]
    assert table["age"].tolist()[:2] == [30, 0] and table["age"].isna().tolist() == [False, False, True, True]
    kept = read_table(tmp_path / "t.dta", user_missing=True)
    assert kept["sex"].tolist() == ["m", "f", "refused", "m"] and kept["age"].isna().tolist()[2:] == [True, True]


@pytest.mark.parametrize("version", every(2, [114, 117, 118]))
def test_what_pandas_writes_for_stata_is_read(tmp_path, version):
    frame = pd.DataFrame({"n": [1, 2, 3], "x": [0.5, np.nan, 0.0], "zone": pd.Categorical(["RL", "RM", "RL"]),
                          "day": pd.to_datetime(["2024-01-02", "2024-03-04", "1960-01-01"]), "word": ["a", "", "c"]})
    frame.to_stata(tmp_path / "t.dta", write_index=False, version=version)
    table = read_table(tmp_path / "t.dta")
    assert table["n"].tolist() == [1, 2, 3] and table["n"].dtype.kind == "i"
    assert table["zone"].tolist() == ["RL", "RM", "RL"] and table["day"].tolist() == frame["day"].tolist()
    assert table["x"].isna().tolist() == [False, True, False] and table["word"].isna().tolist() == [False, True, False]


def test_transport_files_of_sas_keep_zeros_and_gaps_apart(tmp_path):
    pyreadstat.write_xport(FRAME, tmp_path / "t.xpt", file_format_version=5)  # below, version 8 is read, too
    table = read_table(tmp_path / "t.xpt")
    assert table["score"].tolist() == FRAME["score"].tolist()
    assert table["age"].isna().tolist() == [False, False, False, True]


def test_two_codes_with_one_label_stay_two_levels(tmp_path):
    pyreadstat.write_sav(pd.DataFrame({"q": [1.0, 2, 3]}), tmp_path / "t.sav",
                         variable_value_labels={"q": {1: "no", 2: "yes", 3: "yes"}})
    assert read_table(tmp_path / "t.sav")["q"].tolist() == ["no", "yes (2)", "yes (3)"]


@pytest.mark.parametrize(("name", "kept"), [
    ("t.sav", 0.6), ("t.dta", 0.6), ("t.xpt", 0.2), *([("t.sav", 0.2)] if THOROUGH else [])])
def test_damaged_files_are_named(tmp_path, name, kept):
    frame = pd.DataFrame({"a": np.arange(500.0), "b": [f"word {i}" for i in range(500)]})
    write = {"t.sav": pyreadstat.write_sav, "t.dta": pyreadstat.write_dta, "t.xpt": pyreadstat.write_xport}[name]
    write(frame, tmp_path / name)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(DataError, match="damaged"):
        read_table(tmp_path / name)


def test_other_files_declare_nothing_missing(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ArgumentError, match=r"user_missing= \(--user-missing\) is for files with values that are"):
        read_table(tmp_path / "t.csv", user_missing=True)


@pytest.mark.parametrize(("version", "cuts"), [(5, [1, 7]), (8, [1, 2])])
def test_a_transport_file_cut_between_two_records_is_named(tmp_path, version, cuts):
    frame = pd.DataFrame({"a": np.arange(100.0), "b": [f"words {i:03}" for i in range(100)]})
    pyreadstat.write_xport(frame, tmp_path / "t.xpt", file_format_version=version)
    if version == 8:
        pd.testing.assert_frame_equal(read_table(tmp_path / "t.xpt"), frame, check_dtype=False)
    content = (tmp_path / "t.xpt").read_bytes()
    for records in cuts:
        (tmp_path / "t.xpt").write_bytes(content[: -80 * records])
        with pytest.raises(DataError, match="ends within a row"):
            read_table(tmp_path / "t.xpt")


def test_a_reader_that_a_file_ends_is_an_error_in_words(tmp_path, monkeypatch):
    (tmp_path / "ending.py").write_text("import os, signal\n\ndef read_sav(*path, **how):\n"
                                        "    os.kill(os.getpid(), signal.SIGKILL)\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("cutaway.data.statistics_files.LIBRARY", "ending")
    with pytest.raises(DataError, match="ending broke off in reading it"):
        read_table(spss(tmp_path / "t.sav"))
