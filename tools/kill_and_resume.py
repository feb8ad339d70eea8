"""Kill a training run at random moments, let it go on from its checkpoints, and compare the bits of where it ends.

    python tools/kill_and_resume.py 200

Each time the process is killed with SIGKILL, which nobody can catch: in a step, in an epoch's end, or while a
checkpoint is being written. The final weights, best weights and history must equal those of a run left alone.
"""

import random
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

RUN = """
import sys
import numpy as np
import cutaway as ct
from cutaway.train import checkpoint

checkpoint.SECONDS = 0.0  # after every epoch, and as often within one as the cost of writing allows
rng = np.random.default_rng(0)
X = rng.standard_normal((12_000, 20)).astype(np.float32)
y = np.argmax(X[:, :3] + rng.standard_normal((len(X), 3)), 1)
net = ct.nn.MLP(20, [128, 128], 3, dropout=0.2, norm="batch").init(0)
folder, end = sys.argv[1:]
print("begun", flush=True)
run = ct.fit(net, X, y, loss="cross_entropy", optimizer=ct.optim.AdamW(ct.optim.schedules.cosine(1e-3)), epochs=8,
             validation=0.1, threads=1, checkpoint=folder or None, resume=bool(folder), progress=False)
np.savez(end, theta=net.theta, last=np.concatenate([w.ravel() for w in run.last.values()]), steps=run.steps["loss"],
         **{name: run.history[name] for name in run.history if name != "seconds"})
"""


def start(folder: str, end: Path) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", RUN, folder, str(end)], stdout=subprocess.PIPE, text=True)


def killed(folder: str, end: Path, after: float) -> bool:
    """A run killed so many seconds after it began; False if it was done by then."""
    run = start(folder, end)
    assert run.stdout is not None
    run.stdout.readline()
    try:
        run.wait(after)
    except subprocess.TimeoutExpired:
        run.send_signal(signal.SIGKILL)
        run.wait()
    run.stdout.close()
    assert run.returncode in (0, -signal.SIGKILL), f"the run failed by itself with status {run.returncode}"
    return run.returncode != 0


def main(times: int, seed: int = 0) -> None:
    """Kill so many times in all, in as many runs as it takes; every run that ends is compared."""
    import numpy as np

    moments = random.Random(seed)
    with tempfile.TemporaryDirectory() as place:
        end = Path(place) / "end.npz"
        assert not killed("", end, 600)
        alone = {name: values.tobytes() for name, values in np.load(end).items()}
        kills = ends = 0
        while kills < times or not ends:
            end.unlink(missing_ok=True)
            with tempfile.TemporaryDirectory(dir=place) as folder:
                while killed(folder, end, moments.uniform(0, 0.6) if kills < times else 600):
                    kills += 1
            ends += 1
            got = {name: values.tobytes() for name, values in np.load(end).items()}
            assert got == alone, f"after {kills} kills {[k for k in alone if got[k] != alone[k]]} differ"
        print(f"killed {kills} times, {ends} ended: all with the bits of the run left alone")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
