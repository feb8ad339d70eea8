"""Helpers on this machine: processes that train what this one trains, to try several of them (cutaway fit --processes).

This one reads, encodes, scores, talks and writes. A helper (helper.py) is sent what is to be learnt, its large arrays
as files that it maps, and reads there the rows of its own devices.
"""

from __future__ import annotations

import atexit
import os
import pickle
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import numpy as np

from ..distributed import start
from ..errors import ArgumentError, TrainingError
from ..extras import needed

LARGE = 2**16  # bytes of an array from which on it is sent as a file
_crew: Crew | None = None


class Crew:
    """The helpers of this process, each at the end of a pipe, and a folder for large arrays."""

    def __init__(self, processes: int) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{free.getsockname()[1]}"
        self._folder = tempfile.TemporaryDirectory(prefix="cutaway-")
        self._files: dict[int, tuple[Path, np.ndarray]] = {}
        self._pipes: list[IO[bytes]] = []
        needed("jax", "xla", "training in several processes").config.update("jax_platforms", "cpu")
        for rank in range(1, processes):
            command = [sys.executable, "-m", "cutaway.train.helper", address, str(processes), str(rank)]
            helper = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                      env=os.environ | {"JAX_PLATFORMS": "cpu"})
            assert helper.stdin is not None
            self._pipes.append(helper.stdin)
        start(address, processes, 0)
        atexit.register(self.close)  # before JAX waits for them

    def send(self, what: Any) -> None:
        """Send the same to every helper. Raises ArgumentError for what cannot be sent."""
        for pipe in self._pipes:
            try:
                _Packed(pipe, self._file).dump(what)
                pipe.flush()
            except (pickle.PicklingError, AttributeError, TypeError) as error:
                raise ArgumentError(f"what is trained cannot be sent to other processes: {error}. Losses, metrics, "
                                    "schedules and layers must be defined in a module that they can import") from error
            except OSError:
                raise TrainingError("a process that helps to train is gone") from None

    def _file(self, array: np.ndarray) -> str:
        """Keep an array in a file, once, for as long as this process lives; the array is kept, too, so that no other
        has its number."""
        if id(array) not in self._files:
            path = Path(self._folder.name) / f"{len(self._files)}.npy"
            np.save(path, array)
            self._files[id(array)] = path, array
        return str(self._files[id(array)][0])

    def close(self) -> None:
        for pipe in self._pipes:
            with suppress(OSError):
                pipe.close()
        self._folder.cleanup()


class _Packed(pickle.Pickler):
    """Writes large arrays as the names of files."""

    def __init__(self, pipe: IO[bytes], file: Any) -> None:
        super().__init__(pipe)
        self._file = file

    def persistent_id(self, what: Any) -> str | None:
        if type(what) is np.ndarray and what.nbytes >= LARGE and not what.dtype.hasobject:
            return self._file(what)
        return None


def begin_crew(processes: int) -> None:
    """Start helpers, so that `processes` processes train what this one trains with devices="all"."""
    global _crew
    _crew = Crew(processes)


def tell(*what: Any) -> None:
    """Tell the helpers, if this process has any, what it does next."""
    if _crew is not None:
        _crew.send(what)
