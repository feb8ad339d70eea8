"""Kernels run beside guard pages: whoever reads or writes beyond an operand, or before it, dies by a signal.

    python tests/engines/guarded.py [--first number] [--as-written] float32 1,3 [every] [cases] [rows] [seed] [+ ...]

runs every variant (variants.py), and moves by chance (random_moves.py), as a small program whose kernels get each
operand in memory of its own, once so that it ends where a page begins that nobody may touch, once so that it begins
where one ends. What each kernel gives is compared with its rule: for one thread and for three by turns, and for both of
them where a case is as it is and every variant is taken. A line before each variant says which it is, a line after it
what came out. every=8 takes one variant of eight, cases=2 every other one that is as the cases have it. "bf16" in place
of float32: the operations whose factors may be rounded, in sizes that fill vectors of two numbers a word. What stands
behind a + is tried next, with numbers that go on: to list all variants takes seconds. --first: where to go on after a
death.

--as-written: as_written.py says how. A wrong stride or size is in a kernel's text, and code that follows it step by
step touches no less memory than what LLVM's optimizer makes of it.
"""

import ctypes
import mmap
import sys
import warnings
from contextlib import nullcontext
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "rules"))

from around import Around, uneven
from random_moves import random_moves
from variants import every_variant

import cutaway as ct
from as_written import as_written
from cutaway.engines.cpu import building, codegen, slots
from cutaway.engines.cpu.engine import CALL, addresses
from cutaway.engines.reference.engine import Reference
from cutaway.errors import CutawayError
from cutaway.rules import OPS

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.mmap.restype = ctypes.c_void_p
LIBC.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
LIBC.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
PAGE, SLOT = mmap.PAGESIZE, 2**23
TOLERANCE = {"float32": 3e-5, "bf16": 3e-4, "float64": 1e-11}
# bf16: in a scan, a state on the other side of a half is rounded the other way
ROUNDED_SUM = 4e-3  # in loops made from a rule's text factors are sums too: one on the other side of a half, likewise


class TooLarge(Exception):
    """An operand that no slot has room for."""


class Slots:
    """Places for operands between pages that nobody may touch, used again for each kernel."""

    def __init__(self, count):
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        start = LIBC.mmap(None, count * SLOT + PAGE, mmap.PROT_READ | mmap.PROT_WRITE, flags, -1, 0)
        self.starts = [start + k * SLOT for k in range(count)]
        for guard in (*self.starts, start + count * SLOT):
            assert LIBC.mprotect(guard, PAGE, 0) == 0, "no guard pages"
        self.at_end, self.used = True, 0

    def begin(self, at_end):
        self.at_end, self.used = at_end, 0

    def put(self, array):
        """A copy of an array that ends, or begins, at a guard page."""
        start, room = self.starts[self.used] + PAGE, SLOT - PAGE
        self.used += 1
        if array.nbytes > room:
            raise TooLarge
        at = start + room - array.nbytes if self.at_end else start
        if not array.nbytes:
            return array.copy(), at
        bytes_ = (ctypes.c_char * array.nbytes).from_address(at)
        place = np.frombuffer(bytes_, array.dtype, array.size).reshape(array.shape)
        place[...] = array
        return place, at


def run_kernel(slots_, engine, address, kernel, instruction, known):
    """What a kernel writes, given what its operands hold; id of a value -> its numbers."""
    n, shards, put = engine.batch_size, engine.threads, {}
    reads = {id(v) for v in instruction.reads}
    row = []
    for v in kernel.operands:
        if v is None:
            row += [0, 0, 0]
        elif isinstance(v, codegen.Outside):
            assert v.name == "work"
            room = -(-(kernel.work[0] + -(-n // shards) * kernel.work[1]) // 16) * 16
            place, at = slots_.put(np.full((shards, room), np.nan, v.dtype))
            row += [at, 0, place.strides[0]]
        else:
            if id(v) not in put:
                fresh = np.full_like(known[id(v)], np.nan if v.dtype.kind == "f" else -(2**31))
                one = known[id(v)] if id(v) in reads or v.array is not None else fresh
                if engine.copies(v) > 1:
                    others = fresh if instruction.scope == "rows" else np.zeros_like(one)
                    one = np.stack([one] + [others] * (shards - 1))
                put[id(v)] = v, *slots_.put(one)
            _, place, at = put[id(v)]
            bytes_ = v.width * v.dtype.itemsize
            row += [at, bytes_ if v.rows else 0, bytes_ if engine.copies(v) > 1 else 0]
    p = np.array(row + kernel.numbers or [0], np.int64)
    share, shared = -(-n // shards), np.zeros(2 * slots.STOP, np.int64)
    for shard in range(shards):
        s = np.zeros(slots.WIDTH, np.int64)
        first = min(shard * share, n)
        s[slots.N], s[slots.FIRST], s[slots.TOTAL] = min(share, n - first), first, n
        s[slots.T], s[slots.SHARD], s[slots.SHARDS], s[slots.SHARED] = 1, shard, shards, shared.ctypes.data
        CALL(address)(p.ctypes.data, s.ctypes.data)
    return {key: place.sum(0) if engine.copies(v) > 1 else place.copy() for key, (v, place, _) in put.items()}


def check(slots_, name, case, dtype, threads):
    """The kernels of one operation, in a program around it, against its rule; how many there were, and which of the
    program's instructions have none."""
    model = Around(name, case).astype("float32" if dtype == "bf16" else dtype)
    precision = dtype if dtype == "bf16" else None
    options = {"batch_size": model.n, "input": model.data(), "target": np.zeros(model.n), "keep_all": True}
    with building.collecting():  # no machine code but what is tested: the program around it is the same for all
        made = ct.compile(model, uneven, ct.optim.SGD(0.05), engine="cpu", threads=threads, precision=precision,
                          **options)
    made.feed(model.data(), np.zeros(model.n))
    engine = made.engine
    rules = Reference(engine.listing, model.n, engine.optimizer, keep_all=True)
    rules.bind(engine.state)
    rules.feed(engine.data)
    rules.begin(None, 0, 1)
    rules.t = 1
    tested = [kernel if i.op in (name, "sum_to") and (i.phase != "update" or i.op in OPS) else None
              for _, kernel, i in engine.code]
    count = 0
    for address, kernel, (_, _, i) in zip(addresses(tested, engine.dtype), tested, engine.code, strict=True):
        if i.phase == "update" and i.op not in OPS:
            break
        if kernel is None:
            rules.execute(i)
            continue
        every = [v for v in kernel.operands if v is not None and not isinstance(v, codegen.Outside)]
        known = {id(v): rules.view(v, model.n).copy() for v in every}
        rules.execute(i)
        count += 1
        for at_end in (True, False):
            slots_.begin(at_end)
            got = run_kernel(slots_, engine, address, kernel, i, known)
            near = ROUNDED_SUM if dtype == "bf16" and kernel.name.endswith("_loops") else TOLERANCE[dtype]
            for v in (v for v in i.written if v.width):
                assert _close(got[id(v)], rules.view(v, model.n), near), f"{v} of {i.title}: {got[id(v)]}"
    lacking = [i.title for _, kernel, i in engine.code if kernel is None]
    return ", none for ".join([str(count), *lacking])


def _close(got, wanted, size):
    near = np.abs(got - wanted) <= size * max(1, np.abs(wanted[np.isfinite(wanted)]).max(initial=0))
    return bool(np.all(near | (got == wanted) | (np.isnan(got) & np.isnan(wanted))))


def tried(every_one, turn, first, dtype, threads, every="1", cases="1", n="7", seed="0"):
    """Run variants, those from the number `first` on."""
    slots_, n, k, every, threads = Slots(24), int(n), 3, int(every), threads.split(",")
    if dtype == "bf16":
        n, k = 70, 37
    as_they_are = [place for place, (id_, _, _) in enumerate(every_one) if id_.endswith(": as it is")]
    varied = sorted(set(range(len(every_one))) - set(as_they_are))
    both = as_they_are if every == 1 else ()
    for turns, place in enumerate(sorted({*as_they_are[:: int(cases)], *varied[::every]})):
        id_, name, make = every_one[place]
        number = turn * len(every_one) + place
        if number < first or (dtype == "bf16" and not OPS[name].rounds):
            continue
        for some in threads if place in both else [threads[turns % len(threads)]]:
            print(number, turn, some, id_, "| begins", flush=True)
            try:
                case = make(np.random.default_rng(int(seed)), n, k)
                said = "refused" if case is None else f"kernels: {check(slots_, name, case, dtype, int(some))}"
            except (CutawayError, TooLarge) as error:
                said = f"refused {error!r}"
            except AssertionError as error:
                said = f"WRONG {' '.join(str(error).split())[:300]}"
            except Exception as error:
                said = f"RAW {type(error).__name__}: {error}"
            print(number, turn, some, id_, "|", said, flush=True)


def main(first, *arguments):
    warnings.filterwarnings("ignore", ".*has no CPU kernel", RuntimeWarning)
    np.seterr(all="ignore")
    every_one = [*every_variant(), *random_moves()]
    for turn, how in enumerate(" ".join(arguments).split(" + ")):
        words = how.split()
        with as_written() if words[0] == "--as-written" else nullcontext():
            tried(every_one, turn, first, *(word for word in words if word != "--as-written"))


if __name__ == "__main__":
    if sys.argv[1] == "--first":
        main(int(sys.argv[2]), *sys.argv[3:])
    else:
        main(0, *sys.argv[1:])
