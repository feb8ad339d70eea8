"""What trains an estimator's network: engine, device, how many of them, precision and threads, as ct.fit takes them."""

from __future__ import annotations

from typing import Any

from ..engines import check_choice

RUNS_ON = ("engine", "device", "devices", "precision", "threads")


def check_runs_on(estimator: Any) -> None:
    """Raise ArgumentError for an engine or devices that are not here. Only training asks for them: the model that a
    file holds may have been trained elsewhere."""
    e = estimator
    check_choice(e.engine, e.device, e.devices, e.precision, getattr(e, "exact", False))


def runs_on(estimator: Any) -> dict[str, Any]:
    """What trains an estimator's network, by name."""
    return {name: getattr(estimator, name) for name in RUNS_ON}


def told(estimator: Any) -> dict[str, str]:
    """What the table of the design says of an engine other than the usual one."""
    e = estimator
    if e.engine == "cpu":
        return {}
    where = "" if e.device is None else f" on {e.device}"
    return {"engine": f"{e.engine}{where}" + ("" if e.devices is None else f", {e.devices} devices share the rows")}
