"""Train one network of each kind in fresh processes and compare the bits of where each ends.

    python tools/same_bits.py            what must be equal, and how far what may differ is apart
    python tools/same_bits.py --quick    what must be equal, of two of them

Equal: another hash seed, an empty cache of machine code, another working folder, a busy machine. Nearly: another number
of threads, and machine code for older processors (x86-64: AVX2 and SSE4 in place of what this one has).
"""

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

CHILD = """
import os, sys
processor, threads, end = sys.argv[1], int(sys.argv[2]), sys.argv[3]
if processor:  # one core: no other process helps to compile
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    from llvmlite import binding as llvm
    known = llvm.get_host_cpu_features()
    older = {"haswell": "avx512", "nehalem": "avx"}[processor]
    for name in known:
        if name.startswith(older) or (processor == "nehalem" and name in ("avx2", "fma", "f16c", "bmi", "bmi2")):
            known[name] = False
    llvm.get_host_cpu_name, llvm.get_host_cpu_features = lambda: processor, lambda: known
sys.path.insert(0, sys.argv[4])
from same_bits import CASES, np
ends = {name: CASES[name](threads) for name in sys.argv[5:]}
np.savez(end, **{f"{name} {k}": part for name, parts in ends.items() for k, part in enumerate(parts)})
"""


def mlp(threads: int) -> Any:
    import cutaway as ct

    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((500, 20)), rng.standard_normal(500)
    net = ct.nn.MLP(20, [64, 64], 1, dropout=0.1).init(0)
    ct.fit(net, X, y, epochs=4, validation=0.2, sample_weight=rng.random(500), threads=threads, progress=False)
    return net.theta, net.predict(X, threads=threads)


def cnn(threads: int) -> Any:
    import cutaway as ct

    rng = np.random.default_rng(1)
    X, y = rng.standard_normal((96, 10, 10, 2)), rng.integers(0, 3, 96)
    net = ct.nn.Sequential(ct.nn.Augment(shift=1), ct.nn.CNN((10, 10, 2), 3, [8], [16], norm="batch")).init(0)
    ct.fit(net, X, y, "cross_entropy", epochs=3, threads=threads, progress=False)
    return net.theta, net.predict(X, threads=threads)


def gru(threads: int) -> Any:
    import cutaway as ct

    rng = np.random.default_rng(2)
    X = ct.Sequences(rng.standard_normal((96, 12, 3)), rng.integers(1, 13, 96))
    net = ct.nn.Sequential(ct.nn.LastState(ct.nn.GRU(3, 24)), ct.nn.Linear(24, 1)).init(0)
    ct.fit(net, X, rng.standard_normal(96), epochs=3, threads=threads, progress=False)
    return net.theta, net.predict(X, threads=threads)


def table(threads: int) -> Any:
    import pandas as pd

    import cutaway as ct

    rng = np.random.default_rng(3)
    X = pd.DataFrame({
        "zone": rng.choice(["RL", "RM", "FV", None], 1000), "area": rng.gamma(2.0, 50.0, 1000),
        "built": pd.date_range("2001-02-03", periods=1000, freq="4D").astype(str), "new": rng.random(1000) < 0.5,
    })  # fmt: skip
    y = rng.choice(["left", "middle", "right"], 1000)
    model = ct.Classifier(network=[32], epochs=3, class_weight="balanced", threads=threads).fit(X, y)
    return model.model_.theta, model.predict_proba(X)


CASES: dict[str, Callable[[int], Any]] = {"mlp": mlp, "cnn": cnn, "gru": gru, "table": table}


def trained(folder: str, names: Sequence[str] = tuple(CASES), threads: int = 2, processor: str = "",
            **environment: str) -> dict[str, np.ndarray]:  # fmt: skip
    """What these cases end with in a fresh process: weights, then predictions."""
    with tempfile.TemporaryDirectory() as place:
        end = Path(place) / "end.npz"
        arguments = [processor, str(threads), str(end), str(Path(__file__).resolve().parent), *names]
        subprocess.run([sys.executable, "-c", CHILD, *arguments], check=True, cwd=folder, env=os.environ | environment)
        with np.load(end) as found:
            return dict(found)


def digest(found: dict[str, np.ndarray]) -> str:
    return hashlib.sha256(b"".join(part.tobytes() for part in found.values())).hexdigest()[:16]


def apart(one: dict[str, np.ndarray], two: dict[str, np.ndarray]) -> str:
    """How far two ends' predictions are apart, relative to the largest one."""
    far = {name: np.abs(one[f"{name} 1"] - two[f"{name} 1"]).max() / np.abs(one[f"{name} 1"]).max() for name in CASES}
    return "predictions differ by " + ", ".join(f"{name} {value:.1g}" for name, value in far.items())


def main(quick: bool) -> int:
    """0 where all that must be equal is. quick: of two networks, without what takes longer."""
    names = ("mlp", "gru") if quick else tuple(CASES)
    with tempfile.TemporaryDirectory() as cold, tempfile.TemporaryDirectory() as elsewhere:
        with ThreadPoolExecutor() as side_by_side:
            begun = {
                "2 threads": side_by_side.submit(trained, ".", names, PYTHONHASHSEED="0"),
                "another hash seed": side_by_side.submit(trained, ".", names, PYTHONHASHSEED="4711"),
                "an empty cache, in another folder": side_by_side.submit(trained, elsewhere, names, CUTAWAY_CACHE=cold),
            }
        ends = {what: future.result() for what, future in begun.items()}
        first = ends["2 threads"]
        if not quick:
            busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
            try:
                ends["every core busy"] = trained(".")
            finally:
                for process in busy:
                    process.kill()
                    process.wait()
        for what, found in ends.items():
            print(f"{digest(found)}  {what}")
        if not quick:
            for threads in (1, 3, 4):
                print(f"{threads} thread{'s' * (threads > 1)}: {apart(first, trained('.', threads=threads))}")
            for processor, means in (("haswell", "AVX2"), ("nehalem", "SSE4")):
                found = trained(".", processor=processor, CUTAWAY_CACHE=cold)
                print(f"machine code for {means}: {apart(first, found)}")
        same = all(digest(found) == digest(first) for found in ends.values())
        print("the same bits" if same else "DIFFERENT BITS")
        return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main("--quick" in sys.argv[1:]))
