"""Data to try things on: small real tables, images and series, and made ones whose answer is known."""

from .made import PROBLEMS, make
from .real import BUNDLED, SERIES, Dataset, load, path

__all__ = ["Dataset", "load", "make", "names", "path"]


def names(made: bool | None = None) -> tuple[str, ...]:
    """The names that `load` knows (made=False), that `make` knows (True), or all.

    >>> "digits" in names(), names(made=True)[:2]
    (True, ('moons', 'spirals'))
    """
    real = ("houses", *BUNDLED, *SERIES)
    return tuple(PROBLEMS) if made else real if made is False else (*real, *PROBLEMS)
