"""Recurrent scans: the input's products for all steps came before; only the state's are inside."""

# ruff: noqa: F821
from __future__ import annotations

from ...program import Instruction, Value
from .helpers import apart


def rnn(n, u, W, b, h0, lengths, y, h, work, time, k, relu, reverse, wide):
    bias, z = work, at(work, k)
    Wt = at(z, k * n)
    if not wide:
        _transpose(W, Wt, k, k)
    _begin(b, bias, k)
    _begin(h0, h, n * k)
    for s in range(time):
        t = time - 1 - s if reverse else s
        if s or given(h0):
            _state_product(n, k, k, h, W, Wt, z, wide)
        else:
            _zero(z, n * k)
        for r in range(n):
            now = (r * time + t) * k
            if given(lengths) and t >= lengths[r]:
                _zero(at(y, now), k)
            else:
                _rnn_step(at(u, now), at(z, r * k), bias, at(h, r * k), at(y, now), k, relu)


def _state_product(n, k, m, h, W, Wt, z, wide):
    """z (n, m) = h Wᵀ. A wide W is faster from the left, z and h transposed (16 rows of 256: 81, not 46 GFLOP/s)."""
    if wide:
        turned, result = at(z, n * m), at(z, n * m + n * k)
        _transpose(h, turned, n, k)
        gemm(0, 0, m, n, k, W, k, turned, n, 0, result, n)
        _transpose(result, z, m, n)
    else:
        gemm(0, 0, n, m, k, h, k, Wt, m, 0, z, m)


def _begin(start, state, k):
    """A state's first values: those given, or zeros."""
    if given(start):
        _copy(start, state, k)
    else:
        _zero(state, k)


@apart
def _rnn_step(u, z, b, h, y, k, relu):
    for j in range(k):
        new = rnn_cell(u[j] + z[j] + b[j], relu != 0)
        h[j] = new
        y[j] = new


def rnn_back(n, dy, dh, y, W, h0, lengths, du, dW, db, dh0, work, time, k, relu, reverse, truncate):
    zeros, D, eh, product = work, at(work, k), at(work, k + n * k), at(work, k + 2 * n * k)
    _zero(D, n * k)
    _begin(dh, eh, n * k)
    _zero(zeros, k)
    if given(db):
        _zero(db, k)
    for s in range(time):
        t = s if reverse else time - 1 - s
        for r in range(n):
            now = (r * time + t) * k
            if given(lengths) and t >= lengths[r]:
                _zero(at(du, now), k)
            else:
                above = at(dy, now) if given(dy) else zeros
                _rnn_step_back(at(eh, r * k), above, at(y, now), at(du, now), at(D, r * k), k, relu)
                if given(db):
                    _add(at(D, r * k), db, k)
                if _cut(t, r, lengths, time, reverse, truncate):
                    _zero(at(D, r * k), k)
        if s < time - 1 or given(dh0):
            gemm(0, 0, n, k, k, D, k, W, k, 0, product, k)
            for r in range(n):
                if not (given(lengths) and t >= lengths[r]):
                    _copy(at(product, r * k), at(eh, r * k), k)
    if given(dW):
        _state_weights(n, time, k, k, du, k, y, D, h0, lengths, dW, reverse)
    if given(dh0):
        _copy(eh, dh0, n * k)


@apart
def _rnn_step_back(dh, dy, y, du, D, k, relu):
    for j in range(k):
        d = rnn_cell_back(dh[j] + dy[j], y[j], relu != 0)
        du[j] = d
        D[j] = d


def _cut(t, r, lengths, time, reverse, truncate):
    """Whether the gradient stops here: every `truncate` steps from the start of row r's own scan."""
    steps = t
    if reverse:
        steps = (lengths[r] if given(lengths) else time) - 1 - t
    return truncate > 0 and steps > 0 and steps % max(truncate, 1) == 0


def _state_weights(n, time, k, m, du, width, y, D, h0, lengths, dW, reverse):
    """dW (m, k), the first m of du's `width` columns times the states before: y, one step over, and h0 at the start.

    y's neighbour at a row's edge belongs to another sample: du is put to zero there, and back from D, which holds it.
    """
    edge = time - 1 if reverse else 0
    for r in range(n):
        _zero(at(du, (r * time + edge) * width), m)
    if reverse:
        gemm(1, 0, m, k, max(n * time - 1, 0), du, width, at(y, k), k, 0, dW, k)
    else:
        gemm(1, 0, m, k, max(n * time - 1, 0), at(du, width), width, y, k, 0, dW, k)
    if given(h0):
        gemm(1, 0, m, k, n, D, width, h0, k, 1, dW, k)
    for r in range(n):
        if not (reverse and given(lengths) and lengths[r] < time):
            _copy(at(D, r * width), at(du, (r * time + edge) * width), m)


def lstm(n, u, W, b, h0, c0, lengths, y, h, c, gates, cells, work, time, k, reverse, wide):
    bias, z = work, at(work, 4 * k)
    Wt = at(z, 4 * k * n)
    if not wide:
        _transpose(W, Wt, 4 * k, k)
    _begin(b, bias, 4 * k)
    _begin(h0, h, n * k)
    _begin(c0, c, n * k)
    for s in range(time):
        t = time - 1 - s if reverse else s
        if s or given(h0):
            _state_product(n, k, 4 * k, h, W, Wt, z, wide)
        else:
            _zero(z, 4 * n * k)
        for r in range(n):
            now = r * time + t
            g = at(gates, now * 4 * k)
            if given(lengths) and t >= lengths[r]:
                _zero(g, 4 * k)
                _zero(at(cells, now * k), k)
                _zero(at(y, now * k), k)
            else:
                _lstm_step(at(u, now * 4 * k), at(z, r * 4 * k), bias, g, at(g, k), at(g, 2 * k), at(g, 3 * k),
                           at(c, r * k), at(cells, now * k), at(h, r * k), at(y, now * k), k)


@apart
def _lstm_step(u, z, b, i, f, g, o, c, cells, h, y, k):
    for j in range(k):
        i_, f_, g_, o_, c_, h_ = lstm_cell(u[j] + z[j] + b[j], u[k + j] + z[k + j] + b[k + j],
                                           u[2 * k + j] + z[2 * k + j] + b[2 * k + j],
                                           u[3 * k + j] + z[3 * k + j] + b[3 * k + j], c[j])
        i[j] = i_
        f[j] = f_
        g[j] = g_
        o[j] = o_
        c[j] = c_
        cells[j] = c_
        h[j] = h_
        y[j] = h_


def lstm_back(n, dy, dh, dc, y, gates, cells, W, h0, c0, lengths, du, dW, db, dh0, dc0, work, time, k, reverse,
              truncate):
    zeros, D = work, at(work, k)
    eh, ec, product = at(D, 4 * n * k), at(D, 5 * n * k), at(D, 6 * n * k)
    _zero(zeros, k)
    _zero(D, 4 * n * k)
    _begin(dh, eh, n * k)
    _begin(dc, ec, n * k)
    if given(db):
        _zero(db, 4 * k)
    for s in range(time):
        t = s if reverse else time - 1 - s
        for r in range(n):
            now = r * time + t
            d, copy = at(du, now * 4 * k), at(D, r * 4 * k)
            if given(lengths) and t >= lengths[r]:
                _zero(d, 4 * k)
            else:
                above = at(dy, now * k) if given(dy) else zeros
                first = t == 0
                before = at(cells, (now - 1) * k)
                if reverse:
                    first = t == (lengths[r] if given(lengths) else time) - 1
                    before = at(cells, (now + 1) * k)
                if first:
                    before = at(c0, r * k) if given(c0) else zeros
                _lstm_step_back(at(eh, r * k), above, at(ec, r * k), at(gates, now * 4 * k), at(cells, now * k), before,
                                d, at(d, k), at(d, 2 * k), at(d, 3 * k),
                                copy, at(copy, k), at(copy, 2 * k), at(copy, 3 * k), k)
                if given(db):
                    _add(copy, db, 4 * k)
                if _cut(t, r, lengths, time, reverse, truncate):
                    _zero(copy, 4 * k)
                    _zero(at(ec, r * k), k)
        if s < time - 1 or given(dh0):
            gemm(0, 0, n, k, 4 * k, D, 4 * k, W, k, 0, product, k)
            for r in range(n):
                if not (given(lengths) and t >= lengths[r]):
                    _copy(at(product, r * k), at(eh, r * k), k)
    if given(dW):
        _state_weights(n, time, k, 4 * k, du, 4 * k, y, D, h0, lengths, dW, reverse)
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


def gru(n, u, W, b, h0, lengths, y, h, gates, v, work, time, k, reverse, wide):
    bias, z = work, at(work, 3 * k)
    Wt = at(z, 3 * k * n)
    if not wide:
        _transpose(W, Wt, 3 * k, k)
    _begin(b, bias, 3 * k)
    _begin(h0, h, n * k)
    for s in range(time):
        t = time - 1 - s if reverse else s
        if s or given(h0):
            _state_product(n, k, 3 * k, h, W, Wt, z, wide)
        else:
            _zero(z, 3 * n * k)
        for r in range(n):
            now = r * time + t
            g = at(gates, now * 3 * k)
            if given(lengths) and t >= lengths[r]:
                _zero(g, 3 * k)
                _zero(at(v, now * k), k)
                _zero(at(y, now * k), k)
            else:
                _gru_step(at(u, now * 3 * k), at(z, r * 3 * k), bias, g, at(g, k), at(g, 2 * k), at(v, now * k),
                          at(h, r * k), at(y, now * k), k)


@apart
def _gru_step(u, w, b, r, z, n, v, h, y, k):
    for j in range(k):
        v_ = w[2 * k + j] + b[2 * k + j]
        r_, z_, n_, h_ = gru_cell(u[j], u[k + j], u[2 * k + j], w[j] + b[j], w[k + j] + b[k + j], v_, h[j])
        r[j] = r_
        z[j] = z_
        n[j] = n_
        v[j] = v_
        h[j] = h_
        y[j] = h_


def gru_back(n, dy, dh, y, gates, v, W, h0, lengths, du, dW, db, dh0, work, time, k, reverse, truncate):
    """D holds a step's gradients of W h + b, of which n's part is r times that in du; V keeps this part for later."""
    zeros, D = work, at(work, k)
    eh, product, V = at(D, 3 * n * k), at(D, 4 * n * k), at(D, 5 * n * k)
    _zero(zeros, k)
    _zero(D, 3 * n * k)
    _begin(dh, eh, n * k)
    if given(db):
        _zero(db, 3 * k)
    for s in range(time):
        t = s if reverse else time - 1 - s
        for r in range(n):
            now = r * time + t
            d, copy = at(du, now * 3 * k), at(D, r * 3 * k)
            if given(lengths) and t >= lengths[r]:
                _zero(d, 3 * k)
                _zero(at(V, now * k), k)
            else:
                above = at(dy, now * k) if given(dy) else zeros
                first = t == 0
                before = at(y, (now - 1) * k)
                if reverse:
                    first = t == (lengths[r] if given(lengths) else time) - 1
                    before = at(y, (now + 1) * k)
                if first:
                    before = at(h0, r * k) if given(h0) else zeros
                _gru_step_back(at(eh, r * k), above, at(gates, now * 3 * k), at(v, now * k), before, d, at(d, k),
                               at(d, 2 * k), copy, at(copy, k), at(copy, 2 * k), at(V, now * k), k)
                if given(db):
                    _add(copy, db, 3 * k)
                if _cut(t, r, lengths, time, reverse, truncate):
                    _zero(copy, 3 * k)
                    _zero(at(eh, r * k), k)
        if s < time - 1 or given(dh0):
            gemm(0, 0, n, k, 3 * k, D, 3 * k, W, k, 0, product, k)
            for r in range(n):
                if not (given(lengths) and t >= lengths[r]):
                    _add(at(product, r * k), at(eh, r * k), k)
    if given(dW):
        _state_weights(n, time, k, 2 * k, du, 3 * k, y, D, h0, lengths, dW, reverse)
        _candidate_weights(n, time, k, V, y, D, h0, lengths, at(dW, 2 * k * k), reverse)
    if given(dh0):
        _copy(eh, dh0, n * k)


def _candidate_weights(n, time, k, V, y, D, h0, lengths, dW, reverse):
    """The same as _state_weights for V, which nobody reads again; D's last k columns hold it at the start."""
    for r in range(n):
        _zero(at(V, (r * time + (time - 1 if reverse else 0)) * k), k)
    if reverse:
        gemm(1, 0, k, k, max(n * time - 1, 0), V, k, at(y, k), k, 0, dW, k)
    else:
        gemm(1, 0, k, k, max(n * time - 1, 0), at(V, k), k, y, k, 0, dW, k)
    if given(h0):
        gemm(1, 0, k, k, n, at(D, 2 * k), 3 * k, h0, k, 1, dW, k)


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


# ---- sizes, from the shapes of the operands; None: this case runs by its rule ----------------------------------------

WIDE = 192  # from this width of a state on, its products are done with the weights on the left


def _scan(room: dict[str, tuple[int, int]]):
    """Sizes of a recurrent scan. room: how often its work has k², k, n k and n k time numbers, forward and back."""

    def sizes(v: dict[str, Value], i: Instruction) -> dict | None:
        y = v["y"]
        time, k = y.shape
        wanted = ("W", "du") if i.backward else ("W",)
        if y.rows != 1 or any(v[name] is None for name in wanted) or v["W"].rows:
            return None
        square, fixed, row, step = room["back" if i.backward else "forward"]
        wide = k >= WIDE
        if wide and not i.backward:
            square, row = 0, 2 * row + 1
        flags = {"wide": int(wide), "reverse": int(i.attributes["reverse"])}
        flags["truncate"] = i.attributes["truncate"] or 0
        if "relu" in i.attributes:
            flags["relu"] = int(i.attributes["relu"])
        return flags | {"time": time, "k": k, "work": (square * k * k + fixed * k, (row + step * time) * k)}

    return sizes


SIZES = {
    "rnn": _scan({"forward": (1, 1, 1, 0), "back": (0, 1, 3, 0)}),
    "lstm": _scan({"forward": (4, 4, 4, 0), "back": (0, 1, 7, 0)}),
    "gru": _scan({"forward": (3, 3, 3, 0), "back": (0, 1, 5, 1)}),
}
