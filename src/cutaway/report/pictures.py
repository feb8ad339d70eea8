"""Images of a test in a page: some of each class and the worst mistakes, with what they are and were taken for."""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode
from typing import Any

import numpy as np

from ..inspect.pixels import Pixels, pixels_of

SIDE = 96  # pixels of the longer side, at most
SAMPLES, WORST = 12, 12
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def pictures(X: Any, y: np.ndarray, predicted: np.ndarray, probability: np.ndarray) -> dict[str, Any]:
    """Make {"samples", "worst", "scale"}: each image's file, truth, prediction, that one's probability, and a PNG.

    X: Images of the test. Samples are the first of each class in turn; the worst are wrong, the surest first.
    """
    sure = probability.max(axis=1)
    pixels = pixels_of(None, X.X, X.X)

    def entries(rows: Any) -> list[list[str]]:
        return [[X.names[i], str(y[i]), str(predicted[i]), f"{sure[i]:.2f}", png(X.X[i], pixels)] for i in rows]

    turn = np.zeros(len(y), int)  # 0 for the first image of its class, 1 for the second, ...
    for label in np.unique(y):
        own = np.flatnonzero(y == label)
        turn[own] = np.arange(len(own))
    samples = np.sort(np.argsort(turn, kind="stable")[:SAMPLES])
    wrong = np.flatnonzero(y != predicted)
    worst = wrong[np.argsort(-sure[wrong], kind="stable")][:WORST]
    return {"samples": entries(samples), "worst": entries(worst), "scale": " ".join(str(pixels).split())}


def png(image: np.ndarray, pixels: Pixels) -> str:
    """Make a small PNG of an image (height, width, channels) as a data address; of a large one every so many-th pixel.

    >>> png(np.zeros((2, 2, 3)), Pixels())[:22]
    'data:image/png;base64,'
    """
    step = max(1, -(-max(image.shape[:2]) // SIDE))
    shades = np.round(255 * np.nan_to_num(pixels(image[::step, ::step].astype(np.float64)))).astype(np.uint8)
    rows = shades.reshape(*shades.shape[:2], -1)
    height, width, channels = rows.shape
    kind = {1: 0, 3: 2, 4: 6}[channels]
    lines = np.hstack([np.zeros((height, 1), np.uint8), rows.reshape(height, -1)])  # no filter

    def part(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    body = part(b"IHDR", head) + part(b"IDAT", zlib.compress(lines.tobytes(), 9)) + part(b"IEND", b"")
    return f"data:image/png;base64,{b64encode(SIGNATURE + body).decode()}"
