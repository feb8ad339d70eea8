"""Module: something with parameters and a forward. Parameters live in one flat block; each weight is a view into it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .. import changes, habits, memory
from ..arguments import whole_numbers
from ..autodiff import Tensor, current_scope, scope
from ..errors import ArgumentError, ShapeError
from ..named_inputs import NamedInputs
from ..random import stream
from ..sequences import Sequences, ragged_to_sequences
from ..shown import VIEWS, Picture, Preformatted, Shown, shown_parts
from .layout import StateDict, arrays_of
from .parameter import Parameter
from .tree import KEPT, Tree, details

WHOLE = (int, np.integer)
FEW = 8  # rows for which predict has a program of its own, on one thread

NUMBERED = re.compile(r"layer\d+|rnn|lstm|gru")  # names of layers that are no attributes: of Sequential and LastState


@dataclass
class Mode:
    """What layers that differ in training need to know: the seed and the step's number (both from fit, or yours)."""

    seed: int
    step: int
    calls: int = 0

    def next_call(self) -> int:
        """Count this use of chance within the forward pass; give its number."""
        self.calls += 1
        return self.calls


@dataclass
class _Pass:
    """One forward pass of an outermost module: its modules' names, and how often each ran."""

    names: dict[int, str]
    ran: dict[int, int] = field(default_factory=dict)


_mode: ContextVar[Mode | None] = ContextVar("mode", default=None)
_pass: ContextVar[_Pass | None] = ContextVar("pass", default=None)


def training_mode() -> Mode | None:
    """The training mode in force, or None while evaluating."""
    return _mode.get()


class Module(Tree, Shown):
    """A layer or network. Subclasses set parameters, buffers and modules as attributes and define forward(self, x).

    >>> import cutaway as ct
    >>> class Skip(ct.nn.Module):
    ...     def __init__(self, width):
    ...         self.inner = ct.nn.Linear(width, width)
    ...     def forward(self, x):
    ...         return x + ct.ops.tanh(self.inner(x))
    >>> net = Skip(3)
    >>> net([[1.0, 2.0, 3.0]]).shape
    (1, 3)
    >>> [name for name, _ in net.named_parameters()]
    ['inner.weight', 'inner.bias']
    """

    timewise = False  # whether Sequences pass through step by step, so that forward sees their values alone
    refuses = ""  # why this layer cannot take Sequences

    def __new__(cls, *given: Any, **named: Any) -> Any:
        if (given or named) and cls.__init__ is object.__init__:  # which would take anything
            habits.refuse_all(cls.__name__, given, named)
        if not habits.KEYWORDS.keys().isdisjoint(named):
            taken = inspect.signature(cls.__init__).parameters
            if not any(p.kind is p.VAR_KEYWORD for p in taken.values()):
                habits.check_keywords(cls.__name__, named, taken)
        return super().__new__(cls)

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(vars(self).get(name), Parameter) and not isinstance(value, Tensor | None):
            raise ArgumentError(
                f"{type(self).__name__}.{name} is a parameter, and {type(value).__name__} is none: write "
                f"{name}.data[...] = values, {name} = ct.nn.Parameter(values), or load_state_dict for several"
            )
        super().__setattr__(name, value)
        changes.note()

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        changes.note()

    def __getattr__(self, name: str) -> Any:
        """Find a layer by the name that its parameters carry: net.layer1; else say what may have been meant."""
        if NUMBERED.fullmatch(name):
            for key, child in self.children():
                if key == name:
                    return child
        raise habits.UnknownName(
            type(self).__name__, name, habits.MODULE,
            lambda: (*vars(self), *dir(type(self)), *(key for key, _ in self.children())),
        )

    def forward(self, *inputs: Any, **named: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define forward(self, x)")

    def __call__(self, *inputs: Any, **named: Any) -> Any:
        """Evaluate eagerly: arrays or Tensors in, a Tensor out."""
        running = _pass.get()
        if running is not None:
            name = running.names.get(id(self), type(self).__name__)
            count = running.ran[id(self)] = running.ran.get(id(self), 0) + 1
            with scope(name if count == 1 or not self.owns_parameters() else f"{name}@{count}"):
                return self._run_forward(*inputs, **named)
        mode = _mode.get()
        if mode is not None:
            mode.calls = 0
        token = _pass.set(_Pass({id(m): name for name, m in reversed(list(self.named_modules()))}))
        try:
            with scope(""):
                return self._run_forward(*map(self.as_input, inputs), **{k: self.as_input(v) for k, v in named.items()})
        finally:
            _pass.reset(token)

    def _run_forward(self, *inputs: Any, **named: Any) -> Any:
        """Call forward, with Sequences as this kind of layer takes them."""
        if not inputs or not isinstance(inputs[0], Sequences):
            return self.forward(*inputs, **named)
        x, *others = inputs
        if self.refuses:
            where = f"{current_scope()} " if current_scope() else ""
            raise ArgumentError(f"{where}({self!r}) takes no Sequences: {self.refuses}")
        if self.timewise:
            return x.with_values(self.forward(x.values, *others, **named))
        return self.forward(*inputs, **named)

    def as_input(self, x: Any) -> Any:
        """Turn an array into a Tensor that this model takes: in its precision, integers only where they are embedded.

        Sequences become Sequences of Tensors.
        """
        if _only_tensors(x):
            return x
        x = ragged_to_sequences(x)
        if isinstance(x, Sequences):
            lengths = x.lengths if isinstance(x.lengths, Tensor) else Tensor(whole_numbers("lengths", x.lengths))
            return Sequences(self.as_input(x.values), lengths)
        array = np.asarray(x)
        if array.dtype.kind in "iu" and self.takes_integers():
            return Tensor(whole_numbers("the network's input", array))
        if array.dtype.kind not in "fiub":
            raise ArgumentError(f"a network takes numbers, not an array of {array.dtype}: encode text and dates first")
        return Tensor(array.astype(self.dtype))

    def takes_integers(self) -> bool:
        return any(getattr(m, "embeds", False) for _, m in self.named_modules())

    @contextmanager
    def training(self, seed: int = 0, step: int = 1):
        """Switch dropout and batch norm on in the block. (seed, step) choose dropout's masks, as they do in fit."""
        mode = Mode(seed, step)
        token = _mode.set(mode)
        try:
            yield mode
        finally:
            _mode.reset(token)

    # ---- the flat block --------------------------------------------------------------------------------------------
    @property
    def theta(self) -> np.ndarray:
        """All parameters as one flat vector θ (shared, not copied): assign `model.theta[:] = ...`."""
        parameters = [t for t in self.check_numbers() if isinstance(t, Parameter)]
        dtype = parameters[0].dtype if parameters else self.dtype
        block = getattr(self, "_theta", None)
        if block is None or any(p.data.base is not block.base for p in parameters) or block.dtype != dtype:
            size = sum(p.size for p in parameters)
            block = memory.aligned((size,), dtype)
            at = 0
            for p in parameters:
                block[at : at + p.size] = p.data.ravel()
                p.data = block[at : at + p.size].reshape(p.shape)
                at += p.size
            self._theta = block
        return block

    @theta.setter
    def theta(self, values: np.ndarray) -> None:
        self.theta[...] = values

    @property
    def grad(self) -> np.ndarray:
        """All gradients as one flat vector, zero where a parameter has none yet."""
        parts = [np.zeros(p.size, p.dtype) if p.grad is None else p.grad.ravel() for p in self.parameters()]
        return np.concatenate(parts) if parts else np.zeros(0, self.dtype)

    def zero_grad(self) -> None:
        for p in self.parameters():
            p.grad = None

    def eval(self) -> Module:
        """Give back this network, which evaluates unless ct.fit trains it or it is inside `training(...)`."""
        return self

    cpu = eval

    def to(self, where: Any) -> Module:
        """Give back this network for "cpu"; change its precision in place for "float32" or "float64"."""
        if str(where) == "cpu":
            return self
        if str(where).split(":")[0] in ("cuda", "mps", "gpu", "xpu"):
            raise ArgumentError(f"there is no device {where}: {habits.CPU}")
        return self.astype(str(where).removeprefix("torch."))

    def float(self) -> Module:
        return self.astype("float32")

    def double(self) -> Module:
        return self.astype("float64")

    def modules(self) -> Iterator[Module]:
        """Give every module below this one, and this one first."""
        return (module for _, module in self.named_modules())

    def init(self, seed: int) -> Module:
        """Draw every parameter anew from (seed, its name), and put buffers back to their start."""
        for name, p in self.named_parameters():
            p.data[...], p.learnt = p.init(stream(seed, "weights", name), p.shape), False
        for _, b in self.named_buffers():
            if not b.found:
                b.data[...] = b.start
        return self

    def astype(self, dtype: Any) -> Module:
        """Change the precision of parameters and buffers, in place: "float32" or "float64"."""
        dtype = np.dtype(dtype)
        if dtype not in (np.float32, np.float64):
            raise ArgumentError(f'astype takes "float32" or "float64", got {dtype}')
        for _, t in [*self.named_parameters(), *self.named_buffers()]:
            t.data = t.data.astype(dtype)
        return self

    def state_dict(self) -> dict[str, np.ndarray]:
        """Copy every parameter and buffer, by name."""
        return StateDict({name: t.data.copy() for name, t in [*self.named_parameters(), *self.named_buffers()]})

    def load_state_dict(self, state: Any, layout: str | None = None, channels: dict[str, int] | None = None) -> None:
        """Copy values in by name. Nothing changes unless every name and shape fits.

        state: arrays by name, NumPy's or PyTorch's; a PyTorch or Keras network; or a file of them, .safetensors, .npz,
        .weights.h5 or .keras (the last two take `pip install "cutaway[keras]"`). layout: "torch" for weights of a
        PyTorch network built alike: layers are paired by name, else in order, filters (out, in, h, w) turned, and the
        columns of a Linear behind Flatten sorted anew, since images have their channels first there. Where a forward
        of your own flattens images, channels={"fc": 64} says how many they had ({"fc": 0}: none). "keras" for those of
        Keras, get_weights() too: layers are paired by shapes and numbers, kernels turned, gates reordered
        (docs/layouts.md). "cutaway": as state_dict() gives them. None: taken as ours, and refused or doubted where they
        look like PyTorch's. Raises ArgumentError or ShapeError, with what was wanted and found, for what does not fit
        or could be meant in two ways, and FileError for a file that cannot be read.
        """
        state, own = arrays_of(self, state, layout, channels), dict([*self.named_parameters(), *self.named_buffers()])
        for name, t in own.items():
            t.data[...] = state[name]
            if isinstance(t, Parameter):
                t.learnt = True

    def decays(self, opt: Any) -> np.ndarray:
        """Give for each weight of θ 1 where the optimizer's weight decay applies, 0 where it is exempt or frozen."""
        flags = [np.full(p.size, float(p.requires_grad and opt.decays(p.shape)), p.dtype) for p in self.parameters()]
        return np.concatenate(flags) if flags else np.zeros(0)

    # ---- using it --------------------------------------------------------------------------------------------------
    def predict(self, X: Any, batch_size: int = 1024, engine: str = "cpu", threads: int | None = None,
                device: str | None = None) -> np.ndarray:
        """Compute raw outputs for every row of X, as the loss takes them: by the compiled evaluation, in batches.

        batch_size: the most rows at a time; fewer where they would need more than 32 MB, but 64 up to a gigabyte.
        threads: None chooses by the size of a batch. device: of engine="xla", as ct.fit takes it. Raises ShapeError or
        ArgumentError for an X that does not fit the network, and ResourceError where memory cannot be had.
        """
        X = NamedInputs.of(X)
        step = X.step
        if step is not None:
            some = min(batch_size, step)  # so that no batch is larger than what is made at a time
            parts = (X[start : start + step] for start in range(0, len(X), step))
            return np.concatenate([self.predict(part, some, engine, threads, device) for part in parts])
        known, rows = vars(self).setdefault("_evaluators", {}), len(X)
        few = threads is None and isinstance(batch_size, WHOLE) and 0 < rows <= FEW <= batch_size
        if few:  # a second thread would cost more than it does
            batch_size, threads = 1 if rows == 1 else FEW, 1
        key = (few, engine, batch_size, threads, details(self), X.kind, device)
        try:
            program = known.get(key) if isinstance(batch_size, WHOLE) else None
        except TypeError:  # somebody gives a list
            program = None
        if program is None or program.too_small(X):
            from ..engines import evaluator
            from ..program import batch_and_threads

            batch_size, threads = batch_and_threads(batch_size, threads)
            try:
                program = evaluator(self, X, engine, batch_size, threads, rows=rows, device=device)
            except ShapeError as error:
                if "x" not in X.arrays or np.ndim(X.arrays["x"]) != 1:
                    raise
                raise ShapeError(f"{error}. If the {rows} numbers given are one row, write predict([x])") from None
            program.leave_model()  # they would keep each other, and its memory, until the garbage collector comes
            for old in [old for old in known if old[4:] != key[4:] or not (few or old[0])]:
                del known[old]  # the network or its input changed: one program is kept, and two for few rows
            known[key] = program
        return program.one(X) if few and rows == 1 else program.predict(X, keep=False)

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in vars(self).items() if k not in KEPT}

    def _in_notebook(self) -> Any:
        try:
            drawing, summary = VIEWS["drawing"](self), VIEWS["summary"](self)
        except Exception:  # its input is not known, or its forward, anyone's code, is not finished
            yield Preformatted(repr(self))
        else:
            yield Picture(drawing.svg, drawing.about)
            yield from shown_parts(summary)

    def describe(self) -> str:
        """Describe the layer in a few words for a listing: "64 -> 10"."""
        return ""

    def __repr__(self) -> str:
        children = list(self.children())
        if not children:
            return f"{type(self).__name__}({self.describe()})"
        own = [f"  {name}: Parameter{p.shape}" for name, p in self.named_parameters() if "." not in name]
        lines = own + [f"  {name}: {child!r}".replace("\n", "\n  ") for name, child in children]
        count = sum(p.size for p in self.parameters())
        return "\n".join([f"{type(self).__name__}(  # {count:,} parameters", *lines, ")"])


def _only_tensors(x: Any) -> bool:
    """Whether x is a Tensor, or a list or tuple of nothing but Tensors, such as a recurrent layer's state."""
    return isinstance(x, Tensor) or (isinstance(x, list | tuple) and len(x) > 0 and all(map(_only_tensors, x)))
