"""A neuron: what it weighs, where its output goes, when it is on, and what it responds to most."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np

from ..arguments import is_whole
from ..drawing.sheet import EDGE, FAINT, SIGNED, Sheet, colours, ends, reach, time_axis
from ..engines import Program, evaluator
from ..errors import ArgumentError, ShapeError
from ..program import Value
from ..rules import OPS
from ..sequences import Sequences, ragged_to_sequences
from ..shown import Shown
from ..text import counted, printable, short
from .operations import Operation, program_of
from .pixels import Pixels, pixels_of
from .reading import layer_name, names_of, network_of
from .states import PARTS
from .wiring import Wiring, count_of, cropped

MOST = 8  # weights that a print or figure shows
STRONGEST = 5  # rows that are kept
MEMORY = 64e6  # bytes of values at a time
BLOCKS = "▁▂▃▄▅▆▇█"


def neuron(model: Any, layer: Any, unit: int, X: Any = None, names: list[str] | None = None,
           input_shape: Any = None, engine: str = "cpu") -> Neuron:
    """Look at one unit of a layer: a neuron, a filter of a convolution, or a cell of a recurrent layer.

    >>> import numpy as np, cutaway as ct
    >>> net = ct.nn.MLP(2, [3], 1).init(0)
    >>> n = ct.inspect.neuron(net, "layer1", 1, X=np.array([[0.0, 0.0], [1.0, -1.0]]), names=["age", "income"])
    >>> n
    Neuron(layer1[1]: 2 weights in, 1 out, 2 rows seen)
    >>> n.incoming.names, n.values.shape
    (['age', 'income'], (2,))

    model: a network or a trained estimator, which encodes X and names the inputs. layer, unit: the layer's name as in
    state_dict (or the layer itself), and the number of the unit from 0. X: rows that it is run on, as predict takes
    them; without, only weights are shown. names: of the input's features, channels or, of a flat image, pixels.
    input_shape: as in ct.summary, where neither X is given nor the first layer fixes it. `print` the result, or
    `plot(path)` it. Every value is one that the evaluation program wrote.
    Raises ArgumentError for a layer or unit that is not there, and for networks of several inputs.
    """
    network = network_of(model)
    Z = None if X is None else model.encode(X) if network is not model else ragged_to_sequences(X)
    if names is None and network is not model:
        names = names_of(model)
    if Z is None:
        program = program_of(model, input_shape, ask="X, some rows of data, or input_shape, that of one row")
    else:
        Z = _rows(Z)
        small = program_of(model, Z)
        row = sum(o.bytes for o in Wiring(small).operations)
        program = evaluator(network, Z, engine=engine, batch_size=int(np.clip(MEMORY // max(row, 1), 1, 256)),
                            keep_all=True)
    wiring = Wiring(program, None if names is None else list(map(printable, names)))
    name, o = wiring.find(layer_name(network, layer))
    if not is_whole(unit, 0, count_of(o) - 1):
        raise ArgumentError(f"unit is {unit!r}: {name} ({o.kind} {o.settings}) has units 0 to {count_of(o) - 1}")
    after = wiring.activation(o)
    result = Neuron(
        name, int(unit), count_of(o), f"{o.kind} {o.settings}", [step.kind for step in after],
        _incoming(wiring, o, unit), _bias(o, unit), _outgoing(wiring, o, unit),
    )
    if Z is not None:
        if isinstance(Z, np.ndarray) and Z.ndim == 4:
            result.pixels = pixels_of(model, Z, X)
        _respond(result, wiring, program, o, (after[-1] if after else o).out, Z)
    return result


def _rows(Z: Any) -> Any:
    if isinstance(Z, tuple | dict):
        raise ArgumentError("a neuron is shown for networks of one input, got several: give X=None to see its weights")
    Z = Z if isinstance(Z, Sequences) else np.asarray(Z)
    if not len(Z.shape) > 1 or not len(Z):
        raise ShapeError(f"X has shape {Z.shape}: give rows, at least one, as predict takes them")
    return Z


# ---- weights ---------------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class Weights:
    """Numbers by name, the largest first: values (len(names), len(parts)); an LSTM has a part for each gate."""

    names: list[str]
    parts: tuple[str, ...]
    values: np.ndarray

    def __len__(self) -> int:
        return len(self.names)

    def to_pandas(self) -> Any:
        """Make a table with a row for each name."""
        import pandas as pd

        return pd.DataFrame(self.values, index=self.names, columns=list(self.parts))


def _ordered(names: list[str], values: np.ndarray, parts: tuple[str, ...] = ("weight",)) -> Weights:
    values = np.asarray(values).reshape(len(names), len(parts))
    if not names:
        return Weights([], parts, values)
    order = np.argsort(-np.abs(values).max(1), kind="stable")
    return Weights([names[i] for i in order], parts, values[order])


def _gates(o: Operation) -> tuple[str, ...]:
    return tuple(part for part, (output, _) in PARTS[o.op].items() if output == "gates") or ("weight",)


def _by_gates(o: Operation, operand: str) -> np.ndarray:
    """Reshape a recurrent weight (gates · width, ...) to (gates, width, ...)."""
    a = o.numbers(operand)
    return a.reshape(len(_gates(o)), -1, *a.shape[1:])


def _incoming(wiring: Wiring, o: Operation, k: int) -> Weights:
    names = [source.name for source in wiring.sources(o.operands["x" if "x" in o.operands else "u"])]
    if o.rule.units == "neuron":
        return _ordered(names, o.numbers("W")[k])
    if o.rule.units == "filter":
        W = o.numbers("W")[k]
        group = k // (count_of(o) // o.main.attributes["groups"])
        seen = names[group * W.shape[-1] : (group + 1) * W.shape[-1]]
        placed = [f"{channel}{_at(place)}" for place in np.ndindex(W.shape[:-1]) for channel in seen]
        return _ordered(placed, W)
    own, inner = [f"h[{j}] before" for j in range(count_of(o))], _by_gates(o, "W")[:, k]
    if "W_ih" not in o.operands:
        return _ordered(own, inner.T, _gates(o))
    outer = _by_gates(o, "W_ih")[:, k]
    return _ordered([*names, *own], np.concatenate([outer, inner], 1).T, _gates(o))


def _at(place: tuple[int, ...]) -> str:
    return f" at {', '.join(map(str, place))}" if place else ""


def _bias(o: Operation, k: int) -> Weights | None:
    if o.rule.sums:
        both = {"bias_ih": "b_ih", "bias_hh": "b"}
        known = {name: _by_gates(o, b)[:, k] for name, b in both.items() if o.operands.get(b) is not None}
        return Weights(list(known), _gates(o), np.array(list(known.values()))) if known else None
    if o.operands["b"] is None:
        return None
    return Weights(["bias"], ("weight",), o.numbers("b")[k : k + 1].reshape(1, 1).copy())


def _outgoing(wiring: Wiring, o: Operation, k: int) -> Weights:
    names, found = [], []
    known = {id(other): other_name for other_name, other in wiring.with_units().items()}
    for other in wiring.operations:
        if id(other) not in known:
            continue
        target = known[id(other)]
        sources = wiring.sources(other.operands["x"]) if "x" in other.operands else []
        reached = [(j, source) for j, source in enumerate(sources) if (id(o), k) in source.units]
        if other is o and o.rule.sums:
            for gate, W in zip(_gates(o), _by_gates(o, "W"), strict=True):
                names += [f"h[{m}]{_gate(gate)} next" for m in range(len(W))]
                found += W[:, k].tolist()
        for j, source in reached:
            if other.rule.units == "neuron":
                W = other.numbers("W")
                place = f" from {source.name.partition(' at ')[2]}" if len(reached) > 1 else ""
                names += [f"{target}[{m}]{place}" for m in range(len(W))]
                found += W[:, j].tolist()
            elif other.rule.units == "filter":
                W = other.numbers("W")
                each = len(W) // other.main.attributes["groups"]
                first, channel = j // W.shape[-1] * each, j % W.shape[-1]
                for m in range(first, first + each):
                    names += [f"{target}[{m}]{_at(place)}" for place in np.ndindex(W.shape[1:-1])]
                    found += W[m, ..., channel].ravel().tolist()
            else:
                for gate, W in zip(_gates(other), _by_gates(other, "W_ih"), strict=True):
                    names += [f"{target}[{m}]{_gate(gate)}" for m in range(len(W))]
                    found += W[:, j].tolist()
    return _ordered(names, np.array(found))


def _gate(gate: str) -> str:
    return "" if gate == "weight" else f" {gate}"


# ---- what it responds to ---------------------------------------------------------------------------------------------


@dataclass(eq=False)
class Response:
    """A row on which a unit is strong.

    row: its number in X. value: the unit's largest there. place: where in an image, or when in a sequence; () where a
    unit has one value a row. seen: the part of the input (as the network takes it) that this value depends on.
    contributions: of a neuron of one value a row, weight times input by name, the largest first; with the bias they
    sum to z.
    """

    row: int
    value: float
    place: tuple[int, ...]
    seen: np.ndarray
    contributions: Weights | None = None


def _respond(result: Neuron, wiring: Wiring, program: Program, o: Operation, a: Value, Z: Any) -> None:
    """Run the unit on every row; keep its values and the rows on which it is strongest."""
    k, engine = result.unit, program.engine
    lengths = _lengths(wiring, o)
    parts = []
    for at in range(0, len(Z), engine.batch_size):
        program.predict(Z[at : at + engine.batch_size])
        values = np.array(engine.read(a)[..., k])
        result.broken += int((~np.isfinite(values)).sum())
        if lengths is not None and values.ndim == 2:
            values[np.arange(values.shape[1]) >= engine.read(lengths)[:, None]] = np.nan
        parts.append(values)
    result.values = np.concatenate(parts)
    flat = np.where(np.isfinite(result.values), result.values, -np.inf).reshape(len(result.values), -1)
    best = np.argsort(-flat.max(1), kind="stable")[:STRONGEST]
    for row in (int(row) for row in best if np.isfinite(flat[row]).any()):
        program.predict(Z[row : row + 1])
        x = engine.read(engine.listing.inputs[0])[0]
        if isinstance(Z, Sequences):
            x = x[: int(Z.lengths[row])]
        place = tuple(map(int, np.unravel_index(int(flat[row].argmax()), result.values.shape[1:])))
        field = wiring.field(o.out, tuple((p, p + 1) for p in place)) if place else None
        seen = x if field is None else x[cropped(field, x.shape[: len(place)])]
        shares = None if place or o.rule.units != "neuron" else _shares(wiring, program, o, k)
        result.strongest.append(Response(row, float(flat[row].max()), place, seen.copy(), shares))


def _lengths(wiring: Wiring, o: Operation) -> Value | None:
    """Find the lengths of what an operation gives: those that the first operation after it reads, if any does."""
    for other in wiring.operations[wiring.operations.index(o) :]:
        found = None if OPS[other.op].variadic or other.op == "shortened" else other.operands.get("lengths")
        if found is not None:
            return found
    return None


def _shares(wiring: Wiring, program: Program, o: Operation, k: int) -> Weights:
    """Compute each input's part in the weighted sum of the row last run."""
    x = program.value(o.operands["x"])[0]
    names = [source.name for source in wiring.sources(o.operands["x"])]
    return _ordered(names, o.numbers("W")[k] * x, ("weight times input",))


# ---- the result ------------------------------------------------------------------------------------------------------


class Neuron(Shown):
    """What `ct.inspect.neuron` gives. print it, or `plot(path)`.

    layer, unit, of: its layer's name, its number and how many there are. operation: "linear 4 → 16"; activation: what
    is applied to it. incoming, bias, outgoing: Weights by name, the largest first; bias is None where there is none.
    "h[2] before" is cell 2 of the same layer, a time step before; "next" is a step later.
    values: (n,), or (n, ...) with a value a place or time step, NaN behind a sequence's end; None without X.
    broken: how many values are not finite. strongest: the rows with the largest values, a Response each.
    """

    values: np.ndarray | None = None
    broken: int = 0
    pixels = Pixels()

    def __init__(self, layer: str, unit: int, of: int, operation: str, activation: list[str], incoming: Weights,
                 bias: Weights | None, outgoing: Weights) -> None:
        self.layer, self.unit, self.of, self.operation, self.activation = layer, unit, of, operation, activation
        self.incoming, self.bias, self.outgoing = incoming, bias, outgoing
        self.strongest: list[Response] = []

    @property
    def threshold(self) -> float:
        """The value above which the unit counts as on: half for sigmoid and softmax, else zero."""
        return 0.5 if self.activation[-1:] in (["sigmoid"], ["softmax"]) else 0.0

    @property
    def on(self) -> float:
        """The share of rows with a value above the threshold, at any place; NaN without X."""
        if self.values is None:
            return float("nan")
        return float((self.values > self.threshold).reshape(len(self.values), -1).any(1).mean())

    def histogram(self, bins: int = 20) -> tuple[np.ndarray, np.ndarray]:
        """Count the values between each two edges: (counts, edges), as np.histogram gives them."""
        if self.values is None:
            raise ArgumentError("a histogram needs data: give neuron(..., X=rows)")
        known = self.values[np.isfinite(self.values)].astype(np.float64)
        return np.histogram(known, bins, ends(known))

    def __repr__(self) -> str:
        rows = f", {counted(len(self.values), 'row')} seen" if self.values is not None else ""
        return (f"Neuron({self.layer}[{self.unit}]: {counted(self.incoming.values.size, 'weight')} in, "
                f"{self.outgoing.values.size:,} out{rows})")

    # ---- as text -----------------------------------------------------------------------------------------------------
    def __str__(self) -> str:
        then = f", then {' and '.join(self.activation)}" if self.activation else ""
        lines = [f"{self.layer}[{self.unit}]: one of {counted(self.of, 'unit')} of {self.operation}{then}"]
        if self.bias is not None:
            one = self.bias.values.size == 1
            lines += [f"bias: {self.bias.values[0, 0]:.3g}"] if one else _table("bias", self.bias)
        lines += _table("weights in", self.incoming)
        none = ["weights out: none, no layer reads it"]
        lines += _table("weights out", self.outgoing) if len(self.outgoing) else none
        if self.values is not None:
            lines += [self._activity(), self._bars(), "strongest on", *map(self._row, self.strongest)]
        return "\n".join(lines)

    def _activity(self) -> str:
        assert self.values is not None
        known = self.values[np.isfinite(self.values)]
        low, high = (known.min(), known.max()) if known.size else (np.nan, np.nan)
        each = f", {(known > self.threshold).mean():.0%} of its values" if self.values.ndim > 1 and known.size else ""
        mean = known.mean() if known.size else np.nan
        broken = f"; {counted(self.broken, 'value')} not finite" if self.broken else ""
        return (f"values: above {self.threshold:g} in {self.on:.0%} of {counted(len(self.values), 'row')}{each}; "
                f"from {low:.3g} to {high:.3g}, mean {mean:.3g}{broken}")

    def _bars(self) -> str:
        counts, edges = self.histogram(40)
        heights = np.ceil(counts / max(counts.max(), 1) * len(BLOCKS)).astype(int)
        return f"  {edges[0]:.3g} {''.join(BLOCKS[h - 1] if h else ' ' for h in heights)} {edges[-1]:.3g}"

    def _row(self, response: Response) -> str:
        where = "" if not response.place else (
            f" at step {response.place[0]}" if len(response.place) == 1 else f" at {response.place}")
        text = f"  row {response.row}{where}: {response.value:.3g}"
        if response.contributions is not None:
            c = response.contributions
            shares = [f"{name} {v:+.3g}" for name, v in zip(c.names[:3], c.values[:3, 0], strict=True)]
            text += f"  ({', '.join(shares)}{', ...' if len(c) > 3 else ''})"
        return text

    # ---- the figure --------------------------------------------------------------------------------------------------
    def plot(self, path: str | PathLike | None = None) -> Any:
        """Draw a matplotlib figure, also written to a file (.svg, .png, ...) if a path is given.

        The largest weights in and out, orange above zero and blue below; with X how often it has which value, and what
        it is strongest on: patches of images, sequences with the time of the largest value marked, or what the inputs
        of the strongest rows add to the sum.
        """
        deep = 0.5 + 0.24 * max(min(len(self.incoming), MOST), min(len(self.outgoing), MOST), 3)
        top, width = EDGE + 0.95, 3.0
        seen = self.values is not None
        sheet = Sheet(9.2, top + deep + (2.55 if seen else 0.3))
        then = f", {', '.join(self.activation)}" if self.activation else ""
        about = f"one of {counted(self.of, 'unit')} of {self.operation}{then}; weights orange above zero, blue below"
        sheet.title(f"{self.layer}[{self.unit}]", about)
        _weights(sheet, EDGE + 1.5, top, width - 0.4, deep - 0.5, "weights in", self.incoming, self.bias)
        _weights(sheet, EDGE + 5.9, top, width - 0.4, deep - 0.5, "weights out", self.outgoing)
        if seen:
            self._histogram(sheet, EDGE + 0.5, top + deep + 0.3, 3.4, 1.7)
            self._strongest(sheet, EDGE + 4.4, top + deep + 0.3)
        return sheet.saved(path)

    def _histogram(self, sheet: Sheet, left: float, top: float, width: float, height: float) -> None:
        counts, edges = self.histogram()
        sheet.words(left, top - 0.05, f"values on {counted(len(self.values), 'row')}: on in {self.on:.0%}", 10,  # type: ignore[arg-type]
                    weight="bold", va="bottom")
        axes = sheet.axes(left, top + 0.05, width, height)
        axes.bar(edges[:-1], counts, np.diff(edges), align="edge", color=[
            SIGNED[5] if edge >= self.threshold else SIGNED[1] for edge in edges[:-1]])
        axes.spines[["top", "right"]].set_visible(False)

    def _strongest(self, sheet: Sheet, left: float, top: float) -> None:
        shown = self.strongest[:STRONGEST]
        if not shown:
            return
        sheet.words(left, top - 0.05, "strongest on", 10, weight="bold", va="bottom")
        first = shown[0]
        if first.contributions is not None:
            lines = [self._row(response).strip() for response in shown]
            for i, line in enumerate(lines):
                row, _, shares = line.partition("  ")
                sheet.words(left, top + 0.1 + 0.36 * i, row, 9)
                sheet.words(left, top + 0.25 + 0.36 * i, short(shares, 74), 7.5, FAINT)
        elif first.seen.ndim == 3:
            for i, response in enumerate(shown):
                label = f"row {response.row}: {response.value:.2g}"
                sheet.tile(left + 0.9 * i, top + 0.3, 0.78, 0.78, self.pixels(response.seen), label, cmap="gray",
                           vmin=0, vmax=1)
            sheet.words(left, top + 1.16, str(self.pixels), 8, FAINT)
        else:
            axes = sheet.axes(left, top + 0.05, 4.1, 1.7)
            for response in shown:
                values = self.values[response.row]  # type: ignore[index]
                axes.plot(values, lw=1.2, label=f"row {response.row}", color=colours(SIGNED)(0.15 + 0.7 * (
                    response is first)))
                if response.place:
                    axes.plot(response.place[0], response.value, "o", ms=4, color=SIGNED[5])
            axes.spines[["top", "right"]].set_visible(False)
            time_axis(axes)


def _table(title: str, weights: Weights) -> list[str]:
    """List the largest weights, a line each, with bars where there is one part."""
    more = f", the {MOST} largest of {len(weights):,}" if len(weights) > MOST else ""
    gates = weights.parts if len(weights.parts) > 1 else ()
    shown = weights.values[:MOST]
    wide = max(map(len, weights.names[:MOST]), default=0)
    head = f"{title}{more}"
    lines = [(f"{head:<{wide + 2}}" + "".join(f"{gate:>11}" for gate in gates)).rstrip()]
    most = reach(shown) if shown.size else 1.0
    for name, values in zip(weights.names, shown, strict=False):
        numbers = "".join(f"{v:>11.3g}" if gates else f"{v:>10.3g}" for v in values)
        bar = "" if gates or not np.isfinite(values[0]) else f"  {'█' * round(20 * abs(values[0]) / most)}"
        lines.append(f"  {name:<{wide}}{numbers}{bar}".rstrip())
    return lines


def _weights(sheet: Sheet, left: float, top: float, width: float, height: float, title: str, weights: Weights,
             bias: Weights | None = None) -> None:
    """Draw bars of the largest weights; weights of several gates side by side as a map."""
    names, values = weights.names[:MOST], weights.values[:MOST]
    if bias is not None and bias.parts == weights.parts:
        names, values = [*names, *bias.names], np.concatenate([values, bias.values])
    more = f" ({MOST} largest of {len(weights):,})" if len(weights) > MOST else ""
    head = f"{title}{more}" if len(weights) else f"{title}: none"
    sheet.words(left, top - 0.12, head, 10, weight="bold", va="bottom")
    if not len(names):
        return
    axes = sheet.axes(left, top, width, height)
    most = reach(values)
    if len(weights.parts) > 1:
        axes.imshow(values, cmap=colours(SIGNED), vmin=-most, vmax=most, aspect="auto", interpolation="nearest")
        axes.set_xticks(range(len(weights.parts)), weights.parts)
    else:
        axes.barh(range(len(names)), values[:, 0], color=[SIGNED[5] if v > 0 else SIGNED[1] for v in values[:, 0]])
        axes.axvline(0, color=FAINT, lw=0.6)
        axes.locator_params(axis="x", nbins=5)
        axes.invert_yaxis()
        axes.spines[["top", "right"]].set_visible(False)
    axes.set_yticks(range(len(names)), [short(name, 24) for name in names])
