"""ct.compile: a model, a loss and an optimizer become a program, bound to the engine that runs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .. import habits, losses
from ..arguments import whole_number
from ..errors import ArgumentError, ResourceError
from ..named_inputs import NamedInputs
from ..optim import Optimizer
from ..optim.optimizers import chosen
from ..program import Program, batch_and_threads, evaluation, too_large, trace_model, training
from ..random import stream
from ..rules import facts
from .choice import engine_for
from .plan import most_rows
from .precision import rounds

# Bytes that a batch's values may take where predict chooses how many rows it has; and bytes that so many rows may take,
# since eight threads share them.
ROOM, SHARED_ROOM, SHARED = 2**25, 2**30, 64


@contextmanager
def _memory(what: str, model: Any) -> Iterator[None]:
    try:
        yield
    except MemoryError as error:
        raise too_large(f"{what} of {type(model).__name__}", error) from None
    except OverflowError:
        raise ResourceError(f"{what} of {type(model).__name__} needs more memory than an address can name: choose a "
                            "smaller batch_size") from None


@habits.in_our_words
def compile(model: Any, loss: str | Callable = "mse", optimizer: Optimizer | None = None, batch_size: int = 32,
            input: Any = None, target: Any = None, *, weighted: bool = False, seed: int = 0, engine: str = "cpu",
            threads: int | None = None, keep_all: bool = False, precision: str | None = None,
            devices: int | str | None = None, device: str | None = None, exact: bool = False) -> Program:
    """Compile a program that trains `model`: load, forward, loss, backward and update as one list of instructions.

    >>> import cutaway as ct
    >>> program = ct.compile(ct.nn.MLP(4, [8], 1), "mse", ct.optim.AdamW(1e-3), batch_size=32)
    >>> print(program.memory)
    2,752 bytes for batches of 32 (5,312 if nothing shared memory)

    input, target: an example (a row or more), needed where the first layer does not fix the shape. weighted: expect
    weights of samples, of a mean of one: J = Σ w ℓ / rows. optimizer: AdamW(1e-3) if None. engine: "cpu", "reference",
    "xla", or another by its name. threads: None chooses by the size of a step. keep_all: no value shares memory with
    another. precision: "bf16" rounds the factors of layers' products to bf16, where engine and processor can, and says
    so where they cannot; all else, and the sums, stay in float32. device, of engine="xla": "cpu", "gpu" or "tpu"; None
    is what JAX takes by itself. devices: so many of them, or "all", share a batch's rows; None is one. exact: any
    number of them gives the same bits (docs/distributed.md); it needs weighted=True. (More than eight arguments: each
    changes the program.)
    """
    kind, placed = engine_for(engine, device, devices, exact)
    batch_size, threads = batch_and_threads(batch_size, threads)
    seed = whole_number("seed", seed, None)
    optimizer = chosen(optimizer)
    function = losses.get(loss)
    if weighted:
        losses.refuse_weights(function)
    x = NamedInputs.of(example_input(model) if input is None else input)
    y = _example_target(model, x, loss) if target is None else np.asarray(target)
    if y.dtype.kind in "iub" and function in losses.LOSSES.values() and function is not losses.cross_entropy:
        y = y.astype(model.dtype)  # whole numbers, but not classes
    with _memory("the recording of three rows", model):
        recorded = trace_model(model, function, x, y, weighted)
    rounded = rounds(precision, kind, model.dtype)
    _refuse_links(recorded, loss)
    with _memory("the training", model):
        listing = training(recorded, model, optimizer, rounded)
        return Program(kind(listing, batch_size, optimizer, seed, threads, keep_all, **placed), model)


def evaluator(model: Any, X: Any, engine: str = "cpu", batch_size: int = 1024, threads: int | None = None,
              keep_all: bool = False, rows: int | None = None, device: str | None = None) -> Program:
    """Compile a program that evaluates `model` on inputs like X: forward only, dropout and batch norm at rest.

    Where batch_size rows would need more than 32 MB, it takes fewer at a time (64, if they need less than a gigabyte),
    and no more than `rows`, the number that is to be evaluated. device: as `compile` takes it. keep_all: no value
    shares memory with another, so that `value` reads any value after `predict`; then batches are as large as asked for.
    """
    kind, placed = engine_for(engine, device)
    batch_size, threads = batch_and_threads(batch_size, threads)
    with _memory("the recording of three rows", model):
        recorded = trace_model(model, None, X)  # the shape of no rows will do
    listing = evaluation(recorded)
    most = batch_size
    if not keep_all:
        shared = min(SHARED, most_rows(listing.instructions, SHARED_ROOM))
        most = min(batch_size, max(shared, most_rows(listing.instructions, ROOM)))
        if most < batch_size:
            batch_size = most if rows is None else min(most, 1 << max(rows - 1, 0).bit_length())
    with _memory("the evaluation", model):
        program = Program(kind(listing, batch_size, threads=threads, keep_all=keep_all, **placed), model)
    program.most = most
    return program


def example_input(model: Any) -> Any:
    """Make two rows of input for a model whose first layer (or its own `example_input`) says what it takes."""
    for _, module in model.named_modules():
        if hasattr(module, "example_input"):
            return module.example_input()
        if hasattr(module, "n_in"):
            return stream(0, "example").standard_normal((2, module.n_in))
        if hasattr(module, "entries"):
            return np.zeros((2, 1), np.int32)
    raise ArgumentError("the model's input shape is not known from its first layer: pass input=, a row or two of data")


def _example_target(model: Any, x: NamedInputs, loss: str | Callable) -> np.ndarray:
    out = x.first(2).passed_to(model)
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", "")
    return np.zeros(2, np.int32) if "y" in facts(name).whole else np.zeros_like(out.data)


def _refuse_links(recorded: Any, loss: Any) -> None:
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", "")
    last = next((s for s in recorded.steps if any(v is recorded.output for v in s.outputs)), None)
    link = last.entry.op.name if last is not None else ""
    if link in facts(name).applies:
        raise ArgumentError(
            f"the network ends in {link}, but {name} takes raw outputs and applies {link} itself (that is stable; "
            f"twice would be wrong): remove the last layer"
        )
