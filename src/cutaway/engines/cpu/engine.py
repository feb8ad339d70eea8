"""The CPU engine: the same instructions as machine code, many steps without returning to Python.

Every instruction with a kernel is a call by address with its own row of parameters; the others run by their rules, one
Python call each. Threads are shards of the batch: each runs the whole list on its own rows and waits for the others
where the work is split differently. One thread may also run all shards in turn: the bits are the same.
"""

from __future__ import annotations

import ctypes
import re
import threading
import time
from collections.abc import Callable, Sequence
from typing import cast

import numpy as np

from ...autodiff import Tensor
from ...errors import ArgumentError, RecordingError, warn
from ...optim import Optimizer
from ...program import Instruction, Listing, State, Value
from ...rules import OPS
from ..plan import fenced, plan
from ..reference.engine import Reference, rates
from . import building, clocks, codegen, native, slots
from .shards import STACK, sharded

CALL = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
SECONDS = 0.1  # of work in one call that holds no GIL
BARRIER = Instruction("sync", "barrier", (), (), formula="wait for the other threads")


class CPU(Reference):
    """Runs a listing as machine code. Same interface as the reference engine."""

    name = "cpu"

    def _lay_out(self, threads: int | None, keep_all: bool) -> None:
        self.dtype = _precision(self.listing)
        self._compile(choose_threads(self.listing, self.batch_size, threads), keep_all)
        if self.threads > 1 and not self.compiled:  # an instruction that runs in Python sees the whole batch
            self._compile(1, keep_all)
        self._warned = False

    def _compile(self, threads: int, keep_all: bool) -> None:
        """Make the machine code for a number of threads."""
        shards = sharded(self.listing, threads)
        self.threads, self.instructions = threads, shards.instructions
        self._copies, self.copied = shards.copies, shards.copied  # number of copies of g; ids of copied values
        self.plan = plan(self.instructions, self.batch_size, threads, keep_all, self.copied)
        self.kernels = [codegen.write(i, self.plan, self.optimizer, self.dtype) for i in self.instructions]
        code: list[tuple[codegen.Kernel | None, Instruction]] = []
        for k, (instruction, kernel) in enumerate(zip(self.instructions, self.kernels, strict=True)):
            code.append((kernel, instruction))
            rest = self.instructions[k + 1 : k + 2]
            if threads > 1 and (not rest or fenced(instruction, rest[0])):  # a smaller last batch is split elsewhere
                code.append((codegen.write(BARRIER, self.plan, None, self.dtype), BARRIER))
        loop = codegen.Kernel("run", codegen._hand_written()["run"], [], [])
        *found, run = addresses([*(kernel for kernel, _ in code), loop], self.dtype)
        self.code = [(where, kernel, i) for where, (kernel, i) in zip(found, code, strict=True)]
        self._where = [k for k, (_, _, i) in enumerate(self.code) if i is not BARRIER]
        self._addresses = np.array([a for a, _, _ in self.code], np.int64)
        self._width = max((3 * len(k.operands) + len(k.numbers) for _, k, _ in self.code if k is not None), default=1)
        self._stretches = self._split()
        rows = -(-self.batch_size // threads)
        room = max((k.work[0] + rows * k.work[1] for k in self.kernels if k is not None), default=0)
        self._each = -(-room // 16) * 16
        self._run = CALL(run)

    @property
    def compiled(self) -> bool:
        """Whether every instruction is machine code."""
        return len(self._stretches) == 1 and self._stretches[0][2]

    def bind(self, state: State) -> None:
        super().bind(state)
        if "g" in self.own:
            g = self.own["g"]
            self.own[STACK] = np.zeros((self._copies, *g.shape), g.dtype)
            self.own["g"] = self.own[STACK][0]
        self._work = self._room(self.threads * self._each * self.dtype.itemsize).view(self.dtype)
        self._work = self._work.reshape(self.threads, self._each)
        self._states = np.zeros((self.threads, slots.WIDTH), np.int64)
        self._shared = np.zeros(2 * slots.STOP, np.int64)
        self._held: list[tuple[Tensor, np.ndarray]] = []
        self._theta: np.ndarray | None = None
        self._fed: list[tuple[int, int, codegen.Outside]] = []
        self._params = np.zeros((len(self.code), self._width), np.int64)
        self._control = np.zeros((self.threads, 8), np.int64)  # what `run` is told, a row a thread
        self._places = {
            "code": address_of(self._addresses), "params": address_of(self._params), "memory": address_of(self.memory),
            "work": address_of(self._work), "states": address_of(self._states), "shared": address_of(self._shared),
            "control": address_of(self._control),
        }
        self._pace = 0.0  # seconds a step takes
        self._serial = self.threads == 1
        self._since, self._tried = 0, 0.0
        if not self._warned:
            _warn_once([i for _, k, i in self.code if k is None], state)
            self._warned = True

    def twin(self, optimizer: Optimizer | None, seed: int) -> CPU:
        """Use the same machine code for another model; the optimizer's numbers are parameters of its kernel."""
        twin = cast(CPU, super().twin(optimizer, seed))
        if twin.instructions is not self.instructions:
            twin.kernels = [codegen.write(i, self.plan, optimizer, self.dtype) if i.op == "optimizer" else kernel
                            for i, kernel in zip(twin.instructions, self.kernels, strict=True)]
            twin.code = list(self.code)
            for k, i, kernel in zip(self._where, twin.instructions, twin.kernels, strict=True):
                twin.code[k] = self.code[k][0], kernel, i
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
    def _split(self) -> list[tuple[int, int, bool]]:
        """Split the instructions into stretches that run without Python, and single ones: (first, last, native)."""
        out: list[tuple[int, int, bool]] = []
        for k, (_, kernel, _) in enumerate(self.code):
            if kernel is not None and out and out[-1][2]:
                out[-1] = (out[-1][0], k + 1, True)
            else:
                out.append((k, k + 1, kernel is not None))
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
        k = self._where[i]
        if i == 0 and self._states[0, slots.STEP] + 1 >= len(self._looked):  # there is no place for another loss
            raise ArgumentError(f"these were all of the {len(self._looked)} steps that were begun")
        if self.code[k][1] is None:
            self._by_python(k)
        else:
            serial, self._serial = self._serial, True
            self._native(k, k + 1, 1)
            self._serial = serial
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
        done = 0
        while done < steps:
            chunk = min(steps - done, self._chunk())
            for s in self._states:
                s[slots.STEP] = -1
                s[slots.LOSSES] = losses.ctypes.data + 8 * done
                s[slots.RATES] = table.ctypes.data + 8 * done if table is not None else 0
            self._steps(chunk)
            if self._shared[slots.STOP]:
                done += int(self._states[0, slots.STEP])
                self.t, self.n = int(self._states[0, slots.T]) - 1, int(self._states[0, slots.TOTAL])
                self.finite = False
                return losses[:done]
            done += chunk
            self.t = int(self._states[0, slots.T])
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
                chunk = min(left, self._chunk())
                self._steps(chunk)
                left -= chunk
            self.n = int(self._states[0, slots.TOTAL])
        return self.outputs

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

    def _chunk(self) -> int:
        return max(1, int(SECONDS / self._pace)) if self._pace else 8

    def _steps(self, steps: int) -> None:
        """Run several steps: in one native call, or stretch by stretch where an instruction needs Python."""
        began, worked = time.perf_counter(), time.process_time()
        if self.compiled:
            self._native(0, len(self.code), steps)
        else:
            for _ in range(steps):
                for first, last, machine in self._stretches:
                    if machine:
                        self._native(first, last, 1)
                    elif not self._shared[slots.STOP]:
                        self._by_python(first)
                if self._shared[slots.STOP]:
                    break
        seconds = time.perf_counter() - began
        self._learn(seconds / steps, (time.process_time() - worked) / (seconds * self.threads))

    def _by_python(self, k: int) -> None:
        state = self._states[0]
        self.n, self.now, self.t = int(state[slots.TOTAL]), int(state[slots.NOW]), int(state[slots.T])
        self.rate = float(state.view(np.float64)[slots.RATE])
        try:
            self.execute(self.code[k][2])
        except Exception:
            self.t -= 1 if self.optimizer is not None else 0  # the step was not done
            raise

    def _native(self, first: int, last: int, steps: int) -> None:
        def go(shard: int, shards: int) -> None:
            at = self._places
            self._control[shard] = at["code"], at["params"], steps, first, last, self._width, shards, slots.WIDTH
            self._run(at["control"] + shard * self._control.strides[0], at["states"] + shard * self._states.strides[0])

        self._shared[0] = 0
        self._states[:, slots.TARGET] = 0
        self._states[:, slots.SERIAL] = self._serial
        if self._serial:
            go(0, self.threads)
            return
        begin, complete = threading.Event(), False

        def wait_and_go(shard: int) -> None:
            begin.wait()
            if complete:  # a thread that came alone would wait at a barrier for ever
                go(shard, 1)

        others = [threading.Thread(target=wait_and_go, args=(k,)) for k in range(1, self.threads)]
        try:
            for thread in others:
                thread.start()
            complete = True
        except RuntimeError:  # the system gives no more of them
            self._states[:, slots.SERIAL] = True
        finally:
            try:
                begin.set()
            finally:  # whatever was raised: the others are on their way
                if complete:
                    go(0, 1)
        if not complete:
            go(0, self.threads)
        for thread in others:
            if thread.ident is not None:
                thread.join()

    def _learn(self, pace: float, busy: float) -> None:
        """Remember the pace (seconds a step), and choose how the shards run: on a busy machine one thread can beat two.

        busy: the share of its threads' time that the process got. Where that is little, the next stretch tries the
        shards in turn; where one thread runs them all, threads get another chance now and then.
        """
        tried, self._tried = self._tried, 0.0
        if tried and pace > tried:
            self._serial, pace = not self._serial, tried
        self._pace = pace
        self._since += 1
        doubtful = self._since > 50 if self._serial else busy < 0.8 and self._since > 10
        if self.threads > 1 and not tried and doubtful:
            self._tried, self._serial, self._since = pace, not self._serial, 0


ENGINE = CPU


def _precision(listing: Listing) -> np.dtype:
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


def choose_threads(listing: Listing, batch_size: int, threads: int | None) -> int:
    """Choose how many threads: one, or as many cores as leave each a fifth of a millisecond's work and eight rows."""
    ahead = (i for i in listing.instructions if i.op in OPS and not i.backward and i.phase != "backward")
    work = sum(batch_size * _products(i) for i in ahead)
    wanted = threads if threads is not None else min(native.cores(), int(work // 2e7), batch_size // 8)
    return max(1, min(wanted, batch_size))


def _products(i: Instruction) -> int:
    """Count an operation's multiplications and additions with its weights W for a sample, those backwards too."""
    rule, out = OPS[i.op], i.written[0]
    W = dict(zip(rule.inputs, i.arguments, strict=False)).get("W") if rule.products else None
    if W is None or not out.rows:
        return 0
    outputs = max(1, *out.shape[-1:], 1)
    return 6 * out.width * (W.width // outputs)  # each output is a sum over a row of W, or a scan's several rows


def addresses(kernels: Sequence[codegen.Kernel | None], dtype: np.dtype) -> list[int]:
    """Find the addresses of kernels' machine code, compiled now if no cached file has it; 0 for None."""
    sources = [building.Source(k.name, dtype.name, k.text) for k in kernels if k is not None]
    called = [name for name in native.LIBRARY if any(re.search(rf"\b{name}\(", s.text) for s in sources)]
    library = [building.Source(name, dtype.name, codegen._hand_written()[name]) for name in called]
    found = iter(building.addresses(sources, library))
    return [0 if k is None else next(found) for k in kernels]


def address(kernel: codegen.Kernel, dtype: np.dtype) -> int:
    return addresses([kernel], dtype)[0]


_warned_of: set[tuple] = set()


def _warn_once(missing: list[Instruction], state: State) -> None:
    """Warn of instructions without a kernel, once for each operation and layer of a network."""
    network = id(next(iter(state.tensors.values()), None))
    for i in missing:
        if (i.title, i.layer, network) not in _warned_of:
            _warned_of.add((i.title, i.layer, network))
            warn(
                f"{i.title} has no CPU kernel{codegen.why_none(i)}: it runs by its rule in NumPy, slower"
                + (f" (in {i.layer})" if i.layer else ""), RuntimeWarning,
            )
