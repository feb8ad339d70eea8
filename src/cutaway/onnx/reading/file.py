"""An ONNX file as plain values: nodes, numbers and inputs. Read with suspicion: sizes are checked, nothing runs."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...errors import FileError
from ..graph import onnx

LARGEST = 2**31 - 1  # bytes of the file itself: protobuf ends there
MOST_NODES = 2**16
MOST_NUMBERS = 2**31  # of one array
DEEPEST = 8  # graphs within graphs
REALS, WHOLES, TRUTHS, TEXTS = (1, 10, 11, 16), (2, 3, 4, 5, 6, 7, 12, 13), (9,), (8,)
KINDS = dict.fromkeys(REALS, "f") | dict.fromkeys(WHOLES, "i") | dict.fromkeys(TRUTHS, "b") | dict.fromkeys(TEXTS, "O")


@dataclass
class OnnxNode:
    """One node: its type, version and name, the names that it reads ("" for none) and writes, and its settings.

    outer: names that graphs among its settings read from outside.
    """

    op: str
    domain: str
    version: int
    name: str
    inputs: list[str]
    outputs: list[str]
    settings: dict[str, Any]
    outer: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        domain = f"{self.domain}." if self.domain else ""
        return f"the node {self.name or self.outputs[0]!r} ({domain}{self.op}, version {self.version})"


@dataclass
class OnnxInput:
    """An input of the graph: its sizes are numbers, names, or None; kind is "f", "i" or "b", as NumPy has it."""

    name: str
    kind: str
    double: bool
    shape: tuple[int | str | None, ...] | None


@dataclass
class GraphBody:
    """Nodes in the order in which they run, and the numbers that are in the file."""

    nodes: list[OnnxNode]
    arrays: dict[str, np.ndarray]
    inputs: list[OnnxInput]
    outputs: list[str]
    kinds: dict[str, str] = field(default_factory=dict)  # of outputs, as far as the file says them


@dataclass
class OnnxModel:
    """What a file says: the graph, who wrote it, and the versions of its operator sets."""

    graph: GraphBody
    producer: str
    opsets: dict[str, int]
    about: str


def read_model(path: str) -> OnnxModel:
    """Read a file. Raises FileError for one that is damaged, too large, or leads out of its folder."""
    library = onnx()
    if os.path.isdir(path):
        raise FileError("this is a folder: name the .onnx file in it")
    if os.path.getsize(path) > LARGEST:
        raise FileError(f"it has more than {LARGEST:,} bytes, where an ONNX file ends")
    with open(path, "rb") as f:
        content = f.read(LARGEST + 1)
    if not content:
        raise FileError("the file is empty")
    try:
        model = library.load_model_from_string(content)
    except Exception as reason:  # protobuf's own
        raise FileError(f"it is no ONNX file, or damaged ({str(reason)[:120] or type(reason).__name__})") from None
    if not model.HasField("graph") or not (model.graph.node or model.graph.output):
        raise FileError("it is no ONNX file, or damaged (it holds no graph)")
    opsets = {_domain(entry.domain): int(entry.version) for entry in model.opset_import}
    if model.functions:
        model = _inlined(library, model)
        opsets |= {_domain(entry.domain): int(entry.version) for entry in model.opset_import}
    reader = _Reader(library, opsets, os.path.dirname(os.path.abspath(path)))
    graph = reader.body(model.graph, set(), 0)
    written = " ".join(filter(None, (model.producer_name, model.producer_version)))
    return OnnxModel(graph, written, opsets, model.doc_string)


def _domain(name: str) -> str:
    return "" if name == "ai.onnx" else name


def _inlined(library: Any, model: Any) -> Any:
    """Put the nodes of the file's own functions where these are called, if they are not too many."""
    bodies = {(f.domain, f.name): f.node for f in model.functions}
    sizes: dict[tuple[str, str], int] = {}

    def size(nodes: Any, within: tuple) -> int:
        count = 0
        for node in nodes:
            key = node.domain, node.op_type
            if key in within:
                raise FileError(f"it is damaged (its function {key[1]!r:.60} calls itself)")
            if key in bodies and key not in sizes:
                sizes[key] = size(bodies[key], (*within, key))
            count += sizes.get(key, 1)
        return count

    if size(model.graph.node, ()) > MOST_NODES:
        raise FileError(f"its functions stand for more than {MOST_NODES:,} nodes")
    from onnx import inliner

    try:
        return inliner.inline_local_functions(model)
    except Exception as reason:
        raise FileError(f"its functions cannot be put in place ({str(reason)[:120]})") from None


class _Reader:
    """Reads graphs, and counts their nodes."""

    def __init__(self, library: Any, opsets: dict[str, int], folder: str) -> None:
        self.onnx, self.opsets, self.folder, self.count = library, opsets, folder, 0

    def body(self, graph: Any, around: set[str], depth: int) -> GraphBody:
        if depth > DEEPEST:
            raise FileError(f"it is damaged (graphs in graphs, more than {DEEPEST} deep)")
        self.count += len(graph.node)
        if self.count > MOST_NODES:
            raise FileError(f"it has more than {MOST_NODES:,} nodes")
        if graph.sparse_initializer:
            raise FileError("it holds sparse weights, which are not read: export it with dense ones")
        arrays: dict[str, np.ndarray] = {}
        for tensor in graph.initializer:
            if tensor.name in arrays:
                raise FileError(f"it is damaged (two arrays are called {tensor.name!r:.80})")
            arrays[tensor.name] = self.array(tensor)
        inputs = [self.port(entry) for entry in graph.input if entry.name not in arrays]
        known = around | set(arrays) | {port.name for port in inputs}
        nodes = [self.node(node, known, depth) for node in graph.node]
        outputs = [entry.name for entry in graph.output]
        kinds = {entry.name: KINDS.get(entry.type.tensor_type.elem_type, "") for entry in graph.output}
        return GraphBody(_in_order(nodes, known), arrays, inputs, outputs, kinds)

    def port(self, entry: Any) -> OnnxInput:
        if not entry.type.HasField("tensor_type"):
            raise FileError(f"its input {entry.name!r:.60} is no array but a sequence or a map, which is not read")
        tensor = entry.type.tensor_type
        kind = KINDS.get(tensor.elem_type)
        if kind is None:
            raise FileError(f"its input {entry.name!r:.60} has a type ({tensor.elem_type}) that is not read")
        shape = None
        if tensor.HasField("shape"):
            shape = tuple(d.dim_value if d.HasField("dim_value") and d.dim_value > 0 else d.dim_param or None
                          for d in tensor.shape.dim)
        return OnnxInput(entry.name, kind, tensor.elem_type == 11, shape)

    def node(self, node: Any, known: set[str], depth: int) -> OnnxNode:
        domain = _domain(node.domain)
        version = self.opsets.get(domain)
        if version is None:
            raise FileError(f"it is damaged (its node {node.name or node.op_type!r:.60} is of the operators "
                            f"{domain or 'ai.onnx'!r:.60}, and it does not say which version of them)")
        settings: dict[str, Any] = {}
        outer: list[str] = []
        for entry in node.attribute:
            settings[entry.name] = self.setting(entry, depth)
            if isinstance(settings[entry.name], GraphBody):
                outer += _read_outside(settings[entry.name])
        since = self.since(node.op_type, domain, version)
        return OnnxNode(node.op_type, domain, since, node.name, list(node.input), list(node.output), settings, outer)

    def since(self, op: str, domain: str, version: int) -> int:
        """The operator's own version: the newest that is not newer than the file's."""
        defs = self.onnx.defs
        try:
            return int(defs.get_schema(op, min(version, defs.onnx_opset_version()) if not domain else version,
                                       domain).since_version)
        except Exception:  # an operator that this onnx does not know
            return version

    def setting(self, entry: Any, depth: int) -> Any:
        types = self.onnx.AttributeProto
        if entry.type == types.GRAPH:
            return self.body(entry.g, set(), depth + 1)
        if entry.type == types.TENSOR:
            return self.array(entry.t)
        value = self.onnx.helper.get_attribute_value(entry)
        if isinstance(value, bytes):
            return value.decode("utf-8", "replace")
        if entry.type == types.FLOAT:
            return shortest(value)
        if entry.type in (types.INTS, types.FLOATS):
            return [shortest(v) if entry.type == types.FLOATS else v for v in value]
        if entry.type == types.STRINGS:
            return [part.decode("utf-8", "replace") for part in value]
        return value

    # ---- numbers ----------------------------------------------------------------------------------------------------
    def array(self, tensor: Any) -> np.ndarray:
        """Read an array: float16 and bfloat16 as float32, all else as it is."""
        name = tensor.name or "of a setting"
        kind, size = KINDS.get(tensor.data_type), 1
        for side in tensor.dims:
            size *= side
        if kind is None or size < 0 or size > MOST_NUMBERS or min(tensor.dims, default=0) < 0:
            raise FileError(f"its array {name!r:.80} has a type ({tensor.data_type}) or a shape "
                            f"{tuple(tensor.dims)!s:.60} that is not read")
        external = tensor.data_location == self.onnx.TensorProto.EXTERNAL
        try:
            if external:
                tensor = self.beside(tensor, size)
            array = self.onnx.numpy_helper.to_array(tensor)
        except FileError:
            raise
        except Exception as reason:
            raise FileError(f"it is damaged (its array {name!r:.80} cannot be read: {str(reason)[:120]})") from None
        if array.size != size:
            raise FileError(f"it is damaged (its array {name!r:.80} has {array.size:,} numbers, and its shape "
                            f"{size:,})")
        return np.array(array, np.float32) if tensor.data_type in (10, 16) else np.array(array)

    def beside(self, tensor: Any, size: int) -> Any:
        """Read numbers from the file beside this one that holds them, never from anywhere else."""
        said = {entry.key: entry.value for entry in tensor.external_data}
        place = said.get("location", "")
        if not place or place != os.path.basename(place) or place in (".", "..") or "\\" in place or "\0" in place:
            raise FileError(f"its weights lie in {place!r:.80}, and only files in its own folder are read: write it "
                            "as one file")
        path = os.path.join(self.folder, place)
        if not os.path.isfile(path) or os.path.islink(path):
            raise FileError(f"its weights lie in {place!r:.80}, which is no file beside it: copy both")
        width = self.onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
        start, there = int(said.get("offset", 0)), os.path.getsize(path)
        length = int(said.get("length", size * width))
        if length != size * width or start < 0 or start + length > there:
            raise FileError(f"it is damaged (its array {tensor.name!r:.80} is {size * width:,} bytes, and "
                            f"{place!r:.80} does not hold them)")
        with open(path, "rb") as f:
            f.seek(start)
            content = f.read(length)
        whole = self.onnx.TensorProto()
        whole.name, whole.data_type, whole.raw_data = tensor.name, tensor.data_type, content
        whole.dims.extend(tensor.dims)
        return whole


def shortest(value: float) -> float:
    """The number that was meant: 1e-5 for 9.999999747378752e-06, its nearest one of 32 bits."""
    return float(str(np.float32(value)))


def _read_outside(body: GraphBody) -> list[str]:
    own = set(body.arrays) | {name for node in body.nodes for name in node.outputs}
    read = {name for node in body.nodes for name in (*node.inputs, *node.outer)} | set(body.outputs)
    return sorted(read - own - {port.name for port in body.inputs} - {""})


def _in_order(nodes: list[OnnxNode], known: set[str]) -> list[OnnxNode]:
    """Sort nodes so that each stands behind those that it reads from; they should be, and are not always."""
    made = {name: k for k, node in enumerate(nodes) for name in node.outputs if name}
    if len(made) != sum(bool(name) for node in nodes for name in node.outputs) or made.keys() & known:
        raise FileError("it is damaged (two nodes write the same value)")
    done: set[int] = set()
    order: list[OnnxNode] = []
    for start in range(len(nodes)):
        stack = [(start, iter(_before(nodes[start], made)))] if start not in done else []
        within = {start}
        while stack:
            k, left = stack[-1]
            for other in left:
                if other in within:
                    raise FileError(f"it is damaged ({nodes[other]} reads what it writes)")
                if other not in done:
                    within.add(other)
                    stack.append((other, iter(_before(nodes[other], made))))
                    break
            else:
                stack.pop()
                within.discard(k)
                done.add(k)
                order.append(nodes[k])
    return order


def _before(node: OnnxNode, made: dict[str, int]) -> list[int]:
    return [made[name] for name in (*node.inputs, *node.outer) if name in made]
