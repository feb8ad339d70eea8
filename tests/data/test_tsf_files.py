""".tsf files of the Monash archive as long tables."""

import gzip

import numpy as np
import pandas as pd
import pytest

from cutaway.data import read_tsf
from cutaway.errors import DataError

HEAD = ("# about\n@relation test\n@attribute series_name string\n@attribute start_timestamp date\n@frequency {}\n"
        "@horizon 4\n")


@pytest.fixture
def tsf(tmp_path):
    def write(text):
        path = tmp_path / "some.tsf"
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize(("frequency", "second"), [
    ("yearly", "1980-01-31"), ("quarterly", "1979-04-30"), ("monthly", "1979-02-28"), ("weekly", "1979-02-07"),
    ("daily", "1979-02-01"), ("hourly", "1979-01-31 01:00"), ("half_hourly", "1979-01-31 00:30"),
    ("10_minutes", "1979-01-31 00:10"), ("4_seconds", "1979-01-31 00:00:04"),
])
def test_each_step_has_its_moment(tsf, frequency, second):
    found = read_tsf(tsf(HEAD.format(frequency) + "@data\nT1:1979-01-31 00-00-00:1,2\nT2:1979-01-31 00-00-00:3\n"))
    assert found.columns.tolist() == ["series_name", "time", "value"]
    assert found["time"].tolist() == [pd.Timestamp("1979-01-31"), pd.Timestamp(second), pd.Timestamp("1979-01-31")]
    assert found["series_name"].tolist() == ["T1", "T1", "T2"] and found["value"].tolist() == [1, 2, 3]


def test_without_a_start_steps_are_counted_and_several_attributes_stay(tsf):
    head = "@attribute group string\n@attribute size numeric\n@frequency yearly\n"
    found = read_tsf(tsf(head + "@data\nG:3:1,?\nH:4:NaN\n"))
    assert found["step"].tolist() == [0, 1, 0] and found["size"].tolist() == [3, 3, 4]
    np.testing.assert_array_equal(found["value"], [1, np.nan, np.nan])


def test_a_gzipped_file_is_the_same(tsf, tmp_path):
    text = HEAD.format("daily") + "@data\nT1:2024-01-01 00-00-00:1,2\n"
    with gzip.open(tmp_path / "some.tsf.gz", "wt") as file:
        file.write(text)
    pd.testing.assert_frame_equal(read_tsf(tmp_path / "some.tsf.gz"), read_tsf(tsf(text)))


@pytest.mark.parametrize(("text", "says"), [
    ("a,b\n1,2\n", "line 1: 'a,b' where a header line"),
    (HEAD.format("daily"), "has no series under @data"),
    (HEAD.format("daily") + "@data\nT1:1,2\n", "2 parts between colons where 3 belong"),
    (HEAD.format("daily") + "@data\nT1:2024-01-01 00-00-00:1,x\n", "line 8: 'x' where a number"),
    (HEAD.format("daily") + "@data\nT1:yesterday:1\n", "start_timestamp is 'yesterday'"),
    (HEAD.format("often") + "@data\nT1:2024-01-01 00-00-00:1\n", "@frequency often is not known"),
    ("@attribute name\n@data\n", "followed by a name and a type"),
])
def test_what_does_not_belong_is_named(tsf, text, says):
    with pytest.raises(DataError, match=says):
        read_tsf(tsf(text))
