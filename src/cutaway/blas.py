"""One thread for NumPy's linear algebra, where several would wait for each other."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy  # noqa: F401  (loads the library that is looked for)
from threadpoolctl import ThreadpoolController


def one_thread() -> Any:
    """Limit linear algebra to one thread within a `with` block."""
    return _libraries().limit(limits=1, user_api="blas")


@cache
def _libraries() -> ThreadpoolController:
    """Find the libraries once: a search reads the map of all memory, which takes longer than a small product."""
    return ThreadpoolController()
