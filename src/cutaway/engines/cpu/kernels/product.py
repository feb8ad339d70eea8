"""Matrix products. Compiled once for each precision; the other kernels call them like functions of a library."""

# ruff: noqa: F821


def product(m, n, k, A, ar, ac, outer, ao, B, br, bp, bo, S, sr, start, C, cr):
    """C (m, n) = S + A (m, k) B (k, n): every sum in the order of k, whatever m, so that rows do not know each other.

    ar, ac: from row to row and from column to column of A. br, bp: from row to row and from panel to panel of B (PANEL
    numbers where B lies as it is, PANEL k where it is packed). start: S is read, with rows sr apart (0: the same row,
    a bias); S may be C. All this `outer` times, with A and B moved on by ao and bo: windows of an image are such sums.
    """
    for i in range(0 if k else m):                      # an empty sum is where it starts
        for j in range(n):
            C[i * cr + j] = S[i * sr + j] if start else F(0)
    for j in range(0, n - n % PANEL if k else 0, PANEL):
        tiles(m, PANEL, k, A, ar, ac, outer, ao, at(B, j // PANEL * bp), br, bo, at(S, j), sr, start, at(C, j), cr)
    if n % PANEL and k:
        last = n - n % PANEL
        tiles(m, n % PANEL, k, A, ar, ac, outer, ao, at(B, last // PANEL * bp), br, bo, at(S, last), sr, start,
              at(C, last), cr)


def pack(k, n, B, br, P):
    """B (k, n) in panels, each k rows of PANEL numbers: rows that lie far apart would crowd each other out of cache."""
    for j in range(0, n, PANEL):
        for i in range(k):
            for x in range(min(PANEL, n - j)):
                P[(j // PANEL * k + i) * PANEL + x] = B[i * br + j + x]


def pack_turned(k, n, W, wr, P):
    """The panels of Wᵀ, W (n, k). P needs room for SIDE more rows."""
    for j in range(0, n, PANEL):
        for half in range(j, min(j + PANEL, n), LANES):
            for i in range(0, k, SIDE):
                w, p = at(W, half * wr + i), at(P, j * k + i * PANEL + half - j)
                if half + LANES <= n and i + SIDE <= k:
                    turn(w, wr, LANES, SIDE, p, PANEL)
                else:
                    turn(w, wr, n - half, min(k - i, SIDE), p, PANEL)


def times_one(m, k, W, wr, X, B, start, Z):
    """Z (m) = B + W (m, k) X: for one row, W is read as it lies. The bits are those of a product with Wᵀ."""
    for j in range(0, m, LANES):
        row(min(m - j, LANES), k, X, at(W, j * wr), wr, at(B, j), start, at(Z, j))


# ---- how the kernels of layers use them ------------------------------------------------------------------------------


def _times_turned(n, m, k, x, W, b, z, P):
    """z (n, m) = x Wᵀ + b, a panel of W's rows at a time, turned in cache. One row of x or W needs no turning."""
    if m == 1:
        product(n, 1, k, x, k, 1, 1, 0, W, 1, 0, 0, b, 0, given(b), z, 1)
        return
    if n == 1:
        times_one(m, k, W, k, x, b, given(b), z)
        return
    _panel_by_panel(n, m, k, min(k, DEEP) if k % CROWDED == 0 else k, x, W, b, z, P)


def _panel_by_panel(n, m, k, deep, x, W, b, z, P):
    Q = at(P, (k + WIDEST) * WIDEST)
    for i in range(0, k, deep):
        if deep < k:
            _copy_rows(n, deep, at(x, i), k, Q, deep + APART)
        for j in range(0, m - m % PANEL, PANEL):
            _turned_panel(n, PANEL, deep, x, W, b, z, P, Q, i, j, k, m)
        if m % PANEL:
            _turned_panel(n, m % PANEL, deep, x, W, b, z, P, Q, i, m - m % PANEL, k, m)


def _turned_panel(n, width, deep, x, W, b, z, P, Q, i, j, k, m):
    pack_turned(deep, width, at(W, j * k + i), k, P)
    product(n, width, deep, Q if deep < k else x, deep + APART if deep < k else k, 1, 1, 0, P, PANEL, 0, 0,
            at(z if i else b, j), m if i else 0, 1 if i else given(b), at(z, j), m)


def _times(m, n, k, A, ar, ac, B, br, C, cr, P):
    """C (m, n) = A (m, k) B (k, n). Rows of B that lie far apart are packed first, DEEP of them at a time."""
    if m < 32 or br < 256:
        product(m, n, k, A, ar, ac, 1, 0, B, br, PANEL, 0, C, 0, 0, C, cr)
        return
    Q, spread = at(P, DEEP * WIDEST), max(ar, ac) % CROWDED == 0
    for i in range(0, max(k, 1), DEEP):
        deep, a, ar_, ac_ = min(DEEP, k - i), at(A, i * ac), ar, ac
        if spread and ac == 1:
            ar_ = deep + APART
            _copy_rows(m, deep, a, ar, Q, ar_)
            a = Q
        elif spread:
            ac_ = m + APART
            _copy_rows(deep, m, a, ac, Q, ac_)
            a = Q
        for j in range(0, n, PANEL):
            width, c = min(PANEL, n - j), at(C, j)
            pack(deep, width, at(B, i * br + j), br, P)
            product(m, width, deep, a, ar_, ac_, 1, 0, P, PANEL, 0, 0, c, cr, i, c, cr)


def _copy_rows(m, n, A, ar, Q, qr):
    for i in range(m):
        _copy(at(A, i * ar), at(Q, i * qr), n)


def _sum_rows(m, n, A, ar, sums, one):
    """The rows of A (m, n) added up: a product with ones."""
    one[0] = F(1)
    product(1, n, m, one, 0, 0, 1, 0, A, ar, PANEL, 0, sums, 0, 0, sums, 0)


def panels(k: int, n: int) -> int:
    """Room for (k, n) in panels, on any processor."""
    return (n + WIDEST - 1) * k + WIDEST * WIDEST


WIDEST = 32    # numbers of a panel, on any processor
DEEP = 256     # rows of a packed panel, which so stays in the first-level cache
CROWDED = 512  # rows at multiples of this distance share few places of that cache: they are copied further
APART = 16     # apart
