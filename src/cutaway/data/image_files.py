"""Many image files -> one array: every header is looked at first, threads decode, and damaged files are named."""

from __future__ import annotations

import os
import threading
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import DataError
from ..text import counted, printable
from .limits import FEWEST_LEVELS, MOST_AT_ONCE
from .pillow import WAYS, ImageHeader, decode, decode_numbers, need_pillow, read_header, why


@dataclass(frozen=True)
class Damage:
    """Why a file is no usable image."""

    reason: str


def decode_files(paths: list[str], names: list[str], size: tuple[int, int] | None, fit: str, mode: str | None,
                 skip_damaged: bool, depth: str | None = None) -> tuple[np.ndarray, list[int], list[str]]:
    """The images in the files as (n, height, width, 1 or 3), the places in `paths` of those read, and notes.

    They are uint8, or where all are grey of more than 8 bits numbers of their own range; depth "bytes" or "numbers"
    decides it. Raises DataError that names every damaged file (skipped if asked), or two files of different sizes
    without `size`.
    """
    need_pillow()
    warned: dict[int, str] = {}
    headers = _each(lambda i: read_header(paths[i]), len(paths), warned)
    good = {i: header for i, header in enumerate(headers) if isinstance(header, ImageHeader)}
    if not good:
        raise _damaged(names, headers, "None is left: fetch them again.")
    grey = mode == "grey" or (mode is None and all(header.grey for header in good.values()))
    height, width = size or _one_size(good, names)
    deep = depth != "bytes" and all(header.deep for header in good.values())
    X = _room_for(len(paths), height, width, 1 if grey else 3, _type_of(good, size) if deep else np.dtype(np.uint8))
    seen: list[tuple[float, float]] = []

    def fill(i: int) -> Damage | None:
        if i not in good:
            return headers[i]
        pixels = decode_numbers(paths[i], size, fit)[..., None] if deep else decode(paths[i], grey, size, fit, seen)
        if pixels.shape[:2] != X.shape[1:3]:
            return Damage("it changed while it was read")
        X[i] = pixels
        return None

    largest = max(header.height * header.width for header in good.values())
    outcomes = _each(fill, len(paths), warned, at_once=MOST_AT_ONCE // largest)
    kept = [i for i, outcome in enumerate(outcomes) if outcome is None]
    if deep and kept:
        X = _narrowed(X, kept, depth)
        seen.append((float(X[kept].min()), float(X[kept].max())))
    bits = "reduced to 256 levels"
    if seen:
        low, high = min(low for low, _ in seen), max(high for _, high in seen)
        span, floating = f"{low:g} to {high:g}", any(header.mode == "F" for header in good.values())
        most = "1" if floating else "65,535"
        if depth is None and not deep and 0 < high - low < (1 if floating else 65535) / FEWEST_LEVELS:
            raise DataError(
                f"{counted(len(seen), 'image')} of more than 8 bits {'has' if len(seen) == 1 else 'have'} values from "
                f"{span}, and the others are bytes: where {most} becomes 255, hardly anything is left of them. Bring "
                "all to one scale first."
            )
        bits = f"with values from {span}" if X.dtype != np.uint8 else bits if deep else f"{span} of {most}, {bits}"
    notes = _notes([good[i] for i in kept], grey, (height, width), fit, bits)
    if odd := [f"{printable(names[i])} ({warned[i]:.100})" for i in kept if i in warned]:
        more = ", ..." if len(odd) > 3 else ""
        notes.append(f"{counted(len(odd), 'image')} with damage that Pillow reads past: {', '.join(odd[:3])}{more}")
    if len(kept) == len(paths):
        return X, kept, notes
    if not skip_damaged:
        raise _damaged(
            names, outcomes, "Fetch them again or remove them; or leave them out: skip_damaged=True (--skip-damaged)."
        )
    if not kept:
        raise _damaged(names, outcomes, "None is left: fetch them again.")
    return X[kept], kept, [f"skipped {_list_damaged(names, outcomes)}", *notes]


def size_words(height: int, width: int) -> str:
    return f"{height} x {width} pixels"


# --- many at once -----------------------------------------------------------------------------------------------------


def _each(read: Callable[[int], Any], count: int, warned: dict[int, str], at_once: int = 8) -> list[Any]:
    """Call read(i) for every i below `count`, on a few threads; Damage where it fails. `warned` gets Pillow's words."""
    from concurrent.futures import ThreadPoolExecutor

    from PIL import Image

    here = threading.local()

    def attempt(i: int) -> Any:
        here.i = i
        try:
            return read(i)
        except Exception as reason:  # what a decoder raises for a damaged file is anybody's guess
            return Damage(why(reason))

    usual = warnings.showwarning

    def heard(message: Any, *where: Any, **more: Any) -> None:
        if hasattr(here, "i"):
            warned.setdefault(here.i, str(message))
        else:  # from elsewhere in the process
            usual(message, *where, **more)

    threads = max(1, min(8, os.cpu_count() or 1, at_once))
    size = max(1, min(32, count // (4 * threads)))  # small images are too quick to hand out one by one
    chunks = [range(start, min(start + size, count)) for start in range(0, count, size)]
    with warnings.catch_warnings():  # holds for all threads
        warnings.simplefilter("always", UserWarning)
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        warnings.showwarning = heard
        with ThreadPoolExecutor(threads) as pool:
            return [found for part in pool.map(lambda chunk: list(map(attempt, chunk)), chunks) for found in part]


def _one_size(headers: dict[int, ImageHeader], names: list[str]) -> tuple[int, int]:
    sizes = {i: (header.height, header.width) for i, header in headers.items()}
    return one_size(sizes, names)


class SizesDiffer(DataError):
    """Images of different sizes, without a size that all are to be brought to."""


def one_size(sizes: dict[int, tuple[int, int]], names: list[str]) -> tuple[int, int]:
    """The size that all images share; an error that names two of them where they differ."""
    times = Counter(sizes.values())
    (usual, _), *others = times.most_common()
    if not others:
        return usual
    odd = others[0][0]
    first = {size: printable(names[i]) for i, size in reversed(sizes.items())}
    raise SizesDiffer(
        f"The images have {counted(len(times), 'different size')}: {first[usual]} has {size_words(*usual)} "
        f"(height x width), {first[odd]} {size_words(*odd)}. Say which size all are brought to: "
        f"size=({usual[0]}, {usual[1]}) (--size {usual[0]}x{usual[1]})."
    )


def _type_of(headers: dict[int, ImageHeader], size: tuple[int, int] | None) -> np.dtype:
    """The type that holds the numbers of deep images."""
    modes = {header.mode for header in headers.values()}
    if size or "F" in modes:
        return np.dtype(np.float32)
    return np.dtype(np.uint16 if all(mode.startswith("I;16") for mode in modes) else np.int32)


def _narrowed(X: np.ndarray, kept: list[int], depth: str | None) -> np.ndarray:
    """Give deep images the smallest type that loses nothing: bytes, where the 256 levels of bytes are all they have."""
    some = X if len(kept) == len(X) else X[kept]
    low, high = float(some.min()), float(some.max())
    if X.dtype == np.int32 and low >= 0 and high <= 65535:
        X = X.astype(np.uint16)
    if depth is None and low >= 0 and high <= (65535 if X.dtype == np.uint16 else 1):
        level = 257 if X.dtype == np.uint16 else np.float32(1 / 255)
        levels = np.empty(X.shape, np.uint8)
        for pixels, out in zip(X, levels, strict=True):
            np.rint(pixels / level, out=out, casting="unsafe")
            if not np.isclose(out * np.float64(level), pixels, rtol=0, atol=level * 1e-4).all():
                return X
        return levels
    return X


def _room_for(n: int, height: int, width: int, channels: int, dtype: np.dtype) -> np.ndarray:
    need = n * height * width * channels * dtype.itemsize
    try:
        if need > _memory():  # the system may promise what it cannot give
            raise MemoryError
        return np.empty((n, height, width, channels), dtype)
    except (MemoryError, ValueError) as reason:
        raise DataError(
            f"{counted(n, 'image')} of {size_words(height, width)} need {need / 1e9:,.0f} GB of memory: give a smaller "
            "size, such as size=(128, 128) (--size 128x128)."
        ) from reason


def _memory() -> float:
    """The bytes of memory that this machine has, as far as it says."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError):
        return float("inf")


def _notes(headers: list[ImageHeader], grey: bool, size: tuple[int, int], fit: str, bits: str) -> list[str]:
    changes = {
        f"brought to {size_words(*size)} ({WAYS[fit]})": lambda h: (h.height, h.width) != size,
        "in grey read as colour, like the rest": lambda h: h.grey and not grey,
        "in colour read as grey": lambda h: grey and not h.grey,
        "with transparency laid over white": lambda h: h.alpha,
        f"of more than 8 bits {bits}": lambda h: h.deep,
        "in colour of 16 bits, the upper 8 of which are read": lambda h: h.cut,
        "in files of several: only the first is read": lambda h: h.frames,
    }
    counts = {words: sum(map(test, headers)) for words, test in changes.items()}
    return [f"{counted(count, 'image')} {words}" for words, count in counts.items() if count]


def _list_damaged(names: list[str], outcomes: list[Any], most: int = 5) -> str:
    pairs = zip(names, outcomes, strict=True)
    damaged = [(printable(name), found.reason) for name, found in pairs if isinstance(found, Damage)]
    more = f"; and {len(damaged) - most:,} more" if len(damaged) > most else ""
    listed = "; ".join(f"{name} ({reason})" for name, reason in damaged[:most])
    return f"{len(damaged):,} of {counted(len(names), 'image')}, which cannot be read: {listed}{more}"


def _damaged(names: list[str], outcomes: list[Any], advice: str) -> DataError:
    words = _list_damaged(names, outcomes).replace(", which cannot be read", " cannot be read")
    return DataError(f"{words}. {advice}")
