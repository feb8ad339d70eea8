#!/usr/bin/env bash
# onnx.version_converter moves a model to another operator set and hands back one that computes other numbers.
#
# Versions: onnx 1.23.2, judged by onnxruntime 1.32.0 (pinned below).
# Expected: where an operator's meaning changed between two versions, the converter rewrites the node, or raises, as it
#           does where it has no way. Where Softmax goes up from 12 to 13, it does put a Flatten and a Reshape around it.
# Seen:     no error, and a model that the checker accepts:
#           - Softmax and LogSoftmax over a middle axis, down from 13 to 12: the node stays as it is, but 12 takes all
#             axes from that one on together, so the sums that were 1 along the axis are 1 over a whole row;
#           - Hardmax up from 12 to 13: the same the other way round (its default axis changes too);
#           - Resize up from 10 to 11: 10 measures from the edge of the image ("asymmetric"), 11 from the middle of each
#             pixel ("half_pixel") unless it is told otherwise, and the converter does not tell it: the image is shifted.
# Matters:  going down is what one does for an old runtime, going up what every tool does to an old model from a zoo. A
#           wrong axis of a softmax still gives probabilities, a shifted image still looks like one. Compare before and
#           after, on random input with more than two axes.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0
cat > "$place/convert.py" <<'PYTHON'
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper, version_converter

rng = np.random.default_rng(0)


def model(op, version, x, scales=None, **settings):
    constants = {} if scales is None else {"scales": np.array(scales, np.float32)}
    graph = helper.make_graph(
        [helper.make_node(op, ["x", *constants], ["y"], **settings)], "one node",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None] * x.ndim)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", version)], ir_version=7)


def computes(made, x):
    onnx.checker.check_model(made, full_check=True)
    return onnxruntime.InferenceSession(made.SerializeToString()).run(None, {"x": x})[0]


def largest_change(op, before, after, shape, **settings):
    x = rng.standard_normal(shape).astype(np.float32)
    old = model(op, before, x, **settings)
    return float(np.abs(computes(old, x) - computes(version_converter.convert_version(old, after), x)).max())


print("onnx", onnx.__version__, "onnxruntime", onnxruntime.__version__, "Python", sys.version.split()[0])
seen = {}
for op, before, after, shape, settings in [
    ("Softmax", 12, 13, (2, 3, 4), {"axis": 1}),
    ("Softmax", 13, 12, (2, 3, 4), {"axis": 1}),
    ("LogSoftmax", 13, 12, (2, 3, 4), {"axis": 1}),
    ("Hardmax", 12, 13, (2, 3, 4), {"axis": 1}),
    ("Resize", 10, 11, (1, 1, 6, 6), {"scales": [1, 1, 1.5, 1.5], "mode": "linear"}),
]:
    change = seen[op, before] = largest_change(op, before, after, shape, **settings)
    print(f"{op:10} from version {before} to {after}: the largest change of a number is {change:.3f}")
assert seen.pop(("Softmax", 12)) < 1e-6, "the way that was right no longer is"
assert all(change > 0.1 for change in seen.values()), "the converter keeps the numbers now, at least in part"
PYTHON
"$place/venv/bin/python" "$place/convert.py"
