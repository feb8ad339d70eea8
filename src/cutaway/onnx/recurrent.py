"""Recurrent scans as ONNX has them: its own order of gates, and the input's product a part of the node."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ArgumentError
from .graph import OnnxArray

#: For each gate of ONNX's order, its place in ours: i o f c of i f g o, and z r h of r z n.
ORDERS = {"RNN": [0], "LSTM": [0, 3, 1, 2], "GRU": [1, 0, 2]}


def written(at: Any, op: str, u: OnnxArray, W: OnnxArray, b: OnnxArray | None, states: list[OnnxArray | None],
            lengths: OnnxArray | None, reverse: bool, **settings: Any) -> tuple[OnnxArray, ...]:
    """Write a scan over u (n, time, gates · k): give y (n, time, k) and the last states (n, k).

    Where u = W_ih x + b_ih comes of a layer of its own, the node takes x and does that product too.
    """
    g, k, gates = at.graph, int(W.shape[1] or 0), len(ORDERS[op])
    x, W_in, b_in = _input(at, u, gates * k)
    if not all(a is None or a.name in g.constants for a in (W, W_in, b, b_in)):
        raise ArgumentError(f"{g.scope}: the weights of a recurrent layer are computed from the input, and an ONNX "
                            "file needs fixed numbers")

    def ordered(a: np.ndarray) -> np.ndarray:
        return np.concatenate([a[gate * k : (gate + 1) * k] for gate in ORDERS[op]])[None]

    def bias(a: OnnxArray | None) -> np.ndarray:
        return ordered(np.broadcast_to(0 if a is None else g.constants[a.name], (1, gates * k))[0])

    weights = [g.reformed(a, op, ordered) for a in (W_in, W)]
    both = np.concatenate([bias(b_in), bias(b)], axis=1).astype(W.dtype)
    first = [_state(x, a, k) for a in states]
    while first and first[-1] is None:
        first.pop()
    if lengths is not None:
        lengths = g("Concat", lengths.astype(np.int32), g.constant([1], np.int32), axis=0, shape=(None,))
    made = g(op, _one_more(_time_first(x)), *weights, g.constant(both, name=f"{g.scope}.bias" if g.scope else "bias"),
             lengths, *(None if a is None else _one_more(a) for a in first), outputs=1 + len(states), hidden_size=k,
             direction="reverse" if reverse else "forward", shape=(x.shape[1], 1, x.shape[0], k), **settings)
    y = g("Squeeze", made[0], np.array([1]), shape=(x.shape[1], x.shape[0], k))
    return (_time_first(y)[:-1], *(g("Squeeze", h, np.array([0]), shape=(x.shape[0], k))[:-1] for h in made[1:]))


def _one_more(x: OnnxArray) -> OnnxArray:
    """x (time, n, ...) with one more row, of zeros: a batch without rows is more than some runtimes' scans can bear."""
    return x.graph("Pad", x, np.array([0, 0, 0, 0, 1, 0]), shape=(x.shape[0], None, x.shape[2]))


def _time_first(x: OnnxArray) -> OnnxArray:
    return x.graph("Transpose", x, perm=[1, 0, 2], shape=(x.shape[1], x.shape[0], x.shape[2]))


def _input(at: Any, u: OnnxArray, width: int) -> tuple[OnnxArray, OnnxArray, OnnxArray | None]:
    """What the node's own product is of: the layer's that made u, else of u itself with each number by its own."""
    op, inputs = at.sources.get(u.name, ("", []))
    if op == "linear" and (inputs[2] is None or inputs[2].shape == (width,)) and inputs[1].name in u.graph.constants:
        return tuple(inputs)  # type: ignore[return-value]
    if u.shape[-1] != width:
        raise ArgumentError(f"{u.graph.scope}: a scan of {width} sums a step got {u.shape[-1]}, which ONNX cannot take")
    return u, u.graph.constant(np.eye(width, dtype=u.dtype), name=f"{u.graph.scope}.as_it_is"), None


def _state(x: OnnxArray, state: OnnxArray | None, k: int) -> OnnxArray | None:
    """A state before the first step as ONNX has it: (1, n, k)."""
    if state is None:
        return None
    g = x.graph
    rows = g("Shape", x, start=0, end=1, dtype=np.int64, shape=(1,))
    shape = g("Concat", np.array([1]), rows, np.array([k]), axis=0, shape=(3,))
    return g("Expand", state, shape, dtype=state.dtype, shape=(1, x.shape[0], k))
