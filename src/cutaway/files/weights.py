"""A network's weights as a file of another library's: PyTorch's names or Keras', whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from os import fspath
from typing import Any

import numpy as np
import safetensors.numpy

from ..extras import needed
from ..nn import Module
from ..nn.keras_layout import keras_state
from ..nn.layout import torch_state
from .container import write_whole
from .endings import WEIGHTS, check_ending


@dataclass
class WeightsFile:
    """A file of weights that was written: where it lies, by whose layout, and the shape of each array by its name."""

    path: str
    layout: str
    shapes: dict[str, tuple[int, ...]]

    def __str__(self) -> str:
        return "\n".join((self.path, *(f"  {name}  {shape}" for name, shape in self.shapes.items())))


def _safetensors(state: dict[str, np.ndarray]) -> bytes:
    return safetensors.numpy.save(state)


def _npz(state: dict[str, np.ndarray]) -> bytes:
    whole = BytesIO()
    np.savez(whole, allow_pickle=False, **state)  # type: ignore[arg-type]
    return whole.getvalue()


def _h5(state: dict[str, np.ndarray]) -> bytes:
    h5py = needed("h5py", "keras", "a file of Keras' weights")
    whole = BytesIO()
    with h5py.File(whole, "w") as file:
        for name, array in state.items():
            file[name] = array
    return whole.getvalue()


#: What makes a state in each layout.
LAYOUTS: dict[str, Callable[[Any, dict[str, int] | None], dict[str, np.ndarray]]] = {
    "torch": torch_state, "keras": lambda model, channels: keras_state(model),
}
WRITERS = {".safetensors": _safetensors, ".npz": _npz, ".weights.h5": _h5}


def write_weights(model: Module, path: Any, layout: str, channels: dict[str, int] | None = None) -> WeightsFile:
    """Write a network's weights by PyTorch's or Keras' layout.

    channels: as Module.load_state_dict takes them. Raises ArgumentError for a network with layers that the library has
    not and for an ending that it does not read, FileError where the file cannot be written.
    """
    name, endings = str(fspath(path)), WEIGHTS[layout]
    ending = next((e for e in endings if name.lower().endswith(e)), "")
    if not ending:
        check_ending(path, f"a file of weights in {layout}'s layout", endings)
    state = {key: np.ascontiguousarray(a) if a.ndim else a for key, a in LAYOUTS[layout](model, channels).items()}
    write_whole(path, WRITERS[ending](state))
    return WeightsFile(name, layout, {key: a.shape for key, a in state.items()})
