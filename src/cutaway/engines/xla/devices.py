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
from ...text import joined

#: The kinds of devices, and what brings JAX to each.
WHEELS = {"cpu": "", "gpu": '. For one of NVIDIA: pip install "jax[cuda13]", or jax[cuda12] for older drivers',
          "tpu": '. For those of Google: pip install "jax[tpu]"'}


class Devices:
    """One device, JAX's own choice if none is named, or several: then any number of rows is cut into parts of nearly
    one size.

    XLA itself fills up the last part, and leaves what it filled in out of every sum, those of batch norm too.
    """

    def __init__(self, several: Sequence[Any] = ()) -> None:
        self.count = len(several) or 1
        self.kind = several[0].platform if several else jax.default_backend()
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


def found_devices(device: str | None, devices: int | str | None) -> Devices:
    """Find the devices that are asked for: so many, "all" or one for None, of a kind, or of JAX's own choice for None.

    Raises ArgumentError that says which there are.
    """
    if device is None and devices is None:
        return Devices()
    there = _of_kind(device)
    count = len(there) if devices == "all" else 1 if devices is None else whole_number(
        "devices", devices, instead=', "all" or None')
    if count > len(there):
        more = ("; for several of them on a CPU, to try it: jax.config.update(\"jax_num_cpu_devices\", "
                f"{count}) before JAX is used" if there[0].platform == "cpu" else "")
        raise ArgumentError(f"devices={devices}, and JAX finds {len(there)} here, {there[0].device_kind}{more}")
    if devices is None and there[0].platform == jax.default_backend():
        return Devices()
    return Devices(there[:count])


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
