"""The examples of README.md, CONTRIBUTING.md and docs/ run as they stand, each page in a process of its own.

Blocks marked py instead of python name files that do not ship.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HOUSE = Path(__file__).parent.parent


ONLY_WORDS = {f"docs/{name}.md" for name in ("README", "decisions", "promises-builders", "promises-contributors")}
PAGES = ["README.md", "CONTRIBUTING.md", *sorted(
    {str(p.relative_to(HOUSE)) for p in (HOUSE / "docs").rglob("*.md")} - ONLY_WORDS)]


@pytest.fixture(scope="module")
def pages():
    command = [sys.executable, "-W", "error", Path(__file__).with_name("page_process.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system forks no processes")
def test_the_examples_run(page, pages, tmp_path):
    script = []
    for block in re.findall(r"```python\n(.*?)```", (HOUSE / page).read_text(), re.DOTALL):
        name = re.match(r"# file: (\w+)\.py\n", block)
        if name:
            (tmp_path / f"{name[1]}.py").write_text(block)
        else:
            script.append(block)
    assert script
    (tmp_path / "examples.py").write_text("\n".join(script))
    pages.stdin.write(f"{tmp_path}\n")
    pages.stdin.flush()
    ended = pages.stdout.readline().strip()
    assert ended == "0", (tmp_path / "stderr").read_text()
