"""Networks of standard layers as JSON and back. A closed table: no other class is ever built from a file."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .. import nn
from ..autodiff import Tensor
from ..errors import CutawayError, FileError
from .plain import DEEPEST
from .program import field, text, whole
from .restored import Restored

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Layer:
    """A standard layer: its class, its settings with their types, and the shapes that its parameters then have.

    read: gives a setting that the layer does not keep under its own name.
    """

    make: Callable[..., nn.Module]
    settings: dict[str, type]
    shapes: Callable[..., Shapes]
    read: dict[str, Callable[[Any], Any]]


def _layer(make: Callable[..., nn.Module], settings: dict[str, type] | None = None,
           shapes: Callable[..., Shapes] = lambda **_: {}, **read: Callable[[Any], Any]) -> Layer:  # fmt: skip
    return Layer(make, settings or {}, shapes, read)


def _linear(n_in: int, n_out: int, bias: bool) -> Shapes:
    return {"weight": (n_out, n_in)} | ({"bias": (n_out,)} if bias else {})


def _norm(width: int, **_: float) -> Shapes:
    return {"weight": (width,), "bias": (width,)}


def _batch_norm(width: int, **_: float) -> Shapes:
    return _norm(width) | {"running_mean": (width,), "running_var": (width,)}


LAYERS: dict[str, Layer] = {
    "Linear": _layer(nn.Linear, {"n_in": int, "n_out": int, "bias": bool}, _linear, bias=lambda m: m.bias is not None),
    "Embedding": _layer(nn.Embedding, {"entries": int, "width": int},
                        lambda entries, width: {"weight": (entries, width)}),
    "LayerNorm": _layer(nn.LayerNorm, {"width": int, "eps": float}, _norm),
    "BatchNorm1d": _layer(nn.BatchNorm1d, {"width": int, "eps": float, "momentum": float}, _batch_norm),
    "Dropout": _layer(nn.Dropout, {"p": float}),
    "Flatten": _layer(nn.Flatten),
    "LeakyReLU": _layer(nn.LeakyReLU, {"slope": float}),
    "ELU": _layer(nn.ELU, {"alpha": float}),
    "GELU": _layer(nn.GELU, {"approximate": bool}),
    **{make.__name__: _layer(make) for make in (
        nn.ReLU, nn.Sigmoid, nn.Tanh, nn.SELU, nn.SiLU, nn.Softplus, nn.Mish, nn.Softmax, nn.LogSoftmax, nn.Identity,
    )},
}  # fmt: skip
NETWORKS: dict[str, type[nn.Sequential]] = {"Sequential": nn.Sequential, "MLP": nn.MLP}


# ---- writing ---------------------------------------------------------------------------------------------------------


def to_json(model: nn.Module) -> dict[str, Any]:
    """A model as JSON: standard layers with their settings, others by the name of their class alone."""
    if len(places := list(_places(model))) != len(set(places)):  # a weight that two layers share
        return {"custom": class_name(model)}
    return _to_json(model, {})


def _places(model: nn.Module) -> Iterator[int]:
    modules = {id(module): module for _, module in model.named_modules()}
    return (id(t) for module in modules.values() for t in vars(module).values() if isinstance(t, Tensor))


def _to_json(module: nn.Module, seen: dict[int, int]) -> dict[str, Any]:
    if id(module) in seen:
        return {"again": seen[id(module)]}
    name = type(module).__name__
    entry: dict[str, Any] = {"custom": class_name(module)}
    layer = LAYERS.get(name) if "forward" not in vars(module) else None
    own = {key: t.shape for key, t in vars(module).items() if isinstance(t, Tensor)}
    plain = not own and "forward" not in vars(module)
    if NETWORKS.get(name) is type(module) and isinstance(module, nn.Sequential) and plain:
        entry = {"class": name, "layers": [_to_json(layer, seen) for layer in module.layers]}
        if isinstance(module, nn.MLP):
            entry |= {"widths": list(module.widths), "activation": module.activation}
    elif layer is not None and layer.make is type(module):
        settings = {key: layer.read.get(key, lambda m, k=key: getattr(m, k))(module) for key in layer.settings}
        if own == layer.shapes(**settings) and not list(module.children()):
            entry = {"class": name, "settings": settings}
    seen[id(module)] = len(seen)
    return entry


def class_name(model: nn.Module) -> str:
    return model.class_name if isinstance(model, Restored) else type(model).__name__


# ---- reading ---------------------------------------------------------------------------------------------------------


def customs(entry: Any, depth: int = 0) -> set[str]:
    """Names of the classes in it that are not standard."""
    if depth > DEEPEST:
        raise FileError(f"it is damaged (layers within layers, more than {DEEPEST} deep)")
    if not isinstance(entry, dict):
        raise FileError(f"it is damaged (a layer is {str(entry)[:40]!r})")
    if "custom" in entry:
        return {text(entry, "custom", "architecture")}
    layers = field(entry, "layers", list, "architecture") if "layers" in entry else []
    return set().union(*(customs(layer, depth + 1) for layer in layers))


def build(entry: Any, custom: dict[str, Callable[[], nn.Module]], available: int) -> nn.Module:
    """The model, with fresh weights. available: how many numbers the file has for it; a layer cannot have more."""
    needed = sum(math.prod(shape) for shape in _shapes(entry))
    if needed > available:
        raise FileError(f"it is damaged (its layers have {needed:,} weights, and it holds {available:,})")
    try:
        return _build(entry, custom, [])
    except CutawayError as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"it is damaged ({error})") from None


def _shapes(entry: dict[str, Any]) -> Iterator[tuple[int, ...]]:
    """The shapes of all parameters and buffers of standard layers."""
    if "custom" in entry or "again" in entry:
        return
    for layer in entry.get("layers", []):
        yield from _shapes(layer)
    if text(entry, "class", "layer") in LAYERS:
        name, settings = _settings(entry)
        yield from LAYERS[name].shapes(**settings).values()


def _settings(entry: Any) -> tuple[str, dict[str, Any]]:
    name, given = text(entry, "class", "layer"), field(entry, "settings", dict, "layer")
    wanted = LAYERS[name].settings
    if given.keys() != wanted.keys():
        raise FileError(f"it is damaged ({name} has the settings {sorted(given)}, and takes {sorted(wanted)})")
    for key, kind in wanted.items():
        if type(given[key]) is not kind or (kind is int and not 1 <= given[key] < 2**31):
            raise FileError(f"it is damaged ({name} has {key} {str(given[key])[:40]!r})")
    return name, given


def _build(entry: Any, custom: dict[str, Callable[[], nn.Module]], made: list[nn.Module]) -> nn.Module:
    if "again" in entry:
        return made[whole(entry["again"], "a layer's number", len(made))]
    if "custom" in entry:
        model = _custom(entry["custom"], custom)
    elif (name := text(entry, "class", "layer")) in LAYERS:
        model = LAYERS[name].make(**_settings(entry)[1])
    elif name in NETWORKS:
        model = _network(name, entry, [_build(layer, custom, made) for layer in field(entry, "layers", list, name)])
    else:
        raise FileError(f"it holds a layer {name!r}, which this Cutaway does not know: update Cutaway")
    made.append(model)
    return model


def _network(name: str, entry: dict[str, Any], layers: list[nn.Module]) -> nn.Module:
    model = object.__new__(NETWORKS[name])  # an MLP is rebuilt from its layers, whatever was done to them since
    nn.Sequential.__init__(model, *layers)
    if isinstance(model, nn.MLP):
        model.widths = tuple(whole(n, "a width") for n in field(entry, "widths", list, name))
        model.activation = text(entry, "activation", name)
    return model


def _custom(name: str, custom: dict[str, Callable[[], nn.Module]]) -> nn.Module:
    try:
        model = custom[name]()
    except TypeError as error:
        raise FileError(
            f"custom[{name!r}] cannot be called without arguments ({error}): pass a function that builds the model, "
            f"such as custom={{{name!r}: lambda: {name}(...)}}"
        ) from error
    if not isinstance(model, nn.Module):
        raise FileError(f"custom[{name!r}] gave {type(model).__name__}, not a ct.nn.Module")
    return model
