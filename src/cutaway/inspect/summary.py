"""Summary: what a network consists of, layer by layer: shapes, parameters, memory, and the work of one row."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from ..engines import bytes_needed
from ..nn import Augment, Dropout, RecurrentLayer
from ..program import Value
from ..shown import Shown, Table, Words
from ..text import columns, counted, listed, short, size
from .collapse import LinearStretch, collapses
from .operations import Operation, operations_of, program_of
from .reading import network_of

BATCH = 32  # rows for which memory is given
HEAD = ("layer", "operation", "gives", "parameters", "multiply-adds", "activations")
WIDTHS = (24, 40, 24)  # characters of the first three columns, at most
LISTED = re.compile(r"(.*?\b)\d+(?=\.)")  # a member of a list of layers: networks.0
BAR = 12  # characters of the longest bar


def summary(model: Any, input_shape: Any = None) -> Summary:
    """List the layers of a network, with the shape each gives, its parameters, its work and its memory.

    >>> import cutaway as ct
    >>> print(ct.summary(ct.nn.MLP(4, [16], 3)))
    layer   operation      gives    parameters  multiply-adds  activations
    input                  (n, 4)                                     16 B
    layer1  linear 4 → 16  (n, 16)          80             64         64 B  ████████████
    layer1  relu           (n, 16)                                    64 B
    layer2  linear 16 → 3  (n, 3)           51             48         12 B  █████████
    <BLANKLINE>
    MLP: 131 parameters, 524 B in float32, all trained; 112 multiply-adds a row
    activations of 32 rows: 5.0 kB; predict holds 2.6 kB at a time

    model: a network or a trained estimator, custom modules and loaded files too. input_shape: the shape of one row, as
    (28, 28, 1) or (time, features), a tuple or dict of shapes where there are several inputs, or data such as
    ct.Sequences; needed where the first layer does not fix it.
    A multiply-add is one product and one addition in a matrix product, as the kernels do them. What a layer is in
    evaluation counts: dropout is named below the table. A layer that runs twice is counted once.
    Raises ArgumentError where input_shape is needed, ShapeError for one that does not fit.
    """
    network = network_of(model)
    program = program_of(model, input_shape, whole=True)
    inputs = program.engine.listing.inputs
    rows: list[Row] = [Row(_input_name(v), "", "", shape_of(v), 0, "", 0, v.width * v.dtype.itemsize) for v in inputs]
    owner: dict[str, str] = {}
    rows += [_row(o, owner) for o in operations_of(program)]
    parameters = network.parameters()
    unused = [name for name, _ in network.named_parameters() if name not in owner]
    at_rest = [f"{name}: {module!r}" for name, module in network.named_modules() if _rests(module)]
    return Summary(
        getattr(network, "class_name", type(network).__name__), rows,
        trained=sum(p.size for p in parameters if p.requires_grad),
        frozen=sum(p.size for p in parameters if not p.requires_grad),
        buffers=sum(b.size for _, b in network.named_buffers()),
        dtype=str(network.dtype), parameter_bytes=sum(p.data.nbytes for p in parameters),
        predict_bytes=bytes_needed(program.instructions, BATCH), unused=unused, training_only=at_rest,
        collapse=collapses(program),
    )


def _row(o: Operation, owner: dict[str, str]) -> Row:
    """Make a line of the table; `owner` knows which layer counted a parameter first."""
    new, shared = [], ""
    for v in o.parameters:
        if v.name in owner:
            shared = owner[v.name]
        else:
            new.append(v)
    owner.update((v.name, o.layer or o.out.name) for v in new)
    count = sum(v.width for v in new)
    return Row(o.layer, o.kind, o.settings, shape_of(o.out), count, shared, o.multiply_adds, o.bytes)


def _input_name(v: Value) -> str:
    return "input" if v.name == "x" else v.name


def _rests(module: Any) -> bool:
    """Whether a layer does something in training alone."""
    return (isinstance(module, Dropout) and module.p > 0) or isinstance(module, Augment) or (
        isinstance(module, RecurrentLayer) and module.dropout > 0 and module.layers > 1)


def shape_of(v: Value) -> str:
    """Write the shape of a value for people.

    >>> import numpy as np
    >>> shape_of(Value("z", (16,), 1, np.dtype("float32")))
    '(n, 16)'
    """
    batch = [] if not v.rows else ["n"] if v.rows == 1 else [f"{v.rows}n"]
    parts = [*batch, *map(str, v.shape)]
    return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"


@dataclass(frozen=True)
class Row:
    """One line of a summary.

    layer: the name, as in traces. operation, settings: "conv" and "1 → 32, 3 × 3, same". gives: the shape, n the rows
    of a batch. parameters: those that no line above has counted; shared: the layer that has counted others, or "".
    multiply_adds, bytes: of one row.
    """

    layer: str
    operation: str
    settings: str
    gives: str
    parameters: int
    shared: str
    multiply_adds: int
    bytes: int


@dataclass(eq=False, repr=False)
class Summary(Shown):
    """What `ct.summary` gives. `print` it, or take `to_pandas()`.

    name: the network's class. rows: a line an input and operation. trained, frozen: numbers of parameters. buffers: of
    numbers that a layer keeps besides. parameter_bytes: of all parameters. predict_bytes: what `predict` holds at a
    time for 32 rows. unused: parameters that evaluation does not read. training_only: layers that do nothing in
    evaluation. collapse: layers that are one linear layer.
    """

    name: str
    rows: list[Row]
    trained: int
    frozen: int
    buffers: int
    dtype: str
    parameter_bytes: int
    predict_bytes: int
    unused: list[str]
    training_only: list[str]
    collapse: list[LinearStretch]
    head: ClassVar[tuple[str, ...]] = HEAD

    @property
    def parameters(self) -> int:
        return self.trained + self.frozen

    @property
    def multiply_adds(self) -> int:
        """The multiply-adds of one row."""
        return sum(row.multiply_adds for row in self.rows)

    @property
    def activation_bytes(self) -> int:
        """The bytes of one row's values, every one kept."""
        return sum(row.bytes for row in self.rows)

    def to_pandas(self) -> Any:
        """Make a table with a row for each input and operation."""
        import pandas as pd

        return pd.DataFrame([vars(row) for row in self.rows])

    def totals(self) -> list[str]:
        """The lines under the table."""
        count = counted(self.parameters, "parameter")
        state = "all trained" if not self.frozen else f"{self.trained:,} trained, {self.frozen:,} frozen"
        kept = f"; {counted(self.buffers, 'number')} of running statistics" if self.buffers else ""
        lines = [
            f"{self.name}: {count}" + (f", {size(self.parameter_bytes)} in {self.dtype}, {state}" if self.parameters
                                       else "") + f"{kept}; {counted(self.multiply_adds, 'multiply-add')} a row",
            f"activations of {BATCH} rows: {size(BATCH * self.activation_bytes)}; predict holds "
            f"{size(self.predict_bytes)} at a time",
        ]
        if self.training_only:
            lines.append(f"in training only: {'; '.join(self.training_only)}")
        if self.unused:
            lines.append(f"not used in evaluation: {listed(self.unused, 6, 80)}")
        return lines + [f"note: {found}" for found in self.collapse]

    def cells(self) -> list[tuple[str, ...]]:
        """Write the table as text, without its head; the last column is a bar of multiply-adds.

        Of parts that are alike, three or more behind one another, the first is shown and the others are one line.
        """
        most = max((row.multiply_adds for row in self.rows), default=0)
        return [(
            row.layer, f"{row.operation} {row.settings}".strip(), row.gives, _parameters(row),
            f"{row.multiply_adds:,}" if row.multiply_adds else "", size(row.bytes) if row.bytes else "",
            "█" * max(round(BAR * row.multiply_adds / most), 1) if row.multiply_adds and row.operation else "",
        ) for row in _folded(self.rows)]

    def _in_notebook(self) -> Any:
        yield Table((*HEAD, ""), self.cells(), (3, 4, 5))
        yield Words("\n".join(self.totals()))

    def __str__(self) -> str:
        cut = ((*map(short, row, WIDTHS), *row[3:]) for row in self.cells())
        return "\n".join([*columns([(*HEAD, ""), *cut], (3, 4, 5)), "", *self.totals()])

    __repr__ = __str__


def _folded(rows: list[Row]) -> list[Row]:
    """Put a line in place of the members of a list that are as its first: networks.1 to networks.7, as networks.0."""
    lines: list[Row] = []
    while rows:
        first = _member(rows)
        others, after = [], rows[len(first):]
        while first and _alike(first, after[: len(first)]):
            others.append(after[: len(first)])
            after = after[len(first):]
        if len(others) < 2:
            lines.append(rows[0])
            rows = rows[1:]
            continue
        names = [LISTED.match(part[0].layer)[0] for part in (first, others[0], others[-1])]  # type: ignore[index]
        alike = [row for part in others for row in part]
        lines += [*first, Row(f"{names[1]} to {names[2]}", "", f"each as {names[0]}", "",
                              sum(row.parameters for row in alike), "", sum(row.multiply_adds for row in alike),
                              sum(row.bytes for row in alike))]
        rows = after
    return lines


def _member(rows: list[Row]) -> list[Row]:
    """The first rows, if they are those of a member of a list: they end where the next member begins."""
    name = LISTED.match(rows[0].layer)
    if name is None:
        return []
    inside = f"{name[0]}."
    end = next((k for k, row in enumerate(rows) if row.layer and not row.layer.startswith(inside)), len(rows))
    return rows[:end]


def _alike(first: list[Row], other: list[Row]) -> bool:
    """Whether other rows are those of another member of the list, with the same layers."""
    names = [LISTED.match(part[0].layer) if part else None for part in (first, other)]
    if names[0] is None or names[1] is None or names[0][1] != names[1][1]:
        return False
    bare = [[replace(row, layer=row.layer.removeprefix(name[0])) for row in part]
            for name, part in zip(names, (first, other), strict=True) if name is not None]
    return bare[0] == bare[1]


def _parameters(row: Row) -> str:
    count = f"{row.parameters:,}" if row.parameters else ""
    return f"{count} + {row.shared}'s" if row.shared and count else f"as {row.shared}" if row.shared else count

