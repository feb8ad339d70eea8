#!/usr/bin/env bash
# Keras's average pooling with padding="same" gives other numbers on PyTorch than on JAX.
#
# Versions: keras 3.15.1, jax 0.10.2, torch 2.13.0 (pinned below), on CPUs.
# Expected: a model is its layers and weights, and KERAS_BACKEND only who computes it: the same numbers but for rounding.
#           At the edge a window reaches beyond the image; "same" averages what lies within the image.
# Seen:     JAX does that. On PyTorch, where more is wanted on one side than on the other (even sizes and a stride of
#           two, the usual case), the last row and column are first repeated outwards and then counted again, so they weigh
#           double at that edge. Max pooling, convolutions and all recurrent layers with masks agree.
# Matters:  a network trained on one backend and loaded on the other, or exported to ONNX by it, answers with other
#           numbers, and no shape or message tells. Whoever reads weights of Keras elsewhere can match only one of the two.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check keras==3.15.1 jax==0.10.2 torch==2.13.0
cat > "$place/pools.py" <<'PYTHON'
import sys

import keras
import numpy as np

x = np.arange(6.0, dtype=np.float32)
line, image = x.reshape(1, 6, 1), np.outer(x, x).reshape(1, 6, 6, 1).astype(np.float32)
average = keras.layers.AveragePooling1D(3, strides=2, padding="same")
np.savez(sys.argv[1], line=keras.ops.convert_to_numpy(average(line)).ravel(), image=keras.ops.convert_to_numpy(
    keras.layers.AveragePooling2D(3, strides=2, padding="same")(image))[0, :, :, 0],
    largest=keras.ops.convert_to_numpy(keras.layers.MaxPooling1D(3, strides=2, padding="same")(line)).ravel())
PYTHON
for backend in jax torch; do
    KERAS_BACKEND=$backend "$place/venv/bin/python" "$place/pools.py" "$place/$backend.npz"
done
cat > "$place/compare.py" <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np

print(*(f"{name} {version(name)}" for name in ("keras", "jax", "torch")), "Python", sys.version.split()[0])
jax, torch = (np.load(f"{sys.argv[1]}/{name}.npz") for name in ("jax", "torch"))
print("averages of three of 0 1 2 3 4 5 in steps of two: jax", jax["line"], "torch", torch["line"])
print("the same of an image, the last column: jax", jax["image"][:, -1], "torch", torch["image"][:, -1])
assert np.allclose(jax["line"], [1, 3, 4.5]), "JAX no longer averages what lies within"
assert np.allclose(torch["line"], [1, 3, 14 / 3]), "PyTorch no longer counts the last one twice"
assert not np.allclose(jax["image"], torch["image"])
assert np.array_equal(jax["largest"], torch["largest"])
PYTHON
"$place/venv/bin/python" "$place/compare.py" "$place"
