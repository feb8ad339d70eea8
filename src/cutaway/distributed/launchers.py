"""What launchers tell their processes where JAX does not ask them: mpirun of Open MPI 5, of MPICH, of Intel MPI."""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping

from ..errors import ArgumentError

#: How many processes there are, which one this is, and how many are on its machine.
VARIABLES = (("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE"),
             ("PMI_SIZE", "PMI_RANK", "MPI_LOCALNRANKS"))
#: Of Open MPI 4 and of srun, whom JAX asks itself.
ASKED_BY_JAX = ("OMPI_MCA_orte_hnp_uri", "SLURM_STEP_NODELIST")
FIRST_PORT, PORTS = 61440, 4096  # as JAX takes them


def launched(address: str | None, environment: Mapping[str, str] = os.environ) -> tuple[str, int, int] | None:
    """Read address, number of processes and rank from what a launcher says; None where no such launcher is.

    Where all processes are on one machine, the address is one of its own. Raises ArgumentError where it must be given.

    >>> launched("node-1:9911", {"PMI_SIZE": "4", "PMI_RANK": "3"})
    ('node-1:9911', 4, 3)
    """
    for size, rank, local in VARIABLES:
        by_jax = ASKED_BY_JAX[:1] if size.startswith("OMPI") else ASKED_BY_JAX  # mpirun may run in a job of Slurm's
        if size not in environment or rank not in environment or any(name in environment for name in by_jax):
            continue
        processes, own = int(environment[size]), int(environment[rank])
        if address is None and environment.get(local) != environment[size]:
            raise ArgumentError(f"the launcher says that this is rank {own} of {processes} on several machines, and "
                                'not where the first one is: give its address, as in start("node-1:9911")')
        return address or f"127.0.0.1:{_port(environment)}", processes, own
    return None


def _port(environment: Mapping[str, str]) -> int:
    """Choose a port by the launcher's name for the job, or by its process, the parent of all: the same in each."""
    job = environment.get("PMIX_NAMESPACE") or str(os.getppid())
    return FIRST_PORT + zlib.crc32(job.encode()) % PORTS
