"""Compiled functions that several engines share: those of networks that are built alike, whoever trains them.

JAX compiles a function for each object that it is given, and takes seconds for it. Where two listings have the same
signature, one function does for both: all that differs, weights, data, constants and the optimizer's numbers, it takes
as arguments.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np

from ...autodiff import Runtime
from ...program import Instruction, Listing, Value
from ...rules import OPS

MOST = 32  # functions that stay when nobody uses them any more: each keeps the constants of its listing
SMALL = 2**12  # bytes of a setting that is an array

_made: OrderedDict[Hashable, Any] = OrderedDict()
_lock = threading.Lock()


def shared(key: Hashable | None, make: Callable[[], Any]) -> Any:
    """Give what was made for this key before, or make it; None is nobody else's."""
    if key is None:
        return make()
    with _lock:
        if key not in _made:
            _made[key] = make()
            while len(_made) > MOST:
                _made.popitem(last=False)
        _made.move_to_end(key)
        return _made[key]


def signature(listing: Listing) -> Hashable | None:
    """Describe all of a listing that its compiled function depends on; None if something in it cannot be compared.

    >>> import cutaway as ct
    >>> one, two, other = (ct.compile(ct.nn.MLP(2, [k], 1), engine="reference").engine.listing for k in (4, 4, 5))
    >>> signature(one) == signature(two), signature(one) == signature(other)
    (True, False)
    """
    numbers: dict[int, int] = {}

    def value(v: Value | None) -> Hashable:
        if v is None or id(v) in numbers:
            return None if v is None else numbers[id(v)]
        numbers[id(v)] = len(numbers)
        return (v.name, v.shape, v.rows, v.dtype.str, v.role, v.home, v.at, v.array is not None)

    def one(a: Any) -> Hashable:
        if isinstance(a, Value):
            return value(a)
        if isinstance(a, Runtime):
            return Runtime, a.name
        if isinstance(a, float):
            return float, a.hex()  # 0.0 == -0.0 == False
        if isinstance(a, tuple | list):
            return type(a), tuple(map(one, a))
        if isinstance(a, np.ndarray):
            if a.nbytes > SMALL or a.dtype.hasobject:
                raise TypeError
            return a.shape, a.dtype.str, a.tobytes()
        if hasattr(a, "value") and isinstance(a.value, Value):
            return type(a), value(a.value)
        hash(a)
        return type(a), a

    def line(i: Instruction) -> Hashable:
        return (i.phase, i.op, OPS.get(i.op), i.backward, i.scope, i.layer, i.rounded, one(i.arguments),
                tuple(map(value, i.writes)), tuple((name, one(a)) for name, a in i.attributes.items()))

    try:
        return (tuple(map(line, listing.instructions)), tuple((name, value(v)) for name, v in listing.block.items()),
                *map(value, (listing.output, listing.loss, listing.target, listing.weight)))
    except TypeError:
        return None
