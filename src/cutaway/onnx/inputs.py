"""What goes into a file: inputs, what an estimator's encoder does to them as nodes, and arrays for them.

A side knows its inputs' names (`write`), and makes of rows, as `predict` takes them, what ONNX Runtime is fed (`feed`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..data.image_arrays import image_words
from ..data.limits import FAR
from ..data.numbers import Number
from ..errors import ArgumentError
from ..named_inputs import NamedInputs
from ..sequences import Sequences
from .arrays import concatenate, where
from .columns import NUMBER, SECONDS, WORD, InputColumn, encoded, gap_words, kind_of
from .graph import TEXT, OnnxArray, OnnxGraph
from .network import Evaluation
from .operations import within

ABOUT = {
    NUMBER: "numbers, NaN for a gap",
    SECONDS: "dates as seconds since 1970-01-01 00:00, NaN for a gap",
}


class NetworkSide:
    """The inputs of a network as it takes them."""

    def __init__(self, evaluation: Evaluation, dtype: Any) -> None:
        self.evaluation, self.dtype = evaluation, dtype

    def write(self, g: OnnxGraph) -> dict[str, OnnxArray]:
        found = {}
        for v in self.evaluation.listing.inputs:
            whole = v.dtype.kind in "iu"
            about = "how many steps of each row are no padding" if v.name.endswith("lengths") else (
                "whole numbers" if whole else "what the network takes")
            found[v.name] = g.input(v.name, np.int64 if whole else v.dtype, self.evaluation.shape(v), about)
        return found

    def feed(self, X: Any) -> dict[str, np.ndarray]:
        whole = {v.name: v.dtype.kind in "iu" for v in self.evaluation.listing.inputs}
        arrays = NamedInputs.of(X).arrays
        if arrays.keys() != whole.keys():
            raise ArgumentError(f"the file takes {', '.join(whole)}, and got {', '.join(arrays)}")
        return {name: np.asarray(a, np.int64 if whole[name] else self.dtype) for name, a in arrays.items()}


class TableSide:
    """The columns of a table, an input for each; or one input of all, where training's had numbers and no names."""

    def __init__(self, encoder: Any, dtype: Any) -> None:
        self.encoder, self.dtype = encoder, dtype
        self.kept = [column for column in encoder.columns if column.features]
        if not self.kept:
            raise ArgumentError("there is nothing to export: no column says anything, and the model answers every row "
                                f"alike ({encoder.whys()})")
        self.whole = encoder.positional and all(isinstance(column, Number) for column in self.kept)
        self.sources: list[InputColumn] = []

    def write(self, g: OnnxGraph) -> dict[str, OnnxArray]:
        if self.whole:
            X = g.input("X", float, (None, len(self.encoder.columns)), f"rows of {len(self.encoder.columns)} "
                        f"{ABOUT[NUMBER]}")
            places = [i for i, column in enumerate(self.encoder.columns) if column.features]
            self.sources = [InputColumn(column, column.name, NUMBER) for column in self.kept]
            numbers: OnnxArray | None = X if len(places) == len(self.encoder.columns) else X[:, np.array(places)]
            cells: list[OnnxArray] = []
        else:
            cells = []
            for i, column in enumerate(self.kept):
                kind = kind_of(column)
                dtype = TEXT if kind == WORD else np.dtype(float)
                about = ABOUT.get(kind) or f'text, "{next(iter(gap_words(column)), "")}" for a gap'
                about += f", by the clock of {column.zone}" if kind == SECONDS and column.zone else ""
                cells.append(g.input(column.name or f"column {i}", dtype, (None, 1), about))
                self.sources.append(InputColumn(column, cells[-1].name, kind))
            some = [c for c, s in zip(cells, self.sources, strict=True) if isinstance(s.column, Number)]
            numbers = concatenate(some, 1) if len(some) > 1 else some[0] if some else None
        return {"x": encoded(g, self.sources, numbers, dict(enumerate(cells))).astype(self.dtype)}

    def feed(self, X: Any) -> dict[str, np.ndarray]:
        cells = self.encoder.cells(X)
        if not self.whole:
            return {s.name: s.feed(c) for s, c in zip(self.sources, cells, strict=True)}
        out = np.zeros((len(cells[0]), len(self.encoder.columns)))
        places = [i for i, column in enumerate(self.encoder.columns) if column.features]
        for s, c, i in zip(self.sources, cells, places, strict=True):
            out[:, i] = s.feed(c)[:, 0]
        return {"X": out}


class SequenceSide:
    """Sequences (rows, steps, features), and their lengths where these differ."""

    def __init__(self, encoder: Any, dtype: Any, steps: int | None) -> None:
        self.encoder, self.dtype, self.steps = encoder, dtype, steps
        self.differ = encoder.shortest != encoder.longest
        if encoder.blank:
            raise ArgumentError(f"there is nothing to export: no feature says anything ({encoder.whys()})")

    def write(self, g: OnnxGraph) -> dict[str, OnnxArray]:
        columns = self.encoder.columns
        x = g.input("X", float, (None, self.steps, len(columns)), "time steps of " + ", ".join(
            column.name for column in columns[:20]) + f"; {ABOUT[NUMBER]}")
        found = {}
        if self.differ:
            found["lengths"] = g.input("lengths", np.int64, (None,), "how many steps of each row are no padding")
        g.scope = "features"
        used = [j for j, column in enumerate(columns) if column.features]
        x = x if len(used) == len(columns) else x[:, :, np.array(used)]
        kept: list[Any] = [columns[j] for j in used]
        mean, scale = (np.array([getattr(c, name) for c in kept]) for name in ("mean", "scale"))
        z = (last_known(x, mean) - mean) / scale
        z = g("Max", g("Min", z, FAR), -FAR)
        order = [place for k, c in enumerate(kept) for place in ([k, len(kept) + k] if c.marked else [k])]
        if any(c.marked for c in kept):
            z = concatenate([z, g("IsNaN", x).astype(float)], 2)[:, :, np.array(order)]
        z = z.astype(self.dtype)
        return found | {"x": where(within(z, found["lengths"]), z, 0) if self.differ else z}

    def feed(self, X: Any) -> dict[str, np.ndarray]:
        from ..data.sequence_encoder import as_sequences

        S: Sequences = as_sequences(X)
        return {"X": S.values.astype(float)} | ({"lengths": S.lengths.astype(np.int64)} if self.differ else {})


def last_known(x: OnnxArray, mean: np.ndarray) -> OnnxArray:
    """x (n, time, features) with each gap as the value before it in its row, or the mean where there is none."""
    g, helper = x.graph, x.graph.onnx.helper
    double, size = 11, len(mean)

    def info(name: str) -> Any:
        return helper.make_tensor_value_info(name, double, [None, size])

    body = helper.make_graph(
        [helper.make_node("IsNaN", ["now"], ["gap"]), helper.make_node("Where", ["gap", "before", "now"], ["known"]),
         helper.make_node("Identity", ["known"], ["out"])],
        "one_step", [info("before"), info("now")], [info("known"), info("out")])
    rows = g("Shape", x, start=0, end=1, dtype=np.int64, shape=(1,))
    shape = g("Concat", rows, np.array([size]), axis=0, shape=(2,))
    start = g("Expand", g.constant(mean, float), shape, shape=(None, size))
    return g("Scan", start, x, body=body, num_scan_inputs=1, scan_input_axes=[1], scan_output_axes=[1], outputs=2,
             shape=x.shape)[1]


class ImageSide:
    """Images (rows, height, width, channels): bytes where training had bytes, else numbers."""

    def __init__(self, encoder: Any, dtype: Any) -> None:
        self.encoder, self.dtype = encoder, dtype
        self.taken = np.dtype(np.uint8 if encoder.dtype in (None, "uint8") else float)

    def write(self, g: OnnxGraph) -> dict[str, OnnxArray]:
        e, scale = self.encoder, 255.0 if self.taken == np.uint8 else 1.0
        x = g.input("X", self.taken, (None, *e.shape), f"images of {image_words(e.shape)}")
        g.scope = "pixels"
        centred = (x.astype(float) - e.mean * scale).astype(self.dtype)
        return {"x": centred * np.asarray(1 / (e.deviation * scale), self.dtype)}

    def feed(self, X: Any) -> dict[str, np.ndarray]:
        pixels = (X if hasattr(X, "X") else self.encoder.read(X)).X
        if self.taken == np.uint8 and pixels.dtype != np.uint8:
            raise ArgumentError(f"the file takes images of bytes, as training had, and got {pixels.dtype}: give the "
                                "bytes, 0 to 255")
        return {"X": pixels.astype(self.taken, copy=False)}


Side = NetworkSide | TableSide | SequenceSide | ImageSide


def side_of(estimator: Any, evaluation: Evaluation) -> Side:
    encoder, dtype = estimator.encoder_, estimator.design_.dtype
    if estimator.design_.inputs == "table":
        return TableSide(encoder, dtype)
    if estimator.design_.inputs == "images":
        return ImageSide(encoder, dtype)
    x = next(v for v in evaluation.listing.inputs if v.name == "x")
    return SequenceSide(encoder, dtype, evaluation.shape(x)[1])

