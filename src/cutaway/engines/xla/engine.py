"""The XLA engine: many steps of training, or a batch of evaluation, as one function that JAX compiles for its device.

What looks inside, instruction by instruction, runs by the rules in NumPy, as on the reference engine.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import numpy as np
from jax import lax
from jax import numpy as jnp

from ...errors import ArgumentError
from ...optim import Optimizer
from ...optim.hoisted import Hoisted, by_products, hoisted, in_one_piece
from ...program import Listing, State, Value
from ...text import joined
from ..reference.engine import Reference, hyperparameters, rates
from .devices import Devices, found_devices
from .lasting import Stretch, lasting
from .shared import shared, signature
from .step import Arrays, Cuts, JaxStep, Pieces, constant_values, cuts, pieces, place
from .together import Together, vmapped

SECONDS = 0.25  # of steps in one call, in which Ctrl-C is not heard
SAVED = 4.0  # seconds after which a run that goes on brings its vectors back
MOST, ROOM = 1024, 2**18  # steps, and row numbers, that go to the device in one call
LONG, LONG_ON_CPU = 2**22, 2**16  # weights that are one long array within a step


@dataclass(frozen=True)
class Memory:
    """The memory that a batch's values take, as far as that is known: XLA makes its own plan."""

    bytes: int
    batch: int

    def __str__(self) -> str:
        return f"{self.bytes:,} bytes of values for batches of {self.batch} (XLA plans which of them share memory)"


@dataclass(frozen=True)
class Sent:
    """Data as instructions read them, here and on the device."""

    taken: dict[str, np.ndarray]
    there: dict[str, Any]


class XLA(Reference):
    """Runs a listing on the device that JAX chooses: a step is one function, compiled once for each size of batch."""

    name, exact, reads_ahead = "xla", False, True

    def __init__(self, listing: Listing, batch_size: int, optimizer: Optimizer | None = None, seed: int = 0,
                 threads: int | None = None, keep_all: bool = False, devices: Devices | None = None) -> None:
        self.devices = devices or Devices()
        super().__init__(listing, batch_size, optimizer, seed, threads, keep_all)

    @classmethod
    def placed(cls, device: str | None, devices: int | str | None, exact: bool = False) -> dict[str, Any]:
        return {"devices": found_devices(device, devices, exact)}

    def altered(self, listing: Listing) -> XLA:
        return XLA(listing, self.batch_size, self.optimizer, self.seed, self.threads, True, self.devices)

    @classmethod
    def runs_on(cls) -> str:
        try:
            devices = jax.devices()
        except RuntimeError as error:  # a device was asked for by JAX's own settings, and is not there
            raise ArgumentError(f"finds no device: {str(error).splitlines()[0]}") from None
        names = Counter(d.platform.upper() if d.device_kind == d.platform else d.device_kind for d in devices)
        found = joined([name if n == 1 else f"{n} x {name}" for name, n in names.items()])
        hint = ' (for a GPU: pip install "jax[cuda13]", or jax[cuda12])' if devices[0].platform == "cpu" else ""
        return f"{found}, by JAX {jax.__version__}{hint}"

    def _lay_out(self, threads: int | None, keep_all: bool) -> None:
        super()._lay_out(threads, keep_all)
        written = [v for i in self.instructions for v in i.written if v.role not in ("parameter", "state", "buffer")]
        self._kept = list(dict.fromkeys(written)) if keep_all else [v for v in [self.listing.loss] if v is not None]
        every = [v for i in self.instructions for v in (*i.reads, *i.written)]
        self._double = any(v.dtype == np.float64 for v in every)
        self.constants = [v.array for v in constant_values(self.listing)]
        # XLA's convolution takes some twenty times as long inside a loop on a CPU: one step a call is better there
        self._by_one = self.devices.kind == "cpu" and any(i.op == "conv" for i in self.instructions)
        self._update = None if self.optimizer is None else _apart(type(self.optimizer).rule)
        if self.devices.exact and self._update is not None:
            from .exact import ExactSteps

            self._compiled: Any = ExactSteps(self.listing, self._update, self.devices)
            self._kept = []
            self._looking: Any = self._compiled
            self._cuts = {}
            return
        most = 0 if self._update is None else LONG_ON_CPU if self.devices.kind == "cpu" else LONG
        self._cuts = cuts(self.listing, most)
        if self._update is None:
            self._compiled = self._shared((keep_all, most), lambda: _evaluation(
                self.listing, self._kept, self._cuts, self.devices))
            return
        self._looking, self._compiled, self._seen_after = self._shared((keep_all, most), self._compile)
        if self.devices.count == 1 and not self._by_one and self.listing.block["θ"].width <= most:
            self.alike = id(self._looking)

    def _shared(self, what: tuple, make: Callable[[], Any]) -> Any:
        """Make compiled functions, or take those of another engine that would make the same."""
        known, rule = signature(self.listing), self._update and (self._update.rule, self._update.constants)
        alone = known is None or self.devices.team is not None
        return shared(None if alone else (known, rule, self._double, self.devices.as_key, *what), make)

    def _compile(self) -> tuple[Any, Any, list[Stretch]]:
        """Make the functions of many steps, with a look at every gradient and without, and what is looked at then."""
        assert self._update is not None
        make = partial(_training, self.listing, self._kept, self._update, self._by_one, self._cuts, self.devices)
        looking = self.devices.jit(make([]), donated=7)
        with self._mode():
            after = lasting(self.listing, self._update.function(), len(self._update.constants))
        return looking, self.devices.jit(make(after), donated=7) if after else looking, after

    def together(self, members: int) -> Together:
        assert self._update is not None
        at = cuts(self.listing, 0)  # out of one long array of each model XLA would copy its parts
        many = partial(_training, self.listing, self._kept, self._update, False, at, self.devices, self._seen_after)
        call = self._shared(("together",), lambda: vmapped(many()))
        return Together(call, at, members, lambda rows: max(1, min(MOST, 4 * ROOM // rows)), 2 * SECONDS)

    def bind(self, state: State) -> None:
        super().bind(state)
        self._vectors = {place(self.listing, v)[0]: self.listing.block.get(v.home, v) for v in self._state_values()}
        self._on_device: Arrays = {}
        self.fed: tuple | None = None  # what tells whether others were fed the same
        self._pace = 0.0  # seconds a step takes

    @property
    def needs(self) -> Memory:  # type: ignore[override]
        return Memory(self.plan.unshared_bytes, self.batch_size)

    # ---- between host and device -----------------------------------------------------------------------------------
    @contextmanager
    def _mode(self) -> Iterator[None]:
        """Use double only for a network of doubles, products in full precision, whatever is set for the rest of JAX."""
        with jax.enable_x64(self._double), jax.default_matmul_precision("highest"):
            yield

    def flat(self) -> Arrays:
        """The state's vectors, to be read and written."""
        return {name: self.state.array(v).reshape(-1) for name, v in self._vectors.items()}

    def _here(self) -> Pieces:
        """The state's vectors in the pieces in which they lie on the device."""
        return {name: pieces(a, self._cuts.get(name, [0, len(a)])) for name, a in self.flat().items()}

    def _sent(self) -> Pieces:
        """Put the state's vectors on the device, copied first: JAX may go on reading what it was given."""
        return {name: [self.devices.on_each(a.copy()) for a in some] for name, some in self._here().items()}

    def _bring_back(self, vectors: Pieces) -> None:
        for name, some in self._here().items():
            for here, there in zip(some, vectors[name], strict=True):
                here[...] = there

    def _show(self, n: int, now: int, kept: list[Any]) -> None:
        """Put what was kept of the last batch where it is read."""
        self.n, self.now = n, now
        for i in self.instructions:
            if i.op == "gather":
                self.execute(i)
        for v, a in zip(self._kept, kept, strict=True):
            self.view(v, n)[...] = np.asarray(a)[: v.rows * n] if v.rows else a

    def feed(self, data: dict[str, np.ndarray] | Sent) -> None:
        if isinstance(data, Sent):
            self.data, self._on_device = data.taken, data.there
            self.rows = len(next(iter(self.data.values())))
        else:
            super().feed(data)
            self._on_device = {}
        self.fed = None

    def sent(self, data: dict[str, np.ndarray]) -> Sent:
        taken = self._taken(data)
        with self._mode():
            return Sent(taken, self.devices.send(taken))

    @property
    def room(self) -> int | None:
        return self.devices.data_bytes()

    def own_rows(self, n: int) -> slice:
        return self.devices.own(n)

    def forget(self) -> None:
        super().forget()
        self._on_device, self.fed = {}, None

    # ---- running ---------------------------------------------------------------------------------------------------
    def run(self, order: np.ndarray | None, position: int, steps: int,
            between: Callable[[int], bool] | None = None) -> np.ndarray:
        rows = np.arange(self.rows) if order is None else self._checked_rows(order)
        if self._update is None:  # a profile times evaluation so
            self._evaluate(rows[position : position + steps * self.batch_size])
            return np.zeros(steps)
        if self.meeting is not None and (found := self.meeting.run(self, rows, position, steps, between)) is not None:
            return found
        self.order, self.finite, first = rows, True, self.t
        losses, done, saved, n, kept = np.zeros(steps), 0, 0, 0, None
        with self._mode():
            self._on_device = self._on_device or self.devices.send(self.data)
            width = sum(a[:1].nbytes for a in self.data.values())
            vectors, since = self._sent(), time.perf_counter()
            try:
                while done < steps and self.finite:
                    at, looking = position + done * self.batch_size, self._compiled is self._looking
                    n = min(self.batch_size, len(rows) - at)
                    room = 1 if self._by_one else max(1, min(MOST, ROOM // n, self.devices.room(n, width)))
                    count = self.devices.least(min(steps - done, (len(rows) - at) // n, room, self._chunk()))
                    some = np.zeros((room, n), np.uint32)
                    some[:count] = rows[at : at + count * n].reshape(count, n)
                    began = time.perf_counter()
                    call = self._call(n, some, self.numbers(first + done + 1, count, room), first + done + 1, count)
                    finite, vectors, J, kept = call(count, vectors)
                    if not finite and not looking:  # a gradient since the state was saved, or only v is too large
                        self._compiled, vectors, done = self._looking, self._sent(), saved
                        continue
                    self.finite, J = bool(finite), np.asarray(J)
                    if not self.finite:
                        count, vectors, kept = self._up_to_trouble(call, count, J)
                    self._pace = (time.perf_counter() - began) / max(count, 1) if self._pace else SECONDS
                    losses[done : done + count] = J[:count]
                    done += count
                    ends = between is not None and self.finite and between(done)
                    if ends or looking or done == steps or time.perf_counter() - since > SAVED:
                        self._bring_back(vectors)
                        saved, since = done, time.perf_counter()
                    if ends:
                        break
            finally:
                self.t = first + saved
            if kept is not None:
                self._show(n, position + (done - self.finite) * self.batch_size, kept)
        return losses[:done]

    def _checked_rows(self, order: Any) -> np.ndarray:
        return self.row_numbers(order) if self.meeting is None else self.meeting.checked_once(
            order, self.rows, self.row_numbers)

    @property
    def settings(self) -> tuple:
        """All that `numbers` follows from, but the steps."""
        opt = self.optimizer
        assert opt is not None
        own = (float(getattr(opt, name)) for name in opt.settings if name != "lr")
        return id(opt.lr) if callable(opt.lr) else self.rate, *own

    def done(self, rows: np.ndarray, n: int, position: int, count: int, kept: list[Any]) -> None:
        """Note that others did so many steps for this one, and what is kept of the last."""
        self.order, self.finite, self.t = rows, True, self.t + count
        self._show(n, position + (count - 1) * self.batch_size, kept)

    def _call(self, n: int, order: np.ndarray, numbers: Any, first: int,
              most: int) -> Callable[[int, Pieces], Any]:
        """Make the function that does so many steps, `most` of them at most, from step number `first` on, on vectors
        that it writes over."""
        seed, t = np.uint32(self.seed % 2**32), np.uint32(first % 2**32)
        data = self.devices.chosen(self._on_device, order, most)
        return lambda count, vectors: self._compiled(n, np.uint32(count), seed, t, order, numbers, data, vectors,
                                                     self.constants)

    def _up_to_trouble(self, call: Callable[[int, Pieces], Any], count: int,
                       J: np.ndarray) -> tuple[int, Pieces, list[Any]]:
        """Find how many of `count` steps are to be done, the next of which is not finite: by doing a half of them
        again, from where they began, and a half of the rest. Give the vectors after them, and what is kept of the next.

        The state still has the vectors from before. A loop that asks after each step and can take it back would be
        slower by a fifth: it copies every vector.
        """
        seen = np.flatnonzero(~np.isfinite(J[:count]))
        good, bad = 0, int(seen[0]) + 1 if len(seen) else count
        while bad - good > 1:
            half = (good + bad) // 2
            good, bad = (half, bad) if call(half, self._sent())[0] else (good, half)
        kept = call(bad, self._sent())[3]
        return good, call(good, self._sent())[1], kept

    def _chunk(self) -> int:
        return max(1, int(SECONDS / self._pace)) if self._pace else 1

    def numbers(self, first: int, steps: int, room: int) -> list[np.ndarray]:
        """Compute what the update's instructions need in steps first, first + 1, ...: for each a row a step."""
        opt, update = self.optimizer, self._update
        assert opt is not None
        assert update is not None
        now: dict[str, Any] = {"lr": rates(opt, first, steps) if callable(opt.lr) else self.rate}
        if opt.uses_step:
            now["t"] = np.arange(first, first + steps)
        found = []
        for i in self.instructions:
            if i.op == "optimizer":
                rows = np.zeros((room, len(update.constants)), i.written[0].dtype)
                with np.errstate(all="ignore"):  # a reciprocal may be infinite, as what it is of may be 0
                    rows[:steps] = update.numbers(steps, **hyperparameters(opt, i) | now)
                found.append(rows)
        return found

    def predict(self) -> np.ndarray:
        return self._evaluate(np.arange(self.rows))

    def _evaluate(self, rows: np.ndarray) -> np.ndarray:
        """Compute the outputs of these rows, batch by batch."""
        k, out = max(self.listing.output.rows, 1), self._room_for_outputs(len(rows))
        alone = all(i.scope == "rows" for i in self.instructions if i.phase == "forward")
        self.outputs = out
        with self._mode():
            vectors = self._sent() if len(rows) else {}
            for at in range(0, len(rows), self.batch_size):
                n = whole = min(self.batch_size, len(rows) - at)
                if alone:  # any number of rows is filled up to one of a few, each of which is compiled
                    whole = min(self.batch_size, 1 << (n - 1).bit_length())
                some = rows[np.minimum(np.arange(at, at + whole), len(rows) - 1)]
                batch = {name: a[some] for name, a in self.data.items()}
                made, kept = self._compiled(whole, np.uint32(self.seed % 2**32), batch, vectors, self.constants)
                out[at * k : (at + n) * k] = np.asarray(made)[: n * k]
                self.order = rows
                self._show(n, at, kept)
        return out

    def source(self, i: int) -> str:
        return ("# XLA makes one function of all instructions of a step. By itself, this one runs by its rule in NumPy:"
                f" {self.instructions[i].formula}")


ENGINE = XLA


def _apart(rule: Any) -> Hoisted:
    try:
        return by_products(hoisted(rule))
    except (OSError, TypeError):
        return in_one_piece(rule)


def _training(listing: Listing, kept: list[Value], update: Hoisted, by_one: bool, at: Cuts, devices: Devices,
              seen_after: list[Stretch]) -> Any:
    """Make the function of many steps on batches of n rows, and of whether J and all gradients were finite in them.

    The vectors that it is given, in pieces that end `at` these numbers, are its own, to be written over (donated).
    seen_after: what is looked at after the last step, in place of every gradient (lasting.py).
    """
    rule, J = update.function(), listing.loss
    assert J is not None
    seen = [v for v in kept if v is not J]  # of the last step; every step's J is there anyway

    def many(n, steps, seed, first, order, numbers, data, vectors, constants):
        def one(k, carry):
            vectors, losses, bad, _ = carry
            batch = devices.batch(data, order, k, n)
            now = {"seed": seed, "t": first + k}
            step = JaxStep(listing, n, batch, vectors, at, constants, now, rule, [some[k] for some in numbers],
                           devices.kind)
            new = {name: [devices.keep(a) for a in step.vectors[name]] for name in vectors}
            bad = [a | devices.keep(b) for a, b in zip(bad, step.bad, strict=False)]
            losses = losses.at[k].set(step.read(J), mode="promise_in_bounds")
            return new, losses, bad, [step.read(v) for v in seen]

        bad = [] if seen_after else [jnp.zeros(a.shape, bool) for a in vectors["θ"]]
        empty = [jnp.zeros(v.shape_at(n), v.dtype) for v in seen]
        carry = vectors, jnp.zeros(len(order), J.dtype), bad, empty
        start = jnp.uint32(0)  # counters and row numbers without a sign: no index is looked at for being negative
        vectors, losses, bad, values = one(start, carry) if by_one else lax.fori_loop(start, steps, one, carry)
        finite = jnp.isfinite(losses).all()
        for a in bad:
            finite &= ~a.any()
        for name, lo, hi in seen_after:
            for a in vectors[name][at[name].index(lo) : at[name].index(hi)]:
                finite &= jnp.isfinite(a).all()
        last = iter(values)
        return finite, vectors, losses, [losses[steps - 1] if v is J else next(last) for v in kept]

    return many


def _evaluation(listing: Listing, kept: list[Value], at: Cuts, devices: Devices) -> Any:
    """Make the function of one batch of n rows."""

    def batch(n, seed, data, vectors, constants):
        data = {name: devices.share(a) for name, a in data.items()}
        step = JaxStep(listing, n, data, vectors, at, constants, {"seed": seed, "t": jnp.uint32(0)},
                       kind=devices.kind)
        return step.read(listing.output), [step.read(v) for v in kept]

    return devices.jit(batch)
