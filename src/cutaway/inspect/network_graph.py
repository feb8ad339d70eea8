"""The graph of a network: a node for each layer, pooling and place where values meet, in columns from left to right."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..drawing.sheet import by
from ..engines import Program
from ..named_inputs import lengths_of
from ..program import Value
from ..text import counted
from .operations import Operation, operations_of, readers

MOST = 60  # nodes of a graph; the middle of a larger one is folded up


@dataclass(eq=False)
class Node:
    """A box of the graph.

    kind: "units" (neurons, or a row of features), "maps" (images or sequences of channels), "cells" (recurrent), "join"
    (values meet; `sign` says how) or "step" (anything else, in words). lines: what it does, a line each. value: what it
    gives in the end.
    """

    kind: str
    name: str
    value: Value
    lines: list[str] = field(default_factory=list)
    operation: Operation | None = None
    sign: str = ""
    before: list[Node] = field(default_factory=list)
    column: int = 0

    @property
    def count(self) -> int:
        """Units, features or channels."""
        return self.value.shape[-1] if self.value.shape else 1

    @property
    def places(self) -> tuple[int, ...]:
        return self.value.shape[:-1]

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.name, ", ".join(self.lines))))


def graph_of(program: Program, any_length: bool = False) -> list[Node]:
    """Make the graph's nodes, each behind those it reads. any_length: the example's number of steps means nothing."""
    nodes: list[Node] = []
    home: dict[int, Node] = {}
    operations = operations_of(program)
    inputs = program.engine.listing.inputs
    lengths = {lengths_of(v.name) for v in inputs}
    for v in inputs:
        if v.name not in lengths:
            shape = ["time", *map(str, v.shape[1:])] if any_length else list(map(str, v.shape))
            flat = len(v.shape) == 1 and not any_length
            about = counted(v.shape[0], "feature") if flat else by(tuple(shape))  # type: ignore[arg-type]
            nodes.append(Node("units" if flat else "maps", "input" if v.name == "x" else v.name, v, [about]))
            home[id(v)] = nodes[-1]
    for o in operations:
        before = list(dict.fromkeys(home[id(v)] for v in o.reads if id(v) in home))
        if not before:
            continue  # of lengths or parameters alone
        node = _folded(o, before, operations) or _node(o, before)
        if node is not before[0]:
            nodes.append(node)
        home.update((id(v), node) for v in o.main.written)
    nodes = _condensed(nodes)
    for node in nodes:
        node.column = 1 + max((other.column for other in node.before), default=-1)
    return nodes


def _folded(o: Operation, before: list[Node], operations: list[Operation]) -> Node | None:
    """Find the node that an operation joins as a line: the one it reads, if nothing else reads that node."""
    rule = o.rule
    if len(before) > 1 or rule.units or rule.windows or rule.picks:
        return None
    (node,) = before
    if rule.passes:
        return node
    alone = len(readers(operations, o.reads[0])) == 1 and len({id(v) for v in o.reads}) == 1
    if not (rule.moves or alone) or (node.operation is None and not rule.moves):
        return None
    word = "flatten" if rule.kind == "view" and len(o.out.shape) == 1 else o.kind
    if not rule.moves or o.out.width == o.reads[0].width:  # not of a part alone
        node.lines.append(f"{word} {o.settings}".rstrip() if not rule.normalises else word)
    if rule.kind != "view" and o.out.shape[-1:] == node.value.shape[-1:]:
        node.value = o.out
    return node


def _node(o: Operation, before: list[Node]) -> Node:
    rule = o.rule
    kind = {"neuron": "units", "cell": "cells"}.get(rule.units, "maps" if rule.windows or rule.picks else
                                                    "join" if len(before) > 1 else "step")
    if kind == "join":
        return Node(kind, o.layer, o.out, [o.kind], o, rule.sign or o.kind, before)
    node = Node(kind, o.layer or o.out.name, o.out, [f"{o.kind} {o.settings}".rstrip()], o, before=before)
    if rule.windows:
        node.lines.append(by(o.out.shape))
    return node


def _condensed(nodes: list[Node]) -> list[Node]:
    """Replace the middle of a long graph by one node."""
    if len(nodes) <= MOST:
        return nodes
    first, last = nodes[: MOST // 2], nodes[-(MOST // 2 - 1) :]
    hidden = nodes[len(first) : -len(last)]
    inside = {id(node) for node in hidden}
    before = dict.fromkeys(other for node in hidden for other in node.before if id(other) not in inside)
    between = Node("step", f"{len(hidden)} more", hidden[-1].value, [], None, before=list(before))
    for node in last:
        node.before = list(dict.fromkeys(between if id(other) in inside else other for other in node.before))
    return [*first, between, *last]
