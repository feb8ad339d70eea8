"""Every experiment's result as a page: what was found, the figure, the numbers; one file, no script."""

import re

import pytest

import cutaway as ct
from cutaway.report.lab_page import write_lab_page

X, Y = ct.datasets.make("moons", n=120, seed=0)
NET = ct.nn.MLP(2, [4], 2)


def trained():
    net = ct.nn.MLP(2, [4], 2).init(0)
    ct.fit(net, X, Y, loss="cross_entropy", epochs=2)
    return net


RESULTS = {
    "race": lambda: ct.lab.race(NET, X, Y, ["SGD", "Adam"], seeds=2, budget=1, epochs=2),
    "landscape": lambda: ct.lab.landscape(trained(), X, Y, directions=2, points=5),
    "batches": lambda: ct.lab.batches(NET, X, Y, sizes=(20, "full"), rates=(0.1,), epochs=2, runs=1),
    "shuffling": lambda: ct.lab.shuffling(NET, X, Y, epochs=2, runs=1),
    "collapse": lambda: ct.lab.collapse(ct.nn.MLP(2, [4], 1, activation="identity")),
}


@pytest.fixture(scope="module", params=RESULTS)
def result(request):
    return RESULTS[request.param]()


def test_the_page_holds_what_was_found_the_figure_and_the_numbers(result, tmp_path):
    page = result.save(tmp_path / "page.html").read_text(encoding="utf-8")
    words = re.sub(r"\s+", " ", str(result)).split(". ")[0]
    told = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page)).replace("&#x27;", "'")
    assert words.split(", ")[0][:40] in told
    assert page.count("<svg") == 1 and "<text" in page  # text in the figure stays text
    assert all(f">{name}</th>" in page for name in result.to_pandas().columns)


def test_it_is_one_file_that_runs_and_fetches_nothing(result, tmp_path):
    page = result.save(tmp_path / "page.html").read_text(encoding="utf-8")
    assert "default-src &#x27;none&#x27;" in page and "<script" not in page
    assert not re.findall(r'(?:src|href)="(?!data:|#)[^"]*"', page)


def test_long_tables_are_cut_and_say_so(tmp_path):
    long = ct.lab.descend("bowl", [ct.optim.SGD(0.1)], steps=300)
    write_lab_page(long, tmp_path / "page.html")  # a descent has a page of its own
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "The first 200 of 301 rows" in page and page.count("<tr>") == 201
