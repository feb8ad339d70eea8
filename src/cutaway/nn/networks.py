"""Ready networks: layers in a row, the multilayer perceptron, the convolutional and the recurrent network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ..arguments import whole_number
from ..autodiff import Tensor
from ..errors import ArgumentError
from ..random import stream
from . import init
from .convolution import Conv1d, Conv2d, GlobalAveragePool, MaxPool1d, MaxPool2d
from .layers import BatchNorm1d, BatchNorm2d, Dropout, Flatten, LayerNorm, Linear
from .layers import activation as make_activation
from .module import Module
from .parameter import Parameter
from .recurrent import CELLS, LastState


class Sequential(Module):
    """Layers one after the other: h⁰ = x, hˡ = layerˡ(hˡ⁻¹).

    >>> import cutaway as ct
    >>> net = ct.nn.Sequential(ct.nn.Linear(2, 4), ct.nn.ReLU(), ct.nn.Linear(4, 1))
    >>> [name for name, _ in net.named_parameters()]
    ['layer1.weight', 'layer1.bias', 'layer2.weight', 'layer2.bias']

    Layers with parameters are numbered layer1, layer2, ...; one without writes under the layer before it.
    """

    on_images = "chain"

    def __init__(self, *layers: Module) -> None:
        for layer in layers:
            if not isinstance(layer, Module):
                raise ArgumentError(f"Sequential takes layers, got {layer!r}: write ct.nn.ReLU(), not a function")
        self.layers = list(layers)

    def children(self) -> Iterator[tuple[str, Module]]:
        number: dict[int, str] = {}
        name = "input"
        for layer in self.layers:
            if layer.owns_parameters():
                name = number.setdefault(id(layer), f"layer{len(number) + 1}")
            yield name, layer

    def owns_parameters(self) -> bool:
        # not by children(), which asks every layer this: each level of layers in layers would double the walk
        own = any(isinstance(value, Parameter) for value in vars(self).values())
        return own or any(layer.owns_parameters() for layer in self.layers)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            if isinstance(x, tuple):
                raise ArgumentError(
                    "a recurrent layer gives (y, state), and Sequential hands on one value: wrap it in "
                    "ct.nn.LastState(...), or use layers= for several on top of each other"
                )
            x = layer(x)
        return x

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, i: int) -> Module:
        return self.layers[i]


class MLP(Sequential):
    """A fully connected network: hˡ = σ(W hˡ⁻¹ + b), and a last layer without activation.

    >>> import cutaway as ct
    >>> ct.nn.MLP(2, [64, 64], 3)
    MLP(2 -> 64 -> 64 -> 3, relu, 4,547 parameters)

    n_in features in, `hidden` neurons in each hidden layer, n_out raw outputs. Weights start as suits the activation
    (He; Glorot for tanh and sigmoid and for the output layer).
    """

    def __init__(self, n_in: int, hidden: list[int] | tuple[int, ...], n_out: int, activation: str = "relu",
                 dropout: float = 0.0, norm: str | None = None) -> None:
        if norm not in (None, "layer", "batch"):
            raise ArgumentError(f'MLP: norm must be None, "layer" or "batch", got {norm!r}')
        self.widths, self.activation = (n_in, *hidden, n_out), activation
        layers: list[Module] = []
        for k, m in zip((n_in, *hidden), hidden, strict=False):
            layers.append(Linear(k, m, init=init.for_activation(activation)))
            if norm:
                layers.append(LayerNorm(m) if norm == "layer" else BatchNorm1d(m))
            layers.append(make_activation(activation))
            if dropout:
                layers.append(Dropout(dropout))
        layers.append(Linear((n_in, *hidden)[-1], n_out, init=init.glorot_uniform))
        super().__init__(*layers)

    def __repr__(self) -> str:
        widths = " -> ".join(map(str, self.widths))
        return f"MLP({widths}, {self.activation}, {sum(p.size for p in self.parameters()):,} parameters)"



class CNN(Sequential):
    """A convolutional network: filters that look for ever larger patterns, then neurons that weigh what they found.

    >>> import cutaway as ct
    >>> ct.nn.CNN((28, 28, 1), 10)
    CNN(28x28x1 -> conv 32 -> pool -> conv 64 -> pool -> 128 -> 10, relu, 421,642 parameters)

    input_shape (height, width, channels), or (time, channels); n_out raw outputs. Blocks of a convolution (window 3,
    "same"), the activation and a max pooling by 2, which a block has as long as the smaller side stays at least 4.
    channels: filters of each block; unless given, 32, 64, 128, 256 for up to four blocks that pool. Then the places
    become one row of features if there are at most 64 of them; more than that are averaged (GlobalAveragePool). hidden:
    neurons of the layers behind, (128,) unless given, each followed by dropout. norm: None, or "batch" after every
    convolution. Weights start as suits the activation. (LeCun et al., 1998.)
    """

    def __init__(self, input_shape: Sequence[int], n_out: int, channels: Sequence[int] | None = None,
                 hidden: Sequence[int] | None = None, activation: str = "relu", dropout: float = 0.0,
                 norm: str | None = None) -> None:
        if norm not in (None, "batch"):
            raise ArgumentError(f'CNN: norm must be None or "batch", got {norm!r}')
        if not isinstance(input_shape, tuple | list) or len(input_shape) not in (2, 3):
            raise ArgumentError(
                "CNN: input_shape must be (height, width, channels) of an image, such as (28, 28, 1), or "
                f"(time, channels) of a sequence, got {input_shape!r}"
            )
        self.input_shape = tuple(whole_number("CNN: input_shape", n) for n in input_shape)
        *size, seen = self.input_shape
        conv, pool, batch_norm = (Conv1d, MaxPool1d, BatchNorm1d) if len(size) == 1 else (
            Conv2d, MaxPool2d, BatchNorm2d)
        draw = init.for_activation(activation)
        layers: list[Module] = []
        about: list[str] = []
        for m in _channels(min(size)) if channels is None else channels:
            layers.append(conv(seen, m, 3, padding="same", init=draw))
            layers += [batch_norm(m)] if norm else []
            layers.append(make_activation(activation))
            about.append(f"conv {m}")
            if min(size) >= 8:
                layers.append(pool(2))
                size = [k // 2 for k in size]
                about.append("pool")
            seen = m
        if int(np.prod(size)) > 64:
            layers.append(GlobalAveragePool())
            about.append("mean")
        else:
            layers.append(Flatten())
            seen *= int(np.prod(size))
        for m in (128,) if hidden is None else hidden:
            layers += [Linear(seen, m, init=draw), make_activation(activation)]
            layers += [Dropout(dropout)] if dropout else []
            about.append(str(m))
            seen = m
        layers.append(Linear(seen, n_out, init=init.glorot_uniform))
        shape = "x".join(map(str, self.input_shape))
        self.about = " -> ".join([shape, *about, str(n_out)]) + f", {activation}"
        super().__init__(*layers)

    def example_input(self) -> np.ndarray:
        """Make two rows of input."""
        return stream(0, "example").standard_normal((2, *self.input_shape))

    def __repr__(self) -> str:
        return f"CNN({self.about}, {sum(p.size for p in self.parameters()):,} parameters)"


def _channels(side: int) -> list[int]:
    """Choose 32, 64, ... channels for the blocks that can pool, four at most and one at least."""
    blocks = 0
    while side >= 8 and blocks < 4:
        side, blocks = side // 2, blocks + 1
    return [32 * 2**i for i in range(max(blocks, 1))]


class Recurrent(Sequential):
    """A recurrent network for one answer per sequence: h = the last state of an LSTM, GRU or RNN; z = W h + b.

    >>> import cutaway as ct
    >>> ct.nn.Recurrent(3, 32, 5, cell="gru")
    Recurrent(gru, 3 -> 32 -> 5, 3,717 parameters)

    Sequences (n, time, n_in), or ct.Sequences of different lengths -> raw outputs (n, n_out): classes, numbers, or the
    next n_out values of a series. layers, bidirectional, dropout: as in ct.nn.LSTM. For everything else build
    Sequential(LastState(LSTM(...)), ...).
    """

    def __init__(self, n_in: int, width: int, n_out: int, cell: str = "lstm", layers: int = 1,
                 bidirectional: bool = False, dropout: float = 0.0) -> None:
        if cell not in CELLS:
            raise ArgumentError(f"Recurrent: cell must be one of {', '.join(CELLS)}, got {cell!r}")
        inner = CELLS[cell](n_in, width, layers, bidirectional=bidirectional, dropout=dropout)
        self.about = f"{cell}, {n_in} -> {' -> '.join([str(width)] * layers)} -> {n_out}" + (
            ", bidirectional" if bidirectional else "")
        super().__init__(LastState(inner), Linear(width * inner.directions, n_out, init=init.glorot_uniform))

    def __repr__(self) -> str:
        return f"Recurrent({self.about}, {sum(p.size for p in self.parameters()):,} parameters)"
