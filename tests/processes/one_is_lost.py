"""Trains in exact mode, in several processes, one of which sends itself signals; test_lost_processes.py runs it.

LOST: whose, and which, one for each call of ct.fit, "1:2 1:9"; empty for none.
"""

import os
import threading
import time

import numpy as np
from launch import joined, tell

import cutaway as ct
from cutaway.errors import TrainingError
from cutaway.train import checkpoint

RNG = np.random.default_rng(0)
X, y = RNG.normal(size=(50, 4)), RNG.integers(0, 3, 50)


def kept():
    return set(os.listdir("kept")) if os.path.exists("kept") else set()


def lose(number, before):
    """Send this process a signal once there is another checkpoint."""
    while not any(name.startswith("step-") for name in kept() - before):
        time.sleep(0.02)
    os.kill(os.getpid(), number)


def main():
    rank, _ = joined()
    checkpoint.SECONDS, stopped = 0.3, []
    for each in os.environ.get("LOST", "").split() or [":"]:
        who, _, number = each.partition(":")
        before = ct.distributed.shared(kept)
        if str(rank) == who:
            threading.Thread(target=lose, args=(int(number), before), daemon=True).start()
        net = ct.nn.MLP(4, [8], 3, dropout=0.2).init(0)
        try:
            run = ct.fit(net, X, y, loss="cross_entropy", epochs=120, batch_size=20, engine="xla", devices="all",
                         exact=True, checkpoint="kept", resume=True, progress=False)
        except TrainingError as error:
            tell(rank, {"error": str(error), "stopped": stopped})
            raise
        stopped.append(run.stopped)
    tell(rank, {"weights": net.theta.tolist(), "steps": len(run.steps), "stopped": stopped})


if __name__ == "__main__":
    main()
