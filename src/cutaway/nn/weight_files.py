"""Files of arrays by name that other programs write, read without running anything in them."""

from __future__ import annotations

import math
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import IO, Any

import numpy as np

from ..errors import ArgumentError, CutawayError, FileError
from ..extras import needed
from ..text import no_path

#: Endings that PyTorch's pickles have: to read one is to run what is in it.
PICKLES = (".pt", ".pth", ".bin", ".ckpt", ".pkl", ".pickle", ".joblib")
KERAS = (".h5", ".hdf5", ".keras")
#: safetensors' names of types whose numbers are taken; BF16 is the first half of a float32.
TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U8": "u1",
         "BOOL": "?", "BF16": "<u2"}
#: Names in Keras' files of what is no weight of a layer.
NO_WEIGHTS = ("optimizer", "metrics", "seed_generator")


def read_arrays(path: Any, most: int) -> dict[str, np.ndarray]:
    """Read a file of arrays by name: .safetensors, .npz, .weights.h5, .keras.

    most: the most numbers that an array may hold, since a small file can claim a terabyte. Raises ArgumentError for
    another ending, and FileError for a file that is missing, damaged or larger than that.
    """
    path = os.fsdecode(path)
    ending = os.path.splitext(path)[1].lower()
    if ending in PICKLES:
        raise ArgumentError(
            f"{path} is a pickle, which can run anything as it is read, and is not opened: in PyTorch, write "
            'safetensors.torch.save_file(net.state_dict(), "net.safetensors")'
        )
    if ending not in READERS:
        raise ArgumentError(f"{path}: weights are read from files that end in {', '.join(READERS)}")
    with _about(path):
        if os.path.exists(path) and not os.path.isfile(path):
            raise FileError("this is a folder or no regular file: name the file of weights")
        with open(path, "rb") as f:
            return READERS[ending](f, most)


@contextmanager
def _about(path: str) -> Iterator[None]:
    """Make errors in the block say which file they are about."""
    try:
        yield
    except FileNotFoundError:
        raise FileError(f"{path}: there is no such file") from None
    except CutawayError as error:
        raise type(error)(f"{path}: {error}") from None
    except (OSError, EOFError, KeyError, ValueError, RuntimeError, MemoryError, NotImplementedError, OverflowError,
            TypeError, zipfile.BadZipFile, zlib.error) as error:
        said = no_path(path, error) if isinstance(error, ValueError) else f"{error!s:.200}"
        raise FileError(f"{path}: cannot be read ({said}): use another copy") from None


class _Room:
    """Counts what is read, so that a small file cannot ask for more than a few times what the model needs."""

    def __init__(self, most: int) -> None:
        self.most, self.left = most, 4 * most + 2**16

    def take(self, name: str, shape: tuple[int, ...]) -> None:
        """Raise FileError for an array that is larger than the model, or one too many."""
        size = math.prod(shape)
        if size > self.most:
            raise FileError(f"{name:.80} has shape {shape}, more numbers than the whole model has weights")
        self.left -= size
        if self.left < 0:
            raise FileError("it holds far more numbers than this model has weights")


def _safetensors(f: IO[bytes], most: int) -> dict[str, np.ndarray]:
    import safetensors

    found = {}
    try:
        parts = safetensors.deserialize(f.read())
    except safetensors.SafetensorError as error:
        raise FileError(f"it is damaged ({error}): use another copy") from None
    for name, part in parts:
        if part["dtype"] not in TYPES:
            raise FileError(f"{name:.80} is of type {part['dtype']}: weights are {', '.join(TYPES)}")
        array = np.frombuffer(part["data"], TYPES[part["dtype"]])
        if part["dtype"] == "BF16":
            array = (array.astype("<u4") << 16).view("<f4")
        found[name] = array.reshape(part["shape"])
    return found


def _npz(f: IO[bytes], most: int) -> dict[str, np.ndarray]:
    found, room = {}, _Room(most)
    with zipfile.ZipFile(f) as archive:
        for name in archive.namelist():
            with archive.open(name) as member:
                version = np.lib.format.read_magic(member)
                read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
                shape, _, dtype = read(member)
                if dtype.hasobject:
                    raise FileError(f"{name:.80} holds a pickle, which can run anything as it is read")
                room.take(name, shape)
            with archive.open(name) as member:
                found[name.removesuffix(".npy")] = np.lib.format.read_array(member, allow_pickle=False)
    return found


def _h5(f: IO[bytes], most: int) -> dict[str, np.ndarray]:
    """Read the variables of layers, which lie at layers/dense/vars/0; links lead nowhere, and nothing else is read."""
    h5py = needed("h5py", "keras", "a file of Keras' weights")
    found, room = dict[str, np.ndarray](), _Room(most)

    def visit(name: str, what: Any) -> None:
        if not isinstance(what, h5py.Dataset) or any(part in NO_WEIGHTS for part in name.split("/")):
            return
        if what.is_virtual or what.external:
            raise FileError(f"{name:.80} lies in another file, which is not read")
        if what.shape is None or what.dtype.kind not in "fiub":
            raise FileError(f"{name:.80} holds {what.dtype}, not numbers")
        room.take(name, what.shape)
        found[name] = what[()]

    with h5py.File(f, "r") as file:
        file.visititems(visit)
    return found


def _keras(f: IO[bytes], most: int) -> dict[str, np.ndarray]:
    """Read the weights in a .keras archive; what else is in it, the layers' settings, is left."""
    with zipfile.ZipFile(f) as archive:
        inside = archive.getinfo("model.weights.h5")
        if inside.file_size > 64 * most + 2**26:  # weights and an optimizer's averages in doubles
            raise FileError("what is packed in it is far larger than this model")
        return _h5(BytesIO(archive.read(inside)), most)


READERS: dict[str, Callable[[IO[bytes], int], dict[str, np.ndarray]]] = {
    ".safetensors": _safetensors, ".npz": _npz, ".h5": _h5, ".hdf5": _h5, ".keras": _keras,
}
