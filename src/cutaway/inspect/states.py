"""States: what a recurrent network carries along one sequence: hidden values, and each gate's, at every time step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np

from ..drawing.sheet import EDGE, FAINT, LINES, RISING, SIGNED, Sheet, by, colours, reach, time_axis
from ..engines import Program
from ..errors import ArgumentError, CutawayError
from ..program import Instruction, Value
from ..rules import OPS, Op
from ..shown import Shown
from ..text import counted, jsonable
from .reading import evaluated, forward_steps, layer_name, layers_of, network_of, unknown, within


def _parts_of(rule: Op) -> dict[str, tuple[str, int | None]]:
    """List a scan's parts in the order in which they are shown: the output that holds each, and its gate."""
    parts: dict[str, tuple[str, int | None]] = {"hidden": ("y", None)}
    parts |= {"cell": ("cells", None)} if "cells" in rule.outputs else {}
    return parts | {gate: ("gates", k) for k, gate in enumerate(rule.sums.values()) if "gates" in rule.outputs}


PARTS = {name: _parts_of(rule) for name, rule in OPS.items() if rule.sums}
# The letters that formulas use for gates. A GRU's update gate z has none here: z is its input's part.
LETTERS = {name: {gate: letter for letter, gate in OPS[name].sums.items() if gate and letter != "z"} for name in PARTS}
ROWS = ("hidden", "cell", "input", "forget", "reset", "update", "candidate", "output")
MEANINGS = {
    ("hidden", "rnn"): "h, the state", ("hidden", "gru"): "h, the state", ("hidden", "lstm"): "h, the state",
    ("cell", "lstm"): "c, the memory", ("input", "lstm"): "gate i: writes into c",
    ("forget", "lstm"): "gate f: keeps what c had", ("candidate", "lstm"): "g, what may be written",
    ("output", "lstm"): "gate o: shows c in h", ("reset", "gru"): "gate r: lets h into n",
    ("update", "gru"): "gate z: keeps h", ("candidate", "gru"): "n, what h may become",
}
OPEN_OR_SHUT = ("reset", "update", "input", "forget", "output")  # from 0 to 1; the others have a sign


def states(model: Any, sequence: Any, layer: Any = None, engine: str = "cpu") -> States:
    """Show the hidden values of a recurrent network over time, and those of each gate, for one sequence.

    >>> import numpy as np, cutaway as ct
    >>> net = ct.nn.Recurrent(3, 16, 2, cell="gru").init(0)
    >>> s = ct.inspect.states(net, np.ones((24, 3)))
    >>> list(s)
    ['layer1.gru.hidden', 'layer1.gru.reset', 'layer1.gru.update', 'layer1.gru.candidate']
    >>> s["layer1.gru.update"].shape
    (24, 16)

    model: a network or a trained estimator, which encodes the sequence first. sequence: (time, features), or (time,)
    if there is one feature, also as a batch of one or Sequences of one row, of which only its own length is shown.
    layer: only this layer, by its name or the layer itself. engine: who runs the program.
    An LSTM has hidden, cell, input, forget, candidate, output; a GRU hidden, reset, update, candidate; an RNN hidden.
    Layers on top of each other are l0, l1, ... and the second direction l0_reverse, as in their parameters' names.
    Raises ArgumentError for a network without recurrent layers, several sequences, an unknown layer; ShapeError for a
    sequence that does not fit, with the layer and the shapes.
    """
    network = network_of(model)
    name = "" if layer is None else layer_name(network, layer)
    try:
        program = evaluated(model, sequence, 1, engine)
    except CutawayError:
        if not any("weight_hh" in own for own, _ in network.named_parameters()):
            raise _none(network) from None
        raise
    scans = [i for i in forward_steps(program) if i.op in PARTS]
    if not scans:
        raise _none(network)
    chosen = [i for i in scans if within(i.layer, name)]
    if not chosen:
        raise unknown("recurrent layer", name, layers_of(scans))
    return States(program.value("x")[0].copy(), [_scan(program, i) for i in chosen])


def _none(network: Any) -> ArgumentError:
    return ArgumentError(f"{type(network).__name__} has no recurrent layer (RNN, LSTM or GRU) whose states could be "
                         "shown: ct.inspect.feature_maps shows convolutions")


def scan_parts(kind: str, k: int) -> dict[str, tuple[str, slice]]:
    """Find the parts of a scan with k units: which of its rule's outputs each is in, and where in the last axis."""
    return {part: (output, slice(None) if place is None else slice(place * k, (place + 1) * k))
            for part, (output, place) in PARTS[kind].items()}


@dataclass(eq=False)
class Scan:
    """One layer of cells in one direction: its name, the kind of its cells, whether it reads from the end, and its
    arrays (time, width) by part."""

    name: str
    kind: str
    reverse: bool
    parts: dict[str, np.ndarray]


def _scan(program: Program, instruction: Instruction) -> Scan:
    values = instruction.operands()
    y = values["y"]
    assert isinstance(y, Value)
    head, _, tail = y.name.rpartition(".")
    again = tail.removeprefix("y")  # _2 where one layer runs two scans
    parts = {}
    for part, (output, place) in scan_parts(instruction.op, y.shape[-1]).items():
        v = values[output]
        assert v is not None
        parts[part] = program.value(v.name)[0][:, place].copy()
    return Scan(f"{head or instruction.op}{again}", instruction.op, instruction.attributes["reverse"], parts)


@dataclass(eq=False, repr=False)
class States(Mapping, Shown):
    """What `ct.inspect.states` gives: arrays (time, width) by name, such as "layer1.lstm.forget".

    sequence: the input (time, features) as the network saw it. scans: the same arrays layer by layer, with the kind of
    cells. What a backward direction has at a time step it computed from the steps behind it.
    """

    sequence: np.ndarray
    scans: list[Scan]

    def __post_init__(self) -> None:
        self._arrays = {f"{scan.name}.{part}": a for scan in self.scans for part, a in scan.parts.items()}

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._arrays:
            raise KeyError(str(unknown("state", str(name), self._arrays)))
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def to_json(self) -> dict[str, Any]:
        """Give plain lists of numbers with five digits."""
        scans = [{"name": scan.name, "cells": scan.kind, "reverse": scan.reverse,
                  "parts": {part: jsonable(a, 5) for part, a in scan.parts.items()}} for scan in self.scans]
        return {"kind": "states", "sequence": jsonable(self.sequence, 5), "scans": scans}

    def __repr__(self) -> str:
        about = [f"{scan.name} ({scan.kind.upper()}, {counted(scan.parts['hidden'].shape[1], 'unit')}: "
                 f"{', '.join(scan.parts)})" for scan in self.scans]
        return f"States({counted(len(self.sequence), 'time step')}; {'; '.join(about)})"

    # ---- the figure --------------------------------------------------------------------------------------------------
    def plot(self, path: str | PathLike | None = None) -> Any:
        """Draw a matplotlib figure, also written to a file (.svg, .png, ...) if a path is given.

        A column for each layer and direction, and in it a map of each part: units from top to bottom, time from left to
        right. Gates go from white, shut, to blue, open; states are orange above zero and blue below, all maps of a row
        on one scale. The sequence lies under them.
        """
        rows = [part for part in ROWS if any(part in scan.parts for scan in self.scans)]
        width = {1: 5.2, 2: 3.6}.get(len(self.scans), 2.5)
        units = max(scan.parts["hidden"].shape[1] for scan in self.scans)
        height = float(np.clip(0.045 * units, 0.75, 1.6))
        left, top, below, beside = EDGE + 2.15, EDGE + 1.0, 0.16, 0.3
        other_steps = any(len(scan.parts["hidden"]) != len(self.sequence) for scan in self.scans)
        under = top + len(rows) * (height + below) + 0.4 * other_steps
        right = left + len(self.scans) * (width + beside)
        deep = min(height, 1.0)
        sheet = Sheet(right + 0.7, under + deep + 0.6)
        kinds = " and ".join(dict.fromkeys(scan.kind.upper() for scan in self.scans))
        gates = "; gates from white, shut, to blue, open" if len(rows) > 1 else ""
        sheet.title(f"{kinds}: states over time", f"states orange above zero, blue below{gates}")
        for row, part in enumerate(rows):
            at = top + row * (height + below)
            having = [scan for scan in self.scans if part in scan.parts]
            self._name(sheet, part, MEANINGS.get((part, having[0].kind), part), at + height / 2)
            look = _look(part, np.concatenate([scan.parts[part].ravel() for scan in having]))
            for column, scan in enumerate(self.scans):
                if part in scan.parts:
                    place = left + column * (width + beside), at, width, height
                    axes = sheet.axes(*place)
                    image = _map(axes, scan.parts[part], first=column == 0, **look)
                    if other_steps and row == len(rows) - 1:  # a convolution came before
                        time_axis(axes)
            sheet.colour_bar(right - beside + 0.1, at, height, image)
        both = len({scan.reverse for scan in self.scans}) > 1
        for column, scan in enumerate(self.scans):
            at = left + column * (width + beside)
            arrow = (" ←" if scan.reverse else " →") if both else ""
            sheet.words(at, top - 0.07, scan.name + arrow, 10, weight="bold", va="bottom")
            axes = sheet.axes(at, under, width, deep)
            self._input(axes, first=column == 0)
        self._name(sheet, "sequence", by(self.sequence.shape), under + deep / 2)
        return sheet.saved(path)

    def _name(self, sheet: Sheet, name: str, about: str, middle: float) -> None:
        sheet.words(EDGE, middle - 0.04, name, 10, weight="bold", va="bottom")
        sheet.words(EDGE, middle, about, 8, FAINT)

    def _input(self, axes: Any, first: bool) -> None:
        x = self.sequence
        values = x.reshape(len(x), -1)
        if values.shape[1] <= len(LINES):
            for column, colour in zip(values.T, LINES, strict=False):
                axes.plot(column, color=colour, lw=1.5, marker="o" if len(x) == 1 else None, ms=3)
            axes.spines[["top", "right"]].set_visible(False)
        else:
            axes.imshow(values.T, aspect="auto", interpolation="nearest", **_look("input values", values))
            axes.set_ylabel("feature" if first else "", size=8, color=FAINT)
        axes.tick_params(labelleft=first)
        axes.set_xlim(-0.5, len(x) - 0.5)
        time_axis(axes)


def _look(part: str, values: np.ndarray) -> dict[str, Any]:
    if part in OPEN_OR_SHUT:
        return {"cmap": colours(RISING), "vmin": 0, "vmax": 1}
    most = reach(values)
    return {"cmap": colours(SIGNED), "vmin": -most, "vmax": most}


def _map(axes: Any, values: np.ndarray, first: bool, **look: Any) -> Any:
    """Draw values (time, width), time from left to right; the first of a row says which unit is where."""
    image = axes.imshow(values.T, aspect="auto", interpolation="nearest", **look)
    ends = sorted({0, values.shape[1] - 1})
    axes.set(xticks=[], yticks=ends if first else [], yticklabels=ends if first else [])
    if first:
        axes.set_ylabel("unit", size=8, color=FAINT, labelpad=2)
    return image
