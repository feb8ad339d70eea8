"""Trains in exact mode, in several processes, one of which sends itself a signal; test_lost_processes.py runs it.

LOST: whose, and which, "1:9"; empty for none.
"""

import os
import threading
import time
from pathlib import Path

import numpy as np
from launch import joined, tell

import cutaway as ct
from cutaway.errors import TrainingError
from cutaway.train import checkpoint

RNG = np.random.default_rng(0)
X, y = RNG.normal(size=(50, 4)), RNG.integers(0, 3, 50)


def lose(number):
    """Send this process a signal once there is a checkpoint."""
    while not list(Path("kept").glob("step-*")):
        time.sleep(0.02)
    os.kill(os.getpid(), number)


def main():
    rank, _ = joined()
    who, _, number = os.environ.get("LOST", "").partition(":")
    if str(rank) == who:
        threading.Thread(target=lose, args=(int(number),), daemon=True).start()
    checkpoint.SECONDS = 0.3
    net = ct.nn.MLP(4, [8], 3, dropout=0.2).init(0)
    try:
        run = ct.fit(net, X, y, loss="cross_entropy", epochs=150, batch_size=20, engine="xla", devices="all",
                     exact=True, checkpoint="kept", resume=True, progress=False)
    except TrainingError as error:
        tell(rank, {"error": str(error)})
        raise
    tell(rank, {"weights": net.theta.tolist(), "steps": len(run.steps), "stopped": run.stopped})


if __name__ == "__main__":
    main()
