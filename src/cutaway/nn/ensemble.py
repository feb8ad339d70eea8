"""Several networks that answer together, and a linear model that was found before training, to stand among them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..arguments import whole_number
from ..autodiff import Tensor, ops
from ..errors import ArgumentError, ShapeError
from .layers import here, holds
from .members import MemberMean
from .module import Module, training_mode
from .networks import Sequential
from .parameter import Buffer


class Ensemble(Module):
    """Several networks with one answer, the mean of theirs; in training each has a loss of its own.

    >>> import cutaway as ct
    >>> pair = ct.nn.Ensemble([ct.nn.MLP(2, [8], 1), ct.nn.Linear(2, 1)])
    >>> pair([[1.0, 2.0]]).shape
    (1, 1)

    x (n, ...) -> (n, out). link says what is averaged, as in MemberMean: outputs, probabilities or counts. In training
    the outputs are (n, k, out), those of all networks and of all their members, and J is the mean of k losses.
    """

    def __init__(self, networks: list[Module] | tuple[Module, ...], link: str = "identity") -> None:
        self.networks, self.mean = list(networks), MemberMean(link)
        if not self.networks or not all(isinstance(network, Module) for network in self.networks):
            raise ArgumentError(f"Ensemble takes a list of networks, got {networks!r}")

    @property
    def link(self) -> str:
        return self.mean.link

    def forward(self, x: Tensor) -> Tensor:
        return self.mean(ops.concat([_as_members(network(x)) for network in self.networks], axis=1))

    def describe(self) -> str:
        return f"{len(self.networks)} networks, {self.link}"


class SideBySide(Module):
    """Several networks, each of which reads columns of its own; their outputs one behind the other.

    >>> import cutaway as ct
    >>> pair = ct.nn.SideBySide([ct.nn.FoundLinear(2, 1), ct.nn.MLP(3, [8], 1)], [2, 3])
    >>> pair([[1.0, 2.0, 3.0, 4.0, 5.0]]).shape
    (1, 2)

    x (n, sum of widths) -> (n, sum of outputs). widths: how many columns each network reads.
    """

    def __init__(self, networks: list[Module] | tuple[Module, ...], widths: list[int] | tuple[int, ...]) -> None:
        self.networks = list(networks)
        self.widths = [whole_number("SideBySide: width", width) for width in widths]
        if not self.networks or not all(isinstance(network, Module) for network in self.networks) \
                or len(self.widths) != len(self.networks):
            raise ArgumentError(f"SideBySide takes networks and a width for each, got {networks!r} and {widths!r}")

    @property
    def n_in(self) -> int:
        return sum(self.widths)

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim != 2 or x.shape[1] != self.n_in:
            raise ShapeError(f"{here()}(SideBySide of {len(self.networks)} networks) takes rows of {self.n_in} "
                             f"columns, got shape {x.shape}")
        parts, start = [], 0
        for network, width in zip(self.networks, self.widths, strict=True):
            parts.append(network(x[:, start:start + width]))
            start += width
        return ops.concat(parts, axis=1)

    def describe(self) -> str:
        return f"{len(self.networks)} networks, of {', '.join(map(str, self.widths))} columns"


def _as_members(z: Tensor) -> Tensor:
    """Outputs (n, k, out) of members, or (n, out) of a network, which is one of them."""
    return z if z.ndim == 3 else ops.reshape(z, (z.shape[0], 1, z.size // z.shape[0]))


class FoundLinear(Module):
    """A linear model found before training, which no gradient changes: z = W x + b.

    >>> import cutaway as ct
    >>> layer = ct.nn.FoundLinear(2, 1)
    >>> layer.weight.data[...], layer.bias.data[...] = [[1.0, 2.0]], 3.0
    >>> layer([[1.0, 1.0]]).tolist()
    [[6.0]]

    Its buffers are weight (n_out, n_in) and bias (n_out,). They begin at zero, and drawing first weights leaves what
    was written into them as it is.
    """

    def __init__(self, n_in: int, n_out: int) -> None:
        self.n_in, self.n_out = whole_number("FoundLinear: n_in", n_in), whole_number("FoundLinear: n_out", n_out)
        self.weight = Buffer(np.zeros((self.n_out, self.n_in)), found=True)
        self.bias = Buffer(np.zeros(self.n_out), found=True)

    def owns_parameters(self) -> bool:
        return True  # so that a network's layers count it, and its buffers have a name of their own

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-1:] != (self.n_in,):
            raise ShapeError(f"{here()}(FoundLinear {self.n_in} -> {self.n_out}) takes inputs of {self.n_in} features, "
                             f"got shape {x.shape}")
        holds(self, {"weight": (self.n_out, self.n_in), "bias": (self.n_out,)})
        return ops.linear(x, self.weight, self.bias)

    def describe(self) -> str:
        return f"{self.n_in} -> {self.n_out}, found"


class WithLinear(Sequential):
    """Layers one after the other, and a linear model found before training beside them: the answer is their mean.

    >>> import cutaway as ct
    >>> net = ct.nn.WithLinear(ct.nn.MLP(2, [8], 1), ct.nn.FoundLinear(2, 1))
    >>> [name for name, _ in net.named_parameters()]
    ['layer1.weight', 'layer1.bias', 'layer2.weight', 'layer2.bias']
    >>> net([[1.0, 2.0]]).shape
    (1, 1)

    network: whose layers they are; x (n, n_in) -> (n, out). They learn, are called and begin as they would alone: the
    linear model answers once training is over, and where rows held back are scored. link says what is averaged, as in
    MemberMean. sees: the layer whose outputs the linear model sees in place of x, such as RandomConvolutions.
    """

    def __init__(self, network: Sequential, linear: FoundLinear, link: str = "identity",
                 sees: Module | None = None) -> None:
        if not isinstance(network, Sequential) or not isinstance(linear, FoundLinear):
            raise ArgumentError(f"WithLinear takes a Sequential and a FoundLinear, got {network!r} and {linear!r}")
        super().__init__(*network.layers)
        self.linear, self.mean, self.sees = linear, MemberMean(link), sees

    @property
    def link(self) -> str:
        return self.mean.link

    def children(self) -> Iterator[tuple[str, Module]]:
        yield from super().children()
        if self.sees is not None:
            yield "sees", self.sees
        yield "linear", self.linear
        yield "mean", self.mean

    def forward(self, x: Tensor) -> Tensor:
        z = super().forward(x)
        if training_mode() is not None:
            return z
        beside = self.linear(x if self.sees is None else self.sees(x))
        return self.mean(ops.concat([_as_members(z), _as_members(beside)], axis=1))
