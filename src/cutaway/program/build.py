"""From a recorded model to instructions: load, forward, loss, backward (the recording in reverse), update."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from ..autodiff import Tensor
from ..errors import ArgumentError, RecordingError, warn
from ..optim import Optimizer
from ..optim.optimizers import AVERAGE, average_weights
from ..rules import OPS, facts
from .by_rows import keeps_rows_apart
from .instruction import Instruction, ShapeOf, Value, constant
from .places import places
from .record import Recorded, Step


@dataclass
class Listing:
    """The instructions of a program and the values they work on."""

    instructions: list[Instruction]
    inputs: list[Value]
    output: Value
    loss: Value | None = None
    target: Value | None = None
    weight: Value | None = None
    gradients: dict[str, Value] = field(default_factory=dict)  # by the name of the parameter, if it is trained
    block: dict[str, Value] = field(default_factory=dict)  # whole vectors: θ, its gradient g, the optimizer's state


def forward(recorded: Recorded) -> list[Instruction]:
    """The instructions that evaluate a model, and its loss where it was recorded with one."""
    out = []
    updates = {id(new) for _, new in recorded.assignments}
    for step in recorded.steps:
        rule = step.entry.op
        apart = keeps_rows_apart(rule, step.inputs, step.outputs, step.attributes)
        phase = "loss" if step.entry.scope == "loss" else "forward"
        if any(id(v) in updates for v in step.outputs):
            phase = "update"
        formula = "J = mean ℓ" if step.outputs[0] is recorded.loss and rule.name == "mean" else rule.formula
        out.append(Instruction(
            phase, rule.name, step.inputs, step.outputs, step.attributes, formula=formula, layer=step.entry.scope,
            scope="rows" if apart else "once",
        ))
    return out


def evaluation(recorded: Recorded) -> Listing:
    """The listing that evaluates a model: load, forward, and the outputs put in their place."""
    out = recorded.output
    if not out.rows:
        raise RecordingError(f"the model gives shape {out.shape} for any batch: it must keep a row for each sample")
    store = Instruction("store", "store", (out,), (), formula="outputs[rows] = value")
    return Listing([*_load(recorded), *forward(recorded), store], recorded.inputs, out)


def training(recorded: Recorded, model, opt: Optimizer, rounded: bool = False) -> Listing:
    """The listing of all that one training step does. rounded: layers multiply factors rounded to bf16."""
    assert recorded.loss is not None
    parameters = dict(model.named_parameters())
    placed = places({name: p.shape for name, p in parameters.items()})
    size = max((place.hi for place in placed.values()), default=0)
    if not size or not any(p.requires_grad for p in parameters.values()):
        raise ArgumentError("the model has no parameter to train: all are frozen (requires_grad=False), or none exists")
    dtype = next(iter(parameters.values())).dtype
    listing = Listing([], recorded.inputs, recorded.output, recorded.loss, recorded.target, recorded.weight)
    listing.gradients = {
        name: Value(gradient_name(name), p.shape, 0, p.dtype, "gradient", "g", placed[name].lo)
        for name, p in parameters.items() if p.requires_grad
    }
    whole = [name for name in opt.vectors if name == AVERAGE or not opt.by_parameter]
    roles = {"θ": "parameter", "g": "gradient"} | dict.fromkeys(whole, "state")
    listing.block = {name: Value(name, (size,), 0, dtype, role, name) for name, role in roles.items()}
    ahead = forward(recorded)
    backward = _Backward(listing, recorded).run()
    listing.instructions = [
        *_load(recorded), *(i for i in ahead if i.phase != "update"), *backward, *_update(listing, parameters, opt),
        *(i for i in ahead if i.phase == "update"),
        *(Instruction("update", "assign", (new,), (old,), formula="buffer = new value", scope="once", layer=old.name)
          for old, new in recorded.assignments),
    ]
    for i in listing.instructions:
        i.rounded = rounded and facts(i.op).rounds
    return listing


def _load(recorded: Recorded) -> list[Instruction]:
    wanted = [v for v in (*recorded.inputs, recorded.target, recorded.weight) if v is not None]
    return [Instruction("load", "batch", (), (), formula="n = rows of this batch")] + [
        Instruction("load", "gather", (), (v,), formula=f"{v.name} = data[order[rows]]") for v in wanted
    ]


#: Rules without a derivative that were told of.
_told: set[str] = set()


class _Backward:
    """The recording in reverse: one backward rule for each operation that a gradient flows through."""

    def __init__(self, listing: Listing, recorded: Recorded) -> None:
        self.listing, self.recorded = listing, recorded
        self.gradient: dict[int, Value] = {}
        self.out: list[Instruction] = []

    def run(self) -> list[Instruction]:
        J = self.recorded.loss
        assert J is not None
        self.gradient[id(J)] = constant("1", np.ones(J.shape, J.dtype))
        self._tell_of_dead_ends()
        for step in reversed(self.recorded.steps):
            if any(id(v) in self.gradient for v in step.outputs) and any(self._wants(v) for v in step.inputs):
                self._step(step)
        return self.out

    def _tell_of_dead_ends(self) -> None:
        """Warn, once for each, of rules of the reader's that have no derivative where a gradient would go through."""
        for step in self.recorded.steps:
            rule, layer = step.entry.op, step.entry.scope
            if rule.backward is not None or rule.ours or rule.name in _told or not any(map(self._wants, step.inputs)):
                continue
            _told.add(rule.name)
            where = f" ({layer})" if layer else ""
            warn(f"rule {rule.name!r}{where} has no {rule.name}_back beside it, in the same file: no gradient goes "
                 f"through it, and what lies before it does not learn. Write {rule.name}_back(d{rule.outputs[0]}, ...) "
                 "or ct.ops.detach what goes into it, if that is meant.")

    def _wants(self, v: Value | None) -> bool:
        return v is not None and id(v) in self.recorded.wants_gradient

    def _step(self, step: Step) -> None:
        rule, layer = step.entry.op, step.entry.scope
        if why := rule.refuses([self._wants(v) for v in step.inputs]):
            raise RecordingError(f"{layer or 'forward'}: {why}")
        arguments, out = self._arguments(step), step.outputs[0]
        scope = self._scope(step, arguments)
        writes: list[Value | None] = []
        after: list[Instruction] = []
        for v in step.inputs:
            if v is None or not self._wants(v):
                writes.append(None)
                continue
            own = scope  # value by value, each operand's own: one whose gradient rows share does not delay the others
            if rule.kind == "elementwise" and out.rows:
                own = "rows" if v.rows or self._trained_gradient(v) is not None else "once"
            target, add = self._target(v, own, layer)
            if rule.kind == "elementwise" and (v.rows, v.shape) != (out.rows, out.shape):
                whole = Value(target.name + " (broadcast)", out.shape, out.rows, v.dtype)
                after.append(Instruction(
                    "backward", "sum_to", (whole,), (target,), {"shape": ShapeOf(v)}, scope=own,
                    formula=OPS["sum_to"].formula, layer=layer,
                ))
                target = whole
            writes.append(target)
            after += add
        settings = {k: step.attributes[k] for k in rule.backward_attributes}
        self.out.append(Instruction("backward", rule.name, arguments, tuple(writes), settings, True, scope, "", layer))
        self.out += after

    def _arguments(self, step: Step) -> tuple:
        """The backward rule's arguments: the gradients of the outputs, then the values and shapes that it names."""
        rule = step.entry.op
        gradients = {name: self.gradient.get(id(v)) or (None if rule.absent_gradients else self._zero(v, step))
                     for name, v in zip(rule.outputs, step.outputs, strict=True) if name in rule.differentiable}
        return rule.backward_arguments(rule.by_name(step.inputs, step.outputs), gradients, ShapeOf)

    def _scope(self, step: Step, arguments: tuple) -> str:
        """Divide the work by rows, unless the rule mixes rows backwards too, writes what rows share, or reads none."""
        rule = step.entry.op
        if rule.kind == "elementwise" and step.outputs[0].rows:
            return "rows"
        wanted = [v for v in step.inputs if v is not None and self._wants(v)]
        shared = any(not v.rows and self._trained_gradient(v) is None for v in wanted)
        mixes = (rule.reduces_batch or rule.moves or rule.shared) and not rule.spreads and not keeps_rows_apart(
            rule, step.inputs, step.outputs, step.attributes)
        reads_rows = any(v.rows for v in (*wanted, *(a for a in arguments if isinstance(a, Value))))
        return "once" if shared or mixes or not reads_rows else "rows"

    def _trained_gradient(self, v: Value) -> Value | None:
        """The gradient of a parameter that is trained; None for any other value."""
        return self.listing.gradients.get(v.name) if v.role == "parameter" else None

    def _target(self, v: Value, scope: str, layer: str) -> tuple[Value, list[Instruction]]:
        """Choose where a gradient of v is written: a second one beside the first, to which it is then added."""
        known = self.gradient.get(id(v))
        if known is None:
            first = self._trained_gradient(v) or Value(gradient_name(v.name), v.shape, v.rows, v.dtype)
            self.gradient[id(v)] = first
            return first, []
        again = Value(known.name + "@2", v.shape, v.rows, v.dtype)
        add = Instruction("backward", "add", (known, again), (known,), scope=scope, layer=layer, formula="w = u + v")
        return again, [add]

    def _zero(self, v: Value, step: Step) -> Value:
        """Make a gradient of zeros, for an output that the loss does not depend on."""
        if not v.rows:
            return constant("0", np.zeros(v.shape, v.dtype))
        zero = Value(gradient_name(v.name), v.shape, v.rows, v.dtype)
        layer = step.entry.scope
        self.out.append(Instruction("backward", "fill", (), (zero,), {"value": 0.0}, formula="0", layer=layer))
        return zero


def gradient_name(name: str) -> str:
    """Name the gradient of a value: "dz1" of "z1"."""
    head, dot, tail = name.rpartition(".")
    return f"{head}{dot}d{tail}"


def _update(listing: Listing, parameters: dict[str, Tensor], opt: Optimizer) -> list[Instruction]:
    theta, g, *state = (v for name, v in listing.block.items() if name != AVERAGE)
    out = []
    if callable(opt.lr):
        out.append(Instruction("update", "schedule", (), (), formula=f"lr = {opt.lr!r}"))
    finite = "stop if J or g is not finite"
    out.append(Instruction("update", "check", (listing.loss, g), (), scope="range", formula=finite))
    for prepare in opt.prepare:  # a rule on the whole gradient sees frozen parameters too: their gradient is zero
        for lo, hi, _ in _ranges(parameters, False, opt) if prepare.scope == "range" else [(0, theta.width, True)]:
            out.append(Instruction(
                "update", prepare.rule.__name__, (g, theta), (g,), {"prepare": prepare, "lo": lo, "hi": hi},
                formula=repr(prepare) + _part_of(theta, lo, hi), scope=prepare.scope,
            ))
    if opt.by_parameter:
        return out + _by_parameter(listing, parameters, opt) + _average(listing, opt)
    for lo, hi, decays in _ranges(parameters, getattr(opt, "decay", "all") == "matrices", opt):
        label = _part_of(theta, lo, hi) + ("" if decays else ", no decay")
        out.append(Instruction(
            "update", "optimizer", (theta, g, *state), (theta, *state), {"lo": lo, "hi": hi, "decays": decays},
            formula=repr(opt) + label, scope="range",
        ))
    return out + _average(listing, opt)


def _average(listing: Listing, opt: Optimizer) -> list[Instruction]:
    """The instruction that averages the weights, if they are averaged: frozen ones too, which stay what they are."""
    if not opt.average:
        return []
    theta, average = listing.block["θ"], listing.block[AVERAGE]
    d = f"{opt.average:g}"
    return [Instruction(
        "update", average_weights.__name__, (average, theta), (average,),
        {"lo": 0, "hi": theta.width, "decay": opt.average}, scope="range",
        formula=f"average ← average + (θ - average) (1 - {d}) / (1 - {d}ᵗ)",
    )]


def _by_parameter(listing: Listing, parameters: dict[str, Tensor], opt: Optimizer) -> list[Instruction]:
    """The updates of trained parameters, one for each, on its part of θ, of g and of the optimizer's vectors."""
    shapes = {name: {"θ": p.shape} | opt.layout(p.shape) for name, p in parameters.items()}
    placed = {vector: places({name: own[vector] for name, own in shapes.items()}) for vector in ("θ", *opt.state_names)}
    out = []
    for name, g in listing.gradients.items():
        W, *state = (Value(name if vector == "θ" else f"{name}.{vector}", of[name].shape, 0, g.dtype,
                           "parameter" if vector == "θ" else "state", vector, of[name].lo)
                     for vector, of in placed.items())
        decays = opt.decays(W.shape)
        out.append(Instruction(
            "update", "optimizer", (W, g, *state), (W, *state), {"decays": decays}, scope="once",
            formula=repr(opt) + ("" if decays else ", no decay"),
        ))
    return out


def _part_of(theta: Value, lo: int, hi: int) -> str:
    return "" if (lo, hi) == (0, theta.width) else f" on θ[{lo}:{hi}]"


def _ranges(parameters: dict[str, Tensor], exempt: bool, opt: Optimizer) -> list[tuple[int, int, bool]]:
    """The ranges of θ that are updated alike: (from, to, whether weights decay). Frozen parameters are in none.

    exempt: some parameters do not decay, and get ranges of their own.
    """
    out: list[tuple[int, int, bool]] = []
    for name, place in places({name: p.shape for name, p in parameters.items()}).items():
        if parameters[name].requires_grad:
            decays = opt.decays(place.shape) if exempt else True
            lo = out.pop()[0] if out and out[-1][1:] == (place.lo, decays) else place.lo
            out.append((lo, place.hi, decays))
    return out


def reworded(instructions: list[Instruction], old: Optimizer | None, new: Optimizer | None) -> list[Instruction]:
    """Put another optimizer's numbers into the formulas of instructions; it is of the same kind as the old one."""
    if old is None or new is None or old == new:
        return instructions
    words = {"optimizer": (repr(old), repr(new)), "schedule": (repr(old.lr), repr(new.lr))}
    return [replace(i, formula=i.formula.replace(*words[i.op])) if i.op in words else i for i in instructions]
