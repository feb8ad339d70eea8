"""ct.trace: one training step, with every value that its instructions read and wrote.

A `Trace` is one step. It maps names of values to arrays, as the listing and state dicts name them:

    t["layer1.z"]  t["layer1.weight"]  t["z1"]  t["loss"]  t["layer1.lstm.forget[5]"]     during the step
    t.grad("layer1.weight")  t.grad("layer1.z")                                           gradients of J
    t.after("layer1.weight")  t.update("layer1.weight")                                   what the optimizer did
    t.instructions[3].reads, .writes, .formula, .layer, .phase                            one instruction
    t.at("layer1.dz", 12)                                                                 a value after instruction 12

It is recorded by recorder.py from the same program that trains, replayed from a run by replay.py, written by format.py
and read by parse.py; record.py holds its values.
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any

from ...shown import VIEWS, Preformatted, Shown, Table, Words
from ..explanations.explain import explain
from .format import to_json
from .listing import RIGHT, below, cells, listing, of_steps, title
from .origin import program_before
from .record import Record


class Trace(Record, Shown):
    """One training step, instruction by instruction. Made by `ct.trace`, `run.trace` and `ct.inspect.read_trace`.

    instructions: those that ran, in order. facts: what is known of each value, by name. versions: for each value that
    was kept, (number of the instruction that wrote it, array), -1 for what was there before the step. vectors: θ, g and
    the optimizer's state by name, each with the names of its parts. parameters: their places in θ. left_out: bytes of
    each value that was not kept. origin: what the step was compiled from, None for a trace from a file. note: how a
    replayed step differs from the one that it repeats, "" if it does not.
    """

    def explain(self, name: str, *index: int, of: str | None = None, check: bool = True) -> Any:
        """Explain where a single number comes from; `print` the answer.

        >>> import cutaway as ct
        >>> X, y = ct.datasets.make("moons", n=32, seed=0)
        >>> t = ct.trace(ct.nn.MLP(2, [4], 2).init(0), X, y, "cross_entropy", ct.optim.AdamW(0.01))
        >>> e = t.explain("layer1.weight", 3, 1)
        >>> e.equation
        '∂J/∂W1[3, 1] = Σ over samples of ∂J/∂z1[·, 3] · x[·, 1]'
        >>> [part.name for part in t.explain("layer1.weight", 3, 1, of="update").parts]
        ['gradient', 'momentum', 'adaptive scaling', 'bias correction', 'decoupled decay']

        name, index: as the arrays have them: of a weight matrix, neuron and input; of a value, the sample first.
        of: "gradient" (of parameters if not said), "value" (of all else if not said) or "update". check: False leaves
        out the central difference. Raises ArgumentError for an unknown name, an index that does not fit the shape, a
        gradient that is not computed.
        """
        return explain(self, name, *index, of=of, check=check)

    def explain_update(self, name: str, *index: int) -> Any:
        """Explain the optimizer's step in parts, as `explain(name, *index, of="update")` does."""
        return self.explain(name, *index, of="update")

    # ---- showing and keeping -----------------------------------------------------------------------------------------
    def __str__(self) -> str:
        return listing(self)

    def _in_notebook(self) -> Any:
        head, rows = cells(self)
        yield Words(title(self))
        yield Table(head, rows, RIGHT)
        yield Words("\n".join(below(self)))

    def __repr__(self) -> str:
        out = f", {len(self.left_out)} values left out" if self.left_out else ""
        J = f"J = {self.J:.6g}, " if "J" in self else ""
        return (f"Trace(step {self.about.step}: {J}{len(self.about.rows)} rows, {len(self.instructions)} "
                f"instructions{out})")

    def to_json(self, path: str | PathLike | None = None) -> dict[str, Any]:
        """Write the trace as plain data, in the format of docs/trace-format.md; and to a file if a path is given."""
        return to_json([self], path)

    def to_html(self, path: str | PathLike, inputs: Sequence[Any] = (), outputs: Sequence[Any] = (),
                explain: int | None = None) -> None:
        """Write the trace as one page for a browser, which needs nothing but itself: step through the instructions,
        look at every value, click a neuron or weight for its explanation. docs/reports.md shows it.

        inputs, outputs: names of the features and outputs. explain: how many weights are explained, the largest
        gradients of each parameter first; as many as take some seconds if None. Large arrays are shown by their first
        numbers, and the page says so. Raises FileError where it cannot be written.
        """
        VIEWS["trace_page"]([self], path, inputs, outputs, explain)

    def program(self, dtype: Any = None, engine: str | None = None) -> Any:
        """Compile the step's program again, standing just before the step on a copy of the model; it keeps every value.

        dtype: "float64" to check in. engine: "reference" to run the rules. Weights, buffers, state, seed, step number
        and batch are those of the trace: `program.run()` does the step once more. Raises ArgumentError for a trace
        from a file, or one that left out what this needs.
        """
        return program_before(self, dtype, engine)


class Traces(list, Shown):
    """Several steps after one another: a list of `Trace`. Printed, a line for each."""

    def __str__(self) -> str:
        return of_steps(self)

    __repr__ = __str__  # notebooks take a list's repr for its plain text

    def _in_notebook(self) -> Any:
        yield Preformatted(str(self))

    def to_json(self, path: str | PathLike | None = None) -> dict[str, Any]:
        """Write all steps as plain data, in the format of docs/trace-format.md; and to a file if a path is given."""
        return to_json(self, path)

    def to_html(self, path: str | PathLike, inputs: Sequence[Any] = (), outputs: Sequence[Any] = (),
                explain: int | None = None) -> None:
        """Write all steps as one page, see `Trace.to_html`."""
        VIEWS["trace_page"](self, path, inputs, outputs, explain)
