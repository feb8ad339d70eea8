"""Errors can be printed whatever is in the names they tell."""

import pickle

import pytest

import cutaway as ct
from cutaway.errors import ArgumentError, CutawayError, DataError, FileError, check_name
from cutaway.text import bounded, plain

STEERING = ["\x1b[2J", "\x9b31m", "\x07", "\r", "\x00", "\u202e", "\u2066", "\u2028", "\u2029", "\x85", "\ud800"]


@pytest.mark.parametrize("c", STEERING)
def test_characters_that_steer_a_terminal_are_shown_as_escapes(c):
    for text in (plain(f"a{c}b"), str(DataError(f"a{c}b"))):
        assert c not in text and text.startswith("a\\") and text.endswith("b")


def test_lines_letters_and_marks_of_every_script_stay():
    text = "Zürich\n東京 📈 עברית नमस्ते"
    assert str(FileError(text)) == text and plain("a\nb") == "a\\nb"


def test_an_error_without_end_keeps_its_start_and_its_advice():
    text = str(DataError(f"Column {'x' * 10**6!r} is empty: leave it out."))
    assert len(text) < 4100 and text.startswith("Column 'xxx") and text.endswith("leave it out.")
    assert bounded("short") == "short"


def test_what_is_said_again_stays_the_same_and_survives_another_process():
    once = ArgumentError("a\x1bb")
    assert str(CutawayError(f"{once}")) == str(once) == str(pickle.loads(pickle.dumps(once)))
    with pytest.raises(ArgumentError, match=r"called 'x\\x1b'"):
        check_name("x\x1b", ["x"])


@pytest.mark.parametrize("use", [
    ct.load, ct.files.describe, ct.data.read_table, ct.data.read_images, ct.data.read_ts, ct.inspect.read_trace,
    lambda path: ct.data.read_images([path]), lambda path: ct.save(ct.nn.Linear(1, 1), path),
    lambda path: ct.fit(ct.nn.Linear(1, 1), [[1.0]], [1.0], epochs=1, checkpoint=path),
], ids=["load", "describe", "table", "images", "series", "trace", "one image", "save", "checkpoint"])
def test_a_null_byte_in_a_path_is_told_in_our_words(use):
    """Python says "embedded null byte", "embedded null character in path" and more, by function and version."""
    with pytest.raises(CutawayError, match="a null byte is in the path"):
        use("a\0b")
