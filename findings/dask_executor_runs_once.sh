#!/usr/bin/env bash
# Dask's stand-in for concurrent.futures runs equal calls once and gives all of them the same result.
#
# Versions: distributed and dask 2026.8.0 (pinned below), a cluster of one worker in the process.
# Expected: `Client.get_executor()` is documented as an executor of concurrent.futures, and a call that is submitted there
#           runs: eight submissions of a function that draws a random number give eight numbers, as they do with
#           ThreadPoolExecutor, whose place it takes without another line changed.
# Seen:     one number, eight times: a call is named by its function and arguments, and equal names are one task, as
#           in the Client's own `submit`, where the manual says so. `map` does the same. get_executor(pure=False) runs all.
# Matters:  restarts from random weights, bootstrap samples and repeats of a measured time are submitted with equal
#           arguments: the spread over them comes out as exactly zero, and a "best of ten" has been one, without a word.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check distributed==2026.8.0 dask==2026.8.0
cat > "$place/draws.py" <<'PYTHON'
import random
import sys
from concurrent.futures import ThreadPoolExecutor

import distributed


def draw():
    return random.random()


def different(executor):
    return len({future.result() for future in [executor.submit(draw) for _ in range(8)]})


if __name__ == "__main__":
    print("distributed", distributed.__version__, "Python", sys.version.split()[0])
    with ThreadPoolExecutor(1) as threads:
        seen = {"ThreadPoolExecutor": different(threads)}
    with distributed.Client(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None) as client:
        seen["get_executor()"] = different(client.get_executor())
        seen["get_executor(pure=False)"] = different(client.get_executor(pure=False))
    for name, numbers in seen.items():
        print(f"{name:26} 8 calls, {numbers} different numbers")
    assert list(seen.values()) == [8, 1, 8], "equal calls are dealt with in another way now"
PYTHON
"$place/venv/bin/python" "$place/draws.py"
