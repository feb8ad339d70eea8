"""The first layer of a table's network: numbers become bins, codes become vectors."""

# ruff: noqa: F821
from __future__ import annotations

from ....program import Instruction, Value
from .helpers import apart
from .takes import Takes


def piecewise(n, r, x, i, lower, upper, u, f, m):
    for a in range(n * r):
        for j in range(m):
            u[a * m + j] = x[a * f + min(max(int(i[j]), 0), f - 1)]
        _in_bins(at(u, a * m), lower, upper, m)


@apart
def _in_bins(u, lower, upper, m):
    for j in range(m):
        u[j] = xp.minimum(xp.maximum((u[j] - lower[j]) / _width(lower[j], upper[j]), F(0)), F(1))


def piecewise_back(n, r, du, x, i, lower, upper, dx, f, m):
    _zero(dx, n * r * f)
    for a in range(n * r):
        for j in range(m):
            c = a * f + min(max(int(i[j]), 0), f - 1)
            width = _width(lower[j], upper[j])
            if x[c] >= lower[j] and x[c] < lower[j] + width:
                dx[c] += du[a * m + j] / width


def _width(lower, upper):
    return select(upper <= lower, F(1), upper - lower)


def by_feature(n, r, u, c, W, h, m, g, k):
    """A product for each stretch of numbers of one group: bins of a number lie side by side."""
    _zero(h, n * r * g * k)
    first = 0
    for j in range(1, m + 1):
        if _ends(c, first, j, m):
            own = at(h, _group(c[first], g) * k)
            product(n * r, k, j - first, at(u, first), m, 1, 1, 0, at(W, first * k), k, PANEL, 0,
                    own, g * k, 1, own, g * k)
            first = j


def by_feature_back(n, r, dh, u, c, W, du, dW, m, g, k):
    first = 0
    for j in range(1, m + 1):
        if given(dW) and _ends(c, first, j, m):
            d = at(dh, _group(c[first], g) * k)
            product(j - first, k, n * r, at(u, first), 1, m, 1, 0, d, g * k, PANEL, 0, d, 0, 0, at(dW, first * k), k)
        if _ends(c, first, j, m):
            first = j
    if given(du):
        for a in range(n * r):
            for j in range(m):
                total = F(0)
                for l in range(k):
                    total += dh[(a * g + _group(c[j], g)) * k + l] * W[j * k + l]
                du[a * m + j] = total


def _ends(c, first, j, m):
    """Whether the stretch of one group that begins at `first` ends before j."""
    return j == m or c[min(j, m - 1)] != c[first]


def _group(c, g):
    return min(max(int(c), 0), g - 1)


def lookup(n, r, x, W, h, f, entries, k, column):
    for a in range(n * r):
        code = x[a * f + column]
        if code == code:
            _copy(at(W, _row_of(code, entries) * k), at(h, a * k), k)
        else:
            for j in range(a * k, a * k + k):
                h[j] = code


def lookup_back(n, r, dh, x, dx, dW, f, entries, k, column):
    if given(dx):
        _zero(dx, n * r * f)
    if given(dW):
        _zero(dW, entries * k)
        for a in range(n * r):
            _add(at(dh, a * k), at(dW, _row_of(x[a * f + column], entries) * k), k)


def _row_of(code, entries):
    """The row of a table that a code stands for; no number leaves the table."""
    return min(int(select(code > F(0), min(code, F(entries)), F(0))), entries - 1)


# ---- what kernels take; more numbers for them, from sizes and settings (None: loops are made of the rule) -----------


def _column(s: dict[str, int], v: dict[str, Value], i: Instruction) -> dict | None:
    return {} if 0 <= i.attributes["column"] < s["f"] else None


def _groups(s: dict[str, int], v: dict[str, Value], i: Instruction) -> dict | None:
    return {} if i.attributes.get("groups", s["g"]) == s["g"] else None


TAKES = {
    "piecewise": Takes("du dx"),
    "by_feature": Takes("dh du? dW?", numbers=_groups),
    "lookup": Takes("dh dx? dW?", numbers=_column),
}
