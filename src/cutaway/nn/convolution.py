"""Convolution and pooling: the same few weights at every place of an image or sequence. Channels come last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..arguments import is_whole, whole_number
from ..autodiff import Tensor, apply, ops
from ..errors import ArgumentError, ShapeError
from ..sequences import Sequences
from . import init
from .layers import here, holds, zeros
from .module import Module
from .parameter import Parameter

AXES = {1: "(n, time, channels)", 2: "(n, height, width, channels)"}


def per_size(layer: str, name: str, value: Any, sizes: int, least: int = 1) -> tuple[int, ...]:
    """Make one whole number for each size: 3 gives (3, 3) for images."""
    numbers = tuple(value) if isinstance(value, tuple | list) else (value,) * sizes
    if len(numbers) != sizes or not all(is_whole(v, least) for v in numbers):
        pair = ", or a pair (height, width) of them" if sizes == 2 else ""
        raise ArgumentError(f"{layer}: {name} must be a whole number of at least {least}{pair}, got {value!r}")
    return tuple(map(int, numbers))


class _Windows(Module):
    """What convolution and pooling share: a window that moves over one size (time) or two (height and width)."""

    sizes = 2
    refuses = "a window would mix padding with values: use a stride in Conv1d, GlobalAveragePool or GlobalMaxPool"
    window: tuple[int, ...]
    stride: tuple[int, ...]
    padding: str | tuple[int, ...]
    dilation: tuple[int, ...] = (1, 1)

    def _set(self, window: Any, stride: Any, padding: Any, dilation: Any = 1) -> None:
        layer = type(self).__name__
        self.window = per_size(layer, "window", window, self.sizes)
        self.stride = per_size(layer, "stride", stride, self.sizes)
        self.dilation = per_size(layer, "dilation", dilation, self.sizes)
        if isinstance(padding, str) and padding not in ("same", "valid"):
            raise ArgumentError(f'{layer}: padding must be "same", "valid" or a number of places, got {padding!r}')
        padding = 0 if isinstance(padding, str) and padding == "valid" else padding
        self.padding = padding if isinstance(padding, str) else per_size(layer, "padding", padding, self.sizes, 0)

    @property
    def spans(self) -> tuple[int, ...]:
        """How many places the window reaches over, gaps included."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.window, self.dilation, strict=True))

    @property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """The padding (before, after) of each size."""
        if isinstance(self.padding, str):
            return tuple(((span - 1) // 2, span - 1 - (span - 1) // 2) for span in self.spans)
        return tuple((p, p) for p in self.padding)

    def _check(self, x: Tensor, edges: tuple[tuple[int, int], ...]) -> None:
        if x.ndim != self.sizes + 2:
            grey = self.sizes + 1 == x.ndim
            raise ShapeError(
                f"{here()}({self!r}) takes {AXES[self.sizes]}, got shape {x.shape}"
                + (f": reshape to {(*x.shape, 1)} if there is one channel, as in x[..., None]" if grey else "")
            )
        padded = tuple(k + before + after for k, (before, after) in zip(x.shape[1:-1], edges, strict=True))
        if any(span > k for span, k in zip(self.spans, padded, strict=True)):
            raise ShapeError(
                f"{here()}({self!r}) has a window over {_by(self.spans)} places, but its input {x.shape} has "
                f"{_by(padded)} with its padding: use a smaller window, padding=\"same\", or larger inputs"
            )

    def _usual_stride(self) -> tuple[int, ...]:
        return (1,) * self.sizes

    def describe(self) -> str:
        parts = [f"window {_by(self.window)}"]
        parts += [f"stride {_by(self.stride)}"] if self.stride != self._usual_stride() else []
        parts += [f"dilation {_by(self.dilation)}"] if set(self.dilation) != {1} else []
        if self.padding == "same" or any(self.padding):
            parts.append("same" if isinstance(self.padding, str) else f"padding {_by(self.padding)}")
        return ", ".join(parts)


def _by(numbers: tuple[int, ...]) -> str:
    return "x".join(map(str, numbers))


# ---- convolution -----------------------------------------------------------------------------------------------------


class _Conv(_Windows):
    on_images, elsewhere = "filters", "conv2d"

    def __init__(self, n_in: int, n_out: int, window: Any, stride: Any = 1, padding: Any = "valid", dilation: Any = 1,
                 groups: int = 1, bias: bool = True, init: Callable = init.he_normal) -> None:
        layer = type(self).__name__
        self.n_in, self.n_out = whole_number(f"{layer}: n_in", n_in), whole_number(f"{layer}: n_out", n_out)
        self.groups = whole_number(f"{layer}: groups", groups)
        if self.n_in % self.groups or self.n_out % self.groups:
            raise ArgumentError(
                f"{layer}: groups={groups} must divide the channels, {n_in} in and {n_out} out, without rest"
            )
        self._set(window, stride, padding, dilation)
        self.weight = Parameter((self.n_out, *self.window, self.n_in // self.groups), init)
        self.bias = Parameter((self.n_out,), zeros) if bias else None

    def forward(self, x: Any) -> Any:
        if isinstance(x, Sequences):
            # a short sequence is seen alone as it is beside longer ones: with zeros up to the window's end
            (before, after), span = self.edges[0], self.spans[0]
            reach = max(after, span - before - x.shape[1])
            inside = ops.masked(x.values, x.lengths)
            return Sequences(self._filtered(inside, ((before, reach),)), self._lengths(x.lengths))
        return self._filtered(x, self.edges)

    def _filtered(self, x: Tensor, edges: tuple[tuple[int, int], ...]) -> Tensor:
        self._check(x, edges)
        if x.shape[-1] != self.n_in:
            raise ShapeError(
                f"{here()}({self!r}) takes {AXES[self.sizes]} with {self.n_in} channels, got shape {x.shape}: build it "
                f"as {type(self).__name__}({x.shape[-1]}, {self.n_out}, ...), or put the channels last"
            )
        holds(self, {"bias": self.weight.shape[:1]})
        return ops.conv(x, self.weight, self.bias, self.stride, edges, self.dilation, self.groups)

    def _lengths(self, lengths: Tensor) -> Tensor:
        """Count the places that each sequence has after the window."""
        if self.padding == "same" and self.stride == (1,):
            return lengths
        return ops.shortened(lengths, self.window[0], self.stride[0], sum(self.edges[0]), self.dilation[0])

    def example_input(self) -> Any:
        raise ArgumentError(f"{type(self).__name__} takes inputs of any size: pass input=, a row or two of data")

    def describe(self) -> str:
        groups = f", {self.groups} groups" if self.groups > 1 else ""
        return f"{self.n_in} -> {self.n_out}, {super().describe()}{groups}" + (
            "" if self.bias is not None else ", no bias")


class Conv2d(_Conv):
    """Equal neurons at every place of an image: z[i, j] = Σ W[u, v] x[s i + d u - p, s j + d v - p] + b.

    >>> import numpy as np, cutaway as ct
    >>> ct.nn.Conv2d(3, 8, 5, stride=2, padding="same")(np.ones((4, 32, 32, 3))).shape
    (4, 16, 16, 8)

    x (n, height, width, n_in) -> z (n, height', width', n_out); weight (n_out, kh, kw, n_in / groups), whose row k is
    filter k; bias (n_out,). Cross-correlation: the window is not flipped.
    window, stride, padding, dilation: a number, or a pair (height, width). padding: "valid" (none), "same" (so that
    ⌈size / stride⌉ places come out), or the places added on either side. groups: the channels in so many parts that do
    not see each other. init draws the weights; biases start at zero. Nine arguments, because a convolution has as many.
    Raises ShapeError for a wrong number of channels and for a window larger than its padded input.
    (LeCun et al., 1989; dilation: Yu and Koltun, 2016.)
    """


class Conv1d(_Conv):
    """Equal neurons at every step of a sequence: z[t] = Σ W[u] x[s t + d u - p] + b.

    >>> import numpy as np, cutaway as ct
    >>> ct.nn.Conv1d(2, 8, 3, padding="same")(np.ones((4, 50, 2))).shape
    (4, 50, 8)

    x (n, time, n_in) -> z (n, time', n_out); weight (n_out, window, n_in / groups), bias (n_out,). Everything else is
    as in Conv2d, its nine arguments and its errors too. Sequences become Sequences: windows see zeros beyond a
    sequence's end, and a sequence keeps at least one place.
    """

    sizes, elsewhere = 1, "conv1d"
    refuses = ""


# ---- pooling ---------------------------------------------------------------------------------------------------------


class _Pool(_Windows):
    op = "max_pool"

    def __init__(self, window: Any, stride: Any = None, padding: Any = 0) -> None:
        self._set(window, window if stride is None else stride, padding)
        if any(after >= k for (_, after), k in zip(self.edges, self.window, strict=True)):
            raise ArgumentError(f"{type(self).__name__}: padding {padding} must be smaller than the window {window}")

    def _usual_stride(self) -> tuple[int, ...]:
        return self.window

    def forward(self, x: Tensor) -> Tensor:
        self._check(x, self.edges)
        return apply(self.op, x, window=self.window, stride=self.stride, padding=self.edges)


class MaxPool2d(_Pool):
    """The largest value in each window of an image, channel by channel: y = max x.

    >>> import numpy as np, cutaway as ct
    >>> ct.nn.MaxPool2d(2)(np.ones((4, 28, 28, 3))).shape
    (4, 14, 14, 3)

    x (n, height, width, c) -> (n, height', width', c). window, stride, padding: a number, or a pair (height, width);
    the stride is the window unless given. Padding ("same" too) never wins. Raises ShapeError for a window larger than
    its padded input.
    """


class MaxPool1d(_Pool):
    """The largest value in each window of a sequence: y = max x. x (n, time, c) -> (n, time', c). See MaxPool2d."""

    sizes = 1


class AvgPool2d(_Pool):
    """The mean of each window of an image, padding counted as zeros: y = mean x. See MaxPool2d for its arguments."""

    op = "avg_pool"


class AvgPool1d(_Pool):
    """The mean of each window of a sequence: y = mean x. x (n, time, c) -> (n, time', c). See MaxPool2d."""

    op, sizes = "avg_pool", 1


class GlobalAveragePool(Module):
    """The mean over all places of an image or steps of a sequence: (n, ..., c) -> (n, c) (Lin et al., 2014).

    Of Sequences each row's own steps count, and the result is an array.
    """

    op = "global_average"
    on_images = "means"

    def forward(self, x: Any) -> Tensor:
        values, lengths = (x.values, x.lengths) if isinstance(x, Sequences) else (x, None)
        if values.ndim < 3:
            raise ShapeError(f"{here()}({type(self).__name__}) takes {AXES[1]} or {AXES[2]}, got shape {x.shape}")
        return apply(self.op, values, lengths)


class GlobalMaxPool(GlobalAveragePool):
    """The largest over all places of an image or steps of a sequence: (n, ..., c) -> (n, c). See GlobalAveragePool."""

    op = "global_max"
