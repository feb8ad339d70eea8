"""The devices that share the rows of a batch. Each has all weights and all data; XLA adds up what they find."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
from jax import lax
from jax import numpy as jnp
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from ...arguments import whole_number
from ...errors import ArgumentError


class Devices:
    """One device, JAX's default, or several: then any number of rows is cut into parts of nearly one size.

    XLA itself fills up the last part, and leaves what it filled in out of every sum, those of batch norm too.
    """

    def __init__(self, several: Sequence[Any] = ()) -> None:
        self.count = len(several) or 1
        self._rows = self._each = None
        if several:
            mesh = Mesh(several, ("rows",), axis_types=(AxisType.Auto,))
            self._rows, self._each = NamedSharding(mesh, PartitionSpec("rows")), NamedSharding(mesh, PartitionSpec())

    def __repr__(self) -> str:
        return f"Devices({self.count})"

    def on_each(self, array: Any) -> Any:
        """Send an array to every device."""
        return jnp.asarray(array) if self._each is None else jax.device_put(array, self._each)

    def share(self, array: Any) -> Any:
        """Let each device have a part of the rows; called while a function is compiled."""
        return array if self._rows is None else lax.with_sharding_constraint(array, self._rows)

    def keep(self, array: Any) -> Any:
        """Let each device have all of it; called while a function is compiled."""
        return array if self._each is None else lax.with_sharding_constraint(array, self._each)


def shared_by(devices: int | str | None) -> Devices:
    """Find the devices that are asked for: so many, "all", or JAX's default for None. Raises ArgumentError."""
    if devices is None:
        return Devices()
    there = jax.devices()
    count = len(there) if devices == "all" else whole_number("devices", devices, instead=', "all" or None')
    if count > len(there):
        more = ("; for several of them on a CPU, to try it: jax.config.update(\"jax_num_cpu_devices\", "
                f"{count}) before JAX is used" if there[0].platform == "cpu" else "")
        raise ArgumentError(f"devices={devices}, and JAX finds {len(there)} here, {there[0].device_kind}{more}")
    return Devices(there[:count])
