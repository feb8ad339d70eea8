"""The extras: each door that lacks its package names, in one sentence, the command that brings it."""

import re
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import cutaway as ct
from cutaway.data import read_table
from cutaway.errors import CutawayError
from cutaway.extras import EXTRAS, bring
from cutaway.studio.command import studio

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = SETTINGS["project"]
FOR_WORK = {"short", "test", "docs", "lint", "bench"}  # of those who change Cutaway
BEGINNINGS = {"a.parquet": b"PAR1" + bytes(20) + b"PAR1", "a.xlsx": b"PK\x03\x04" + bytes(40),
              "a.sav": b"$FL2" + bytes(200), "a.duckdb": bytes(8) + b"DUCK" + bytes(100),
              "a.csv.zst": b"\x28\xb5\x2f\xfd" + bytes(20)}


def table(name):
    def door(folder):
        (folder / name).write_bytes(BEGINNINGS[name])
        read_table(folder / name)
    return door


def picture(folder):
    for kind in "ab":
        (folder / kind).mkdir()
        (folder / kind / "x.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    ct.Classifier(epochs=1).fit(folder)


def training(callback):
    X, y = np.ones((8, 1)), np.ones(8)
    return lambda folder: ct.fit(ct.nn.Linear(1, 1), X, y, epochs=1, callbacks=[callback(folder)])


DOORS = {
    "parquet": table("a.parquet"), "excel": table("a.xlsx"), "stats": table("a.sav"), "sql": table("a.duckdb"),
    "zstd": table("a.csv.zst"), "images": picture,
    "xla": lambda folder: type(ct.engines.ENGINES)()["xla"],
    "wasm": lambda folder: ct.engines.ENGINES["wasm"].runs_on(),
    "onnx": lambda folder: ct.export(ct.nn.Linear(1, 1), folder / "m.onnx"),
    "keras": lambda folder: ct.export(ct.nn.Linear(1, 1), folder / "m.weights.h5", layout="keras"),
    "tensorboard": training(lambda folder: ct.callbacks.TensorBoard(folder / "runs")),
    "mlflow": training(lambda folder: ct.callbacks.MLflow()),
    "studio": lambda folder: studio(home=folder),
    "optuna": training(lambda folder: ct.callbacks.Pruning(None)),
}


@pytest.mark.parametrize("extra", EXTRAS)
def test_a_door_without_its_package_names_the_command(extra, tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("cutaway.engines.xla") and extra == "xla"]:
        monkeypatch.delitem(sys.modules, name)
    for name in [EXTRAS[extra], *(name for name in sys.modules if name.startswith(f"{EXTRAS[extra]}."))]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(CutawayError) as told:
        DOORS[extra](tmp_path)
    assert bring(extra) in str(told.value) and "\n" not in str(told.value)


def test_each_extra_of_the_project_has_a_door_and_brings_its_package():
    extras = PROJECT["optional-dependencies"]
    assert extras.keys() - FOR_WORK == EXTRAS.keys() == DOORS.keys()
    for extra, module in EXTRAS.items():
        brought = [re.match(r"[\w-]+", line)[0].replace("-", "_").lower() for line in extras[extra]]
        assert {"PIL": "pillow"}.get(module, module) in brought, extra


def test_the_command_is_written_in_one_place():
    written = re.compile(r"""install ['"\\ ]*cutaway\[\{""")
    found = [f.name for f in (ROOT / "src").rglob("*.py") if written.search(f.read_text(encoding="utf-8"))]
    assert found == ["extras.py"]


def test_nothing_new_comes_with_the_package_alone():
    names = [re.match(r"[\w-]+", line)[0] for line in PROJECT["dependencies"]]
    assert names == ["numpy", "scipy", "llvmlite", "scikit-learn", "safetensors", "pandas", "matplotlib", "rich",
                     "typer"]


def test_every_file_of_the_package_is_in_its_wheel():
    """Setuptools takes modules by itself, and others where package-data names them; `make dist` tries the wheel."""
    package = ROOT / "src" / "cutaway"
    taken = {path for pattern in SETTINGS["tool"]["setuptools"]["package-data"]["cutaway"]
             for path in package.glob(pattern)}
    files = {path for path in package.rglob("*") if path.is_file() and path.parent.name != "__pycache__"}
    assert sorted(str(path) for path in files - taken if path.suffix != ".py") == []
