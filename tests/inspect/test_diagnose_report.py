"""A diagnosis in the report of a fit: on its page, in the model file, and in the terminal where it is serious."""

import json

import pytest

from cutaway.cli import sections
from cutaway.cli.terminal import Screen
from cutaway.inspect import Finding
from cutaway.report import Findings, TargetFacts
from cutaway.report.page import page

LEAK = Finding("an input that tells the target", "serious", "copy alone predicts the target.", "X = X[:, 1:]", "Out.",
               ["copy"], {"alone": 1.0}, 0)
AFTER = Finding("overfitting", "serious", "the loss is 1.", "epochs = 3", "", follows="an input that tells the target")
SMALL = Finding("dead ReLUs", "notice", "12 of 16 units.", "epochs = 3", "")


def found(*diagnosis):
    checked = ["an input that tells the target", "dead ReLUs", "overfitting", "not finite"]
    return Findings("a.csv", 9, 2, [], [TargetFacts("y", "a number")], "regression", diagnosis=list(diagnosis),
                    checked=checked)


def test_the_page_shows_causes_with_their_changes():
    text = page(found(LEAK, AFTER, SMALL))
    assert "<h2>Diagnosis</h2>" in text and "<pre>X = X[:, 1:]</pre>" in text and "12 of 16 units" in text
    assert "the loss is 1." not in text and "No sign of: not finite." in text


def test_the_page_of_a_clean_fit_says_what_was_looked_for():
    text = page(found())
    assert "Nothing was found." in text and "Looked for: an input that tells the target, dead ReLUs" in text


def test_a_fit_that_was_not_diagnosed_has_no_such_section():
    clean = found()
    clean.checked = []
    assert "Diagnosis" not in page(clean)


def test_it_is_kept_with_the_model():
    state = json.loads(json.dumps(found(LEAK, AFTER).to_json()))
    assert Findings.from_json(state) == found(LEAK, AFTER)
    del state["diagnosis"], state["checked"]  # as older files are
    assert Findings.from_json(state).diagnosis == []


@pytest.mark.parametrize(("diagnosis", "lines"), [((LEAK, AFTER, SMALL), 3), ((SMALL,), 0), ((), 0)])
def test_the_terminal_has_a_line_for_what_is_serious(diagnosis, lines, capsys):
    sections.diagnosis(Screen(), found(*diagnosis))
    out = capsys.readouterr().out
    assert len(out.splitlines()) == lines and ("copy alone" in out) == (LEAK in diagnosis)
