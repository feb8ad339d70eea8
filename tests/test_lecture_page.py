"""docs/lecture.md has, for each claim, the page and what shows it. (That these are there: test_docs.py.)"""

import re
from pathlib import Path

LECTURE = (Path(__file__).parent.parent / "docs/lecture.md").read_text()


def test_every_claim_has_its_page_and_what_shows_it():
    rows = re.findall(r"^\|(?! ---| the lecture ).*", LECTURE, re.MULTILINE)
    assert len(rows) > 50
    for row in rows:
        claim, _, page, shown = (cell.strip() for cell in row.strip("|").split("|"))
        assert claim and re.search(r"\]\(", page) and "`" in shown, row
