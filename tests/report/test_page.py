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
    )


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
])
def test_axes_have_a_few_ticks_inside(low, high, log):
    ticks = Axis(low, high, 0, 100, log).ticks()
    assert 2 <= len(ticks) <= 8 and all(low <= tick <= high for tick in ticks)


# ---- what makes a score doubtful, and forecasts ----------------------------------------------------------------------


def remark():
    from cutaway.inspect import Finding

    return Finding("an input that tells the target", "serious", "bwt alone predicts low.", "", "It has to go.", ["bwt"],
                   command="--drop bwt")


def test_doubts_stand_above_the_scores_in_the_readers_words():
    found = findings()
    found.remarks = [remark()]
    text = page(found)
    assert text.index("bwt alone predicts low.") < text.index("<h2>Scores</h2>")
    assert "Add <code>--drop bwt</code> to the command." in text
    found.checked = ["an input that tells the target", "dead ReLUs"]
    assert "Looked for: dead ReLUs." in page(found) and "Nothing more was found." in page(found)


def test_a_finding_says_the_option_that_mends_it():
    from cutaway.inspect import Finding

    found = findings()
    found.checked = ["learning rate too high"]
    found.diagnosis = [Finding("learning rate too high", "serious", "", "optimizer = ct.optim.AdamW(1e-4)", "",
                               command="--lr 0.0001")]
    assert "<pre>cutaway fit ... --lr 0.0001</pre>" in page(found) and "optimizer =" not in page(found)


def test_doubts_and_forecasts_survive_json():
    import json

    found = forecast()
    found.remarks = [remark()]
    assert Findings.from_json(json.loads(json.dumps(found.to_json()))) == found


def forecast(horizon=24):
    r2 = {"R²": 0.9}
    found = Findings("air.csv", 500, 1, [], [TargetFacts("flights", "a number")], "multi-output regression",
                     reading={"forecast": "flights", "horizon": horizon}, simple="the value 12 steps before",
                     history={"loss": [2.0, 1.0]}, scores=[Score("test", 99, r2, r2, r2)])
    step = {"R²": 0.9, "RMSE": 3.0, "median error": 2.0}
    found.outputs = [Score(f"+{k + 1}", 99, step, step, step) for k in range(horizon if horizon > 1 else 0)]
    values = [float(k) for k in range(horizon if horizon > 1 else 60)]
    found.forecast = {"history": values if horizon > 1 else [], "truth": values, "network": values, "linear": values,
                      "simple": [None, *values[1:]]}
    return found


@pytest.mark.parametrize("horizon", [1, 24])
def test_a_forecast_is_named_by_its_series_and_how_far_ahead(horizon):
    parser = Balanced()
    text = page(forecast(horizon))
    parser.feed(text)
    ahead = "1 step ahead" if horizon == 1 else "24 steps ahead"
    assert parser.open == [] and f"<h1>flights, {ahead} " in text and f"<title>flights, {ahead}" in text
    assert "and 21 more" not in text and "flights +1" not in text
    assert "the value 12 steps before" in text and "the truth" in text
    assert text.count("<svg") == (3 if horizon > 1 else 2)


def test_the_steps_of_a_forecast_are_a_row_each_and_folded():
    text = page(forecast())
    table = text.partition("Each of the 24 steps ahead")[2].partition("</table>")[0]
    assert table.count("<tr>") + table.count("<tr ") == 25 and "R², simple" in table and "RMSE, network" in table
    assert text.rindex("<details", 0, text.index("Each of the 24 steps")) > 0


def test_a_caption_names_validation_only_where_there_is_one():
    found = forecast()
    assert "validation" not in page(found).partition('class="figures"')[2].partition("</section>")[0]
    found.history["val_loss"] = [2.1, 1.2]
    assert "validation" in page(found).partition('class="figures"')[2].partition("</section>")[0]
