"""An ONNX graph as it is written: arrays by their names, nodes that make one of others, and the file's content.

A file says opset 17 and IR 8, which ONNX Runtime 1.17 reads (20 and 9 at most): what helpers of the package onnx write
unasked is newer than most runtimes. Few operators are used, and of each only what runtimes agree on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..extras import needed

OPSET, ML_OPSET, IR = 17, 3, 8
LARGEST = 2**31 - 2**20  # bytes: protobuf ends at 2 GiB
TEXT = np.dtype(object)
STEPS = "steps"  # what an open size of an input is called, besides its rows
#: TensorProto's numbers of types.
TYPES = {"float32": 1, "uint8": 2, "int32": 6, "int64": 7, "object": 8, "bool": 9, "float64": 11}
#: Operators that ONNX Runtime has in single precision alone: in a graph of doubles they stand between two casts.
SINGLE = {"AveragePool", "Conv", "Elu", "Erf", "GRU", "LSTM", "LeakyRelu", "MaxPool", "RNN", "Selu", "Softplus"}
TRUTHS = {"And", "Equal", "Greater", "GreaterOrEqual", "IsNaN", "Less", "LessOrEqual", "Not", "Or"}


def onnx() -> Any:
    """Import the package onnx. Raises ArgumentError that says how to get it."""
    return needed("onnx", "onnx", "an ONNX file")


class OnnxArray:
    """An array of the graph: what its name, type and shape are. A size that the file leaves open is None.

    Operators and comparisons write nodes, so that the text of a rule can be run on it (arrays.py).
    """

    __slots__ = ("dtype", "graph", "name", "shape")
    __hash__ = None  # type: ignore[assignment]  # == writes a node

    def __init__(self, graph: OnnxGraph, name: str, dtype: Any, shape: tuple[int | None, ...]) -> None:
        self.graph, self.name, self.dtype, self.shape = graph, name, np.dtype(dtype), shape

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def astype(self, dtype: Any) -> OnnxArray:
        """Cast it, if it is of another type."""
        dtype = np.dtype(dtype)
        return self if dtype == self.dtype else self.graph("Cast", self, dtype=dtype, to=TYPES[dtype.name])

    def __add__(self, v: Any) -> OnnxArray: return self.graph("Add", self, v)
    def __radd__(self, u: Any) -> OnnxArray: return self.graph("Add", u, self)
    def __sub__(self, v: Any) -> OnnxArray: return self.graph("Sub", self, v)
    def __rsub__(self, u: Any) -> OnnxArray: return self.graph("Sub", u, self)
    def __mul__(self, v: Any) -> OnnxArray: return self.graph("Mul", self, v)
    def __rmul__(self, u: Any) -> OnnxArray: return self.graph("Mul", u, self)
    def __truediv__(self, v: Any) -> OnnxArray: return self.graph("Div", self, v)
    def __rtruediv__(self, u: Any) -> OnnxArray: return self.graph("Div", u, self)
    def __pow__(self, n: Any) -> OnnxArray: return self.graph("Pow", self, n)
    def __neg__(self) -> OnnxArray: return self.graph("Neg", self)
    def __gt__(self, v: Any) -> OnnxArray: return self.graph("Greater", self, v)
    def __ge__(self, v: Any) -> OnnxArray: return self.graph("GreaterOrEqual", self, v)
    def __lt__(self, v: Any) -> OnnxArray: return self.graph("Less", self, v)
    def __le__(self, v: Any) -> OnnxArray: return self.graph("LessOrEqual", self, v)
    def __eq__(self, v: Any) -> Any: return self.graph("Equal", self, v)
    def __ne__(self, v: Any) -> Any: return self.graph("Not", self == v)
    def __and__(self, v: Any) -> OnnxArray: return self.graph("And", self, v)
    def __or__(self, v: Any) -> OnnxArray: return self.graph("Or", self, v)

    def __getitem__(self, key: Any) -> OnnxArray:
        return picked(self, key)

    def __repr__(self) -> str:
        return f"{self.name} {self.dtype} {self.shape}"


class OnnxGraph:
    """Nodes and constants, written one after the other.

    `scope` is the layer that is being written: its name stands before those of its nodes.
    """

    def __init__(self) -> None:
        self.onnx = onnx()
        self.nodes: list[Any] = []
        self.constants: dict[str, np.ndarray] = {}
        self.inputs: dict[str, tuple[OnnxArray, str]] = {}
        self.outputs: dict[str, tuple[OnnxArray, str]] = {}
        self.scope = ""
        self._names: dict[str, int] = {}  # how many others a name has behind it
        self._reserved: set[str] = set()
        self._alike: dict[tuple, str] = {}
        self._parameters: dict[str, np.ndarray] = {}
        self._reformed: dict[tuple[str, str], OnnxArray] = {}

    def free_name(self, wanted: str) -> str:
        """A name that no other array has: the one that is wanted, or with a number behind it."""
        name, count = wanted, self._names.get(wanted, 0)
        while name in self._names or name in self._reserved:
            count += 1
            name = f"{wanted}_{count + 1}"
        self._names[wanted] = count
        self._names.setdefault(name, 0)
        return name

    def reserve(self, names: Iterable[str]) -> None:
        """Keep names for outputs."""
        self._reserved.update(names)

    def input(self, name: str, dtype: Any, shape: tuple[int | None, ...], about: str) -> OnnxArray:
        array = OnnxArray(self, self.free_name(name), dtype, shape)
        self.inputs[array.name] = array, about
        return array

    def output(self, name: str, array: OnnxArray, about: str) -> None:
        """Let an array leave the graph under this name."""
        made = self("Identity", array)
        self._reserved.discard(name)
        self.outputs[self.renamed(made, name)] = made, about

    def constant(self, values: Any, dtype: Any = None, name: str = "constant") -> OnnxArray:
        """An array that is in the file; equal ones are there once."""
        array = np.asarray(values, dtype)
        array = np.ascontiguousarray(array.astype(TEXT) if array.dtype.kind == "U" else array).reshape(array.shape)
        content = tuple(array.ravel().tolist()) if array.dtype == TEXT else array.tobytes()
        key = array.dtype.name, array.shape, content, name
        if key not in self._alike:
            self._alike[key] = self.free_name(name)
            self.constants[self._alike[key]] = array
        return OnnxArray(self, self._alike[key], array.dtype, array.shape)

    def parameter(self, name: str, values: np.ndarray) -> OnnxArray:
        """A weight under its own name."""
        array = self.constant(values, name=name)
        self._parameters[array.name] = values
        return array

    def reformed(self, array: OnnxArray, form: str, change: Callable[[np.ndarray], np.ndarray]) -> OnnxArray | None:
        """A weight as ONNX has it, under the same name where it is used in this form alone; None for no weight."""
        values = self._parameters.get(array.name, self.constants.get(array.name))
        if values is None:
            return None
        if (array.name, form) not in self._reformed:
            used = any(name == array.name for name, _ in self._reformed) or any(
                array.name in node.input for node in self.nodes)
            changed = np.ascontiguousarray(change(values))
            name = array.name
            if used or name not in self._parameters:
                name = self.free_name(name)
            self.constants[name] = changed
            self._reformed[array.name, form] = OnnxArray(self, name, changed.dtype, changed.shape)
        return self._reformed[array.name, form]

    def __call__(self, op: str, *inputs: Any, dtype: Any = None, shape: tuple[int | None, ...] | None = None,
                 outputs: int = 1, domain: str = "", **settings: Any) -> Any:
        """Write a node: give the array that it makes, or several.

        Numbers among the inputs become constants of the type of the arrays beside them. dtype, shape: of what it makes,
        where these are not those of its inputs.
        """
        given = [a for a in inputs if isinstance(a, OnnxArray)]
        beside = next((a.dtype for a in given if a.dtype != bool), given[0].dtype if given else None)
        arrays = [a if a is None or isinstance(a, OnnxArray) else self._as_array(a, beside) for a in inputs]
        if op in SINGLE and beside == np.float64:
            single = [a.astype(np.float32) if a is not None and a.dtype == np.float64 else a for a in arrays]
            made = self(op, *single, shape=shape, outputs=outputs, domain=domain, **settings)
            several = made if isinstance(made, list) else [made]
            wide = [m.astype(np.float64) for m in several]
            return wide if outputs > 1 else wide[0]
        there = [a for a in arrays if a is not None]
        if dtype is None:
            dtype = bool if op in TRUTHS else there[1].dtype if op == "Where" else there[0].dtype
        shape = together(*(a.shape for a in there)) if shape is None else shape
        where = f"{self.scope}/" * bool(self.scope)
        made = [OnnxArray(self, self.free_name(f"{where}{op}"), dtype, shape) for _ in range(outputs)]
        self.nodes.append(self.onnx.helper.make_node(
            op, ["" if a is None else a.name for a in arrays], [m.name for m in made], name=made[0].name,
            domain=domain, **settings))
        return made if outputs > 1 else made[0]

    def _as_array(self, value: Any, beside: Any) -> OnnxArray:
        if isinstance(value, np.ndarray | np.generic):
            return self.constant(value)
        return self.constant(value, beside if isinstance(value, bool | int | float) else None)

    def renamed(self, array: OnnxArray, wanted: str) -> str:
        """Give the array that the last nodes made another name, in them alone."""
        old, new = array.name, self.free_name(wanted)
        for node in reversed(self.nodes):
            for k, name in enumerate(node.input):
                node.input[k] = new if name == old else name
            if old in node.output:
                node.output[list(node.output).index(old)] = new
                node.name = new if node.name == old else node.name
                break
        array.name = new
        return new

    # ---- the file ----------------------------------------------------------------------------------------------------
    def content(self, name: str, about: str, metadata: Mapping[str, str], version: str) -> bytes:
        """The whole file, checked. about: what the model is, for people. metadata: more about it, by key."""
        onnx, helper = self.onnx, self.onnx.helper
        nodes = self._needed()
        read = {name for node in nodes for name in node.input}
        kept = {name: a for name, a in self.constants.items() if name in read}
        if sum(a.nbytes for a in kept.values()) > LARGEST:
            raise ArgumentError("an ONNX file has room for 2 GB of weights, and this network has more")
        graph = helper.make_graph(
            nodes, name, [self._info(*entry, STEPS) for entry in self.inputs.values()],
            [self._info(*entry) for entry in self.outputs.values()],
            [onnx.numpy_helper.from_array(a, name) for name, a in kept.items()])
        domains = {node.domain for node in nodes}
        opsets = [helper.make_opsetid("", OPSET)]
        opsets += [helper.make_opsetid("ai.onnx.ml", ML_OPSET)] if "ai.onnx.ml" in domains else []
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR, producer_name="cutaway",
                                  producer_version=version, doc_string=about)
        helper.set_model_props(model, dict(metadata))
        onnx.checker.check_model(model, full_check=True)
        return model.SerializeToString()

    def _needed(self) -> list[Any]:
        """The nodes of which something comes out, in their order."""
        read, kept = {array.name for array, _ in self.outputs.values()}, []
        for node in reversed(self.nodes):
            if not read.isdisjoint(node.output):
                kept.append(node)
                read.update(node.input)
                for attribute in node.attribute:  # a body reads arrays around it
                    read.update(name for inner in attribute.g.node for name in inner.input)
        return kept[::-1]

    def _info(self, array: OnnxArray, about: str, open_size: str | None = None) -> Any:
        """Describe an input or output. Equal names of sizes say that these are equal: those of outputs have none."""
        sizes = named(array, open_size)
        return self.onnx.helper.make_tensor_value_info(array.name, TYPES[array.dtype.name], sizes, about)


def named(array: OnnxArray, open_size: str | None) -> list[int | str | None]:
    """The sizes of an array: "rows" where the first is open, a name for the others that are."""
    return [size if size is not None else "rows" if k == 0 else open_size for k, size in enumerate(array.shape)]


def together(*shapes: Sequence[int | None]) -> tuple[int | None, ...]:
    """What shapes broadcast to, as far as their sizes are known: an open one stays open, whatever it meets.

    >>> together((None, 1, 4), (3, 1)), together((), (None, 2))
    ((None, 3, 4), (None, 2))
    """
    longest = max((len(shape) for shape in shapes), default=0)
    aligned = [(1,) * (longest - len(shape)) + tuple(shape) for shape in shapes]
    found: list[int | None] = []
    for sizes in zip(*aligned, strict=True):
        larger = [size for size in sizes if size not in (1, None)]
        found.append(larger[0] if larger and None not in sizes else None if None in sizes else 1)
    return tuple(found)


def picked(x: OnnxArray, key: Any) -> OnnxArray:
    """Write x[key]: slices, whole numbers, None, an ellipsis, and one array of whole numbers. Others are refused."""
    g, keys = x.graph, list(key) if isinstance(key, tuple) else [key]
    keys = [np.asarray(k) if isinstance(k, list) else k for k in keys]
    taken = sum(k is not None and k is not Ellipsis for k in keys)
    if Ellipsis not in [k for k in keys if not isinstance(k, np.ndarray)]:
        keys.append(Ellipsis)
    at = next(i for i, k in enumerate(keys) if k is Ellipsis)
    keys[at : at + 1] = [slice(None)] * (x.ndim - taken)
    arrays = [k for k in keys if isinstance(k, np.ndarray)]
    whole = [k for k in keys if isinstance(k, int | np.integer)]
    if len(arrays) > 1 or (arrays and (whole or arrays[0].dtype.kind not in "iu")):
        raise ArgumentError(f"x[{key!r:.60}] picks by several arrays or by truth values, which has no ONNX node here: "
                            "pick along one axis at a time")
    axis = 0
    for k in keys:
        if k is None:
            x = g("Unsqueeze", x, np.array([axis]), shape=(*x.shape[:axis], 1, *x.shape[axis:]))
        elif isinstance(k, int | np.integer):
            x = g("Gather", x, np.array(int(k)), axis=axis, shape=(*x.shape[:axis], *x.shape[axis + 1 :]))
            axis -= 1
        elif isinstance(k, np.ndarray):
            x = g("Gather", x, k.astype(np.int64), axis=axis, shape=(*x.shape[:axis], *k.shape, *x.shape[axis + 1 :]))
            axis += k.ndim - 1
        elif k != slice(None):
            x = _sliced(x, k, axis)
        axis += 1
    return x


def _sliced(x: OnnxArray, cut: slice, axis: int) -> OnnxArray:
    step = 1 if cut.step is None else cut.step
    most = 2**31 - 1
    start = (0 if step > 0 else most) if cut.start is None else cut.start
    stop = (most if step > 0 else -most) if cut.stop is None else cut.stop
    size = x.shape[axis]
    size = None if size is None else len(range(*slice(cut.start, cut.stop, cut.step).indices(size)))
    return x.graph("Slice", x, *(np.array([int(v)]) for v in (start, stop, axis, step)),
                   shape=(*x.shape[:axis], size, *x.shape[axis + 1 :]))
