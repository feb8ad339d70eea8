"""Charts in characters."""

import numpy as np

from cutaway.drawing.braille import braille_chart


def test_a_line_goes_from_corner_to_corner():
    lines = braille_chart(np.arange(40.0), width=30, height=4)
    assert len(lines) == 4 and lines[0].startswith("39 │") and lines[-1].startswith(" 0 │")
    assert lines[0][-1] != "\u2800" and lines[-1][4] != "\u2800" and lines[0][4] == "\u2800"
    assert all(len(line) <= 30 for line in lines)


def test_points_and_their_band_stand_where_they_are():
    lines = braille_chart([0, 0, 0], [5, 5], [4, 4], [9, 9], start=3, width=40, height=5)
    text = "\n".join(lines)
    assert "•" in text and "░" in text and lines[0].startswith("9 │")
    assert all("░" not in line[:4] for line in lines)


def test_gaps_are_no_line():
    lines = braille_chart([1.0, np.nan, np.nan, 1.0], width=60, height=1)
    assert lines[0][3:].count("\u2800") > 3


def test_nothing_known_draws_nothing():
    assert braille_chart([np.nan]) == [] and braille_chart([3.0], width=20, height=2)
