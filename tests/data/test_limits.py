"""Rules of thumb: each stands in one place with its reason, and is told where it takes something away."""

import ast
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cutaway
from cutaway.data import TableEncoder, limits
from cutaway.data.categories import MERGE

HOME = Path(cutaway.__file__).parent
#: What is no rule of thumb: presets, what is printed, exit statuses, the calendar, formats.
OTHERS = {"cli/demo.py", "cli/run.py", "cli/sections.py", "cli/stepper.py", "cli/terminal.py", "data/dates.py",
          "data/date_cells.py", "data/date_forms.py", "data/npz_files.py", "data/old_pillow.py", "data/wav_files.py",
          "data/sheets.py", "data/statistics_files.py", "estimators/presets.py"}
FORMATS = {"HEADERS", "TRUTH", "CHANNELS", "NAMES", "TURNS", "BRIGHTNESS", "FIRST", "PER_SECOND", "UNITS", "HOUSE"}


def constants(path):
    """The names of a module's constants that are numbers or tuples of numbers, with their lines."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and any(isinstance(leaf, ast.Constant) and type(leaf.value) in (int, float)
                                                for leaf in ast.walk(node.value)):
            for target in node.targets:
                names = target.elts if isinstance(target, ast.Tuple) else [target]
                upper = [name.id for name in names if isinstance(name, ast.Name) and name.id.isupper()]
                yield from ((name, node.lineno) for name in upper)


def test_rules_of_thumb_stand_in_one_place():
    rooms = [path for room in ("data", "estimators", "cli") for path in sorted((HOME / room).glob("*.py"))]
    named = {f"{path.parent.name}/{path.name}": path for path in rooms if path.name != "limits.py"}
    elsewhere = [f"{file}: {name}" for file, path in named.items() if file not in OTHERS
                 for name, _ in constants(path) if name not in FORMATS]
    assert not elsewhere, "name it in data/limits.py, with its reason"


def test_every_rule_of_thumb_has_its_reason():
    lines = Path(limits.__file__).read_text(encoding="utf-8").splitlines()
    bare = []
    for name, line in constants(Path(limits.__file__)):
        above = line - 2
        while lines[above][:1].isupper():  # several constants may share a reason
            above -= 1
        if not lines[above].startswith("#:"):
            bare.append(name)
    assert not bare


def test_no_name_is_given_twice():
    """The later one would count for both."""
    names = [name for name, _ in constants(Path(limits.__file__))]
    assert sorted(names) == sorted(set(names))


def test_every_rule_of_thumb_is_used():
    text = "".join(path.read_text(encoding="utf-8") for path in HOME.rglob("*.py") if path.name != "limits.py")
    assert not [name for name in vars(limits) if name.isupper() and name not in text]


def test_levels_beyond_the_most_are_told():
    names = [f"v{i}" for i in range(60) for _ in range(3)]
    encoder = TableEncoder().fit(pd.DataFrame({"v": names, "w": names[:90] * 2}))
    told = f"v: the 50 most frequent of 60 levels have a column each, the others share one: {MERGE}"
    assert encoder.notes() == [told]


@pytest.mark.parametrize(("rows_of_each", "told"), [
    ([5] * 6 + [4] * 5, []),
    ([5] * 5 + [4] * 6, [f"v: 6 of 11 levels are in fewer than 5 rows each and share one column: {MERGE}"]),
])
def test_levels_too_rare_to_be_learnt_are_told_where_they_are_the_most(rows_of_each, told):
    names = [f"v{i}" for i, rows in enumerate(rows_of_each) for _ in range(rows)]
    encoder = TableEncoder(min_count=5).fit(pd.DataFrame({"v": names}))
    assert encoder.notes() == told


def test_words_among_numbers_are_told():
    numbers = [str(i) for i in range(100)]
    encoder = TableEncoder().fit(pd.DataFrame({"x": [*numbers, "low", "high"], "y": np.arange(102)}))
    assert encoder.notes() == ["x holds numbers; its words 'low', 'high' are taken for gaps"]
