"""What a page that trains is made of: its script, its words, its optimizers' equations, its rows."""

import html
import re
from importlib.resources import files

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError
from cutaway.report.equations import Equation
from cutaway.report.train_page.choices import PARTS, choices, described
from cutaway.report.train_page.skeleton import skeleton

optim = ct.optim
X, y = ct.datasets.make("moons", n=40, seed=0)


def modules():
    folder = files("cutaway.report.train_page")
    return {f.name: f.read_text("utf-8") for f in folder.iterdir() if f.name.endswith(".js")}


def test_every_word_is_used_and_every_word_that_is_used_is_there():
    texts = modules()
    known = set(re.findall(r"(?:^  |, )(\w+): \"", texts.pop("words.js"), re.MULTILINE))
    used = set(re.findall(r"\bsay\(\w* ?\??[^)]*?\"(\w+)\"", " ".join(texts.values())))
    everything = " ".join(texts.values())
    assert used <= known
    assert {word for word in known if f'"{word}"' not in everything} == set()


def test_every_word_is_there_in_arabic_with_the_same_things_put_in():
    words = modules()["words.js"]
    english, arabic = (dict(re.findall(r'(?:^  |, )(\w+): "((?:[^"\\]|\\.)*)"', part, re.MULTILINE))
                       for part in words.split("const ARABIC"))
    assert list(english) == list(arabic)
    for name, said in english.items():
        assert sorted(re.findall(r"\{\w+\}", said)) == sorted(re.findall(r"\{\w+\}", arabic[name])), name


def test_the_frame_has_no_sentence_without_arabic():
    text = files("cutaway.report").joinpath("languages.js").read_text("utf-8")
    known = set(re.findall(r'"([^"]+)": "', text))
    body = re.sub(r"<noscript>.*?</noscript>", "", skeleton())  # is seen without a script alone
    said = {html.unescape(word) for found in re.findall(r'>([^<>]+)<|(?:aria-label|title)="([^"]+)"', body)
            for word in found}
    assert {word for word in said if re.search(r"[a-z]{3}", word)} - {"Page Up, Page Down", "Home, End"} <= known
    assert known <= said


@pytest.mark.parametrize("name", list(choices(optim.SGD(0.1))))
def test_a_step_in_parts_is_what_explain_update_says(name):
    opt = choices(optim.SGD(0.1))[name]
    run = ct.fit(ct.nn.MLP(2, [3], 2).init(0), X, y, loss="cross_entropy", optimizer=opt, epochs=2, engine="reference")
    t = run.trace(step=3)
    e = t.explain_update("layer1.weight", 1, 0)
    known = {symbol: getattr(opt, setting) for setting, symbol in described(name, opt)["symbols"].items()}
    known |= {"η": opt.lr, "α": known.get("α", opt.lr), "g": e.gradient, "θ": e.before, "t": 3} | e.state
    for gives, text, _ in described(name, opt)["equations"]:
        if gives != "θ":
            known[gives] = Equation(gives, text)(known)
    parts = [("gradient", "0 - η g"), *((part, f"0 {text.replace('-η', '- η')}") for part, text in PARTS[opt.name])]
    assert [part for part, _ in parts] == [p.name for p in e.parts]
    found = [Equation("Δθ", text)(known) for _, text in parts]
    np.testing.assert_allclose(found, [p.so_far for p in e.parts], rtol=1e-6)


def test_the_run_s_own_optimizer_comes_first_with_all_that_was_added_to_it():
    own = optim.clip(optim.Adam(0.1), norm=1.0)
    assert list(choices(own))[:2] == ["Adam, as trained", "SGD"] and "Adam" in choices(own)
    assert choices(own)["Adam, as trained"].prepare == own.prepare
    assert choices(optim.Adam(optim.schedules.cosine(0.1, steps=5)))["Adam"].lr == 0.1


# ---- pages -----------------------------------------------------------------------------------------------------------


def test_a_small_network_with_two_thousand_rows_is_a_small_page_and_always_the_same_one():
    rng = np.random.default_rng(0)
    rows, target = rng.normal(size=(2000, 20)), rng.normal(size=2000)
    one, two = (ct.to_page(ct.nn.MLP(20, [64, 32], 1).init(0), rows, target, optimizer=optim.AdamW(0.01)) for _ in "ab")
    assert len(one.html) < 1_500_000 and one.html == two.html and one.notes == ()


@pytest.mark.usefixtures("kernels_as_written")
def test_it_may_run_its_own_script_and_program_and_nothing_else(tmp_path):
    page = ct.to_page(ct.nn.MLP(2, [3], 2).init(0), X, y, loss="cross_entropy", path=tmp_path / "p.html")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page.html)[1].replace("&#x27;", "'")
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert re.fullmatch(r"'sha256-\S+' 'wasm-unsafe-eval'", policy.partition("script-src ")[2])
    assert (tmp_path / "p.html").read_text("utf-8") == page.html and "srcdoc" in page._repr_html_()
    assert type(page._repr_html_()) is str and "goes on training" in page._repr_html_().partition("<iframe")[0]


@pytest.mark.usefixtures("kernels_as_written")
def test_the_model_stays_as_it_is():
    net = ct.nn.MLP(2, [3], 2).init(0)
    before = net.theta.copy()
    ct.to_page(net, X, y, loss="cross_entropy")
    assert (net.theta == before).all()


@pytest.mark.usefixtures("kernels_as_written")
def test_of_many_rows_it_has_a_sample_and_says_so(monkeypatch):
    monkeypatch.setattr("cutaway.report.train_page.content.ROWS", 16)
    page = ct.to_page(ct.nn.MLP(2, [3], 2).init(0), X, y, loss="cross_entropy")
    assert page.notes == ("This page has 16 rows of 40, chosen by chance: it does not repeat the run.",)


@pytest.mark.usefixtures("kernels_as_written")
def test_what_it_cannot_do_as_the_run_did_is_said():
    def notes(**how):
        net = ct.nn.MLP(2, [3], 2).init(0)
        return ct.fit(net, X, y, loss="cross_entropy", epochs=2, engine="reference", **how).to_page().notes

    assert notes(shuffle=lambda rows, epoch: rows[::-1]) == (
        "Rows come in the run's own order for 2 epochs, then in one by chance.",)
    assert notes(validation=0.2, shuffle=lambda rows, epoch: np.arange(len(rows))) == (
        "The run had an order of its own; here rows come in an order by chance.",)


def test_what_makes_no_page_is_refused_in_words(tmp_path):
    with pytest.raises(ArgumentError, match="needs targets"):
        ct.to_page(ct.nn.MLP(2, [3], 2), X)
    run = ct.fit(ct.nn.MLP(2, [3], 2).init(0), X, y, loss="cross_entropy", epochs=1, engine="reference")
    with pytest.raises(ArgumentError, match=r"\.html"):
        run.to_page(tmp_path / "page.png")
    run.past = None
    with pytest.raises(ArgumentError, match="does not know its past"):
        run.to_page()
