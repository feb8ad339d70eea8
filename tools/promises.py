"""Runs the commands of the pages of promises and SECURITY.md, each of which proves the promise that it stands under.

    python tools/promises.py          those that take seconds: every pytest command
    python tools/promises.py --long   the scripts of tools/ too: minutes to an hour each
    python tools/promises.py --list   shows them and runs none
"""

import re
import shlex
import subprocess
import sys
from pathlib import Path

HOUSE = Path(__file__).parent.parent
PAGES = ("docs/promises.md", "docs/promises-builders.md", "docs/promises-contributors.md", "SECURITY.md")
COMMAND = re.compile(r"`((?:pytest|python) [^`]+)`")


def commands(long: bool) -> list[str]:
    """Every command of the pages once, in their order."""
    found = [c for page in PAGES for c in COMMAND.findall((HOUSE / page).read_text(encoding="utf-8"))]
    return [c for c in dict.fromkeys(found) if "tools/promises.py" not in c and (long or c.startswith("pytest "))]


def run(command: str) -> bool:
    program, *arguments = shlex.split(command)
    start = [sys.executable, *(["-m", "pytest", "-q"] if program == "pytest" else [])]
    done = subprocess.run([*start, *arguments], cwd=HOUSE, capture_output=True, text=True)
    lines = (done.stdout + done.stderr).strip().splitlines() or [""]
    print(f"{'holds' if done.returncode == 0 else 'FAILS'}  {command}\n       {lines[-1]}", flush=True)
    return done.returncode == 0


if __name__ == "__main__":
    wanted = commands("--long" in sys.argv[1:])
    if "--list" in sys.argv[1:]:
        print("\n".join(wanted))
    else:
        broken = [c for c in wanted if not run(c)]
        print(f"{len(wanted) - len(broken)} of {len(wanted)} commands pass")
        sys.exit(1 if broken else 0)
