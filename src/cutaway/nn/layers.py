"""Layers: each declares its parameters and calls rules."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..arguments import whole_number
from ..autodiff import Tensor, apply, assign, current_scope, ops
from ..errors import ArgumentError, ShapeError
from ..sequences import Sequences
from . import init
from .module import Module, training_mode
from .parameter import Buffer, Parameter


def here() -> str:
    """The name of the layer that runs now, for an error's first word."""
    return f"{current_scope() or 'this layer'} "


def holds(layer: Module, shapes: dict[str, tuple[int, ...]]) -> None:
    """Raise ShapeError where somebody gave a layer's tensor another shape, which might broadcast unnoticed."""
    for name, shape in shapes.items():
        tensor = vars(layer).get(name)
        if tensor is not None and tensor.shape != shape:
            where = f"{current_scope()}." if current_scope() else ""
            raise ShapeError(f"{where}{name} has shape {tensor.shape}, but {layer!r} takes one of {shape}: put an "
                             "array of that shape in its data, or build another layer")


class Linear(Module):
    """A layer of neurons: z = W x + b. weight (n_out, n_in): each row is one neuron's weights; bias (n_out,).

    >>> import cutaway as ct
    >>> ct.nn.Linear(2, 3)([[1.0, 2.0]]).shape
    (1, 3)

    x (..., n_in) -> z (..., n_out). init draws the weights (He normal unless told otherwise); biases start at zero.
    """

    timewise = True
    on_images, elsewhere = "neurons", "dense"

    def __init__(self, n_in: int, n_out: int, bias: bool = True, init: Callable = init.he_normal) -> None:
        self.n_in, self.n_out = whole_number("Linear: n_in", n_in), whole_number("Linear: n_out", n_out)
        self.weight = Parameter((self.n_out, self.n_in), init)
        self.bias = Parameter((self.n_out,), zeros) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-1:] != (self.n_in,):
            raise ShapeError(
                f"{here()}(Linear {self.n_in} -> {self.n_out}) takes inputs of {self.n_in} features, got shape "
                f"{x.shape}: build it as Linear({x.shape[-1] if x.ndim else 1}, {self.n_out}) or reshape the input"
            )
        neurons = self.weight.shape[:1]
        holds(self, {"weight": (*neurons, self.n_in), "bias": neurons})
        return ops.linear(x, self.weight, self.bias)

    def describe(self) -> str:
        return f"{self.n_in} -> {self.n_out}" + ("" if self.bias is not None else ", no bias")


zeros, ones = init.zeros, init.ones


class Embedding(Module):
    """Learned vectors looked up by whole numbers: h = W[i]. weight (entries, width); i (...) -> (..., width)."""

    embeds = timewise = True
    elsewhere = "embedding"

    def __init__(self, entries: int, width: int, init: Callable = init.standard_normal) -> None:
        self.entries, self.width = whole_number("Embedding: entries", entries), whole_number("Embedding: width", width)
        self.weight = Parameter((self.entries, self.width), init)

    def forward(self, i: Tensor) -> Tensor:
        if i.dtype.kind not in "iu":
            raise ArgumentError(f"Embedding looks up whole numbers, got {i.dtype}: give an integer array")
        if i.size and not (i.data.min() >= 0 and i.data.max() < self.entries):
            raise ArgumentError(
                f"Embedding of {self.entries} entries takes numbers 0..{self.entries - 1}, got "
                f"{i.data.min()} to {i.data.max()}"
            )
        return ops.embedding(i, self.weight)

    def describe(self) -> str:
        return f"{self.entries} entries of {self.width}"


class Dropout(Module):
    """In training each value is zero with probability p and the others grow by 1/(1 - p); otherwise nothing happens."""

    timewise = True

    def __init__(self, p: float = 0.5) -> None:
        if not 0 <= p < 1:
            raise ArgumentError(f"Dropout: p must lie in [0, 1), got {p!r}")
        self.p = float(p)

    def forward(self, x: Tensor) -> Tensor:
        mode = training_mode()
        if mode is None or self.p == 0:
            return x
        return ops.dropout(x, self.p, mode.seed, mode.step, mode.next_call())

    def describe(self) -> str:
        return f"{self.p:g}"


class FallingDropout(Dropout):
    """Dropout that gives way: p for the first half of `steps` steps of training, then along half a cosine wave to 0.

    >>> import cutaway as ct
    >>> ct.nn.FallingDropout(0.2, steps=1000).table.round(3)[[0, 31, 48, 63]]
    array([0.2  , 0.2  , 0.095, 0.   ], dtype=float32)

    steps: as a rule all of the run, rows / batch size (rounded up) · epochs; p changes in 64 stretches of as many.
    Noise early, exact weights late (Holzmüller et al., 2024, who find 3 % in dropout that falls).
    """

    def __init__(self, p: float, steps: int) -> None:
        super().__init__(p)
        self.steps = whole_number("FallingDropout: steps", steps)

    @property
    def table(self) -> np.ndarray:
        """p of each stretch of steps."""
        at = (np.arange(STRETCHES) + 0.5) / STRETCHES
        return (self.p * 0.5 * (1 + np.cos(np.pi * np.clip(2 * at - 1, 0, 1)))).astype(np.float32)

    def forward(self, x: Tensor) -> Tensor:
        mode = training_mode()
        if mode is None or self.p == 0:
            return x
        every = -(-self.steps // STRETCHES)
        return apply("falling_dropout", x, self.table.astype(x.dtype), every=every, seed=mode.seed, step=mode.step,
                     call=mode.next_call())

    def describe(self) -> str:
        return f"{self.p:g}, to 0 in {self.steps:,} steps"


STRETCHES = 64  # of steps with the same p


class LayerNorm(Module):
    """Every row normalised over its `width` values: y = gamma (x - mean) / √(var + ε) + beta (Ba et al., 2016)."""

    timewise = True
    elsewhere = "layer_normalization"

    def __init__(self, width: int, eps: float = 1e-5) -> None:
        self.width, self.eps = whole_number("LayerNorm: width", width), float(eps)
        self.weight, self.bias = Parameter((width,), ones), Parameter((width,), zeros)

    def forward(self, x: Tensor) -> Tensor:
        _check_width(self, x)
        return ops.layer_norm(x, self.weight, self.bias, self.eps)

    def describe(self) -> str:
        return f"{self.width}"


class BatchNorm1d(Module):
    """Every column normalised by the batch's mean and biased variance; by running averages when evaluating.

    >>> import numpy as np, cutaway as ct
    >>> layer, x = ct.nn.BatchNorm1d(1), ct.Sequences.from_list([np.array([[0.0]]), np.array([[2.0], [4.0]])])
    >>> with layer.training():  # the mean is 2 and the variance 8/3: what lies behind the first one's end is no step
    ...     [round(float(v), 3) for v in layer(x).values.numpy()[1, :, 0]]
    [0.0, 1.225]

    x (..., width) -> (..., width). Of Sequences only steps within their lengths count, and get a gradient.
    running ← 0.9 running + 0.1 batch, with the unbiased variance (Ioffe and Szegedy, 2015). A batch of one raises
    ShapeError.
    """

    elsewhere = "batch_normalization"

    def __init__(self, width: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        self.width = whole_number(f"{type(self).__name__}: width", width)
        self.eps, self.momentum = float(eps), float(momentum)
        self.weight, self.bias = Parameter((width,), ones), Parameter((width,), zeros)
        self.running_mean, self.running_var = Buffer(np.zeros(width)), Buffer(np.ones(width))

    def forward(self, x: Any) -> Any:
        if isinstance(x, Sequences):
            if x.values.ndim != 3:
                raise ShapeError(f"{here()}({self!r}) takes Sequences (n, time, {self.width}), got {x.shape}")
            return x.with_values(self._normalised(x.values, x.lengths))
        return self._normalised(x)

    def _normalised(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        _check_width(self, x)
        if training_mode() is None:
            return ops.batch_norm(x, self.weight, self.bias, self.running_mean, self.running_var, self.eps)
        rows = None
        if lengths is not None:
            mean, var, unbiased = apply("step_stats", x, lengths)
        else:
            rows = x.size // self.width
            if rows < 2:
                raise ShapeError(
                    f"{type(self).__name__} cannot normalise a batch of one row: use a larger batch, or drop_last=True"
                )
            mean, var = apply("batch_stats", x)
            unbiased = var
        for running, new, count in ((self.running_mean, mean, None), (self.running_var, unbiased, rows)):
            assign(running, apply("running_average", running, new, momentum=self.momentum, rows=count))
        return ops.batch_norm(x, self.weight, self.bias, mean, var, self.eps)

    def describe(self) -> str:
        return f"{self.width}"


class BatchNorm2d(BatchNorm1d):
    """BatchNorm1d for images (n, h, w, width): every channel normalised over all places of the batch."""

    on_images = "channels"
    refuses = "it is for images: use BatchNorm1d, which knows where each sequence ends"


def _check_width(layer: Any, x: Tensor) -> None:
    width = layer.width
    if x.shape[-1:] != (width,):
        kind = type(layer).__name__
        raise ShapeError(f"{here()}({kind} of width {width}) takes inputs of {width} features, got shape {x.shape}")
    holds(layer, dict.fromkeys(("weight", "bias", "running_mean", "running_var"), (width,)))


class Flatten(Module):
    """Makes each sample one row: (n, a, b, ...) -> (n, a·b·...)."""

    on_images = "rows"
    refuses = (
        "as one row of features, padding could not be told from values: use LastState, GlobalAveragePool or "
        "GlobalMaxPool, which end at each sequence's own length"
    )

    def forward(self, x: Tensor) -> Tensor:
        return x if x.ndim == 2 else ops.reshape(x, (x.shape[0], math.prod(x.shape[1:])))  # of no rows, too


class Activation(Module):
    """A function applied value by value: a = σ(z)."""

    timewise = True
    op = "identity"

    def forward(self, z: Tensor) -> Tensor:
        return apply(self.op, z)


PLAIN: list[type[Activation]] = []  # activations without settings


def _activation(name: str, op: str) -> type[Activation]:
    from ..rules import OPS

    PLAIN.append(type(name, (Activation,), {"op": op, "__doc__": OPS[op].formula, "__module__": __name__}))
    return PLAIN[-1]


ReLU = _activation("ReLU", "relu")
Sigmoid = _activation("Sigmoid", "sigmoid")
Tanh = _activation("Tanh", "tanh")
SELU = _activation("SELU", "selu")
SiLU = _activation("SiLU", "silu")
Softplus = _activation("Softplus", "softplus")
Mish = _activation("Mish", "mish")
Softmax = _activation("Softmax", "softmax")
LogSoftmax = _activation("LogSoftmax", "log_softmax")
Identity = _activation("Identity", "identity")


class LeakyReLU(Activation):
    """a = z if z > 0 else slope z"""

    def __init__(self, slope: float = 0.01) -> None:
        self.slope = float(slope)

    def forward(self, z: Tensor) -> Tensor:
        return ops.leaky_relu(z, self.slope)


class ELU(Activation):
    """a = z if z > 0 else alpha (e^z - 1)"""

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = float(alpha)

    def forward(self, z: Tensor) -> Tensor:
        return ops.elu(z, self.alpha)


class GELU(Activation):
    """a = z Φ(z), or its tanh approximation."""

    def __init__(self, approximate: bool = False) -> None:
        self.approximate = bool(approximate)

    def forward(self, z: Tensor) -> Tensor:
        return apply("gelu_tanh" if self.approximate else "gelu", z)


class Parametric(Module):
    """An activation that learns, for each neuron, how much it bends: a = z + α (σ(z) - z), α = rate w.

    >>> import cutaway as ct
    >>> layer = ct.nn.Parametric(2, "relu")
    >>> layer.weight.data[:] = 10.0, 5.0  # α is 1, a ReLU, and ½, which lets half of what is negative through
    >>> layer([[-2.0, -2.0], [3.0, 3.0]]).tolist()
    [[0.0, -1.0], [3.0, 3.0]]

    z (..., width) -> a (..., width). activation: "relu" (then it is PReLU; He et al., 2015), "selu" or "mish"
    (Holzmüller et al., 2024). α begins at 1. Adam's steps are as long for any weight, so that α learns at `rate` times
    the learning rate.
    """

    timewise = True

    def __init__(self, width: int, activation: str = "selu", rate: float = 0.1) -> None:
        if activation not in PARAMETRIC:
            raise ArgumentError(f"Parametric: activation must be one of {', '.join(PARAMETRIC)}, got {activation!r}")
        self.width, self.activation = whole_number("Parametric: width", width), activation
        self.rate = _rate("Parametric", rate)
        self.weight = Parameter(np.full(self.width, 1 / self.rate))

    def forward(self, z: Tensor) -> Tensor:
        _check_width(self, z)
        return apply(f"parametric_{self.activation}", z, self.weight, rate=self.rate)

    def describe(self) -> str:
        return f"{self.width}, {self.activation}"


PARAMETRIC = ("relu", "selu", "mish")


class Scale(Module):
    """A learned factor for each feature: y = s x, s = rate w.

    >>> import cutaway as ct
    >>> ct.nn.Scale(2)([[1.0, -3.0]]).data.round(4).tolist()
    [[1.0, -3.0]]

    x (..., width) -> y (..., width). s begins at 1. Adam's steps are as long for any weight, so that s learns at `rate`
    times the learning rate: 6 is what RealMLP takes in front of its first layer (Holzmüller et al., 2024).
    """

    timewise = True

    def __init__(self, width: int, rate: float = 6.0) -> None:
        self.width, self.rate = whole_number("Scale: width", width), _rate("Scale", rate)
        self.weight = Parameter(np.full(self.width, 1 / self.rate))

    def forward(self, x: Tensor) -> Tensor:
        _check_width(self, x)
        return apply("gain", x, self.weight, rate=self.rate)

    def describe(self) -> str:
        return f"{self.width}"


def _rate(layer: str, rate: float) -> float:
    if not (isinstance(rate, int | float | np.number) and 0 < rate < np.inf):
        raise ArgumentError(f"{layer}: rate must be a number above 0, got {rate!r}")
    return float(rate)


ACTIVATIONS: dict[str, Callable[[], Activation]] = {
    "relu": ReLU, "leaky_relu": LeakyReLU, "sigmoid": Sigmoid, "tanh": Tanh, "elu": ELU, "selu": SELU, "gelu": GELU,
    "gelu_tanh": lambda: GELU(approximate=True), "silu": SiLU, "softplus": Softplus, "mish": Mish, "identity": Identity,
}


def activation(name: str) -> Activation:
    """Make an activation layer by name."""
    if name not in ACTIVATIONS:
        raise ArgumentError(f"no activation is called {name!r}: use one of {', '.join(ACTIVATIONS)}; one of your "
                            "own is a layer of ct.nn.Sequential")
    return ACTIVATIONS[name]()
