"""Reading a network: its layers by name, and the values of its own evaluation program for one image or sequence."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from os import PathLike
from typing import Any

import numpy as np

from ..autodiff import Tensor
from ..engines import Program, evaluator
from ..errors import ArgumentError, ShapeError
from ..nn import Module
from ..program import Instruction
from ..sequences import Sequences

KINDS = {1: "sequence", 2: "image"}
AXES = {1: "(time, features)", 2: "(height, width, channels)"}


def network_of(model: Any) -> Module:
    """Find the network itself: a Module is one, a trained estimator has one."""
    network = getattr(model, "model_", model)
    if isinstance(network, Module):
        return network
    kind = type(model).__name__
    if hasattr(model, "encode") and hasattr(model, "fit"):
        raise ArgumentError(f"this {kind} is not trained yet: call fit first")
    inside = {"steps": "model[-1], with X as model[:-1].transform(X)", "best_estimator_": "model.best_estimator_",
              "estimator_": "model.estimator_", "regressor_": "model.regressor_"}
    if hint := next((text for name, text in inside.items() if hasattr(model, name)), ""):
        raise ArgumentError(f"model is a {kind}, which holds the network's estimator: give that, {hint}")
    raise ArgumentError(
        f"model is a {type(model).__name__}: give a network (a ct.nn.Module) or a trained ct.Classifier or ct.Regressor"
    )


def refuse_several(model: Any) -> None:
    """Raise ArgumentError for an estimator of several models, a Forecaster: it says what to give instead."""
    if reason := getattr(model, "no_single_network", None):
        raise ArgumentError(reason)


def training_of(model: Any, X: Any, y: Any, loss: Any, optimizer: Any, sample_weight: Any,
                precision: str | None = None) -> dict[str, Any]:
    """Collect the arguments of a training step, as ct.fit takes them: a trained estimator encodes its rows, and its
    loss, optimizer and precision stand in for those not given; a network takes what was given."""
    network, how = network_of(model), {"loss": loss, "optimizer": optimizer, "precision": precision}
    if network is model:
        how["loss"] = "mse" if loss is None else loss
        return {"model": model, "X": X, "y": y, "sample_weight": sample_weight, **how}
    refuse_several(model)
    arguments = model.fit_arguments(X, y, sample_weight)
    return arguments | {name: given for name, given in how.items() if given is not None}


def names_of(model: Any) -> list[str] | None:
    """The names of a trained estimator's inputs; None for a network, which does not know."""
    return getattr(model, "encoded_names", None)


# ---- layers by name --------------------------------------------------------------------------------------------------


def layer_name(network: Module, layer: Any) -> str:
    """The name of a layer that is given by its name or as the layer itself."""
    if isinstance(layer, str):
        return layer
    found = [name for name, module in network.named_modules() if module is layer]
    if not found:
        raise ArgumentError(f"layer={layer!r} is not part of this network: take it from the network, or give its name")
    return found[0]


def within(layer: str, name: str) -> bool:
    """Whether what ran as `layer` belongs to the layer called `name`: layer1.gru.l0 and layer1@2 belong to layer1."""
    return not name or layer == name or layer.startswith((f"{name}.", f"{name}@"))


def unknown(what: str, name: str, known: Collection[str]) -> ArgumentError:
    """Make the error for an unknown name: it says the closest name, and all names."""
    close = get_close_matches(name, known, n=1, cutoff=0.4)
    guess = f"; did you mean {close[0]!r}?" if close else "."
    return ArgumentError(f"There is no {what} called {name!r}{guess} There are: {', '.join(known)}.")


# ---- one image or sequence, through the program ----------------------------------------------------------------------


def evaluated(model: Any, given: Any, sizes: int, engine: str) -> Program:
    """Run the model's evaluation program on one row; give it with every value still in its memory.

    given: an image (sizes 2) or a sequence (sizes 1), as the network takes it or as the estimator encodes it.
    """
    network = network_of(model)
    row = _one_row(given, sizes, network)
    if network is not model:
        row = _one_row(model.encode(row), sizes, network)
    if not isinstance(row, np.ndarray | Sequences):
        raise ArgumentError(f"a network takes numbers, not a {type(given).__name__}: give an array {AXES[sizes]}")
    try:
        program = evaluator(network, row, engine=engine, batch_size=1, keep_all=True)
    except ShapeError as reason:
        wanted = getattr(network, "input_shape", None)
        takes = f"s of shape {wanted}" if wanted else f"s, but none of shape {row.shape[1:]}"
        says = f"this network takes {KINDS[sizes]}{takes}" + (f", got {row.shape[1:]}" if wanted else "")
        raise ShapeError(f"{says}: {reason}") from reason
    program.predict(row)
    return program


def _one_row(given: Any, sizes: int, network: Module) -> Any:
    """Make a batch of one. What only an estimator can read, such as a file's name, stays as it is."""
    if isinstance(given, Sequences):
        _refuse_several(len(given), sizes)
        return Sequences(np.asarray(given.values)[:, : int(np.asarray(given.lengths)[0])], np.asarray(given.lengths))
    if isinstance(given, str | PathLike) or (hasattr(given, "__len__") and not hasattr(given, "shape")
                                             and not isinstance(given, list | tuple)):
        return given
    x = given.data if isinstance(given, Tensor) else np.asarray(given)
    if sizes == 1 and network.takes_integers() and x.dtype.kind in "iu" and x.ndim in (1, 2):
        x = x.reshape(-1, x.shape[-1])  # numbers to look up have no features
    elif x.ndim == sizes:
        x = x[None, ..., None]
    elif x.ndim == sizes + 1:
        x = x[..., None] if _lacks_channels(x, network) else x[None]
    elif x.ndim != sizes + 2:
        raise ShapeError(f"{KINDS[sizes]} has shape {x.shape}: give one {KINDS[sizes]} {AXES[sizes]}")
    _refuse_several(len(x), sizes)
    return x


def _lacks_channels(x: np.ndarray, network: Module) -> bool:
    """Whether an array is rows without channels, (1, 28, 28), rather than one row, (28, 28, 1)."""
    channels = next((m.n_in for _, m in network.named_modules() if hasattr(m, "n_in")), None)
    if channels is None:
        channels = next((p.shape[-1] for p in network.parameters()), 1)
    return channels == 1 and x.shape[-1] != 1 and (x.shape[0] == 1 or x.shape[-1] > 4)


def _refuse_several(rows: int, sizes: int) -> None:
    if rows != 1:
        raise ArgumentError(f"one {KINDS[sizes]} is shown at a time, got {rows:,}: give one of them, such as X[:1]")


def forward_steps(program: Program, layer: str = "") -> list[Instruction]:
    """Find the instructions of the forward pass in one layer, or in all."""
    return [i for i in program.instructions if i.phase == "forward" and within(i.layer, layer)]


def layers_of(steps: Iterable[Instruction]) -> list[str]:
    """List the layers that ran, each once, in order."""
    return list(dict.fromkeys(i.layer for i in steps if i.layer))
