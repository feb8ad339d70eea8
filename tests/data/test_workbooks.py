"""Workbooks, written by openpyxl, XlsxWriter, xlwt, pyxlsbwriter and odfpy: cells are read as what they mean."""

import datetime as dt
import zipfile

import numpy as np
import openpyxl
import pandas as pd
import pytest
import pyxlsbwriter
import xlsxwriter
import xlwt

from cutaway.data import read_table
from cutaway.data.written_numbers import NOTES
from cutaway.errors import ArgumentError, DataError

DAY, MOMENT = dt.date(2024, 1, 2), dt.datetime(2024, 3, 4, 5, 6, 7)
CLOCK, LONG = dt.time(14, 30), dt.timedelta(hours=30)
ROWS = [["n", "x", "word", "day", "clock", "long", "share", "truth", "gap"],
        [1, 2.5, "RL", DAY, CLOCK, LONG, 0.05, True, 1],
        [2, -1e-3, "1.0", MOMENT, dt.time(1, 2, 3), dt.timedelta(minutes=3), 0.5, False, None]]
FORMATS = {dt.date: "yyyy-mm-dd", dt.datetime: "yyyy-mm-dd hh:mm:ss", dt.time: "hh:mm:ss", dt.timedelta: "[h]:mm:ss"}


def by_openpyxl(path, rows, merged=()):
    book = openpyxl.Workbook()
    sheet = book.active
    for row in rows:
        sheet.append(row)
    for cells in merged:
        sheet.merge_cells(cells)
    book.save(path)
    return path


def by_xlsxwriter(path, rows, merged=()):
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("Sheet")
        formats = {kind: book.add_format({"num_format": text}) for kind, text in FORMATS.items()}
        for i, row in enumerate(rows):
            for j, cell in enumerate(row):
                if type(cell) in formats:
                    sheet.write_datetime(i, j, cell, formats[type(cell)])
                elif cell is not None:
                    sheet.write(i, j, cell)
        for cells in merged:
            sheet.merge_range(cells, rows[0][0])
    return path


def by_xlwt(path, rows):
    book = xlwt.Workbook()
    sheet = book.add_sheet("Sheet")
    for i, row in enumerate(rows):
        for j, cell in enumerate(row):
            style = xlwt.easyxf(num_format_str=FORMATS.get(type(cell), "General"))
            cell = cell.total_seconds() / 86400 if isinstance(cell, dt.timedelta) else cell
            if cell is not None:
                sheet.write(i, j, cell, style)
    book.save(path)
    return path


@pytest.mark.parametrize(("write", "name"), [(by_openpyxl, "t.xlsx"), (by_xlsxwriter, "t.xlsx"), (by_xlwt, "t.xls")])
def test_cells_are_what_they_mean(tmp_path, write, name):
    table = read_table(write(tmp_path / name, ROWS))
    assert table["n"].tolist() == [1, 2] and table["n"].dtype == np.int64
    assert table["x"].tolist() == [2.5, -1e-3]
    assert table["word"].tolist() == ["RL", "1.0"]
    assert table["day"].tolist() == [pd.Timestamp(DAY), pd.Timestamp(MOMENT)]
    assert table["clock"].tolist() == ["14:30:00", "01:02:03"]
    assert table["long"].dt.total_seconds().tolist() == [30 * 3600, 180]
    assert table["share"].tolist() == [0.05, 0.5]
    assert table["truth"].tolist() == [True, False] and table["truth"].dtype == bool
    assert table["gap"].isna().tolist() == [False, True]
    assert NOTES not in table.attrs


def test_binary_workbooks_are_read(tmp_path):
    with pyxlsbwriter.XlsbWriter(str(tmp_path / "t.xlsb")) as book:
        book.add_sheet("Sheet")
        book.write_sheet(iter([["n", "word", "day"], [1, "RL", DAY], [2, None, DAY]]))
    table = read_table(tmp_path / "t.xlsb")
    assert table["n"].tolist() == [1, 2] and table["word"].isna().tolist() == [False, True]
    assert table["day"].tolist() == [pd.Timestamp(DAY)] * 2


def test_opendocument_is_read(tmp_path):
    frame = pd.DataFrame({"n": [1, 2], "word": ["RL", None], "day": [DAY, MOMENT], "share": [0.05, 0.5]})
    frame.to_excel(str(tmp_path / "t.ods"), index=False)  # a Path would get an .xlsx
    table = read_table(tmp_path / "t.ods")
    assert table["n"].tolist() == [1, 2] and table["word"].isna().tolist() == [False, True]
    assert table["day"].tolist() == [pd.Timestamp(DAY), pd.Timestamp(MOMENT)]


@pytest.mark.parametrize(("write", "name"), [(by_openpyxl, "t.xlsx"), (by_xlsxwriter, "t.xlsx"), (by_xlwt, "t.xls")])
def test_contents_say_what_a_workbook_is_whatever_its_name(tmp_path, write, name):
    path = write(tmp_path / name, ROWS)
    table = read_table(path.rename(tmp_path / "t.csv"))
    assert table["n"].tolist() == [1, 2]
    assert table.attrs[NOTES] == ["t.csv is read as Excel, as it begins, though it is called .csv"]
    (tmp_path / "u.xlsx").write_text("a\tb\n1\t2\n")
    assert "is read as CSV" in read_table(tmp_path / "u.xlsx").attrs[NOTES][0]


# ---- which sheet -----------------------------------------------------------------------------------------------------


@pytest.fixture
def book(tmp_path):
    book = openpyxl.Workbook()
    book.active.title = "Houses 2023"
    for title, n in (("Houses 2023", 1), ("Houses 2024", 2)):
        sheet = book[title] if title in book else book.create_sheet(title)
        for row in (["n"], [n], [n]):
            sheet.append(row)
    book.save(tmp_path / "b.xlsx")
    return tmp_path / "b.xlsx"


def test_a_sheet_is_named_behind_the_file_or_beside_it(book):
    assert read_table(f"{book}::Houses 2024")["n"].tolist() == [2, 2]
    assert read_table(book, sheet="Houses 2023")["n"].tolist() == [1, 1]


@pytest.mark.parametrize(("sheet", "says"), [
    (None, r"has 2 sheets: Houses 2023, Houses 2024\. Name one of them, b\.xlsx::Houses 2023 \(--sheet NAME\)"),
    ("houses 24", r"no sheet 'houses 24': did you mean 'Houses 2024'\? It has Houses 2023, Houses 2024"),
    ("x", r"no sheet 'x': it has Houses 2023, Houses 2024"),
])
def test_which_sheets_there_are_is_said_when_one_must_be_chosen(book, sheet, says):
    with pytest.raises(DataError, match=says):
        read_table(book, sheet=sheet)


def test_of_two_names_for_a_sheet_and_of_sheets_of_text_it_is_said(book, tmp_path):
    with pytest.raises(ArgumentError, match=r"names 'a', and sheet= \(--sheet\) 'b': name one"):
        read_table(f"{book}::a", sheet="b")
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ArgumentError, match=r"sheet= \(--sheet\) is for files with sheets or tables in it, and .* CSV"):
        read_table(tmp_path / "t.csv", sheet="b")


def test_a_hidden_sheet_beside_one_that_is_seen_is_none_to_choose(book):
    changed = openpyxl.load_workbook(book)
    changed["Houses 2023"].sheet_state = "hidden"
    changed.save(book)
    assert read_table(book)["n"].tolist() == [2, 2]


# ---- formulas, errors, merged cells, titles --------------------------------------------------------------------------


@pytest.mark.parametrize("write", [by_openpyxl, by_xlsxwriter])  # the second writes 0 where nobody has calculated
def test_formulas_that_nobody_has_calculated_are_gaps_and_said(tmp_path, write):
    table = read_table(write(tmp_path / "t.xlsx", [["a", "twice"], [1, "=A2*2"], [2, "=A3*2"]]))
    assert table["a"].tolist() == [1, 2] and table["twice"].isna().all()
    assert "twice: formulas whose values no program has calculated are gaps" in table.attrs[NOTES][0]


def test_formulas_with_their_values_are_numbers(tmp_path):
    with xlsxwriter.Workbook(tmp_path / "t.xlsx") as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["a", "twice"])
        for i in range(3):
            sheet.write(i + 1, 0, i)
            sheet.write_formula(i + 1, 1, f"=A{i + 2}*2", None, 2 * i)
    assert read_table(tmp_path / "t.xlsx").to_dict("list") == {"a": [0, 1, 2], "twice": [0, 2, 4]}


@pytest.mark.parametrize(("write", "name"), [(by_openpyxl, "t.xlsx"), (by_xlwt, "t.xls")])
def test_errors_are_gaps_and_said(tmp_path, write, name):
    table = read_table(write(tmp_path / name, [["a", "b"], [1, "#DIV/0!"], [2, 3.5], [3, "#N/A"]]))
    assert table["b"].isna().tolist() == [True, False, True] and table["b"].dtype == float
    assert table.attrs[NOTES] == ["2 cells with an error such as #DIV/0! are gaps, in b"]


@pytest.mark.parametrize("write", [by_openpyxl, by_xlsxwriter])
def test_merged_names_are_joined_and_titles_left_out(tmp_path, write):
    rows = [["Houses of the town", None, None, None], [None] * 4, ["zone", "2024", None, "year"],
            [None, "area", "price", None], ["RL", 120, 1.5, 1999], [None, 85, 2.5, 2001]]
    table = read_table(write(tmp_path / "t.xlsx", rows))
    assert list(table.columns) != ["zone", "2024.area", "2024.price", "year"]  # nothing says that they belong together
    book = openpyxl.load_workbook(tmp_path / "t.xlsx")
    for cells in ("A1:D1", "A3:A4", "B3:C3", "D3:D4", "A5:A6"):
        book.active.merge_cells(cells)
    book.save(tmp_path / "t.xlsx")
    table = read_table(tmp_path / "t.xlsx")
    assert table.to_dict("list") == {"zone": ["RL", "RL"], "2024.area": [120, 85], "2024.price": [1.5, 2.5],
                                     "year": [1999, 2001]}
    assert table.attrs[NOTES] == [
        "1 row above the names left out", "the names stand in two rows, and are joined with a dot",
        "cells merged over several rows hold for each of them: 1 cell filled in"]


def test_empty_rows_and_columns_around_a_table_are_none_of_it(tmp_path):
    rows = [[None] * 4, [None, "a", None, "b"], [None, 1, None, 2], [None] * 4, [None, 3, None, 4]]
    assert read_table(by_openpyxl(tmp_path / "t.xlsx", rows)).to_dict("list") == {"a": [1, 3], "b": [2, 4]}


def test_numbers_that_are_text_are_read_by_their_column_and_codes_are_left_alone(tmp_path):
    rows = [["price", "zip"], ["1.234,50 €", "01234"], ["7,25 €", "99423"]]
    table = read_table(by_openpyxl(tmp_path / "t.xlsx", rows))
    assert table.to_dict("list") == {"price": [1234.5, 7.25], "zip": ["01234", "99423"]}


@pytest.mark.parametrize(("rows", "says"), [
    ([], "is empty"), ([["a", "b"]], "no rows under it"),
    ([["a", "a"], [1, 2]], "row 1: more than one column is named 'a'"),
])
def test_what_is_no_table_is_named(tmp_path, rows, says):
    with pytest.raises(DataError, match=says):
        read_table(by_openpyxl(tmp_path / "t.xlsx", rows))


# ---- hostile ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ['r="XFD1048576"', "r='xfd1048576'", 'r = "XFD1048576"'])
def test_cells_far_apart_are_refused_before_room_is_made_for_what_is_between(tmp_path, place):
    book = openpyxl.Workbook()
    book.active["A1"], book.active.cell(1048576, 16384).value = "a", 3
    book.save(tmp_path / "t.xlsx")
    _changed(tmp_path / "t.xlsx", "xl/worksheets/sheet1.xml", b'r="XFD1048576"', place.encode())
    with pytest.raises(DataError, match="lie so far apart that 17,179,869,184 have room between them"):
        read_table(tmp_path / "t.xlsx")


def test_repeated_cells_of_opendocument_count_as_often_as_they_are_repeated(tmp_path):
    pd.DataFrame({"a": [1, 2]}).to_excel(str(tmp_path / "t.ods"), index=False)  # a Path would get an .xlsx
    _changed(tmp_path / "t.ods", "content.xml", b"<table:table-row>",
             b'<table:table-row table:number-rows-repeated="1000000000">')
    with pytest.raises(DataError, match="lie so far apart"):
        read_table(tmp_path / "t.ods")


def test_a_workbook_that_unpacks_to_far_more_than_its_size_is_refused(tmp_path, monkeypatch):
    from cutaway.data import source_files

    path = by_openpyxl(tmp_path / "t.xlsx", [["a"], ["x" * 30_000], ["x" * 30_000]])
    assert len(read_table(path)) == 2
    monkeypatch.setattr(source_files, "MOST_UNPACKED", 1000)
    monkeypatch.setattr(source_files, "MOST_UNPACKING", 1)
    with pytest.raises(DataError, match=r"unpacks to more than .* bytes: hardly a workbook"):
        read_table(path)


@pytest.mark.parametrize("name", ["t.xlsx", "t.xls", "t.ods", "t.xlsb"])
@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_broken_workbooks_are_named(tmp_path, name, kept):
    frame = pd.DataFrame({"a": range(500), "b": [f"word {i}" for i in range(500)]})
    path = tmp_path / name
    if name.endswith(("xlsx", "ods")):
        frame.to_excel(str(path), index=False)
    elif name == "t.xls":
        by_xlwt(path, [list(frame.columns), *frame.to_numpy().tolist()])
    else:
        with pyxlsbwriter.XlsbWriter(str(path)) as book:
            book.add_sheet("Sheet")
            book.write_sheet(iter([list(frame.columns), *frame.to_numpy().tolist()]))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(DataError, match=r"damaged workbook .*open it in a spreadsheet and save it again"):
        read_table(path)


def test_a_zip_file_that_is_no_workbook_is_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as file:
        file.writestr("a.csv", "a,b\n1,2\n")
    with pytest.raises(DataError, match="is a zip file, but no workbook: unpack it"):
        read_table(tmp_path / "t.zip")


def test_workbooks_with_a_password_are_named(tmp_path):
    """Excel puts an encrypted workbook into the container of .xls, under the name EncryptedPackage."""
    by_xlwt(tmp_path / "t.xlsx", ROWS[:2])
    content = (tmp_path / "t.xlsx").read_bytes()
    old, new = ("Workbook".encode("utf-16-le").ljust(64, b"\0") + bytes([18, 0]),
                "EncryptedPackage".encode("utf-16-le").ljust(64, b"\0") + bytes([34, 0]))
    assert old in content
    (tmp_path / "t.xlsx").write_bytes(content.replace(old, new))
    with pytest.raises(DataError, match="is protected by a password: save it without one"):
        read_table(tmp_path / "t.xlsx")


def _changed(path, part, old, new):
    with zipfile.ZipFile(path) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    assert old in parts[part]
    parts[part] = parts[part].replace(old, new)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        for name, content in parts.items():
            book.writestr(name, content)
