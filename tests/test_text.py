"""Text that can be printed whatever is in the names it tells; tables, lists and numbers look alike everywhere."""

import pickle

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError, CutawayError, DataError, FileError, check_name
from cutaway.text import bounded, columns, joined, jsonable, listed, number, printable, quoted, scaled, size

STEERING = ["\x1b[2J", "\x9b31m", "\x07", "\r", "\x00", "\u202e", "\u2066", "\u2028", "\u2029", "\x85", "\ud800"]


@pytest.mark.parametrize("c", STEERING)
def test_characters_that_steer_a_terminal_are_shown_as_escapes(c):
    for text in (printable(f"a{c}b"), str(DataError(f"a{c}b"))):
        assert c not in text and text.startswith("a\\") and text.endswith("b")


def test_lines_letters_and_marks_of_every_script_stay():
    text = "Zürich\n東京 📈 עברית नमस्ते"
    assert str(FileError(text)) == text and printable("a\nb") == "a\\nb"


def test_an_error_without_end_keeps_its_start_and_its_advice():
    text = str(DataError(f"Column {'x' * 10**6!r} is empty: leave it out."))
    assert len(text) < 4100 and text.startswith("Column 'xxx") and text.endswith("leave it out.")
    assert bounded("short") == "short"


def test_what_is_said_again_stays_the_same_and_survives_another_process():
    once = ArgumentError("a\x1bb")
    assert str(CutawayError(f"{once}")) == str(once) == str(pickle.loads(pickle.dumps(once)))
    with pytest.raises(ArgumentError, match=r"called 'x\\x1b'"):
        check_name("x\x1b", ["x"])


def test_columns_stand_under_each_other_numbers_end_under_each_other_and_no_line_ends_in_spaces():
    assert columns([("name", "rows", "note"), ("a\x1b", "1,200", ""), ("b", "7", "few")], right=[1]) == [
        "name    rows  note", "a\\x1b  1,200", "b          7  few"]


def test_a_cell_wider_than_its_column_may_be_moves_its_own_line_alone():
    assert columns([("a", "b"), ("x" * 9, "c")], widest=4) == ["a     b", "xxxxxxxxx  c"]


def test_lists_tell_how_many_more_there_are_and_sentences_name_all():
    assert listed(["a", "b"], 2) == "a, b" and listed("abcdefg", 5) == "a, b, c, d, e and 2 more"
    assert quoted(["a", "b\n"]) == r"'a', 'b\n'"
    assert joined(["a"]) == "a" and joined(["a", "b"]) == "a and b" and joined([]) == ""


def test_quantities_are_whole_from_1000_on_as_they_are_shown():
    shown = [number(x) for x in (999.4, 999.6, -999.6, 1000.4, 99.96, 1e300)]
    assert shown == ["999", "1,000", "-1,000", "1,000", "100", "1e+300"]
    assert [number(x, 2) for x in (150, 9.96, 0.0123)] == ["150", "10", "0.012"]


def test_sizes_are_whole_bytes_or_two_digits_of_a_unit():
    assert [size(n) for n in (0, 7, 999, 1000, 9_960, 12_345, 3 * 10**9)] == [
        "0 B", "7 B", "999 B", "1.0 kB", "10.0 kB", "12 kB", "3.0 GB"]
    assert scaled(float("nan"), "s") == "–" and scaled(0.0021, "s") == "2.1 ms"


def test_values_for_json_are_plain_whatever_held_them():
    found = jsonable({1: (np.float32(0.5), np.array([[1, 2]])), "no": [np.nan, -np.inf], "yes": np.True_, "-": None})
    assert found == {"1": [0.5, [[1, 2]]], "no": [None, None], "yes": True, "-": None} and type(found["yes"]) is bool


@pytest.mark.parametrize("use", [
    ct.load, ct.files.describe, ct.data.read_table, ct.data.read_images, ct.data.read_ts, ct.inspect.read_trace,
    lambda path: ct.data.read_images([path]), lambda path: ct.save(ct.nn.Linear(1, 1), path),
    lambda path: ct.fit(ct.nn.Linear(1, 1), [[1.0]], [1.0], epochs=1, checkpoint=path),
], ids=["load", "describe", "table", "images", "series", "trace", "one image", "save", "checkpoint"])
def test_a_null_byte_in_a_path_is_told_in_our_words(use):
    """Python says "embedded null byte", "embedded null character in path" and more, by function and version."""
    with pytest.raises(CutawayError, match="a null byte is in the path"):
        use("a\0b")
