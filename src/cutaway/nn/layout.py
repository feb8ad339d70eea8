"""Weights by name from elsewhere and back: PyTorch's names, axes and flattened images; Keras' in keras_layout.py."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from .. import habits
from ..autodiff import Tensor
from ..errors import ArgumentError, ShapeError, warn
from .keras_layout import from_keras, refuse_without
from .tree import Tree
from .weight_files import KERAS, read_arrays

UNKNOWN = -2  # channels of inputs that may be images, or not
LAYOUTS = ("cutaway", "torch", "keras")


class _Unordered(dict):
    """Arrays of a file that keeps them sorted, so that their order says nothing about layers."""


class StateDict(dict):
    """The result of state_dict(): arrays by name, marked as laid out in Cutaway's way."""


def arrays_of(model: Tree, state: Any, layout: str | None, channels: dict[str, int] | None) -> dict[str, np.ndarray]:
    """Turn a state into arrays with this model's names and shapes; `layout` as load_state_dict says.

    Raises ArgumentError or ShapeError for what does not fit, or could be meant in two ways.
    """
    if layout not in (None, *LAYOUTS):
        raise ArgumentError(f'layout must be "torch", "keras" or "cutaway" (or None), got {layout!r}')
    marked = isinstance(state, StateDict)
    if isinstance(state, str | os.PathLike):
        of_keras = os.fsdecode(state).lower().endswith(KERAS)
        if of_keras and layout not in (None, "keras"):
            raise ArgumentError(f'{os.fsdecode(state)} is a file of Keras\': say layout="keras", or leave it out')
        layout = "keras" if of_keras else layout
        ordered = not os.fsdecode(state).lower().endswith(".safetensors")
        state = read_arrays(state, sum(t.size for t in _tensors(model).values()))
        state = state if ordered else _Unordered({name: state[name] for name in sorted(state, key=_counted)})
    if layout == "keras":
        return from_keras(model, state, _array)
    if not isinstance(state, Mapping):
        if not callable(getattr(state, "state_dict", None)):
            raise ArgumentError(f"load_state_dict takes arrays by name, a dict, got {type(state).__name__}")
        state = state.state_dict()
    sorted_out = isinstance(state, _Unordered)
    state = _untied(model, state)
    theirs = any(habits.library(v) == "PyTorch" for v in state.values()) or any(map(_counter, state))
    if layout == "torch":
        return _from_torch(model, {k: _array(k, v) for k, v in state.items() if not _counter(k)}, channels or {},
                           sorted_out)
    if layout is None and theirs and any(True for _ in _convolutions(model)):
        raise ArgumentError(
            "these weights are PyTorch's, whose filters and flattened images lie otherwise than here: say "
            'load_state_dict(state, layout="torch")'
        )
    found = {k: _array(k, v) for k, v in state.items() if layout == "cutaway" or not _counter(k)}
    _check_names(model, found)
    if layout is None and not marked:
        _warn_of_doubt(model)
    return found


def _untied(model: Tree, state: Mapping) -> Mapping:
    """Remove second names of tensors that two layers share: PyTorch lists such a tensor under both names."""
    first: dict[int, str] = {}
    for prefix, module in model.named_modules():
        for key, value in vars(module).items():
            if not isinstance(value, Tensor):
                continue
            name = f"{prefix}.{key}" if prefix else key
            shared = first.setdefault(id(value), name)
            if shared != name and name in state and shared in state:
                if not np.array_equal(_array(name, state[name]), _array(shared, state[shared])):
                    raise ArgumentError(f"{shared} and {name} are one tensor here, but differ in the state")
                state = {k: v for k, v in state.items() if k != name}
    return state


def _array(name: str, value: Any) -> np.ndarray:
    """Turn a PyTorch or NumPy array, or a Tensor, into a NumPy array."""
    if isinstance(value, Mapping):
        raise ArgumentError(f"{name} is a dict of its own: if the weights are in it, give state[{name!r}]")
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = (value.float() if "bfloat16" in str(value.dtype) else value).numpy()
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise ArgumentError(f"{name} holds {array.dtype}, not numbers")
    return array


def _counter(name: str) -> bool:
    """Whether this is the count of batches that PyTorch's batch norm keeps; nothing here reads it."""
    return name.rpartition(".")[2] == "num_batches_tracked"


def _tensors(model: Tree) -> dict[str, Any]:
    return dict([*model.named_parameters(), *model.named_buffers()])


def _check_names(model: Tree, found: Mapping[str, np.ndarray]) -> None:
    own = _tensors(model)
    missing, unknown = own.keys() - found.keys(), found.keys() - own.keys()
    if missing or unknown:
        numbered = any(re.match(r"(.*\.)?\d+\.", name) for name in unknown)
        hint = ' (names as PyTorch has them: say layout="torch" if they are its)' if numbered or missing else ""
        if any("/" in name for name in unknown):
            hint = ' (names as Keras has them: say layout="keras" if they are its)'
        raise ArgumentError(
            "the state does not fit this model:"
            + (f" it lacks {', '.join(sorted(missing))};" if missing else "")
            + (f" it has {', '.join(sorted(unknown))}, which the model has not{hint}" if unknown else "")
        )
    for name, t in own.items():
        if found[name].shape != t.shape:
            conv = found[name].ndim > 2 and np.moveaxis(found[name], 1, -1).shape == t.shape
            hint = ': filters lie so in PyTorch, say layout="torch"' if conv else ""
            raise ShapeError(f"{name} has shape {t.shape} here, but {found[name].shape} in the state{hint}")


def _convolutions(model: Tree) -> Iterator[tuple[str, Any]]:
    return ((name, m) for name, m in model.named_modules() if m.on_images == "filters")


def _warn_of_doubt(model: Tree) -> None:
    """Warn of filters whose shape is the same in both layouts, so that the layout cannot be known."""
    for name, conv in _convolutions(model):
        shape = conv.weight.shape
        if len(set(shape[1:])) == 1 and shape[-1] > 1:
            where = f" in {name}" if name else ""
            warn(
                f"filters of shape {shape}{where} look the same in PyTorch's layout and in ours, and were taken as ours"
                ': say layout="torch" or layout="cutaway"',
            )
            return


# ---- PyTorch ---------------------------------------------------------------------------------------------------------


def torch_state(model: Tree, channels: dict[str, int] | None = None) -> dict[str, np.ndarray]:
    """Give a model's weights as the state_dict of a PyTorch module built alike, its Sequentials counting all layers.

    channels: as load_state_dict takes them. Raises ArgumentError for layers that PyTorch has not, and where a forward
    of one's own may flatten images.
    """
    refuse_without(model, "PyTorch")
    flattened, found = dict(_flattened(model)) | (channels or {}), {}
    for mine, theirs, module in _places(model, "", ""):
        own = {key: value for key, value in vars(module).items() if isinstance(value, Tensor)}
        for leaf, tensor in own.items():
            array = tensor.data
            if module.on_images == "filters" and leaf == "weight":
                array = np.moveaxis(array, -1, 1)
            elif leaf == "weight" and flattened.get(mine) == UNKNOWN:
                _warn_of_images(mine)
            elif leaf == "weight" and flattened.get(mine):
                array = _unflattened(mine, array, flattened[mine], back=True)
            found[f"{theirs}.{leaf}" if theirs else leaf] = np.ascontiguousarray(array)
        if module.elsewhere == "batch_normalization":
            found[f"{theirs}.num_batches_tracked".lstrip(".")] = np.array(0, np.int64)
    return found


def _places(module: Any, mine: str, theirs: str) -> Iterator[tuple[str, str, Any]]:
    """Give every module with its name here and in PyTorch, where a layer of a Sequential has its number."""
    yield mine, theirs, module
    for k, (name, child) in enumerate(module.children()):
        there = str(k) if module.on_images == "chain" else name
        yield from _places(child, f"{mine}.{name}" if mine else name, f"{theirs}.{there}" if theirs else there)


def _groups(names: Any) -> dict[str, list[str]]:
    """Group names by the layer that they belong to, in order."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(name.rpartition(".")[0], []).append(name)
    return groups


def _from_torch(model: Tree, state: dict[str, np.ndarray], channels: dict[str, int],
                sorted_out: bool) -> dict[str, np.ndarray]:
    own, found = _tensors(model), {}
    state = _without_prefix(state, own.keys())
    modules = {name: m for name, m in model.named_modules() if any(isinstance(v, Tensor) for v in vars(m).values())}
    ours = _groups(name for name, _ in _in_layers(model))
    layers = _paired(ours, _groups(state), own, sorted_out)
    flattened = dict(_flattened(model)) | channels
    for mine, other in layers.items():
        for name in ours[mine]:
            leaf = name.rpartition(".")[2]
            array = _turned(modules[mine], leaf, state[f"{other}.{leaf}" if other else leaf])
            if leaf == "weight" and flattened.get(mine) == UNKNOWN:
                _warn_of_images(mine)
            elif leaf == "weight" and flattened.get(mine):
                array = _unflattened(mine, array, flattened[mine])
            if array.shape != own[name].shape:
                raise ShapeError(f"{name} has shape {own[name].shape} here, but {other or 'the state'}'s {leaf} gives "
                                 f"{array.shape}")
            found[name] = array
    return found


def _without_prefix(state: dict[str, np.ndarray], own: Collection[str]) -> dict[str, np.ndarray]:
    """Remove what stands before all names of a state: "module." of DataParallel, "model." of a wrapper."""
    short = state
    while all("." in name for name in short) and len(heads := {name.partition(".")[0] for name in short}) == 1:
        head = heads.pop() + "."
        short = {name.removeprefix(head): a for name, a in short.items()}
        if short.keys() == own or head == "module.":
            state = short
    return state


def _warn_of_images(name: str) -> None:
    warn(
        f"{name} reads flattened inputs: where these are images of several channels, whose numbers have another order "
        f"in PyTorch, say channels={{{name!r}: 3}}; else channels={{{name!r}: 0}}"
    )


def _in_layers(model: Tree) -> Iterator[tuple[str, Any]]:
    """Give parameters and buffers by name, layer by layer."""
    own = _tensors(model)
    for prefix, module in model.named_modules():
        for key in vars(module):
            name = f"{prefix}.{key}" if prefix else key
            if name in own:
                yield name, own.pop(name)


def _turned(module: Any, leaf: str, array: np.ndarray) -> np.ndarray:
    """Reorder filters (out, in, *window) to (out, *window, in)."""
    filters = module.on_images == "filters" and leaf == "weight" and array.ndim > 2
    return np.moveaxis(array, 1, -1) if filters else array


def _paired(ours: dict[str, list[str]], theirs: dict[str, list[str]], own: dict[str, Any],
            sorted_out: bool) -> dict[str, str]:
    """Find for each of our layers the one of theirs that it matches: by name, or else by order.

    sorted_out: they are sorted by name, which is the layers' order where names differ in numbers alone.
    """
    def leaves(names: list[str]) -> set[str]:
        return {name.rpartition(".")[2] for name in names}

    if ours.keys() == theirs.keys() and all(leaves(ours[k]) == leaves(theirs[k]) for k in ours):
        return {k: k for k in ours}
    said = f"here {_listed(ours)}; there {_listed(theirs)}"
    if len(ours) != len(theirs):
        raise ArgumentError(f"the model has {len(ours)} layers with weights and the state {len(theirs)}: {said}")
    for mine, other in zip(ours, theirs, strict=True):
        if leaves(ours[mine]) != leaves(theirs[other]):
            raise ArgumentError(
                f"{mine or 'the model'} has {', '.join(sorted(leaves(ours[mine])))} where {other or 'the state'} has "
                f"{', '.join(sorted(leaves(theirs[other])))}: {said}"
            )
    forms = {k: sorted((name.rpartition(".")[2], own[name].shape) for name in names) for k, names in ours.items()}
    alike = [k for k in ours if sum(form == forms[k] for form in forms.values()) > 1]
    numbers = [[int(n) for n in re.findall(r"\d+", other)] for other in theirs]
    counted = all(a and b and a < b for a, b in pairwise(numbers))
    if alike and not (counted and (not sorted_out or all(map(_number_differs, pairwise(theirs))))):
        raise ArgumentError(
            f"{' and '.join(alike)} have the same shapes, and the names there do not say which is which: {said}. "
            "Give them our names: {ours: state[theirs], ...}"
        )
    return dict(zip(ours, theirs, strict=True))


def _counted(name: str) -> list[Any]:
    """Split a name into text and numbers, so that layer 10 comes after layer 2."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name)]


def _number_differs(names: tuple[str, str]) -> bool:
    """Whether the first difference of two names is a number, not a word."""
    parts = zip(*map(_counted, names), strict=False)
    return isinstance(next((a for a, b in parts if a != b), ""), int)


def _listed(groups: dict[str, list[str]]) -> str:
    return ", ".join(k or "one layer" for k in groups)


# ---- images that become rows: PyTorch's channels come first, ours last -----------------------------------------------


def _flattened(model: Tree) -> Iterator[tuple[str, int]]:
    """Find the layers of neurons that read flattened images, with the channels that the images had.

    Raises ArgumentError where a forward of one's own may flatten them.
    """
    def chain(module: Any, prefix: str) -> Iterator[tuple[str, Any]]:
        for name, child in module.children():
            name = f"{prefix}.{name}" if prefix else name
            if child.on_images == "chain":
                yield from chain(child, name)
            else:
                yield name, child

    if model.on_images != "chain":
        convs = [c.n_out for _, c in _convolutions(model)]
        for name, m in model.named_modules():
            if m.on_images == "neurons" and any(m.n_in > c > 1 and m.n_in % c == 0 for c in convs):
                yield name, -1
        return
    channels, flat = UNKNOWN, False
    for name, layer in chain(model, ""):
        if layer.on_images == "filters":
            channels, flat = layer.n_out, False
        elif layer.on_images == "channels":
            channels = layer.width
        elif layer.on_images == "means":
            channels = 0
        elif layer.on_images == "rows":
            flat = channels != 0
        elif layer.on_images == "neurons" and flat:
            yield name, channels
            channels, flat = 0, False
        elif channels == UNKNOWN and layer.owns_parameters():
            channels, flat = 0, False
        elif flat and layer.owns_parameters():
            raise ArgumentError(
                f"{name} ({layer!r}) reads flattened images, whose numbers have another order in PyTorch: put the "
                "normalisation in front of Flatten"
            )


def _unflattened(name: str, W: np.ndarray, channels: int, back: bool = False) -> np.ndarray:
    """Reorder columns (channel, place) to (place, channel), or back."""
    if channels < 0:
        raise ArgumentError(
            f"{name} may read flattened images, whose numbers have another order in PyTorch (channels first): say "
            f"channels={{{name!r}: c}}, the channels that the images have there, or 0 if it reads something else"
        )
    if W.ndim != 2 or W.shape[1] % channels:
        raise ShapeError(f"{name} reads {W.shape[-1]} features, no multiple of {channels} channels")
    sizes = (-1, channels) if back else (channels, -1)
    return W.reshape(len(W), *sizes).swapaxes(1, 2).reshape(len(W), -1)
