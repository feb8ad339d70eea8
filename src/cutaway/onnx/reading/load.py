"""load_onnx: an ONNX file becomes a network, tried once before anybody gets it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ...errors import ArgumentError, CutawayError, FileError
from ...files.container import about, path_of
from ...program import trace_model
from .file import OnnxInput, OnnxModel, read_model
from .network import Content, OnnxNetwork, needed, prepared
from .values import Fixed

#: Sizes that are tried along axes that a file leaves open: steps of time, or the sides of an image.
FREE = (5, 8, 16, 32, 64, 128, 224, 1)
ML = "ai.onnx.ml"


def load_onnx(path: Any, output: str | None = None) -> OnnxNetwork:
    """Read an ONNX file as a network.

    output: the name of the value that it gives; the first output of real numbers unless given. Any value of the graph
    may be named, such as what a last softmax reads.
    Raises FileError for a file that is missing or damaged, and for one with nodes that are not read, naming the node,
    its version and what would do; ArgumentError for an output that is not there.
    """
    path = path_of(path)
    with about(path), damaged():
        model = read_model(path)
        chosen = _output(model) if output is None else output
    if chosen not in _values(model):
        raise ArgumentError(f"{path} has no value called {output!r}: its outputs are {', '.join(model.graph.outputs)}")
    with about(path), damaged():
        return _tried(model, chosen)


@contextmanager
def damaged() -> Iterator[None]:
    """Make FileError of whatever a file with damaged names, settings or graphs makes of the code in the block."""
    try:
        yield
    except CutawayError:
        raise
    except (TypeError, ValueError, KeyError, IndexError, AttributeError, ArithmeticError, RecursionError) as error:
        raise FileError(f"it is damaged ({type(error).__name__}: {str(error)[:120]})") from error


def _values(model: OnnxModel) -> set[str]:
    return {name for n in model.graph.nodes for name in n.outputs}


def _output(model: OnnxModel) -> str:
    """The first output of real numbers: of a classifier of scikit-learn's its probabilities, without their names."""
    graph = model.graph
    if model.producer.startswith("cutaway") and "outputs" in graph.outputs:
        return "outputs"
    unpacked = {n.outputs[0]: n.inputs[0] for n in graph.nodes if n.op == "ZipMap" and n.domain == ML}
    reals = [unpacked.get(name, name) for name in graph.outputs if graph.kinds.get(name) == "f" or name in unpacked]
    made = _values(model)
    found = [name for name in [*reals, *graph.outputs] if name in made]
    if not found:
        raise FileError("it gives nothing that it computes")
    return found[0]


def _classes(model: OnnxModel) -> list[Any] | None:
    """The names of classes, from what puts them beside probabilities, or picks the label."""
    arrays = model.graph.arrays | {n.outputs[0]: n.settings["value"] for n in model.graph.nodes
                                   if n.op == "Constant" and "value" in n.settings}
    for n in model.graph.nodes:
        if n.domain == ML and n.op == "ZipMap":
            return n.settings.get("classlabels_strings") or n.settings.get("classlabels_int64s")
        if n.domain == ML and n.op == "ArrayFeatureExtractor" and n.inputs[0] in arrays:
            return [v.decode() if isinstance(v, bytes) else v for v in arrays[n.inputs[0]].ravel().tolist()]
    return None


def _tried(model: OnnxModel, output: str) -> OnnxNetwork:
    """Build the network, and record it on some rows: with the rows where the file may have them, and sizes that fit."""
    graph = model.graph
    nodes = needed(graph.nodes, output)
    read = {name for n in nodes for name in (*n.inputs, *n.outer)}
    inputs = [port for port in graph.inputs if port.name in read]
    if not inputs:
        raise FileError(f"its output {output!r} depends on no input")
    for port in inputs:
        if port.kind == "O":
            raise FileError(f"its input {port.name!r} is text, which is prepared outside of a network: export what "
                            "comes behind, or read the value with ct.load(path, output=)")
        if not port.shape:
            raise FileError(f"its input {port.name!r} has no shape, or none with rows: export it with one")
    reals = [a for name, a in graph.arrays.items() if a.dtype.kind == "f" and a.size > 1 and name in read]
    double = bool(reals) and all(a.itemsize == 8 for a in reals)
    first: CutawayError | None = None
    for rows_at in _places(inputs):
        open_sizes = any(type(s) is not int for port, at in zip(inputs, rows_at, strict=True)
                         for s in OnnxNetwork.sample(port, at))
        for free in FREE if open_sizes else FREE[-1:]:
            said = (inputs[0].shape or ())[rows_at[0]]
            content = Content(
                [replace(n, inputs=list(n.inputs), outputs=list(n.outputs)) for n in nodes],
                {name: Fixed(a, name, True) for name, a in graph.arrays.items() if name in read},
                inputs, rows_at, output, model.producer, double, tuple(graph.outputs), _classes(model), (),
                said if type(said) is int else None, free)
            prepared(content)
            network = OnnxNetwork(content)
            try:
                content.gives = trace_model(network, None, network.example_input()).output.shape
            except CutawayError as error:
                first = first or error
                continue
            return network
    assert first is not None
    raise first if isinstance(first, FileError) else FileError(f"it cannot be run for rows of their own: {first}")


def _places(inputs: list[OnnxInput]) -> list[list[int]]:
    """On which axis the rows of each input may lie: the first, the one of the first input's name, else the second."""
    shapes = [port.shape or () for port in inputs]

    def named(name: Any, otherwise: int) -> list[int]:
        return [s.index(name) if isinstance(name, str) and name in s else min(otherwise, len(s) - 1) for s in shapes]

    shape = shapes[0]
    ways = [named(shape[0], 0), [0] * len(inputs)]
    if len(shape) > 1 and not (type(shape[1]) is int and shape[1] > 1):
        ways.append([1 if k == 0 else p for k, p in enumerate(named(shape[1], 1))])
    return [way for k, way in enumerate(ways) if way not in ways[:k]]
