"""What pages name is there: files, headings, commands with their options, names of `ct`. The index names every page.

And the reference says something of every public name; `make docs` builds it (tools/build_docs.py).
"""

import re
import sys
from functools import cache
from pathlib import Path

import pytest
import typer

from cutaway.cli.app import app_for

HOUSE = Path(__file__).parent.parent
sys.path.insert(0, str(HOUSE / "tools"))
import reference  # noqa: E402

INDEX = HOUSE / "docs" / "README.md"
PAGES = [*sorted(page for page in HOUSE.glob("*.md") if page.name != "CHANGELOG.md"),
         HOUSE / "benchmarks" / "README.md", *sorted((HOUSE / "docs").rglob("*.md"))]
#: A file in backticks, with at least the folder that it is in; those of CONTRIBUTING's experiment are the reader's.
NAMED = re.compile(r"`([\w-]+(?:/[\w-]+)+\.(?:py|md|json|css|js|toml|txt))`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
FOLDERS = (HOUSE / folder for folder in ("src", "tests", "tools", "docs", "benchmarks", "findings"))
FILES = [f"/{file.relative_to(HOUSE).as_posix()}" for folder in FOLDERS for file in folder.rglob("*.*")]
COMMANDS = typer.main.get_command(app_for([]))
known = cache(reference.known)  # pages name the same things


def text_of(page):
    """A page without its code, in which brackets are no links."""
    return re.sub(r"```.*?```|`[^`\n]*`", "`", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def anchors(page):
    """What a link can name of a page: its headings, as GitHub and others write them."""
    prose = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(HOUSE)))
def test_every_link_leads_somewhere(page):
    for target in LINK.findall(text_of(page)):
        path, _, anchor = target.partition("#")
        if re.match(r"https?:|mailto:", path):
            continue
        found = page.parent / path if path else page
        assert found.exists(), f"{page.name} links to {target}, and there is no such file"
        if anchor:
            assert anchor in anchors(found), f"{page.name} links to {target}; headings: {sorted(anchors(found))}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(HOUSE)))
def test_every_file_that_a_page_names_is_there(page):
    for name in NAMED.findall(page.read_text(encoding="utf-8")):
        assert "fading" in name or any(file.endswith(f"/{name}") for file in FILES), f"{page.name} names {name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(HOUSE)))
def test_every_command_exists_with_its_options(page):
    typed = r"(?:^(?:\$ )?|`)cutaway ([a-z][^`\n#]*)"
    for command in re.findall(typed, page.read_text(encoding="utf-8"), re.MULTILINE):
        at, words = COMMANDS, command.split()
        while hasattr(at, "commands") and words:
            assert words[0] in at.commands, f"cutaway {command}: there are {', '.join(at.commands)}"
            at = at.commands[words.pop(0)]
        known = {option for parameter in at.params for option in parameter.opts + parameter.secondary_opts} | {"--help"}
        assert {word.partition("=")[0] for word in words if re.match("--?[a-z]", word)} <= known, f"cutaway {command}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(HOUSE)))
def test_every_name_exists(page):
    for path in reference.NAME.findall(page.read_text(encoding="utf-8")):
        assert known(path), f"{page.name} names ct{path}"


def test_the_index_names_every_page():
    linked = {(INDEX.parent / target.partition("#")[0]).resolve() for target in LINK.findall(text_of(INDEX))}
    missing = [str(page.relative_to(HOUSE)) for page in (HOUSE / "docs").rglob("*.md") if page.resolve() not in linked]
    assert missing == [INDEX.relative_to(HOUSE).as_posix()], "docs/README.md has a line for each page"


def test_the_readme_leads_to_the_index():
    assert "docs/README.md" in LINK.findall(text_of(HOUSE / "README.md"))


def test_every_public_name_has_a_docstring_and_names_in_docstrings_are_there():
    assert reference.faults() == []


def test_every_name_of_the_public_face_is_in_the_reference():
    import cutaway as ct

    shown = {name for room, short in reference.ROOMS.items() if short == "ct" for name in reference.members(room)}
    rooms = {short.removeprefix("ct.") for short in reference.ROOMS.values()}
    assert set(ct.__all__) <= shown
    assert {name for name in ct.__all__ if type(getattr(ct, name)) is type(re)} <= rooms


@pytest.mark.parametrize(("path", "there"), [
    (".fit", True), (".optim.AdamW", True), (".optim.AdamW.beta1", True), (".data.read_table", True),
    (".Classifier.fit", True), (".optim.AdamX", False), (".Run.nothing", False), (".nowhere.fit", False),
])
def test_the_reference_knows_which_names_are_there(path, there):
    assert reference.known(path) is there


def test_a_function_without_words_is_found():
    def bare(): ...

    assert not reference.documented(bare) and reference.documented(reference.known)
