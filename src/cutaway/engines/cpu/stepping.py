"""The engine's own instructions as kernels: taking a batch, storing outputs, checking, waiting, and the loop over all.

Written in the language of kernels/; `s` is the step state (slots.py).
"""

# ruff: noqa: F821


def batch(s):
    s[T] += 1
    s[STEP] += 1
    total = min(s[BATCH], s[ROWS] - s[POSITION])
    share = (total + s[SHARDS] - 1) // s[SHARDS]
    first = min(s[SHARD] * share, total)
    s[N], s[FIRST], s[TOTAL] = min(share, total - first), first, total
    s[NOW] = s[POSITION]
    s[POSITION] += total


def gather(n, now, order, data, out, w):
    for i in range(n):
        row = now + i
        if given(order):
            row = order[row]
        for j in range(w):
            out[i * w + j] = data[row * w + j]


def store(n, now, x, out, w):
    for j in range(n * w):
        out[now * w + j] = x[j]


def fill(n, x, w, value):
    for j in range(n * w):
        x[j] = value


def fill_whole(x, w, value):
    for j in range(w):
        x[j] = value


def assign(new, old, k):
    for j in range(k):
        old[j] = new[j]


def check(s, shard, J, g_bits, lo, hi, limit):
    """Note the loss; stop if it or any gradient is not finite: the bits of their exponents are all ones."""
    bad = 0
    for j in range(lo, hi):
        bad += (g_bits[j] & limit) == limit
    if shard == 0:
        ints(s[LOSSES])[s[STEP]] = bits(np.float64(J[0]))
        bad += not abs(np.float64(J[0])) < np.inf
    if bad:
        ints(s[SHARED])[STOP] = 1


def schedule(s):
    s[RATE] = ints(s[RATES])[s[STEP]]


def reduce(g, lo, hi, shards, w):
    for k in range(1, shards):
        for j in range(lo, hi):
            g[j] += g[k * w + j]


def clip_norm(g, w, norm):
    """The length is summed in double, in eight interleaved sums so that it vectorises in a fixed order."""
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    for j in range(0, w - 3, 4):
        a += np.float64(g[j]) * np.float64(g[j])
        b += np.float64(g[j + 1]) * np.float64(g[j + 1])
        c += np.float64(g[j + 2]) * np.float64(g[j + 2])
        d += np.float64(g[j + 3]) * np.float64(g[j + 3])
    for j in range(w - w % 4, w):
        a += np.float64(g[j]) * np.float64(g[j])
    length = np.sqrt(a + b + c + d)
    if length > norm:
        scale = F(norm / length)
        for j in range(w):
            g[j] *= scale


def barrier(s):
    if s[SERIAL] == 0:
        shared = ints(s[SHARED])
        s[TARGET] += s[SHARDS]
        atomic_add(shared, 1)
        spins = 0
        while atomic_load(shared) < s[TARGET]:
            spins += 1
            if spins > 2000:
                sched_yield()


def run(p, s):
    """The whole engine: steps, instructions, and the shards that this thread runs."""
    code, params, steps, first, last, width, shards, state = ints(p[0]), ints(p[1]), p[2], p[3], p[4], p[5], p[6], p[7]
    shared, mode = ints(s[SHARED]), float_mode()
    set_float_mode(mode | FLUSH)
    for _ in range(steps):
        for i in range(first, last):
            for k in range(shards):
                call(code[i], at(params, i * width), at(s, k * state))
        if shared[STOP]:
            break
    set_float_mode(mode)
