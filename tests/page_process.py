"""Runs examples.py of the folders that it reads, each in a process forked from this one, which has imported what most
pages use: that takes two seconds. A line for each says how it ended."""

import gc
import os
import runpy
import sys
from importlib import import_module
from pathlib import Path

IMPORTED = ("cutaway.cli", "cutaway.drawing.drawn", "cutaway.estimators", "cutaway.inspect", "cutaway.lab",
            "cutaway.report", "cutaway.sklearn", "llvmlite.binding", "matplotlib.collections", "pandas",
            "sklearn.ensemble", "sklearn.linear_model", "sklearn.metrics", "sklearn.model_selection")


def main() -> None:
    for name in IMPORTED:
        import_module(name)
    gc.collect()
    gc.freeze()  # a page that ends would tidy up all that it never touched: half a second for each
    while line := sys.stdin.readline():
        if not (child := os.fork()):
            return run(Path(line.rstrip("\n")))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def run(folder: Path) -> None:
    os.chdir(folder)
    for descriptor, file in enumerate((os.devnull, "stdout", "stderr")):
        os.dup2(os.open(file, os.O_RDWR | os.O_CREAT), descriptor)
    sys.path[0], sys.argv = str(folder), ["examples.py"]
    runpy.run_path("examples.py", run_name="__main__")


if __name__ == "__main__":
    main()
