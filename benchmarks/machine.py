"""What the numbers are measured on: the processor, its speed at products and at moving memory, libraries' sizes."""

import json
import os
import platform
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np


def fastest(job: Callable[[], Any], times: int = 5) -> float:
    """Seconds of the best of some runs."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        job()
        found.append(time.perf_counter() - start)
    return min(found)


def bandwidth(threads: int, size: int = 2**24) -> float:
    """GB/s of c = a + b on arrays of 64 MB, two read and one written: no cache holds them."""
    a, b, c = (np.ones(size, np.float32) for _ in range(3))
    parts = np.array_split(np.arange(size), threads)
    cuts = [slice(p[0], p[-1] + 1) for p in parts]
    with ThreadPoolExecutor(threads) as pool:
        seconds = fastest(lambda: list(pool.map(lambda s: np.add(a[s], b[s], out=c[s]), cuts)))
    return 12 * size / seconds / 1e9


def peak(size: int = 1536) -> float:
    """GFLOP/s of a large float32 matrix product on one thread."""
    from threadpoolctl import threadpool_limits

    a = np.ones((size, size), np.float32)
    out = a.copy()
    with threadpool_limits(1, "blas"):
        return 2 * size**3 / fastest(lambda: np.matmul(a, a, out=out)) / 1e9


def machine(threads: tuple[int, ...] = (1, 2)) -> dict[str, Any]:
    """The processor, the load when the run began, its memory's bandwidth and its peak at matrix products."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    name, flags = facts.get("model name", platform.processor()), facts.get("flags", "").split()
    vector = next((v for v in ("avx512f", "avx2", "avx") if v in flags), platform.machine())
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {"processor": name, "cores": os.cpu_count(), "vector": vector, "system": platform.system(), "load": load,
            "blas": np.show_config(mode="dicts")["Build Dependencies"]["blas"]["name"],  # type: ignore[call-overload]
            "bandwidth": {str(n): bandwidth(n) for n in threads}, "gflops": peak()}


def install_sizes(python: str, packages: list[str]) -> dict[str, dict[str, int]]:
    """{package: {"own": bytes, "all": with everything it requires}} of those that this Python has."""
    script = Path(__file__).with_name("sizes.py")
    done = subprocess.run([python, "-P", str(script), *packages], capture_output=True, text=True)
    return json.loads(done.stdout) if done.returncode == 0 else {}
