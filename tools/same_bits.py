"""Train one network of each kind in fresh processes and compare the bits of where each ends.

    python tools/same_bits.py            what must be equal, and how far what may differ is apart
    python tools/same_bits.py --quick    what must be equal, of two of them
    python tools/same_bits.py --write bits.json     the hash of each case, to compare another build with
    python tools/same_bits.py --against bits.json   which cases end with other bits than there; fails if any does

Equal: another hash seed, an empty cache of machine code, another working folder, a busy machine. Nearly: another number
of threads, and machine code for older processors (x86-64: AVX2 and SSE4 in place of what this one has).
"""

import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from llvmlite import binding as llvm

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
from same_bits import BUILDS, np
ends = {name: BUILDS[name](threads) for name in sys.argv[5:]}
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
    })
    y = rng.choice(["left", "middle", "right"], 1000)
    model = ct.Classifier(network=[32], epochs=3, class_weight="balanced", threads=threads).fit(X, y)
    return model.model_.theta, model.predict_proba(X)


def lstm(threads: int) -> Any:
    import cutaway as ct

    rng = np.random.default_rng(4)
    words = ct.Sequences(rng.integers(0, 20, (96, 9)), rng.integers(1, 10, 96))
    scan = ct.nn.LastState(ct.nn.LSTM(8, 16, layers=2, bidirectional=True))
    net = ct.nn.Sequential(ct.nn.Embedding(20, 8), scan, ct.nn.Linear(32, 3)).init(0)
    ct.fit(net, words, rng.integers(0, 3, 96), "cross_entropy", epochs=3, threads=threads, progress=False)
    return net.theta, net.predict(words, threads=threads)


def double(threads: int) -> Any:
    import cutaway as ct

    rng = np.random.default_rng(5)
    X, y = rng.standard_normal((300, 10)), rng.integers(0, 4, 300)
    net = ct.nn.MLP(10, [24, 24], 4, activation="gelu", norm="layer").init(0).astype(np.float64)
    optimizer = ct.optim.Momentum(ct.optim.schedules.warmup(0.05, 10))
    ct.fit(net, X, y, "cross_entropy", optimizer=optimizer, epochs=4, threads=threads, progress=False)
    return net.theta, net.predict(X, threads=threads)


def drop_in(threads: int) -> Any:
    from cutaway.sklearn import MLPClassifier

    rng = np.random.default_rng(6)
    X, y = rng.standard_normal((400, 8)), rng.integers(0, 3, 400)
    model = MLPClassifier((16,), max_iter=8, early_stopping=True, n_iter_no_change=9, random_state=0).fit(X, y)
    return np.concatenate([w.ravel() for w in [*model.coefs_, *model.intercepts_]]), model.predict_proba(X)


CASES: dict[str, Callable[[int], Any]] = {"mlp": mlp, "cnn": cnn, "gru": gru, "table": table}
#: With those above, what is compared with another build.
BUILDS = CASES | {"lstm": lstm, "double": double, "drop-in": drop_in}


def trained(folder: str, names: Sequence[str] = tuple(CASES), threads: int = 2, processor: str = "",
            **environment: str) -> dict[str, np.ndarray]:
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


def hashes() -> dict[str, Any]:
    """A hash of the weights and one of the predictions of each case, and on what they depend beside the build."""
    with ThreadPoolExecutor(2) as side_by_side:
        ends = list(side_by_side.map(lambda name: trained(".", (name,)), BUILDS))
    packages = ("numpy", "scipy", "scikit-learn", "pandas", "llvmlite")
    return {
        "processor": llvm.get_host_cpu_name(), "features": llvm.get_host_cpu_features().flatten(),
        "versions": {"python": platform.python_version()} | {name: version(name) for name in packages},
        "hashes": {name: {what: digest({what: end[f"{name} {k}"]}) for k, what in enumerate(("weights", "predictions"))}
                   for name, end in zip(BUILDS, ends, strict=True)},
    }


def write(path: str) -> int:
    Path(path).write_text(json.dumps(hashes(), indent=1) + "\n", encoding="utf-8")
    print(f"the hashes of {len(BUILDS)} cases are in {path}")
    return 0


def against(path: str) -> int:
    """0 where every case ends with the bits whose hashes are in the file."""
    then, now = json.loads(Path(path).read_text(encoding="utf-8")), hashes()
    for what in ("processor", "features", "versions"):
        if then[what] != now[what]:
            was, here = (text if len(text := str(side[what])) < 200 else "others" for side in (then, now))
            print(f"note: another {what} than in {path} (there {was}, here {here}): bits may differ by that alone")
    other = [f"{name}: {what}" for name, parts in now["hashes"].items() for what, found in parts.items()
             if found != then["hashes"].get(name, {}).get(what)]
    print("DIFFERENT BITS\n" + "\n".join(other) if other else f"the same bits in all {len(BUILDS)} cases")
    return 1 if other else 0


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
    if sys.argv[1:2] in (["--write"], ["--against"]):
        if len(sys.argv) != 3:
            sys.exit(f"name one file: python tools/same_bits.py {sys.argv[1]} bits.json")
        sys.exit((write if sys.argv[1] == "--write" else against)(sys.argv[2]))
    sys.exit(main("--quick" in sys.argv[1:]))
