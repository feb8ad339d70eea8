"""Settings inside an argument, by scikit-learn's names for them: optimizer__lr, optimizer__lr__lr, network__dropout."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

from ..errors import ArgumentError, check_name
from ..optim import Optimizer
from ..optim.schedules import Schedule

#: Arguments that have settings of their own.
HOLDERS = ("network", "optimizer")


class Nested:
    """get_params and set_params that reach into an optimizer, its schedule, and a network's dict of choices.

    >>> import cutaway as ct
    >>> model = ct.Regressor(optimizer=ct.optim.AdamW(1e-3)).set_params(optimizer__lr=0.01, network__dropout=0.2)
    >>> model.optimizer.lr, model.network
    (0.01, {'dropout': 0.2})
    """

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's arguments by name; deep: with the settings inside them, such as optimizer__lr."""
        known = super().get_params(deep)  # type: ignore[misc]
        for holder in HOLDERS if deep else ():
            known |= dict(_inside(holder, known[holder]))
        return known

    def set_params(self, **params: Any) -> Any:
        """Change arguments, or settings inside them. What holds a setting is replaced, never changed: it may be shared.

        Raises ArgumentError for a setting that an argument does not have.
        """
        own = {name: value for name, value in params.items() if name.partition("__")[0] not in HOLDERS}
        own |= {name: params[name] for name in HOLDERS if name in params}
        super().set_params(**own)  # type: ignore[misc]
        for holder in HOLDERS:
            settings = {name.removeprefix(f"{holder}__"): value for name, value in params.items()
                        if name.startswith(f"{holder}__")}
            if settings:
                setattr(self, holder, _changed(holder, getattr(self, holder), settings))
        return self


def _inside(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The settings of a value by their full names, and those inside them."""
    for key, part in _settings(value).items():
        yield f"{name}__{key}", part
        yield from _inside(f"{name}__{key}", part)


def _settings(value: Any) -> dict[str, Any]:
    if isinstance(value, Optimizer):
        return {f.name: getattr(value, f.name) for f in fields(value) if f.repr}
    if isinstance(value, Schedule):
        return {"lr": value.lr}
    return {key: part for key, part in value.items() if isinstance(key, str)} if isinstance(value, dict) else {}


def _changed(name: str, value: Any, settings: dict[str, Any]) -> Any:
    """The value with settings of its own, and of what is inside it, replaced."""
    if name == "network" and (isinstance(value, list | tuple) or (isinstance(value, str) and value == "auto")):
        value = {} if isinstance(value, str) else {"hidden": value}
    if not isinstance(value, Optimizer | Schedule | dict):
        first = f"{name}__{next(iter(settings))}"
        hint = {
            "optimizer": "the design chooses one: set optimizer=ct.optim.AdamW(1e-3), or another of ct.optim, first",
            "network": "its settings are those of the network handed over: only what is designed has settings here",
        }.get(name, "which has no settings of its own")
        raise ArgumentError(f"set_params({first}=...): {name} is {value!r:.60}, and {hint}.")
    known, direct = _settings(value), {key: new for key, new in settings.items() if "__" not in key}
    if not isinstance(value, dict):
        for key in settings:
            check_name(key.partition("__")[0], known, f"setting of {type(value).__name__}")
    changed = _replaced(value, direct)
    for key in dict.fromkeys(key.partition("__")[0] for key in settings if "__" in key):
        inner = {k.removeprefix(f"{key}__"): new for k, new in settings.items() if k.startswith(f"{key}__")}
        changed = _replaced(changed, {key: _changed(f"{name}__{key}", _settings(changed).get(key), inner)})
    return changed


def _replaced(value: Any, new: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return value | new
    return value.at(new["lr"]) if isinstance(value, Schedule) and new else replace(value, **new) if new else value
