"""The examples of README.md, CONTRIBUTING.md and docs/ run as they stand, each page in a process of its own.

Blocks marked py instead of python name files that do not ship.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

HOUSE = Path(__file__).parent.parent


ONLY_WORDS = {f"docs/{name}.md" for name in ("README", "decisions", "promises-builders", "promises-contributors")}
PAGES = ["README.md", "CONTRIBUTING.md", *sorted(
    {str(p.relative_to(HOUSE)) for p in (HOUSE / "docs").rglob("*.md")} - ONLY_WORDS)]


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_run(page, tmp_path):
    script = []
    for block in re.findall(r"```python\n(.*?)```", (HOUSE / page).read_text(), re.DOTALL):
        name = re.match(r"# file: (\w+)\.py\n", block)
        if name:
            (tmp_path / f"{name[1]}.py").write_text(block)
        else:
            script.append(block)
    assert script
    (tmp_path / "examples.py").write_text("\n".join(script))
    done = subprocess.run([sys.executable, "-W", "error", "examples.py"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
