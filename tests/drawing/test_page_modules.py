"""Modules become one script that a sealed page may hold, and those that draw are shared by the pages and the studio."""

import re
from importlib.resources import files

import pytest

from cutaway.drawing.modules import bundle

PACKAGE = files("cutaway")


def modules(folder):
    names = (f.name for f in PACKAGE.joinpath(folder).iterdir())
    return [f"{folder}/{name.removesuffix('.js')}" for name in names if name.endswith(".js")]


@pytest.mark.parametrize("main", ["report/trace_page", "report/descent_page", "report/train_page/main"])
def test_a_page_s_script_has_each_module_once_and_none_before_what_it_needs(main):
    script = bundle(main)
    made = re.findall(r"^const (module_\w+) = \(\(\) => \{$", script, re.MULTILINE)
    assert len(made) == len(set(made)) and made[-1] == f"module_{main.replace('/', '_')}"
    for found in re.finditer(r"^const \{.*\} = (module_\w+);$", script, re.MULTILINE):
        assert script.index(f"const {found[1]} = (() =>") < found.start()
    assert not re.search(r"^(import|export)\b", script, re.MULTILINE)


def test_no_module_is_left_out():
    pages = "".join(map(bundle, ("report/trace_page", "report/descent_page", "report/train_page/main")))
    for name in (*modules("report/train_page"), *modules("drawing/page")):
        assert f"const module_{name.replace('/', '_')} = " in pages, name


def test_all_of_it_is_written_here_nothing_was_taken_from_a_library():
    folders = ("drawing/page", "studio/static", "report", "report/train_page")
    for name in (name for folder in folders for name in modules(folder)):
        text = PACKAGE.joinpath(f"{name}.js").read_text("utf-8")
        others = re.findall(r'\bfrom "([^"]+)"', text)
        assert all(re.fullmatch(r"\.{1,2}/[\w/.]+\.js", other) for other in others), (name, others)
        foreign = re.findall(r"(?i)licen[cs]e|copyright|sourcemap|\bimport\(|https?://(?!www\.w3\.org/2000/svg)", text)
        assert not foreign and len(text) < 300 * text.count("\n"), name  # what was packed has few, long lines


def test_the_studio_and_sealed_pages_draw_with_the_same_modules():
    studio = "".join(PACKAGE.joinpath(f"{name}.js").read_text("utf-8") for name in modules("studio/static"))
    shared = set(re.findall(r'"\.\./\.\./drawing/page/(\w+)\.js"', studio))
    assert shared >= {"elements", "numbers", "scales", "colours", "layers"}
    for again in ("createElementNS", "createImageData", "toExponential"):  # what these modules are for
        for name in (*modules("studio/static"), *modules("report"), *modules("report/train_page")):
            own = name == "studio/static/files" and again == "createElementNS"  # in a document of its own, to be kept
            assert own or again not in PACKAGE.joinpath(f"{name}.js").read_text("utf-8"), (name, again)
