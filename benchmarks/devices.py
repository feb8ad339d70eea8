"""How a step's time and memory go with the number of devices and the size of the model: docs/scaling.md.

    python -m benchmarks.devices                     about 3 minutes; 1, 2, 4 and 8 virtual devices of this CPU
    python -m benchmarks.devices --processes         the same of 1, 2 and 4 processes with a device each, over loopback
    python -m benchmarks.devices --short             one model, half a minute

Virtual devices share this machine's cores, so no step becomes faster by them. What is measured is what sharing costs:
processor time of a step on p devices over that of one device, and the bytes that a process holds. Of processes it is
the time of all together, and the bytes that cross between them, by what the loopback device counts.
"""

import argparse
import itertools
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from .worker import peak_memory

ROOT = Path(__file__).resolve().parent.parent
MODELS = {"small": (64, 128, 64, 10), "middle": (784, 256, 128, 10), "large": (784, 1024, 1024, 10)}
BATCH, ROWS = 512, 8192
COUNTS = (1, 2, 4, 8)
PROCESSES = (1, 2, 4)
STEPS = {"small": 16, "middle": 16, "large": 8}  # all processes do as many, three times


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


def prepared(name: str, devices: int | str) -> Any:
    """The program of a model on so many devices, fed."""
    import cutaway as ct

    shape, rng = MODELS[name], np.random.default_rng(0)
    X = rng.standard_normal((ROWS, shape[0]), dtype=np.float32)
    y = rng.integers(0, shape[-1], ROWS)
    net = ct.nn.MLP(shape[0], list(shape[1:-1]), shape[-1]).init(0)
    program = ct.compile(net, "cross_entropy", ct.optim.AdamW(1e-3), BATCH, X[:2], y[:2], engine="xla", devices=devices)
    program.feed(X, y)
    return program


def measure(name: str, devices: int, seconds: float) -> dict[str, float]:
    """One model on so many devices, in this process."""
    import jax

    jax.config.update("jax_num_cpu_devices", max(COUNTS))
    program = prepared(name, devices)
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


def measure_rank(name: str, processes: int, rank: int, address: str) -> dict[str, float]:
    """One model on as many devices as there are processes, of which this is one."""
    import cutaway as ct

    ct.distributed.start(address, processes, rank)
    program, steps = prepared(name, "all"), STEPS[name]
    program.run(steps=2)
    cpu, sent = [], []
    for _ in range(3):
        before = time.process_time(), crossed()
        program.run(steps=steps)
        cpu.append((time.process_time() - before[0]) / steps)
        sent.append((crossed() - before[1]) / steps)
    return {"cpu": statistics.median(cpu), "sent": min(sent), "memory": peak_memory()}


def crossed() -> int:
    """Bytes that went over this machine's loopback device until now, whoever sent them; 0 where nobody counts."""
    counts = Path("/proc/net/dev")
    lines = counts.read_text().splitlines() if counts.exists() else []
    return next((int(line.split()[1]) for line in lines if line.strip().startswith("lo:")), 0)


def apart(*arguments: object) -> subprocess.Popen[str]:
    """This script with such arguments, in a process of its own."""
    return subprocess.Popen([sys.executable, "-m", "benchmarks.devices", *map(str, arguments)], cwd=ROOT,
                            env=os.environ | {"JAX_PLATFORMS": "cpu"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True)


def told(process: subprocess.Popen[str]) -> dict[str, float]:
    """What a process found."""
    out, err = process.communicate()
    if process.returncode:
        raise SystemExit(f"a process broke off: {err.strip().splitlines()[-1]}")
    return json.loads(out.splitlines()[-1])


def table_of_processes(names: list[str]) -> None:
    print("| model | weights | processes | processor ms a step, all | over one | MB a step over loopback | MiB each |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name in names:
        one = 0.0
        for processes in PROCESSES:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                address = f"127.0.0.1:{free.getsockname()[1]}"
            found = [told(p) for p in [apart("--rank", name, processes, rank, address) for rank in range(processes)]]
            cpu = sum(each["cpu"] for each in found)
            one = one or cpu
            print(f"| {name} | {weights(MODELS[name]):,} | {processes} | {1e3 * cpu:.2f} | {cpu / one:.2f} | "
                  f"{found[0]['sent'] / 1e6:.2f} | {max(each['memory'] for each in found):.0f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.devices", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--processes", action="store_true")
    parser.add_argument("--rank", nargs=4, metavar=("MODEL", "PROCESSES", "RANK", "ADDRESS"), help=argparse.SUPPRESS)
    parser.add_argument("--one", nargs=3, metavar=("MODEL", "DEVICES", "SECONDS"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        name, devices, seconds = args.one
        print(json.dumps(measure(name, int(devices), float(seconds))))
        return
    if args.rank:
        name, processes, rank, address = args.rank
        print(json.dumps(measure_rank(name, int(processes), int(rank), address)))
        return
    names = ["small"] if args.short else list(MODELS)
    if args.processes:
        table_of_processes(names)
        return
    seconds = 0.5 if args.short else 1.5
    print("| model | weights | devices | processor ms a step | over one device | ms a step | MiB | first call, s |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in names:
        one = None
        for devices in COUNTS:
            found = told(apart("--one", name, devices, seconds))
            one = one or found
            print(f"| {name} | {weights(MODELS[name]):,} | {devices} | {1e3 * found['cpu']:.2f} | "
                  f"{found['cpu'] / one['cpu']:.2f} | {1e3 * found['wall']:.2f} | {found['memory']:.0f} | "
                  f"{found['first']:.1f} |", flush=True)


if __name__ == "__main__":
    main()
