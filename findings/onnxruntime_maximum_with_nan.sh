#!/usr/bin/env bash
# In ONNX Runtime it depends on a NaN's place whether a maximum over numbers with it is NaN or the largest of the others.
#
# Versions: onnxruntime 1.32.0 on an x86-64 CPU, onnx 1.23.2 (pinned below).
# Expected: one answer wherever the NaN stands. NumPy's max and PyTorch 2.13's max_pool2d and amax give NaN at every
#           place, and so does Max of two inputs in ONNX Runtime itself; ReLU, Sigmoid, Tanh and LSTM hand a NaN on too.
# Seen:     MaxPool, GlobalMaxPool, ReduceMax and ReduceMin of sixteen ones with a NaN in place of one of them are NaN
#           where it is at one or a few of the sixteen places, first or last, and 1 at all others. Which operand a
#           maximum instruction hands on when they cannot be compared goes by their order.
# Matters:  a NaN in an image or a sequence is a gap that nobody filled. A network with pooling that answers NaN where it
#           was trained gives a sure class once it is exported, but for the gaps at one place of each window. Look for NaN
#           in what goes in: that none comes out says nothing.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0
cat > "$place/maximum.py" <<'PYTHON'
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper


def places_of_nan(op, shape, **settings):
    """The places in x, counted through, at which a NaN among ones makes the one result NaN."""
    graph = helper.make_graph(
        [helper.make_node(op, ["x"], ["y"], **settings)], "one node",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1] * len(shape))])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
    onnx.checker.check_model(made, full_check=True)
    session, places = onnxruntime.InferenceSession(made.SerializeToString()), []
    for place in range(int(np.prod(shape))):
        x = np.ones(shape, np.float32)
        x.reshape(-1)[place] = np.nan
        assert np.isnan(x.max())
        if np.isnan(session.run(None, {"x": x})[0]).item():
            places.append(place)
    return places


print("onnxruntime", onnxruntime.__version__, "onnx", onnx.__version__, "Python", sys.version.split()[0])
seen = {
    "MaxPool, window of 4 x 4": places_of_nan("MaxPool", (1, 1, 4, 4), kernel_shape=[4, 4]),
    "GlobalMaxPool of 4 x 4": places_of_nan("GlobalMaxPool", (1, 1, 4, 4)),
    "ReduceMax of 16": places_of_nan("ReduceMax", (1, 16), axes=[1]),
    "ReduceMin of 16": places_of_nan("ReduceMin", (1, 16), axes=[1]),
}
for name, places in seen.items():
    print(f"{name:26} NaN where the NaN is at {places}")
    assert 0 < len(places) < 16, "all places are treated alike now"
PYTHON
"$place/venv/bin/python" "$place/maximum.py"
