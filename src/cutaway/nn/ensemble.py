"""Several networks that answer together, and a linear model that was found before training, to stand among them."""

from __future__ import annotations

import numpy as np

from ..arguments import whole_number
from ..autodiff import Tensor, ops
from ..errors import ArgumentError, ShapeError
from .layers import here, holds
from .members import MemberMean
from .module import Module
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
        answers = [network(x) for network in self.networks]
        answers = [a if a.ndim == 3 else ops.reshape(a, (a.shape[0], 1, a.size // a.shape[0])) for a in answers]
        return self.mean(ops.concat(answers, axis=1))

    def describe(self) -> str:
        return f"{len(self.networks)} networks, {self.link}"


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
