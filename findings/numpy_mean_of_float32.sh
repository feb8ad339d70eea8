#!/usr/bin/env bash
# The mean of one and the same float32 array changes with NumPy's minor version: 2.2.6 against 2.3.5 (Python 3.11 to 3.13).
#
# Input: a million float32 numbers, all the nearest float to 0.1, in one contiguous array; plain x.mean(), no dtype.
# Expected: equal bits. The sum is said to be pairwise since NumPy 1.9, and neither release's notes lead
# one to expect another result; with pairwise summation of a million numbers the error should stay near one rounding.
# Seen: NumPy 2.2.6 is 8.2e-7 off, relative to the true mean (seven roundings of float32), 2.3.5 is 7.5e-8 off (less
# than one). Of a million uniform random numbers the error is 3.0e-7 before and 6.4e-8 after.
# Why it matters: losses, gradients and batch statistics of NumPy code are such means. An upgrade of NumPy alone changes
# their last digits, stored figures stop matching, and a bound that is tested with the newer version fails with the
# older. Who needs the digits writes x.mean(dtype=np.float64), which is right in both.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

for version in 2.2.6 2.3.5; do
    "${PYTHON:-python3.11}" -m pip install --quiet --disable-pip-version-check --no-deps \
        --target "$folder/$version" "numpy==$version" 2>/dev/null
    PYTHONPATH="$folder/$version" "${PYTHON:-python3.11}" - <<'EOF' | tee -a "$folder/seen"
import numpy as np

x = np.full(1_000_000, 0.1, np.float32)
true = float(np.float32(0.1))
r = np.random.default_rng(0).random(1_000_000, dtype=np.float32)
wide = float(r.mean(dtype=np.float64))
print(np.__version__, f"{abs(float(x.mean()) - true) / true:.1e}", f"{abs(float(x.mean(dtype=np.float64)) - true) / true:.1e}",
      f"{abs(float(r.mean()) - wide) / wide:.1e}")
EOF
done

awk '$1 == "2.2.6" && $2 > 5e-7 && $3 < 1e-9 { old = 1 }
     $1 == "2.3.5" && $2 < 1.5e-7 && $3 < 1e-9 { new = 1 }
     END { if (old && new) print "as described: the version decides how exact a float32 mean is"
           else { print "no longer as described"; exit 1 } }' "$folder/seen"
