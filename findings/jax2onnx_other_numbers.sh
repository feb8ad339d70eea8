#!/usr/bin/env bash
# jax2onnx exports functions of JAX that clamp, round or resize as ONNX nodes that do it in another way.
#
# Versions: jax2onnx 0.17.1, jax 0.10.2, onnx 1.23.2, judged by onnxruntime 1.32.0 (pinned below).
# Expected: the same numbers and shapes but for rounding, or an error, which it raises for what it has no way for.
# Seen:     no error, and
#           - jax.image.resize to half the size, "nearest": JAX takes pixels 1, 3, 5, the model 0, 2, 4; and "cubic" without
#             antialias has other weights, JAX's with -0.5, the node's by default with -0.75;
#           - jax.nn.one_hot of -1, the usual label of a row that has none: JAX gives zeros, the node the last class;
#           - jax.lax.round of 2.5: JAX gives 3 (halves away from zero by default), the node 2;
#           - jax.lax.dynamic_slice near the end: JAX moves the start back so that the shape stays, the node gives less;
#           - jax.numpy.outer of two matrices: shape (10, 10) in JAX, (2, 5, 2, 5) in the model.
# Matters:  halved images and labels of -1 are in every image or token model. ONNX has an attribute or two nodes more for each of them, so
#           an exporter's list of "supported" functions says little about which of their cases it has.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check \
    jax2onnx==0.17.1 jax==0.10.2 onnx==1.23.2 onnxruntime==1.32.0
cat > "$place/export.py" <<'PYTHON'
import logging
import sys
import warnings
from importlib.metadata import version

import jax
import jax.numpy as jnp
import numpy as np
import onnxruntime
from jax2onnx import to_onnx

logging.disable(logging.CRITICAL)
warnings.simplefilter("ignore")
line = np.arange(6, dtype=np.float32).reshape(1, 6, 1, 1)
pair = np.ones((2, 5), np.float32)
TRIED = {
    "resize 6 to 3, nearest": (lambda x: jax.image.resize(x, (1, 3, 1, 1), "nearest"), line, True),
    "resize 6 to 9, cubic": (lambda x: jax.image.resize(x, (1, 9, 1, 1), "cubic", antialias=False), line, True),
    "one_hot of 1 and -1": (lambda x: jax.nn.one_hot(x, 3), np.array([1, -1], np.int32), True),
    "lax.round": (jax.lax.round, np.array([0.5, 1.5, 2.5, -2.5], np.float32), True),
    "dynamic_slice of four from 7": (
        lambda x: jax.lax.dynamic_slice(jnp.arange(10.0), (x[0],), (4,)), np.array([7], np.int32), True),
    "outer": (lambda x: jnp.outer(x, x), pair, True),
    "jax.numpy.round, as expected": (jnp.round, np.array([0.5, 1.5, 2.5, -2.5], np.float32), False),
}
names = "jax2onnx", "jax", "onnx", "onnxruntime"
print(*(f"{name} {version(name)}" for name in names), "Python", sys.version.split()[0])
for name, (function, x, differs) in TRIED.items():
    here = np.asarray(jax.jit(function)(x))
    made = to_onnx(function, [jax.ShapeDtypeStruct(x.shape, x.dtype)])
    session = onnxruntime.InferenceSession(made.SerializeToString())
    there = session.run(None, {session.get_inputs()[0].name: x})[0]
    print(f"{name}:\n    JAX      {here.shape} {here.ravel()[:9]}\n    exported {there.shape} {there.ravel()[:9]}")
    same = here.shape == there.shape and np.allclose(here, there, atol=1e-3)
    assert same != differs, "it is exported in another way now"
PYTHON
"$place/venv/bin/python" "$place/export.py"
