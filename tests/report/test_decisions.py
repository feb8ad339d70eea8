"""What a threshold finds and what it costs, against numbers found by hand and by scikit-learn."""

import numpy as np
import pytest
from sklearn import metrics

from cutaway.report import decisions
from cutaway.report.decisions import of_class

TRUTH = np.array([True, True, True, False, False, False, False, False, False, False])
P = np.array([0.9, 0.6, 0.1, 0.7, 0.3, 0.2, 0.2, 0.1, 0.0, 0.0])


def test_counts_and_costs_by_hand():
    """From 0.25 on: 0.9, 0.6, 0.7 and 0.3 are said, two of them rightly; a hit at 0.1 is missed."""
    found = of_class(TRUTH, P, None, "late", 0.25, (1, 20), "as asked")
    at, half, *_, never, always = found["choices"]
    assert (at["said"], at["hits"], at["precision"], at["recall"]) == (4, 2, 0.5, 2 / 3)
    assert at["F1"] == pytest.approx(metrics.f1_score(TRUTH, P >= 0.25))
    assert at["cost"] == 1000 * (2 * 1 + 1 * 20) / 10 and half["cost"] == 1000 * (1 + 20) / 10
    assert never["cost"] == 1000 * 3 * 20 / 10 and always["cost"] == 1000 * 7 / 10
    first, second, third = decisions.sentences(found)
    assert "finds 2 of the 3 rows that are 'late', with 2 false alarms" in first and "(as asked)" in first
    assert "cost 2200 a thousand rows; always saying 'late' costs 700" in second.replace(",", "")
    assert "by chance 0.300" in third


@pytest.mark.parametrize("share", decisions.FOUND)
def test_thresholds_find_their_share_and_no_lower_one_is_needed(share):
    rng = np.random.default_rng(0)
    truth, p = rng.random(300) < 0.2, np.round(rng.random(300), 2)
    one = next(c for c in of_class(truth, p, None, "a", 0.5)["choices"] if c["name"] == f"to find {share:.0%}")
    assert (p[truth] >= one["threshold"]).mean() >= share > (p[truth] > one["threshold"]).mean()


def test_the_curve_is_scikit_learns():
    rng = np.random.default_rng(1)
    truth = rng.random(200) < 0.3
    p = np.round(0.3 * truth + rng.random(200), 2)
    found = of_class(truth, p, rng.random(200), "a", 0.5)["models"]
    precision, recall, _ = metrics.precision_recall_curve(truth, p)
    known = {(round(r, 4), round(q, 4)) for r, q in zip(recall, precision, strict=True)}
    assert {tuple(point) for point in found["network"]["curve"]} <= known
    assert found["network"]["average precision"] == pytest.approx(metrics.average_precision_score(truth, p))
    assert set(found) == {"network", "linear"}


def test_rows_without_the_class_say_so():
    found = of_class(np.zeros(10, bool), P, None, "late", 0.25)
    assert "none of which is 'late'" in decisions.sentences(found)[0]
    page = str(decisions.section(found))
    assert "When is it late?" in page and "<svg" not in page


def test_the_page_escapes_the_name_and_marks_the_threshold():
    page = str(decisions.section(of_class(TRUTH, P, P[::-1], "<b>", 0.25, (1, 20))))
    assert "<b>" not in page.replace("<body", "") and 'class="cut"' in page and "thousand rows" in page
    assert decisions.section({}) is None and decisions.sentences({}) == []
