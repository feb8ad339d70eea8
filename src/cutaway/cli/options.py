"""What the command line says: how data is to be read, and how a network is to be trained on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..data.limits import HORIZON, WINDOW
from ..errors import ArgumentError


@dataclass
class ReadOptions:
    """What the command line says about reading the data. `every` is the step of time that a forecast's file keeps.

    sheet, sql and user_missing are what read_table takes; more: other files with the same columns; written: how the
    numbers of columns are written; wide: a table's columns are the steps of its rows."""

    targets: list[str] = field(default_factory=list)
    task: str | None = None
    drop: list[str] = field(default_factory=list)
    group: str | None = None
    time: str | None = None
    id: str | None = None
    forecast: str | None = None
    window: int | None = None
    horizon: int | None = None
    size: str | None = None
    skip_damaged: bool = False
    mode: str | None = None
    gaps: str | None = None
    every: str | None = None
    column: dict[str, str] = field(default_factory=dict)
    split: str | None = None
    sheet: str | None = None
    sql: str | None = None
    user_missing: bool = False
    more: list[str] = field(default_factory=list)
    written: dict[str, str] = field(default_factory=dict)
    wide: bool = False

    @property
    def length(self) -> int:
        return self.window or WINDOW

    @property
    def ahead(self) -> int:
        return self.horizon or HORIZON

    def chosen(self) -> dict[str, str]:
        """List what was said, for the report."""
        given = {{"targets": "target"}.get(name, name.replace("_", " ")): value
                 for name, value in vars(self).items() if value and name not in ("every", "written")}
        given |= {"column": [f"{name}={kind}" for name, kind in self.column.items()]} if self.column else {}
        return {name: ", ".join(value) if isinstance(value, list) else "yes" if value is True else str(value)
                for name, value in given.items()}

    def remembered(self) -> dict[str, Any]:
        """List what a model needs to know to read other files of sequences in the same way."""
        kept: dict[str, Any] = {"time": self.time, "id": self.id, "forecast": self.forecast, "gaps": self.gaps,
                                "every": self.every}
        kept |= self.remembered_of_tables()
        kept |= {"window": self.length, "horizon": self.ahead} if self.forecast else {"window": self.window}
        kept |= {"wide": True} if self.wide else {}
        return {name: value for name, value in kept.items() if value is not None}

    def remembered_of_tables(self) -> dict[str, Any]:
        """List what a model needs to know to read other files of tables in the same way."""
        said = {"written": self.written, "user_missing": self.user_missing}
        return {name: value for name, value in said.items() if value}

    def refuse(self, options: Iterable[str], what: str) -> None:
        """Raise ArgumentError for the first of these options that was given: it does not go with `what`."""
        for name in options:
            if getattr(self, "targets" if name == "target" else name):
                raise ArgumentError(f"--{name.replace('_', '-')} does not go with {what}. Leave it out.")


@dataclass
class FitOptions:
    """What the command line lets one choose; None leaves it to the design. network: more choices, as estimators take
    them."""

    test: float | Path = 0.2
    hidden: tuple[int, ...] | None = None
    loss: str | None = None
    epochs: int | None = None
    batch_size: int | None = None
    lr: float | Literal["auto"] | None = None
    seed: int = 0
    threads: int | None = None
    time_limit: float | None = None
    augment: bool | None = None
    class_weight: str | None = None
    monitor: str | None = None
    precision: str | None = None
    quantiles: tuple[float, ...] | None = None
    preset: str | None = None
    positive: str | None = None
    threshold: str | None = None
    engine: str | None = None
    device: str | None = None
    devices: int | str | None = None
    exact: bool | None = None
    network: dict[str, Any] | None = None

    def chosen(self) -> dict[str, Any]:
        """List what was not left to the design, for the report."""
        shown = {name.replace("_", " "): str(value) if isinstance(value, Path) else value
                 for name, value in vars(self).items() if value is not None}
        shown |= {"quantiles": ",".join(f"{level:g}" for level in self.quantiles)} if self.quantiles else {}
        return shown | ({"hidden": ",".join(map(str, self.hidden)) or "none"} if self.hidden is not None else {})
