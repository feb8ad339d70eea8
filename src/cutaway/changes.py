"""A number that changes whenever a network does: what is prepared for networks looks at it instead of at every array.

Counted is whatever puts another object into a network: another array as a weight or buffer (`p.data = ...`), another
layer or setting as an attribute. Values written into an array (`p.data[...] = ...`, training) are no change: whoever
reads arrays by their addresses sees them.
"""

from __future__ import annotations

from itertools import count

_numbers = count(1)  # a number is given out once, so that no change is lost where two threads make one each
latest = 0


def note() -> None:
    """Count a change, after it was made."""
    global latest
    latest = next(_numbers)
