"""Runs a script in several processes that find each other over loopback; what each of them found comes back as JSON."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def free_address():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{s.getsockname()[1]}"


def begin(script, processes, folder, devices=1, **environment):
    """Start a script as `processes` processes with so many devices each; they write rank-0.json, ... into a folder."""
    address, started = free_address(), []
    for rank in range(processes):
        command = [sys.executable, HERE / script, str(rank), str(processes), address, str(devices)]
        with open(folder / f"errors-{rank}.txt", "w") as errors:
            started.append(subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=errors,
                                            env=os.environ | {"JAX_PLATFORMS": "cpu"} | environment))
    return started


def found(started, folder, code=0):
    """Wait for them, and read what each found. code: with which they end."""
    for rank, process in enumerate(started):
        assert process.wait(timeout=300) == code, (folder / f"errors-{rank}.txt").read_text()
    return [json.loads((folder / f"rank-{rank}.json").read_text()) for rank in range(len(started))]


def joined():
    """In such a script: join the others, and give this process's rank and how many there are."""
    import jax

    import cutaway as ct

    rank, processes, address, devices = sys.argv[1:]
    jax.config.update("jax_num_cpu_devices", int(devices))
    if int(processes) > 1:
        ct.distributed.start(address, int(processes), int(rank), patience=30)
    return int(rank), int(processes)


def tell(rank, what):
    Path(f"rank-{rank}.json").write_text(json.dumps(what))
