"""The worked examples of CONTRIBUTING.md run as they stand (in a process of their own: they enter new rules)."""

import re
import subprocess
import sys
from pathlib import Path

TEXT = (Path(__file__).parent.parent / "CONTRIBUTING.md").read_text()


def test_the_examples_run(tmp_path):
    script = []
    for block in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
        name = re.match(r"# file: (\w+)\.py\n", block)
        if name:
            (tmp_path / f"{name[1]}.py").write_text(block)
        else:
            script.append(block)
    assert len(script) >= 3
    (tmp_path / "examples.py").write_text("\n".join(script))
    done = subprocess.run([sys.executable, "-W", "error", "examples.py"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
