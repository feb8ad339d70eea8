#!/usr/bin/env bash
# safetensors writes the numbers of a transposed NumPy array in the order in which they lie in memory, under its shape.
#
# Versions: safetensors 0.8.0, numpy 2.4.6 (pinned below); 0.5.3 and 0.7.0 write them right.
# Expected: safetensors.numpy.save_file and load_file give back equal arrays, whichever way they lie in memory, as
#           numpy.savez does and as the releases before did; or an error, as safetensors.torch raises for tensors that are
#           not contiguous.
# Seen:     no error: a transposed matrix, one in Fortran's order, or every other number of a vector comes back with the
#           right shape, name and type and other numbers in it. `numpy.ascontiguousarray` before saving helps.
# Matters:  transposing is what moving weights between libraries is made of: Keras keeps (inputs, outputs), PyTorch (outputs,
#           inputs), and a converter's `weight.T` is a view. For a square layer not even the shape could tell.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check safetensors==0.8.0 numpy==2.4.6
cat > "$place/transposed.py" <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
from safetensors.numpy import load_file, save_file

W = np.arange(6, dtype=np.float32).reshape(2, 3)
arrays = {"as it lies": W, "transposed": W.T, "Fortran's order": np.asfortranarray(W), "every other": W.ravel()[::2],
          "transposed, made contiguous": np.ascontiguousarray(W.T)}
save_file(arrays, sys.argv[1])
found = load_file(sys.argv[1])
print(*(f"{name} {version(name)}" for name in ("safetensors", "numpy")), "Python", sys.version.split()[0])
for name, array in arrays.items():
    print(f"{name:28} saved {array.tolist()}\n{'':28} found {found[name].tolist()}")
    assert found[name].shape == array.shape
kept = [name for name, array in arrays.items() if np.array_equal(array, found[name])]
assert kept == ["as it lies", "transposed, made contiguous"], "arrays that are not contiguous are kept now, or refused"
PYTHON
"$place/venv/bin/python" "$place/transposed.py" "$place/arrays.safetensors"
