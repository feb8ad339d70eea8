"""Recurrent layers: a state carried along time. Parameters have PyTorch's names, shapes and order of gates."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..arguments import whole_number
from ..autodiff import Tensor, current_scope, ops, scope
from ..errors import ArgumentError, ShapeError
from ..random import stream
from ..sequences import Sequences
from . import init
from .carry import carry_in_force
from .layers import here, holds, zeros
from .module import Module, training_mode
from .parameter import Parameter


class RecurrentLayer(Module):
    """The base of RNN, LSTM and GRU: layers and directions of one kind of scan."""

    gates, elsewhere = 1, "simple_rnn"
    parts: tuple[str, ...] = ("h",)  # what the state of one layer and direction consists of
    start_in: Callable = init.glorot_uniform
    start_bias: Callable = zeros

    def _build(self, n_in: int, width: int, layers: int, bidirectional: bool, dropout: float, bias: bool,
               truncate: int | None) -> None:
        name = type(self).__name__
        self.n_in, self.width = whole_number(f"{name}: n_in", n_in), whole_number(f"{name}: width", width)
        self.layers = whole_number(f"{name}: layers", layers)
        self.bidirectional, self.bias = bool(bidirectional), bool(bias)
        if not 0 <= dropout < 1:
            raise ArgumentError(f"{name}: dropout must lie in [0, 1), got {dropout!r}")
        self.dropout = float(dropout)
        self.truncate = None if truncate is None else whole_number(f"{name}: truncate", truncate)
        rows, seen = self.gates * self.width, self.n_in
        for layer in range(self.layers):
            for key in self._keys(layer):
                self._add_parameter(f"weight_ih_{key}", (rows, seen), type(self).start_in)
                self._add_parameter(f"weight_hh_{key}", (rows, self.width), init.orthogonal_gates)
                if bias:
                    self._add_parameter(f"bias_ih_{key}", (rows,), type(self).start_bias)
                    self._add_parameter(f"bias_hh_{key}", (rows,), zeros)
            seen = self.width * self.directions

    def _add_parameter(self, name: str, shape: tuple[int, ...], start: Callable) -> None:
        setattr(self, name, Parameter(shape, start))

    @property
    def directions(self) -> int:
        return 2 if self.bidirectional else 1

    def _keys(self, layer: int) -> list[str]:
        """The endings of the names of a layer's parameters, one for each direction."""
        return [f"l{layer}", f"l{layer}_reverse"][: self.directions]

    def __call__(self, x: Any, state: Any = None) -> Any:
        """Compute (y, state) from a sequence and, if given, the state before its first step."""
        return super().__call__(x) if state is None else super().__call__(x, self._as_state(state))

    def _as_state(self, state: Any) -> list[Any]:
        """Turn a state into Tensors: h, or a tuple such as (h, c), for each layer and direction."""
        count = self.layers * self.directions
        form = "h" if len(self.parts) == 1 else f"({', '.join(self.parts)})"
        if not isinstance(state, list) or len(state) != count:
            got = f"a list of {len(state)}" if isinstance(state, list) else type(state).__name__
            raise ArgumentError(
                f"{type(self).__name__}: a state is a list of {count} {form}, one for each layer and direction, as the "
                f"layer gives it back, got {got}"
            )
        found = []
        for entry in state:
            parts = (entry,) if len(self.parts) == 1 else entry
            if not isinstance(parts, tuple) or len(parts) != len(self.parts):
                raise ArgumentError(f"{type(self).__name__}: each entry of a state is {form}, got {_kind(entry)}")
            parts = tuple(self.as_input(part) for part in parts)
            found.append(parts[0] if len(self.parts) == 1 else parts)
        return found

    def forward(self, x: Any, state: list[Any] | None = None) -> tuple[Any, list[Any]]:
        values, lengths = (x.values, x.lengths) if isinstance(x, Sequences) else (x, None)
        carry = carry_in_force()
        state = state if carry is None else carry.take(self, state)
        self._check(values, state)
        at, last = current_scope(), []
        for layer in range(self.layers):
            sides = []
            for direction, key in enumerate(self._keys(layer)):
                before = None if state is None else state[layer * self.directions + direction]
                inner = key if self.layers * self.directions > 1 else ""
                with scope(".".join(filter(None, (at, inner)))):
                    y, after = self._scan(key, values, before, lengths, direction == 1)
                sides.append(y)
                last.append(after)
            values = sides[0] if len(sides) == 1 else ops.concat(sides, axis=-1)
            mode = training_mode()
            if mode is not None and self.dropout and layer < self.layers - 1:
                values = ops.dropout(values, self.dropout, mode.seed, mode.step, mode.next_call())
        if carry is not None:
            carry.leave(self, last)
        return (values if lengths is None else x.with_values(values)), last

    def _scan(self, key: str, x: Tensor, before: Any, lengths: Tensor | None, reverse: bool) -> tuple[Tensor, Any]:
        """Run one layer in one direction: give every output, and the last state."""
        own = vars(self)
        k, rows = self.width, (self.gates * self.width,)
        holds(self, {f"weight_hh_{key}": (*rows, k), f"bias_ih_{key}": rows, f"bias_hh_{key}": rows})
        u = ops.linear(x, own[f"weight_ih_{key}"], own.get(f"bias_ih_{key}"))
        return self._steps(u, own[f"weight_hh_{key}"], own.get(f"bias_hh_{key}"), before, lengths, reverse)

    def _steps(self, u: Tensor, W: Tensor, b: Tensor | None, before: Any, lengths: Tensor | None,
               reverse: bool) -> tuple[Tensor, Any]:
        raise NotImplementedError

    def _check(self, x: Tensor, state: list[Any] | None) -> None:
        if x.ndim != 3 or x.shape[-1] != self.n_in:
            hint = ": reshape to (n, time, 1), as in x[..., None]" if x.ndim == 2 and self.n_in == 1 else ""
            raise ShapeError(f"{here()}({self!r}) takes sequences (n, time, {self.n_in}), got shape {x.shape}{hint}")
        if not x.shape[1]:
            raise ShapeError(f"{here()}({self!r}) takes at least one time step, got shape {x.shape}")
        for i, entry in enumerate(state or []):
            for name, part in zip(self.parts, entry if isinstance(entry, tuple) else (entry,), strict=True):
                if part.shape != (x.shape[0], self.width):
                    raise ShapeError(
                        f"{here()}({self!r}): {name} of state {i} has shape {part.shape}, but {x.shape[0]} sequences "
                        f"need {(x.shape[0], self.width)}"
                    )

    def example_input(self) -> Any:
        """Make two rows of two steps: how many steps there are changes no parameter."""
        return stream(0, "example").standard_normal((2, 2, self.n_in))

    def describe(self) -> str:
        parts = [f"{self.n_in} -> {self.width}"]
        parts += [f"{self.layers} layers"] if self.layers > 1 else []
        parts += ["bidirectional"] if self.bidirectional else []
        parts += [f"dropout {self.dropout:g}"] if self.dropout else []
        parts += [] if self.bias else ["no bias"]
        parts += [f"truncate {self.truncate}"] if self.truncate else []
        return ", ".join(parts)


def _kind(entry: Any) -> str:
    return f"{len(entry)} parts" if isinstance(entry, tuple) else type(entry).__name__


class RNN(RecurrentLayer):
    """Elman's network: hₜ = tanh(W_ih xₜ + b_ih + W_hh hₜ₋₁ + b_hh), or max(0, ...) (Elman, 1990).

    >>> import numpy as np, cutaway as ct
    >>> y, state = ct.nn.RNN(3, 8)(np.ones((4, 10, 3)))
    >>> y.shape, [h.shape for h in state]
    ((4, 10, 8), [(4, 8)])

    Called as layer(x, state=None): x (n, time, n_in) or Sequences -> y (n, time, width), or Sequences of the same
    lengths, and the state after each row's own last step: a list with an h (n, width) for each layer and direction,
    layer 0 forward first. A list of the same form goes in as the state before the first step.
    layers: each reads the outputs of the one below. bidirectional: a second scan from the end, its outputs beside the
    first's, so that y has 2 width features. dropout: between layers, in training. truncate: the gradient goes no
    further back than so many steps at a time; the values stay the same.
    Parameters: weight_ih_l0 (width, n_in), weight_hh_l0 (width, width), bias_ih_l0, bias_hh_l0 (width,); `_reverse`
    for the second direction, l1 for the next layer. Glorot for weight_ih, orthogonal for weight_hh, zeros for biases.
    Raises ShapeError for inputs and states of other shapes.
    """

    def __init__(self, n_in: int, width: int, layers: int = 1, activation: str = "tanh", bidirectional: bool = False,
                 dropout: float = 0.0, bias: bool = True, truncate: int | None = None) -> None:
        if activation not in ("tanh", "relu"):
            raise ArgumentError(f'RNN: activation must be "tanh" or "relu", got {activation!r}')
        self.activation = activation
        self._build(n_in, width, layers, bidirectional, dropout, bias, truncate)

    def _steps(self, u, W, b, before, lengths, reverse):
        y, h = ops.rnn(u, W, b, before, lengths, self.activation == "relu", reverse, self.truncate)
        return y, h

    def describe(self) -> str:
        return super().describe() + (", relu" if self.activation == "relu" else "")


class LSTM(RecurrentLayer):
    """Long short-term memory: gates i, f, o = σ(W x + b), g = tanh(W x + b); c = f c + i g; h = o tanh c.

    >>> import numpy as np, cutaway as ct
    >>> y, [(h, c)] = ct.nn.LSTM(3, 8)(np.ones((4, 10, 3)))
    >>> y.shape, h.shape, c.shape
    ((4, 10, 8), (4, 8), (4, 8))

    As RNN, with weight_ih_l0 (4 width, n_in) and weight_hh_l0 (4 width, width), whose rows are the gates i, f, g, o
    in this order; a state is (h, c). The forget gate's part of bias_ih starts at 1.
    (Hochreiter and Schmidhuber, 1997; Gers et al., 2000.)
    """

    gates, elsewhere = 4, "lstm"
    parts = ("h", "c")
    start_in, start_bias = init.glorot_lstm, init.remember

    def __init__(self, n_in: int, width: int, layers: int = 1, bidirectional: bool = False, dropout: float = 0.0,
                 bias: bool = True, truncate: int | None = None) -> None:
        self._build(n_in, width, layers, bidirectional, dropout, bias, truncate)

    def _steps(self, u, W, b, before, lengths, reverse):
        h0, c0 = before or (None, None)
        y, h, c, _, _ = ops.lstm(u, W, b, h0, c0, lengths, reverse, self.truncate)
        return y, (h, c)


class GRU(RecurrentLayer):
    """Gated recurrent unit: r, z = σ(W x + b); n = tanh(W x + b + r (W h + b)); h = (1 - z) n + z h.

    >>> import numpy as np, cutaway as ct
    >>> y, [h] = ct.nn.GRU(3, 8)(np.ones((4, 10, 3)))
    >>> y.shape, h.shape
    ((4, 10, 8), (4, 8))

    As RNN, with weight_ih_l0 (3 width, n_in) and weight_hh_l0 (3 width, width), whose rows are the gates r, z, n in
    this order. The reset gate r acts after the matrix product, with biases of its own. (Cho et al., 2014.)
    """

    gates, elsewhere = 3, "gru"
    start_in = init.glorot_gru

    def __init__(self, n_in: int, width: int, layers: int = 1, bidirectional: bool = False, dropout: float = 0.0,
                 bias: bool = True, truncate: int | None = None) -> None:
        self._build(n_in, width, layers, bidirectional, dropout, bias, truncate)

    def _steps(self, u, W, b, before, lengths, reverse):
        y, h, _, _ = ops.gru(u, W, b, before, lengths, reverse, self.truncate)
        return y, h


CELLS: dict[str, type[RNN] | type[LSTM] | type[GRU]] = {"rnn": RNN, "lstm": LSTM, "gru": GRU}


class LastState(Module):
    """A recurrent layer's last h alone, at each row's own length: fits inside Sequential.

    >>> import numpy as np, cutaway as ct
    >>> net = ct.nn.Sequential(ct.nn.LastState(ct.nn.LSTM(3, 8, bidirectional=True)), ct.nn.Linear(16, 2))
    >>> net(np.ones((4, 10, 3))).shape
    (4, 2)

    x (n, time, n_in) or Sequences -> (n, width): the last layer's h; with two directions both, side by side
    (n, 2 width). Its parameters are named after the layer: `lstm.weight_ih_l0`.
    """

    elsewhere = "around"

    def __init__(self, layer: RecurrentLayer) -> None:
        if not isinstance(layer, RecurrentLayer):
            raise ArgumentError(f"LastState takes an RNN, LSTM or GRU, got {layer!r}")
        self.layer = layer

    def children(self) -> Iterator[tuple[str, Module]]:
        yield type(self.layer).__name__.lower(), self.layer

    def forward(self, x: Any) -> Tensor:
        _, state = self.layer(x)
        last = [entry[0] if isinstance(entry, tuple) else entry for entry in state[-self.layer.directions :]]
        return last[0] if len(last) == 1 else ops.concat(last, axis=-1)

    def __repr__(self) -> str:
        return f"LastState({self.layer!r})"
