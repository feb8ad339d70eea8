"""Kernels that know their sizes: a second text of a kernel, in which the sizes of its matrix products are numbers.

Tiles then fit a product without a choice at run time, but each size is a text of its own to compile. So a program
begins with the kernels for every size, unless its own are in the cache folder already, and changes over once it has run
long enough to pay for them. Both add up in the same order: no bit depends on which of them runs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from . import building, native
from .codegen import Kernel

PATIENCE = 1.0  # seconds of steps before a program's own kernels are compiled, which takes about as long


class Sized:
    """The kernels that a program and its twins wait for; those that are kept stand in their places at once."""

    def __init__(self, kernels: Sequence[Kernel | None], dtype: np.dtype) -> None:
        self.dtype, self.seconds = dtype.name, 0.0
        waiting = {k: kernel for k, kernel in enumerate(kernels) if kernel is not None and kernel.sized}
        self.waiting = {k: kernel for k, kernel in waiting.items() if not self._kept(kernel)}
        for k in waiting.keys() - self.waiting.keys():
            _change_over(waiting[k])

    def _source(self, kernel: Kernel) -> building.Source:
        return building.Source(kernel.name, self.dtype, kernel.sized)

    def _kept(self, kernel: Kernel) -> bool:
        return native.is_kept(building.digest_once(self._source(kernel)))

    def after(self, seconds: float, addresses: np.ndarray) -> None:
        """Count seconds of steps; when there were enough, write the kernels' addresses where the native loop looks."""
        self.seconds += seconds
        if self.seconds < PATIENCE or not self.waiting:
            return
        waiting, self.waiting = self.waiting, {}
        found = building.addresses([self._source(kernel) for kernel in waiting.values()])
        for (k, kernel), address in zip(waiting.items(), found, strict=True):
            addresses[k] = address
            _change_over(kernel)


def _change_over(kernel: Kernel) -> None:
    kernel.text, kernel.sized = kernel.sized, ""
