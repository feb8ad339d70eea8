"""Small loops that several kernels call. A helper's name starts with an underscore; kernels find it by its name."""

# ruff: noqa: F821


def apart(helper):
    """Marks a helper whose pointers' memory never overlaps, so that its loop vectorises however many there are."""
    return helper


def _copy(a, b, k):
    for j in range(k):
        b[j] = a[j]


def _add(a, b, k):
    for j in range(k):
        b[j] += a[j]


@apart
def _add_double(a, sums, k):
    """Sums in double: over millions of rows, or far from zero, single would lose what tells the rows apart."""
    for j in range(k):
        sums[j] += np.float64(a[j])


def _total(x, k):
    """The sum of k numbers in double: eight interleaved sums, so that it vectorises in a fixed order."""
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    e, f, g, h = 0.0, 0.0, 0.0, 0.0
    for j in range(0, k - 7, 8):
        a += np.float64(x[j])
        b += np.float64(x[j + 1])
        c += np.float64(x[j + 2])
        d += np.float64(x[j + 3])
        e += np.float64(x[j + 4])
        f += np.float64(x[j + 5])
        g += np.float64(x[j + 6])
        h += np.float64(x[j + 7])
    for j in range(k - k % 8, k):
        a += np.float64(x[j])
    return ((a + b) + (c + d)) + ((e + f) + (g + h))


def _zero(a, k):
    for j in range(k):
        a[j] = F(0)
