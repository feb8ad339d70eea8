"""What Pillow before 13 is not shown: files in which it has holes that 13 mended, told from their bytes.

Floors of apps that hold Pillow below 13 (gradio 6) leave 12.3. Its reading of TIFF writes and reads beyond its memory
(tiles, YCbCr, short strips), comments of GIF and runs of BMP take time and memory without bound; a JPEG whose decoder
finds other sizes than Pillow told writes beyond its memory, and EXIF headers in a row are peeled off one by one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .limits import MOST_EXIF

if TYPE_CHECKING:
    from PIL.Image import Image

REFUSED = {b"II*\0": "TIFF", b"MM\0*": "TIFF", b"II+\0": "TIFF", b"MM\0+": "TIFF", b"GIF8": "GIF"}
JPEG, EXIF, SCAN = b"\xff\xd8", 0xE1, 0xDA
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # a frame header's markers (ITU-T T.81, table B.1)
MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])")


def is_old() -> bool:
    import PIL

    return int(PIL.__version__.split(".")[0]) < 13


def hole(content: bytes) -> str | None:
    """Say why this file is not opened, if it is not: to be asked before Pillow sees it."""
    kind = REFUSED.get(content[:4])
    if content.startswith(JPEG):
        sizes, exif = _jpeg(content)
        if len(sizes) != 1 or exif > MOST_EXIF:
            kind = f"JPEG of {len(sizes)} frames and {exif} EXIF segments"
    return kind and _words(kind)


def differs(image: Image, content: bytes) -> str | None:
    """Say why this image, opened, is not decoded, if it is not."""
    tiles = getattr(image, "tile", None)
    if tiles and tiles[0][0] == "bmp_rle":
        return _words("packed BMP")
    if content.startswith(JPEG) and _jpeg(content)[0] != [image.size]:
        return _words("JPEG with sizes that differ")
    return None


def _jpeg(content: bytes) -> tuple[list[tuple[int, int]], int]:
    """Find width and height of each frame before the first scan, as the decoder does, and count the EXIF segments."""
    sizes, exif, at = [], 0, 2
    while (marker := MARKER.search(content, at)) and marker[1][0] != SCAN:
        at = marker.end()
        if marker[1][0] in FRAMES:
            height, width = (int.from_bytes(content[at + k : at + k + 2], "big") for k in (3, 5))
            sizes.append((width, height))
        exif += marker[1][0] == EXIF and content[at + 2 : at + 6] == b"Exif"
        at += int.from_bytes(content[at : at + 2], "big")
    return sizes, exif


def _words(kind: str) -> str:
    import PIL

    return f"{kind}, in which Pillow {PIL.__version__} has known holes: pip install 'pillow>=13', or save it as PNG"
