"""Data to try things on: small real tables, and made ones whose answer is known."""

from .made import make
from .real import Dataset, load, path

__all__ = ["Dataset", "load", "make", "path"]
