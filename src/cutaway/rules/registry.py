"""The table of operations: every rule by name, with what its two functions read and write, and what it is.

Shapes of operands and results are written in letters; equal letters are equal sizes. `?`: it may be missing.

    (n, k)     one row for each sample, of k numbers          (n*r, k)   the same for r rows a sample, along any sizes
    (m, k)     no samples: the whole batch has one            (n, *m)    any sizes, m numbers in all
    [n*m]      m numbers a sample, in whatever shape          4k         four times k
    (..., k)   any number of sizes, with or without samples
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property
from types import FunctionType
from typing import Any

import numpy as np

from ..errors import ArgumentError
from .namespace import xp

OPS: dict[str, Op] = {}
KINDS = ("array", "elementwise", "view")


@dataclass(frozen=True, eq=False)
class Op:
    """An operation: its formula, its forward rule, beside it in the same file `<name>_back`, and its facts.

    Who runs, checks, draws or explains operations asks for a fact, never for a name. Most are for "array" rules: one
    that works value by value says nearly everything by its two functions.

    kind: "elementwise" rules work value by value and become fused loops; "array" rules need whole arrays;
          "view" rules only give the same values another shape.
    shapes: of inputs and outputs, in letters. Other shapes, if NumPy broadcasts them, run by the rule alone. Where more
            is made of inputs than what they broadcast to, a third function says it, `<name>_shape` (`result_shapes`).
    reduces_batch: the outputs mix rows, so one thread computes them over the whole batch. spreads: its backward rule
                   does not, and gives each row its own from the gradient of all.
    absent_gradients: backward takes None for an output from which no gradient comes (others get zeros).
    overwrites: which output may take the memory of which input, by their names (elementwise rules need not say it).
    whole: inputs that stay whole numbers, as every input called `lengths` does; others become real ones.
    picks: whole numbers that pick along an axis of another input: their name, that input's, and the axis.
    shared: inputs of which any row of the others may read any row, such as a table in which they look something up.
    fixed: inputs of which a derivative exists that the backward rule does not give: nothing that trains may be one.
    sums: of a scan, which goes along the steps of its first input u (n, time, ...) one after the other: the sums
          u + W h + b of a unit, each with its letter and the name of its gate.
    products: the two operands whose products it adds up; each output takes a row of W.
    rounds: these products, and those of its backward rule, may be of factors rounded to bf16: both multiply by
            xp.matmul, and only what may be rounded.
    windows: it looks at a window at every place, as its settings say.
    reduces: it makes one number of many along an axis.
    linear: groups of operands, as "x b, W b": linear in those of a group together, while the others stay.
    moves: its numbers are those of its inputs, at other places. passes: each number is its input's own, or dropped.
    keeps: "channels", "places" or both: a number is made only of those of its own channel, or its own place.
    normalises: it brings numbers to mean 0 and deviation 1.
    activates: it is an activation function, or what a network may end with; unless said, what calls its output a.
    units: what has the weights, in a word: neuron, filter or cell.
    slope: the derivative in the formula's letters, where the backward rule says more than is needed; by operand, or for
           all of them. Of a scan: what a gate's sum, or a state before, does to the state that it goes into.
    kink: a function of operands, results and settings by name, whose array changes where the derivative jumps; or True:
          the places that get a gradient change there.
    applies: links that a loss applies itself.
    title: what people call it. sign: what stands for it between two operands.
    """

    name: str
    formula: str
    forward: FunctionType
    kind: str = "array"
    _: KW_ONLY
    shapes: str = ""
    reduces_batch: bool = False
    spreads: bool = False
    absent_gradients: bool = False
    overwrites: Mapping[str, str] = field(default_factory=dict)
    whole: tuple[str, ...] = ()
    picks: tuple[str, str, int] | None = None
    shared: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    sums: Mapping[str, str] = field(default_factory=dict)
    products: tuple[str, str] | None = None
    rounds: bool = False
    windows: bool = False
    reduces: bool = False
    linear: str = ""
    moves: bool = False
    passes: bool = False
    keeps: str = ""
    normalises: bool = False
    activates: bool | None = None
    units: str = ""
    slope: str | Mapping[str, str] = ""
    kink: Callable[..., Any] | bool = False
    applies: tuple[str, ...] = ()
    title: str = ""
    sign: str = ""

    def __post_init__(self) -> None:
        """Fill in what follows from the kind of rule, where nothing else is said."""
        alone = self.kind == "elementwise"
        said = {"keeps": self.keeps or "channels places" * alone, "title": self.title or self.name.replace("_", " "),
                "activates": self.activates or (self.activates is None and alone and self.outputs == ("a",))}
        vars(self).update(said)

    @cached_property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs: the formula's left-hand side."""
        return tuple(part.strip() for part in self.formula.split("=")[0].split(","))

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
        return tuple(p.name for p in inspect.signature(self.forward).parameters.values() if p.kind in kinds)

    @cached_property
    def variadic(self) -> bool:
        """True for an operation of any number of inputs, such as concat."""
        return bool(self.forward.__code__.co_flags & inspect.CO_VARARGS)

    def keeps_whole(self, k: int) -> bool:
        """Whether input number k stays whole numbers."""
        return not self.variadic and self.inputs[k] in (*self.whole, "lengths")

    @cached_property
    def attributes(self) -> tuple[str, ...]:
        """Names of the settings (keyword-only arguments): shapes, rates, never arrays."""
        code = self.forward.__code__
        return code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]

    @property
    def ours(self) -> bool:
        """Whether it is one of Cutaway's rules, and not one of the reader's own."""
        return self.forward.__module__.startswith(__package__ + ".")

    @cached_property
    def backward(self) -> FunctionType | None:
        """`<name>_back` from the same file, or None where an operation has no derivative."""
        return getattr(sys.modules[self.forward.__module__], f"{self.name}_back", None)

    @cached_property
    def _backward_arguments(self) -> tuple[str, ...]:
        if self.backward is None:
            return ()
        parameters = inspect.signature(self.backward).parameters.values()
        return tuple(p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD)

    @cached_property
    def backward_attributes(self) -> tuple[str, ...]:
        """The settings that the backward rule takes too."""
        if self.backward is None:
            return ()
        code = self.backward.__code__
        return code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]

    @cached_property
    def differentiable(self) -> tuple[str, ...]:
        """The outputs whose gradient the backward rule takes (softmax beside cross-entropy is not one)."""
        return tuple(o for o in self.outputs if "d" + o in self._backward_arguments)

    @cached_property
    def needs(self) -> tuple[str, ...]:
        """What the backward rule names besides gradients: values to keep, and `<input>_shape` for shapes alone."""
        gradients = {"d" + o for o in self.outputs}
        return tuple(a for a in self._backward_arguments if a not in gradients)

    @cached_property
    def _named(self) -> tuple[str, ...]:
        return self.inputs + self.outputs

    @cached_property
    def _needed(self) -> tuple[tuple[str, bool], ...]:
        """What the backward rule needs besides gradients: the value's name, and whether its shape alone."""
        return tuple((name, False) if name in self._named else (name.removesuffix("_shape"), True)
                     for name in self.needs)

    def by_name(self, inputs: Iterable[Any], outputs: Iterable[Any]) -> dict[str, Any]:
        """Name inputs and outputs as the rule does; any number of inputs are one tuple."""
        parts = (tuple(x for x in inputs if x is not None),) if self.variadic else inputs
        return dict(zip(self._named, (*parts, *outputs), strict=True))

    def backward_arguments(self, values: Mapping[str, Any], gradients: Mapping[str, Any],
                           shape: Callable[[Any], Any] = np.shape) -> tuple[Any, ...]:
        """Collect the backward rule's arguments, in order: gradients of outputs, then the values and shapes it names.

        values: inputs and outputs by name (`by_name`). gradients: by their outputs' names. shape: gives a value's.
        """
        found = [gradients[name] for name in self.differentiable]
        for name, shape_alone in self._needed:
            v = values[name]
            if shape_alone and v is not None:
                v = tuple(map(shape, v)) if isinstance(v, tuple) else shape(v)
            found.append(v)
        return tuple(found)

    def call_backward(self, values: Mapping[str, Any], gradients: Mapping[str, Any],
                      settings: Mapping[str, Any]) -> tuple[Any, ...]:
        """Compute the gradients of the inputs, in their order, from arrays as `backward_arguments` takes them."""
        assert self.backward is not None
        own = {name: settings[name] for name in self.backward_attributes}
        results = self.backward(*self.backward_arguments(values, gradients), **own)
        return results if isinstance(results, tuple) else (results,)

    def named(self, arguments: Sequence[Any], writes: Sequence[Any],
              backward: bool) -> tuple[dict[str, Any], dict[str, Any]]:
        """Name what one run of the rule reads and what it writes: x, W, b and z; backward dz, x, W and dx, dW, db.

        Any number of inputs are x1, x2, ...
        """
        gradients = [f"d{o}" for o in self.differentiable]
        reads, made = [*self.inputs], [*self.outputs]
        if backward:
            reads, made = [*gradients, *self.needs], [f"d{name}" for name in self.inputs]
        if self.variadic:  # a backward rule of many inputs names nothing but their shapes, all together
            parts = arguments[-1] if backward else arguments
            each = [f"{self.inputs[0]}{k + 1}" for k in range(len(parts))]
            if backward:
                arguments, made = [*arguments[:-1], *parts], [f"d{name}" for name in each]
                each = [*gradients, *(f"{name}_shape" for name in each)]
            reads = each
        return dict(zip(reads, arguments, strict=False)), dict(zip(made, writes, strict=False))

    def refuses(self, wanted: list[bool]) -> str | None:
        """Say why no gradient can flow back to the inputs that want one; None where it can."""
        if self.backward is None:
            return f"{self.name} has no derivative, but a gradient must flow through it"
        for name, wants in zip(self.inputs, wanted, strict=False):
            if wants and name in self.fixed:
                return (f"{self.name} ({self.formula}) takes {name} as fixed numbers, but this {name} depends on "
                        "something that trains, which would get no gradient: give plain numbers, or write it in ct.ops")
        return None

    def outline(self, *arguments: Any, **attributes: Any) -> Any:
        """Run forward for its shapes alone: a scan takes only one step, as all steps are alike."""
        u, *others = arguments
        if not self.sums or u.ndim != 3:
            return self.forward(*arguments, **attributes)
        made = self.forward(u[:, :1], *others, **attributes)
        return tuple(xp.broadcast_to(a, (*u.shape[:2], *a.shape[2:])) if a.ndim == 3 else a for a in made)

    def result_shapes(self, *shapes: tuple[int, ...] | None, **settings: Any) -> list[tuple[int, ...]]:
        """Compute the largest shapes of the results for inputs of these shapes, before the rule runs on unchecked data.

        Those of `<name>_shape` (of a scan one step's); else what the inputs broadcast to, beside those in brackets,
        whose numbers only change their shape. Raises ValueError or IndexError where they do not fit each other.
        """
        own = getattr(sys.modules[self.forward.__module__], f"{self.name}_shape", None)
        if own is not None:
            found = own(*shapes, **settings)
            return found if isinstance(found, list) else [found]
        in_brackets = re.findall(r"(\w+)\??(?: \w+)? \[", self.shapes)
        given = {name: shape for name, shape in zip(self.inputs, shapes, strict=False) if shape is not None}
        apart = [shape for name, shape in given.items() if name in in_brackets]
        return [together(*(shape for name, shape in given.items() if name not in in_brackets)), *apart]

    def linear_with(self, operand: str) -> list[str]:
        """The operands in which the operation is linear together with this one; none where it is not linear here."""
        groups = (group.split() for group in self.linear.split(","))
        return next((group for group in groups if operand in group), [])

    def slope_by(self, operand: str) -> str:
        """The operation's own words for the derivative by an operand, or "" where it has none."""
        return self.slope if isinstance(self.slope, str) else self.slope.get(operand, "")

    @property
    def takes(self) -> str:
        """The shapes of its inputs, for people: "x (..., k), W (m, k), b (m)"."""
        rounded = re.findall(r"(\w+)\??(?: \w+)? \((.*?)\)", self.shapes)
        said = ((name, ", ".join("..." if set("*.") & set(size) else size for size in inside.split(", ")))
                for name, inside in rounded if name in self.inputs)
        return ", ".join(f"{name} ({inside})" for name, inside in said)

    def __repr__(self) -> str:
        return f"<rule {self.name}: {self.formula}>"


#: instructions that engines run themselves
ENGINES_OWN = ("batch", "gather", "store", "fill", "assign", "check", "schedule", "prepare", "clip_norm", "clip_value",
               "l1_gradient", "l2_gradient", "optimizer", "average_weights")


def rule(formula: str, kind: str = "array", **facts: Any):
    """Enter a forward rule into the table, with its facts (see Op). The formula's left-hand side names the outputs."""

    def register(forward: FunctionType) -> FunctionType:
        name = forward.__name__.rstrip("_")
        if name in ENGINES_OWN:
            raise ArgumentError(f"no rule can be called {name!r}: programs have an instruction of that name")
        if kind not in KINDS:
            raise ArgumentError(f"rule {name!r}: no kind is called {kind!r}: use one of {', '.join(KINDS)}")
        if name in OPS and OPS[name].ours and not forward.__module__.startswith(__package__ + "."):
            raise ArgumentError(f"Cutaway has a rule called {name!r}, which networks count on: take another name")
        OPS[name] = Op(name, formula, forward, kind, **facts)
        return forward

    return register


#: the row of an instruction that no rule stands for
NOTHING = Op("", "", lambda: None)  # type: ignore[arg-type]


def facts(op: str) -> Op:
    """The row of an operation by its name; an empty one for an engine's own instruction."""
    return OPS.get(op, NOTHING)


def together(*shapes: tuple[int, ...] | None) -> tuple[int, ...]:
    """Compute what all shapes together broadcast to; an operand that is not there has None."""
    return np.broadcast_shapes(*(shape for shape in shapes if shape is not None))
