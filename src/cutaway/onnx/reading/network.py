"""OnnxNetwork: a graph from a file as a Module, its nodes called one after the other in Cutaway's operations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NoReturn

import numpy as np

from ... import changes
from ...autodiff import Tensor, apply, current_scope, ops, scope
from ...errors import ArgumentError, CutawayError, FileError, ShapeError
from ...nn import Buffer, Module, Parameter, init
from ...random import stream
from ...sequences import Sequences
from . import elementwise, layers, recurrent, shapes  # noqa: F401  they enter their rows into the table
from .file import GraphBody, OnnxInput, OnnxNode
from .folded import foldable, folded
from .table import call, known, row_of, why_not
from .values import Fixed, Turned, for_each_row

MOST_STEPS = 1000  # of a loop, which is written step by step
BODIES = ("If", "Loop")  # nodes with graphs within
OWN = ("", "_theta", "_evaluators", "_onnx")  # names that a module needs itself


@dataclass
class Content:
    """What of a file a network needs: nodes, numbers that are known, and which of its parameters each node has.

    rows_at: the axis of each input on which the rows lie. rows_in_file: how many the file says there are, if it does.
    free: what was tried along axes that it leaves open.
    """

    nodes: list[OnnxNode]
    fixed: dict[str, Fixed]
    inputs: list[OnnxInput]
    rows_at: list[int]
    output: str
    producer: str
    double: bool
    names: tuple[str, ...]
    classes: list[Any] | None = None
    gives: tuple[int, ...] = ()
    rows_in_file: int | None = None
    free: int = 1
    makers: dict[str, str] = field(default_factory=dict)
    layers: dict[str, str] = field(default_factory=dict)
    held: dict[tuple[str, str], tuple[str, bool]] = field(default_factory=dict)


class OnnxNetwork(Module):
    """A network that was read from an ONNX file: it predicts, trains on, and can be traced, explained and saved.

    Its parameters have the graph's names and lie as Cutaway's layers have them: filters with their channels last, a
    layer's weights a row for each neuron, recurrent gates in our order. Rows come first in what it takes and gives,
    whatever the graph has. It does what the graph does in evaluation: dropout rests, and batch norm uses the averages
    in the file, also when it is trained further.
    """

    def __init__(self, content: Content) -> None:
        self._onnx = content

    @property
    def embeds(self) -> bool:
        return any(port.kind == "i" for port in self._onnx.inputs)

    @property
    def dtype(self) -> np.dtype:
        own = next((p.dtype for _, p in self.named_parameters()), None)
        return np.dtype(np.float64 if self._onnx.double else np.float32) if own is None else own

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of all that the file gives: `ct.load(path, output=name)` reads the network up to another one."""
        return self._onnx.names

    @property
    def output(self) -> str:
        """The name of the value that the network gives."""
        return self._onnx.output

    @property
    def producer(self) -> str:
        """What wrote the file."""
        return self._onnx.producer

    @property
    def takes(self) -> list[tuple[str, str, tuple[Any, ...]]]:
        """Each input: its name, what numbers it holds, and its shape, rows first."""
        kinds = {"i": "whole numbers", "b": "truths"}
        return [(port.name, kinds.get(port.kind, "real numbers"),
                 ("rows", *(s or "any" for s in self.sample(port, at))))
                for port, at in zip(self._onnx.inputs, self._onnx.rows_at, strict=True)]

    @property
    def last(self) -> tuple[str, str]:
        """The type of the node that gives the output, and the name of what it reads."""
        n = next(n for n in self._onnx.nodes if self._onnx.output in n.outputs)
        return n.op, n.inputs[0]

    @property
    def gives(self) -> tuple[int, ...]:
        """The shape of what it gives for one row."""
        return self._onnx.gives

    @property
    def classes(self) -> list[Any] | None:
        """The names of the classes, where the file holds them."""
        return self._onnx.classes

    def forward(self, *inputs: Any, **named: Any) -> Tensor:
        found = Pass(self, self._given(inputs, named)).run()
        if not isinstance(found, Turned):
            raise FileError(f"the output {self._onnx.output!r} depends on no input")
        return found.plain() if found.rows_at == 0 else found.rows_first()

    def _given(self, inputs: tuple, named: dict[str, Any]) -> dict[str, Turned]:
        """Pair what comes in with the graph's inputs."""
        ports = self._onnx.inputs
        every = [part for x in inputs for part in ((x.values, x.lengths) if isinstance(x, Sequences) else (x,))]
        names = [port.name for port in ports]
        if named and not inputs and named.keys() == set(names):
            every = [named[name] for name in names]
        elif named or len(every) != len(ports):
            raise ArgumentError(f"this network takes {len(ports)} input{'s' * (len(ports) > 1)} ({', '.join(names)}), "
                                f"got {', '.join(named) or len(every)}")
        found = {}
        for port, at, x in zip(ports, self._onnx.rows_at, every, strict=True):
            rows_first = self.sample(port, at)
            if x.ndim != len(rows_first) + 1 or any(type(s) is int and s != got for s, got in
                                                    zip(rows_first, x.shape[1:], strict=True)):
                shown = ", ".join(["rows", *(str(s or "any") for s in rows_first)])
                raise ShapeError(f"this network takes {port.name} of shape ({shown}), got {x.shape}")
            if port.kind == "i" and x.dtype.kind not in "iu":
                raise ArgumentError(f"{port.name} must be whole numbers, got {x.dtype}: give an integer array")
            found[port.name] = Turned.with_rows_at(x, at)
        return found

    @staticmethod
    def sample(port: OnnxInput, at: int) -> tuple[int | str | None, ...]:
        """The sizes of one row of an input."""
        shape = port.shape or ()
        return (*shape[:at], *shape[at + 1 :])

    def example(self, free: int) -> Any:
        """Make two rows of input; free: how many there are along an axis that the file leaves open."""
        rng, parts = stream(0, "example"), []
        for port, at in zip(self._onnx.inputs, self._onnx.rows_at, strict=True):
            shape = (2, *(s if type(s) is int else free for s in self.sample(port, at)))
            parts.append(np.ones(shape, np.int32) * (len(shape) == 1) if port.kind == "i" else
                         rng.standard_normal(shape))
        return parts[0] if len(parts) == 1 else tuple(parts)

    def example_input(self) -> Any:
        """Make two rows of input, of the sizes that were tried when it was read."""
        return self.example(self._onnx.free)

    @property
    def fixed_sizes(self) -> bool:
        """Whether the file says all sizes but the number of rows."""
        pairs = zip(self._onnx.inputs, self._onnx.rows_at, strict=True)
        return all(type(s) is int for port, at in pairs for s in self.sample(port, at))

    def astype(self, dtype: Any) -> Module:
        super().astype(dtype)
        self._onnx.double = np.dtype(dtype) == np.float64
        return self

    def __repr__(self) -> str:
        c, count = self._onnx, sum(p.size for p in self.parameters())
        takes = ", ".join(port.name for port in c.inputs)
        by = f", written by {c.producer}" if c.producer else ""
        return f"OnnxNetwork({takes} -> {c.output}, {len(c.nodes)} nodes, {count:,} parameters{by})"


class Pass:
    """One way through the graph, and what a node's row may ask: its weights, its name, the type of numbers."""

    def __init__(self, network: OnnxNetwork, inputs: dict[str, Turned]) -> None:
        self.network, self.net, self.dtype = network, network._onnx, network.dtype
        self.values: dict[str, Any] = {**self.net.fixed, **inputs}
        self.rows = next((len(x.tensor.data) for x in inputs.values()), 0)
        self.base = current_scope()
        self.node = OnnxNode("", "", 0, "", [], [], {})

    def run(self) -> Any:
        self._nodes(self.net.nodes)
        return self.values[self.net.output]

    def _nodes(self, nodes: list[OnnxNode]) -> None:
        for n in nodes:
            self.node = n
            lacking = [name for name in n.inputs if name and name not in self.values]
            if lacking:
                raise FileError(f"it is damaged ({n} reads {lacking[0]!r}, which nothing writes)")
            inputs = [self.values[name] if name else None for name in n.inputs]
            if n.op in elementwise.PRODUCTS and isinstance(inputs[0], Fixed):  # states of zeros, which have rows
                inputs[0] = self.with_rows(inputs[0])
            if foldable(n, inputs):
                made: tuple[Any, ...] = folded(n, self, inputs)
            elif n.op in BODIES and not n.domain:
                made = self._branch(n, inputs[0]) if n.op == "If" else self._loop(n, inputs)
            else:
                made = self._called(n, inputs)
            self.values.update((name, v) for name, v in zip(n.outputs, made, strict=False) if name)

    def _called(self, n: OnnxNode, inputs: list[Any]) -> tuple[Any, ...]:
        try:
            with scope(self.where):
                made = call(n, self, inputs)
        except CutawayError as error:
            if str(n) in str(error):
                raise
            raise type(error)(f"{n}: {error}") from None
        except (TypeError, ValueError, IndexError, KeyError, AttributeError, ZeroDivisionError, OverflowError) as error:
            raise FileError(f"{n} cannot be read: {str(error)[:160] or type(error).__name__}") from None
        return made

    def with_rows(self, value: Fixed) -> Any:
        """Numbers that are the same for all rows of the batch, as a value with rows."""
        array, like = value.array, next(v for v in self.values.values() if isinstance(v, Turned))
        if value.weight or array.ndim < 2 or len(array) != self.rows or not (array == array[:1]).all():
            return value
        first = apply("real", like.tensor, Tensor(np.zeros((), self.dtype))) if like.whole else like.tensor
        return Turned(for_each_row(array[0].astype(self.dtype), first))

    def _branch(self, n: OnnxNode, test: Any) -> tuple[Any, ...]:
        """Go the way that a condition says, which must be known beforehand."""
        if not isinstance(test, Fixed):
            self.refuse("it chooses by the data what to run, and a program is the same for all rows")
        body: GraphBody = n.settings["then_branch" if test.array.all() else "else_branch"]
        return self._ran(body, [])

    def _loop(self, n: OnnxNode, inputs: list[Any]) -> tuple[Any, ...]:
        """Run a loop's steps one after the other, as many as are known beforehand; what each gives is put together."""
        most, going, *carried = inputs
        going = Fixed(np.array(True)) if going is None else going
        body: GraphBody = n.settings["body"]
        steps: list[list[Any]] = []
        while (most is None or len(steps) < int(known(self, most, "how often it runs"))) and bool(
                known(self, going, "whether it goes on").all()):
            if len(steps) == MOST_STEPS:
                self.node = n
                self.refuse(f"it runs more than {MOST_STEPS:,} times: export a recurrent layer as RNN, LSTM or GRU")
            going, *made = self._ran(body, [Fixed(np.array(len(steps), np.int64)), going, *carried])
            carried = made[: len(carried)]
            steps.append(made[len(carried) :])
        self.node = n
        return (*carried, *(self._stacked(list(parts)) for parts in zip(*steps, strict=True)))

    def _stacked(self, parts: list[Any]) -> Any:
        """Put the values of all steps along a new first axis of the graph."""
        if all(isinstance(part, Fixed) for part in parts):
            return Fixed(np.stack([part.array for part in parts]))
        order = next(part.order for part in parts if isinstance(part, Turned))
        if any(not isinstance(part, Turned) or part.order != order for part in parts):
            self.refuse("its steps give values of several kinds")
        with scope(self.where):
            return Turned(ops.stack([part.tensor for part in parts], axis=1), (1, *(a + (a > 0) for a in order)))

    def _ran(self, body: GraphBody, inputs: list[Any]) -> tuple[Any, ...]:
        """Run a graph within the graph: give its outputs."""
        around = self.values
        self.values = {**around, **{name: Fixed(a, name, True) for name, a in body.arrays.items()},
                       **{port.name: x for port, x in zip(body.inputs, inputs, strict=False)}}
        self._nodes(body.nodes)
        found = tuple(self.values[name] for name in body.outputs)
        self.values = around
        return found

    # ---- what rows ask for -------------------------------------------------------------------------------------------
    @property
    def layer(self) -> str:
        return self.net.layers.get(self.node.outputs[0], "") if self.node.outputs else ""

    @property
    def where(self) -> str:
        return ".".join(filter(None, (self.base, self.layer)))

    @property
    def ours(self) -> bool:
        """Whether ct.export wrote the file: its scans have one row more, for some runtimes (onnx/recurrent.py)."""
        return self.net.producer.startswith("cutaway")

    def refused(self, text: str) -> FileError:
        return FileError(text)

    def refuse(self, why: str) -> NoReturn:
        raise FileError(f"{self.node}: {why}")

    def real(self, x: Tensor) -> Tensor:
        """Whole numbers as real ones; others as they are."""
        return apply("real", x, Tensor(np.zeros((), self.dtype))) if x.dtype.kind in "iub" else x

    def made_by(self, k: int) -> str:
        """The type of the node that made the k-th input."""
        names = self.node.inputs
        return self.net.makers.get(names[k], "") if 0 <= k < len(names) else ""

    def weight(self, value: Any, role: Any, change: Callable[[np.ndarray], np.ndarray] | None = None,
               ending: str = "") -> Tensor:
        """The parameter that numbers of the file are, in the form that `change` gives them. Equal ones of one name are
        one parameter, turned where it must be."""
        key = self.node.outputs[0], str(role)
        if key not in self.net.held:
            self.net.held[key] = self._kept(value, change, ending, Parameter)
        name, turned = self.net.held[key]
        found = vars(self.network)[name]
        return ops.permute(found, 1, 0) if turned else found

    def buffer(self, value: Any, role: str) -> Tensor:
        """Numbers of the file that training leaves as they are."""
        key = self.node.outputs[0], role
        if key not in self.net.held:
            self.net.held[key] = self._kept(value, None, "", Buffer)
        return vars(self.network)[self.net.held[key][0]]

    def _kept(self, value: Any, change: Any, ending: str, kind: type) -> tuple[str, bool]:
        if not isinstance(value, Fixed):
            self.refuse("its weights are computed from the data")
        array = np.array(value.array if change is None else change(value.array), self.dtype, order="C")
        own, name = vars(self.network), readable(value.name or self.node.outputs[0]) + ending
        name = f"{name}_" if name in OWN or hasattr(Module, name) else name
        count, wanted = 1, name
        while name in own:
            if isinstance(own[name], kind):
                if own[name].shape == array.shape and np.array_equal(own[name].data, array):
                    return name, False
                if array.ndim == 2 and own[name].shape == array.shape[::-1] and np.array_equal(own[name].data, array.T):
                    return name, True
            count += 1
            name = f"{wanted}_{count}"
        if kind is Parameter:
            t: Any = Parameter(array.shape, init.zeros)
            t.init, t.learnt = partial(_unknown, name), True
        else:
            t = Buffer(array)
        t.data = array
        own[name] = t
        changes.note()
        return name, False


def _unknown(name: str, rng: Any, shape: tuple[int, ...]) -> np.ndarray:
    raise ArgumentError(f"how {name} was drawn before training is not in its ONNX file: build the network of ct.nn "
                        "layers to draw its weights anew")


def readable(name: str) -> str:
    """A name that people can read, in files and listings."""
    return "".join(c if c.isprintable() else "?" for c in name)[:200]


# ---- before the first pass -------------------------------------------------------------------------------------------


def needed(nodes: list[OnnxNode], output: str) -> list[OnnxNode]:
    """The nodes of which the output is made."""
    read, kept = {output}, []
    for n in reversed(nodes):
        if not read.isdisjoint(n.outputs):
            kept.append(n)
            read.update((*n.inputs, *n.outer))
    return kept[::-1]


def prepared(content: Content) -> None:
    """Work out what is known beforehand, join each product with the bias behind it, and name the layers.

    Raises FileError for a node that cannot be read.
    """
    nodes: list[OnnxNode] = []
    at = Pass(OnnxNetwork(content), {})
    for n in content.nodes:
        inputs = [content.fixed.get(name) if name else None for name in n.inputs]
        known = all(v is not None for v, name in zip(inputs, n.inputs, strict=True) if name)
        if known and foldable(n, inputs):
            made = folded(n, at, inputs)
            content.fixed.update((name, v) for name, v in zip(n.outputs, made, strict=False) if name)
        else:
            nodes.append(n)
    every = [*nodes, *(inner for n in nodes for inner in _inside(n))]
    lacking = [n for n in every if n.op not in BODIES and not row_of(n) and not foldable(n, [])]
    if lacking:
        others = len({(n.domain, n.op) for n in lacking}) - 1
        raise FileError(why_not(lacking[0]) + (f". It has {others} more type{'s' * (others > 1)} of nodes that are not "
                                               "read" if others else ""))
    _without_tests_of_codes(nodes, content)
    content.nodes = _with_biases(nodes, content)
    content.makers = {name: n.op for n in content.nodes for name in n.outputs}
    content.layers = _layers(content)


def _inside(n: OnnxNode) -> list[OnnxNode]:
    """List the nodes of the graphs within a node."""
    bodies = [value for value in n.settings.values() if isinstance(value, GraphBody)]
    return [found for body in bodies for inner in body.nodes for found in (inner, *_inside(inner))]


def _without_tests_of_codes(nodes: list[OnnxNode], content: Content) -> None:
    """Take it that whole numbers which are looked up are none below zero: they would be refused there. Keras counts
    such ones from a table's end."""
    whole = {port.name for port in content.inputs if port.kind == "i"}
    whole |= {n.outputs[0] for n in nodes if n.op == "Cast" and n.inputs[0] in whole}
    if not any(n.op == "Gather" and n.inputs[0] in content.fixed for n in nodes):
        return
    for n in [n for n in nodes if n.op == "Less" and n.inputs[0] in whole and n.inputs[1] in content.fixed]:
        if not content.fixed[n.inputs[1]].array.any():
            content.fixed[n.outputs[0]] = Fixed(np.array(False))
            nodes.remove(n)


def _with_biases(nodes: list[OnnxNode], content: Content) -> list[OnnxNode]:
    """Give a product the bias that is added behind it, where nobody else reads it."""
    readers = Counter(name for n in nodes for name in (*n.inputs, *n.outer))
    made = {n.outputs[0]: n for n in nodes if n.op == "MatMul" and len(n.inputs) == 2 and n.inputs[1] in content.fixed}
    kept = []
    for n in nodes:
        for product, bias in ((n.inputs[:2]), (n.inputs[1::-1])) if n.op == "Add" and len(n.inputs) == 2 else ():
            b, source = content.fixed.get(bias), made.get(product)
            if b is None or source is None or readers[product] != 1 or product == content.output:
                continue
            W = content.fixed[source.inputs[1]]
            if W.ndim == 2 and b.array.dtype.kind == "f" and b.array.size == W.shape[1] == (b.shape or (1,))[-1]:
                source.inputs, source.outputs = [*source.inputs, bias], list(n.outputs)
                break
        else:
            kept.append(n)
    return kept


def _layers(content: Content) -> dict[str, str]:
    """Name each node for listings: after its weights, as in "fc1", else as it is called."""
    found: dict[str, str] = {}
    for k, n in enumerate(content.nodes):
        weights = [content.fixed[name].name for name in n.inputs if name in content.fixed
                   and content.fixed[name].weight and content.fixed[name].array.dtype.kind == "f"]
        owner = next((w.rpartition(".")[0] for w in weights if w.rpartition(".")[0]), "")
        own = n.name.strip("/").removesuffix(f"/{n.op}")
        found[n.outputs[0]] = readable((owner or own or f"{n.op.lower()}{k + 1}").replace("/", "."))
    return found
