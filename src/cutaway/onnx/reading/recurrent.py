"""Recurrent nodes: ONNX's order of gates becomes ours, each direction a scan of its own, with its own weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autodiff import Tensor, apply, ops, scope
from ..recurrent import ORDERS
from .table import node
from .values import Fixed, Turned

MOST_STEPS = 1000  # of a GRU that resets before its product, which is written step by step
USUAL = {"RNN": ["Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"]}


def ours(op: str, a: np.ndarray, k: int) -> np.ndarray:
    """Put the gates' rows of a (gates · k, ...) in our order."""
    parts = [a[i * k : (i + 1) * k] for i in range(len(ORDERS[op]))]
    found: list[Any] = [None] * len(parts)
    for part, place in zip(parts, ORDERS[op], strict=True):
        found[place] = part
    return np.concatenate(found)


def scan(at: Any, op: str, X: Turned, W: Any, R: Any, B: Any, lens: Any, states: list[Any], direction: str,
         k: int, layout: int, activations: Any, clip: Any, alpha: Any, beta: Any, **more: Any) -> tuple[Turned, ...]:
    """Run a node's directions: give every state of each step, and the last ones."""
    sides: list[bool] = {"forward": [False], "reverse": [True], "bidirectional": [False, True]}.get(direction, [])
    if not sides or not isinstance(W, Fixed) or not isinstance(R, Fixed) or not isinstance(B, Fixed | None):
        at.refuse("its weights are computed from the data, or its direction is unknown")
    if clip:
        at.refuse(f"it cuts sums at {clip:g}, which our layers do not: export it without clip")
    if alpha or beta:
        at.refuse("its activations have settings of their own")
    k = k or R.shape[-1]
    words = [w.title() if w.lower() == w else w for w in activations or USUAL[op] * len(sides)]
    usual = words == USUAL[op] * len(sides)
    relu = op == "RNN" and words == ["Relu"] * len(sides)
    if not usual and not relu:
        at.refuse(f"its activations are {', '.join(words)}, and {', '.join(USUAL[op])} are read"
                  + (", or Relu" * (op == "RNN")))
    x = at.real(X.ordered([1, 0, 2] if layout == 0 else [0, 1, 2]))
    lengths = _lengths(at, lens, x)
    ys, lasts = [], []
    for d, reverse in enumerate(sides):
        turn = "_reverse" if reverse else ""

        def own(a: np.ndarray, d: int = d) -> np.ndarray:
            return ours(op, a[d], k)

        def half(a: np.ndarray, which: int, d: int = d) -> np.ndarray:
            return ours(op, np.split(a[d], 2)[which], k)

        with scope(f"{at.where}.reverse" if reverse and len(sides) > 1 else at.where):
            W_in = at.weight(W, f"W{turn}", own, turn)
            b_in = None if B is None else at.weight(B, f"b{turn}", lambda a, half=half: half(a, 0), f"_ih{turn}")
            b_on = None if B is None else at.weight(B, f"r{turn}", lambda a, half=half: half(a, 1), f"_hh{turn}")
            first = [_state(at, s, which, d, layout, x) for which, s in zip("hc", states, strict=False)]
            u = ops.linear(x, W_in, b_in)
            if op == "GRU" and not more["linear_before_reset"]:
                cuts = {"gates": slice(2 * k), "new": slice(2 * k, None)}
                parts = [at.weight(R, f"R {word}{turn}", lambda a, own=own, c=cut: own(a)[c], f"_{word}{turn}")
                         for word, cut in cuts.items()]
                y, *last = resetting_first(at, u, parts[0], parts[1], b_on, first[0], lengths, reverse)
                ys.append(y)
                lasts.append(last)
                continue
            W_on = at.weight(R, f"R{turn}", own, turn)
            if op == "RNN":
                y, *last = ops.rnn(u, W_on, b_on, first[0], lengths, relu, reverse)
            elif op == "LSTM":
                y, *last = ops.lstm(u, W_on, b_on, first[0], first[1], lengths, reverse)[:3]
            else:
                y, *last = ops.gru(u, W_on, b_on, first[0], lengths, reverse)[:2]
        ys.append(y)
        lasts.append(last)
    n, steps, _ = ys[0].shape
    y = ys[0] if len(ys) == 1 else ops.concat(ys, axis=-1)
    y = ops.reshape(y, (n, steps, len(ys), k))
    made = [Turned(y, (1, 2, 0, 3) if layout == 0 else (0, 1, 2, 3))]
    for part in zip(*lasts, strict=True):
        h = part[0] if len(part) == 1 else ops.concat(list(part), axis=-1)
        made.append(Turned(ops.reshape(h, (n, len(part), k)), (1, 0, 2) if layout == 0 else (0, 1, 2)))
    return tuple(made)


def _lengths(at: Any, lens: Any, x: Tensor) -> Tensor | None:
    if lens is None:
        return None
    if isinstance(lens, Turned):
        if not lens.whole or lens.ndim != 1:
            at.refuse("the lengths of its sequences are no whole numbers of the input")
        return lens.tensor
    if (lens.array == x.shape[1]).all():
        return None
    at.refuse("the lengths of its sequences are fixed in the file: make them an input")
    return None


def _state(at: Any, state: Any, which: str, d: int, layout: int, x: Tensor) -> Any:
    """A state before the first step, for one direction: (n, k), or (k,) where it is the same for all rows."""
    if state is None:
        return None
    if isinstance(state, Turned):
        rows = at.real(state.ordered([1, 0, 2] if layout == 0 else [0, 1, 2]))
        return rows[:, d]
    side = state.array[d] if layout == 0 else state.array[:, d]
    if not (side == side[:1]).all():
        at.refuse("the states before its first step are numbers of the file that differ from row to row")
    if not side[:1].any():
        return None
    if not state.weight:
        return side[0].astype(at.dtype)
    return at.weight(Fixed(side[0], state.name), f"{which} {d}", None, "_reverse" if d else "")


def resetting_first(at: Any, u: Tensor, gates: Tensor, own: Tensor, b: Tensor | None, h0: Any,
                    lengths: Tensor | None, reverse: bool) -> tuple[Tensor, Tensor]:
    """A GRU whose gate r acts before the product, n = tanh(u + W (r h) + b): step by step, since no scan does that."""
    n, steps, width = u.shape
    k = width // 3
    if steps > MOST_STEPS:
        at.refuse(f"a GRU that resets before its product is written step by step, {MOST_STEPS} at most, and this "
                  f"input has {steps}: export it with reset_after (linear_before_reset=1)")
    b_gates, b_own = (None, None) if b is None else (b[: 2 * k], b[2 * k :])
    h = h0 if isinstance(h0, Tensor) and h0.ndim == 2 else apply("mul", u[:, 0, :k], 0.0) + (0.0 if h0 is None else h0)
    inside = None if lengths is None else ops.masked(apply("add", apply("mul", u[:, :, :1], 0.0), 1.0), lengths)
    found: list[Any] = [None] * steps
    for t in range(steps)[::-1] if reverse else range(steps):
        rz = ops.sigmoid(u[:, t, : 2 * k] + ops.linear(h, gates, b_gates))
        r, z = rz[:, :k], rz[:, k:]
        m = ops.tanh(u[:, t, 2 * k :] + ops.linear(r * h, own, b_own))
        new = m + z * (h - m)
        if inside is None:
            h = found[t] = new
        else:
            h = ops.where(inside[:, t], new, h)
            found[t] = ops.where(inside[:, t], new, 0.0)
    y = ops.reshape(ops.concat(found, axis=-1), (n, steps, k)) if steps > 1 else ops.reshape(found[0], (n, 1, k))
    return y, h


@node("RNN")
def rnn(at, X, W, R, B=None, sequence_lens=None, initial_h=None, activation_alpha=None, activation_beta=None,
        activations=None, clip=None, direction="forward", hidden_size=None, layout=0, output_sequence=0):
    return scan(at, "RNN", X, W, R, B, sequence_lens, [initial_h], direction, hidden_size, layout, activations, clip,
                activation_alpha, activation_beta)


@node("LSTM")
def lstm(at, X, W, R, B=None, sequence_lens=None, initial_h=None, initial_c=None, P=None, activation_alpha=None,
         activation_beta=None, activations=None, clip=None, direction="forward", hidden_size=None, input_forget=0,
         layout=0, output_sequence=0):
    if input_forget or (P is not None and (not isinstance(P, Fixed) or P.array.any())):
        at.refuse("its gates see the cell (peepholes), or share one gate, which our LSTM has not")
    return scan(at, "LSTM", X, W, R, B, sequence_lens, [initial_h, initial_c], direction, hidden_size, layout,
                activations, clip, activation_alpha, activation_beta)


@node("GRU")
def gru(at, X, W, R, B=None, sequence_lens=None, initial_h=None, activation_alpha=None, activation_beta=None,
        activations=None, clip=None, direction="forward", hidden_size=None, layout=0, linear_before_reset=0,
        output_sequence=0):
    return scan(at, "GRU", X, W, R, B, sequence_lens, [initial_h], direction, hidden_size, layout, activations, clip,
                activation_alpha, activation_beta, linear_before_reset=linear_before_reset)
