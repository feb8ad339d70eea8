"""ONNX files in the terminal: what is in one, and the rows of a file as its network takes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..errors import ArgumentError, DataError
from ..text import counted, listed, size
from .later import loading

ENDING = ".onnx"
#: What a loss applies itself, so that it is left off where the network is trained.
LINKS = {"Softmax": "cross_entropy", "LogSoftmax": "cross_entropy", "Sigmoid": "binary_cross_entropy"}


def is_onnx(path: Path) -> bool:
    return path.suffix.lower() == ENDING


def read(path: Path) -> tuple[Any, Any]:
    """Load the network, and the shape of a row, or of each input's, with sizes for what the file leaves open."""
    with loading():
        from ..named_inputs import NamedInputs
        from ..onnx import load_onnx

    network = load_onnx(path)
    shapes = tuple(part.shape[1:] for part in NamedInputs.of(network.example_input()).parts.values())
    return network, shapes[0] if len(shapes) == 1 else shapes


def about(path: Path, network: Any) -> str:
    """Describe the file in a few words."""
    by = f", written by {network.producer}" if network.producer else ""
    return f"an ONNX network, {size(path.stat().st_size)}{by}"


def ports(screen: Any, network: Any) -> None:
    """Show what goes in, which value comes out, and which others there are."""
    screen.title("Goes in and comes out")
    rows = [(name, kind, f"({', '.join(map(str, shape))})") for name, kind, shape in network.takes]
    screen.table([*rows, (network.output, "real numbers", "comes out")], dim=(1,))
    others = [name for name in network.outputs if name != network.output]
    if others:
        screen.say(f"  The file has {listed(others, 6)}, too: in Python, ct.load(path, output=name) reads up to it.",
                   style="dim")
    if network.classes:
        screen.say(f"  Its classes are {listed([str(c) for c in network.classes], 12)}.", style="dim")


@dataclass
class OnnxRows:
    """A file's rows for a network from an ONNX file, as `training.ModelRows` has them for an estimator."""

    estimator: Any
    X: Any
    y: Any
    Z: Any
    T: Any
    left_out: int = 0
    settings: dict[str, Any] = field(default_factory=dict)


def training(model: Path, data: Path, targets: list[str] | None, part: tuple[int, int] | None) -> OnnxRows:
    """Read the rows of a file as the network takes them, and choose a loss by the truth that they have.

    Raises ArgumentError or DataError for rows without a truth, and for those that do not fit the network.
    """
    with loading():
        from ..onnx import load_onnx
    network = load_onnx(model)
    X, y, names = _arrays(model, data, targets)
    loss, link = _loss(network, y)
    if link is not None:
        network = load_onnx(model, link)
    T = _truth(network, y, loss, data)
    if len(X) != len(T):
        raise DataError(f"{data.name}: {counted(len(X), 'row')}, but {len(T):,} answers: give one for each.")
    if part is not None:
        first, count = part
        if not 0 <= first < len(X):
            raise ArgumentError(f"--row {first}: {data.name} has rows 0 to {len(X) - 1:,}.")
        X, y, T = (a[first : first + count] for a in (X, y, T))
    said = SimpleNamespace(asked=("hidden",), batch_size=min(32, len(T)), epochs=10, n_out=0)
    as_estimator = SimpleNamespace(
        model_=network, predict=network.predict, inputs_=SimpleNamespace(one="row", many="rows", name="arrays"),
        target_encoder_=SimpleNamespace(names=names), design_=said)
    return OnnxRows(as_estimator, X, y, X, T, settings={"loss": loss})


def _arrays(model: Path, data: Path, targets: list[str] | None) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """X and y of a file: the arrays of an .npz file, or the columns of a table."""
    from ..data.formats import ARRAYS, format_of
    from ..data.npz_files import in_npz
    from . import checks
    from .rows import table

    if format_of(data) is ARRAYS:
        X, y = in_npz(data, targets[0] if targets else None)
        if y is None:
            raise DataError(f"{data.name} has no array y: a training step compares with the truth; --target names "
                            "another array of the file.")
        return X, np.asarray(y), [targets[0] if targets else "y"]
    frame = table(data)
    if not targets:
        raise ArgumentError(f"{model.name} does not say which column it predicts: name it with --target. {data.name} "
                            f"has {listed(list(frame.columns), 12)}.")
    names = checks.columns(targets, list(frame.columns), "--target", data.name)
    inputs = frame.drop(columns=names)
    if text := [name for name in inputs.columns if inputs[name].dtype.kind not in "biuf"]:
        raise DataError(f"{data.name}: {listed(text, 6)} hold no plain numbers, and a network from an ONNX file takes "
                        "numbers as they are: prepare them first.")
    y = frame[names].to_numpy()
    return inputs.to_numpy(), y[:, 0] if len(names) == 1 else y, names


def _loss(network: Any, y: np.ndarray) -> tuple[str, str | None]:
    """Choose the loss, and the value before a last softmax or sigmoid, which such a loss applies itself."""
    last, before = network.last
    classes = y.ndim == 1 and (y.dtype.kind in "OUSbiu")
    loss = LINKS.get(last) if classes else None
    if loss is None and classes and network.gives[-1:] > (1,):
        loss = "cross_entropy"
    return (loss or "mse", before if loss and last in LINKS else None)


def _truth(network: Any, y: np.ndarray, loss: str, data: Path) -> np.ndarray:
    """The truth as the loss takes it."""
    if loss == "cross_entropy":
        names = network.classes or list(range(network.gives[-1]))
        places = {str(name): k for k, name in enumerate(names)}
        if unknown := sorted({str(v) for v in y.tolist()} - places.keys()):
            raise DataError(f"{data.name}: the label {unknown[0]!r} is none of the network's classes, which are "
                            f"{listed([str(name) for name in names], 12)}.")
        return np.array([places[str(v)] for v in y.tolist()], np.int32)
    try:
        T = y.astype(network.dtype)
    except (TypeError, ValueError):
        raise DataError(f"{data.name}: the target holds no plain numbers, and this network gives numbers.") from None
    return T[:, None] if T.ndim == 1 and network.gives == (1,) else T
