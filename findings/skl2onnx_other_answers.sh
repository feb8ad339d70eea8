#!/usr/bin/env bash
# skl2onnx turns six common estimators into models that load, run and answer otherwise than scikit-learn.
#
# Versions: skl2onnx 1.20.0, scikit-learn 1.9.1, onnxruntime 1.32.0, onnx 1.23.2 (pinned below).
# Expected: the same answers up to single precision, or an error, as for the estimators that it has no converter for.
# Seen:     no error, and
#           - decision trees on a table with gaps, which scikit-learn has sent to the side that fits best since 1.3: in the
#             model they go another way, and answers are off by the range of the target; without gaps they agree;
#           - linear discriminant analysis of two classes: other probabilities, by up to a seventh;
#           - OneVsOneClassifier whose classes are -1 and 1: answers 0 for -1;
#           - neighbours weighted by distance: other means, on known rows and on new ones; without weights they agree;
#           - Normalizer(norm="max") with negative numbers: divided by the largest number, not by the largest size;
#           - isotonic calibration: other probabilities.
# Matters:  each of these is one line in a tutorial, and the score of an exported model is rarely taken again. Compare the
#           answers of both, on rows with gaps and negative numbers too.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check \
    skl2onnx==1.20.0 scikit-learn==1.9.1 onnxruntime==1.32.0 onnx==1.23.2
cat > "$place/compare.py" <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
import onnxruntime
from skl2onnx import to_onnx
from sklearn.calibration import CalibratedClassifierCV
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsOneClassifier
from sklearn.neighbors import KNeighborsRegressor
from sklearn.preprocessing import Normalizer
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeRegressor

rng = np.random.default_rng(0)
X = rng.standard_normal((200, 4)).astype(np.float32)
gaps = np.where(rng.random(X.shape) < 0.1, np.nan, X).astype(np.float32)
number = 2 * X[:, 0] + X[:, 1]
kind = (X[:, 0] + X[:, 1] ** 2 > 0.5).astype(int)


def there(model, rows, output=0):
    options = {id(model): {"zipmap": False}} if hasattr(model, "classes_") else None
    made = to_onnx(model, rows[:1], options=options)
    return onnxruntime.InferenceSession(made.SerializeToString()).run(None, {"X": rows})[output]


names = "skl2onnx", "scikit-learn", "onnxruntime", "onnx"
print(*(f"{name} {version(name)}" for name in names), "Python", sys.version.split()[0])
seen = {}

tree = DecisionTreeRegressor(random_state=0).fit(X, number)
seen["tree, no gaps (as expected)"] = np.abs(there(tree, X).ravel() - tree.predict(X)).max(), 0, 1e-5
tree = DecisionTreeRegressor(random_state=0).fit(gaps, number)
seen["tree, gaps"] = np.abs(there(tree, gaps).ravel() - tree.predict(gaps)).max(), 0.5, 9

lda = LinearDiscriminantAnalysis().fit(X, kind)
seen["discriminant, two classes"] = np.abs(there(lda, X, 1) - lda.predict_proba(X)).max(), 0.05, 1

one = OneVsOneClassifier(LogisticRegression()).fit(X, 2 * kind - 1)
print("one against one: classes there", np.unique(there(one, X)), "here", np.unique(one.predict(X)))
seen["one against one, share of rows"] = (there(one, X).ravel() != one.predict(X)).mean(), 0.2, 1

near = KNeighborsRegressor(3, weights="distance").fit(X, number)
new = X + np.float32(0.05)
seen["neighbours by distance, new rows"] = np.abs(there(near, new).ravel() - near.predict(new)).max(), 0.5, 9
seen["neighbours by distance, known rows"] = np.abs(there(near, X).ravel() - near.predict(X)).max(), 0.5, 9
near = KNeighborsRegressor(3).fit(X, number)
seen["neighbours (as expected)"] = np.abs(there(near, new).ravel() - near.predict(new)).max(), 0, 1e-4

divided = Normalizer("max").fit(X)
seen["normalizer"] = np.abs(there(divided, X) - divided.transform(X)).max(), 0.5, np.inf

calibrated = CalibratedClassifierCV(LinearSVC(), method="isotonic", cv=3).fit(X, kind)
seen["isotonic calibration"] = np.abs(there(calibrated, X, 1) - calibrated.predict_proba(X)).max(), 0.02, 1

for name, (change, low, high) in seen.items():
    print(f"{name:36} largest difference {change:.4f}")
wrong = [name for name, (change, low, high) in seen.items() if not low <= change <= high]
assert not wrong, f"no longer as described: {wrong}"
PYTHON
"$place/venv/bin/python" "$place/compare.py"
