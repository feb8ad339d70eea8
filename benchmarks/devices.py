"""How a step's time and memory go with the number of devices and the size of the model: docs/scaling.md.

    python -m benchmarks.devices                     about 3 minutes; 1, 2, 4 and 8 virtual devices of this CPU
    python -m benchmarks.devices --short             one model, half a minute

Virtual devices share this machine's cores, so no step becomes faster by them. What is measured is what sharing costs:
processor time of a step on p devices over that of one device, and the bytes that a process holds.
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from .worker import peak_memory

ROOT = Path(__file__).resolve().parent.parent
MODELS = {"small": (64, 128, 64, 10), "middle": (784, 256, 128, 10), "large": (784, 1024, 1024, 10)}
BATCH, ROWS = 512, 8192
COUNTS = (1, 2, 4, 8)


def weights(shape: tuple[int, ...]) -> int:
    return sum((n_in + 1) * n_out for n_in, n_out in itertools.pairwise(shape))


def expected(weights: int, rows: int, devices: int, flops: float, link: float, wait: float) -> tuple[float, float]:
    """Seconds a step computes on each of several devices, and those that it waits for the sum of gradients.

    rows: of the whole batch. flops: products and sums a second of one device. link: bytes a second between two. wait:
    seconds until the first byte. Six flops a weight and row; a ring sends 2 (p - 1) / p times the gradient's bytes, in
    2 (p - 1) messages.
    """
    ring = 2 * (devices - 1)
    return 6 * weights * rows / devices / flops, ring / devices * 4 * weights / link + ring * wait


def measure(name: str, devices: int, seconds: float) -> dict[str, float]:
    """One model on so many devices, in this process."""
    import jax

    import cutaway as ct

    jax.config.update("jax_num_cpu_devices", max(COUNTS))
    shape, rng = MODELS[name], np.random.default_rng(0)
    X = rng.standard_normal((ROWS, shape[0]), dtype=np.float32)
    y = rng.integers(0, shape[-1], ROWS)
    net = ct.nn.MLP(shape[0], list(shape[1:-1]), shape[-1]).init(0)
    program = ct.compile(net, "cross_entropy", ct.optim.AdamW(1e-3), BATCH, X[:2], y[:2], engine="xla", devices=devices)
    program.feed(X, y)
    steps, began = ROWS // BATCH, time.perf_counter()
    program.run(steps=2)
    compiled = time.perf_counter() - began
    wall: list[float] = []
    cpu: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(wall) < 3:
        before = time.perf_counter(), time.process_time()
        program.run(steps=steps)
        wall.append((time.perf_counter() - before[0]) / steps)
        cpu.append((time.process_time() - before[1]) / steps)
    return {"wall": statistics.median(wall), "cpu": statistics.median(cpu), "memory": peak_memory(), "first": compiled}


def apart(name: str, devices: int, seconds: float) -> dict[str, float]:
    """The same in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.devices", "--one", name, str(devices), str(seconds)]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {"JAX_PLATFORMS": "cpu"}, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{name} on {devices} devices: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.devices", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--one", nargs=3, metavar=("MODEL", "DEVICES", "SECONDS"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        name, devices, seconds = args.one
        print(json.dumps(measure(name, int(devices), float(seconds))))
        return
    seconds = 0.5 if args.short else 1.5
    print("| model | weights | devices | processor ms a step | over one device | ms a step | MiB | first call, s |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in ["small"] if args.short else MODELS:
        one = None
        for devices in COUNTS:
            found = apart(name, devices, seconds)
            one = one or found
            print(f"| {name} | {weights(MODELS[name]):,} | {devices} | {1e3 * found['cpu']:.2f} | "
                  f"{found['cpu'] / one['cpu']:.2f} | {1e3 * found['wall']:.2f} | {found['memory']:.0f} | "
                  f"{found['first']:.1f} |", flush=True)


if __name__ == "__main__":
    main()
