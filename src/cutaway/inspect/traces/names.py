"""The names of a program's values in traces: one for each, and parts for the vectors θ, g and the optimizer's state."""

from __future__ import annotations

from collections import Counter

from ...engines import Program
from ...program import gradient_name, places
from .record import Part


class Names:
    """A name of its own for every value of a program, by its id. θ, g and state are vectors, stored by their
    parameters' parts."""

    def __init__(self, program: Program) -> None:
        self.program, self.engine = program, program.engine
        listing, every = program.engine.listing, program.values()
        shapes = {name: p.shape for name, p in program.model.named_parameters()}
        self.parameters = {name: Part(place.lo, place.shape, name in listing.gradients)
                           for name, place in places(shapes).items()}
        self.names = {id(v): gradient_name(p) for p, v in listing.gradients.items()}
        self.vectors: dict[str, list[str]] = {}
        stacks = [v for v in every if v.role == "gradient" and v.home == v.name != "g"]  # of g, a copy a thread
        theta, g, *state = listing.block.values()
        self.whole = [theta, g, *stacks, *state]
        for v in self.whole:
            name = f"{v.name}#all" if v.name in self.parameters else v.name  # a parameter keeps its own
            self.names[id(v)] = name
            part = {"parameter": "{}", "state": "{}." + v.name}.get(v.role)
            self.vectors[name] = [part.format(p) if part else gradient_name(p) for p in self.parameters]
        self.places = {name: part for parts in self.vectors.values()
                       for name, part in zip(parts, self.parameters.values(), strict=True)}
        self.names |= {id(v): v.name for v in every if v.role in ("parameter", "buffer", "input") and
                       id(v) not in self.names}
        used = Counter(self.names.values())
        for v in every:
            if id(v) not in self.names:
                used[v.name] += 1
                self.names[id(v)] = v.name if used[v.name] == 1 else f"{v.name}#{used[v.name]}"
