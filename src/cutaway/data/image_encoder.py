"""ImageEncoder: learns the size, channels and brightness of the training images, then standardises images like them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..errors import ArgumentError, DataError, FileError, ShapeError
from ..text import counted
from .doubts import Doubt, Doubts, range_doubts
from .image_arrays import CHANNELS, as_pixels, channel_words, image_words
from .image_files import SizesDiffer
from .images import Images, read_images, size_of
from .limits import HUGE_PIXEL as HUGE
from .limits import MOST_PIXELS, ROUNDING_OF_OTHERS, ROUNDING_OF_SINGLE, UNIT
from .limits import PIXELS_AT_ONCE as BLOCK
from .limits import TINY_DEVIATION as TINY
from .limits import WIDE_RANGE as WIDE
from .pillow import WAYS
from .reading import is_frame
from .weights import none_if_equal

NAMES = {1: ["grey"], 3: ["red", "green", "blue"]}


class ImageEncoder:
    """Standardise images (n, height, width, channels) by the training images' mean and deviation of each channel.

        z = (x - mean) / deviation          x = byte / 255, or the number itself where images are not of bytes

    Takes arrays (n, height, width) or (n, height, width, channels), `Images`, and all that `read_images` reads: what
    it reads is brought to the size and channels of training, if those were asked for there.

    >>> import numpy as np
    >>> from cutaway.data import ImageEncoder
    >>> X = np.zeros((2, 28, 28), np.uint8)
    >>> X[:, 14:] = 255
    >>> encoder = ImageEncoder()
    >>> Z = encoder.fit_transform(X)
    >>> Z.shape, Z[0, 0, 0, 0], Z[0, 27, 0, 0]
    ((2, 28, 28, 1), np.float32(-1.0), np.float32(1.0))
    >>> encoder.describe()
    ["28 x 28 pixels, grey, scaled by the training images' mean 0.5 and deviation 0.5"]
    """

    height: int
    width: int
    channels: int
    #: The type and the range of the training images as they came; None in old model files.
    dtype: str | None = None
    span: tuple[float, float] | None = None
    #: The means of the darkest and of the brightest training image, by channel, on the scale of `mean`.
    brightness: list[list[float]] | None = None

    def fit(self, X: Any, weights: Any = None) -> ImageEncoder:
        """Learn from X, images (n, height, width, channels); images count as much as their weights (n,).

        Raises DataError for images that are all one colour, ShapeError for arrays that are no images.
        """
        images = X if isinstance(X, Images) else read_images(X)
        pixels = images.X
        weights = _weights(weights, len(pixels))
        scale = 255.0 if pixels.dtype == np.uint8 else 1.0
        means, variances, low, high = _moments(pixels, weights > 0)
        weights = weights[weights > 0] / weights.sum()
        mean = weights @ means
        variance = weights @ (variances + np.square(means - mean))
        rounding = ROUNDING_OF_SINGLE if pixels.dtype.name in ("uint8", "float16", "float32") else ROUNDING_OF_OTHERS
        flat = ~(variance > np.square(rounding * np.maximum(np.abs(mean), scale * 1e-6)))
        if flat.all():
            raise DataError(f"The images cannot be learnt from: {_sameness(images, low, high)}.")
        self.height, self.width, self.channels = pixels.shape[1:]
        self.mean = mean / scale
        self.deviation = np.where(flat, 1.0, np.sqrt(variance) / scale)
        self.low, self.high = (0.0, 1.0) if scale == 255 else (low, high)
        self.resized, self.mode = images.fit, images.mode
        self.dtype, self.span = pixels.dtype.name, (low, high)
        self.brightness = [[float(m.min()), float(m.max())] for m in means.T / scale]
        return self

    def transform(self, X: Any, dtype: Any = np.float32) -> np.ndarray:
        """The images of X standardised: (n, height, width, channels).

        Raises ShapeError where size or channels differ from training, DataError for NaN, infinity or another scale.
        """
        self._check_fitted()
        pixels = self._pixels(X)
        self._check_shape(pixels)
        self._check_scale(pixels)
        scale = 255.0 if pixels.dtype == np.uint8 or self._of_masks else 1.0
        mean, rate = self.mean * scale, np.asarray(1 / (self.deviation * scale), dtype)
        out = np.empty(pixels.shape, dtype)
        for rows in _blocks(pixels):
            # In float64: a mean far above the deviation would leave few digits.
            np.subtract(pixels[rows], mean, out=out[rows], dtype=np.float64, casting="unsafe")
            out[rows] *= rate
        return out

    def doubts(self, X: Any) -> Doubts:
        """Find images that have pixels outside the range of training's, or are darker or brighter than all."""
        self._check_fitted()
        pixels = self._pixels(X)
        self._check_shape(pixels)
        scale = 255.0 if pixels.dtype == np.uint8 or self._of_masks else 1.0
        each = [(block.min(axis=(1, 2, 3)), block.max(axis=(1, 2, 3)), block.mean(axis=(1, 2), dtype=np.float64))
                for block in (pixels[rows] for rows in _blocks(pixels))]
        least, most, means = (np.concatenate(part).astype(np.float64) / scale for part in zip(*each, strict=True))
        found: list[Doubt] = []
        if self.span is not None and self.dtype != "uint8":
            low, high = self.span
            found += range_doubts("pixels", np.where(least < low, least, most), low, high)
        for c, name in enumerate(self.feature_names if self.brightness is not None else ()):
            what = "brightness" if self.channels == 1 else f"{name}, its mean"
            found += range_doubts(what, means[:, c], *(self.brightness or [])[c])
        return Doubts(len(pixels), found)

    def fit_transform(self, X: Any, weights: Any = None, dtype: Any = np.float32) -> np.ndarray:
        images = X if isinstance(X, Images) else read_images(X)
        return self.fit(images, weights).transform(images, dtype)

    def read(self, source: Any, labels: Any = None, skip_damaged: bool = False, *, files: str | None = None,
             size: Any = None, mode: str | None = None) -> Images:
        """Read images as those of training were read: `read_images` with its size, fit and channels.

        Where training needed no resizing, neither do these; grey files are read as colour for a network of colour, and
        those of more than 8 bits as bytes if training had bytes, else as numbers. `size` and `mode` overrule that:
        the size must be that of training.
        """
        self._check_fitted()
        own = self.height, self.width
        if (size := size_of(size)) not in (None, own):
            raise ArgumentError(f"size is {size[0]} x {size[1]}, but the model takes {self._at_size()}")
        size = size if self.resized is None else own
        mode = mode or ("colour" if self.channels == 3 else self.mode)
        depth = "bytes" if self.dtype in (None, "uint8") else "numbers"
        fit = self.resized or "crop"
        try:
            return read_images(source, labels, size, mode, skip_damaged, files=files, fit=fit, depth=depth)
        except SizesDiffer as reason:
            text = str(reason).partition(": Say")[0].partition(". Say")[0]
            raise DataError(f"{text}. Those of training are {self._at_size()}") from reason

    def _at_size(self) -> str:
        size = f"{self.height} x {self.width}"
        how = f"read_images(..., size=({self.height}, {self.width})) (--size {self.height}x{self.width})"
        return f"{size}: {how} brings them to that size."

    @property
    def shape(self) -> tuple[int, int, int]:
        """What the network takes: height and width in pixels, and channels."""
        return self.height, self.width, self.channels

    @property
    def feature_names(self) -> list[str]:
        """The names of the channels: grey, or red, green and blue."""
        return NAMES.get(self.channels) or [f"channel {c}" for c in range(self.channels)]

    def describe(self) -> list[str]:
        """Say what was learnt: a line for all images, and one for each channel if there are several."""
        self._check_fitted()
        size = image_words(self.shape)
        if self.resized is not None:
            size = f"{size}, resized ({WAYS[self.resized]})"
        digits = ".3g"
        if self.span is not None and self.dtype != "uint8":
            size, digits = f"{size}, {depth_words(self.dtype)}, values {self.span[0]:.6g} to {self.span[1]:.6g}", ".6g"
        pairs = zip(self.mean, self.deviation, strict=True)
        scaled = [f"mean {m:{digits}} and deviation {d:{digits}}" for m, d in pairs]
        if self.channels == 1:
            return [f"{size}, scaled by the training images' {scaled[0]}"]
        lines = [f"{name}: {words}" for name, words in zip(self.feature_names, scaled, strict=True)]
        return [f"{size}, each channel scaled by the training images' mean and deviation", *lines]

    def to_json(self) -> dict[str, Any]:
        """Give everything fitted as plain dicts, lists, numbers and strings."""
        self._check_fitted()
        looked: dict[str, Any] = {} if self.span is None else {"dtype": self.dtype, "span": list(self.span)}
        looked |= {} if self.brightness is None else {"brightness": self.brightness}
        return looked | {
            "height": self.height, "width": self.width, "channels": self.channels,
            "mean": self.mean.tolist(), "deviation": self.deviation.tolist(),
            "low": self.low, "high": self.high, "resized": self.resized, "mode": self.mode,
        }

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> ImageEncoder:
        """The encoder that `to_json` described. Raises FileError for a description that it cannot have written."""
        if not isinstance(state, dict) or set(state) - LATER != FIELDS:
            raise FileError(f"the image encoder's description must have the entries {', '.join(sorted(FIELDS))}")
        encoder = cls()
        for name in ("height", "width", "channels"):
            setattr(encoder, name, _valid(state, name, type(state[name]) is int and 1 <= state[name] <= MOST_PIXELS))
        _valid(state, "height", encoder.height * encoder.width <= MOST_PIXELS)
        for name in ("mean", "deviation"):
            numbers = state[name] if isinstance(state[name], list) else []
            good = len(numbers) == encoder.channels and all(map(_finite, numbers))
            setattr(encoder, name, np.array(_valid(state, name, good), np.float64))
        _valid(state, "deviation", bool((encoder.deviation > TINY).all()))
        for name in ("low", "high"):
            setattr(encoder, name, float(_valid(state, name, _finite(state[name]))))
        encoder.resized = _valid(state, "resized", _one_of(state["resized"], WAYS))
        encoder.mode = _valid(state, "mode", _one_of(state["mode"], CHANNELS))
        if {"dtype", "span"} & set(state):
            state = dict.fromkeys(LATER) | state
            encoder.dtype = _valid(state, "dtype", isinstance(state["dtype"], str) and state["dtype"] in DEPTHS)
            encoder.span = tuple(_valid(state, "span", _is_range(state["span"])))
        if state.get("brightness") is not None:
            pairs = state["brightness"] if isinstance(state["brightness"], list) else []
            good = len(pairs) == encoder.channels and all(map(_is_range, pairs))
            encoder.brightness = _valid(state, "brightness", good)
        return encoder

    def __repr__(self) -> str:
        return f"ImageEncoder({image_words(self.shape)})" if hasattr(self, "mean") else "ImageEncoder()"

    def _pixels(self, X: Any) -> np.ndarray:
        if hasattr(X, "ndim") and not is_frame(X):
            return as_pixels(X)
        return (X if isinstance(X, Images) else self.read(X)).X

    def _check_fitted(self) -> None:
        if not hasattr(self, "mean"):
            raise ArgumentError("This ImageEncoder has seen no images yet: call fit(X) first.")

    def _check_shape(self, pixels: np.ndarray) -> None:
        height, width, channels = pixels.shape[1:]
        if channels != self.channels:
            raise ShapeError(
                f"The images are {channel_words(channels)}, those of training {channel_words(self.channels)}: "
                f"{_remedy(channels, self.channels)}"
            )
        if (height, width) != (self.height, self.width):
            raise ShapeError(
                f"The images are {height} x {width} pixels (height x width), those of training {self._at_size()}"
            )

    def _check_scale(self, pixels: np.ndarray) -> None:
        """Refuse a mix of images of bytes and of other numbers, except where both mean 0 to 1."""
        unit = UNIT[0] <= self.low and self.high <= UNIT[1]
        if pixels.dtype == np.uint8:
            if not unit:
                raise DataError(
                    f"The images are bytes, those of training other numbers, from {self.low:g} to {self.high:g}: bring "
                    "them to that scale and type."
                )
            most = pixels.max(initial=0)
            if most > 1 and self._of_masks:
                raise DataError(
                    f"The images are bytes from 0 to {most}, those of training bytes of 0 and 1 only: bring them to "
                    "that scale."
                )
            if most == 1 and self.dtype not in (None, "uint8") and self.high > 0.5:
                raise DataError(
                    "The images are bytes of 0 and 1 only, which is next to black beside the 255 that bytes go to; "
                    f"those of training are numbers from {self.low:g} to {self.high:g}: give them as such."
                )
            return
        lowest, highest = np.inf, -np.inf
        for rows in _blocks(pixels):
            low, high = _range(pixels[rows], np.arange(rows.start, rows.stop))
            lowest, highest = min(low, lowest), max(high, highest)
            if unit and (low < UNIT[0] or high > UNIT[1]):
                raise DataError(
                    f"The images have values from {low:g} to {high:g}, those of training from {self.low:g} to "
                    f"{self.high:g}: scale them alike; if these are 0 to 255, X.astype('uint8') is enough."
                )
        if 0 <= lowest < highest <= 1 and self.high - self.low > WIDE:
            raise DataError(
                f"The images have values from {lowest:g} to {highest:g}, those of training from {self.low:g} to "
                f"{self.high:g}: scale them alike."
            )

    @property
    def _of_masks(self) -> bool:
        """Whether the training images were bytes of 0 and 1 only: other numbers are then the same 0 and 1."""
        return self.dtype == "uint8" and self.span is not None and self.span[1] <= 1


#: The types that images may have, in words.
DEPTHS = {"uint8": "8 bits", "uint16": "16 bits", "uint32": "32 bits", "uint64": "64 bits", "int8": "8 bits, signed",
          "int16": "16 bits, signed", "int32": "32 bits, signed", "int64": "64 bits, signed",
          "float16": "16 bits, floating", "float32": "32 bits, floating", "float64": "64 bits, floating",
          "longdouble": "floating", "float128": "floating"}
#: What model files have had from the beginning, and what later ones have, too.
LATER = {"dtype", "span", "brightness"}
FIELDS = {"height", "width", "channels", "mean", "deviation", "low", "high", "resized", "mode"}


def _valid(state: dict[str, Any], name: str, good: bool) -> Any:
    if not good:
        raise FileError(f"the image encoder's {name} cannot be {state[name]!r:.60}")
    return state[name]


def _finite(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < HUGE


def _is_range(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_finite, value)) and value[0] <= value[1]


def _one_of(value: Any, choices: dict[str, Any]) -> bool:
    return value is None or (isinstance(value, str) and value in choices)


def depth_words(dtype: str | None) -> str:
    return DEPTHS.get(dtype or "", dtype or "numbers")


def _sameness(images: Images, low: float, high: float) -> str:
    """Say why images all look alike; they are called the same only if they are."""
    many = f"all {len(images):,}"
    if cut := [note for note in images.notes if "the upper 8" in note]:
        return f"every pixel of {many} is the same in what was read ({cut[0]}): give arrays, with all their bits"
    if low < high:
        return f"the pixels of {many} differ only from {low:.9g} to {high:.9g}, which is rounding beside their size"
    return f"every pixel of {many} is the same"


def _remedy(given: int, wanted: int) -> str:
    if given == 3 and wanted == 1:
        return "read_images(..., mode='grey') (--mode grey) turns them to grey; to learn colour, train on colour."
    if given == 1 and wanted == 3:
        return "read_images(..., mode='colour') (--mode colour) gives them three equal channels."
    return f"give images of {counted(wanted, 'channel')}."


def _weights(weights: Any, n: int) -> np.ndarray:
    if weights is None:
        return np.ones(n)
    weights = np.asarray(weights, np.float64)
    if weights.shape != (n,):
        raise DataError(f"weights have shape {weights.shape}: give one weight for each of the {counted(n, 'image')}.")
    if not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
        raise DataError("weights must be finite and not negative, and at least one above zero.")
    return (weights > 0).astype(np.float64) if none_if_equal(weights[weights > 0]) is None else weights


def _moments(pixels: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Measure each counted image's mean and variance by channel (n, channels), and the lowest and highest value."""
    means, variances, lows, highs = [], [], [], []
    for rows in _blocks(pixels):
        block = pixels[rows][counts[rows]]
        if len(block):
            low, high = _range(block, rows.start + np.flatnonzero(counts[rows]))
            lows.append(low)
            highs.append(high)
            block = block.astype(np.float64)
            means.append(block.mean(axis=(1, 2)))
            variances.append(block.var(axis=(1, 2)))
    return np.concatenate(means), np.concatenate(variances), min(lows), max(highs)


def _range(block: np.ndarray, places: np.ndarray) -> tuple[float, float]:
    low, high = float(block.min()), float(block.max())
    if not (low > -HUGE and high < HUGE):  # so written, NaN fails too
        at = tuple(np.argwhere(~(np.abs(block) < HUGE))[0])
        raise DataError(f"Image {places[at[0]]} holds {block[at]:g} (the first image is 0): pixels are finite numbers.")
    return low, high


def _blocks(pixels: np.ndarray) -> Iterator[slice]:
    step = max(1, BLOCK // pixels[0].size)
    return (slice(start, min(start + step, len(pixels))) for start in range(0, len(pixels), step))
