"""What a stepping session may change of its program: the optimizer, weights that stay, neurons that stay silent.

A frozen weight and a killed neuron are instructions of the program, so that it runs at full speed as before and its
listing says what is done: `held = θ` before the optimizer's instruction and `hold` after it; `hold` after the neuron's
activation, which makes it 0, and its derivative in backward.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...engines import Program
from ...errors import ArgumentError
from ...optim import Optimizer
from ...program import Instruction, Value, constant, gradient_name
from ...train.past import Past
from ..reading import layers_of, unknown, within
from ..states import PARTS


@dataclass(frozen=True, eq=False)
class Setup:
    """What is changed. fixed: 1 for each weight of θ that is frozen, else 0; None if none is. dead: neurons killed,
    (layer, neuron)."""

    optimizer: Optimizer
    fixed: np.ndarray | None = None
    dead: frozenset[tuple[str, int]] = frozenset()

    def program(self, model: Any, past: Past, engine: str, threads: int) -> Program:
        """Compile a training step's program set up like this; it keeps all values, and is fed if data fit in memory."""
        return past.feed(self.altered(past.program(model, engine, threads, self.optimizer, keep_all=True)))

    def altered(self, program: Program) -> Program:
        """Add to a program the instructions that hold weights and neurons; give itself if there are none."""
        if self.fixed is None and not self.dead:
            return program
        listing = program.engine.listing
        instructions = list(listing.instructions)
        for layer in dict.fromkeys(layer for layer, _ in sorted(self.dead)):
            _silence(instructions, program, layer, [k for name, k in self.dead if name == layer])
        if self.fixed is not None:
            _freeze(instructions, listing.block["θ"], self.fixed)
        return program.altered(replace(listing, instructions=instructions))


def _freeze(instructions: list[Instruction], theta: Value, fixed: np.ndarray) -> None:
    held = Value("held", theta.shape, 0, theta.dtype, home="held")
    mask = constant("fixed", fixed.astype(theta.dtype))
    steps = [k for k, i in enumerate(instructions) if i.op == "optimizer"]
    formula = f"θ = held where fixed ({int(fixed.sum()):,} frozen)"
    instructions.insert(steps[-1] + 1, Instruction("update", "hold", (theta, held, mask), (theta,), scope="once",
                                                   formula=formula))
    instructions.insert(steps[0], Instruction("update", "assign", (theta,), (held,), scope="once", formula="held = θ"))


def _silence(instructions: list[Instruction], program: Program, layer: str, neurons: list[int]) -> None:
    """Put `hold` between the instruction that writes a layer's activation and those that read it; backwards likewise.
    The value from before it is called a_free."""
    zero = constant("0", np.zeros((), program.model.dtype))
    for writer, out in activations(program, layer):
        fixed = np.zeros(out.shape[-1:], out.dtype)
        fixed[neurons] = 1
        mask = constant(f"{layer}.dead", fixed)
        free = replace(out, name=f"{out.name}_free")
        at = instructions.index(writer)
        instructions[at] = replace(writer, writes=tuple(free if v is out else v for v in writer.writes))
        formula = f"a = 0 for {'neuron' if len(neurons) == 1 else 'neurons'} {', '.join(map(str, sorted(neurons)))}"
        instructions.insert(at + 1, Instruction(
            "forward", "hold", (free, zero, mask), (out,), layer=writer.layer, formula=formula))
        back = [k for k, i in enumerate(instructions) if i.phase == "backward" and any(
                v.name == gradient_name(out.name) for v in i.written)]
        if back:
            after = back[-1] + 1
            slope = next(v for v in instructions[after - 1].written if v.name == gradient_name(out.name))
            free_slope = replace(slope, name=f"{slope.name}_free")
            for k, i in enumerate(instructions[after:], after):
                if i.phase == "backward":
                    instructions[k] = replace(i, arguments=tuple(
                        free_slope if v is slope else free if v is out and slope in i.reads else v
                        for v in i.arguments))
            instructions.insert(after, Instruction(
                "backward", "hold", (slope, mask), (free_slope, None, None), backward=True, layer=layer))


def activations(program: Program, layer: str) -> list[tuple[Instruction, Value]]:
    """Find what the neurons of a layer give: the instruction that writes it and the value, for each call of the layer.

    It is the layer's activation, or z where it has none. Raises ArgumentError for an unknown layer and a recurrent one.
    """
    steps = [i for i in program.instructions if i.phase == "forward" and i.written[0].rows]
    found = []
    for call in dict.fromkeys(i.layer for i in steps if i.layer == layer or i.layer.startswith(f"{layer}@")):
        own = [(i, i.written[0]) for i in steps if i.layer == call]
        found.append(next((pair for pair in own if pair[1].name == f"{call}.a"), own[0]))
    if any(i.op in PARTS for i in steps if within(i.layer, layer)):
        raise ArgumentError(
            f"{layer} is recurrent: its units feed themselves, so that none can be silenced alone. Set the weights "
            "that read unit k (column k of weight_hh_l0 and of the next layer's weight) to 0, and freeze them"
        )
    if not found:
        raise unknown("layer", layer, layers_of(steps))
    return found
