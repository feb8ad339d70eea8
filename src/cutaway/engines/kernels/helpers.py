"""Small loops that several kernels call. A helper's name starts with an underscore; kernels find it by its name."""

# ruff: noqa: F821


def apart(helper):
    """Marks a helper whose pointers' memory never overlaps, so that its loop vectorises however many there are.

    It may be called from one place of a kernel only: the promise holds for all calls together.
    """
    return helper


def _copy(a, b, k):
    for j in range(k):
        b[j] = a[j]


def _add(a, b, k):
    for j in range(k):
        b[j] += a[j]


def _zero(a, k):
    for j in range(k):
        a[j] = F(0)


def _transpose(a, b, m, k):
    """(m, k) -> (k, m), in tiles that stay in cache. Small products with W are faster than those with its transpose."""
    for i0 in range(0, m, 16):
        for j0 in range(0, k, 16):
            for j in range(j0, min(j0 + 16, k)):
                for i in range(i0, min(i0 + 16, m)):
                    b[j * m + i] = a[i * k + j]
