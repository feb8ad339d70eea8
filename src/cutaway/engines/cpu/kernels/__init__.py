"""Hand-written CPU kernels of the heavy operations, in files named like their rules', each checked against its rule.

A kernel names what it wants, in any order: the operands as its rule calls them (pointers, rows first; `given(b)` is
false for one that is not there), settings, sizes (the letters of the operation's shapes, see takes.py), more numbers
(TAKES, at the end of each file), and the step state: n rows of this shard, the number `first` of the first one in the
batch of `total`, t, seed. One whose numbers have "work" gets that much room to use while it runs. A kernel never
allocates and never raises. The language is in language.py.
"""

from types import ModuleType

from . import (
    augment,
    convolution,
    dropout,
    helpers,
    linear,
    loss,
    members,
    norm,
    pairs,
    pairs_convolution,
    pairs_recurrent,
    product,
    recurrent,
    shape,
    tabular,
)
from .takes import Takes, fit, sizes

__all__ = ["FILES", "ROUNDED", "TAKES", "Takes", "fit", "register", "sizes"]

FILES: list[ModuleType] = []
TAKES: dict[str, Takes] = {}  # by the operation's name
# the same for instructions whose factors are rounded
ROUNDED = pairs.ROUNDED | pairs_convolution.ROUNDED | pairs_recurrent.ROUNDED


def register(file: ModuleType) -> None:
    """Use the kernels of a file, the house's or one of your own: its functions, and its `TAKES`."""
    FILES.append(file)
    TAKES.update(getattr(file, "TAKES", {}))


for _file in (augment, convolution, dropout, helpers, linear, loss, members, norm, pairs, pairs_convolution,
              pairs_recurrent, product, recurrent, shape, tabular):
    register(_file)
