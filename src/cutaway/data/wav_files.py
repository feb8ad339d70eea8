"""read_wav: the samples of a WAV file, a chunk after the other as RIFF has them, whole numbers or fractions.

Everything is compared with the file's own size before it is read: what a header claims costs nothing.
"""

from __future__ import annotations

import struct
from os import PathLike
from pathlib import Path

import numpy as np

from ..errors import DataError
from ..text import counted, size
from .limits import MOST_CHANNELS, MOST_SOUND
from .source_files import existing

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
#: What other codes of formats stand for, the most usual.
PACKED = {2: "ADPCM", 6: "A-law", 7: "µ-law", 17: "ADPCM", 85: "MP3"}
#: What writers into a pipe say of a size that they do not know yet. SoX says the last whole sample below PIPED.
UNKNOWN = (0, 0xFFFFFFFF)
PIPED = 0x7FFFF000


def read_wav(path: str | PathLike) -> tuple[int, np.ndarray]:
    """The samples a second of a WAV file, and its samples (time, channels), float32 from -1 to 1.

    Whole numbers of 8, 16, 24 and 32 bits are parts of their range, fractions of 32 and 64 bits stay as they are.
    Raises DataError, with the file's name, for what is no WAV file, compressed, cut off or damaged.
    """
    path = existing(path)
    try:
        if path.stat().st_size > MOST_SOUND:
            raise DataError(f"{path} has {size(path.stat().st_size)}, and sound of at most {size(MOST_SOUND)} is read: "
                            "cut it into shorter recordings.")
        data = path.read_bytes()
    except OSError as reason:
        raise DataError(f"{path} cannot be read ({reason.strerror}).") from reason
    if not data:
        raise DataError(f"{path} is empty.")
    if len(data) < 12 or data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        wide = " It is of the kind RF64, for sound beyond 4 GB." if data[:4] in (b"RF64", b"RIFX") else ""
        raise DataError(f"{path} is no WAV file: it does not begin with RIFF and WAVE.{wide}")
    form: tuple[int, int, int, int] | None = None
    at = 12
    while at + 8 <= len(data):
        name, length = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        at += 8
        if name == b"fmt ":
            form = _form(data[at : at + length], path)
        elif name == b"data":
            if form is None:
                raise DataError(f"{path} is damaged: its samples stand before what says how they are written.")
            there = len(data) - at
            block = form[1] * form[3] // 8
            if length in UNKNOWN or length == PIPED // block * block:
                length = there
            if length > there:
                raise DataError(f"{path} is cut off: its header says {length:,} bytes of sound, {there:,} are there. "
                                "Fetch it again.")
            return form[2], _samples(data, at, length, form, path)
        at += length + length % 2
    raise DataError(f"{path} has no sound: no chunk of it holds samples. It may be cut off: fetch it again.")


def _form(chunk: bytes, path: Path) -> tuple[int, int, int, int]:
    """The code of the format, channels, samples a second and bits of a sample. Raises DataError for others."""
    if len(chunk) < 16:
        raise DataError(f"{path} is damaged: what says how its samples are written has {counted(len(chunk), 'byte')}.")
    code, channels, rate, _, block, bits = struct.unpack_from("<HHIIHH", chunk)
    if code == EXTENSIBLE and len(chunk) >= 26:
        code = struct.unpack_from("<H", chunk, 24)[0]
    if code not in (PCM, FLOAT):
        raise DataError(f"{path} is compressed ({PACKED.get(code, f'format {code}')}): write it as plain PCM.")
    if bits not in ((8, 16, 24, 32) if code == PCM else (32, 64)):
        raise DataError(f"{path} has samples of {counted(bits, 'bit')}: write it with 16, or as fractions of 32.")
    if not 1 <= channels <= MOST_CHANNELS or not rate or block != channels * bits // 8:
        raise DataError(f"{path} is damaged: {counted(channels, 'channel')} of {bits} bits in {block} bytes, "
                        f"{rate:,} times a second.")
    return code, channels, rate, bits


def _samples(data: bytes, at: int, length: int, form: tuple[int, int, int, int], path: Path) -> np.ndarray:
    code, channels, _, bits = form
    block = channels * bits // 8
    if length < block:
        raise DataError(f"{path} has no sound: it holds no sample.")
    n = length // block * channels
    values: np.ndarray
    if code == FLOAT:
        with np.errstate(over="ignore"):  # beyond float32: refused below
            values = np.frombuffer(data, "<f4" if bits == 32 else "<f8", n, at).astype(np.float32)
        if not np.isfinite(values).all():
            raise DataError(f"{path} is damaged: {counted(int((~np.isfinite(values)).sum()), 'sample')} of it "
                            "are no finite numbers.")
    elif bits == 8:
        values = (np.frombuffer(data, np.uint8, n, at).astype(np.float32) - 128) / 128
    elif bits == 24:
        wide = np.zeros((n, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8, 3 * n, at).reshape(-1, 3)
        values = wide.view("<i4").ravel().astype(np.float32) / 2**31
    else:
        values = np.frombuffer(data, f"<i{bits // 8}", n, at).astype(np.float32) / 2 ** (bits - 1)
    return values.reshape(-1, channels)
