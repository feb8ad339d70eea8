"""The file itself: safetensors with one JSON text in its metadata. Read with suspicion, written whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import re
import secrets
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from ..errors import ArgumentError, CutawayError, FileError
from ..text import no_path

FORMAT = 1  # goes up when an older Cutaway could not read what is written
KEY, CHECKSUM = "cutaway", "cutaway_sha256"
LONGEST_HEADER = 64 * 2**20
MOST_PARTS = 2**21  # lists and objects in a header: as Python values each takes up to a hundred times its text
MOST_DEPTH = 200  # lists and objects in one another: layers and settings, 64 deep at most, take two for each level
MOST_DIGITS = 100  # of a whole number: to read one takes time in proportion to the square of its digits
#: A string of JSON, or the rest where it has no end. No part gives back what it took: time grows with the text alone.
STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
DTYPES: dict[str, np.dtype] = {"F32": np.dtype(np.float32), "F64": np.dtype(np.float64), "I32": np.dtype(np.int32)}


@dataclass
class Header:
    """What stands before the arrays: the description, and each array's dtype and shape."""

    description: dict[str, Any]
    tensors: dict[str, tuple[np.dtype, tuple[int, ...]]]


# ---- reading ---------------------------------------------------------------------------------------------------------


def path_of(path: Any) -> str:
    """Turn a path into text. Raises ArgumentError for anything that is no path."""
    try:
        return os.fsdecode(path)
    except TypeError:
        raise ArgumentError(f"a file's path must be text or a Path, got {type(path).__name__}") from None


@contextlib.contextmanager
def about(path: str):
    """Make errors in the block say which file they are about."""
    try:
        yield
    except FileError as error:
        raise FileError(f"{path}: {error}") from error.__cause__
    except FileNotFoundError:
        raise FileError(f"{path}: there is no such file") from None
    except OSError as error:
        raise FileError(f"{path}: cannot be read ({error.strerror or error})") from None
    except ValueError as error:  # a path that no system takes
        raise FileError(f"{path!r}: cannot be read ({no_path(path, error)})") from None


def read_header(path: str) -> Header:
    """Read the description and the list of arrays, without the arrays."""
    with _open(path) as f:
        return _header(f)[0]


def read(path: str) -> tuple[Header, dict[str, np.ndarray]]:
    """Read the description and the arrays, and check them by the checksum in the description."""
    with _open(path) as f:
        header, size = _header(f)
        f.seek(0)
        content = f.read(size + 1)
    if len(content) != size:
        raise FileError("it changed while it was read: try again")
    try:
        arrays = safetensors.numpy.load(content)
    except safetensors.SafetensorError as error:
        raise FileError(f"it is damaged ({error}): use another copy, or save the model again") from None
    if checksum(arrays) != header.description.get("tensors_sha256"):
        raise FileError("it is damaged (its arrays do not fit their checksum): use another copy, or save it again")
    return header, arrays


def _open(path: str):
    if os.path.isdir(path):
        raise FileError("this is a folder: name the model file in it")
    if os.path.exists(path) and not os.path.isfile(path):
        raise FileError("this is no regular file")
    return open(path, "rb")


def _header(f: Any) -> tuple[Header, int]:
    """Read the header, and the size that the whole file must have (and has)."""
    size = os.fstat(f.fileno()).st_size
    start = f.read(9)
    if not start:
        raise FileError("the file is empty")
    length = struct.unpack("<Q", start[:8])[0] if len(start) == 9 else 0
    if len(start) < 9 or start[8:] != b"{" or not 2 <= length <= LONGEST_HEADER:
        raise FileError("this is not a model file (not safetensors): give a file that ct.save or `cutaway fit` wrote")
    if size < 8 + length:
        raise FileError(f"it is cut short ({size:,} bytes, and its header alone needs {8 + length:,}): copy it again")
    f.seek(8)
    header = parse(f.read(length), "header")
    description = _description(header.pop("__metadata__", None))
    try:
        with safetensors.safe_open(f.name, framework="numpy"):  # looks at the header, and where each array lies
            return Header(description, {name: _tensor(name, entry) for name, entry in header.items()}), size
    except safetensors.SafetensorError as error:
        said = str(error).removeprefix("Error while deserializing header: ")
    if "ncomplete" not in said:  # "incomplete metadata", "MetadataIncompleteBuffer": all fit, but not the file's end
        raise FileError(f"it is damaged (an array does not lie where its shape says: {said!r:.120}): use another copy")
    end = 8 + length + max((entry["data_offsets"][1] for entry in header.values()), default=0)
    cut = "cut short" if size < end else "followed by something else"
    raise FileError(f"it is {cut} ({size:,} bytes, and its header says {end:,}): use another copy")


def _description(metadata: Any) -> dict[str, Any]:
    if not isinstance(metadata, dict) or type(metadata.get(KEY)) is not str:
        raise FileError("another program wrote it (it holds arrays, but no description of a Cutaway model)")
    text = metadata[KEY].encode("utf-8", "surrogatepass")
    description = parse(text, "description")
    if metadata.get(CHECKSUM) != hashlib.sha256(text).hexdigest():
        raise FileError("it is damaged (its description does not fit its checksum): use another copy, or save it again")
    written = description.get("format")
    if type(written) is not int or written < 1:
        raise FileError(f"it is damaged (its format is {str(written)[:20]!r}): use another copy")
    if written > FORMAT:
        raise FileError(
            f"Cutaway {str(description.get('cutaway'))[:20]} wrote it in format {written}, and this version reads "
            f"formats up to {FORMAT}: update Cutaway"
        )
    return description


def _tensor(name: str, entry: dict[str, Any]) -> tuple[np.dtype, tuple[int, ...]]:
    """Read an array's type and shape, which must be ones that model files have."""
    dtype, shape = entry["dtype"], tuple(entry["shape"])
    if dtype not in DTYPES:
        raise FileError(f"array {name!r:.60} is of type {dtype!r:.20}: model files hold {', '.join(DTYPES)}")
    if len(shape) > 32 or max(shape, default=0) >= 2**40:
        raise FileError(f"it is damaged (its header describes array {name[:60]!r} wrongly): use another copy")
    return DTYPES[dtype], shape


def parse(text: bytes, what: str) -> dict[str, Any]:
    """Read a JSON object, with no name twice, no number that JSON does not have or that is none in 64 bits, and not
    more lists and objects, nor deeper in one another, than a model needs."""
    if text.count(b"[") + text.count(b"{") > MOST_PARTS:
        raise FileError(f"its {what} has more than {MOST_PARTS:,} parts: no model needs that many")
    try:
        if _depth(text) > MOST_DEPTH:
            raise ValueError(f"lists or objects more than {MOST_DEPTH} deep")
        found = json.loads(text.decode("utf-8", "surrogatepass"), object_pairs_hook=_unique, parse_int=_whole,
                           parse_float=_real, parse_constant=_no_constant)
    except ValueError as error:
        raise FileError(f"it is damaged (its {what} is not JSON: {str(error)[:80]}): use another copy") from None
    if not isinstance(found, dict):
        raise FileError(f"it is damaged (its {what} is not a JSON object): use another copy")
    return found


def _depth(text: bytes) -> int:
    """Count how deep lists and objects are nested, before they are read: reading recurses that deep."""
    bare = STRING.sub(b"", text).translate(None, NO_BRACKETS)
    brackets = np.frombuffer(bare[: 2 * MOST_PARTS], np.uint8)  # as many opened and closed: more are no JSON
    steps = np.where((brackets == ord("[")) | (brackets == ord("{")), np.int8(1), np.int8(-1))
    return int(steps.cumsum(dtype=np.int64).max(initial=0))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _whole(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise ValueError(f"{text[:20]}... has more than {MOST_DIGITS} digits")
    return int(text)


def _real(text: str) -> float:
    if math.isinf(number := float(text)):
        raise ValueError(f"{text[:20]} is beyond 64 bits")
    return number


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def checksum(arrays: dict[str, np.ndarray]) -> str:
    """Compute the SHA-256 of names, types, shapes and values."""
    sha = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        sha.update(f"{name}\0{array.dtype.name}\0{arrays[name].shape}\0".encode("utf-8", "surrogatepass"))
        sha.update(array.reshape(-1).view(np.uint8).data)
    return sha.hexdigest()


# ---- writing ---------------------------------------------------------------------------------------------------------


def pack(description: dict[str, Any], arrays: dict[str, np.ndarray]) -> bytes:
    """Make the bytes of a model file."""
    arrays = {name: np.ascontiguousarray(a).reshape(a.shape) for name, a in arrays.items()}
    text = json.dumps({"format": FORMAT} | description | {"tensors_sha256": checksum(arrays)}, allow_nan=False)
    if len(text) > LONGEST_HEADER // 3:
        raise ArgumentError(f"the model's description takes {len(text):,} bytes, above {LONGEST_HEADER // 3:,}")
    if (parts := text.count("[") + text.count("{") + 3 * len(arrays)) > MOST_PARTS - 10:
        raise ArgumentError(f"the model's description has {parts:,} parts, above {MOST_PARTS:,}")
    return safetensors.numpy.save(arrays, {KEY: text, CHECKSUM: hashlib.sha256(text.encode()).hexdigest()})


def write_whole(path: Any, content: bytes | Iterable[bytes]) -> None:
    """Put content into a file so that, whatever happens, the file is the old one or the new one, never a part.

    content may come in pieces, which are made as they are written. Raises FileError where it cannot be written; an old
    file then stays as it was.
    """
    path = path_of(path)
    try:
        target = os.path.realpath(path)
        if os.path.isdir(target):
            raise FileError(f"{path}: this is a folder: give the name of a file in it")
        if os.path.exists(target) and not os.path.isfile(target):
            raise FileError(f"{path}: this is no regular file")
        if os.path.exists(target) and not os.access(target, os.W_OK):
            raise FileError(f"{path}: the file is read-only")
        folder = os.path.dirname(target)
        if not os.path.isdir(folder):
            raise FileError(f"{path}: there is no folder {os.path.dirname(path) or folder}: create it first")
        temporary = f".{os.path.basename(target)[:40]}.{secrets.token_hex(8)}.partial"
        _replace(target, os.path.join(folder, temporary), content)
    except OSError as error:
        raise FileError(f"{path}: cannot be written ({error.strerror or error}); nothing was changed") from None
    except ValueError as error:
        if isinstance(error, CutawayError):
            raise
        raise FileError(f"{path!r}: cannot be written ({no_path(path, error)})") from None


def _replace(target: str, temporary: str, content: bytes | Iterable[bytes]) -> None:
    try:
        with open(temporary, "xb") as f:
            f.writelines([content] if isinstance(content, bytes | bytearray | memoryview) else content)
            f.flush()
            os.fsync(f.fileno())
        if os.path.exists(target):
            os.chmod(temporary, os.stat(target).st_mode & 0o7777)
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    sync_folder(os.path.dirname(target))


def sync_folder(folder: str) -> None:
    """Write a folder's names to the disk: a new file's name must get there too. Some file systems cannot do this."""
    if os.name != "nt":
        with contextlib.suppress(OSError):
            handle = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
