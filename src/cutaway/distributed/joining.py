"""ct.distributed.start: processes that run the same script find each other, by the cluster or by an address."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..arguments import whole_number
from ..errors import ArgumentError, TrainingError
from ..extras import needed
from .launchers import launched
from .team import Team, current, join
from .watch import Lookout, Store

WAIT = 300  # seconds for all processes to come


def start(address: str | None = None, processes: int | None = None, rank: int | None = None, *,
          wait: float = WAIT, patience: float = 60.0) -> None:
    """Join the processes that train one model; each runs the same script, and calls this before it uses JAX.

    Without arguments the cluster is asked: Slurm, MPI, Kubernetes, a cloud's TPUs. (mpirun tells no address where there
    are several machines, unless it is Open MPI's before version 5: give it.) By hand:
    address: "host:port" of the first process, which all can reach. processes: how many there are. rank: this one's
    number, from 0. wait: seconds for all to come. patience: seconds that all wait for one that works at something of
    its own; one that gives no sign of life is lost after six.

    Then ct.fit(..., engine="xla", devices="all") on every process trains one model. Called again with the same
    arguments, or none, it does nothing. Raises ArgumentError where no cluster is found, where JAX is in use already,
    and where Python, JAX, NumPy or Cutaway differ; TrainingError where the others do not come.

    >>> import cutaway as ct
    >>> ct.distributed.rank(), ct.distributed.processes()  # before
    (0, 1)
    """
    jax = needed("jax", "xla", "training in several processes")
    processes = None if processes is None else whole_number("processes", processes)
    rank = None if rank is None else whole_number("rank", rank, 0)
    if processes is not None and rank is not None and rank >= processes:
        raise ArgumentError(f"rank={rank}, and there are {processes} processes: ranks are 0 to {processes - 1}")
    team = current()
    if team is not None:
        for name, given, have in (("processes", processes, team.processes), ("rank", rank, team.rank)):
            if given not in (None, have):
                raise ArgumentError(f"this process has joined as rank {team.rank} of {team.processes} already, and "
                                    f"start is called with {name}={given}: a process joins once")
        return
    if not jax.distributed.is_initialized():
        _initialize(jax, address, processes, rank, wait)
    from jax._src.distributed import global_state

    me = global_state  # jax.process_index() would look for devices, which all must do at once
    watch = Lookout(me.process_id or 0, me.num_processes or 1, Store(), me.coordinator_address or "", patience)
    team = Team(watch.rank, watch.processes, watch)
    watch.begin()
    with team.together("joining"):
        team.compare("what they run", lambda: _versions(jax))
        here = jax.local_devices()
        team.compare("their devices", lambda: {"devices of each": f"{len(here)} x {here[0].device_kind}"})
        with _silent():
            team.highest(0)
    join(team)


def _initialize(jax: Any, address: str | None, processes: int | None, rank: int | None, wait: float) -> None:
    if processes is None and rank is None:
        address, processes, rank = launched(address) or (address, None, None)
    given = {"address": address, "processes": processes, "rank": rank}
    missing = [name for name, value in given.items() if value is None]
    if address is not None and (not isinstance(address, str) or not address.rpartition(":")[2].isdigit()):
        raise ArgumentError(f'address must be "host:port" of the first process, got {address!r}')
    by_hand = "" if missing else "deactivate"
    if hasattr(jax.config, "jax_enable_preemption_service"):  # it would hear SIGTERM, and nobody else would
        jax.config.update("jax_enable_preemption_service", False)
    try:
        jax.distributed.initialize(address, processes, rank, initialization_timeout=int(wait),
                                   cluster_detection_method=by_hand or None)
    except ValueError as error:
        raise ArgumentError(
            f"no cluster is found that says who takes part ({error}): give {', '.join(missing)}, as in start("
            '"10.0.0.1:9911", processes=2, rank=0)') from None
    except RuntimeError as error:
        if "before any JAX" in str(error) or "must be called before" in str(error):
            raise ArgumentError("JAX is in use already: call ct.distributed.start() first, before anything that "
                                "computes with JAX") from None
        if any(name.startswith("jax._src.clusters") for name in _through(error)):
            raise ArgumentError(f"the cluster does not say who takes part: {error}") from None
        raise TrainingError(f"the processes did not find each other in {wait:g} s: {str(error).splitlines()[0]}. Is "
                            "the first one running, and can its address be reached?") from None


def _through(error: BaseException) -> Iterator[str]:
    """The names of the modules that an error came through."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        yield frame.f_globals["__name__"]


@contextmanager
def _silent() -> Iterator[None]:
    """Keep off the terminal what gloo prints, by itself, when processes first meet."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def _versions(jax: Any) -> dict[str, Any]:
    """What must be the same in all processes for their steps to be the same."""
    files = sorted(Path(__file__).parent.parent.rglob("*.py"))
    text = hashlib.sha256(b"".join(file.read_bytes().replace(b"\r\n", b"\n") for file in files))
    return {"Python": platform.python_version(), "NumPy": np.__version__, "JAX": jax.__version__,
            "Cutaway": f"the text {text.hexdigest()[:8]}"}
