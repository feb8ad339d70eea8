"""Sequence files made to do harm: each is a Series or a DataError that names its line, in bounded memory."""

import gzip
import os

import pytest

from cutaway.data import read_ts
from cutaway.errors import DataError


def gzipped(before, piece):
    """Some bytes and then 400 MB of a piece, in 400 kB."""
    return gzip.compress(before) + gzip.compress(piece * (4_000_000 // len(piece))) * 100


GIANTS = {  # name: (content, what is said of it)
    "line.ts": (lambda: b"@data\n" + b"1," * 17_000_000, "line 2: the line has more than 33,554,432 characters"),
    "nothing.ts": (lambda: b"a" * 34_000_000, "line 1: the line has more than 33,554,432 characters"),
    "header.ts": (lambda: b"@classLabel true " + b"a1 " * 400_000 + b"\n@data\n1:a1\n",
                  "line 1: the line has more than 1,048,576 characters, in the header"),
    "dimensions.ts": (lambda: b"@data\n" + b"1:" * 1_000_000 + b"1\n",
                      "line 2: 1,000,001 parts between colons: sequences have at most 65,536 dimensions"),
    "million.ts": (lambda: b"@dimensions 1000000\n@data\n1,2:3,4\n", "where 1,000,000 dimensions and no label belong"),
    "length.ts": (lambda: b"@seriesLength 99999999\n@data\n1,2\n", "but the header says @seriesLength 99999999"),
    "negative.ts": (lambda: b"@seriesLength -5\n@data\n1,2\n", "@seriesLength is followed by a whole number above 0"),
    "one-long.ts": (lambda: b"@data\n" + b"1\n" * 50_000 + b"1," * 50_000 + b"1\n", "sequence 50000 (the first is 0)"),
    "steps.ts.gz": (lambda: gzipped(b"@data\n", b"1\n"), "unpacks to more than 250 times its size"),
    "comments.ts.gz": (lambda: gzipped(b"", b"#\n"), "unpacks to more than 250 times its size"),
    "oneline.ts.gz": (lambda: gzipped(b"@data\n", b"1,"), "unpacks to more than 250 times its size"),
}


def test_giants_are_refused_in_little_memory(tmp_path, read_in_a_child):
    for name, (content, _) in GIANTS.items():
        (tmp_path / name).write_bytes(content())
    answers = read_in_a_child("read_ts", GIANTS, spare=2**28)
    for name, (_, says) in GIANTS.items():
        assert answers[name].startswith(f"DataError: {name}") and says in answers[name]


def test_what_a_file_takes_is_in_proportion_to_its_size(tmp_path, read_in_a_child):
    """60,000 sequences of one value would take 12 MB as arrays of their own; with one long label, all 56 MB."""
    (tmp_path / "short.ts").write_bytes(b"@data\n" + b"1\n" * 60_000)
    (tmp_path / "labels.ts").write_bytes(b"@classLabel true\n@data\n" + b"1:a\n" * 60_000 + b"1:" + b"b" * 200 + b"\n")
    answers = read_in_a_child("read_ts", ["short.ts", "labels.ts"], spare=2**23)
    assert answers["short.ts"].startswith("short: 60,000 sequences")
    assert answers["labels.ts"].endswith("1 time step of 1 feature, 2 labels")


def test_sequences_beyond_a_block_keep_their_order(tmp_path, monkeypatch):
    monkeypatch.setattr("cutaway.data.ts_files.BLOCK", 3)
    (tmp_path / "a.ts").write_text("@classLabel true\n@data\n" + "".join(f"{i},{-i}:{i % 3}\n" for i in range(11)))
    X, y = read_ts(tmp_path / "a.ts")
    assert X[:, :, 0].tolist() == [[i, -i] for i in range(11)]
    assert y.tolist() == [str(i % 3) for i in range(11)]


def test_labels_of_very_different_lengths_stay_words(tmp_path, monkeypatch):
    monkeypatch.setattr("cutaway.data.ts_files.MOST_PADDING", 0)
    monkeypatch.setattr("cutaway.data.ts_files.WIDE", 10)
    (tmp_path / "a.ts").write_text("@classLabel true\n@data\n1:a\n2:" + "b" * 100 + "\n3:a\n")
    assert read_ts(tmp_path / "a.ts").y.tolist() == ["a", "b" * 100, "a"]


@pytest.mark.parametrize(("content", "says"), [
    (b"@data\n1,\0,2\n", "line 2, dimension 1, value 2: '\\x00' where a number"),
    (b"@data\n" + b"9" * 100_000 + b"\n", "line 2, dimension 1, value 1: '999"),
    (b"@dimensions " + b"9" * 100_000 + b"\n@data\n1\n", "line 1: @dimensions is followed by a whole number"),
    (b"@data\n0x10,1\n", "value 1: '0x10' where a number"),
    (b"@data\n1;2\n", "value 1: '1;2' where a number"),
    (b"@data\n1\xa02\n", "value 1: '1\\xa02' where a number"),
    ("@data\n1,2\n".encode("utf-16"), "line 1: .*this is no .ts file"),
    (b"\x1f\x8b" + b"@data\n1,2\n", "cannot be read"),
    (gzip.compress(gzip.compress(b"@data\n1,2\n", mtime=0), mtime=0), "line 1: .*this is no .ts file"),
], ids=["zero byte", "large number", "large count", "hexadecimal", "semicolons", "space", "utf-16", "no gzip", "twice"])
def test_odd_cells_and_encodings_are_named(tmp_path, content, says):
    (tmp_path / "a.ts").write_bytes(content)
    with pytest.raises(DataError, match=says.replace("\\", r"\\")) as error:
        read_ts(tmp_path / "a.ts")
    assert "a.ts" in str(error.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_words_are_read_in_the_encoding_they_are_written_in(tmp_path, encoding):
    (tmp_path / "a.ts").write_bytes("@classLabel true\r\n@data\r1,2:café\n3,4:tea\n".encode(encoding))
    assert read_ts(tmp_path / "a.ts").y.tolist() == ["café", "tea"]


def test_lines_of_two_encodings_are_named(tmp_path):
    (tmp_path / "a.ts").write_bytes(b"@classLabel true\n@data\n1,2:caf\xc3\xa9\n3,4:caf\xe9\n")
    with pytest.raises(DataError, match="mixes encodings: line 3 is UTF-8, line 4 is not"):
        read_ts(tmp_path / "a.ts")


def test_what_is_no_regular_file_is_refused_without_waiting_for_it(tmp_path):
    os.mkfifo(tmp_path / "pipe.ts")
    (tmp_path / "zeros.ts").symlink_to("/dev/zero")
    (tmp_path / "loop.ts").symlink_to("loop.ts")
    for name, says in {"pipe.ts": "a pipe or a device", "zeros.ts": "a pipe or a device", "loop.ts": "symbolic links",
                       "a\0.ts": "null byte", "x" * 5000 + ".ts": "File name too long"}.items():
        with pytest.raises(DataError, match=says):
            read_ts(tmp_path / name)
    with pytest.raises(DataError, match="no file"):
        read_ts("~nobody-of-this-name/a.ts")
