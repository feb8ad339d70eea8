"""The house stays in order: imports, files, the commands that the documents name, and what `import cutaway` costs."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import check_files  # noqa: E402
import check_imports  # noqa: E402

# That imports point one way, in no circle and at nothing private, `make lint` asks of the house itself.


@pytest.mark.parametrize(("file", "line", "says"), [
    ("optim/sgd.py", "from ..nn import Linear", "optim imports nn"),
    ("optim/sgd.py", "from .. import nn", "optim imports nn"),
    ("optim/deep/sgd.py", "from ...nn.layers import Linear", "optim imports nn"),
    ("optim/sgd.py", "def f():\n    import cutaway.nn.layers", "optim imports nn"),
    ("optim/sgd.py", "import_module('cutaway.nn')", "optim imports nn"),
    ("optim/__init__.py", "from ..losses import mse", None),
    ("cli/fit.py", "from ..engines import cpu", None),
    ("losses.py", "from .optim import sgd", "losses imports optim"),
    ("errors.py", "from .rules import relu", "errors imports rules"),
    ("optim/sgd.py", "import cutaway as ct", "optim imports the public face"),
    ("cli/bench.py", "from benchmarks import mlp", None),
    ("cli/fit.py", "from benchmarks import mlp", "cli imports benchmarks, which is not in the installed package"),
    ("cli/fit.py", "from ..sklearn import MLPClassifier", "cli imports the public face"),
    ("attic/old.py", "", "attic is not in the list of rooms"),
    ("nn/mlp.py", "import optim, numpy\nfrom ..errors import E\nfrom ..optim import sgd\nfrom .layers import L", None),
    ("sklearn.py", "from .cli import main", None),
])
def test_import_check_finds(tmp_path, file, line, says):
    source = tmp_path / "cutaway"
    for name in ("rules", "optim", "nn", "cli", Path(file).parent):
        (source / name).mkdir(parents=True, exist_ok=True)
    for name in ("__init__.py", "sklearn.py", "errors.py", "losses.py"):
        (source / name).touch()
    (source / file).write_text(line)
    findings = check_imports.check(source)
    assert len(findings) == (says is not None), findings
    assert says is None or says in findings[0]


def little_house(folder, files):
    """A package `cutaway` of these files, text by name, and the rooms that they are in."""
    source = folder / "cutaway"
    for name, text in {"__init__.py": "", **files}.items():
        file = source / name
        file.parent.mkdir(parents=True, exist_ok=True)
        (file.parent / "__init__.py").touch()
        file.write_text(text)
    return source


@pytest.mark.parametrize("back", [
    "from .tape import Tape",
    "def f():\n    from .tape import Tape",
    "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .tape import Tape",
    "from . import tape",
    "import cutaway.nn.tape",
    "from ..nn import Tape",
    "from .. import nn\nnn.Tape",
    "def f():\n    import_module('cutaway.nn.tape')",
])
def test_two_files_that_import_each_other_are_found_however_they_do(tmp_path, back):
    source = little_house(tmp_path, {"nn/tensor.py": back, "nn/tape.py": "from .tensor import Tensor",
                                     "nn/__init__.py": "from .tape import Tape"})
    findings = check_imports.circles(check_imports.House(source))
    assert [line.split(": ", 1)[1] for line in findings] == [
        "files import one another: nn.tape -> nn.tensor -> nn.tape"]


def test_a_circle_is_told_once_by_its_shortest_way(tmp_path):
    files = {"nn/a.py": "from . import b", "nn/b.py": "from . import c", "nn/c.py": "from . import a, d",
             "nn/d.py": "from . import c", "nn/e.py": "from . import a"}
    finding, = check_imports.circles(check_imports.House(little_house(tmp_path, files)))
    assert finding.endswith("files import one another: nn.c -> nn.d -> nn.c (a circle of 4 files)")


def test_the_face_of_a_room_makes_no_circle_of_what_it_passes_on(tmp_path):
    files = {"nn/__init__.py": "from .layers import Linear\nfrom .networks import MLP", "nn/layers.py": "",
             "nn/networks.py": "from ..nn import Linear\nfrom .. import nn\nnn.Linear"}
    assert check_imports.circles(check_imports.House(little_house(tmp_path, files))) == []


@pytest.mark.parametrize(("line", "private"), [
    ("from ..optim import _flat", True),
    ("from ..optim.sgd import _flat", True),
    ("from .. import optim\noptim._flat", True),
    ("def f(opt):\n    return opt._past", True),
    ("def f(opt):\n    return opt.past, opt._repr_html_(), opt.__dict__", False),
    ("class Net:\n    def __init__(self):\n        self._past = 0\nNet()._past", False),
    ("from sklearn import tree as optim\noptim._past", False),
    ("from .layers import _own", False),
])
def test_private_names_of_another_room_are_found(tmp_path, line, private):
    files = {"optim/sgd.py": "def _flat(): ...\nclass SGD:\n    _past = None\n    def _repr_html_(self): ...",
             "optim/__init__.py": "from .sgd import _flat", "nn/layers.py": "_own = 1", "nn/mlp.py": line}
    findings = check_imports.privates(check_imports.House(little_house(tmp_path, files)))
    assert [("private to another room" in finding) for finding in findings] == [True] * private


def statements(node):
    """A node's statements and those in them. Expressions define no class or function, and are nine nodes of ten."""
    for inner in ast.iter_child_nodes(node):
        if isinstance(inner, ast.stmt | ast.excepthandler | ast.match_case):
            yield inner
            yield from statements(inner)


@pytest.fixture(scope="module")
def defined():
    """The file, kind, name and docstring of every module, class and function of the package."""
    found, source = [], ROOT / "src" / "cutaway"
    for file in sorted(source.rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for node in (tree, *statements(tree)):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                found.append((file.relative_to(source), type(node), getattr(node, "name", ""),
                              ast.get_docstring(node) or ""))
    return found


def test_no_two_public_classes_share_a_name(defined):
    """So that a search for a name has one answer, and a reader one class in mind."""
    found = {}
    for file, kind, name, _ in defined:
        if kind is ast.ClassDef and not name.startswith("_"):
            found.setdefault(name, []).append(file)
    assert len(found) > 100
    assert {name: files for name, files in found.items() if len(files) > 1} == {}


def test_the_first_line_of_a_docstring_says_what_a_thing_is_or_does(defined):
    """Not whose it is ("Of ..."), what it is like ("The same", "As ...") or an example alone. (The text of the CPU's
    kernels is left out: machine code is kept under a hash of it.)"""
    unclear = [f"{file}: {text.splitlines()[0]}" for file, _, _, text in defined
               if "kernels" not in file.parts and text.startswith(("Of ", "The same", "As ", ">>>"))]
    assert unclear == [], "a first line says what the thing is or does"


def test_source_files_fit_in_a_head():
    lengths = {f.name: len(f.read_text(encoding="utf-8").splitlines()) for f in (ROOT / "src").rglob("*.py")}
    assert {name: lines for name, lines in lengths.items() if lines > 500} == {}, "split it by concept"


def test_files_are_small_and_name_no_machine():
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: the check reads git's list of files")
    assert check_files.check(check_files.tracked(ROOT)) == []


@pytest.mark.parametrize(("text", "wrong"), [
    ("see /" + "home/ann/data.csv", True),
    ("C:" + "\\Users\\ann", True),
    ("https://py" + "pi.org/simple", True),
    ("https://example.org/home/page, ~/play/x and src/cutaway", False),
    ("x" * 1_000_001, True),
])
def test_file_check_finds(tmp_path, text, wrong):
    (tmp_path / "file.md").write_text(text)
    assert len(check_files.check([tmp_path / "file.md"])) == wrong


def test_commands_in_the_documents_exist():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    assert {"help", "demo", "test", "lint", "bench", "clean"} <= targets
    assert "make -C" in (ROOT / ".ci" / "run").read_text()
    for document in ROOT.glob("*.md"):
        code = "\n".join(re.findall(r"```.*?```|`[^`\n]+`", document.read_text(encoding="utf-8"), re.S))
        named = set(re.findall(r"(?:^|`|&& |\$ )make ([a-z]+)", code, re.M))
        assert named <= targets, f"{document.name} names make {named - targets}, which the Makefile does not have"


def test_constraints_are_names_and_exact_versions():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert len(pins) > 30
    for pin in pins:
        assert re.fullmatch(r"[\w.-]+==[\w.]+", pin), pin


SILENCED = re.compile(r"""errstate\([^)]*"ignore"|(?:simplefilter|filterwarnings)\("ignore""")
EVERY_WARNING = re.compile(r"""(?:simplefilter|filterwarnings)\("ignore"\)""")
#: where every warning is silenced, of whatever kind
DEAF = {"estimators/test_conventions.py"}


def silenced(folder):
    """Every line of a folder that keeps warnings from being seen."""
    return [(f.relative_to(folder).as_posix(), line.strip()) for f in sorted(folder.rglob("*.py"))
            for line in f.read_text(encoding="utf-8").splitlines() if SILENCED.search(line)]


def test_what_keeps_warnings_from_being_seen_says_why():
    """Beside it, in a comment: a RuntimeWarning of NumPy may be the first sign that a result is wrong."""
    found = silenced(ROOT / "src" / "cutaway")
    assert len(found) > 20
    assert [place for place in found if "  # " not in place[1]] == []


@pytest.mark.parametrize("folder", ["src/cutaway", "tests"])
def test_no_warning_is_silenced_without_being_named(folder):
    deaf = {file for file, line in silenced(ROOT / folder) if EVERY_WARNING.search(line)} - {"test_house.py"}
    assert deaf <= DEAF


def test_import_is_light():
    heavy = "pandas sklearn scipy.linalg matplotlib rich typer pyarrow"
    code = f"import sys, cutaway; print(*[m for m in '{heavy}'.split() if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == [], "`import cutaway` imports these: import them where they are used"


def test_import_of_datasets_is_light():
    code = "import sys, cutaway.datasets; print(*[m for m in ('pandas', 'sklearn') if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []
