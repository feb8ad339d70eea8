#!/usr/bin/env bash
# Of a million different integers, numpy.unique alone is several times slower than with return_inverse, or than a sort.
#
# Versions: numpy 2.4.6 (pinned below).
# Expected: numpy.unique(x) is at most as slow as numpy.unique(x, return_inverse=True), which has more to do and to return;
#           and since values come back sorted, it takes about as long as numpy.sort(x).
# Seen:     without an inverse, integers (and times, and dates) go into a table of hashes and what is found is sorted after.
#           Where most values differ that takes some eight times as long as with return_inverse=True, which sorts at once,
#           and some fourteen times as long as numpy.sort. Floats go the old way and take as long as a sort. Where values
#           repeat much, the table of hashes is the faster one.
# Matters:  columns of keys and of moments are what tables have most of, and "are they all different?" is asked of each:
#           len(np.unique(column)) == len(column) is the slow case. Reading a table of a million rows and ten such columns
#           spends seconds here that (np.diff(np.sort(column)) != 0) saves.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6
cat > "$place/unique.py" <<'PYTHON'
import statistics
import time

import numpy as np

print(f"numpy {np.__version__}")
minutes = np.random.default_rng(0).permutation(1_000_000) * 60
ways = {
    "sort": np.sort,
    "unique with return_inverse": lambda x: np.unique(x, return_inverse=True)[0],
    "unique": np.unique,
}
columns = {
    "whole numbers": minutes,
    "moments": minutes.astype("datetime64[s]"),
    "floats": minutes.astype(float),
    "a thousand values": minutes % 60_000,
}
took = {}
for name, x in columns.items():
    assert np.array_equal(np.unique(x), np.unique(x, return_inverse=True)[0])
    seen = {way: [] for way in ways}
    for _ in range(5):
        for way, call in ways.items():
            began = time.process_time()
            call(x)
            seen[way].append(time.process_time() - began)
    took[name] = {way: statistics.median(times) for way, times in seen.items()}
    print(f"{name:18}", ", ".join(f"{way} {1e3 * t:.0f} ms" for way, t in took[name].items()))
for name in ("whole numbers", "moments"):
    assert took[name]["unique"] > 3 * took[name]["unique with return_inverse"], f"{name}: it costs no more any longer"
    assert took[name]["unique"] > 4 * took[name]["sort"], f"{name}: it is near a sort now"
PYTHON
"$place/venv/bin/python" "$place/unique.py"
