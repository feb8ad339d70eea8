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


def _zero(a, k):
    for j in range(k):
        a[j] = F(0)
