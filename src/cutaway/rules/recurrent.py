"""Recurrent scans: a state carried along time.

u (n, time, gates · k) is the input's part of every step at once, W_ih x + b_ih; W (gates · k, k) and b (gates · k,)
carry the state on. h0, c0 (n, k): the state before the first step; (k,) is the same for every row. lengths (n,): beyond
its length a row's state stays, and its outputs are zero. All of these but u and W may be None. reverse: from the end
(of each length) to the start. truncate: steps after which the gradient is cut, or None. The gates of one step are
elementwise functions, which kernels inline too.
"""

from .elementwise import sigmoid
from .namespace import xp
from .registry import rule, together
from .shape import bias_gradient, flat

# ---- what every scan needs -------------------------------------------------------------------------------------------


def along_time(a):
    return xp.swapaxes(a, 0, 1)


def running(shape, lengths):
    """(time, n, 1): whether a row still runs."""
    n, time = shape[0], shape[1]
    if lengths is None:
        return xp.full((time, n, 1), True)
    return (xp.expand_dims(xp.arange(time), -1) < lengths).reshape(time, n, 1)


def since_start(shape, lengths, reverse):
    """(time, n, 1): how many steps of its own scan a row has behind it."""
    n, time = shape[0], shape[1]
    steps = xp.expand_dims(xp.arange(time), -1)
    if reverse:
        steps = (time if lengths is None else xp.minimum(lengths, time)) - 1 - steps
    return xp.broadcast_to(steps, (time, n)).reshape(time, n, 1)


def before(a, a0, lengths, reverse):
    """(time, n, k): the state that each step started from; a (n, time, k) are the states after it, zero beyond."""
    a = along_time(a)
    edge = xp.full((1, *a.shape[1:]), 0, a.dtype)
    moved = xp.concatenate((a[1:], edge)) if reverse else xp.concatenate((edge, a[:-1]))
    if a0 is None:
        return moved
    first = since_start((a.shape[1], a.shape[0]), lengths, reverse) == 0
    return xp.where(first, a0, moved)


def start(a0, n, k, dtype):
    return xp.full((n, k), 0, dtype) if a0 is None else xp.broadcast_to(a0, (n, k))


def cuts(shape, lengths, reverse, truncate):
    """(time, n, 1): whether the gradient goes no further back than this step."""
    if truncate is None:
        return xp.full((shape[1], shape[0], 1), False)
    steps = since_start(shape, lengths, reverse)
    return (steps > 0) & (steps % truncate == 0)


def gates_of(z, count):
    """The gates' parts of z (n, count · k)."""
    k = z.shape[-1] // count
    return [z[..., i * k : (i + 1) * k] for i in range(count)]


def or_zero(gradient, shape, dtype):
    return xp.full(shape, 0, dtype) if gradient is None else gradient


def scan_shape(u, W, b, *states, **settings):
    """The sums and the states of one step."""
    (n, _, width), (gates, k) = u, W
    if width not in (1, gates):
        raise ValueError
    return [together((n, gates), b), *(together((n, k), state) for state in states[:-1])]

rnn_shape = lstm_shape = gru_shape = scan_shape


# ---- Elman: h = tanh(u + W h + b), or max(0, ...) --------------------------------------------------------------------


def rnn_cell(z, relu):
    return xp.where(relu, xp.maximum(z, 0), xp.tanh(z))

def rnn_cell_back(dh, h, relu):
    return dh * xp.where(relu, xp.sign(h), 1 - h * h)


@rule("y, h = tanh(u + W h + b)", absent_gradients=True, overwrites={"y": "u"}, sums={"s": ""}, slope={"s": "1 − h²"},
      products=("y", "W"), rounds=True, units="cell", kink=lambda y, relu: relu & (y > 0),
      shapes="u (n, time, k)  W (k, k)  b? (k)  h0? (n, k)  lengths? int (n)  y (n, time, k)  h (n, k)")
def rnn(u, W, b, h0, lengths, *, relu, reverse, truncate):
    """-> y (n, time, k): every h; h (n, k): the last. relu: max(0, z) in place of tanh z."""
    def step(h, now):
        z, runs = now
        z = z + xp.matmul(h, W.T) if b is None else z + xp.matmul(h, W.T) + b
        h = xp.where(runs, rnn_cell(z, relu), h)
        return h, (xp.where(runs, h, 0),)

    runs = running(u.shape, lengths)
    h, (y,) = xp.scan(step, start(h0, u.shape[0], W.shape[1], u.dtype), (along_time(u), runs), reverse)
    return along_time(y), h

def rnn_back(dy, dh, y, W, b_shape, h0, lengths, *, relu, reverse, truncate):
    """du = dh (1 - h²), back through time, dW = Σ duᵀ h, db = Σ du"""
    def step(dh, now):
        dy, y, runs, cut = now
        du = xp.where(runs, rnn_cell_back(dh + dy, y, relu), 0)
        return xp.where(runs, xp.where(cut, 0, xp.matmul(du, W)), dh), (du,)

    n, _, k = y.shape
    dy = or_zero(dy, y.shape, y.dtype)
    inputs = along_time(dy), along_time(y), running(y.shape, lengths), cuts(y.shape, lengths, reverse, truncate)
    dh0, (du,) = xp.scan(step, or_zero(dh, (n, k), y.dtype), inputs, not reverse)
    dW = xp.matmul(flat(du).T, flat(before(y, h0, lengths, reverse)))
    return along_time(du), dW, bias_gradient(du, b_shape), dh0, None


# ---- LSTM: i, f, g, o = σ, σ, tanh, σ of u + W h + b; c = f c + i g; h = o tanh c ------------------------------------


def lstm_cell(i, f, g, o, c):
    i, f, g, o = sigmoid(i), sigmoid(f), xp.tanh(g), sigmoid(o)
    c = f * c + i * g
    return i, f, g, o, c, o * xp.tanh(c)

def lstm_cell_back(dh, dc, i, f, g, o, c, c_before):
    s = xp.tanh(c)
    dc = dc + dh * o * (1 - s * s)
    return dc * g * i * (1 - i), dc * c_before * f * (1 - f), dc * i * (1 - g * g), dh * s * o * (1 - o), dc * f


@rule("y, h, c, gates, cells = o tanh(c), c = f c + i g, from i, f, g, o = gates(u + W h + b)", absent_gradients=True,
      overwrites={"gates": "u", "du": "gates"}, sums={"i": "input", "f": "forget", "g": "candidate", "o": "output"},
      slope={"i": "g i(1 − i)", "f": "c₋₁ f(1 − f)", "g": "i (1 − g²)", "o": "tanh(c) o(1 − o)", "cells": "f",
             "y": "o (1 − tanh²(c))"}, products=("y", "W"), rounds=True, units="cell",
      shapes="u (n, time, 4k)  W (4k, k)  b? (4k)  h0? (n, k)  c0? (n, k)  lengths? int (n)  y (n, time, k)  h (n, k)"
             "  c (n, k)  gates (n, time, 4k)  cells (n, time, k)")
def lstm(u, W, b, h0, c0, lengths, *, reverse, truncate):
    """-> y (n, time, k): every h; h, c (n, k): the last; gates (n, time, 4k): i, f, g, o; cells: every c, as y."""
    def step(state, now):
        (h, c), (z, runs) = state, now
        z = z + xp.matmul(h, W.T) if b is None else z + xp.matmul(h, W.T) + b
        i, f, g, o = gates_of(z, 4)
        *gates, c_new, h_new = lstm_cell(i, f, g, o, c)
        h, c = xp.where(runs, h_new, h), xp.where(runs, c_new, c)
        gates = xp.where(runs, xp.concatenate(gates, -1), 0)
        return (h, c), (xp.where(runs, h, 0), gates, xp.where(runs, c, 0))

    n, k = u.shape[0], W.shape[1]
    first = start(h0, n, k, u.dtype), start(c0, n, k, u.dtype)
    (h, c), (y, gates, cells) = xp.scan(step, first, (along_time(u), running(u.shape, lengths)), reverse)
    return along_time(y), h, c, along_time(gates), along_time(cells)

def lstm_back(dy, dh, dc, y, gates, cells, W, b_shape, h0, c0, lengths, *, reverse, truncate):
    """du = dh back through the gates and time, dW = Σ duᵀ h, db = Σ du"""
    def step(state, now):
        (dh, dc), (dy, gates, c, c_before, runs, cut) = state, now
        i, f, g, o = gates_of(gates, 4)
        *du, dc_new = lstm_cell_back(dh + dy, dc, i, f, g, o, c, c_before)
        du = xp.where(runs, xp.concatenate(du, -1), 0)
        dh = xp.where(runs, xp.where(cut, 0, xp.matmul(du, W)), dh)
        return (dh, xp.where(runs, xp.where(cut, 0, dc_new), dc)), (du,)

    n, _, k = y.shape
    last = or_zero(dh, (n, k), y.dtype), or_zero(dc, (n, k), y.dtype)
    inputs = (along_time(or_zero(dy, y.shape, y.dtype)), along_time(gates), along_time(cells),
              before(cells, c0, lengths, reverse), running(y.shape, lengths),
              cuts(y.shape, lengths, reverse, truncate))
    (dh0, dc0), (du,) = xp.scan(step, last, inputs, not reverse)
    dW = xp.matmul(flat(du).T, flat(before(y, h0, lengths, reverse)))
    return along_time(du), dW, bias_gradient(du, b_shape), dh0, dc0, None


# ---- GRU: r, z = σ(u + W h + b); n = tanh(u + r (W h + b)); h = (1 - z) n + z h -------------------------------------


def gru_cell(ur, uz, un, vr, vz, vn, h):
    r, z = sigmoid(ur + vr), sigmoid(uz + vz)
    n = xp.tanh(un + r * vn)
    return r, z, n, n + z * (h - n)

def gru_cell_back(dh, r, z, n, v, h_before):
    dn = dh * (1 - z) * (1 - n * n)
    return dn * v * r * (1 - r), dh * (h_before - n) * z * (1 - z), dn, dn * r, dh * z


@rule("y, h, gates, v = (1 - z) n + z h, from r, z = σ(u + W h + b), n = tanh(u + r v), v = W h + b",
      absent_gradients=True, overwrites={"gates": "u", "du": "gates"},
      sums={"r": "reset", "z": "update", "n": "candidate"},
      slope={"r": "(1 − z)(1 − n²) v r(1 − r)", "z": "(h₋₁ − n) z(1 − z)", "n": "(1 − z)(1 − n²) r",
             "u": "(1 − z)(1 − n²)", "y": "z"}, products=("y", "W"), rounds=True, units="cell",
      shapes="u (n, time, 3k)  W (3k, k)  b? (3k)  h0? (n, k)  lengths? int (n)  y (n, time, k)  h (n, k)"
             "  gates (n, time, 3k)  v (n, time, k)")
def gru(u, W, b, h0, lengths, *, reverse, truncate):
    """-> y (n, time, k): every h; h (n, k): the last; gates (n, time, 3k): r, z, n; v (n, time, k)."""
    def step(h, now):
        u, runs = now
        v = xp.matmul(h, W.T) if b is None else xp.matmul(h, W.T) + b
        (ur, uz, un), (vr, vz, vn) = gates_of(u, 3), gates_of(v, 3)
        *gates, h_new = gru_cell(ur, uz, un, vr, vz, vn, h)
        h = xp.where(runs, h_new, h)
        gates = xp.where(runs, xp.concatenate(gates, -1), 0)
        return h, (xp.where(runs, h, 0), gates, xp.where(runs, vn, 0))

    first = start(h0, u.shape[0], W.shape[1], u.dtype)
    h, (y, gates, v) = xp.scan(step, first, (along_time(u), running(u.shape, lengths)), reverse)
    return along_time(y), h, along_time(gates), along_time(v)

def gru_back(dy, dh, y, gates, v, W, b_shape, h0, lengths, *, reverse, truncate):
    """du = dh back through the gates and time, dW = Σ dvᵀ h, db = Σ dv"""
    def step(dh, now):
        dy, gates, v, h_before, runs, cut = now
        r, z, m = gates_of(gates, 3)
        dr, dz, dn, dv, passed = gru_cell_back(dh + dy, r, z, m, v, h_before)
        du, dWh = xp.concatenate((dr, dz, dn), -1), xp.concatenate((dr, dz, dv), -1)
        du, dWh = xp.where(runs, du, 0), xp.where(runs, dWh, 0)
        return xp.where(runs, xp.where(cut, 0, passed + xp.matmul(dWh, W)), dh), (du, dWh)

    n, _, k = y.shape
    h_before = before(y, h0, lengths, reverse)
    inputs = (along_time(or_zero(dy, y.shape, y.dtype)), along_time(gates), along_time(v), h_before,
              running(y.shape, lengths), cuts(y.shape, lengths, reverse, truncate))
    dh0, (du, dWh) = xp.scan(step, or_zero(dh, (n, k), y.dtype), inputs, not reverse)
    return along_time(du), xp.matmul(flat(dWh).T, flat(h_before)), bias_gradient(dWh, b_shape), dh0, None
