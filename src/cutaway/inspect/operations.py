"""What a network does in evaluation, operation by operation, each with its settings, weights and amount of work."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..arguments import is_whole
from ..drawing.sheet import by
from ..engines import Program, evaluator, example_input
from ..errors import ArgumentError, CutawayError, ShapeError
from ..files.restored import Restored
from ..program import Instruction, Value
from ..program.profile import operations as arithmetic
from ..rules import OPS, Op, facts
from ..sequences import Sequences
from .reading import forward_steps, network_of


@dataclass(eq=False)
class Operation:
    """One line of a network's evaluation: an instruction, or two for a recurrent scan and its input's products."""

    instructions: list[Instruction]
    program: Program

    @property
    def main(self) -> Instruction:
        return self.instructions[-1]

    @property
    def op(self) -> str:
        return self.main.op

    @property
    def rule(self) -> Op:
        """The operation's row in the table of operations."""
        return OPS[self.op]

    @property
    def layer(self) -> str:
        return self.main.layer

    @property
    def out(self) -> Value:
        """The value that the operation gives: the first that it writes."""
        return self.main.written[0]

    @cached_property
    def operands(self) -> dict[str, Any]:
        """Values by the names of their rule; of a scan too, whose x, W_ih and b_ih are its input's."""
        if len(self.instructions) == 1:
            return self.main.operands()
        before = self.instructions[0].operands()
        return self.main.operands() | {"x": before["x"], "W_ih": before["W"], "b_ih": before["b"]}

    @property
    def reads(self) -> list[Value]:
        """The values that differ from row to row, without lengths."""
        inner = {id(v) for i in self.instructions for v in i.written}
        lengths = self.operands.get("lengths") if not self.rule.variadic else None
        every = (v for i in self.instructions for v in i.reads)
        return [v for v in every if v.rows and id(v) not in inner and v is not lengths]

    @property
    def parameters(self) -> list[Value]:
        return [v for i in self.instructions for v in i.reads if v.role == "parameter"]

    def numbers(self, operand: str) -> np.ndarray:
        """Get the numbers of a weight, by the rule's name; a weight that the network computes has none."""
        v = self.operands[operand]
        if not v.outside:
            raise ArgumentError(f"the weights {v.name} are computed by the network itself: look at them with ct.trace")
        return self.program.engine.read(v)

    @property
    def multiply_adds(self) -> int:
        """The multiply-adds in the operation's matrix products for one row, as its kernel does them."""
        return sum(arithmetic(i, 1) for i in self.instructions) // 2

    @property
    def bytes(self) -> int:
        """The bytes that it writes for one row; the same values in another shape take none."""
        if self.rule.kind == "view":
            return 0
        return sum(v.width * v.dtype.itemsize for i in self.instructions for v in i.written)

    @cached_property
    def settings(self) -> str:
        """What its repr would say: "1 → 32, 3 × 3, same"."""
        rule, v, own = self.rule, {} if self.rule.variadic else self.operands, self.main.attributes
        if rule.sums:
            parts = [f"{v['W_ih'].shape[1] if 'W_ih' in v else v['u'].shape[-1]} → {v['y'].shape[-1]}"]
            parts += ["relu"] if own.get("relu") else []
            parts += ["from the end"] if own["reverse"] else []
            parts += [f"truncate {own['truncate']}"] if own["truncate"] else []
            return ", ".join(parts)
        if rule.units:
            W, sizes = v["W"].shape, v["W"].shape[1:-1]
            parts = [f"{W[-1] * own.get('groups', 1)} → {W[0]}"]
            parts += [by(sizes), *_moves(own, sizes, (1,) * len(sizes))] if rule.windows else []
            parts += [f"{own['groups']} groups"] if own.get("groups", 1) > 1 else []
            return ", ".join(parts) + ("" if v["b"] is not None else ", no bias")
        if rule.windows:
            return ", ".join([by(own["window"]), *_moves(own, own["window"], own["window"])])
        if rule.picks:
            return f"{v['W'].shape[0]:,} entries → {v['W'].shape[1]}" if "W" in v else ""
        if rule.normalises:
            return f"{self.out.shape[-1]}"
        return ", ".join(f"{key} {own[key]:g}" for key in ("slope", "alpha", "exponent") if key in own)

    @property
    def kind(self) -> str:
        """The kind of operation for people: linear, max pool, ..."""
        return self.op.rstrip("_").replace("_", " ")

    def __repr__(self) -> str:
        return f"{self.layer or 'forward'}: {self.kind} {self.settings}".rstrip()


def _moves(own: dict[str, Any], window: tuple[int, ...], usual: tuple[int, ...]) -> list[str]:
    """Say how a window moves, where that is not as usual."""
    dilation = own.get("dilation", (1,) * len(window))
    spans = [d * (k - 1) + 1 for k, d in zip(window, dilation, strict=True)]
    parts = [f"stride {by(own['stride'])}"] if tuple(own["stride"]) != tuple(usual) else []
    parts += [f"dilation {by(dilation)}"] if set(dilation) != {1} else []
    if any(map(any, own["padding"])):
        same = all(sum(edge) == span - 1 for edge, span in zip(own["padding"], spans, strict=True))
        edges = [f"{a}" if a == b else f"{a}+{b}" for a, b in own["padding"]]
        parts.append("same" if same else f"padding {' × '.join(edges)}")
    return parts


def operations_of(program: Program) -> list[Operation]:
    """List the operations of an evaluation program, in their order."""
    found: list[Operation] = []
    products: dict[int, Instruction] = {}  # of the inputs of scans
    steps = forward_steps(program)
    scanned = {id(i.arguments[0]) for i in steps if facts(i.op).sums}
    for i in steps:
        if facts(i.op).units == "neuron" and id(i.writes[0]) in scanned and len(readers(steps, i.writes[0])) == 1:
            products[id(i.writes[0])] = i
        elif facts(i.op).sums and id(i.arguments[0]) in products:
            found.append(Operation([products[id(i.arguments[0])], i], program))
        else:
            found.append(Operation([i], program))
    return found


def any_length(program: Program) -> bool:
    """Whether a program takes sequences, of as many steps as they have: it scans them, or looks up each step."""
    return any(facts(i.op).sums or facts(i.op).picks for i in program.instructions)


def readers(steps: Iterable[Any], v: Value | None) -> list[Any]:
    """Find the instructions or operations that read a value."""
    return [step for step in steps if any(r is v for r in step.reads)]


# ---- a program to look at --------------------------------------------------------------------------------------------


def program_of(model: Any, input_shape: Any = None, whole: bool = False, ask: str = "") -> Program:
    """Record the model's evaluation program for one row; it is not compiled.

    input_shape: None, the shape of a row, a tuple or dict of shapes for several inputs, or data. whole: where nothing
    is given, do not make up how many steps a sequence has. ask: what to give where that is not input_shape.
    """
    network = network_of(model)
    try:
        x = _example(model, network) if input_shape is None else _two_rows(input_shape, network)
        program = evaluator(network, x, engine="reference", batch_size=1)
    except ShapeError as reason:
        got = "" if input_shape is None else f"input_shape={_shape_words(input_shape)} does not fit: "
        raise ShapeError(f"{got}{reason}") from reason
    except CutawayError as reason:
        if "pass input=" not in str(reason):
            raise
        ask = ask or "input_shape, that of one row, such as (28, 28, 1) for images or (time, features) for sequences"
        raise ArgumentError(f"{type(network).__name__} takes inputs of more than one shape: give {ask}") from None
    fixed = network is not model or isinstance(network, Restored) or getattr(network, "fixed_sizes", False)
    if whole and input_shape is None and not fixed and any_length(program):
        features = program.engine.listing.inputs[0].shape[1:]
        wanted = f"(24, {features[0]})" if features else "(24,)"
        raise ArgumentError(
            f"{type(network).__name__} takes sequences of any length, on which the work depends: give input_shape, "
            f"such as {wanted} for 24 time steps"
        )
    return program


def _example(model: Any, network: Any) -> Any:
    if network is not model and hasattr(model, "inputs_"):
        return model.inputs_.example(model.encoder_)
    return example_input(network)


def _two_rows(given: Any, network: Any) -> Any:
    """Make two rows of this shape."""
    if isinstance(given, dict):
        return {key: _two_rows(part, network) for key, part in given.items()}
    if isinstance(given, int | np.integer):
        given = (given,)
    if not isinstance(given, tuple | list):
        if isinstance(given, Sequences) or getattr(given, "ndim", 0) > 1:
            return given
        raise ArgumentError(f"input_shape is {given!r}: give the shape of one row, such as (28, 28, 1), or data")
    if any(isinstance(part, tuple | list | np.ndarray | Sequences) for part in given):
        return tuple(_two_rows(part, network) for part in given)
    if not all(is_whole(k, 1) for k in given):
        raise ArgumentError(
            f"input_shape is {tuple(given)!r}: give the shape of one row, whole numbers without the batch, such as "
            "(28, 28, 1)"
        )
    return np.zeros((2, *given), np.int32 if network.takes_integers() else network.dtype)


def _shape_words(given: Any) -> str:
    return repr(given) if isinstance(given, int | tuple | list) else f"data of shape {getattr(given, 'shape', '?')}"
