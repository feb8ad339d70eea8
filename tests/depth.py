"""How many cases the tests try: enough to show each kind of fault, or in a thorough run (`make thorough`) all.

Every test runs in both. What differs is how many combinations of independent choices it is given, such as precision,
threads and engine, and how many random examples: a fault in one choice nearly always shows, whatever the others are.
"""

import os
from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any

THOROUGH = os.environ.get("CUTAWAY_THOROUGH", "0") not in ("", "0")


def each_once(*choices: Iterable[Any]) -> list[tuple[Any, ...]]:
    """The combinations in which every value of each choice comes once or more; in a thorough run, all of them.

    Of "abc" and (1, 2): ("a", 1), ("b", 2), ("c", 1).
    """
    values = [tuple(choice) for choice in choices]
    if THOROUGH:
        return list(product(*values))
    return [tuple(v[i % len(v)] for v in values) for i in range(max(map(len, values)))]


def every(step: int, cases: Sequence[Any]) -> list[Any]:
    """Each `step`-th case, beginning with the first; in a thorough run, all of them.

    For long lists of cases that are much alike, whose neighbours test the same thing.
    """
    return list(cases) if THOROUGH else list(cases[::step])


def examples(few: int) -> int:
    """The number of random examples that hypothesis tries: `few`, in a thorough run ten times as many."""
    return 10 * few if THOROUGH else few
