"""The check of imports: a room of src/cutaway imports only rooms above it, so the house reads top to bottom; files
never import one another in a circle; nobody uses another room's private names.

Modules directly in src/cutaway (errors.py, random.py) stand above all rooms; the public face stands below all. Every
import counts, inside functions and for type checking too.
"""

import ast
import gc
import os
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOMS = ("rules", "autodiff", "losses", "optim", "program", "distributed", "engines", "nn", "data", "files", "drawing",
         "train", "callbacks", "estimators", "forecast", "embedded", "onnx", "inspect", "lab", "datasets", "report",
         "cli", "studio")
FACE = ("__init__", "__main__", "mlflow", "sklearn", "tuning")
OUTSIDE = ("benchmarks", "tests", "tools")  # folders of the repository that no wheel holds
MATTER = (ast.Import, ast.ImportFrom, ast.Call, ast.Attribute, ast.ClassDef)
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
    elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "import_module":
        yield from (arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant) and isinstance(arg.value, str))


class House:
    """The files of a package by the names of their modules, as syntax trees and as lists of the nodes that matter."""

    def __init__(self, source: Path) -> None:
        self.source = source
        self.files = {".".join([source.name, *self._parts(f)]): f for f in sorted(source.rglob("*.py"))}
        self.trees = {name: ast.parse(file.read_text(encoding="utf-8")) for name, file in self.files.items()}
        self.nodes = {name: [node for node in ast.walk(tree) if isinstance(node, MATTER)]
                      for name, tree in self.trees.items()}
        self.faces = {name: self._bound(name) for name, file in self.files.items() if file.name == "__init__.py"}

    def _parts(self, file: Path) -> list[str]:
        parts = list(file.relative_to(self.source).with_suffix("").parts)
        return parts[:-1] if parts[-1] == "__init__" else parts

    def package(self, module: str) -> list[str]:
        """Where a relative import in a module begins."""
        return module.split(".") if module in self.faces else module.split(".")[:-1]

    def _bound(self, face: str) -> dict[str, str]:
        """The names that a package's __init__ takes from other modules, and from where: mse -> cutaway.losses.mse."""
        return {alias.asname or alias.name: name for node in self.trees[face].body if isinstance(node, ast.ImportFrom)
                for alias, name in zip(node.names, imported(node, face.split(".")), strict=True)}

    def home(self, name: str) -> str | None:
        """The module that defines a dotted name, through any face that only passes it on; None outside the package.

        cutaway.nn.Linear -> cutaway.nn.layers; of a package as a whole, the package.
        """
        if name in self.files and name not in self.faces:
            return name
        owner, _, last = name.rpartition(".")
        if owner in self.faces and self.faces[owner].get(last, name) != name:
            return self.home(self.faces[owner][last])
        return name if name in self.faces else self.home(owner) if owner else None

    def uses(self, module: str) -> set[str]:
        """The modules that a module imports, wherever in its text."""
        found, packages = set[str](), dict[str, str]()
        for node in self.nodes[module]:
            for i, name in enumerate(imported(node, self.package(module))):
                home = self.home(name)
                if home in self.faces and isinstance(node, ast.ImportFrom) and home.endswith(f".{node.names[i].name}"):
                    packages[node.names[i].asname or node.names[i].name] = home  # as a whole: what counts is what
                elif home:                                                       # is taken from it
                    found.add(home)
        for node in self.nodes[module] if packages else ():
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in packages:
                found.add(self.home(f"{packages[node.value.id]}.{node.attr}") or "")
        return found - {module, ""}


def shortest_circle(start: str, uses: dict[str, set[str]]) -> list[str]:
    """The shortest way along imports from a module back to itself; empty where there is none."""
    ways, seen = [[start]], set[str]()
    for way in ways:  # grows while it is read: shorter ways come first
        for module in sorted(uses[way[-1]]):
            if module == start:
                return [*way, start]
            if module not in seen:
                seen.add(module)
                ways.append([*way, module])
    return []


def reached(start: str, uses: dict[str, set[str]]) -> set[str]:
    found, todo = set[str](), [start]
    while todo:
        new = uses[todo.pop()] - found
        found |= new
        todo.extend(new)
    return found


def circles(house: House) -> list[str]:
    """A line for each group of files that import one another, with the shortest way round."""
    uses = {module: house.uses(module) for module in house.files}
    ways = {module: reached(module, uses) for module in uses}
    groups = {frozenset(m for m in ways[module] if module in ways[m]) for module in uses if module in ways[module]}
    wrong = []
    for group in sorted(groups, key=sorted):
        way = min((shortest_circle(module, uses) for module in sorted(group)), key=len)
        short = " -> ".join(module.partition(".")[2] or module for module in way)
        more = f" (a circle of {len(group)} files)" if len(group) > len(way) - 1 else ""
        wrong.append(f"{house.files[way[0]]}:1: files import one another: {short}{more}")
    return wrong


def privates(house: House) -> list[str]:
    """A line for each private name of another room: imported, or read from one of its modules or objects."""
    own: dict[str, set[str]] = defaultdict(set)  # by room, the private names of its classes' members
    for module, nodes in house.nodes.items():
        own[room_of(module)] |= {name for node in nodes for name in members(node) if private(name)}
    wrong = []
    for module, nodes in house.nodes.items():
        room, modules, outside = room_of(module), set[str](), set[str]()
        theirs = set().union(*(names for other, names in own.items() if other != room)) - own[room]
        for node in nodes:
            if isinstance(node, ast.Import | ast.ImportFrom):
                for alias, name in zip(node.names, imported(node, house.package(module)), strict=True):
                    home = house.home(name)
                    if home is None:
                        outside.add(alias.asname or alias.name)
                    elif room_of(home) != room:
                        modules |= {alias.asname or alias.name} if home == name else set()
                        if private(alias.name):
                            wrong.append((module, node, name.partition(".")[2]))
        for node in nodes:
            if isinstance(node, ast.Attribute) and private(node.attr):
                owner = ast.unparse(node.value)
                if owner in modules or (node.attr in theirs and owner not in outside):
                    wrong.append((module, node, ast.unparse(node)))
    return [f"{house.files[module]}:{node.lineno}: {room_of(module)} uses {name}, which is private to another room"
            for module, node, name in wrong]


def room_of(module: str) -> str:
    return (module.split(".")[1:] or ["__init__"])[0]


def private(name: str) -> bool:
    """Whether a name is for its own room; _repr_html_ and its like are words between libraries."""
    return name.startswith("_") and not name.endswith("_")


def members(node: ast.AST) -> Iterator[str]:
    """The names that a class has by a statement in it, or by one that sets an attribute of self."""
    if isinstance(node, ast.ClassDef):
        for line in node.body:
            if isinstance(line, ast.FunctionDef):
                yield line.name
            elif isinstance(line, ast.Assign | ast.AnnAssign):
                yield from (t.id for t in getattr(line, "targets", [getattr(line, "target", None)])
                            if isinstance(t, ast.Name))
    elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and ast.unparse(node.value) == "self":
        yield node.attr


def directions(house: House) -> list[str]:
    """A line for each import of a room that stands below, or of a folder that no wheel holds."""
    wrong = []
    known = {*ROOMS, *(entry.stem for entry in house.source.iterdir())}
    for name, file in house.files.items():
        own, *inner = file.relative_to(house.source).with_suffix("").parts
        if inner and own not in ROOMS:
            wrong.append(f"{file}:1: {own} is not in the list of rooms: give it a place in tools/check_imports.py")
        for node in house.nodes[name]:
            for module in imported(node, house.package(name)):
                top, *names = module.split(".")
                if top in OUTSIDE and (own, *inner) != FINDS:
                    wrong.append(f"{file}:{node.lineno}: {own} imports {top}, which is not in the installed package")
                if top != house.source.name:
                    continue
                room = names[0] if names and names[0] in known else "__init__"
                if room != own and floor(room) >= 0 and floor(room) >= floor(own) and own not in FACE:
                    where = "the public face" if room in FACE else room
                    wrong.append(f"{file}:{getattr(node, 'lineno', 1)}: {own} imports {where}, which stands below it")
    return wrong


def check(source: Path) -> list[str]:
    """What is wrong in source, the folder of the package; one line a finding."""
    house = House(source)
    return directions(house) + circles(house) + privates(house)


if __name__ == "__main__":
    gc.disable()  # a million nodes, all of them needed: looking for garbage among them is a third of the time
    findings = check(Path(os.path.relpath(Path(__file__).parent.parent / "src" / "cutaway")))
    print("\n".join(findings) or f"imports: one direction through {len(ROOMS)} rooms, no circles, nothing private")
    sys.exit(1 if findings else 0)
