"""How many bytes installed packages take: `python -P sizes.py PACKAGE ...` in the Python that has them; prints JSON."""

import json
import re
import sys
from importlib import metadata, util
from pathlib import Path


def requirements(name: str) -> set[str]:
    """The distributions that this one needs, itself included, as far as they are installed; extras are not."""
    found, new = set(), [name]
    while new:
        name = re.sub(r"[-_.]+", "-", new.pop()).lower()
        try:
            needs = metadata.distribution(name).requires or []
        except metadata.PackageNotFoundError:  # for another system, or another Python
            continue
        if name not in found:
            found.add(name)
            new += [match[0] for r in needs if "extra ==" not in r and (match := re.match(r"[\w.-]+", r))]
    return found


def size(name: str) -> int:
    """Bytes of a distribution's files, without compiled bytecode."""
    files = {Path(str(f.locate())).resolve() for f in metadata.distribution(name).files or ()}
    if spec := util.find_spec(name):  # an editable install lists none of its sources
        files |= {f.resolve() for place in spec.submodule_search_locations or () for f in Path(place).rglob("*")}
    return sum(f.stat().st_size for f in files if f.suffix != ".pyc" and f.is_file())


def sizes(packages: list[str]) -> dict[str, dict[str, int]]:
    found = {name: requirements(name) for name in packages}
    return {name: {"own": size(name), "all": sum(map(size, needs))} for name, needs in found.items() if needs}


if __name__ == "__main__":
    print(json.dumps(sizes(sys.argv[1:])))
