"""The XLA engine on one GPU, beside a scan of JAX written by hand and PyTorch: one table, under eight minutes.

    python tools/bench_gpu.py                          on the GPU that JAX finds
    python tools/bench_gpu.py --device cpu --short     tries the code where there is none, in some minutes

It installs nothing: whoever is not installed is listed so; CUTAWAY_BENCH_PEERS names another Python that has PyTorch.
In the end a run on the GPU is held against the same run on the CPU, loss by loss; it exits with 1 if they part.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MINUTES = 7.0  # after which no workload is begun
NEEDED = ("numpy", "scipy", "llvmlite", "sklearn", "safetensors", "pandas")  # by Cutaway, when it trains
APART = 1e-3  # the most that losses of the same step may differ, relatively


def losses(name: str, device: str) -> list[float]:
    """The losses of a short run on a device, by a process of its own."""
    code = f"from benchmarks import gpu; import json; print(json.dumps(gpu.losses({name!r}).tolist()))"
    env = os.environ | {"JAX_PLATFORMS": "cpu" if device == "cpu" else "cuda"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{name} on {device}: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout.splitlines()[-1])


def check(names: list[str], device: str) -> bool:
    """Say for each workload how far the losses on the device lie from the CPU's."""
    good = True
    for name in names:
        ours, theirs = losses(name, device), losses(name, "cpu")
        apart = max(abs(a / b - 1) for a, b in zip(ours, theirs, strict=True))
        good &= apart <= APART
        print(f"{name}: {len(ours)} losses on {device} lie within {apart:.1e} of the CPU's"
              f"{'' if apart <= APART else f', which is more than {APART:g}: they part'}")
    return good


def there(device: str) -> bool:
    """Say on what it runs; False where JAX, the GPU, or what Cutaway's own line needs is missing."""
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        print(f"{sys.executable} has no {', '.join(missing)}, which Cutaway needs: run this by the Python that Cutaway "
              "is installed for, and name another that has PyTorch by CUTAWAY_BENCH_PEERS")
        return False
    try:
        import jax

        print(f"{jax.devices()[0].device_kind}, by JAX {jax.__version__}")
    except (ImportError, RuntimeError) as error:
        print(f"JAX finds no {device} here ({str(error).splitlines()[0]}): --device cpu --short tries the code")
        return False
    return True


def main() -> int:
    parser = argparse.ArgumentParser(prog="python tools/bench_gpu.py", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=["gpu", "cpu"], default="gpu")
    parser.add_argument("--short", action="store_true", help="few rows, the smaller networks")
    args = parser.parse_args()
    began = time.monotonic()
    os.environ |= {"CUTAWAY_BENCH_DEVICE": args.device, "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
                   "JAX_DEFAULT_MATMUL_PRECISION": "highest",
                   "JAX_PLATFORMS": "cpu" if args.device == "cpu" else "cuda,cpu"}
    if args.short:
        os.environ["CUTAWAY_BENCH_SHORT"] = "yes"
    sys.path.insert(0, str(ROOT))
    from benchmarks import gpu, shown
    from benchmarks.harness import Run, Settings

    if not there(args.device):
        return 1
    peers = os.environ.get("CUTAWAY_BENCH_PEERS") or sys.executable  # a Python that has PyTorch
    settings = Settings(2 if args.short else 3, 0.05 if args.short else 0.4, (1,), cold=0, peers=peers)
    run = Run("gpu", settings, lambda text: print(f"  {text}", file=sys.stderr))
    found: dict = {"workloads": {}, "unit": gpu.UNIT, "targets": gpu.TARGETS, "proof": gpu.PROOF,
                   "tolerance": gpu.TOLERANCE}
    for name in gpu.WORKLOADS:
        if time.monotonic() - began > 60 * MINUTES:
            print(f"{name} is left out: {MINUTES:g} minutes are over")
            continue
        found["workloads"] |= run.result([name], {})["workloads"]
    table = shown.times(found, spread=False)
    for row in (table.head, ["---"] * len(table.head), *table.rows):
        print(f"| {' | '.join(cell.replace('**', '') for cell in row)} |")
    expected = ", ".join(f"{name} {us}" for name, us in gpu.EXPECTED.items())
    print(f"Expected of a device of the H100's class, at most, in µs: {expected}.")
    for text in (*shown.failures(found), *(f"not the same work: {name}" for name in shown.losses_apart(found))):
        print(text)
    return 0 if check([name for name in ("A", "C") if name in found["workloads"]], args.device) else 1


if __name__ == "__main__":
    sys.exit(main())
