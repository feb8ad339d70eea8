"""ct.export: a trained network or estimator as one ONNX file, or its weights for PyTorch or Keras."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from os import fspath
from pathlib import Path
from typing import Any

import numpy as np

from .. import embedded, habits
from ..errors import ArgumentError
from ..estimators.base import Estimator
from ..estimators.mlp import MLPEstimator, to_sklearn
from ..files import write_whole
from ..files.endings import check_ending
from ..files.weights import LAYOUTS, WeightsFile, write_weights
from ..nn import Module
from .columns import InputColumn
from .drop_ins import DropInSide, write_drop_in
from .graph import STEPS, OnnxArray, OnnxGraph, named
from .inputs import NetworkSide, Side, TableSide, side_of
from .network import Evaluation
from .outputs import NAMES, answers

ENDINGS = (".onnx", *embedded.ENDINGS)
HINT = 'ct.save writes files that ct.load reads; layout="torch" or "keras" writes weights for those libraries.'


@dataclass
class Port:
    """An input or output of a file: its name, the type of its numbers, its shape (names for what is open), and what
    it means."""

    name: str
    type: str
    shape: tuple[int | str, ...]
    about: str

    def __str__(self) -> str:
        return f"{self.name}  {self.type} ({', '.join(map(str, self.shape))})  {self.about}"


@dataclass
class OnnxFile:
    """An ONNX file that was written: where it lies, what goes in and what comes out.

    `feed(X)` makes of rows, as `predict` takes them, the arrays that ONNX Runtime is fed, by the inputs' names.
    """

    path: str
    inputs: list[Port]
    outputs: list[Port]
    side: Side | DropInSide = field(repr=False)

    def feed(self, X: Any) -> dict[str, np.ndarray]:
        """Make the arrays for `session.run(None, file.feed(X))`."""
        return self.side.feed(X)

    def __str__(self) -> str:
        ports = ("in", *(f"  {port}" for port in self.inputs), "out", *(f"  {port}" for port in self.outputs))
        return "\n".join((self.path, *ports))


@habits.in_our_words
def export(model: Any, path: Any = None, *, input: Any = None, coverage: float | None = None, layout: str | None = None,
           channels: dict[str, int] | None = None, target: str | None = None) -> Any:
    """Write a network, or an estimator with all that it does to its input, as an ONNX file or as machine code.

    >>> import cutaway as ct, pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "net.onnx"
    >>> file = ct.export(ct.nn.MLP(2, [8], 1).init(0), path)
    >>> [str(port) for port in file.inputs], [port.shape for port in file.outputs]
    (['x  float32 (rows, 2)  what the network takes'], [('rows', 1)])

    Any number of rows goes in, and of time steps where the network takes any. A network's output is `outputs`, as the
    loss takes it. A classifier's are `label`, `probabilities` and `outputs`; a regressor's `prediction`, `interval`
    where rows were held back, and `quantiles` where it learnt some. Each column of a table is an input (docs/onnx.md).

    layout: "torch" or "keras" writes the weights alone instead, as a PyTorch or Keras network built alike has them:
    names, axes, order of gates (docs/layouts.md). For PyTorch the file ends in .safetensors or .npz, for Keras in
    .weights.h5 or .npz. Of an estimator they are its network's. "sklearn" writes nothing and gives back scikit-learn's
    own network for one of cutaway.sklearn, with the same weights. channels: as load_state_dict takes them.

    >>> print(ct.export(ct.nn.MLP(2, [8], 1).init(0), path.with_name("net.safetensors"), layout="torch").shapes)
    {'0.weight': (8, 2), '0.bias': (8,), '2.weight': (1, 8), '2.bias': (1,)}

    A path that ends in .o, .so or .wasm is compiled for other programs, with a C header beside it (docs/embedded.md).
    target: for which processor an .o file is: "host", "aarch64", "cortex-m4" or "wasm32". Gives back a CompiledFile.

    input: an example (a row or more) where the first layer of a network does not say what it takes. coverage: of a
    regressor's intervals, 0.9 unless told otherwise; a compiled file has them if it is given. Raises ArgumentError for
    what an ONNX file cannot hold, naming the layer, and where the package onnx is missing; FileError where the file
    cannot be written, an old one then stays as it was. Gives back an OnnxFile, which feeds and lists what goes in and
    out, or a WeightsFile.
    """
    if layout == "sklearn":
        if path is not None or channels is not None or input is not None or coverage is not None:
            raise ArgumentError('layout="sklearn" gives back the object and writes no file: '
                                'ct.export(model, layout="sklearn")')
        return to_sklearn(model)
    if path is None:
        raise ArgumentError("name the file to write: ct.export(model, path)")
    if layout is not None:
        return _weights(model, path, layout, channels, input, coverage)
    if channels is not None:
        raise ArgumentError('channels is for layout="torch": leave it out')
    check_ending(path, "an exported model", ENDINGS, hint=HINT)
    if Path(fspath(path)).suffix in embedded.ENDINGS:
        return embedded.export_compiled(model, path, target, input, coverage)
    if target is not None:
        raise ArgumentError("target is for compiled models: name a file that ends in .o, .so or .wasm")
    g = OnnxGraph()
    if isinstance(model, Module):
        if coverage is not None:
            raise ArgumentError("coverage is of a Regressor's intervals, and this is a network: leave it out")
        evaluation = Evaluation.of(model, input)
        side: Side | DropInSide = NetworkSide(evaluation, model.dtype)
        z = evaluation.write(g, side.write(g))
        g.output("outputs", z, "as the loss takes them")
        about = f"{model!r}"
        more: dict[str, Any] = {}
    elif isinstance(model, Estimator):
        if input is not None:
            raise ArgumentError("input is for a network; an estimator knows what it takes: leave it out")
        if coverage is not None and hasattr(type(model), "classes_"):
            raise ArgumentError("coverage is of a Regressor's intervals, and this is a Classifier: leave it out")
        kind = model.inputs_
        g.reserve(NAMES)
        evaluation = Evaluation.of(model.model_, kind.example(model.encoder_))
        side = side_of(model, evaluation)
        z = evaluation.write(g, side.write(g))
        answers(g, model, z, coverage)
        about = f"a {type(model).__name__} of {kind.many}: {model.design_.task}, {model.model_!r}"
        more = _columns(side) | {"task": model.design_.task, "target": model.target_encoder_.names}
        if hasattr(model, "classes_"):
            more["classes"] = model.classes_.tolist()
    elif isinstance(model, MLPEstimator):
        if input is not None or coverage is not None:
            raise ArgumentError(f"input and coverage are not for a {type(model).__name__}: leave them out")
        g.reserve(NAMES)
        side, more = write_drop_in(g, model)
        about = f"{model!r}"
    else:
        raise ArgumentError(getattr(model, "no_single_network", None) or "export takes a network, a Classifier, a "
                            f"Regressor or a network of cutaway.sklearn, got {type(model).__name__}")
    metadata = {"kind": type(model).__name__, **more}
    text = {f"cutaway.{key}": value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
            for key, value in metadata.items()}
    version = _version()
    try:
        content = g.content("cutaway", about, text | {"cutaway.version": version}, version)
    except UnicodeEncodeError as reason:
        raise ArgumentError("a name or a level holds a character that no text file can "
                            f"({reason.reason}): rename it") from None
    write_whole(path, content)
    return OnnxFile(fspath(path), [_port(*entry) for entry in g.inputs.values()],
                    [_port(*entry) for entry in g.outputs.values()], side)


def _weights(model: Any, path: Any, layout: str, channels: dict[str, int] | None, input: Any,
             coverage: float | None) -> WeightsFile:
    if layout not in LAYOUTS:
        raise ArgumentError(f'layout must be "torch", "keras" or "sklearn" (or None, for ONNX), got {layout!r}')
    if input is not None or coverage is not None:
        raise ArgumentError("input and coverage are for ONNX files, and layout writes weights alone: leave them out")
    network = model if isinstance(model, Module) else getattr(model, "model_", None)
    if not isinstance(network, Module):
        raise ArgumentError(f"export takes a network or a trained estimator, got {type(model).__name__}")
    return write_weights(network, path, layout, channels)


def _columns(side: Any) -> dict[str, Any]:
    """What people and programs must know of each column."""
    def told(source: InputColumn) -> dict[str, str]:
        return {"input": source.name, "takes": source.kind, "column": source.column.name, "is": source.column.kind,
                "how": source.column.how}

    return {"columns": [told(source) for source in side.sources]} if isinstance(side, TableSide) else {}


def _port(array: OnnxArray, about: str) -> Port:
    sizes = tuple(size or 0 for size in named(array, STEPS))
    return Port(array.name, "text" if array.dtype == object else array.dtype.name, sizes, about)


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("cutaway")
    except PackageNotFoundError:
        return "unknown"
