"""Databases and folders of Parquet by table and by query: SQLite by Python, DuckDB by itself."""

import os
import sqlite3
from contextlib import closing

import duckdb
import pandas as pd
import pytest

from cutaway.data import read_table
from cutaway.errors import ArgumentError, DataError

FRAME = pd.DataFrame({"n": [1, 2, 3], "x": [0.5, None, 2.5], "word": ["a", None, "c"]})


def sqlite(path, **tables):
    with closing(sqlite3.connect(path)) as base:
        for name, frame in tables.items():
            frame.to_sql(name.replace("_", " "), base, index=False)
        base.commit()
    return path


def duck(path, **tables):
    with duckdb.connect(str(path)) as base:
        for name, frame in tables.items():
            base.register("frame", frame)
            base.execute(f'create table "{name.replace("_", " ")}" as select * from frame')
    return path


BASES = pytest.mark.parametrize(("make", "name"), [(sqlite, "t.sqlite"), (duck, "t.duckdb"), (sqlite, "t.data"),
                                                   (duck, "t.data")])


def same(table, frame=FRAME):
    pd.testing.assert_frame_equal(table.astype(object).where(table.notna(), None),
                                  frame.astype(object).where(frame.notna(), None), check_dtype=False)


@BASES
def test_the_only_table_of_a_database_is_read_and_others_by_their_names(tmp_path, make, name):
    same(read_table(make(tmp_path / name, rows=FRAME)))
    two = make(tmp_path / f"two {name}", rows=FRAME, more_rows=FRAME.iloc[:1])
    same(read_table(f"{two}::rows"))
    same(read_table(two, sheet="more rows"), FRAME.iloc[:1])
    with pytest.raises(DataError, match=r"has 2 tables: more rows, rows\. Name one of them, .*::more rows, or ask"):
        read_table(two)
    with pytest.raises(DataError, match="no table 'row': did you mean 'rows'"):
        read_table(two, sheet="row")


@BASES
def test_a_query_gives_rows(tmp_path, make, name):
    path = make(tmp_path / name, rows=FRAME, zones=pd.DataFrame({"n": [1, 3], "zone": ["RL", "RM"]}))
    table = read_table(path, sql="select zone, rows.n // 1 as n from rows join zones using (n) order by 2 desc"
                       if make is duck else "select zone, n from rows join zones using (n) order by 2 desc")
    assert table.to_dict("list") == {"zone": ["RM", "RL"], "n": [3, 1]}


@BASES
@pytest.mark.parametrize(("sql", "says"), [
    ("select nope from rows", "nope"), ("selec n from rows", "syntax error|near"), ("select n from row", "row"),
    ("select 1 as n; select 2 as n", "one query|one statement"), ("delete from rows", "one query|not authorized"),
    ("attach 'other.db' as other", "one query|not authorized"), ("drop table rows", "one query|not authorized"),
])
def test_a_query_that_cannot_be_run_is_told_with_its_reason_and_changes_nothing(tmp_path, make, name, sql, says):
    path = make(tmp_path / name, rows=FRAME)
    with pytest.raises(ArgumentError, match=says) as problem:
        read_table(path, sql=sql)
    assert sql[:20] in str(problem.value)
    same(read_table(path))


def test_a_query_without_rows_and_one_of_part_and_query_are_refused(tmp_path):
    path = sqlite(tmp_path / "t.db", rows=FRAME)
    with pytest.raises(DataError, match="has n and no rows"):
        read_table(path, sql="select n from rows where n > 5")
    with pytest.raises(ArgumentError, match="a query says itself which table it asks: leave 'rows' out"):
        read_table(path, sheet="rows", sql="select 1")
    with pytest.raises(DataError, match="more than one column is named 'n'"):
        read_table(path, sql="select n, n from rows")


def test_any_other_table_is_called_data_in_a_query(tmp_path):
    FRAME.to_csv(tmp_path / "t.csv", index=False)
    FRAME.to_excel(tmp_path / "t.xlsx", index=False)
    for name in ("t.csv", "t.xlsx"):
        sql = "select word, count(*) as times from data where n > 1 group by 1 order by 1"
        table = read_table(tmp_path / name, sql=sql)
        assert table["word"].tolist()[0] == "c" and table["times"].tolist() == [1, 1]


# ---- folders of Parquet ----------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    for year in (2023, 2024):
        (tmp_path / "rows" / f"year={year}").mkdir(parents=True)
        FRAME.assign(n=FRAME["n"] + year).to_parquet(tmp_path / "rows" / f"year={year}" / "part.parquet")
    return tmp_path / "rows"


def test_a_folder_of_parquet_is_one_table_with_what_its_names_say(folder):
    table = read_table(folder)
    assert table["n"].tolist() == [2024, 2025, 2026, 2025, 2026, 2027]
    assert table["year"].tolist() == [2023] * 3 + [2024] * 3
    asked = read_table(folder, sql="select year, sum(n) as n from data where x is not null group by 1 order by 1")
    assert asked.to_dict("list") == {"year": [2023, 2024], "n": [4050, 4052]}


def test_a_query_opens_no_file_outside_its_source(folder, tmp_path):
    (tmp_path / "secret.csv").write_text("a\n1\n")
    for source in (folder, duck(tmp_path / "t.duckdb", rows=FRAME)):
        for there in (tmp_path / "secret.csv", folder / ".." / "secret.csv"):
            with pytest.raises(ArgumentError, match="cannot be run"):
                read_table(source, sql=f"select * from read_csv('{there}')")
    assert not os.path.exists(tmp_path / "secret.csv.wal")


def test_a_column_of_a_type_that_pandas_has_not_is_named_with_a_way_to_read_it(tmp_path):
    base = duckdb.connect(tmp_path / "t.duckdb")
    base.execute("create table t as select 1 as k, 2::uhugeint as \"so large\", date 'infinity' as day")
    base.close()
    for columns, named in (('k, "so large"', "so large"), ("k, day", "day")):
        with pytest.raises(DataError, match=f'the column {named} cannot be read .*"{named}"::varchar as "{named}"'):
            read_table(tmp_path / "t.duckdb", sql=f"select {columns} from t")
    cast = 'select * replace ("so large"::double as "so large", day::varchar as day) from t'
    read = read_table(tmp_path / "t.duckdb", sql=cast)
    assert read.iloc[0].tolist() == [1, 2.0, "infinity"]


def test_files_of_a_folder_with_other_columns_are_refused(folder):
    FRAME.assign(other="x").to_parquet(folder / "year=2024" / "more.parquet")
    with pytest.raises(DataError, match=r"year=2023/part\.parquet and year=2024/more\.parquet differ in other\."):
        read_table(folder)


# ---- hostile ---------------------------------------------------------------------------------------------------------


def test_a_view_without_end_is_refused(tmp_path, monkeypatch):
    from cutaway.data import arrow_files

    path = sqlite(tmp_path / "t.db", rows=FRAME)
    with closing(sqlite3.connect(path)) as base:
        base.execute("create view endless as with recursive n(i) as (select 1 union all select i + 1 from n) "
                     "select i from n")
    monkeypatch.setattr(arrow_files, "MOST_UNPACKED", 2**20)
    monkeypatch.setattr(arrow_files, "MOST_UNPACKING_CELLS", 1)
    with pytest.raises(DataError, match="far more than its size allows"):
        read_table(path, sheet="endless")


@pytest.mark.parametrize(("make", "name"), [(sqlite, "t.sqlite"), (duck, "t.duckdb")])
def test_damaged_databases_are_named(tmp_path, make, name):
    path = make(tmp_path / name, rows=pd.concat([FRAME] * 2000))
    content = path.read_bytes()
    path.write_bytes(content[:3000])
    with pytest.raises(DataError, match="damaged"):
        read_table(path)
    path.write_text("a,b\n1,2\n")
    if make is sqlite:
        with pytest.raises(DataError, match="damaged SQLite database"):
            read_table(path)
