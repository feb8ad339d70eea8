"""in_npz: the arrays X and y of an .npz file, whose claims are checked before any memory is taken for them."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import numpy as np

from ..errors import ArgumentError, DataError
from ..text import quoted
from .limits import MOST_UNPACKED, MOST_UNPACKING
from .source_files import existing

WRITE = "write it with np.savez_compressed(path, X=images, y=labels)."
#: By the format's version; the third is for arrays with named columns.
HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def in_npz(path: Path, labels: str | None = None) -> tuple[np.ndarray, np.ndarray | None]:
    """The array X of an .npz file, and its array of labels, y unless named otherwise; nothing in it is unpickled."""
    path = existing(path)
    try:
        with ZipFile(path) as file:
            times = Counter(file.namelist())
            names = [name.removesuffix(".npy") for name in times]
            found = [name for name in ("X", labels or "y") if times[f"{name}.npy"]]
            if again := [name for name in found if times[f"{name}.npy"] > 1]:
                raise DataError(f"it holds {again[0]} twice")
            sizes = [file.getinfo(f"{name}.npy").file_size for name in found]
            if sum(sizes) > max(MOST_UNPACKED, MOST_UNPACKING * path.stat().st_size):
                raise DataError(
                    f"it unpacks to {sum(sizes):,} bytes, more than {MOST_UNPACKING} times its size; if it should, "
                    "write it unpacked, with np.savez"
                )
            arrays = {name: _array(file, name) for name in found}
    except Exception as reason:  # zipfile, zlib and NumPy each raise their own
        why = str(reason) or type(reason).__name__
        raise DataError(f"{path} cannot be read as an .npz file of numbers ({why}): {WRITE}") from reason
    if "X" not in arrays:
        there = f"the arrays {quoted(names)}, but no X" if names else "no arrays"
        raise DataError(f"{path} holds {there}: {WRITE}")
    if labels is not None and labels not in arrays:
        raise ArgumentError(f"labels names the array {labels!r}, but {path} has {quoted(names)}.")
    return arrays["X"], arrays.get(labels or "y")


def _array(file: ZipFile, name: str) -> np.ndarray:
    """Read a member as an array, if its header fits its size."""
    member = file.getinfo(f"{name}.npy")
    if member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise DataError(f"{name} is packed in a way that NumPy does not write")
    if member.flag_bits & 1:
        raise DataError(f"{name} is encrypted")
    with file.open(member) as stream:
        version = np.lib.format.read_magic(stream)
        if version not in HEADERS:
            raise DataError(f"{name} is of format {version[0]}.{version[1]}, numbers are of 1.0 or 2.0")
        try:
            shape, _, dtype = HEADERS[version](stream)
        except ValueError as reason:
            raise DataError(f"the header of {name} is no array's") from reason
        if dtype.hasobject:
            raise DataError(f"{name} holds Python objects, which could run code")
        if dtype.kind == "V" or dtype.itemsize == 0 or min(shape, default=0) < 0:
            raise DataError(f"{name} has the type {dtype} and the shape {shape}, which are no numbers or words")
        size = dtype.itemsize
        for side in shape:
            size *= side  # exact, where NumPy's integers would overflow
        there = member.file_size - stream.tell()
        if size != there:
            raise DataError(f"{name} has {there:,} bytes, but the shape {shape} of {dtype} takes {size:,}")
    with file.open(member) as stream:
        array = np.lib.format.read_array(stream, allow_pickle=False)
    if dtype.kind == "U" and np.ascontiguousarray(array).view(f"{dtype.str[0]}u4").max(initial=0) > sys.maxunicode:
        raise DataError(f"{name} holds words with characters that there are not")
    return array
