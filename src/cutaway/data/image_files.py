"""Many image files -> one array: every header is looked at first, threads decode, and damaged files are named."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from cutaway.data.cells import counted
from cutaway.data.pillow import WAYS, Header, decode, need_pillow, read_header, why
from cutaway.errors import DataError

SUFFIXES = (".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff",
            ".webp")  # fmt: skip


@dataclass(frozen=True)
class Damage:
    """Why a file is no usable image."""

    reason: str


def decode_files(
    paths: list[str], names: list[str], size: tuple[int, int] | None, fit: str, mode: str | None, skip_damaged: bool
) -> tuple[np.ndarray, list[int], list[str]]:
    """The images in the files as uint8 (n, height, width, 1 or 3), the places in `paths` of those read, and notes.

    Raises DataError that names every damaged file (skipped if asked), or two files of different sizes without `size`.
    """
    need_pillow()
    headers = _each(read_header, paths)
    good = {i: header for i, header in enumerate(headers) if isinstance(header, Header)}
    if not good:
        raise _damaged(names, headers, "None is left: fetch them again.")
    grey = mode == "grey" or (mode is None and all(header.grey for header in good.values()))
    height, width = size or _one_size(good, names)
    X = _room_for(len(paths), height, width, 1 if grey else 3)

    def fill(i: int) -> Damage | None:
        if i not in good:
            return headers[i]
        X[i] = decode(paths[i], grey, size, fit)
        return None

    outcomes = _each(fill, range(len(paths)))
    kept = [i for i, outcome in enumerate(outcomes) if outcome is None]
    notes = _notes([good[i] for i in kept], grey, (height, width), fit)
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


def _each(read: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
    """read(item) for every item, on a few threads; a Damage where it fails."""
    from concurrent.futures import ThreadPoolExecutor

    from PIL import Image

    items = list(items)
    threads = min(8, os.cpu_count() or 1)
    size = max(1, min(32, len(items) // (4 * threads)))  # small images are too quick to hand out one by one
    chunks = [items[start : start + size] for start in range(0, len(items), size)]
    with warnings.catch_warnings():  # holds for all threads
        warnings.simplefilter("ignore", UserWarning)  # Pillow's, of notes beside the pixels
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with ThreadPoolExecutor(threads) as pool:
            return [found for part in pool.map(lambda part: [_attempt(read, item) for item in part], chunks)
                    for found in part]  # fmt: skip


def _attempt(read: Callable[[Any], Any], item: Any) -> Any:
    try:
        return read(item)
    except Exception as reason:  # what a decoder raises for a damaged file is anybody's guess
        return Damage(why(reason))


def _one_size(headers: dict[int, Header], names: list[str]) -> tuple[int, int]:
    sizes = {i: (header.height, header.width) for i, header in headers.items()}
    return one_size(sizes, names)


def one_size(sizes: dict[int, tuple[int, int]], names: list[str]) -> tuple[int, int]:
    """The size that all images share; an error that names two of them where they differ."""
    times = Counter(sizes.values())
    (usual, _), *others = times.most_common()
    if not others:
        return usual
    odd = others[0][0]
    places = {size: i for i, size in reversed(sizes.items())}
    raise DataError(
        f"The images have {counted(len(times), 'different size')}: {names[places[usual]]} has {size_words(*usual)} "
        f"(height x width), {names[places[odd]]} {size_words(*odd)}. Say which size all are brought to: "
        f"size=({usual[0]}, {usual[1]}) (--size {usual[0]}x{usual[1]})."
    )


def _room_for(n: int, height: int, width: int, channels: int) -> np.ndarray:
    try:
        return np.empty((n, height, width, channels), np.uint8)
    except (MemoryError, ValueError) as reason:
        need = n * height * width * channels / 1e9
        raise DataError(
            f"{counted(n, 'image')} of {size_words(height, width)} need {need:,.0f} GB of memory: give a smaller size, "
            "such as size=(128, 128) (--size 128x128)."
        ) from reason


def _notes(headers: list[Header], grey: bool, size: tuple[int, int], fit: str) -> list[str]:
    told = {
        f"brought to {size_words(*size)} ({WAYS[fit]})": lambda h: (h.height, h.width) != size,
        "in grey read as colour, like the rest": lambda h: h.grey and not grey,
        "in colour read as grey": lambda h: grey and not h.grey,
        "with transparency laid over white": lambda h: h.alpha,
        "of more than 8 bits reduced to 256 levels": lambda h: h.deep,
        "in files of several: only the first is read": lambda h: h.frames,
    }
    counts = {words: sum(map(test, headers)) for words, test in told.items()}
    return [f"{counted(count, 'image')} {words}" for words, count in counts.items() if count]


def _list_damaged(names: list[str], outcomes: list[Any], most: int = 5) -> str:
    damaged = [(name, found.reason) for name, found in zip(names, outcomes, strict=True) if isinstance(found, Damage)]
    more = f"; and {len(damaged) - most:,} more" if len(damaged) > most else ""
    listed = "; ".join(f"{name} ({reason})" for name, reason in damaged[:most])
    return f"{len(damaged):,} of {counted(len(names), 'image')}, which cannot be read: {listed}{more}"


def _damaged(names: list[str], outcomes: list[Any], advice: str) -> DataError:
    words = _list_damaged(names, outcomes).replace(", which cannot be read", " cannot be read")
    return DataError(f"{words}. {advice}")
