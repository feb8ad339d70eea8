"""What can be chosen of an experiment, and what was: values, data, optimizers, and a network trained as asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..cli.labs.data import LabData, study
from ..errors import ArgumentError
from ..lab.models import fresh
from ..lab.races.entrants import entered, with_rate
from ..optim import Adam, Optimizer
from ..train import Run, fit
from ..train.events import EpochEnded
from .limits import MOST_ROWS_OF_LAB


@dataclass(frozen=True)
class Control:
    """One control: its name, what it is at first, and what it takes: a whole number or a real one from `low` to `high`,
    one of `options`, a list of `numbers`, or words; "data" is a set that ships or a file of one's own."""

    name: str
    first: Any
    kind: str = "whole"
    low: float = 1
    high: float = 1000
    options: tuple[str, ...] = ()

    def read(self, given: Any) -> Any:
        """Read what was given on the page. Raises ArgumentError in words."""
        text = str(self.first if given in (None, "") else given).strip()
        if self.kind == "one" and text not in self.options:
            raise ArgumentError(f"{self.name} {text!r:.40}: choose one of {', '.join(self.options)}")
        if self.kind in ("whole", "real"):
            return self._number(text)
        if self.kind == "numbers":
            return [self._number(part) for part in text.replace(" ", "").split(",") if part]
        if len(text) > 200:
            raise ArgumentError(f"{self.name}: {text[:40]!r}... is longer than 200 characters")
        return text

    def _number(self, text: str) -> float:
        if text == "full":
            return np.inf
        try:
            found = float(text) if self.kind == "real" else int(text)
        except ValueError:
            found = np.nan
        if not self.low <= found <= self.high:
            kind = "a number" if self.kind == "real" else "a whole number"
            raise ArgumentError(f"{self.name} {text!r:.40}: give {kind} from {self.low:g} to {self.high:g}")
        return found


class LabChoices:
    """What was chosen: a value by name, and the data, read when first needed. paths: files of own runs, by name, with
    their targets."""

    def __init__(self, values: dict[str, Any], paths: dict[str, tuple[str, str]]) -> None:
        self.values, self.paths = values, paths

    def __getattr__(self, name: str) -> Any:
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(name) from None

    @cached_property
    def about(self) -> LabData:
        """Read and encode the data."""
        path, target = self.paths.get(self.data, (self.data, ""))
        hidden = self.values.get("hidden") or None
        return study(path, [target] if target else None, self.data, hidden, MOST_ROWS_OF_LAB, self.seed)

    @cached_property
    def optimizer_list(self) -> dict[str, Optimizer]:
        """The optimizers named, each at a rate of its own where one stands behind a colon: "SGD, Adam:0.01"."""
        found = {}
        for text in filter(None, (part.strip() for part in self.optimizers.split(","))):
            name, _, rate = text.partition(":")
            ((known, optimizer),) = entered([name]).items()
            found[known] = with_rate(optimizer, Control("lr", rate, "real", 0, 100).read(rate)) if rate else optimizer
        return found

    def trained(self, seed: int, epochs: int, each: Callable[[int, Any], None] = lambda epoch, net: None,
                optimizer: Optimizer | None = None) -> Any:
        """Train the design's network; each: is told the epoch, from 0, and the network."""
        about = self.about
        net = fresh(about.model(), seed)
        each(0, net)
        unbroken(fit(net, about.X, about.y, loss=about.loss, optimizer=optimizer or Adam(about.design.lr),
                     epochs=epochs, batch_size=min(32, len(about.y)), seed=seed, drop_last=True, progress=False,
                     threads=1, callbacks=[
                         lambda event: each(event.epoch, net) if isinstance(event, EpochEnded) else None]))
        return net


def unbroken(run: Run) -> None:
    """Let an interruption that ended a training end the experiment, too."""
    if "interrupted" in (run.stopped, run.stopping):
        raise KeyboardInterrupt


def stages(last: int, parts: int = 4) -> Iterator[tuple[int, float]]:
    """Grow to `last`, each stage about three times the one before; with the share that is done.

    >>> list(stages(100, 3))
    [(11, 0.11), (33, 0.33), (100, 1.0)]
    """
    sizes = dict.fromkeys(max(1, round(last / 3**k)) for k in range(parts - 1, -1, -1))
    return ((size, size / last) for size in sizes)
