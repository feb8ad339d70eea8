"""Packed files, gzip and zstd, as streams of what is in them."""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import IO, Any, cast

from ..errors import DataError
from ..extras import bring
from .limits import UNPACKED_AT_ONCE

#: How packed files begin, and how their names end.
BEGINNINGS = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
ENDINGS = {"gzip": ".gz", "zstd": ".zst"}


def packing_of(path: Path) -> str:
    """How a file is packed, by its first bytes: "gzip", "zstd", or "" where it is not."""
    with path.open("rb") as file:
        head = file.read(4)
    return next((name for mark, name in BEGINNINGS.items() if head.startswith(mark)), "")


def opened(path: Path, packing: str | bool, **text: Any) -> IO[Any]:
    """The file, unpacked as it is read: as text, where it is said how, or as bytes. packing True is gzip."""
    mode = "rt" if text else "rb"
    if packing == "zstd":
        stream = io.BufferedReader(Zstd(path), 2**16)
        return cast(IO[Any], io.TextIOWrapper(stream, **text) if text else stream)
    return cast(IO[Any], gzip.open(path, mode, **text) if packing else open(path, mode, **text))


class Zstd(io.RawIOBase):
    """What is packed in a zstd file. zstandard's own reader takes the end of a file that was cut off for its end."""

    def __init__(self, path: Path) -> None:
        try:
            import zstandard
        except ImportError as missing:
            raise DataError(f"{path} is packed with zstd, which zstandard reads: {bring('zstd')}.") from missing
        self._error, self._decompressor = zstandard.ZstdError, zstandard.ZstdDecompressor()
        self._file, self._frame = path.open("rb"), cast(Any, None)
        self._packed = self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            if not self._more():
                return 0
        count = min(len(buffer), len(self._rest))
        buffer[:count], self._rest = self._rest[:count], self._rest[count:]
        return count

    def _more(self) -> bool:
        """Unpack some more. Raises EOFError where the file ends before what is packed does."""
        self._packed = self._packed or self._file.read(UNPACKED_AT_ONCE)
        if not self._packed:
            if self._frame is not None:
                raise EOFError("it ends before what is packed in it does")
            return False
        if self._frame is None:
            self._frame = self._decompressor.decompressobj()
        try:
            self._rest = self._frame.decompress(self._packed)
        except self._error as reason:
            raise OSError(f"what is packed in it is damaged: {reason}") from reason
        self._packed = self._frame.unused_data
        self._frame = None if self._frame.eof else self._frame
        return True

    def close(self) -> None:
        self._file.close()
        super().close()
