"""The values of one training step by name, as its instructions read and wrote them.

Values are stored as versions, an array for each time that an instruction wrote them; θ, g and the optimizer's state
are stored parameter by parameter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...errors import ArgumentError
from ...program import gradient_name
from ..reading import unknown, within
from ..states import LETTERS, PARTS, scan_parts

SAID = {"loss": "ℓ", "y_hat": "ŷ", "theta": "θ"}  # what is hard to type
STANDING = ("parameter", "buffer", "state", "constant")  # what is there before a step begins


@dataclass(frozen=True)
class TracedValue:
    """What is known of a value besides its numbers.

    shape: in this batch, rows of samples first where `rows` (for each sample) is not 0. role: as `program.Value` has
    it. layer: the layer that wrote it or owns it. symbol: its name in the listing, such as W1.
    """

    name: str
    shape: tuple[int, ...]
    rows: int
    dtype: str
    role: str
    layer: str = ""
    symbol: str = ""


@dataclass(eq=False, repr=False)
class TracedInstruction:
    """An instruction that ran: what it is, and the arrays that it read and wrote.

    operands, results: names of what it read and wrote, by the names that its rule gives them (x, W, b and z; for a
    derivative dz, x, W and dx, dW, db). read, written: names of all values, kept or not. settings: its numbers, with
    seed and step as they were. key: what `index` picks, whose slices no file holds. rounded: factors of its products
    were rounded to bf16.
    """

    number: int
    phase: str
    op: str
    title: str
    backward: bool
    layer: str
    formula: str
    scope: str
    operands: dict[str, str]
    results: dict[str, str]
    settings: dict[str, Any]
    read: tuple[str, ...]
    written: tuple[str, ...]
    key: Any = None
    rounded: bool = False
    trace: Record = field(repr=False, default=None)  # type: ignore[assignment]

    @property
    def reads(self) -> dict[str, np.ndarray]:
        """Every value that the instruction read and the trace kept, as it was then; of θ, g and state its own part."""
        return self._arrays(self.read, self.number - 1)

    @property
    def writes(self) -> dict[str, np.ndarray]:
        """Every value that the instruction wrote and the trace kept."""
        return self._arrays(self.written, self.number)

    def operand(self, name: str) -> np.ndarray:
        """Get an array by the name that the rule gives it: W, dz."""
        if name in self.results:
            return self.trace.at(self.results[name], self.number)
        if name in self.operands:
            return self.trace.at(self.operands[name], self.number - 1)
        raise unknown(f"operand of {self.title}", name, [*self.operands, *self.results])

    def __repr__(self) -> str:
        reads, writes = (", ".join(names) or "nothing" for names in (self.read, self.written))
        return f"TracedInstruction({self.number}: {self.phase} {self.title}, reads {reads}, writes {writes})"

    def _arrays(self, names: tuple[str, ...], number: int) -> dict[str, np.ndarray]:
        part = self.settings.get("lo"), self.settings.get("hi")
        kept = (name for name in names if self.trace.keeps(name, *part))
        return {name: self.trace.stretch(name, number, *part) for name in kept}


@dataclass(frozen=True)
class Part:
    """A parameter's place in θ."""

    lo: int
    shape: tuple[int, ...]
    trained: bool

    @property
    def hi(self) -> int:
        return self.lo + int(np.prod(self.shape, dtype=np.int64))


@dataclass(frozen=True)
class About:
    """Which step a trace shows.

    step: its number, from 1. epoch: the epoch it belongs to, or 0. rows: which rows of the data were its batch. lr: its
    learning rate. finite: False if J or a gradient was not, so that the update did not take place.
    """

    step: int
    epoch: int
    rows: np.ndarray
    lr: float
    finite: bool
    loss: str
    optimizer: str
    seed: int
    engine: str
    threads: int
    output: str
    target: str


@dataclass(frozen=True, repr=False)
class Update:
    """What the optimizer did to one parameter: `change` = after - before.

    gradient: as the optimizer saw it, after clipping. state, state_after: its own vectors, such as m and v.
    """

    name: str
    before: np.ndarray
    after: np.ndarray
    gradient: np.ndarray
    state: dict[str, np.ndarray]
    state_after: dict[str, np.ndarray]
    step: int
    lr: float

    @property
    def change(self) -> np.ndarray:
        return self.after - self.before

    def __repr__(self) -> str:
        sizes = (float(np.linalg.norm(a.astype(np.float64))) for a in (self.gradient, self.before, self.change))
        return "Update({}: ‖g‖ = {:.4g}, ‖before‖ = {:.4g}, ‖change‖ = {:.4g})".format(self.name, *sizes)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.array(self.change, dtype)


@dataclass(eq=False, repr=False)
class Record(Mapping):
    """The values of one training step by name, and the instructions that made them; `Trace` says what each field is."""

    about: About
    instructions: list[TracedInstruction]
    facts: dict[str, TracedValue]
    versions: dict[str, list[tuple[int, np.ndarray]]]
    vectors: dict[str, tuple[str, ...]]
    parameters: dict[str, Part]
    left_out: dict[str, int] = field(default_factory=dict)
    origin: Any = None
    note: str = ""

    def __post_init__(self) -> None:
        self.instructions = [TracedInstruction(**{**vars(i), "trace": self}) for i in self.instructions]
        self._check = next((i.number for i in self.instructions if i.op == "check"), len(self.instructions) - 1)
        self._parts = _recurrent_parts(self)
        self._times = {self.facts[i.results["y"]].shape[1] for i in self.instructions
                       if i.op in PARTS and not i.backward}
        self._symbols = {v.symbol: name for name, v in reversed(self.facts.items())}

    # ---- values by name ----------------------------------------------------------------------------------------------
    def __getitem__(self, name: str) -> np.ndarray:
        """Get a value during the step. What the step changes (weights, buffers, state) is as it was before; a gradient
        is that of J, before clipping; a time step of a recurrent layer is `name[5]`, (n, k)."""
        try:
            return self._timed(name, self._during)
        except ArgumentError as error:
            raise KeyError(str(error)) from None

    def _during(self, name: str) -> np.ndarray:
        name = self.name(name)
        if name in self._parts:
            whole, part = self._parts[name]
            return self._during(whole)[..., part]
        role = self.facts[name].role
        return self.at(name, -1 if role in STANDING else self._check if role == "gradient" else len(self.instructions))

    def _timed(self, name: str, get: Callable[[str], np.ndarray]) -> np.ndarray:
        """Call `get` for a name; where the name ends in a time step, take that step of the array: (n, k)."""
        match = re.fullmatch(r"(.+)\[(-?\d+)\]", str(name))
        if not match or name in self.facts:
            return get(name)
        whole, k = self.name(match[1]), int(match[2])
        if not self._has_time(whole):
            raise ArgumentError(f"{whole} has no time steps: index the array itself, t[{whole!r}][{k}]")
        array = get(whole)
        if not -array.shape[1] <= k < array.shape[1]:
            raise ArgumentError(f"{whole} has time steps 0 to {array.shape[1] - 1}, got {k}")
        return array[:, k]

    def _has_time(self, name: str) -> bool:
        v = self.facts[self._parts[name][0] if name in self._parts else name]
        return bool(v.rows) and len(v.shape) > 2 and v.shape[1] in self._times

    def __iter__(self) -> Iterator[str]:
        stacked = {name for name in self.vectors if self.facts[name].shape[1:]}  # only while shards are added up
        kept = [name for name in self.facts if self.keeps(name) and name not in stacked]
        return iter([*kept, *(name for name, (whole, _) in self._parts.items() if self.keeps(whole))])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def name(self, name: str) -> str:
        """Find the full name for a name, a symbol of the listing (z1), or a word (loss).

        Raises ArgumentError with the nearest name for an unknown one.
        """
        for known in (name, SAID.get(name), self._symbols.get(name)):
            if known is not None and (known in self.facts or known in self._parts):
                return known
        head, dot, tail = str(name).rpartition(".")
        kinds = (f"{head}{dot}{kind}.{tail}" for kind in PARTS)  # layer1.y: LastState's own layer may be left unsaid
        for known in kinds:
            if known in self.facts or known in self._parts:
                return known
        raise unknown("value", str(name), [*self.facts, *self._parts])

    def whole(self, name: str, place: int) -> tuple[str, int]:
        """Find the value that a gate or hidden state is a part of, and where a number of its flat array lies there."""
        if name not in self._parts:
            return name, place
        whole, part = self._parts[name]
        *at, unit = np.unravel_index(place, self[name].shape)
        return whole, int(np.ravel_multi_index((*at, unit + (part.start or 0)), self[whole].shape))

    def keeps(self, name: str, lo: int | None = None, hi: int | None = None) -> bool:
        """Whether the trace has a value's numbers (of a vector: those from lo to hi)."""
        parts = [part for part, _, _ in self._parts_of(name, lo, hi)]
        return all(part in self.versions for part in parts)

    def at(self, name: str, number: int) -> np.ndarray:
        """Get a value as it was after instruction `number` had run; -1: before the step.

        Raises ArgumentError for a value that no instruction had written by then, or that was left out.
        """
        return self.stretch(self.name(name), number)

    def stretch(self, name: str, number: int, lo: int | None = None, hi: int | None = None) -> np.ndarray:
        """Get a value as `at` does, but of θ, g and state only the numbers from lo to hi."""
        if name not in self.vectors:
            return self._version(name, number)
        stacked = self.facts[name].shape[:-1]  # g of all shards has a row for each
        return np.concatenate([self._version(part, number).reshape(*stacked, -1)
                               for part, _, _ in self._parts_of(name, lo, hi)], axis=-1)

    def _parts_of(self, name: str, lo: int | None, hi: int | None) -> list[tuple[str, int, int]]:
        if name not in self.vectors:
            return [(name, 0, 0)]
        places = ((part, p.lo, p.hi) for part, p in zip(self.vectors[name], self.parameters.values(), strict=True))
        return [(part, a, b) for part, a, b in places if (lo is None or a >= lo) and (hi is None or b <= hi)]

    def _version(self, name: str, number: int) -> np.ndarray:
        if name not in self.versions:
            if name in self.left_out:
                raise ArgumentError(
                    f"{name} ({self.left_out[name]:,} bytes) was left out of this trace: trace again with "
                    f"keep=[{name!r}]"
                )
            raise ArgumentError(f"no instruction that ran in step {self.about.step} wrote {name}")
        versions = [array for at, array in self.versions[name] if at <= number]
        if not versions:
            raise ArgumentError(f"{name} is written by instruction {self.versions[name][0][0]}, after {number}")
        return versions[-1]

    # ---- gradients and the update ------------------------------------------------------------------------------------
    @property
    def J(self) -> float:
        """The loss of the batch."""
        return float(self.at("J", len(self.instructions)))

    def grad(self, name: str) -> np.ndarray:
        """Get ∂J/∂ of a parameter or value: summed over the batch for a parameter, a row for each sample for a value.

        Of a time step: t.grad("layer1.lstm.z[5]"). Raises ArgumentError for what backward does not need a gradient of:
        inputs, targets, gates (a scan gives that of z, which they come from), frozen parameters.
        """
        return self._timed(name, self._gradient)

    def _gradient(self, name: str) -> np.ndarray:
        name = self.name(name)
        part = self.parameters.get(name)
        own = gradient_name(name)
        if own not in self.facts or (part is not None and not part.trained):
            why = "it is frozen" if part is not None else "backward does not need it"
            raise ArgumentError(f"no gradient of {name} is computed: {why}")
        return self._during(own)

    def after(self, name: str) -> np.ndarray:
        """Get a value after the step: a parameter, a buffer, or the optimizer's state."""
        return self.at(name, len(self.instructions))

    def update(self, name: str) -> Update:
        """Get what the optimizer did to a parameter (or to all, "θ"), with its state before and after."""
        name = self.name(name)
        if name != "θ" and name not in self.parameters:
            raise unknown("parameter", name, self.parameters)
        states = [s.rpartition(".") for s, v in self.facts.items() if v.role == "state"]
        own = {s: owner + dot + s for owner, dot, s in states if owner == ("" if name == "θ" else name)}
        end = len(self.instructions)
        return Update(
            name, self.at(name, -1), self.after(name), self.at("g" if name == "θ" else gradient_name(name), end),
            {s: self.at(v, -1) for s, v in own.items()}, {s: self.at(v, end) for s, v in own.items()},
            self.about.step, self.about.lr,
        )

    def at_time(self, layer: str, k: int) -> dict[str, np.ndarray]:
        """Get everything a recurrent layer has at time step k, by name: (n, width) each, gates and gradients too."""
        names = [*self.facts, *self._parts]
        chosen = [n for n in names if within(n.rpartition(".")[0], layer) and self._has_time(n) and n in self]
        scans = dict.fromkeys(i.layer for i in self.instructions if i.op in PARTS)
        if not chosen:
            raise unknown("recurrent layer", layer, scans) if scans else ArgumentError("there is no recurrent layer")
        return {name: self[f"{name}[{k}]"] for name in chosen}


def _recurrent_parts(trace: Record) -> dict[str, tuple[str, slice]]:
    """Find hidden states and gates by name: the value that each is a part of, and where in its last axis."""
    found: dict[str, tuple[str, slice]] = {}
    for i in trace.instructions:
        if i.op in PARTS and not i.backward:
            y = i.results["y"]
            for part, (output, place) in scan_parts(i.op, trace.facts[y].shape[-1]).items():
                head, _, tail = y.rpartition(".")
                where = f"{head or i.op}{tail.removeprefix('y')}"
                for name in (part, LETTERS.get(i.op, {}).get(part)):
                    if name is not None and f"{where}.{name}" not in trace.facts:
                        found[f"{where}.{name}"] = (i.results[output], place)
    return found
