#!/usr/bin/env bash
# A safetensors file gives its arrays in another order than they were saved in: by the size of their numbers, then by name.
#
# Versions: safetensors 0.8.0, numpy 2.4.6 (pinned below).
# Expected: load_file gives back a dict in the order of the one that was saved, as numpy.savez and torch.save do: the header
#           is JSON, in which an order can be written down, and layers of a network come one after the other.
# Seen:     arrays of wider numbers come first, and within them names stand in the order of their letters: layer 10 comes
#           before layer 2, and whatever is float16 behind everything that is float32.
# Matters:  who puts weights into a network one after the other (zip of its parameters and the file's values) gets others'
#           weights, without an error where shapes agree, as those of equal hidden layers do. Weights must be paired by name,
#           and names without numbers that say the order cannot be paired at all.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check safetensors==0.8.0 numpy==2.4.6
cat > "$place/order.py" <<'PYTHON'
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

place = Path(sys.argv[1])
print("safetensors", version("safetensors"))
network = {f"layer{k}.weight": np.full((3, 3), k, np.float16 if k == 1 else np.float32) for k in range(12)}
save_file(network, place / "net.safetensors")
np.savez(place / "net.npz", **network)

saved, loaded = list(network), list(load_file(place / "net.safetensors"))
print("saved: ", *saved)
print("loaded:", *loaded)
assert list(np.load(place / "net.npz")) == saved
assert sorted(loaded) == sorted(saved)
assert loaded == [*sorted(name for name in saved if name != "layer1.weight"), "layer1.weight"], "the order is another now"
wrong = sum(one != other for one, other in zip(saved, loaded))
print(f"paired one after the other, {wrong} of {len(saved)} layers get another layer's weights, all of the right shape")
assert wrong == 11
PYTHON
"$place/venv/bin/python" "$place/order.py" "$place"
