"""Recording: a model run on two rows and on three, so that the dimensions that differ are the batch."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..autodiff import Entry, Recording, Runtime, Tensor, record, scope
from ..errors import ArgumentError, RecordingError, ShapeError
from ..named_inputs import NamedInputs, first_rows
from ..sequences import Sequences
from .instruction import Rows, Value, constant
from .places import places

SEED, STEP = Runtime("seed", 1), Runtime("t", 1)


@dataclass
class Step:
    """One recorded operation on values."""

    entry: Entry
    inputs: tuple[Value | None, ...]
    outputs: tuple[Value, ...]
    attributes: dict[str, Any]


@dataclass
class Recorded:
    """A model (and loss) as operations on values."""

    steps: list[Step]
    inputs: list[Value]
    output: Value
    loss: Value | None
    target: Value | None
    weight: Value | None
    assignments: list[tuple[Value, Value]]
    wants_gradient: set[int]  # ids of the values through which gradients flow


@dataclass
class _Run:
    recording: Recording
    inputs: dict[str, Tensor]
    output: Tensor
    loss: Tensor | None
    target: Tensor | None
    weight: Tensor | None


def _run(model, loss: Callable | None, x: NamedInputs, y: Any, weighted: bool, n: int,
         columns: tuple[bool, bool] = (False, False)) -> _Run:
    inputs = x.first(n).each(model.as_input)
    try:
        inputs.passed_to(inspect.signature(model.forward).bind)
    except TypeError as error:
        name, takes = type(model).__name__, inspect.signature(model.forward)
        raise ArgumentError(
            f"inputs in a dict go to {name}.forward by their names, which takes {takes}: {error}. Give one array "
            "for one input, or write a forward with these names" if inputs.by_name else
            f"{name}.forward takes {takes}, and X holds {len(inputs.parts)} input{'s' * (len(inputs.parts) > 1)}: "
            f"{error}. Several inputs are a tuple of arrays in this order, or a dict of arrays by these names"
        ) from None
    target = weight = J = None
    with np.errstate(all="ignore"), record() as recording:  # only which operations run matters, not their values
        if loss is None:
            output = inputs.passed_to(model)
        else:
            with model.training(seed=SEED, step=STEP):
                output = inputs.passed_to(model)
        if not isinstance(output, Tensor):
            hint = ": end with ct.nn.LastState or ct.nn.GlobalAveragePool" if isinstance(output, Sequences) else (
                ": wrap a recurrent layer in ct.nn.LastState; join several outputs by ct.ops.cat(outputs, dim=1), and "
                "take them apart in the loss, as z[:, :3]" if isinstance(output, tuple | list | dict) else "")
            raise RecordingError(
                f"{type(model).__name__}.forward must return one Tensor, got {type(output).__name__}{hint}"
            )
        if loss is not None:
            y = first_rows(y, n)
            y = y[:, None] if columns[0] else y
            target = Tensor(y if y.dtype.kind in "iu" else y.astype(output.dtype))
            weight = Tensor(np.ones((n, 1) if columns[1] else n, output.dtype)) if weighted else None
            with scope("loss"):
                J = loss(output, target) if weight is None else loss(output, target, weight=weight)
            if not isinstance(J, Tensor) or J.size != 1:
                got = f"shape {J.shape}" if isinstance(J, Tensor) else type(J).__name__
                raise RecordingError(f"a loss must return one number as a Tensor (take .mean()), got {got}")
    return _Run(recording, inputs.arrays, output, J, target, weight)


def trace_model(model, loss: Callable | None, x: Any, y: Any = None, weighted: bool = False) -> Recorded:
    """Record a model (in training mode if a loss is given) and say which dimensions are the batch."""
    model.check_numbers()
    x = NamedInputs.of(x)
    try:
        two, three = (_run(model, loss, x, y, weighted, n) for n in (2, 3))
        if np.ndim(y) == 1 and _crosses(two.recording):  # rows are paired, not each with all
            for columns in COLUMNS:
                again = [_run(model, loss, x, y, weighted, n, columns) for n in (2, 3)]
                if not _crosses(again[0].recording):
                    two, three = again
                    break
    except ShapeError as error:
        replaced = [f"{name} has shape {p.shape} now, and was made with {p.made}"
                    for name, p in model.named_parameters()
                    if getattr(p, "made", p.shape) != p.shape and name not in str(error)]
        if not replaced:
            raise
        raise ShapeError(f"{error} ({'; '.join(replaced)})") from None
    a_entries, b_entries = two.recording.tape.entries, three.recording.tape.entries
    for i, (a, b) in enumerate(zip(a_entries, b_entries, strict=False)):
        if a.op is not b.op:
            _fail(i, a, f"runs {a.op.name} with two rows but {b.op.name} with three")
    if len(a_entries) != len(b_entries):
        raise RecordingError(
            f"the model runs {len(a_entries)} operations on two rows but {len(b_entries)} on three: its Python loops "
            "and branches must not depend on the number of rows"
        )
    namer = _Namer()
    values: dict[int, Value] = {}
    named = dict(model.named_parameters())
    parameters, placed = {id(p): name for name, p in named.items()}, places({n: p.shape for n, p in named.items()})
    buffers = {id(b): name for name, b in model.named_buffers()}
    for role, tensors, other in (
        ("input", two.inputs, three.inputs), ("target", {"y": two.target}, {"y": three.target}),
        ("weight", {"w": two.weight}, {"w": three.weight}),
    ):
        for name, t in tensors.items():
            twin = other[name]
            if t is not None and twin is not None:
                values[id(t)] = _value(name, t, twin, role)

    def leaf(t: Tensor, u: Tensor, i: int, entry: Entry) -> Value:
        if id(t) in parameters:
            name = parameters[id(t)]
            return Value(name, t.shape, 0, t.dtype, "parameter", "θ", placed[name].lo)
        if id(t) in buffers:
            return Value(buffers[id(t)], t.shape, 0, t.dtype, "buffer", f"buffer.{buffers[id(t)]}")
        if t.shape != u.shape or not np.array_equal(t.data, u.data, equal_nan=t.dtype.kind == "f"):
            _fail(i, entry, "reads a constant that depends on the number of rows (use .mean() or broadcasting instead)")
        name = np.array2string(t.data, precision=4) if t.size == 1 else namer(entry.scope, "constant")
        return constant(name, np.array(t.data, order="C", copy=True))

    steps = []
    wants: set[int] = set()
    for i, (a, b) in enumerate(zip(a_entries, b_entries, strict=True)):
        for t, u in zip(a.inputs, b.inputs, strict=True):
            if t is not None and u is not None and id(t) not in values:
                values[id(t)] = leaf(t, u, i, a)
        for name, t, u in zip(a.op.outputs, a.outputs, b.outputs, strict=True):
            label = {"l": "ℓ", "p": "ŷ"}.get(name, name) if a.scope == "loss" else name
            label = "J" if t is two.loss else namer("" if a.scope == "loss" else a.scope, label)
            values[id(t)] = _value(label, t, u, "activation", i, a)
        attributes = {k: _setting(v, b.attributes[k], i, a) for k, v in a.attributes.items()}
        ins = tuple(None if t is None else values[id(t)] for t in a.inputs)
        steps.append(Step(a, ins, tuple(values[id(t)] for t in a.outputs), attributes))
    if id(two.output) not in values:
        raise RecordingError(f"{type(model).__name__}.forward returns its input unchanged: there is nothing to compute")
    for entry in a_entries:
        wants |= {id(values[id(t)]) for t in (*entry.inputs, *entry.outputs) if t is not None and t.requires_grad}
    for pair in zip(two.recording.assignments, three.recording.assignments, strict=True):
        for t, u in zip(*pair, strict=True):  # a buffer that is written and never read, or given a constant
            if id(t) not in values:
                values[id(t)] = leaf(t, u, len(a_entries) - 1, a_entries[-1])
    assignments = [(values[id(buffer)], values[id(new)]) for buffer, new in two.recording.assignments]
    ends = [*(values[id(t)] for t in (two.output, two.loss) if t is not None), *(new for _, new in assignments)]
    for run in (two, three):  # tensors and their tape name each other: weights would wait for the garbage collector
        run.recording.tape.entries.clear()
    return Recorded(
        _needed(steps, {id(v) for v in ends}), [values[id(t)] for t in two.inputs.values()], values[id(two.output)],
        None if two.loss is None else values[id(two.loss)], None if two.target is None else values[id(two.target)],
        None if two.weight is None else values[id(two.weight)], assignments, wants,
    )


# which of targets and weights become columns, where a user's loss pairs outputs (n, 1) with numbers (n,)
COLUMNS = ((True, False), (False, True), (True, True))


def _crosses(recording: Recording) -> bool:
    """Whether the loss pairs a column (2, 1) with a vector (2,), so that each row meets all rows."""
    return any(
        entry.op.kind == "elementwise" and {(2, 1), (2,)} <= {t.shape for t in entry.inputs if t is not None}
        for entry in recording.tape.entries if entry.scope == "loss"
    )


def evaluated(loss: Callable, z: np.ndarray, y: Any, weight: np.ndarray | None = None) -> float:
    """Evaluate a loss on all rows at once, its rows paired as a program pairs them."""
    def called(rows: slice, columns: tuple[bool, bool]) -> tuple[Recording, Tensor]:
        with record() as recording, scope("loss"):
            target = y[rows][:, None] if columns[0] else y[rows]
            w = {} if weight is None else {"weight": Tensor(weight[rows][:, None] if columns[1] else weight[rows])}
            return recording, loss(Tensor(z[rows]), target, **w)

    columns = (False, False)
    if len(z) > 1 and np.ndim(y) == 1 and z.shape[1:] == (1,):
        found = (c for c in (columns, *COLUMNS) if not _crosses(called(slice(2), c)[0]))
        columns = next(found, columns)
    return float(called(slice(None), columns)[1].data)


def _needed(steps: list[Step], read: set[int]) -> list[Step]:
    """Keep the steps whose outputs are read: by a later step, or because their ids are in `read`."""
    kept = []
    for step in reversed(steps):
        if any(id(v) in read for v in step.outputs):
            kept.append(step)
            read |= {id(v) for v in step.inputs if v is not None}
    return kept[::-1]


def _fail(i: int, entry: Entry, why: str) -> None:
    where = f" of {entry.scope}" if entry.scope else ""
    raise RecordingError(
        f"operation {i}{where} ({entry.op.name}) {why}. A program is recorded once and run on batches of any size."
    )


def _value(name: str, two: Tensor, three: Tensor, role: str, i: int = 0, entry: Entry | None = None) -> Value:
    a, b = two.shape, three.shape
    dtype = np.dtype(np.int32) if two.dtype.kind in "iu" else two.dtype
    if a == b:
        return Value(name, a, 0, dtype, role)
    if len(a) == len(b) and a[1:] == b[1:] and a[0] * 3 == b[0] * 2:
        return Value(name, a[1:], a[0] // 2, dtype, role)
    why = f"makes {name} of shape {a} from two rows but {b} from three: samples must stay in the first dimension"
    if entry is None:
        raise RecordingError(why)
    if {(2, 1), (2,)} <= {t.shape for t in entry.inputs if t is not None}:
        why += ". It meets (n, 1) with (n,), so each row with all: write u.reshape(v.shape), or v[:, 0]"
    _fail(i, entry, why)
    raise AssertionError


def _setting(a: Any, b: Any, i: int, entry: Entry) -> Any:
    if isinstance(a, Runtime):
        return a
    if isinstance(a, tuple) and isinstance(b, tuple) and len(a) == len(b):
        return tuple(_setting(u, v, i, entry) for u, v in zip(a, b, strict=True))
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        if not np.array_equal(a, b):
            _fail(i, entry, "picks rows by an array that depends on the number of rows")
        return a
    if a == b:
        return a
    if isinstance(a, int) and isinstance(b, int) and a * 3 == b * 2:
        return Rows(a // 2)
    _fail(i, entry, f"has the setting {a!r} with two rows but {b!r} with three")
    return None


class _Namer:
    """Names for values: layer1.z, and layer1.z_2 where a layer writes a second z."""

    def __init__(self) -> None:
        self.used: dict[str, int] = {"x": 1, "y": 1, "w": 1, "lengths": 1, "J": 1}  # the data's names, and the loss's

    def __call__(self, where: str, name: str) -> str:
        name = f"{where}.{name}" if where else name
        count = self.used[name] = self.used.get(name, 0) + 1
        return name if count == 1 else f"{name}_{count}"
