"""Check what `make dist` built: an empty environment that has nothing but the wheel runs the demo and the doors.

    python tools/check_dist.py dist/cutaway-0.1.0-py3-none-any.whl

What an extra would bring is not there; each of its doors must say in one line which command brings it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FIT = "import cutaway as ct; ct.fit(ct.nn.Linear(1, 1), [[1.0]] * 8, [1.0] * 8, epochs=2, validation=0.25"
#: A door for each extra: files to make first, and the arguments that need it. (Pillow comes with matplotlib.)
DOORS: dict[str, tuple[dict[str, bytes], list[str]]] = {
    "parquet": ({"a.parquet": b"PAR1" + bytes(20) + b"PAR1"}, ["fit", "a.parquet", "-t", "y"]),
    "excel": ({"a.xlsx": b"PK\x03\x04" + bytes(40)}, ["fit", "a.xlsx", "-t", "y"]),
    "stats": ({"a.sav": b"$FL2" + bytes(200)}, ["fit", "a.sav", "-t", "y"]),
    "sql": ({"a.duckdb": bytes(8) + b"DUCK" + bytes(100)}, ["fit", "a.duckdb", "-t", "y"]),
    "zstd": ({"a.csv.zst": b"\x28\xb5\x2f\xfd" + bytes(20)}, ["fit", "a.csv.zst", "-t", "y"]),
    "xla": ({}, ["-c", "import cutaway as ct; ct.nn.Linear(2, 1).predict([[1.0, 2.0]], engine='xla')"]),
    "onnx": ({}, ["export", "net.safetensors", "net.onnx"]),
    "keras": ({}, ["export", "net.safetensors", "net.weights.h5", "--layout", "keras"]),
    "tensorboard": ({}, ["-c", f"{FIT}, callbacks=[ct.callbacks.TensorBoard('runs')])"]),
    "mlflow": ({}, ["-c", f"{FIT}, callbacks=[ct.callbacks.MLflow()])"]),
    "optuna": ({}, ["-c", f"{FIT}, callbacks=[ct.callbacks.Pruning(None)])"]),
}
#: What a network, made without any data, needs to go through every door that needs no extra.
START = """
import numpy as np, cutaway as ct
net = ct.nn.MLP(2, [4], 2).init(0)
ct.save(net, "net.safetensors")
ct.export(net, "net.npz", layout="keras")
other = ct.nn.MLP(2, [4], 2).init(1)
other.load_state_dict("net.npz", layout="keras")
assert (other.theta == net.theta).all()
X, y = ct.datasets.load("iris")
X.assign(kind=y).to_csv("flowers.csv", index=False)
"""


def run(folder: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(list(map(str, command)), cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True)


def must(done: subprocess.CompletedProcess[str], what: str) -> None:
    if done.returncode:
        sys.exit(f"{what} failed in an environment of its own:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    print(f"  {what}")


def check_contents(wheel: Path) -> None:
    """Every file of the package that git knows is in the wheel, and no other."""
    listed = subprocess.run(["git", "ls-files", "src/cutaway"], cwd=ROOT, capture_output=True, text=True, check=True)
    wanted = {name.removeprefix("src/") for name in listed.stdout.splitlines()}
    with zipfile.ZipFile(wheel) as archive:
        found = {name for name in archive.namelist() if ".dist-info/" not in name}
    if lacking := wanted - found:
        sys.exit(f"the wheel lacks {', '.join(sorted(lacking))}: name them in pyproject.toml's package-data")
    if more := found - wanted:
        sys.exit(f"the wheel has {', '.join(sorted(more)[:10])}, which git does not know: remove build/, or add them")
    print(f"  {len(found):,} files, {wheel.stat().st_size / 2**20:.1f} MB")


def main(wheel: Path) -> None:
    check_contents(wheel)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        venv.create(folder / "env", with_pip=True)
        place = folder / "env" / ("Scripts" if sys.platform == "win32" else "bin")
        python, cutaway = place / "python", place / "cutaway"
        pins = ["-c", str(ROOT / "constraints.txt")] if sys.version_info < (3, 12) else []
        pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        must(run(folder, *pip, *pins, wheel.resolve()), "pip install of the wheel alone")
        must(run(folder, python, "-m", "pip", "check"), "pip check")
        must(run(folder, cutaway, "demo", "--epochs", "2"), "cutaway demo")
        must(run(folder, python, "-W", "error", "-c", START), "import cutaway, save, export, load")
        fit = (cutaway, "fit", "flowers.csv", "-t", "kind", "--epochs", "2")
        must(run(folder, *fit, "-o", "m.safetensors"), "cutaway fit")
        must(run(folder, cutaway, "predict", "m.safetensors", "flowers.csv", "-o", "p.csv"), "cutaway predict")
        must(run(folder, cutaway, "inspect", "m.safetensors"), "cutaway inspect")
        must(run(folder, cutaway, "export", "net.safetensors", "w.safetensors", "--layout", "torch"), "cutaway export")
        for extra, (files, arguments) in DOORS.items():
            for file, content in files.items():
                (folder / file).write_bytes(content)
            done = run(folder, python if arguments[0] == "-c" else cutaway, *arguments)
            said = " ".join((done.stdout + done.stderr).split())
            if f'pip install "cutaway[{extra}]"' not in said or not done.returncode:
                sys.exit(f"without {extra}, `{' '.join(arguments)}` says\n{said[-2000:]}")
            if arguments[0] != "-c" and "Traceback" in said:
                sys.exit(f"without {extra}, `{' '.join(arguments)}` ends in a traceback:\n{said[-2000:]}")
        print(f"  without an extra, one line says what brings it: {', '.join(DOORS)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
