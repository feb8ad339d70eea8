#!/usr/bin/env bash
# A scikit-learn MLP with two outputs, converted by skl2onnx, answers in another shape than it predicts.
#
# Versions: skl2onnx 1.20.0, scikit-learn 1.9.1, onnx 1.23.2, onnxruntime 1.32.0 (pinned below).
# Expected: 100 rows in, an answer of shape (100, 2) out: the two numbers of MLPRegressor, and for two labels of
#           MLPClassifier the two probabilities of predict_proba.
# Seen:     the regressor's graph answers (200, 1), the two numbers of each row under each other; the classifier's
#           answers (100, 4): the probabilities of "not" of both labels, then those of the labels. With the converter's
#           default options (ZipMap) the classifier's graph cannot run at all. The conversion itself says nothing.
# Matters:  whoever reads column 0 of the answer takes the wrong output for half of the rows, or 1 - p for p. An exporter
#           for several outputs must compare shapes with predict, not only the numbers of a single output.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check \
    skl2onnx==1.20.0 scikit-learn==1.9.1 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cat > "$place/two_outputs.py" <<'PYTHON'
import warnings

import numpy as np
import onnx
import onnxruntime
import skl2onnx
import sklearn
from sklearn.neural_network import MLPClassifier, MLPRegressor

warnings.simplefilter("ignore")  # networks that did not converge, which is not the point
onnxruntime.set_default_logger_severity(4)
print(f"skl2onnx {skl2onnx.__version__}, scikit-learn {sklearn.__version__}, onnx {onnx.__version__}, "
      f"onnxruntime {onnxruntime.__version__}")

rng = np.random.default_rng(0)
X = rng.normal(size=(100, 3)).astype(np.float32)
Y = np.column_stack([X[:, 0], 2 * X[:, 1]])


def answers(model, **options):
    graph = skl2onnx.to_onnx(model, X[:1], **options).SerializeToString()
    return onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"]).run(None, {"X": X})


numbers = MLPRegressor(hidden_layer_sizes=(8,), max_iter=200, random_state=0).fit(X, Y)
(got,) = answers(numbers)
wanted = numbers.predict(X)
print(f"regressor:  predict gives {wanted.shape}, the graph {got.shape}")
assert got.shape == (200, 1), "the graph's shape has changed"
assert np.allclose(got.reshape(100, 2), wanted, atol=1e-4), "its rows are no longer the outputs one under another"

labels = MLPClassifier(hidden_layer_sizes=(8,), max_iter=200, random_state=0).fit(X, (Y > 0).astype(int))
_, got = answers(labels, options={"zipmap": False})
wanted = labels.predict_proba(X)
print(f"classifier: predict_proba gives {wanted.shape}, the graph {got.shape}; "
      f"row 0: {wanted[0].round(3)} and {got[0].round(3)}")
assert got.shape == (100, 4), "the graph's shape has changed"
assert np.allclose(got, np.column_stack([1 - wanted, wanted]), atol=1e-4), "its columns have changed"

try:
    answers(labels)
except Exception as error:  # what ONNX Runtime raises has no public base class
    print("classifier, default options:", str(error).split("Status Message:")[-1].strip())
else:
    raise AssertionError("the graph made with the default options runs now")
PYTHON
"$place/venv/bin/python" "$place/two_outputs.py"
