#!/usr/bin/env bash
# ONNX Runtime 1.17.3 cannot load a valid network in doubles: its own optimiser makes an operator that it has no kernel for.
#
# Versions: onnxruntime 1.17.3 and 1.32.0, onnx 1.16.2, numpy 1.26.4 (pinned below); Python 3.11.
# Expected: Gemm and Relu both have kernels for float64 (each loads by itself), so a file with one after the other loads.
# Seen:     with the default options a session ends with NOT_IMPLEMENTED: Gemm and Relu were joined to com.microsoft's
#           FusedGemm, which is there for float32 alone. Without optimisation the same file loads and is right. 1.32.0 loads
#           it as it is.
# Matters:  a multilayer perceptron in float64 is what scikit-learn's networks are exported as. The file passes every check
#           of onnx and loads where it was made; on a server with an older runtime it does not start. Whoever exports
#           doubles for old runtimes must keep the two nodes apart, by a node between them that is not fused (Add after
#           MatMul, say).
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3.11 -m venv "$place/old"
"$place/old/bin/pip" install --quiet --disable-pip-version-check onnxruntime==1.17.3 onnx==1.16.2 numpy==1.26.4
python3.11 -m venv "$place/new"
"$place/new/bin/pip" install --quiet --disable-pip-version-check onnxruntime==1.32.0 onnx==1.16.2 numpy==1.26.4
cat > "$place/load.py" <<'PYTHON'
import sys

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

rng = np.random.default_rng(0)
x, W, b = rng.normal(size=(4, 3)), rng.normal(size=(3, 2)), rng.normal(size=2)


def model(nodes):
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", TensorProto.DOUBLE, ["n", 3])],
        [helper.make_tensor_value_info("y", TensorProto.DOUBLE, ["n", 2])],
        [numpy_helper.from_array(W, "W"), numpy_helper.from_array(b, "b")])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(made, full_check=True)
    return made.SerializeToString()


def answers(data, level=None):
    options = ort.SessionOptions()
    options.log_severity_level = 4
    if level is not None:
        options.graph_optimization_level = level
    try:
        session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        return type(error).__name__
    expected = x @ W + b
    got = session.run(None, {"x": x})[0]
    return "right" if np.allclose(got, expected) or np.allclose(got, np.maximum(expected, 0)) else "wrong"


gemm = helper.make_node("Gemm", ["x", "W", "b"], ["y"])
both = [helper.make_node("Gemm", ["x", "W", "b"], ["z"]), helper.make_node("Relu", ["z"], ["y"])]
found = {
    "Gemm alone": answers(model([gemm])),
    "Gemm and Relu": answers(model(both)),
    "the same, not optimised": answers(model(both), ort.GraphOptimizationLevel.ORT_DISABLE_ALL),
}
print("onnxruntime", ort.__version__, found)
old = ort.__version__ == "1.17.3"
assert found["Gemm alone"] == "right" and found["the same, not optimised"] == "right", found
assert found["Gemm and Relu"] == ("NotImplemented" if old else "right"), "it has changed"
PYTHON
"$place/old/bin/python" "$place/load.py"
"$place/new/bin/python" "$place/load.py"
