"""The largest error of the CPU engine's float32 functions, over every one of the 2^32 floats there are.

    python tools/sweep_floats.py              # all functions, all floats: an hour or two on one core
    python tools/sweep_floats.py --step 97    # every 97th float: a minute
    python tools/sweep_floats.py exp tanh     # these functions

Errors are in ulp: steps between neighbouring floats at the true value, which NumPy and SciPy compute in float64. The
engine takes numbers below 1.2e-38, the smallest floats with all their digits, for zero; that is no error here. Ends
with an error if a function is further off than it may be (FUNCTIONS), of which tests/engines/test_precision.py tries
some floats.
"""

from __future__ import annotations

import argparse
import ctypes
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
from scipy import special

from cutaway.engines.cpu import building

TINY, LARGEST = np.finfo(np.float32).tiny, np.finfo(np.float32).max
CALL = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
LOOP = """
def k(p, s):
    mode = float_mode()
    set_float_mode(mode | FLUSH)
    x, y = reals(p[0]), reals(p[1])
    for j in range(p[2]):
        y[j] = {call}
    set_float_mode(mode)
"""


class Function(NamedTuple):
    """How a kernel writes it, the truth, and how many ulp the two may lie apart."""

    call: str
    truth: Callable
    bound: float


FUNCTIONS = {
    "exp": Function("xp.exp(x[j])", np.exp, 1.1),
    "tanh": Function("xp.tanh(x[j])", np.tanh, 5),
    "expm1": Function("xp.expm1(x[j])", np.expm1, 8),
    "log": Function("xp.log(x[j])", np.log, 1),
    "log1p": Function("xp.log1p(x[j])", np.log1p, 1.5),
    "erf": Function("xp.erf(x[j])", special.erf, 1),
    "sin": Function("xp.sin(x[j])", np.sin, 0.51),
    "cos": Function("xp.cos(x[j])", np.cos, 0.51),
    "sqrt": Function("xp.sqrt(x[j])", np.sqrt, 0.51),
    "sigmoid": Function("sigmoid(x[j])", special.expit, 4),
    "softplus": Function("softplus(x[j])", lambda z: np.logaddexp(0, z), 3),
}


def compiled(call: str) -> Callable[[np.ndarray], np.ndarray]:
    """A line of the language of kernels as a function of float32 arrays, run in the engine's own mode."""
    (address,) = building.addresses([building.Source("sweep", "float32", LOOP.format(call=call))])
    kernel = CALL(address)

    def f(x: np.ndarray) -> np.ndarray:
        y = np.empty_like(x)
        p = np.array([x.ctypes.data, y.ctypes.data, len(x)], np.int64)
        kernel(p.ctypes.data, p.ctypes.data)
        return y

    return f


def floats(step: int, at_once: int = 1 << 16) -> Iterator[np.ndarray]:
    """Every step-th of all floats, as they are numbered by their bits; not those below the smallest with all digits."""
    for start in range(0, 1 << 32, at_once * step):
        bits = np.arange(start, min(start + at_once * step, 1 << 32), step, dtype=np.uint64).astype(np.uint32)
        x = bits.view(np.float32)
        yield x[~(np.abs(x) < TINY) | (x == 0)]


def errors(got: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """How many floats off each result is: 0 if it is the nearest there is, infinite if it is wrongly not a number."""
    nearest = truth.astype(np.float32)
    size = np.abs(nearest)
    off = np.abs(got - truth) / np.spacing(np.clip(size, TINY, LARGEST))
    right = (got == nearest) | (np.isnan(got) & np.isnan(truth)) | ((size <= TINY) & (np.abs(got) <= TINY))
    return np.where(right, 0, np.where(np.isnan(off), np.inf, off))


def worst(name: str, numbers: Iterable[np.ndarray]) -> tuple[float, float]:
    """The largest error over these arrays of floats, and where it is."""
    f, most, where = compiled(FUNCTIONS[name].call), -1.0, 0.0
    for x in numbers:
        with np.errstate(all="ignore"):  # overflow is among what is looked at
            off = errors(f(x), FUNCTIONS[name].truth(x.astype(np.float64)))
        if len(x) and off.max() > most:
            most, where = float(off.max()), float(x[off.argmax()])
    return most, where


def main() -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="function")
    parser.add_argument("--step", type=int, default=1, help="every so many floats (1: all)")
    given = parser.parse_args()
    bad = 0
    for name in given.names or FUNCTIONS:
        most, where = worst(name, floats(given.step))
        bound = FUNCTIONS[name].bound
        bad += most > bound
        print(f"{name:10} {most:8.3f} ulp at {where!r}; allowed are {bound:g}", flush=True)
    return bad


if __name__ == "__main__":
    sys.exit(main())
