"""What must not be in the repository: files above 1 MB, paths of somebody's machine, hosts of package registries."""

import os
import re
import subprocess
import sys
from pathlib import Path

LIMIT = 1_000_000
FORBIDDEN = {  # each begins with one character, which `re` finds fast; what stands before it is asked then
    "a machine's path": re.compile(r"/(?<![\w.~-]/)(work|home|root|Users|opt|mnt)/\w"),
    "a path of Windows": re.compile(r":(?<=\b[A-Z]:)\\Users\b"),
    "a package registry's host": re.compile(r"\b(pypi\.\w+|pythonhosted\.\w+|anaconda\.(org|com|cloud))\b", re.I),
}


def tracked(root: Path) -> list[Path]:
    names = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True).stdout
    return [root / name for name in names.split("\0") if (root / name).is_file()]


def check(files: list[Path]) -> list[str]:
    """What is wrong with these files; one line a finding. Files that are not text are only weighed."""
    wrong = []
    for file in files:
        content = file.read_bytes()
        if len(content) > LIMIT:
            wrong.append(f"{file}: {len(content):,} bytes, above {LIMIT:,}: ship it smaller, or not at all")
        if b"\0" in content:
            continue
        text = content.decode("utf-8", errors="replace")
        wrong += [f"{file}:{text.count(chr(10), 0, found.start()) + 1}: {what}: {found[0]}"
                  for what, pattern in FORBIDDEN.items() for found in pattern.finditer(text)]
    return wrong


if __name__ == "__main__":
    findings = check(tracked(Path(os.path.relpath(Path(__file__).parent.parent))))
    print("\n".join(findings) or "files: small, and free of machine paths and registry hosts")
    sys.exit(1 if findings else 0)
