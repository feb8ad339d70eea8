"""Links in the documentation lead somewhere; what docs/lecture.md names to type exists, options and all."""

import operator
import re
import shlex
from pathlib import Path

import pytest
import typer

import cutaway as ct
from cutaway.cli.app import app

HOUSE = Path(__file__).parent.parent
PAGES = [*sorted(HOUSE.glob("*.md")), *sorted((HOUSE / "docs").rglob("*.md"))]
LECTURE = (HOUSE / "docs/lecture.md").read_text()


def prose(page):
    """A page without its blocks and pieces of code, whose brackets are no links."""
    return re.sub(r"`[^`\n]*`", "", re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL))


def anchors(page):
    """The names of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(HOUSE)))
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", target):
            continue  # somewhere else
        name, _, anchor = target.partition("#")
        there = (page.parent / name).resolve() if name else page
        assert there.exists(), f"{target}: there is no such file"
        assert not anchor or anchor in anchors(there), f"{target}: there is no such heading"


def test_every_claim_has_its_page_and_what_shows_it():
    rows = re.findall(r"^\|(?! ---| the lecture ).*", LECTURE, re.MULTILINE)
    assert len(rows) > 50
    for row in rows:
        claim, _, page, shown = (cell.strip() for cell in row.strip("|").split("|"))
        assert claim and re.search(r"\]\(", page) and "`" in shown, row


@pytest.mark.parametrize("command", sorted(set(re.findall(r"`(cutaway [^`]+)`", LECTURE))))
def test_every_command_exists_with_its_options(command):
    at, words = typer.main.get_command(app), shlex.split(command)[1:]
    while hasattr(at, "commands"):
        assert words and words[0] in at.commands, f"{command}: there are {', '.join(at.commands)}"
        at = at.commands[words.pop(0)]
    known = {option for parameter in at.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known


@pytest.mark.parametrize("name", sorted(set(re.findall(r"\bct\.([\w.]+)", LECTURE))))
def test_every_name_exists(name):
    operator.attrgetter(name)(ct)
