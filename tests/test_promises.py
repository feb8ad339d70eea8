"""The pages of promises and SECURITY.md: each command names tests or a script that are there; every promise has one.

The tests themselves run with the suite; `python tools/promises.py` runs them one promise at a time.
"""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

HOUSE = Path(__file__).parent.parent
sys.path.insert(0, str(HOUSE / "tools"))
from promises import PAGES, commands  # noqa: E402

PYTEST = [c for c in commands(long=True) if c.startswith("pytest ")]


def chosen(command):
    """What a pytest command names: files or tests, and what -k picks from them."""
    words = shlex.split(command)[1:]
    at = words.index("-k") if "-k" in words else len(words)
    return words[:at], " ".join(words[at + 1 :])


def test_there_are_promises_and_every_file_that_they_name_exists():
    assert len(PYTEST) > 20
    for command in commands(long=True):
        for word in shlex.split(command)[1:]:
            if word.startswith(("tests/", "tools/")):
                assert (HOUSE / word.split("::")[0]).exists(), command


def test_every_pytest_command_picks_tests(request):
    """Each command must name, or pick by -k, at least one of the tests. Files that this session did not collect are
    collected, all at once."""
    files = sorted({target.split("::")[0] for c in PYTEST for target in chosen(c)[0]})
    ids = [item.nodeid for item in request.session.items]
    if absent := [file for file in files if not any(i.startswith((file + "::", file.rstrip("/") + "/")) for i in ids)]:
        done = subprocess.run([sys.executable, "-m", "pytest", "--collect-only", "-q", "-n", "0", *absent], cwd=HOUSE,
                              capture_output=True, text=True)
        ids += [line for line in done.stdout.splitlines() if "::" in line]
    for command in PYTEST:
        targets, words = chosen(command)
        alternatives = [w.split(" and ") for w in words.lower().split(" or ")]
        for target in targets:
            inside = (target + "::", target + "[", target.rstrip("/") + "/")
            assert any(i == target or i.startswith(inside) for i in ids), f"{command}: {target} picks no test"
        if words:
            anywhere = [i for i in ids if i.startswith(tuple(targets))]
            for parts in alternatives:
                assert any(all(p.strip() in i.lower() for p in parts) for i in anywhere), f"{command}: {parts}"


@pytest.mark.parametrize("page", PAGES)
def test_every_promise_has_its_command(page):
    text = (HOUSE / page).read_text(encoding="utf-8")
    for promise in re.findall(r"^- \*\*.*?(?=^- |^#|\Z)", text, re.MULTILINE | re.DOTALL):
        assert re.search(r"`(pytest|python) ", promise), promise
