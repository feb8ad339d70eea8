"""Names of columns, categories, classes and files are text, whatever they hold: on the terminal, in pages, in CSV."""

import csv
import json
import re
import unicodedata
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

import cutaway as ct

NAMES = (
    "\x1b[31mred\x1b[0m", "\x9b2J", "a\rb", "two\nlines", "tab\tbed", "\u202egnp.exe", "\u2066x", "one\u2028two",
    "bell\a", "[red]x[/red]", "[link=https://example.org]y[/link]", ":smile:", "{0} %s %(name)s", "$\\frac{$", "_x",
    "</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>", '" onload="alert(1)', "' onload='alert(1)",
    "&lt;b&gt;", "]]>", "<!--", "=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=2", "x;=1+1", "x" * 400,
)
TARGET = "class\x1b[8m</title>\u202e"
FILE = "ta\x1b[2Jble \u202e'$(x)'.csv"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """The path of a table of hostile names, and of a model and a report made from it."""
    from cutaway.cli import main

    folder = tmp_path_factory.mktemp("hostile")
    rng = np.random.default_rng(0)
    n = 240
    table = pd.DataFrame({name: rng.normal(size=n) for name in NAMES})
    table["category </style>\x1b]0;title\a"] = rng.choice(NAMES, n)
    table[TARGET] = np.where(table[NAMES[0]] > 0, *NAMES[15:17])
    table.to_csv(folder / FILE, index=False, quoting=csv.QUOTE_ALL)
    files = folder / "m.safetensors", folder / "r.html"
    assert main(["fit", str(folder / FILE), "-t", TARGET, "--hidden", "8", "--epochs", "3", "-q", "-o", str(files[0]),
                 "--preset", "fast", "--split", "random", "--report", str(files[1])]) == 0
    return folder / FILE, *files


def refuse_steering(text):
    """No character but the end of a line steers a terminal, turns text round, or ends a line for some programs."""
    bad = {c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")}
    bad |= {c for c in text if "\u202a" <= c <= "\u202e" or "\u2066" <= c <= "\u2069"}
    assert not bad


WORKS = (
    ["fit", "DATA", "-t", TARGET, "--epochs", "2", "-o", "new.safetensors"],
    ["evaluate", "MODEL", "DATA"], ["inspect", "MODEL", "--columns"], ["inspect", "MODEL", "--neuron", "layer1", "0"],
    ["trace", "MODEL", "DATA"], ["predict", "MODEL", "DATA", "-o", "p.csv"],
    ["lab", "lr-find", "--data", "DATA", "-t", TARGET, "--quick"],
)
REFUSED = (
    ["fit", "DATA", "-t", "\x1b[5mnobody"], ["fit", "DATA", "-t", TARGET, "--drop", "nobody\x9b"],
    ["predict", "MODEL", "missing\x1b[31m.csv"], ["evaluate", "MODEL", "DATA", "-t", NAMES[0]], ["fit\x1b[7m"],
)


@pytest.mark.parametrize("command", [*WORKS, *REFUSED], ids=lambda command: " ".join(command[:3]))
def test_nothing_printed_steers_the_terminal(tmp_path, monkeypatch, run, hostile, command):
    monkeypatch.chdir(tmp_path)
    data, model, _ = map(str, hostile)
    status, out, err = run(*[{"DATA": data, "MODEL": model}.get(word, word) for word in command])
    assert status == (0 if command in WORKS else 2) and (out or err)
    refuse_steering(out + err)
    assert "Traceback" not in err


def test_what_python_prints_does_not_either(hostile):
    data, model, _ = hostile
    table, estimator = ct.data.read_table(data), ct.load(model)
    X, y = table.drop(columns=TARGET.strip()), table[TARGET.strip()]
    for found in (estimator, ct.design(X, y), ct.summary(estimator), ct.inspect.neuron(estimator, "layer1", 0, X),
                  ct.diagnose(estimator.fit(X, y))):
        refuse_steering(f"{found}\n{found!r}")
    with pytest.raises(ct.errors.DataError) as problem:
        estimator.predict(X.drop(columns=NAMES[0]))
    refuse_steering(str(problem.value))


class Tags(HTMLParser):
    """The elements of a page, and the names of all attributes."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes = [], set()
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attributes}


def test_pages_hold_names_as_text(hostile, tmp_path, run):
    data, model, report = hostile
    page = Tags(report.read_text(encoding="utf-8"))
    assert not {"script", "img", "a", "iframe"} & set(page.tags) and page.tags.count("title") == 1
    assert not [name for name in page.attributes if name.startswith("on")]
    assert run("trace", model, data, "--html", tmp_path / "t.html")[0] == 0
    text = (tmp_path / "t.html").read_text(encoding="utf-8")
    page = Tags(text)
    assert page.tags.count("script") == 2 and "img" not in page.tags
    assert not [name for name in page.attributes if name.startswith("on")]
    held = json.loads(re.search(r'<script type="application/json"[^>]*>(.*?)</script>', text, re.S)[1])
    assert {*NAMES[15:19]} <= {*held["inputs"]}


def test_drawings_are_well_formed(hostile, tmp_path, run):
    assert run("inspect", hostile[1], "--draw", tmp_path / "n.svg")[0] == 0
    tags = {element.tag.rpartition("}")[2] for element in ElementTree.parse(tmp_path / "n.svg").iter()}
    assert "text" in tags and not {"script", "img", "a", "image"} & tags


def test_no_cell_of_the_predictions_is_a_formula(hostile, tmp_path, run):
    data, model, _ = hostile
    kept = [word for name in ("category </style>\x1b]0;title\a", *NAMES[22:29]) for word in ("--keep", name.strip())]
    assert run("predict", model, data, "-o", tmp_path / "p.csv", *kept)[0] == 0
    with open(tmp_path / "p.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert len(rows) == 241 and {len(row) for row in rows} == {11}
    for cell in (cell for row in rows for cell in row):
        try:
            float(cell)
        except ValueError:
            assert not re.match(r"\s*[=+\-@]|[\t\r\n]", cell) and ";=" not in cell


def test_a_kept_column_is_not_lost_to_one_of_the_answer(here, run, models, table):
    table.assign(prediction=1).to_csv("t.csv", index=False)
    status, out, err = run("predict", models / "price.safetensors", "t.csv", "--keep", "prediction")
    assert status == 2 and out == "" and "--keep 'prediction'" in err
