"""Runs a script in several processes that find each other over loopback; what each of them found comes back as JSON."""

import gc
import json
import os
import random
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

HERE = Path(__file__).parent


def free_address():
    """An address among those that JAX takes."""
    for port in random.sample(range(61440, 65536), 100):
        with socket.socket() as s, suppress(OSError):
            s.bind(("127.0.0.1", port))
            return f"127.0.0.1:{port}"
    raise OSError("no port is free")


def begin(script, processes, folder, devices=1, cluster="", **environment):
    """Start a script as `processes` processes with so many devices each; they write rank-0.json, ... into a folder.
    cluster: who says where and who they are: nobody, "Slurm" or "MPI", by the environment."""
    address, started = free_address(), []
    for rank in range(processes):
        how = [str(rank), str(processes), address]
        if cluster == "Slurm":  # the number of the job gives the port
            job = str(int(address.rpartition(":")[2]) - 61440)
            environment |= {"SLURM_JOB_ID": job, "SLURM_STEP_NODELIST": "127.0.0.1", "SLURM_NTASKS": str(processes),
                            "SLURM_PROCID": str(rank), "SLURM_LOCALID": str(rank)}
            how = ["", "", ""]
        elif cluster == "MPI":
            environment |= {"PMI_SIZE": str(processes), "PMI_RANK": str(rank)}
            how = ["", "", address]
        command = [sys.executable, HERE / script, *how, str(devices)]
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
    if processes != "1":
        ct.distributed.start(address or None, *(int(n) if n else None for n in (processes, rank)), patience=30)
    return ct.distributed.rank(), ct.distributed.processes()


def tell(rank, what):
    Path(f"rank-{rank}.json").write_text(json.dumps(what))
    gc.freeze()  # the last that a script does: to look through all of JAX for garbage takes a third of a second
