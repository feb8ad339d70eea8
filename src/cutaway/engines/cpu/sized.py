"""Kernels that know their sizes: a second text of a kernel, in which the sizes of its matrix products are numbers.

Tiles then fit a product without a choice at run time, but each size is a text of its own to compile. So a program
begins with the kernels for every size, unless its own are in the cache folder already. Once it has run long enough to
pay for its own, a thread compiles them while steps go on, and between two calls of native code it changes over. Both
add up in the same order: no bit depends on which of them runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from threading import Thread, main_thread

import numpy as np

from . import building, native
from .codegen import Kernel

PATIENCE = 1.0  # seconds of steps before a program's own kernels are compiled, which takes about as long


class Sized:
    """The kernels that a program and its twins wait for; those that are kept stand in their places at once."""

    def __init__(self, kernels: Sequence[Kernel | None], dtype: np.dtype, target: str) -> None:
        self.dtype, self.target, self.seconds = dtype.name, target, 0.0
        self._compiler: Thread | None = None
        self._found: dict[int, int] = {}  # the addresses of kernels that are ready
        waiting = {k: kernel for k, kernel in enumerate(kernels) if kernel is not None and kernel.sized}
        self.waiting = {k: kernel for k, kernel in waiting.items() if not self._kept(kernel)}
        for k in waiting.keys() - self.waiting.keys():
            _change_over(waiting[k])

    def _source(self, kernel: Kernel) -> building.Source:
        return building.Source(kernel.name, self.dtype, kernel.sized, self.target)

    def _kept(self, kernel: Kernel) -> bool:
        return native.is_kept(building.digest_once(self._source(kernel)))

    def after(self, seconds: float, addresses: np.ndarray) -> None:
        """Count seconds of steps. After enough of them, have the kernels compiled, and write the addresses of those
        that are ready where the native loop looks. addresses: of all kernels of the program."""
        if not self.waiting:
            return
        self.seconds += seconds
        if self.seconds >= PATIENCE and self._compiler is None:
            self._compiler = Thread(target=self._compile, name="cutaway compiles")
            with suppress(RuntimeError):  # the system gives no more threads: the other kernels do as well
                self._compiler.start()
        for k in list(self._found):
            if kernel := self.waiting.pop(k, None):
                addresses[k] = self._found[k]
                _change_over(kernel)

    def _compile(self) -> None:
        """Compile one kernel after another: in between, others may compile, and a process may end."""
        for k, kernel in list(self.waiting.items()):
            if main_thread().is_alive():
                self._found[k], = building.addresses([self._source(kernel)], said=False)


def _change_over(kernel: Kernel) -> None:
    kernel.text, kernel.sized = kernel.sized, ""
