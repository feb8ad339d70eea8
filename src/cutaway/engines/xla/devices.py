"""The devices that share the rows of a batch. Each has all weights; XLA, or exact.py, adds up what they find.

In one process every device has all data, and picks its rows there. Of several processes each reads the rows of its own
devices alone, and sends them with every call.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import jax
import numpy as np
from jax import lax
from jax import numpy as jnp
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from ...arguments import whole_number
from ...distributed.team import Team, current
from ...errors import ArgumentError
from ...text import joined
from .kept import KeptFunction

#: The kinds of devices, and what brings JAX to each.
WHEELS = {"cpu": "", "gpu": '. For one of NVIDIA: pip install "jax[cuda13]", or jax[cuda12] for older drivers',
          "tpu": '. For those of Google: pip install "jax[tpu]"'}

PARTS = 8  # of a batch in exact mode, whatever the hardware
SENT = 64 * 2**20  # bytes of rows that several processes send in one call


class Devices:
    """One device, JAX's own choice if none is named, or several: then any number of rows is cut into parts of nearly
    one size.

    XLA itself fills up the last part, and leaves what it filled in out of every sum, those of batch norm too. team: the
    processes whose devices these are, where they are those of several. exact: exact.py has the say: each device has
    whole parts of a batch, one after the other.
    """

    def __init__(self, several: Sequence[Any] = (), team: Team | None = None, exact: bool = False) -> None:
        self.count, self.several, self.team, self.exact = len(several) or 1, list(several), team, exact
        self.kind = several[0].platform if several else jax.default_backend()
        self._rows: Any = None
        self._each: Any = None
        self._calls: Any = None
        if several:
            mesh = Mesh(several, ("rows",), axis_types=(AxisType.Auto,))
            self._rows, self._each = NamedSharding(mesh, PartitionSpec("rows")), NamedSharding(mesh, PartitionSpec())
            self._calls = NamedSharding(mesh, PartitionSpec(None, "rows"))

    def __repr__(self) -> str:
        return f"Devices({self.count})"

    @property
    def as_key(self) -> tuple:
        """What two of these have in common that compile to the same."""
        return self.kind, *self.several

    # ---- sending -----------------------------------------------------------------------------------------------------
    def on_each(self, array: Any) -> Any:
        """Send an array to every device; in exact mode to the first of this process."""
        if self.exact:
            return jax.device_put(array, self._own()[0][1])
        if self._each is None:
            return jnp.asarray(array)
        if self.team is None:
            return jax.device_put(array, self._each)
        return jax.make_array_from_callback(np.shape(array), self._each, lambda _: array)

    def send(self, data: dict[str, np.ndarray]) -> dict[str, Any]:
        """Send all data, which one process needs to do only once; several do not."""
        return data if self.team or self.exact else {
            name: self.on_each(array.copy()) for name, array in data.items()}

    def data_bytes(self) -> int | None:
        """How many bytes of data a device is given at once: CUTAWAY_DEVICE_BYTES, or half of what is free where it
        tells (GPUs and TPUs do); None: all of them. Raises ArgumentError."""
        if (named := os.environ.get("CUTAWAY_DEVICE_BYTES")) is not None:
            try:
                return whole_number("CUTAWAY_DEVICE_BYTES", int(float(named)), instead=", such as 2e9")
            except (ValueError, OverflowError):
                raise ArgumentError(f"CUTAWAY_DEVICE_BYTES is {named!r}: give a number of bytes, such as 2e9") from None
        free = [stats["bytes_limit"] - stats.get("bytes_in_use", 0) for d in (self.several or jax.local_devices()[:1])
                if self.team is None and (stats := d.memory_stats()) and "bytes_limit" in stats]
        return min(free) // 2 if free else None

    def chosen(self, data: dict[str, Any], order: np.ndarray, count: int) -> dict[str, Any]:
        """What a call needs of the data for batches of the rows in `order` (steps, rows), of which it does the first
        `count`: of several processes, each sends the rows of its own devices."""
        if not self.team or self.exact:
            return data
        steps, n = order.shape
        shape, last = (steps, self._part(n) * self.count), self.own(n).stop - 1

        def read(array: np.ndarray, where: tuple) -> np.ndarray:
            rows = np.minimum(np.arange(shape[1])[where[1]], last)  # those that fill up are cut off again
            some = np.empty((steps, len(rows), *array.shape[1:]), array.dtype)  # one size for any count
            some[:count] = array[order[:count, rows]]
            return some

        return {name: jax.make_array_from_callback((*shape, *a.shape[1:]), self._calls, partial(read, a))
                for name, a in data.items()}

    def own(self, n: int) -> slice:
        """The rows of a batch of n that this process reads: those of its own devices, or one to fill them up with."""
        if not self.team:
            return slice(0, n)
        part, here = self._part(n), self._own()
        return slice(min(n - 1, here[0][0] * part), min(n, (here[-1][0] + 1) * part))

    def _own(self) -> list[tuple[int, Any]]:
        """The devices of this process, and which among all they are."""
        every = list(enumerate(self.several or jax.local_devices()[:1]))
        return [(k, d) for k, d in every if self.team is None or d.process_index == self.team.rank]

    def _part(self, n: int) -> int:
        """How many rows of a batch of n a device has."""
        return -(-n // PARTS) * -(-PARTS // self.count) if self.exact else -(-n // self.count)

    def room(self, n: int, row_bytes: int) -> int:
        """How many steps on n rows may be sent in one call."""
        return max(1, SENT // max(n * row_bytes, 1)) if self.team and not self.exact else 2**30

    def least(self, steps: int) -> int:
        """How many steps a call does where this process would do so many: all do the same."""
        return steps if self.team is None else -self.team.highest(-steps)[0]

    # ---- in exact mode -----------------------------------------------------------------------------------------------
    def own_parts(self) -> Iterator[tuple[Any, range]]:
        """The devices of this process, and which parts of a batch each computes."""
        each = -(-PARTS // self.count)
        for k, device in self._own():
            yield device, range(k * each, min(PARTS, (k + 1) * each))

    def gathered(self, found: dict[Any, list[Any]], empty: np.ndarray) -> Any:
        """Bring what was found of all parts, by device, to the first device of every process. Nothing is added up:
        a sum by XLA's psum_scatter over gloo was wrong, without an error (JAX's issue 40830). empty: in place of a part
        where a device has fewer than others."""
        home = self._own()[0][1]
        if self.team is None:
            return jnp.stack([jax.device_put(part, home) for parts in found.values() for part in parts])
        each = -(-PARTS // self.count)
        filled = [[*parts, *[jax.device_put(empty, d)] * (each - len(parts))] for d, parts in found.items()]
        shape = (each * self.count, *empty.shape)
        every = jax.make_array_from_single_device_arrays(shape, self._rows, [jnp.stack(parts) for parts in filled])
        with self.team.watch.meeting():
            every = jax.block_until_ready(jax.jit(_same, out_shardings=self._each)(every))
        return next(s.data for s in every.addressable_shards if s.device == home)[:PARTS]

    # ---- while a function is compiled --------------------------------------------------------------------------------
    def batch(self, data: dict[str, Any], order: Any, k: Any, n: int) -> dict[str, Any]:
        """Take batch k of n rows, of which each device has a part."""
        rows = None if self.team else self.share(order[k])
        return {name: self.share(a[k][:n] if rows is None else a.at[rows].get(mode="promise_in_bounds"))
                for name, a in data.items()}

    def share(self, array: Any) -> Any:
        """Let each device have a part of the rows."""
        return array if self._rows is None else lax.with_sharding_constraint(array, self._rows)

    def keep(self, array: Any) -> Any:
        """Let each device have all of it."""
        return array if self._each is None else lax.with_sharding_constraint(array, self._each)

    def jit(self, function: Callable, donated: int | None = None) -> Callable:
        """Compile a function of a number of rows and of arrays; it may write over one of these. Of several processes,
        each is given all results."""
        if not self.several:
            return KeptFunction(function, donated)
        if self.team is None:
            return jax.jit(function, static_argnums=0, donate_argnums=() if donated is None else donated)
        compiled = jax.jit(function, static_argnums=0, donate_argnums=donated, out_shardings=self._each)
        watch = self.team.watch

        def called(*arguments: Any) -> Any:
            with watch.meeting():
                return jax.block_until_ready(compiled(*arguments))

        return called


def _same(array: Any) -> Any:
    return array


def found_devices(device: str | None, devices: int | str | None, exact: bool = False) -> Devices:
    """Find the devices that are asked for: so many, "all" or one for None, of a kind, or of JAX's own choice for None.

    Raises ArgumentError that says which there are.
    """
    if device is None and devices is None:
        return Devices(exact=exact)
    team, there = current() if devices is not None else None, _of_kind(device)
    if devices is not None and team is None and jax.process_count() > 1:
        raise ArgumentError("JAX was started with several processes: call ct.distributed.start() in each of them "
                            "before training, so that they watch over each other")
    count = len(there) if devices == "all" else 1 if devices is None else whole_number(
        "devices", devices, instead=', "all" or None')
    if count > len(there):
        more = ("; for several of them on a CPU, to try it: jax.config.update(\"jax_num_cpu_devices\", "
                f"{count}) before JAX is used" if there[0].platform == "cpu" else "")
        raise ArgumentError(f"devices={devices}, and JAX finds {len(there)} here, {there[0].device_kind}{more}")
    if exact and count > PARTS:
        raise ArgumentError(f"exact=True computes a batch in {PARTS} parts, and devices={devices} are {count} devices: "
                            f"take at most {PARTS}")
    if devices is None and there[0].platform == jax.default_backend():
        return Devices(exact=exact)
    if team is None or team.processes == 1:
        return Devices(there[:count], exact=exact)
    each, over = divmod(count, team.processes)
    if over:
        raise ArgumentError(f"devices={devices} cannot be shared alike by {team.processes} processes: take a multiple "
                            f'of {team.processes}, or "all", {len(there)}')
    by_rank = ([d for d in there if d.process_index == rank][:each] for rank in range(team.processes))
    return Devices([d for some in by_rank for d in some], team, exact)


def _of_kind(device: str | None) -> Sequence[Any]:
    if device is None:
        return jax.devices()
    if device not in WHEELS:
        raise ArgumentError(f"device is {device!r}: give None or one of {', '.join(map(repr, WHEELS))}")
    try:
        return jax.devices(device)
    except RuntimeError:
        found = joined([repr(kind) for kind in WHEELS if _is_there(kind)])
        raise ArgumentError(f"device={device!r}: JAX finds none here, only {found}{WHEELS[device]}") from None


def _is_there(device: str) -> bool:
    try:
        return bool(jax.devices(device))
    except RuntimeError:
        return False
