"""Train, predict and look for hours' worth in one process, and watch its memory, threads and open files.

    python tools/long_run.py            every kind of work, a thousand times each, of many shapes: about 5 minutes
    python tools/long_run.py 200 fit    two hundred fits of ct.fit alone

Each kind of work runs in a process of its own. A line is printed each hundred times. After the first hundred, which
load libraries and compile kernels, memory may grow by GROWTH at most; threads, open files, mapped files and kernels
must stay as many as they were.
"""

import itertools
import os
import subprocess
import sys
import tempfile
import warnings

import numpy as np

import cutaway as ct
from cutaway.engines.cpu import native

GROWTH = 8.0  # MB: what the allocators of NumPy, LLVM and pyarrow keep for later
SHAPES = 30  # rows, features, images and sequences come in so many shapes
rng = np.random.default_rng(0)
QUIET = {"epochs": 2, "batch_size": 32, "progress": False}
CLASSES = {"loss": "cross_entropy"}


def table(k: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and classes: 40 to 40 + SHAPES rows of 3 or more features."""
    X = rng.standard_normal((40 + k % SHAPES, 3 + k % 7)).astype(np.float32)
    return X, np.arange(len(X)) % 2


def fit(k: int) -> None:
    X, y = table(k)
    net = ct.nn.MLP(X.shape[1], [4 + k % 5], 2, dropout=0.1, norm="batch")
    ct.fit(net, X, y, validation=0.25, threads=1 + k % 2, drop_last=True, **CLASSES, **QUIET)
    net.predict(X)


def steps(k: int) -> None:
    """A hundred steps of one run that goes on: 10,000 after a hundred times."""
    program, X = kept("program", lambda: _fed_program())
    program.run(np.tile(np.arange(len(X)), 100))


def _fed_program() -> tuple[ct.Program, np.ndarray]:
    X, y = table(0)
    program = ct.compile(ct.nn.MLP(3, [16], 2), "cross_entropy", batch_size=len(X))
    program.feed(X, y)
    return program, X


def predict(k: int) -> None:
    kept("net", lambda: ct.nn.MLP(3, [8], 2)).predict(rng.standard_normal((1 + 37 * k % 3000, 3)))


def classifier(k: int) -> None:
    X, y = table(k)
    ct.Classifier(epochs=2).fit(X, y).predict_proba(X)


def regressor(k: int) -> None:
    X, _ = table(k)
    ct.Regressor([8], epochs=2).fit(X, X[:, 0]).predict(X)


def partial_fit(k: int) -> None:
    X, y = table(7 * k)
    kept("learner", lambda: ct.Classifier()).partial_fit(X, y, classes=[0, 1]).predict(X)


def images(k: int) -> None:
    side = 8 + 2 * (k % 3)
    X = rng.random((20, side, side, 1)).astype(np.float32)
    ct.fit(ct.nn.CNN((side, side, 1), 2, (2 + k % 3,), (4,), norm="batch"), X, np.arange(20) % 2, **CLASSES, **QUIET)


def sequences(k: int) -> None:
    X = [rng.standard_normal((2 + (k + i) % 6, 2)).astype(np.float32) for i in range(20)]
    cell = (ct.nn.LSTM, ct.nn.GRU, ct.nn.RNN)[k % 3]
    net = ct.nn.Sequential(ct.nn.LastState(cell(2, 3 + k % 3)), ct.nn.Linear(3 + k % 3, 2))
    ct.fit(net, X, np.arange(20) % 2, **CLASSES, **QUIET)
    net.predict(X)


def many(k: int) -> None:
    X, y = table(k)
    ct.fit_many([{"model": ct.nn.MLP(X.shape[1], [4], 2), "X": X, "y": y} | CLASSES | QUIET | {"progress": None}
                 for _ in range(4)], workers=2)


def files(k: int) -> None:
    """Checkpoints, going on from them, a memory map, saving and loading."""
    X, y = table(k)
    with tempfile.TemporaryDirectory() as folder:
        np.save(f"{folder}/X.npy", X)
        for _ in range(2):
            net, mapped = ct.nn.MLP(X.shape[1], [4], 2).init(0), np.load(f"{folder}/X.npy", mmap_mode="r")
            ct.fit(net, mapped, y, checkpoint=f"{folder}/run", resume=True, **CLASSES, **QUIET)
        ct.save(net, f"{folder}/net.safetensors")
        ct.load(f"{folder}/net.safetensors").predict(X)


def losses(k: int) -> None:
    """Functions made on the spot: a loss, a schedule, a learning rate that is looked for."""
    X, _ = table(k)
    rate = "auto" if k % 10 == 0 else lambda t: 1e-3 / t
    ct.fit(ct.nn.MLP(X.shape[1], [4], 1), X, 3 * X[:, :1], loss=lambda z, y: ((z - y) ** 2).mean(),
           optimizer=ct.optim.SGD(rate), **QUIET)


def trace(k: int) -> None:
    X, y = table(k)
    ct.trace(ct.nn.MLP(X.shape[1], [4], 2), X, y, "cross_entropy")["J"]


def session(k: int) -> None:
    X, y = table(k)
    s = ct.step(ct.nn.MLP(X.shape[1], [4], 2), X, y, loss="cross_entropy", batch_size=8)
    for _ in range(5):
        s.next()


WORK = {f.__name__: f for f in (fit, steps, predict, classifier, regressor, partial_fit, images, sequences, many, files,
                                losses, trace, session)}
_kept: dict = {}


def kept(name: str, make) -> object:
    """Something that lives as long as the process."""
    if name not in _kept:
        _kept[name] = make()
    return _kept[name]


def memory() -> float:
    """MB of this process in main memory."""
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def counts() -> dict[str, int]:
    """What must not grow."""
    with open("/proc/self/maps") as f:
        files = {line.split(maxsplit=5)[5] for line in f if len(line.split(maxsplit=5)) == 6}
    return {"threads": len(os.listdir("/proc/self/task")), "files": len(os.listdir("/proc/self/fd")),
            "mapped files": len(files), "kernels": len(native.linked)}


def watch(name: str, times: int, every: int = 100) -> list[str]:
    """Do a kind of work so many times; what grew."""
    first, before, k = 0.0, {}, 0
    for k in itertools.count(1):
        WORK[name](k)
        if k % every == 0 or k == times:
            print(f"{name:12} {k:6,} times  {memory():7.1f} MB  "
                  + "  ".join(f"{value} {what}" for what, value in counts().items()), flush=True)
            if k == every:
                first, before = memory(), counts()
            if k >= times:
                break
    grown = [what for what, value in counts().items() if before and value > before[what]]
    return grown + ([f"memory by {memory() - first:.1f} MB"] if first and memory() - first > GROWTH else [])


def main(times: int = 1000, *names: str) -> int:
    if len(names) == 1:
        warnings.simplefilter("ignore", UserWarning)
        grown = watch(names[0], times)
        print(f"{names[0]}: {'grew: ' + ', '.join(grown) if grown else 'flat'}", flush=True)
        return len(grown)
    failed = [name for name in names or WORK
              if subprocess.run([sys.executable, __file__, str(times), name]).returncode]
    print(f"grew or failed: {', '.join(failed)}" if failed else "nothing grew")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000, *sys.argv[2:]))
