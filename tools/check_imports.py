"""The import-direction check: a room of src/cutaway imports only rooms above it, so the house reads top to bottom.

Modules directly in src/cutaway (errors.py, random.py) stand above all rooms; the public face stands below all.
"""

import ast
import os
import sys
from collections.abc import Iterator
from pathlib import Path

ROOMS = ("rules", "autodiff", "losses", "optim", "program", "engines", "nn", "data", "files", "train", "estimators",
         "inspect", "lab", "datasets", "report", "cli")
FACE = ("__init__", "__main__", "sklearn")
OUTSIDE = ("benchmarks", "tests", "tools")  # folders of the repository that no wheel holds
FINDS = ("cli", "bench")  # the file that looks for the benchmarks, and says so where there are none


def floor(room: str) -> int:
    return ROOMS.index(room) if room in ROOMS else len(ROOMS) if room in FACE else -1


def imported(node: ast.AST, package: list[str]) -> Iterator[str]:
    """The modules that one statement names, in full: `from ..optim import sgd` in nn gives cutaway.optim.sgd."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = package[:len(package) + 1 - node.level] if node.level else []
        yield from (".".join([*base, *filter(None, [node.module]), alias.name]) for alias in node.names)
    elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
        yield from (arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant) and isinstance(arg.value, str))


def check(source: Path) -> list[str]:
    """What is wrong in source, the folder of the package; one line a finding."""
    wrong = []
    known = {*ROOMS, *(entry.stem for entry in source.iterdir())}
    for file in sorted(source.rglob("*.py")):
        own, *inner = file.relative_to(source).with_suffix("").parts
        if inner and own not in ROOMS:
            wrong.append(f"{file}:1: {own} is not in the list of rooms: give it a place in tools/check_imports.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            for module in imported(node, [source.name, *([own, *inner][:-1])]):
                top, *names = module.split(".")
                if top in OUTSIDE and (own, *inner) != FINDS:
                    wrong.append(f"{file}:{node.lineno}: {own} imports {top}, which is not in the installed package")
                if top != source.name:
                    continue
                room = names[0] if names and names[0] in known else "__init__"
                if room != own and floor(room) >= 0 and floor(room) >= floor(own) and own not in FACE:
                    where = "the public face" if room in FACE else room
                    wrong.append(f"{file}:{getattr(node, 'lineno', 1)}: {own} imports {where}, which stands below it")
    return wrong


if __name__ == "__main__":
    findings = check(Path(os.path.relpath(Path(__file__).parent.parent / "src" / "cutaway")))
    print("\n".join(findings) or f"imports: one direction, through {len(ROOMS)} rooms")
    sys.exit(1 if findings else 0)
