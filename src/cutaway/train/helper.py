"""A process that trains what another one trains (crew.py): python -m cutaway.train.helper ADDRESS PROCESSES RANK."""

from __future__ import annotations

import os
import pickle
import signal
import sys
from typing import Any

import numpy as np

from ..distributed import start
from ..distributed.team import current
from ..errors import CutawayError
from .training import Training


class _Unpacked(pickle.Unpickler):
    """Maps large arrays from the files whose names came in their place."""

    def persistent_load(self, path: Any) -> Any:
        return np.load(path, mmap_mode="r")


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that talks hears it, and tells all
    address, processes, rank = sys.argv[1:]
    commands = os.fdopen(os.dup(0), "rb")
    try:
        start(address, int(processes), int(rank))
        team, training = current(), None
        assert team is not None
        while True:
            try:
                word, *arguments = _Unpacked(commands).load()
            except EOFError:
                return
            if word == "go":
                assert training is not None
                training.go()
            else:
                model, task, recipe, how = arguments
                with team.together("getting ready to train"):
                    training = Training(model, task, recipe, **how, progress=False)
    except CutawayError:
        sys.exit(1)  # the others have heard why, and the first one says it


if __name__ == "__main__":
    main()
