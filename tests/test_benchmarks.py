"""The README and the picture of benchmarks/ are made from the results as they are."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "bench"))

from test_bench_shown import RESULT  # noqa: E402

from benchmarks import FAMILIES, plot, report  # noqa: E402


def test_a_family_shows_its_tables_and_profile():
    text = report.family(RESULT)
    assert "| PyTorch eager | 400 **40x** (9.0-11.0; 1t) |" in text
    assert "<details><summary>A: where a step's time goes" in text and " 0  linear  5.0 µs" in text


def test_overview_has_a_line_a_workload_and_the_picture():
    text = report.overview([RESULT])
    assert "| A | 10.0 µs a step | 26x (≥ 40x) |" in text and "results/ratios.svg" in text


def test_only_what_lies_between_the_marks_changes():
    begin = report.BEGIN.format("overview")
    text = report.fill(f"before\n{begin}\nold\n{report.END}\nafter", begin, "new")
    assert text == f"before\n{begin}\n\nnew\n\n{report.END}\nafter"


def test_picture_has_marks_targets_and_the_limit_as_text(tmp_path):
    plot.ratios([RESULT], tmp_path / "r.svg")
    words = re.findall(r"<text[^>]*>([^<]+)</text>", (tmp_path / "r.svg").read_text())
    assert {"A", "PyTorch", "target", "20×"} <= set(words)
    assert any("limit" in word for word in words)


def test_readme_has_a_place_for_every_family_and_shows_the_results_that_are_there():
    readme = (ROOT / "benchmarks" / "README.md").read_text()
    assert all(report.BEGIN.format(part) in readme for part in ("overview", *(f"results of {f}" for f in FAMILIES)))
    text = report.fill(readme, report.BEGIN.format("overview"), report.overview(report.read()))
    for result in report.read():
        text = report.fill(text, report.BEGIN.format(f"results of {result['family']}"), report.family(result))
    assert text == readme, "run python -m benchmarks.report"
