#!/usr/bin/env bash
# scikit-learn gives the same numbers another score when they are of another type: log_loss, max_error.
#
# Versions: scikit-learn 1.9.1, numpy 2.4.6 (pinned below).
# Expected: a score is of the numbers. Zeros and ones are the same in single and in double precision, and so is the
#           difference of 0 and 1 in whole numbers of 8 bits, which mean_squared_error and mean_absolute_error know.
# Seen:     log_loss of two rows, one of them wrong with a probability of 1, is 3.6 in half precision, 8.1 in single and
#           18.1 in double: a zero counts as the smallest step of the type, as its manual says. max_error of
#           0 and 1 as uint8 is 255: it subtracts before it widens.
# Matters:  networks answer in single precision, boosting and linear models in double: of two models that are equally and
#           surely wrong, the network's loss is less than half the other's. Make both double before comparing, and errors
#           of pixels and counts signed.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check scikit-learn==1.9.1 numpy==2.4.6
cat > "$place/scores.py" <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
from sklearn.metrics import log_loss, max_error, mean_absolute_error

print(*(f"{name} {version(name)}" for name in ("scikit-learn", "numpy")), "Python", sys.version.split()[0])
truth, sure = [0, 1], np.array([[0.0, 1.0], [0.25, 0.75]])
losses = [log_loss(truth, sure.astype(kind)) for kind in ("float16", "float32", "float64")]
print("log_loss in half, single and double precision:", *(f"{loss:.2f}" for loss in losses))
pixels = np.array([0], np.uint8), np.array([1], np.uint8)
errors = mean_absolute_error(*pixels), max_error(*pixels)
print("of 0 and 1 as uint8: mean_absolute_error", errors[0], "max_error", errors[1])
assert np.allclose(losses, [3.61, 8.12, 18.17], atol=0.1), "zeros count the same in all precisions now"
assert errors == (1, 255), "max_error widens first now"
PYTHON
"$place/venv/bin/python" "$place/scores.py"
