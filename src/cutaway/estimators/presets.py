"""Presets: how much is done for a table's score, by name. All other choices follow the rows, columns and classes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ..errors import ArgumentError


@dataclass(frozen=True)
class Preset:
    """What a preset makes of a table's network and of its training.

    bins: of each number, at most; 0: numbers as they are. members: networks side by side that share weights. hidden:
    neurons of each layer. networks: how many learn by themselves, each with other rows held back. lr: the highest
    learning rate. average: the decay of the average of the weights. linear: whether a linear model stands beside the
    network where rows are few. epochs: as a share of those that any network converges in, but of more than two classes,
    which take them all; its schedule ends with them.
    """

    words: str
    bins: int = 0
    members: int = 1
    hidden: tuple[int, ...] = (128, 128)
    lr: float = 1e-3
    average: float = 0.99
    networks: int = 1
    linear: bool = True
    epochs: float = 1.0


PRESETS = {
    "fast": Preset("one plain network: the least time", lr=5e-3, linear=False, epochs=0.4),
    "default": Preset("a good score in about a second", bins=16, members=4, lr=2e-3),
    "best": Preset("the best score, at five times the time", bins=32, members=4, lr=2e-3, networks=5),
}
DEFAULT = "default"
#: "fast" where rows are few and batches small: their gradients are too rough for its rate.
FAST_OF_FEW = replace(PRESETS["fast"], lr=1e-3, epochs=0.6)
#: What few rows get whatever the preset, since nothing is left to chance there; and a network of the caller's own.
FEW = Preset("the same for so few rows, whatever the preset", average=0.0)


def check_preset(preset: Any, inputs: str = "table") -> None:
    """Raise ArgumentError for a preset that does not exist, or that these inputs have not."""
    if not isinstance(preset, str) or preset not in PRESETS:
        raise ArgumentError(f"preset is {preset!r}: choose one of {', '.join(map(repr, PRESETS))}.")
    if preset != DEFAULT and inputs != "table":
        raise ArgumentError(f"preset={preset!r} is for a table, and X holds {inputs}, which have one design: leave it "
                            "out, or choose epochs= and network= yourself.")
