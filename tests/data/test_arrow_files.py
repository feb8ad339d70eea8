"""Feather files and Arrow streams, written by pyarrow and pandas."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import feather

from cutaway.data import read_table
from cutaway.errors import DataError

FRAME = pd.DataFrame({"n": [1, 2, 3], "x": [0.5, np.nan, -1.0], "zone": pd.Categorical(["RL", "RM", "RL"]),
                      "day": pd.to_datetime(["2024-01-02", None, "1960-01-01"]), "word": ["a", None, "c"]})


def streamed(path, table):
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table, 2)


@pytest.mark.parametrize("packed", ["uncompressed", "lz4", "zstd"])
def test_a_table_comes_back_as_it_was(tmp_path, packed):
    feather.write_feather(FRAME, tmp_path / "t.feather", compression=packed)
    pd.testing.assert_frame_equal(read_table(tmp_path / "t.feather"), FRAME)


def test_a_stream_of_batches_is_one_table(tmp_path):
    streamed(tmp_path / "t.arrows", pa.Table.from_pandas(FRAME))
    pd.testing.assert_frame_equal(read_table(tmp_path / "t.arrows"), FRAME)


def test_an_index_with_a_name_is_a_column(tmp_path):
    streamed(tmp_path / "t.arrows", pa.Table.from_pandas(FRAME.set_index("n")))
    assert "n" in read_table(tmp_path / "t.arrows").columns


def test_what_cannot_be_a_table_is_refused(tmp_path):
    path = tmp_path / "t.feather"
    feather.write_feather(FRAME, path)
    whole = path.read_bytes()
    for content, says in [(b"FEA1" + whole[4:], "version 1"), (whole[:-40], "damaged"), (whole[:100], "damaged")]:
        path.write_bytes(content)
        with pytest.raises(DataError, match=says):
            read_table(path)
    streamed(path, pa.table({"x": pa.array([], pa.float64())}))
    with pytest.raises(DataError, match="no rows under them"):
        read_table(path)


def test_one_value_again_and_again_is_refused_before_it_fills_the_memory(tmp_path, monkeypatch):
    for name, most in (("MOST_UNPACKED", 2**16), ("MOST_UNPACKING_CELLS", 100)):
        monkeypatch.setattr(f"cutaway.data.arrow_files.{name}", most)
    feather.write_feather(pd.DataFrame({"x": np.zeros(2**20)}), tmp_path / "t.feather", compression="zstd")
    with pytest.raises(DataError, match="far more than its size allows"):
        read_table(tmp_path / "t.feather")
