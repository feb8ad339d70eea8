"""The CPU engine: the same instructions as machine code, many steps without returning to Python.

Every instruction with a kernel is a call by address with its own row of parameters; the others run by their rules, one
Python call each, between native stretches. With threads, the batch has shards, and a shard's instructions between two
fences are a piece of work: each thread takes the next piece that may begin. Whoever takes it, the bits are the same.
"""

from __future__ import annotations

import ctypes
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np

from ...autodiff import Tensor
from ...errors import ArgumentError, RecordingError, warn
from ...memory import aligned
from ...optim import Optimizer
from ...program import Instruction, Listing, State, Value
from ...rules import OPS
from ...text import counted
from ..plan import fenced, plan
from ..reference.engine import Reference, rates
from . import bfloat, building, clocks, codegen, native, pool, slots, standing
from .shards import STACK, Sharded, sharded
from .sized import Sized

CALL = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)


class CPU(Reference):
    """Runs a listing as machine code. Same interface as the reference engine."""

    name = "cpu"
    target = "host"  # what its machine code is made for: see target.py

    @classmethod
    def runs_on(cls) -> str:
        cores, processor = counted(native.cores(), "core"), native.fingerprint().splitlines()[2]
        return f"{cores} ({processor}), as machine code; the default"

    @classmethod
    def cannot_round(cls) -> str:
        return "" if bfloat.there() else "this processor has no products of such factors (AVX512_BF16)"

    def _lay_out(self, threads: int | None, keep_all: bool) -> None:
        self.dtype = precision_of(self.listing)
        self.threads = pool.choose_threads(self.listing, self.batch_size, threads)
        self._write_kernels(sharded(self.listing, self.threads), keep_all)
        if self.threads > 1 and None in self.kernels:
            missing = [i for i, kernel in zip(self.instructions, self.kernels, strict=True) if kernel is None]
            lacks = {(i.title, id(i.arguments)) for i in missing}  # a shard's instruction keeps these
            by_rule = {id(i) for i in self.listing.instructions if (i.title, id(i.arguments)) in lacks}
            self._write_kernels(sharded(self.listing, self.threads, by_rule), keep_all)
        self._sized = Sized(self.kernels, self.dtype, self.target)
        *found, self._running, lead, serve, self._once = addresses([*self.kernels, *_loops()], self.dtype,
                                                                          self.target)
        self._run, self._lead, self._serve = CALL(self._running), CALL(lead), CALL(serve)
        self.code = list(zip(found, self.kernels, self.instructions, strict=True))
        self._addresses = np.array(found, np.int64)
        self._width = max((3 * len(k.operands) + len(k.numbers) for k in self.kernels if k is not None), default=1)
        self._stretches = self._split()
        rows = -(-self.batch_size // self.threads)
        room = max((k.work[0] + rows * k.work[1] for k in self.kernels if k is not None), default=0)
        self._each = -(-room // 16) * 16
        self._warned = False

    def _write_kernels(self, shards: Sharded, keep_all: bool) -> None:
        """Plan the memory of a listing for several threads, and write its kernels."""
        self.instructions = shards.instructions
        self._copies, self.copied = shards.copies, shards.copied  # number of copies of g; ids of copied values
        self._cuts, self._even = shards.cuts, shards.even
        self.plan = plan(self.instructions, self.batch_size, self.threads, keep_all, self.copied)
        self.kernels = [self._kernel(i) for i in self.instructions]

    def _kernel(self, i: Instruction) -> codegen.Kernel | None:
        return codegen.write(i, self.plan, self.optimizer, self.dtype, self._cuts, self._even)

    @property
    def compiled(self) -> bool:
        """Whether every instruction is machine code."""
        return None not in self.kernels

    def bind(self, state: State) -> None:
        super().bind(state)
        if "g" in self.own:
            g = self.own["g"]
            self.own[STACK] = np.zeros((self._copies, *g.shape), g.dtype)
            self.own["g"] = self.own[STACK][0]
        self._work = self._room(self.threads * self._each * self.dtype.itemsize).view(self.dtype)
        self._work = self._work.reshape(self.threads, self._each)
        self._states = np.zeros((self.threads, slots.WIDTH), np.int64)
        self._shared = aligned((slots.PIECES + self.threads,), np.int64)
        self._held: list[tuple[Tensor, np.ndarray]] = []
        self._theta: np.ndarray | None = None
        self._fed: list[tuple[int, int, codegen.Outside]] = []
        self._params = np.zeros((len(self.code), self._width), np.int64)
        self._control = np.zeros(9 + self.threads, np.int64)  # what `run` and `lead` are told
        self._places = {
            "code": address_of(self._addresses), "params": address_of(self._params), "memory": address_of(self.memory),
            "work": address_of(self._work), "states": address_of(self._states), "shared": address_of(self._shared),
            "control": address_of(self._control),
        }
        self._pace = pool.Pace(self.threads)
        self._helpers: list[np.ndarray] = []  # the mailboxes of the threads that help this one
        if not self._warned:
            warn_once([i for _, k, i in self.code if k is None], self.optimizer)
            self._warned = True

    def twin(self, optimizer: Optimizer | None, seed: int) -> CPU:
        """Use the same machine code for another model; the optimizer's numbers are parameters of its kernel."""
        twin = cast(CPU, super().twin(optimizer, seed))
        if twin.instructions is not self.instructions:
            twin.kernels = [twin._kernel(i) if i.op == "optimizer" else kernel
                            for i, kernel in zip(twin.instructions, self.kernels, strict=True)]
            where = [address for address, _, _ in self.code]
            twin.code = list(zip(where, twin.kernels, twin.instructions, strict=True))
        return twin

    def copies(self, v: Value) -> int:
        return self.threads if id(v) in self.copied else 1

    def read(self, v: Value) -> np.ndarray:
        if id(v) not in self.copied:
            return self.view(v, self.n)
        if v.home:
            return self.own[STACK][:, v.at : v.at + v.width].reshape(self.threads, *v.shape)
        start = self.plan.offsets[id(v)]
        size = self.threads * v.width * v.dtype.itemsize
        return self.memory[start : start + size].view(v.dtype).reshape(self.threads, *v.shape)

    def source(self, i: int) -> str:
        """The text of instruction i's kernel, or of its rule where it has none."""
        kernel = self.kernels[i]
        return kernel.text if kernel is not None else f"# runs by its rule in NumPy: {self.instructions[i].formula}"

    # ---- binding ---------------------------------------------------------------------------------------------------
    def _split(self) -> list[Stretch]:
        """Split the instructions into stretches that run without Python, and single ones that run in it."""
        out: list[Stretch] = []
        for k, kernel in enumerate(self.kernels):
            begins = not k or kernel is None or self.kernels[k - 1] is None
            if begins:
                out.append(Stretch([k, k + 1], kernel is not None))
            elif self.threads > 1 and fenced(*self.instructions[k - 1 : k + 1]):
                out[-1].fences.append(k + 1)
            else:
                out[-1].fences[-1] = k + 1
        for stretch in out:
            stretch.array = np.array(stretch.fences, np.int64)
        return out

    def _write_addresses(self) -> None:
        """Write every operand's address into the parameters. Needed again when an array moves."""
        self._held, self._fed = [], []
        fed = []
        for k, (_, kernel, _) in enumerate(self.code):
            if kernel is None:
                continue
            row: list[int] = []
            for v in kernel.operands:
                if isinstance(v, codegen.Outside) and v.name != "work":
                    fed.append((k, len(row), v))
                row += self._place(v)
            row += kernel.numbers
            self._params[k, : len(row)] = row
        self._fed = fed  # last: after an array was refused, all are placed again

    def _place(self, v: Value | codegen.Outside | None) -> tuple[int, int, int]:
        """Find a value's address, its bytes from row to row of the batch, and those from shard to shard."""
        if v is None:
            return 0, 0, 0
        if isinstance(v, codegen.Outside) and v.name == "work":
            return self._places["work"], 0, self._work.strides[0]
        if isinstance(v, codegen.Outside):
            array = self.outputs if v.name == "outputs" else self.data[v.name]
            assert array is not None
            return address_of(array), 0, 0
        each = v.dtype.itemsize
        if v.array is not None:
            return address_of(v.array), 0, 0
        if v.home in self.own:
            array = self.own[v.home]
            return address_of(array) + v.at * each, 0, self.own[STACK].strides[0] if id(v) in self.copied else 0
        if v.home:
            array = self.state.array(v)
            if v.name in self.state.tensors:
                self._held.append((self.state.tensors[v.name], array))
            elif v.home == "θ":
                self._theta = array
            return address_of(array), 0, 0
        bytes_ = v.width * each
        at = self._places["memory"] + self.plan.offsets[id(v)]
        return at, bytes_ if v.rows else 0, bytes_ if id(v) in self.copied else 0

    # ---- one at a time, for those who look ---------------------------------------------------------------------------

    def begin(self, order: np.ndarray | None, position: int, steps: int) -> None:
        super().begin(order, position, steps)
        self._prepare_states(self.order, position)
        self._looked = np.zeros(max(steps, 1))
        for s in self._states:
            s[slots.STEP], s[slots.LOSSES] = -1, self._looked.ctypes.data
            s[slots.RATES] = self.rates.ctypes.data if self.rates is not None else 0

    def one(self, i: int) -> None:
        if i == 0 and self._states[0, slots.STEP] + 1 >= len(self._looked):  # there is no place for another loss
            raise ArgumentError(f"these were all of the {len(self._looked)} steps that were begun")
        if self.kernels[i] is None:
            self._by_python(i)
        else:
            self._native(np.array([i, i + 1], np.int64), 1)
        self.n, self.t = int(self._states[0, slots.TOTAL]), int(self._states[0, slots.T])

    def clocked(self, steps: int, own: bool = False) -> np.ndarray:
        clock = address(codegen.Kernel("clock", clocks.CLOCK, [], []), np.dtype(np.float32))
        return clocks.clocked(self, clock, steps, own)

    # ---- running ---------------------------------------------------------------------------------------------------
    def run(self, order: np.ndarray | None, position: int, steps: int,
            between: Callable[[int], bool] | None = None) -> np.ndarray:
        order = None if order is None else self.row_numbers(order)
        losses = np.zeros(max(steps, 1))
        opt = self.optimizer
        table = rates(opt, self.t + 1, steps) if opt is not None and callable(opt.lr) else None
        self._prepare_states(order, position)
        done, first = 0, address_of(losses)
        while done < steps:
            chunk = min(steps - done, self._pace.steps)
            for s in self._states:
                s[slots.STEP] = -1
                s[slots.LOSSES] = first + 8 * done
                s[slots.RATES] = table.ctypes.data + 8 * done if table is not None else 0
            try:
                self._steps(chunk)
            except BaseException:  # Ctrl-C, or an own rule's error: what was done is done
                self.t = self._done
                raise
            if self._shared[slots.STOP]:
                done += int(self._states[0, slots.STEP])
                self.t, self.n = self._done, int(self._states[0, slots.TOTAL])
                self.finite = False
                return losses[:done]
            done += chunk
            self.t = self._done
            if between is not None and between(done):
                break
        self.n = int(self._states[0, slots.TOTAL])
        return losses[:done]

    def predict(self) -> np.ndarray:
        self.outputs = self._room_for_outputs(self.rows)
        if self.rows:
            self._prepare_states(None, 0)
            left = -(-self.rows // self.batch_size)
            while left:
                chunk = min(left, self._pace.steps)
                self._steps(chunk)
                left -= chunk
            self.n = int(self._states[0, slots.TOTAL])
        return self.outputs

    def standing(self, n: int) -> tuple[dict[str, np.ndarray], np.ndarray, Callable[[], None]]:
        if self.threads > 1 or not self.compiled:
            return super().standing(n)
        return standing.standing(self, self._once, n)

    def _prepare_states(self, order: np.ndarray | None, position: int) -> None:
        if not self._fed or self._moved():
            self._write_addresses()
        for k, column, v in self._fed:  # other data, or other outputs
            self._params[k, column] = self._place(v)[0]
        self.order, self.finite = order, True
        self._shared[:] = 0
        row = [0] * slots.WIDTH  # one assignment: NumPy takes longer for a number than a kernel for a layer
        row[slots.T], row[slots.POSITION], row[slots.BATCH] = self.t, position, self.batch_size
        row[slots.ROWS], row[slots.ORDER] = (self.rows, 0) if order is None else (len(order), address_of(order))
        row[slots.SEED], row[slots.SHARDS] = self.seed % 2**32, self.threads
        row[slots.SHARED], row[slots.RATE] = self._places["shared"], codegen.as_bits(self.rate)
        self._states[:] = row
        self._states[:, slots.SHARD] = range(self.threads)

    def _moved(self) -> bool:
        """Whether somebody gave the model other arrays than those whose addresses are written down."""
        return any(t.data is not array for t, array in self._held) or (
            self._theta is not None and self.state.theta is not self._theta)

    def _steps(self, steps: int) -> None:
        """Run several steps: in one native call, or stretch by stretch where an instruction needs Python."""
        began = time.perf_counter()
        self._helpers = pool.take(self.threads - 1, self._serve) if self._pace.helped else []
        try:
            for k, mailbox in enumerate(self._helpers, 1):
                own = self._places["states"] + k * self._states.strides[0]
                mailbox[2:5] = self._running, self._places["control"], own
            if self.compiled:
                self._native(self._stretches[0].array, steps)
            else:
                for _ in range(steps):
                    self._step_by_stretches()
                    if self._shared[slots.STOP]:
                        break
        finally:
            pool.give_back(self._helpers)
            self._helpers = []
        seconds = time.perf_counter() - began
        self._sized.after(seconds, self._addresses)
        self._pace.learn(seconds / steps)

    @property
    def _done(self) -> int:
        """The number of steps done: one that is not finite was counted, but not done."""
        return int(self._states[0, slots.T]) - bool(self._shared[slots.STOP])

    def _step_by_stretches(self) -> None:
        before = self._states[:, slots.T].copy()
        try:
            for stretch in self._stretches:
                if stretch.native:
                    self._native(stretch.array, 1)
                elif not self._shared[slots.STOP]:
                    self._by_python(stretch.fences[0])
        except BaseException:  # Ctrl-C too: the step was not done
            self._states[:, slots.T] = before
            raise

    def _by_python(self, k: int) -> None:
        state = self._states[0]
        self.n, self.now = int(state[slots.TOTAL]), int(state[slots.NOW])
        if self.optimizer is not None:
            self.t = int(state[slots.T])
        self.rate = float(state.view(np.float64)[slots.RATE])
        try:
            self.execute(self.instructions[k])
        except BaseException:
            self.t -= self.optimizer is not None  # the step was not done
            raise

    def _native(self, fences: np.ndarray, steps: int) -> None:
        """Run the instructions from the first fence to the last, together with the helpers there are."""
        at, c = self._places, self._control
        c[:10] = (at["code"], at["params"], steps, address_of(fences), len(fences) - 1, self._width, self.threads,
                  slots.WIDTH, self._running, len(self._helpers))
        c[10 : 10 + len(self._helpers)] = [address_of(mailbox) for mailbox in self._helpers]
        self._shared[slots.DONE] = 0
        self._shared[slots.PIECES :] = 0
        (self._lead if self._helpers else self._run)(at["control"], at["states"])


ENGINE = CPU


@dataclass
class Stretch:
    """Instructions that run without Python, or a single one that runs in it. fences: where each part begins, and the
    end."""

    fences: list[int]
    native: bool
    array: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))


def _loops() -> list[codegen.Kernel]:
    """The functions that call kernels: `run` of one thread, `lead` of several, `serve` of those that help, and `once`
    for rows that stand ready."""
    once = codegen.Kernel("once", standing.ONCE, [], [])
    return [*(codegen.Kernel(name, codegen._with_helpers(codegen._hand_written()[name]), [], [])
              for name in ("run", "lead", "serve")), once]


def precision_of(listing: Listing) -> np.dtype:
    """The precision of a program's machine code, which its data, outputs, weights and gradients must have too."""
    known = [*listing.block.values(), *(v for v in listing.inputs if v.dtype != np.int32), listing.output]
    dtype = known[0].dtype

    def others(i: Instruction) -> list[Value]:
        return [v for v in (*i.written, *i.reads) if v.dtype not in (dtype, np.int32)]

    if any(others(i) for i in listing.instructions if i.op not in OPS):
        i = next(i for i in listing.instructions if others(i) and i.phase != "load")
        v, where = others(i)[0], f" of {i.layer}" if i.layer else ""
        raise RecordingError(
            f"{i.title}{where} has {v.dtype} numbers in a program of {dtype}: a network keeps one precision. Give "
            "constants as plain arrays, which follow it, or as ct.Tensor(values.astype(...)) of that precision, and "
            "change it (model.astype) between runs only"
        )
    return dtype


def address_of(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def addresses(kernels: Sequence[codegen.Kernel | None], dtype: np.dtype, target: str = "host") -> list[int]:
    """Find the addresses of kernels' machine code, compiled now if no cached file has it; 0 for None."""
    sources = [building.Source(k.name, dtype.name, k.text, target) for k in kernels if k is not None]
    library = [building.Source(name, dtype.name, codegen._hand_written()[name], target)
               for name in called_library([s.text for s in sources])]
    found = iter(building.addresses(sources, library))
    return [0 if k is None else next(found) for k in kernels]


def called_library(texts: Sequence[str]) -> list[str]:
    """Find which compiled functions kernels call, before those that call them."""
    return [name for name in native.LIBRARY if any(  # a pattern alone takes as long as all else of a compilation
        f"{name}(" in text and re.search(rf"\b{name}\(", text) for text in texts)]


def address(kernel: codegen.Kernel, dtype: np.dtype) -> int:
    return addresses([kernel], dtype)[0]


_warned_of: set[str] = set()


def warn_once(missing: list[Instruction], optimizer: Optimizer | None) -> None:
    """Warn of instructions without a kernel: once for each operation, or optimizer, and reason."""
    for i in missing:
        name = type(optimizer).__name__ if i.op == "optimizer" else i.op
        what = f"{name} has no CPU kernel{codegen.why_none(i)}"
        if what not in _warned_of:
            _warned_of.add(what)
            where = f" in {i.layer}" if i.layer else ""
            warn(f"{what}: it runs by its rule in NumPy{where}, once for the whole batch; all else stays machine code, "
                 f"on as many threads as before{codegen.remedy(i)}", RuntimeWarning)
