"""Ready networks: layers in a row, and the multilayer perceptron."""

from __future__ import annotations

from collections.abc import Iterator

from ..autodiff import Tensor
from ..errors import ArgumentError
from . import init
from .layers import BatchNorm1d, Dropout, LayerNorm, Linear
from .layers import activation as make_activation
from .module import Module


class Sequential(Module):
    """Layers one after the other: h⁰ = x, hˡ = layerˡ(hˡ⁻¹).

    >>> import cutaway as ct
    >>> net = ct.nn.Sequential(ct.nn.Linear(2, 4), ct.nn.ReLU(), ct.nn.Linear(4, 1))
    >>> [name for name, _ in net.named_parameters()]
    ['layer1.weight', 'layer1.bias', 'layer2.weight', 'layer2.bias']

    Layers with parameters are numbered layer1, layer2, ...; one without writes under the layer before it.
    """

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

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
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
                 dropout: float = 0.0, norm: str | None = None) -> None:  # fmt: skip
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

