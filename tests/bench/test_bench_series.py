"""The table of series beside other models, made from what was measured."""

import numpy as np

import cutaway as ct
from benchmarks import series

RESULTS = {
    "GunPoint": {"about": "50 / 150, 150 x 1, 2 classes", "Cutaway": {"scores": [0.99, 1.0, 0.98], "seconds": 2.0},
                 "MiniRocket (aeon)": {"scores": [0.99], "seconds": 0.1}},
    "Trace": {"about": "100 / 100", "random convolutions": {"scores": [1.0], "seconds": 0.1}},
}


def test_a_line_has_the_median_of_the_seeds_and_the_best_is_bold():
    (line,) = series.table(RESULTS, held_out=False).rows
    assert line[:3] == ["GunPoint", "50 / 150, 150 x 1, 2 classes", "**0.990** (0.980 to 1.000)"]
    assert line[3] == "-" and line[-3:] == ["**0.990**", "1.000", "2.0 s"]
    (held_out,) = series.table(RESULTS, held_out=True).rows
    assert held_out[0] == "Trace" and "**1.000**" in held_out


def test_the_page_has_a_place_for_both_parts():
    text = series.PAGE.read_text()
    for part in ("development", "held-out"):
        assert "new" in series.fill(text, series.BEGIN.format(part), "new")


def test_some_of_ten_sets_and_more_were_held_out():
    assert len(series.SOURCES) >= 10 and [one.name for one in series.SOURCES if one.held_out] == ["Coffee", "Trace"]


def test_what_a_set_is_is_told():
    X = ct.Sequences.from_list([np.zeros((3, 2)), np.zeros((5, 2))])
    assert series.about(X, X, np.array(["a", "b"])) == "2 / 2, 3-5 x 2, 2 classes"
    assert series.about(np.zeros((4, 6, 1)), X, np.zeros(4)) == "4 / 2, 6 x 1, numbers"
