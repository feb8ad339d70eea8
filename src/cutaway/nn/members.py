"""Members: k networks in one program that share weights, learn side by side, and answer with one voice, their mean.

Each member sees the row through factors of its own, goes through the layers that all share, and ends in neurons of its
own. In training the network's outputs are (n, k, out): each member has its own loss, and J is the mean of the losses.
Evaluated, the network gives (n, out): what the members say on average. (TabM-mini, Gorishniy et al., 2024.)
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from ..arguments import whole_number
from ..autodiff import Tensor, apply, ops
from ..errors import ArgumentError, ShapeError
from . import init
from .layers import Dropout, Linear, here, holds
from .layers import activation as make_activation
from .module import Module, training_mode
from .networks import Sequential
from .parameter import Parameter

ROWS = "a member sees one row of features: end with ct.nn.LastState, GlobalAveragePool or GlobalMaxPool first"


def signs(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """+1 or -1, by chance: members that begin as unlike each other as can be."""
    return rng.choice([-1.0, 1.0], shape)


class Members(Module):
    """Makes k members of each row, each of which sees it through factors of its own: h = x r. weight (k, n_in).

    >>> import cutaway as ct
    >>> ct.nn.Members(2, 3)([[1.0, 2.0]]).shape
    (1, 3, 2)

    x (n, n_in) -> h (n, k, n_in). Layers behind it, such as Linear, ReLU or Dropout, are shared: all members go through
    the same weights. End with MemberLinear and MemberMean. init draws the factors (+1 or -1 unless told otherwise).
    """

    refuses = ROWS

    def __init__(self, n_in: int, k: int = 16, init: Callable = signs) -> None:
        self.n_in, self.k = whole_number("Members: n_in", n_in), whole_number("Members: k", k)
        self.weight = Parameter((self.k, self.n_in), init)

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim != 2 or x.shape[1] != self.n_in:
            raise ShapeError(f"{here()}(Members of {self.n_in} features) takes rows (n, {self.n_in}), got shape "
                             f"{x.shape}: build it as Members({x.shape[-1] if x.ndim else 1}, {self.k})")
        holds(self, {"weight": (self.k, self.n_in)})
        return apply("member_inputs", x, self.weight)

    def describe(self) -> str:
        return f"{self.k} of {self.n_in}"


class MemberLinear(Module):
    """Neurons of each member's own: z = W x + b. weight (k, n_out, n_in), bias (k n_out,).

    >>> import numpy as np, cutaway as ct
    >>> ct.nn.MemberLinear(8, 2, k=3)(np.ones((5, 3, 8))).shape
    (5, 3, 2)

    x (n, k, n_in) -> z (n, k, n_out). init draws each member's weights (Glorot uniform unless told otherwise); biases
    start at zero.
    """

    refuses = ROWS

    def __init__(self, n_in: int, n_out: int, k: int = 16, bias: bool = True,
                 init: Callable = init.glorot_uniform) -> None:
        self.n_in, self.n_out = (whole_number(f"MemberLinear: {name}", n) for name, n in (("n_in", n_in),
                                                                                         ("n_out", n_out)))
        self.k = whole_number("MemberLinear: k", k)
        self.weight = Parameter((self.k, self.n_out, self.n_in), _Each(init))
        self.bias = Parameter((self.k * self.n_out,), _zeros) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim != 3 or x.shape[1:] != (self.k, self.n_in):
            raise ShapeError(f"{here()}(MemberLinear of {self.k} members, {self.n_in} -> {self.n_out}) takes "
                             f"(n, {self.k}, {self.n_in}), got shape {x.shape}: put ct.nn.Members before it, of as "
                             "many members")
        holds(self, {"weight": (self.k, self.n_out, self.n_in), "bias": (self.k * self.n_out,)})
        return apply("member_linear", x, self.weight, self.bias)

    def describe(self) -> str:
        return f"{self.k} of {self.n_in} -> {self.n_out}" + ("" if self.bias is not None else ", no bias")


_zeros = init.zeros


class _Each:
    """The initialiser that draws each member's matrix as one of its own."""

    def __init__(self, draw: Callable) -> None:
        self.draw = draw

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return np.stack([self.draw(rng, shape[1:]) for _ in range(shape[0])])


class MemberMean(Module):
    """The members' answers as one: evaluated, (n, k, out) -> (n, out). In training it hands them on, each to its loss.

    >>> import cutaway as ct
    >>> ct.nn.MemberMean()([[[1.0], [3.0]]]).tolist()
    [[2.0]]

    link: what is averaged. "identity": the outputs, for numbers. "softmax", "sigmoid", "exp": the probabilities of
    classes, of labels, or the counts that the outputs stand for; given back is the raw output that means their average,
    for the losses cross_entropy, binary_cross_entropy and poisson.
    """

    LINKS = ("identity", "softmax", "sigmoid", "exp")
    refuses = ROWS
    elsewhere = None

    def __init__(self, link: str = "identity") -> None:
        if link not in self.LINKS:
            raise ArgumentError(f"MemberMean: link must be one of {', '.join(self.LINKS)}, got {link!r}")
        self.link = link

    def forward(self, z: Tensor) -> Tensor:
        if z.ndim != 3:
            raise ShapeError(f"{here()}(MemberMean) takes (n, members, out), got shape {z.shape}: put "
                             "ct.nn.MemberLinear before it")
        if training_mode() is not None:
            return z
        if self.link == "identity":
            return ops.mean(z, axis=1)
        if self.link == "sigmoid":
            s = ops.softplus(z)  # -log(1 - p); s - z is -log p
            return apply("member_log_mean_exp", z - s) - apply("member_log_mean_exp", -s)
        return apply("member_log_mean_exp", ops.log_softmax(z) if self.link == "softmax" else z)

    def describe(self) -> str:
        return self.link


class TabM(Sequential):
    """An MLP of k members, which share all of it but factors behind its first layer, and their output neurons.

    >>> import cutaway as ct
    >>> ct.nn.TabM(8, [64, 64], 1, k=16)
    TabM(8 -> 64 -> 64 -> 1, 16 members, relu, 6,800 parameters)

    n_in features in, `hidden` neurons in each hidden layer, n_out raw outputs, k members (8 to 32 are usual). shared:
    how many hidden layers stand before the members' factors. They run once for all members, so that a wide input costs
    no more than in one network; with 0 the factors are the inputs' own, as in TabM-mini. link: "softmax" for the loss
    cross_entropy, "sigmoid" for binary_cross_entropy, "exp" for poisson (see MemberMean). In training its outputs are
    (n, k, n_out), which the losses of ct.losses take with targets (n,) or (n, n_out). (Gorishniy et al., 2024.)
    """

    def __init__(self, n_in: int, hidden: list[int] | tuple[int, ...], n_out: int, k: int = 16,
                 activation: str = "relu", dropout: float = 0.0, link: str = "identity", shared: int = 1) -> None:
        widths = (n_in, *hidden, n_out)
        if not 0 <= shared <= len(hidden):
            raise ArgumentError(f"TabM: shared is how many of the {len(hidden)} hidden layers stand before the "
                                f"members' factors, from 0 on, got {shared!r}")
        layers: list[Module] = []
        for place, (seen, m) in enumerate(pairwise(widths[:-1])):
            layers += [Members(seen, k)] if place == shared else []
            layers += [Linear(seen, m, init=init.for_activation(activation)), make_activation(activation)]
            layers += [Dropout(dropout)] if dropout else []
        layers += [Members(widths[-2], k)] if shared == len(hidden) else []
        super().__init__(*layers, MemberLinear(widths[-2], n_out, k), MemberMean(link))
        self.about = f"{' -> '.join(map(str, widths))}, {k} members, {activation}"

    def __repr__(self) -> str:
        return f"TabM({self.about}, {sum(p.size for p in self.parameters()):,} parameters)"
