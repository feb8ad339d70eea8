"""From a recorded model to instructions: load, forward, loss, backward (the recording in reverse), update."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..errors import ArgumentError, RecordingError
from ..optim import Optimizer
from ..rules import OPS
from .instruction import Instruction, ShapeOf, Value
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
    gradients: dict[int, Value] = field(default_factory=dict)  # id of a parameter's Tensor -> its gradient
    block: dict[str, Value] = field(default_factory=dict)  # θ, its gradient, and the optimizer's state


def forward(recorded: Recorded) -> list[Instruction]:
    """The evaluation of a model, and of its loss if it was recorded with one."""
    out = []
    updates = {id(new) for _, new in recorded.assignments}
    for step in recorded.steps:
        rule = step.entry.op
        batched = all(v.rows for v in step.outputs)
        phase = "loss" if step.entry.scope == "loss" else "forward"
        if any(id(v) in updates for v in step.outputs):
            phase = "update"
        formula = "J = mean ℓ" if step.outputs[0] is recorded.loss and rule.name == "mean" else rule.formula
        out.append(Instruction(
            phase, rule.name, step.inputs, step.outputs, step.attributes, formula=formula, layer=step.entry.scope,
            scope="rows" if batched and not rule.reduces_batch else "once",
        ))
    return out


def evaluation(recorded: Recorded) -> Listing:
    """Load, forward, and the outputs put in their place."""
    out = recorded.output
    if not out.rows:
        raise RecordingError(f"the model gives shape {out.shape} for any batch: it must keep a row for each sample")
    store = Instruction("store", "store", (out,), (), formula="outputs[rows] = value")
    return Listing([*_load(recorded), *forward(recorded), store], recorded.inputs, out)


def training(recorded: Recorded, model, opt: Optimizer, shards: int) -> Listing:
    """Everything one training step does."""
    assert recorded.loss is not None
    ahead = forward(recorded)
    listing = Listing([], recorded.inputs, recorded.output, recorded.loss, recorded.target, recorded.weight)
    parameters = model.parameters()
    theta = model.theta
    if not theta.size or not any(p.requires_grad for p in parameters):
        raise ArgumentError("the model has no parameter to train: all are frozen (requires_grad=False), or none exists")
    neurons = _by_neuron(recorded, parameters) if shards > 1 else set()
    copies = 1 if all(id(p) in neurons for p in parameters if p.requires_grad) else shards
    block = np.zeros((copies, theta.size), theta.dtype)
    at = 0
    for p in parameters:
        if p.requires_grad:
            listing.gradients[id(p)] = Value(
                "", p.shape, 0, p.dtype, "gradient", array=block[0, at : at + p.size].reshape(p.shape),
                per_shard=shards > 1 and id(p) not in neurons,
            )
        at += p.size
    listing.block = {
        "θ": Value("θ", theta.shape, 0, theta.dtype, "parameter", array=theta),
        "g": Value("g", theta.shape, 0, theta.dtype, "gradient", array=block[0]),
        "shards": Value("g of all shards", block.shape, 0, theta.dtype, "gradient", array=block),
    }
    for name in opt.state_names:
        listing.block[name] = Value(name, theta.shape, 0, theta.dtype, "state", array=np.zeros_like(theta))
    backward = _Backward(listing, recorded, shards).run()
    listing.instructions = [
        *_load(recorded), *(i for i in ahead if i.phase != "update"), *backward,
        *_update(listing, model, opt, shards), *(i for i in ahead if i.phase == "update"),
        *(Instruction("update", "assign", (new,), (old,), formula="buffer = new value", scope="once", layer=old.name)
          for old, new in recorded.assignments),
    ]
    return listing


def _load(recorded: Recorded) -> list[Instruction]:
    wanted = [v for v in (*recorded.inputs, recorded.target, recorded.weight) if v is not None]
    return [Instruction("load", "batch", (), (), formula="n = rows of this batch")] + [
        Instruction("load", "gather", (), (v,), formula=f"{v.name} = data[order[rows]]") for v in wanted
    ]


def _by_neuron(recorded: Recorded, parameters: list) -> set[int]:
    """Parameters that only layers of neurons read: threads share their gradients by neurons, not by rows."""
    trained = {id(p) for p in parameters if p.requires_grad}
    chosen = set(trained)
    while True:
        refused = set()
        for step in recorded.steps:
            read = [id(v.tensor) for v in step.inputs if v is not None and id(v.tensor) in trained]
            x = step.inputs[0]
            fits = step.entry.op.name == "linear" and x is not None and x.rows > 0 and id(x.tensor) not in trained
            fits = fits and all(v is None or v.tensor is not None for v in step.inputs[1:])  # no computed weights
            fits = fits or step.entry.op.name == "penalty"
            if read and not (fits and all(r in chosen for r in read)):
                refused |= chosen.intersection(read)
        if not refused:
            return chosen
        chosen -= refused


class _Backward:
    """The recording in reverse: one backward rule for each operation that a gradient flows through."""

    def __init__(self, listing: Listing, recorded: Recorded, shards: int) -> None:
        self.listing, self.recorded, self.shards = listing, recorded, shards
        self.gradient: dict[int, Value] = {}
        self.out: list[Instruction] = []
        self.late: list[Instruction] = []  # gradients shared out by neurons: after all that is shared out by rows

    def run(self) -> list[Instruction]:
        J = self.recorded.loss
        assert J is not None
        self.gradient[id(J)] = Value("1", J.shape, 0, J.dtype, "constant", array=np.ones(J.shape, J.dtype))
        for step in reversed(self.recorded.steps):
            if any(id(v) in self.gradient for v in step.outputs) and any(self._wants(v) for v in step.inputs):
                self._step(step)
        return self.out + self.late

    def _wants(self, v: Value | None) -> bool:
        return v is not None and id(v) in self.recorded.wants_gradient

    def _step(self, step: Step) -> None:
        rule, layer = step.entry.op, step.entry.scope
        if why := rule.refuses([self._wants(v) for v in step.inputs]):
            raise RecordingError(f"{layer or 'forward'}: {why}")
        arguments, inputs = self._arguments(step), step.inputs
        scope = self._scope(step, arguments)
        if self.shards > 1 and rule.name == "linear" and any(self._by_neuron(v) for v in inputs):
            self._weights_late(inputs, arguments, layer)
            inputs = (inputs[0], None, None)
            if not self._wants(inputs[0]):
                return
        writes: list[Value | None] = []
        after: list[Instruction] = []
        for v in inputs:
            if v is None or not self._wants(v):
                writes.append(None)
                continue
            target, add = self._target(v, scope, layer)
            out = step.outputs[0]
            if rule.kind == "elementwise" and (v.rows, v.shape) != (out.rows, out.shape):
                whole = Value(target.name + " (broadcast)", out.shape, out.rows, v.dtype)
                after.append(Instruction(
                    "backward", "sum_to", (whole,), (target,), {"shape": ShapeOf(v)}, scope=scope,
                    formula=OPS["sum_to"].formula, layer=layer,
                ))
                target = whole
            writes.append(target)
            after += add
        settings = {k: step.attributes[k] for k in rule.backward_attributes}
        self.out.append(Instruction("backward", rule.name, arguments, tuple(writes), settings, True, scope, "", layer))
        self.out += after

    def _arguments(self, step: Step) -> tuple:
        """What the backward rule takes: the gradients of the outputs, then the values and shapes that it names."""
        rule = step.entry.op
        gradients = {name: self.gradient.get(id(v)) or (None if rule.absent_gradients else self._zero(v, step))
                     for name, v in zip(rule.outputs, step.outputs, strict=True) if name in rule.differentiable}
        return rule.backward_arguments(rule.by_name(step.inputs, step.outputs), gradients, ShapeOf)

    def _scope(self, step: Step, arguments: tuple) -> str:
        """Rows, unless the rule mixes rows backwards too, writes something every row shares, or reads no rows."""
        rule = step.entry.op
        wanted = [v for v in step.inputs if v is not None and self._wants(v)]
        shared = any(not v.rows and id(v.tensor) not in self.listing.gradients for v in wanted)
        mixes = rule.reduces_batch and rule.name not in ("mean", "sum", "weighted_mean")
        reads_rows = any(v.rows for v in (*wanted, *(a for a in arguments if isinstance(a, Value))))
        return "once" if shared or mixes or not reads_rows else "rows"

    def _by_neuron(self, v: Value | None) -> bool:
        own = self.listing.gradients.get(id(v.tensor)) if v is not None and v.tensor is not None else None
        return own is not None and not own.per_shard

    def _weights_late(self, inputs: tuple, arguments: tuple, layer: str) -> None:
        """A layer's weight gradients as an instruction of their own, which threads share by neurons."""
        targets = [self._target(v, "neurons", layer) if self._by_neuron(v) else (None, []) for v in inputs]
        places = tuple(place for place, _ in targets)
        self.late.append(Instruction("backward", "linear", arguments, places, {}, True, "neurons", "", layer))
        self.late += [add for _, after in targets for add in after]

    def _target(self, v: Value, scope: str, layer: str) -> tuple[Value, list[Instruction]]:
        """Where to write a gradient of v; a second one is written beside the first, then added to it."""
        own = self.listing.gradients.get(id(v.tensor)) if v.tensor is not None else None
        known = self.gradient.get(id(v))
        if known is None:
            name = gradient_name(v.name)
            if own is not None:
                own.name = name
            self.gradient[id(v)] = own or Value(name, v.shape, v.rows, v.dtype)
            if own is not None and own.per_shard and scope == "once":  # only one shard will write: clear the others'
                self.out.append(Instruction("backward", "fill", (), (own,), {"value": 0.0}, formula="0", layer=layer))
            return self.gradient[id(v)], []
        again = Value(known.name + "@2", v.shape, v.rows, v.dtype, per_shard=known.per_shard and scope == "rows")
        scope = "once" if scope == "neurons" else scope
        add = Instruction("backward", "add", (known, again), (known,), scope=scope, layer=layer, formula="w = u + v")
        return again, [add]

    def _zero(self, v: Value, step: Step) -> Value:
        zero = Value(gradient_name(v.name), v.shape, v.rows, v.dtype)
        if v.rows:
            layer = step.entry.scope
            self.out.append(Instruction("backward", "fill", (), (zero,), {"value": 0.0}, formula="0", layer=layer))
            return zero
        zero.array = np.zeros(v.shape, v.dtype)
        zero.role, zero.name = "constant", "0"
        return zero


def gradient_name(name: str) -> str:
    head, dot, tail = name.rpartition(".")
    return f"{head}{dot}d{tail}"


def _update(listing: Listing, model, opt: Optimizer, shards: int) -> list[Instruction]:
    theta, g = listing.block["θ"], listing.block["g"]
    state = tuple(listing.block[name] for name in opt.state_names)
    out = []
    if callable(opt.lr):
        out.append(Instruction("update", "schedule", (), (), formula=f"lr = {opt.lr!r}"))
    at = 0
    for p in model.parameters():
        if id(p) in listing.gradients and listing.gradients[id(p)].per_shard:
            ends = {"lo": at, "hi": at + p.size}
            out.append(Instruction(
                "update", "reduce", (listing.block["shards"],), (g,), ends, scope="range", formula="g = sum of shards",
            ))
        at += p.size
    finite = "stop if J or g is not finite"
    out.append(Instruction("update", "check", (listing.loss, g), (), scope="range", formula=finite))
    for prepare in opt.prepare:  # a rule of the whole gradient may see frozen stretches of it: they are zero
        for lo, hi, _ in _ranges(model, False, opt) if prepare.scope == "range" else [(0, theta.width, True)]:
            out.append(Instruction(
                "update", prepare.rule.__name__, (g, theta), (g,), {"prepare": prepare, "lo": lo, "hi": hi},
                formula=repr(prepare) + _part_of(theta, lo, hi), scope=prepare.scope,
            ))
    for lo, hi, decays in _ranges(model, getattr(opt, "decay", "all") != "all", opt):
        label = _part_of(theta, lo, hi) + ("" if decays else ", no decay")
        out.append(Instruction(
            "update", "optimizer", (theta, g, *state), (theta, *state), {"lo": lo, "hi": hi, "decays": decays},
            formula=repr(opt) + label, scope="range",
        ))
    return out


def _part_of(theta: Value, lo: int, hi: int) -> str:
    return "" if (lo, hi) == (0, theta.width) else f" on θ[{lo}:{hi}]"


def _ranges(model, exempt: bool, opt: Optimizer) -> list[tuple[int, int, bool]]:
    """The stretches of θ that are treated alike (apart where some are exempt from decay); frozen ones are in none."""
    out: list[tuple[int, int, bool]] = []
    at = 0
    for p in model.parameters():
        if p.requires_grad:
            decays = opt.decays(p.shape) if exempt else True
            if out and out[-1][1] == at and out[-1][2] == decays:
                out[-1] = (out[-1][0], at + p.size, decays)
            else:
                out.append((at, at + p.size, decays))
        at += p.size
    return out
