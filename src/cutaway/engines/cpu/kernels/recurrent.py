"""Recurrent scans: the input's products for all steps came before; only the state's are inside."""

# ruff: noqa: F821
from __future__ import annotations

import numpy as np

from ....program import Instruction, Value
from .helpers import apart
from .product import APART, DEEP, WIDEST, panels
from .takes import Takes


def rnn(n, u, W, b, h0, lengths, y, h, work, time, k, relu, reverse, packed):
    bias, z, P = work, at(work, k), at(work, k + n * k)
    _pack_turned(k, k, W, P)
    _begin(b, bias, k)
    _begin(h0, h, n * k)
    for s in range(time):
        t = time - 1 - s if reverse else s
        _times_packed(n, k, k, h, k, P, at(u, t * k), time * k, 1, z, k, at(P, packed))
        for r in range(n):
            now = (r * time + t) * k
            if given(lengths) and t >= lengths[r]:
                _zero(at(y, now), k)
            else:
                _rnn_step(at(z, r * k), bias, at(h, r * k), at(y, now), k, relu)


def _pack_turned(k, m, W, P):
    pack_turned(k, m, W, k, P)


def _pack_plain(m, k, W, P):
    pack(m, k, W, k, P)


def _times_packed(n, m, k, A, ar, P, S, sr, start, C, cr, X):
    """C (n, m) = S + A (n, k) times the matrix packed in P. X: room that rounded factors need (pairs_recurrent.py)."""
    product(n, m, k, A, ar, 1, 1, 0, P, PANEL, PANEL * k, 0, S, sr, start, C, cr)


def _begin(start, state, k):
    """A state's first values: those given, or zeros."""
    if given(start):
        _copy(start, state, k)
    else:
        _zero(state, k)


@apart
def _rnn_step(z, b, h, y, k, relu):
    for j in range(k):
        new = rnn_cell(z[j] + b[j], relu != 0)
        h[j] = new
        y[j] = new


def rnn_back(n, dy, dh, y, W, h0, lengths, du, dW, db, dh0, work, time, k, relu, reverse, truncate,
             packed):
    zeros, eh, product_, D, wide = work, at(work, k), at(work, k + n * k), at(work, k + 2 * n * k), k + APART
    P = at(D, n * wide)
    _pack_plain(k, k, W, P)
    _zero(D, n * wide)
    _begin(dh, eh, n * k)
    _zero(zeros, k)
    for s in range(time):
        t = s if reverse else time - 1 - s
        for r in range(n):
            now = (r * time + t) * k
            if given(lengths) and t >= lengths[r]:
                _zero(at(du, now), k)
            else:
                above = at(dy, now) if given(dy) else zeros
                _rnn_step_back(at(eh, r * k), above, at(y, now), at(du, now), at(D, r * wide), k, relu)
                if _cut(t, r, lengths, time, reverse, truncate):
                    _zero(at(D, r * wide), k)
        if s < time - 1 or given(dh0):
            _state_back(n, k, k, D, wide, P, product_, eh, 0, lengths, t, at(P, packed))
    _state_weights(n, time, k, k, du, k, y, h0, lengths, dW, db, reverse, P, at(P, packed))
    if given(dh0):
        _copy(eh, dh0, n * k)


@apart
def _rnn_step_back(dh, dy, y, du, D, k, relu):
    for j in range(k):
        d = rnn_cell_back(dh[j] + dy[j], y[j], relu != 0)
        du[j] = d
        D[j] = d


def _state_back(n, k, m, D, wide, P, result, eh, more, lengths, t, X):
    """The gradient of the state before: D (n, m) W, `more` than what eh has; rows that stand still keep theirs."""
    _times_packed(n, k, m, D, wide, P, eh, k, more, result, k, X)
    for r in range(n):
        if not (given(lengths) and t >= lengths[r]):
            _copy(at(result, r * k), at(eh, r * k), k)


def _last(r, lengths, time):
    """Row r's last step, which is one of its steps even where a network computed its length."""
    return max(0, min(time, lengths[r] if given(lengths) else time) - 1)


def _cut(t, r, lengths, time, reverse, truncate):
    """Whether the gradient stops here: every `truncate` steps from the start of row r's own scan."""
    steps = t
    if reverse:
        steps = _last(r, lengths, time) - t
    return truncate > 0 and steps > 0 and steps % max(truncate, 1) == 0


def _state_weights(n, time, k, m, du, width, y, h0, lengths, dW, db, reverse, P, X):
    """dW (m, k) and db (m): the first m of du's `width` columns, times 1 and times the state before each step.

    That is y one step earlier, or later in reverse, and h0 at the start of a row's own scan. A few rows are done at a
    time: their states are packed and stay in cache.
    """
    now = 0 if reverse else 1
    before = 1 - now
    if given(dW) and n == 0:
        _zero(dW, m * k)
    some = max(1, DEEP // time)
    for first in range(0, n if given(dW) else 0, some):
        count = min(some, n - first)
        d, states = at(du, (first * time + now) * width), at(y, (first * time + before) * k)
        for j in range(0, k, PANEL):
            columns, c = min(PANEL, k - j), at(dW, j)
            for i in range(count):
                pack(time - 1, columns, at(states, i * time * k + j), k, at(P, i * (time - 1) * PANEL))
            product(m, columns, time - 1, d, 1, width, count, time * width, P, PANEL, 0, (time - 1) * PANEL, c, k,
                    first, c, k)
    if given(dW) and given(h0):
        for r in range(n):
            start = _last(r, lengths, time) if reverse else 0
            product(m, k, 1, at(du, (r * time + start) * width), 1, 1, 1, 0, at(h0, r * k), k, PANEL, 0,
                    dW, k, 1, dW, k)
    if given(db):
        _sum_rows(n * time, m, du, width, db, P)


def lstm(n, u, W, b, h0, c0, lengths, y, h, c, gates, cells, work, time, k, reverse, packed):
    bias, P, row = work, at(work, 4 * k), time * 4 * k
    _pack_turned(k, 4 * k, W, P)
    _begin(b, bias, 4 * k)
    _begin(h0, h, n * k)
    _begin(c0, c, n * k)
    for s in range(time):
        t = time - 1 - s if reverse else s
        now = at(gates, t * 4 * k)
        _times_packed(n, 4 * k, k, h, k, P, at(u, t * 4 * k), row, 1, now, row, at(P, packed))
        for r in range(n):
            i, place = at(now, r * row), (r * time + t) * k
            if given(lengths) and t >= lengths[r]:
                _zero(i, 4 * k)
                _zero(at(cells, place), k)
                _zero(at(y, place), k)
            else:
                _lstm_step(i, at(i, k), at(i, 2 * k), at(i, 3 * k), bias, at(c, r * k), at(cells, place), at(h, r * k),
                           at(y, place), k)


@apart
def _lstm_step(i, f, g, o, b, c, cells, h, y, k):
    for j in range(k):
        i_, f_, g_, o_, c_, h_ = lstm_cell(i[j] + b[j], f[j] + b[k + j], g[j] + b[2 * k + j], o[j] + b[3 * k + j], c[j])
        i[j] = i_
        f[j] = f_
        g[j] = g_
        o[j] = o_
        c[j] = c_
        cells[j] = c_
        h[j] = h_
        y[j] = h_


def lstm_back(n, dy, dh, dc, y, gates, cells, W, h0, c0, lengths, du, dW, db, dh0, dc0, work, time, k, reverse,
              truncate, packed):
    zeros, eh, ec, wide = work, at(work, k), at(work, k + n * k), 4 * k + APART
    product_, D = at(ec, n * k), at(ec, 2 * n * k)
    P = at(D, n * wide)
    _pack_plain(4 * k, k, W, P)
    _zero(zeros, k)
    _zero(D, n * wide)
    _begin(dh, eh, n * k)
    _begin(dc, ec, n * k)
    for s in range(time):
        t = s if reverse else time - 1 - s
        for r in range(n):
            now = r * time + t
            d, copy = at(du, now * 4 * k), at(D, r * wide)
            if given(lengths) and t >= lengths[r]:
                _zero(d, 4 * k)
            else:
                above = at(dy, now * k) if given(dy) else zeros
                first = t == 0
                before = at(cells, (now - 1) * k)
                if reverse:
                    first = t == _last(r, lengths, time)
                    before = at(cells, (now + 1) * k)
                if first:
                    before = at(c0, r * k) if given(c0) else zeros
                _lstm_step_back(at(eh, r * k), above, at(ec, r * k), at(gates, now * 4 * k), at(cells, now * k), before,
                                d, at(d, k), at(d, 2 * k), at(d, 3 * k),
                                copy, at(copy, k), at(copy, 2 * k), at(copy, 3 * k), k)
                if _cut(t, r, lengths, time, reverse, truncate):
                    _zero(copy, 4 * k)
                    _zero(at(ec, r * k), k)
        if s < time - 1 or given(dh0):
            _state_back(n, k, 4 * k, D, wide, P, product_, eh, 0, lengths, t, at(P, packed))
    _state_weights(n, time, k, 4 * k, du, 4 * k, y, h0, lengths, dW, db, reverse, P, at(P, packed))
    if given(dh0):
        _copy(eh, dh0, n * k)
    if given(dc0):
        _copy(ec, dc0, n * k)


@apart
def _lstm_step_back(dh, dy, dc, gates, c, before, di, df, dg, do, Di, Df, Dg, Do, k):
    for j in range(k):
        i_, f_, g_, o_, c_ = lstm_cell_back(dh[j] + dy[j], dc[j], gates[j], gates[k + j], gates[2 * k + j],
                                            gates[3 * k + j], c[j], before[j])
        di[j] = i_
        df[j] = f_
        dg[j] = g_
        do[j] = o_
        Di[j] = i_
        Df[j] = f_
        Dg[j] = g_
        Do[j] = o_
        dc[j] = c_


def gru(n, u, W, b, h0, lengths, y, h, gates, v, work, time, k, reverse, packed):
    bias, z, P = work, at(work, 3 * k), at(work, 3 * k + n * 3 * k)
    _pack_turned(k, 3 * k, W, P)
    _begin(b, bias, 3 * k)
    _begin(h0, h, n * k)
    for s in range(time):
        t = time - 1 - s if reverse else s
        _times_packed(n, 3 * k, k, h, k, P, bias, 0, 1, z, 3 * k, at(P, packed))
        for r in range(n):
            now = r * time + t
            g = at(gates, now * 3 * k)
            if given(lengths) and t >= lengths[r]:
                _zero(g, 3 * k)
                _zero(at(v, now * k), k)
                _zero(at(y, now * k), k)
            else:
                _gru_step(at(u, now * 3 * k), at(z, r * 3 * k), g, at(g, k), at(g, 2 * k), at(v, now * k), at(h, r * k),
                          at(y, now * k), k)


@apart
def _gru_step(u, w, r, z, n, v, h, y, k):
    for j in range(k):
        v_ = w[2 * k + j]
        r_, z_, n_, h_ = gru_cell(u[j], u[k + j], u[2 * k + j], w[j], w[k + j], v_, h[j])
        r[j] = r_
        z[j] = z_
        n[j] = n_
        v[j] = v_
        h[j] = h_
        y[j] = h_


def gru_back(n, dy, dh, y, gates, v, W, h0, lengths, du, dW, db, dh0, work, time, k, reverse, truncate, packed):
    """D holds a step's gradients of W h + b, of which n's part is r times that in du; V keeps this part for later."""
    zeros, eh, wide = work, at(work, k), 3 * k + APART
    product_, D = at(eh, n * k), at(eh, 2 * n * k)
    V = at(D, n * wide)
    P = at(V, n * time * k)
    _pack_plain(3 * k, k, W, P)
    _zero(zeros, k)
    _zero(D, n * wide)
    _begin(dh, eh, n * k)
    for s in range(time):
        t = s if reverse else time - 1 - s
        for r in range(n):
            now = r * time + t
            d, copy = at(du, now * 3 * k), at(D, r * wide)
            if given(lengths) and t >= lengths[r]:
                _zero(d, 3 * k)
                _zero(at(V, now * k), k)
            else:
                above = at(dy, now * k) if given(dy) else zeros
                first = t == 0
                before = at(y, (now - 1) * k)
                if reverse:
                    first = t == _last(r, lengths, time)
                    before = at(y, (now + 1) * k)
                if first:
                    before = at(h0, r * k) if given(h0) else zeros
                _gru_step_back(at(eh, r * k), above, at(gates, now * 3 * k), at(v, now * k), before, d, at(d, k),
                               at(d, 2 * k), copy, at(copy, k), at(copy, 2 * k), at(V, now * k), k)
                if _cut(t, r, lengths, time, reverse, truncate):
                    _zero(copy, 3 * k)
                    _zero(at(eh, r * k), k)
        if s < time - 1 or given(dh0):
            _state_back(n, k, 3 * k, D, wide, P, product_, eh, 1, lengths, t, at(P, packed))
    _state_weights(n, time, k, 2 * k, du, 3 * k, y, h0, lengths, dW, db, reverse, P, at(P, packed))
    _state_weights(n, time, k, k, V, k, y, h0, lengths, at(dW, 2 * k * k) if given(dW) else dW,
                   at(db, 2 * k) if given(db) else db, reverse, P, at(P, packed))
    if given(dh0):
        _copy(eh, dh0, n * k)


@apart
def _gru_step_back(dh, dy, gates, v, before, dr, dz, dn, Dr, Dz, Dv, V, k):
    for j in range(k):
        r_, z_, n_, v_, h_ = gru_cell_back(dh[j] + dy[j], gates[j], gates[k + j], gates[2 * k + j], v[j], before[j])
        dr[j] = r_
        dz[j] = z_
        dn[j] = n_
        Dr[j] = r_
        Dz[j] = z_
        Dv[j] = v_
        V[j] = v_
        dh[j] = h_


# ---- what kernels take; more numbers for them, from sizes and settings (None: not this case) -----------

def _scan(gates: int, forward: int, back: int, kept: int = 0):
    """Numbers of a recurrent scan. forward, back, kept: how often n k, and n k time, numbers are in its work, before
    the `packed` ones of P, which is last."""

    def numbers(s: dict[str, int], v: dict[str, Value], i: Instruction) -> dict | None:
        time, k, truncate = s["time"], s["k"], i.attributes["truncate"]
        if truncate is not None and (not isinstance(truncate, int | np.integer) or truncate < 1):
            return None
        flags = {"truncate": truncate or 0} | {name: int(bool(i.attributes[name])) for name in ("reverse", "relu")
                                               if name in i.attributes}
        packed = max(panels(gates * k, k), panels(k, gates * k), max(DEEP, time) * WIDEST)
        row = (back + kept * time) * k + APART if i.backward else forward * k
        return flags | {"packed": packed, "work": (packed + gates * k, row)}

    return numbers


TAKES = {
    "rnn": Takes("dy? dh? du dW? db? dh0?", numbers=_scan(1, 1, 3)),
    "lstm": Takes("dy? dh? dc? du dW? db? dh0? dc0?", numbers=_scan(4, 0, 7)),
    "gru": Takes("dy? dh? du dW? db? dh0?", numbers=_scan(3, 3, 5, kept=1)),
}
