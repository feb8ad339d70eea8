"""The page: complete, self-contained, harmless whatever the names are, and written whole or not at all."""

import re
from html.parser import HTMLParser

import pytest

from cutaway.errors import FileError
from cutaway.report import ColumnFacts, Findings, Score, TargetFacts, write_report
from cutaway.report.charts import Axis, learning_curves, scatter
from cutaway.report.page import page

EVIL = '<script>alert("x")</script>\x1b[31m&\u202e'


def findings(name="price", **given):
    scores = {"R²": 0.9, "RMSE": 1234.5, "median error": 99.0}
    return Findings(
        "a.csv", 100, 3, [ColumnFacts(name, "number", 3, 50, name, "(x - 1) / 2")],
        [TargetFacts(name, f"about {name}")],
        "regression", design=[["task", "regression", name]], history={"loss": [1.0, 0.5], "val_loss": [1.1, 0.6]},
        best_epoch=2, training="2 of 2 epochs.", scores=[Score("test", 20, scores, {**scores, "R²": None})],
        verdict=name, importance=[(name, 0.2, 0.01), ("b", -0.1, 0.0)], importance_unit="R²",
        scatter={"true": [1.0, 2.0], "predicted": [1.1, 1.9]}, seconds={"reading": 0.1, "training": 0.3},
        settings={"seed": 0}, versions={"cutaway": "0"}, linear="ridge regression", commands=["cutaway predict m d"],
    )  # fmt: skip


class Balanced(HTMLParser):
    """Fails where a tag is not closed in order."""

    def __init__(self):
        super().__init__()
        self.open, self.seen = [], set()

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        if tag not in ("meta", "br", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_page_has_everything_and_is_well_formed():
    text = page(findings())
    parser = Balanced()
    parser.feed(text)
    assert parser.open == [] and "script" not in parser.seen
    for title in ("Scores", "Columns that matter", "Data", "Design", "Training", "Use it", "Settings and versions"):
        assert f"<h2>{title}</h2>" in text
    assert text.count("<svg") == 2 and "ridge regression" in text and "1,234" in text


def test_page_needs_nothing_from_elsewhere():
    assert not re.search(r"https?:|src=|href=|@import|url\(", page(findings()))


def test_names_cannot_become_markup():
    text = page(findings(EVIL))
    assert "<script" not in text and "\x1b" not in text and "\u202e" not in text and "&lt;script&gt;" in text


def test_findings_survive_json():
    import json

    found = findings()
    assert Findings.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_sparse_findings_make_a_page():
    found = Findings("a.csv", 3, 2, [], [TargetFacts("y", "")], "binary")
    assert "<h2>Data</h2>" in page(found)
    found.confusion = {"labels": ["no", "yes"], "counts": [[3, 0], [0, 0]]}
    found.history = {"loss": [float("nan")]}
    assert 'class="confusion"' in page(found)


def test_report_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "r.html"
    path.write_text("old")
    write_report(path, findings())
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert [p.name for p in tmp_path.iterdir()] == ["r.html"]
    with pytest.raises(FileError, match="nodir"):
        write_report(tmp_path / "nodir" / "r.html", findings())


@pytest.mark.parametrize(("loss", "validation"), [
    ([1.0], []), ([1.0, 1.0, 1.0], []), ([5.0, 0.1, 0.01], [4.0, 0.2, 0.1]), ([-3.0, -4.0], [0.0, -1.0]),
    ([1e-9, float("inf")], []), (list(range(5000)), []),
])
def test_curves_stay_in_their_frame(loss, validation):
    picture = learning_curves(loss, validation, 1)
    pairs = " ".join(re.findall(r'points="([^"]+)"', picture)).split()
    points = [tuple(map(float, pair.split(","))) for pair in pairs]
    assert all(0 <= x <= 480 and 0 <= y <= 320 for x, y in points)
    assert "nan" not in picture and "inf" not in picture


def test_scatter_thins_large_tables_and_bears_constants():
    assert scatter([float(i) for i in range(5000)], [0.0] * 5000, "y").count("<circle") <= 1500
    assert "nan" not in scatter([2.0, 2.0], [1.0, 3.0], "y")


@pytest.mark.parametrize(("low", "high", "log"), [
    (0, 1, False), (-5e5, 3e6, False), (1e-6, 1e-5, False), (0.3, 9, True), (1e-8, 1e3, True), (0.99, 1.01, False),
])  # fmt: skip
def test_axes_have_a_few_ticks_inside(low, high, log):
    ticks = Axis(low, high, 0, 100, log).ticks()
    assert 2 <= len(ticks) <= 8 and all(low <= tick <= high for tick in ticks)
