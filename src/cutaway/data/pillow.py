"""One image through Pillow: what its header says, its pixels upright, its size; and what is refused."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DataError
from ..text import no_path
from . import old_pillow
from .formats import IMAGE
from .limits import LONGEST_SIDE, MOST_BYTES, MOST_PIXELS, MOST_SCANNED

if TYPE_CHECKING:
    from PIL.Image import Image

#: Parts of Pillow, named after the formats that they decode by themselves, without starting another program.
PLUGINS = ("Bmp", "Gif", "Jpeg", "Png", "Ppm", "Tiff", "WebP")
FORMATS = tuple(map(str.upper, PLUGINS))
DEEP = ("I", "F")
ALPHA = ("LA", "PA", "RGBA", "La", "RGBa")
#: The EXIF orientations and the turn that puts each upright; from 5 on, width and height change places.
TURNS = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE", 6: "ROTATE_270", 7: "TRANSVERSE",
         8: "ROTATE_90"}
#: A segment of a JPEG begins with a marker; 0xff in its pixels is followed by 0 or the number of a restart.
MARKER, START_OF_SCAN, END_OF_IMAGE = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])"), b"\xda", b"\xd9"
HEADERS = 3 * b"Exif\0\0"  # Pillow before 13 peels such headers off one by one, each time all that follows is copied
WAYS = {"crop": "the centre cut out", "pad": "margins added", "stretch": "stretched"}


@dataclass(frozen=True)
class ImageHeader:
    """What a file says of its image before any pixel is decoded; height and width are those of the upright image.

    deep: it is grey of more than 8 bits, or signed; cut: it is colour of 16 bits, the upper 8 of which Pillow reads.
    """

    height: int
    width: int
    grey: bool
    alpha: bool
    deep: bool
    frames: bool
    mode: str = "L"
    cut: bool = False


class Unusable(Exception):
    """An image that Pillow can read and this file refuses."""


def need_pillow() -> None:
    """Load Pillow and what decodes our formats; left alone it would load everything that it has."""
    try:
        import PIL.Image  # noqa: F401

        for plugin in PLUGINS:
            import_module(f"PIL.{plugin}ImagePlugin")
    except ImportError as missing:
        raise DataError(f"Images are read by Pillow, which is missing: {IMAGE.missing}.") from missing


@contextmanager
def opened(path: str) -> Iterator[Image]:
    """The image in a file, undecoded; files that would cost too much are refused."""
    from PIL import Image

    try:
        status = os.stat(path)
    except ValueError as reason:
        raise Unusable(no_path(path, reason)) from None
    if not stat.S_ISREG(status.st_mode):
        raise Unusable("not a file")  # opening a pipe would wait forever
    if status.st_size == 0:
        raise Unusable("an empty file")
    if status.st_size > MOST_BYTES:
        raise Unusable(f"{status.st_size:,} bytes, more than the {MOST_BYTES:,} that are read")
    # Given a path, Pillow 13 maps an uncompressed TIFF into memory, and scrambles one that is stored on its side.
    with open(path, "rb") as file:
        if old_pillow.is_old():
            content = file.read()
            if hole := old_pillow.hole(content):
                raise Unusable(hole)
        with Image.open(file, formats=FORMATS) as image:
            refuse_bomb(image)
            if old_pillow.is_old() and (hole := old_pillow.differs(image, content)):
                raise Unusable(hole)
            yield image


def read_header(path: str) -> ImageHeader:
    with opened(path) as image:
        deep = _deep(image)
        turned = _orientation(image) >= 5
        return ImageHeader(
            height=image.width if turned else image.height,
            width=image.height if turned else image.width,
            grey=image.mode in ("1", "L", "LA", "La") or deep or (image.mode == "P" and _grey_palette(image)),
            alpha=_transparent(image),
            deep=deep,
            frames=image.format != "MPO" and getattr(image, "is_animated", False),
            mode=image.mode,
            cut=not deep and _more_than_eight_bits(image),
        )


def decode_numbers(path: str, size: tuple[int, int] | None, fit: str) -> np.ndarray:
    """Read one deep grey file's image, upright, as (height, width) numbers of its own range; float32 if resized."""
    from PIL import Image

    with opened(path) as image:
        turn = TURNS.get(_orientation(image))
        values = _values(image)
        if not turn and not size:
            return values
        plain = Image.fromarray(values.astype(np.float32))
        if turn:
            plain = plain.transpose(getattr(Image.Transpose, turn))
        return np.asarray(fitted(plain, size, fit)) if size else np.asarray(plain).astype(values.dtype)


def decode(path: str, grey: bool, size: tuple[int, int] | None, fit: str,
           seen: list[tuple[float, float]]) -> np.ndarray:
    """Read one file's image, upright, as uint8 (height, width, 1 or 3); `seen` gets the range of one of more bits."""
    from PIL import Image

    with opened(path) as image:
        turn = TURNS.get(_orientation(image))
        if image.format in ("JPEG", "MPO"):
            refuse_scans(image, Path(path).read_bytes())
        if size:
            image.draft(None, (2 * max(size), 2 * max(size)))  # a JPEG can be decoded at a fraction of its size
        plain = _eight_bits_a_channel(image, "L" if grey else "RGB", seen)
        if turn:
            plain = plain.transpose(getattr(Image.Transpose, turn))
        if size:
            plain = fitted(plain, size, fit)
        return np.asarray(plain).reshape(plain.height, plain.width, 1 if grey else 3)


def fitted(image: Image, size: tuple[int, int], fit: str) -> Image:
    """The image at the size (height, width): its centre cut out, margins added, or stretched."""
    from PIL import Image

    height, width = size
    if (image.height, image.width) == size:
        return image
    if fit == "pad":
        scale = min(height / image.height, width / image.width)
        inner = max(1, round(image.height * scale)), max(1, round(image.width * scale))
        inside = fitted(image, inner, "stretch")
        padded = Image.new(image.mode, (width, height), _border(inside))
        padded.paste(inside, ((width - inside.width) // 2, (height - inside.height) // 2))
        return padded
    w, h = float(image.width), float(image.height)
    if fit == "crop":
        w, h = min(w, h * width / height), min(h, w * height / width)
    left, top = (image.width - w) / 2, (image.height - h) / 2
    box = left, top, min(left + w, image.width), min(top + h, image.height)
    return image.resize((width, height), Image.Resampling.BILINEAR, box=box)


def fitted_array(pixels: np.ndarray, size: tuple[int, int], fit: str) -> np.ndarray:
    """Fit an array (height, width, channels) as `fitted` does an image; anything but uint8 becomes float32."""
    from PIL import Image

    if pixels.dtype != np.uint8:
        pixels = pixels.astype(np.float32)
    channels = [Image.fromarray(np.ascontiguousarray(channel)) for channel in np.moveaxis(pixels, -1, 0)]
    return np.stack([np.asarray(fitted(channel, size, fit)) for channel in channels], axis=-1)


def refuse_bomb(image: Image) -> None:
    if image.height * image.width > MOST_PIXELS:
        raise Unusable(_too_many(image.height * image.width))
    if max(image.size) > LONGEST_SIDE:
        raise Unusable(f"{max(image.size):,} pixels along a side, more than the {LONGEST_SIDE:,} that are read")


def refuse_scans(image: Image, jpeg: bytes) -> None:
    """Refuse a JPEG of very many scans: each goes over all pixels, and a few megabytes could do so for days."""
    scans = scans_of(jpeg)
    if scans * image.height * image.width > MOST_SCANNED:
        raise Unusable(f"{scans:,} scans of {image.height * image.width:,} pixels would take too long: save it anew")


def scans_of(jpeg: bytes) -> int:
    """Count a JPEG file's passes over its pixels: its segments of the kind start-of-scan (ITU-T T.81, annex B)."""
    scans, at = 0, 2
    while (marker := MARKER.search(jpeg, at)) and marker[1] != END_OF_IMAGE:
        scans += marker[1] == START_OF_SCAN
        at = marker.end() + int.from_bytes(jpeg[marker.end() : marker.end() + 2], "big")
    return scans


def _too_many(pixels: int) -> str:
    return f"{pixels:,} pixels, more than the {MOST_PIXELS:,} that are read: make it smaller"


def why(reason: Exception) -> str:
    """Say to people why a file gave no image."""
    from PIL import Image, UnidentifiedImageError

    if isinstance(reason, UnidentifiedImageError):
        return "no image in a known format"
    if isinstance(reason, Image.DecompressionBombWarning | Image.DecompressionBombError):
        pixels = re.search(r"\((\d+) pixels", str(reason))
        return _too_many(int(pixels[1]) if pixels else 2 * MOST_PIXELS)
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror[:1].lower() + reason.strerror[1:]
    return str(reason) or type(reason).__name__


# --- the pixels -------------------------------------------------------------------------------------------------------


def _orientation(image: Image) -> int:
    if image.format == "TIFF" or (image.format == "PNG" and "exif" not in image.info):
        return 1  # Pillow turns TIFF itself; asking a PNG without the entry would decode it
    try:
        if (image.info.get("exif") or b"").startswith(HEADERS):
            return 1
        return int(image.getexif().get(0x0112, 1))
    except Exception:  # damaged EXIF data says nothing; the image itself may be well
        return 1


def _transparent(image: Image) -> bool:
    return image.mode in ALPHA or ("transparency" in image.info and not image.mode.startswith(DEEP))


def _grey_palette(image: Image) -> bool:
    colours = np.array(image.getpalette()).reshape(-1, 3)
    return bool((colours == colours[:, :1]).all())


def _deep(image: Image) -> bool:
    return image.mode.startswith(DEEP) or _signed_bytes(image)


def _signed_bytes(image: Image) -> bool:
    """Whether a TIFF's bytes mean -128 to 127, which Pillow takes for 0 to 255."""
    return image.format == "TIFF" and image.mode == "L" and set(getattr(image, "tag_v2", {}).get(339, ())) == {2}


def _more_than_eight_bits(image: Image) -> bool:
    """Whether what a file holds of each channel is more than Pillow's bytes: colour of 16 bits."""
    tiles = [tile[3] for tile in getattr(image, "tile", ())]
    values = [arg for args in tiles for arg in (args if isinstance(args, tuple) else (args,))]
    return any(";16" in arg if isinstance(arg, str) else image.format == "PPM" and arg > 255 for arg in values if arg)


def _values(image: Image) -> np.ndarray:
    """The numbers of deep grey, finite ones."""
    values = np.asarray(image)
    if _signed_bytes(image):
        values = values.view(np.int8).astype(np.int32)
    if not np.isfinite(values).all():
        raise Unusable("it holds NaN or infinity")
    return values


def _eight_bits_a_channel(image: Image, mode: str, seen: list[tuple[float, float]]) -> Image:
    """Make an image one of eight bits a channel, without palette and alpha."""
    from PIL import Image

    if _deep(image):
        return _eight_bits(image, seen).convert(mode)
    if _transparent(image):
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    return image.convert(mode)


def _eight_bits(image: Image, seen: list[tuple[float, float]]) -> Image:
    """Bring 16-bit grey, or floating-point grey from 0 to 1, to 256 levels."""
    from PIL import Image

    values = _values(image)
    seen.append((float(values.min()), float(values.max())))
    most = 1.0 if image.mode == "F" else 65535
    if not ((values >= 0) & (values <= most)).all():
        raise Unusable(f"its values run from {values.min():g} to {values.max():g}, beyond 0 to {most:g}, where those "
                       "of others are bytes")
    return Image.fromarray(np.rint(values * (255.0 / most)).astype(np.uint8))


def _border(image: Image) -> Any:
    """The median colour along the image's edges: margins of it show least."""
    pixels = np.asarray(image)
    edges = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    median = np.median(edges, axis=0)
    if image.mode == "F":
        return float(median)
    return tuple(int(channel) for channel in median) if median.ndim else int(median)
