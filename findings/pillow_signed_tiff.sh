#!/usr/bin/env bash
# Pillow opens a TIFF of signed 8-bit numbers as if they were unsigned: -1 is read as 255, and nothing says so.
#
# Versions: Pillow 13.0.0, tifffile 2025.10.16, NumPy 2.4.6 (pinned below). tifffile writes the file and reads it back.
# Expected: the numbers that were written, or an error: the file states SampleFormat 2 (signed), and Pillow does keep the
#           sign of 16-bit TIFFs, which it opens in mode "I".
# Seen:     signed 8-bit opens in mode "L" with every negative number raised by 256; signed 16-bit is right.
# Matters:  differences, elevations and feature maps are stored so. A network that is fed through Pillow learns from
#           numbers whose order is broken in the middle, with no error and often with a fair score.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check \
    pillow==13.0.0 tifffile==2025.10.16 numpy==2.4.6 2>/dev/null
cat > "$place/signed.py" <<'PYTHON'
import sys

import numpy as np
import PIL
import tifffile
from PIL import Image

print(f"Pillow {PIL.__version__}, tifffile {tifffile.__version__}, NumPy {np.__version__}")
wanted = np.array([[-128, -1, 0], [1, 64, 127]])
read = {}
for dtype in ("int8", "int16"):
    path = f"{sys.argv[1]}/{dtype}.tiff"
    tifffile.imwrite(path, wanted.astype(dtype))
    assert (tifffile.imread(path) == wanted).all()
    with Image.open(path) as image:
        read[dtype] = np.asarray(image).astype(int)
        print(f"{dtype}: SampleFormat {image.tag_v2[339]}, mode {image.mode}, {read[dtype].tolist()}")
assert (read["int16"] == wanted).all(), "signed 16-bit numbers are no longer read as they are"
assert (read["int8"] == wanted % 256).all(), "signed 8-bit numbers are read otherwise now"
PYTHON
"$place/venv/bin/python" "$place/signed.py" "$place"
