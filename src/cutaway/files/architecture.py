"""Networks of standard layers as JSON and back. A closed table: no other class is ever built from a file."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .. import nn
from ..autodiff import Tensor
from ..errors import CutawayError, FileError
from ..nn.layers import PARAMETRIC, PLAIN
from ..rules import facts
from .plain import DEEPEST
from .program import LARGEST, LARGEST_WINDOW, Saved, SavedOperation, field, text, whole
from .restored import Restored

Shapes = dict[str, tuple[int, ...]]
MOST_LAYERS = 2**14  # those that stand again counted again

# ---- settings --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Setting:
    """One kind of setting: what it may be in JSON, and how it is written to JSON and read back."""

    fits: Callable[[Any], bool]
    decode: Callable[[Any], Any] = lambda value: value


def _sizes(sizes: int) -> Setting:
    """Make the setting that is a tuple of whole numbers, one for each size of a window; a list in JSON."""
    return Setting(
        lambda v: type(v) is list and len(v) == sizes and all(type(n) is int and 0 <= n < LARGEST_WINDOW for n in v),
        tuple,
    )


WHOLE = Setting(lambda v: type(v) is int and 1 <= v < 2**31)
FEW = Setting(lambda v: type(v) is int and 1 <= v <= 1000)
REAL = Setting(lambda v: type(v) is float)
YES_OR_NO = Setting(lambda v: type(v) is bool)
PLACE = Setting(lambda v: type(v) is int and 0 <= v < 2**31)
SEVERAL = Setting(lambda v: type(v) is list and all(type(n) is int and 0 <= n < 2**31 for n in v), tuple)


def _one_of(*words: str) -> Setting:
    return Setting(lambda v: type(v) is str and v in words)


def _or(word: str | None, other: Setting) -> Setting:
    return Setting(lambda v: v == word or other.fits(v), lambda v: v if v == word else other.decode(v))


# ---- the table -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Layer:
    """A standard layer: its class, the kinds of its settings, and the shapes that its parameters then have.

    read: gives a setting that the layer does not keep under its own name.
    """

    make: Callable[..., nn.Module]
    settings: dict[str, Setting]
    shapes: Callable[..., Shapes]
    read: dict[str, Callable[[Any], Any]]


def _layer(make: Callable[..., nn.Module], settings: dict[str, Setting] | None = None,
           shapes: Callable[..., Shapes] = lambda **_: {}, **read: Callable[[Any], Any]) -> Layer:
    return Layer(make, settings or {}, shapes, read)


def _linear(n_in: int, n_out: int, bias: bool) -> Shapes:
    return {"weight": (n_out, n_in)} | ({"bias": (n_out,)} if bias else {})


def _member_linear(n_in: int, n_out: int, k: int, bias: bool) -> Shapes:
    return {"weight": (k, n_out, n_in)} | ({"bias": (k * n_out,)} if bias else {})


def _factors(width: int, **_: Any) -> Shapes:
    return {"weight": (width,)}


def _norm(width: int, **_: float) -> Shapes:
    return {"weight": (width,), "bias": (width,)}


def _batch_norm(width: int, **_: float) -> Shapes:
    return _norm(width) | {"running_mean": (width,), "running_var": (width,)}


def _conv(n_in: int, n_out: int, window: tuple[int, ...], groups: int, bias: bool, **_: Any) -> Shapes:
    return {"weight": (n_out, *window, n_in // groups)} | ({"bias": (n_out,)} if bias else {})


def _bins(bins: tuple[int, ...], width: int, **_: Any) -> Shapes:
    polygons = {"weight": (sum(bins) + len(bins), width), "bias": (len(bins) * width,)} if width else {}
    return {"lower": (sum(bins),), "upper": (sum(bins),)} | polygons if bins else {}


def _convolutions(n_in: int, apart: tuple[int, ...], thresholds: tuple[int, ...]) -> Shapes:
    m, taps = nn.RandomConvolutions.windows
    found: Shapes = {}
    for d, k in zip(apart, thresholds, strict=False):
        found |= {f"weight{d}": (m, taps, n_in), f"lower{d}": (k, m), f"sharp{d}": (m,)}
    return found


def _table_input(codes: tuple[int, ...], entries: tuple[int, ...], widths: tuple[int, ...], **more: Any) -> Shapes:
    tables = {f"code{c}": (rows, width) for c, rows, width in zip(codes, entries, widths, strict=False)}
    return _bins(**more) | tables


def _recurrent(gates: int) -> Callable[..., Shapes]:
    def shapes(n_in: int, width: int, layers: int, bidirectional: bool, bias: bool, **_: Any) -> Shapes:
        found: Shapes = {}
        sides = ("", "_reverse") if bidirectional else ("",)
        for key in (f"l{layer}{side}" for layer in range(layers) for side in sides):
            seen = n_in if key.startswith("l0") else width * len(sides)
            found |= {f"weight_ih_{key}": (gates * width, seen), f"weight_hh_{key}": (gates * width, width)}
            found |= {f"bias_ih_{key}": (gates * width,), f"bias_hh_{key}": (gates * width,)} if bias else {}
        return found

    return shapes


def _window(sizes: int) -> dict[str, Setting]:
    return {"window": _sizes(sizes), "stride": _sizes(sizes), "padding": _or("same", _sizes(sizes))}


def _conv_layer(make: Callable[..., nn.Module], sizes: int) -> Layer:
    settings = {"n_in": WHOLE, "n_out": WHOLE} | _window(sizes)
    settings |= {"dilation": _sizes(sizes), "groups": WHOLE, "bias": YES_OR_NO}
    return _layer(make, settings, _conv, bias=lambda m: m.bias is not None)


def _scan_layer(make: Callable[..., nn.Module], gates: int, **more: Setting) -> Layer:
    settings = {"n_in": WHOLE, "width": WHOLE, "layers": FEW, "bidirectional": YES_OR_NO, "dropout": REAL}
    settings |= {"bias": YES_OR_NO, "truncate": _or(None, WHOLE)}
    return _layer(make, settings | more, _recurrent(gates))


LAYERS: dict[str, Layer] = {
    "Linear": _layer(nn.Linear, {"n_in": WHOLE, "n_out": WHOLE, "bias": YES_OR_NO}, _linear,
                     bias=lambda m: m.bias is not None),
    "Embedding": _layer(nn.Embedding, {"entries": WHOLE, "width": WHOLE},
                        lambda entries, width: {"weight": (entries, width)}),
    "PiecewiseLinear": _layer(nn.PiecewiseLinear, {"columns": SEVERAL, "bins": SEVERAL, "width": PLACE}, _bins),
    "TableInput": _layer(nn.TableInput, {"n_in": WHOLE, "width": PLACE} | dict.fromkeys(
        ("columns", "bins", "codes", "entries", "widths", "plain"), SEVERAL), _table_input),
    "LayerNorm": _layer(nn.LayerNorm, {"width": WHOLE, "eps": REAL}, _norm),
    "BatchNorm1d": _layer(nn.BatchNorm1d, {"width": WHOLE, "eps": REAL, "momentum": REAL}, _batch_norm),
    "BatchNorm2d": _layer(nn.BatchNorm2d, {"width": WHOLE, "eps": REAL, "momentum": REAL}, _batch_norm),
    "Conv1d": _conv_layer(nn.Conv1d, 1), "Conv2d": _conv_layer(nn.Conv2d, 2),
    "MaxPool1d": _layer(nn.MaxPool1d, _window(1)), "MaxPool2d": _layer(nn.MaxPool2d, _window(2)),
    "AvgPool1d": _layer(nn.AvgPool1d, _window(1)), "AvgPool2d": _layer(nn.AvgPool2d, _window(2)),
    "RNN": _scan_layer(nn.RNN, 1, activation=_one_of("tanh", "relu")),
    "LSTM": _scan_layer(nn.LSTM, 4), "GRU": _scan_layer(nn.GRU, 3),
    "Members": _layer(nn.Members, {"n_in": WHOLE, "k": WHOLE}, lambda n_in, k: {"weight": (k, n_in)}),
    "MemberLinear": _layer(nn.MemberLinear, {"n_in": WHOLE, "n_out": WHOLE, "k": WHOLE, "bias": YES_OR_NO},
                           _member_linear, bias=lambda m: m.bias is not None),
    "FoundLinear": _layer(nn.FoundLinear, {"n_in": WHOLE, "n_out": WHOLE},
                          lambda n_in, n_out: {"weight": (n_out, n_in), "bias": (n_out,)}),
    "RandomConvolutions": _layer(nn.RandomConvolutions, {"n_in": WHOLE, "apart": SEVERAL, "thresholds": SEVERAL},
                                 _convolutions),
    "MemberMean": _layer(nn.MemberMean, {"link": _one_of(*nn.MemberMean.LINKS)}),
    "Dropout": _layer(nn.Dropout, {"p": REAL}),
    "FallingDropout": _layer(nn.FallingDropout, {"p": REAL, "steps": WHOLE}),
    "Augment": _layer(nn.Augment, {"flip": YES_OR_NO, "flip_vertical": YES_OR_NO, "shift": REAL, "rotate": REAL,
                                   "crop": REAL}),
    "Flatten": _layer(nn.Flatten),
    "LeakyReLU": _layer(nn.LeakyReLU, {"slope": REAL}),
    "ELU": _layer(nn.ELU, {"alpha": REAL}),
    "Parametric": _layer(nn.Parametric, {"width": WHOLE, "activation": _one_of(*PARAMETRIC), "rate": REAL}, _factors),
    "Scale": _layer(nn.Scale, {"width": WHOLE, "rate": REAL}, _factors),
    "GELU": _layer(nn.GELU, {"approximate": YES_OR_NO}),
    **{make.__name__: _layer(make) for make in (*PLAIN, nn.GlobalAveragePool, nn.GlobalMaxPool)},
}
NETWORKS: dict[str, type[nn.Sequential]] = {
    "Sequential": nn.Sequential, "MLP": nn.MLP, "CNN": nn.CNN, "Recurrent": nn.Recurrent,
    "TabM": nn.TabM, "WithLinear": nn.WithLinear,
}


# ---- writing ---------------------------------------------------------------------------------------------------------


def to_json(model: nn.Module) -> dict[str, Any]:
    """Write a model as JSON: standard layers with their settings, others by the name of their class alone."""
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
        if isinstance(module, nn.CNN):
            entry |= {"input_shape": list(module.input_shape)}
        if isinstance(module, nn.CNN | nn.Recurrent | nn.TabM):
            entry |= {"about": module.about}
        if isinstance(module, nn.WithLinear):
            entry["layers"] += [_to_json(one, seen) for one in (module.sees, module.linear) if one is not None]
            entry |= {"link": module.link} | ({} if module.sees is None else {"sees": True})
    elif type(module) is nn.LastState and plain:
        entry = {"class": name, "layers": [_to_json(module.layer, seen)]}
    elif type(module) is nn.Ensemble and plain:
        entry = {"class": name, "layers": [_to_json(network, seen) for network in module.networks], "link": module.link}
    elif type(module) is nn.Lagged and plain:
        entry = {"class": name, "layers": [_to_json(module.layer, seen), _to_json(module.out, seen)],
                 "lags": module.lags}
    elif type(module) is nn.SideBySide and plain:
        entry = {"class": name, "layers": [_to_json(network, seen) for network in module.networks],
                 "widths": list(module.widths)}
    elif layer is not None and layer.make is type(module):
        settings = {key: layer.read.get(key, lambda m, k=key: getattr(m, k))(module) for key in layer.settings}
        plain_settings = {key: list(v) if isinstance(v, tuple) else v for key, v in settings.items()}
        fits = all(setting.fits(plain_settings[key]) for key, setting in layer.settings.items())
        if fits and own == layer.shapes(**settings) and not list(module.children()):
            entry = {"class": name, "settings": plain_settings}
    seen[id(module)] = len(seen)
    return entry


def class_name(model: nn.Module) -> str:
    return model.class_name if isinstance(model, Restored) else type(model).__name__


# ---- reading ---------------------------------------------------------------------------------------------------------


def customs(entry: Any, depth: int = 0) -> set[str]:
    """Find the names of the classes in an architecture that are not standard."""
    if depth > DEEPEST:
        raise FileError(f"it is damaged (layers within layers, more than {DEEPEST} deep)")
    if not isinstance(entry, dict):
        raise FileError(f"it is damaged (a layer is {str(entry)[:40]!r})")
    if "custom" in entry:
        return {text(entry, "custom", "architecture")}
    layers = field(entry, "layers", list, "architecture") if "layers" in entry else []
    return set().union(*(customs(layer, depth + 1) for layer in layers))


def build(entry: Any, custom: dict[str, Callable[[], nn.Module]], available: int) -> nn.Module:
    """Build the model, with fresh weights. available: how many numbers the file has; layers cannot have more."""
    if _layers(entry, []) > MOST_LAYERS:
        raise FileError(f"it is damaged (it has more than {MOST_LAYERS:,} layers)")
    needed = sum(math.prod(shape) for shape in _shapes(entry))
    if needed > available:
        raise FileError(f"it is damaged (its layers have {needed:,} weights, and it holds {available:,})")
    try:
        return _build(entry, custom, [])
    except CutawayError as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"it is damaged ({error})") from None


def _layers(entry: dict[str, Any], made: list[int]) -> int:
    """Count the layers. Where each layer holds the one before twice, they would be too many to be walked through."""
    if "again" in entry:
        return made[whole(entry["again"], "a layer's number", len(made))]
    inner = [] if "custom" in entry else entry.get("layers", [])
    made.append(1 + sum(_layers(layer, made) for layer in inner))
    return made[-1]


def check_windows(model: nn.Module, saved: Saved) -> None:
    """Check that layers move their windows as the program does, whose sizes were tried: padding costs memory."""
    layers = [layer for layer in _in_order(model) if hasattr(layer, "stride")]
    operations = [o for o in saved.operations if facts(o.op).windows]
    if len(layers) != len(operations) or not all(map(_moves_alike, layers, operations)):
        raise FileError("it is damaged (its layers move other windows than its program)")


def _in_order(module: nn.Module) -> Iterator[Any]:
    """Give the layers in the order in which they run."""
    if isinstance(module, nn.Lagged):
        yield from _in_order(module.layer)
        yield from _in_order(module.out)
    elif isinstance(module, nn.Sequential | nn.Ensemble | nn.SideBySide):
        for layer in module.layers if isinstance(module, nn.Sequential) else module.networks:
            yield from _in_order(layer)
        if isinstance(module, nn.WithLinear) and module.sees is not None:
            yield from _in_order(module.sees)
    elif isinstance(module, nn.RandomConvolutions):
        yield from module.moves()
    else:
        yield module


def _moves_alike(layer: Any, operation: SavedOperation) -> bool:
    given = operation.attributes
    own = {name: getattr(layer, name) for name in ("stride", "dilation", "groups", "window") if name in given}
    # behind the end of short Sequences a program may have more places than the layer asks for
    edges = all(a[0] == b[0] and a[1] <= b[1] for a, b in zip(layer.edges, given["padding"], strict=False))
    return edges and len(layer.edges) == len(given["padding"]) and all(given[name] == v for name, v in own.items())


def _shapes(entry: dict[str, Any]) -> Iterator[tuple[int, ...]]:
    """Give the shapes of all parameters and buffers of standard layers."""
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
    for key, setting in wanted.items():
        if not setting.fits(given[key]):
            raise FileError(f"it is damaged ({name} has {key} {str(given[key])[:40]!r})")
    return name, {key: setting.decode(given[key]) for key, setting in wanted.items()}


def _build(entry: Any, custom: dict[str, Callable[[], nn.Module]], made: list[nn.Module]) -> nn.Module:
    if "again" in entry:
        return made[whole(entry["again"], "a layer's number", len(made))]
    if "custom" in entry:
        model = _custom(entry["custom"], custom)
    elif (name := text(entry, "class", "layer")) in LAYERS:
        model = LAYERS[name].make(**_settings(entry)[1])
    elif name in NETWORKS or name in ("LastState", "Ensemble", "SideBySide", "Lagged"):
        layers = [_build(layer, custom, made) for layer in field(entry, "layers", list, name)]
        if name == "Ensemble":
            model = nn.Ensemble(layers, text(entry, "link", name))
        elif name == "Lagged":
            if len(layers) != 2:
                raise FileError("it is damaged (Lagged holds two networks)")
            model = nn.Lagged(layers[0], layers[1], whole(field(entry, "lags", int, name), "lags"))
        elif name == "SideBySide":
            model = nn.SideBySide(layers, [whole(n, "a width") for n in field(entry, "widths", list, name)])
        else:
            model = _network(name, entry, layers) if name in NETWORKS else _last_state(layers)
    else:
        raise FileError(f"it holds a layer {name!r}, which this Cutaway does not know: update Cutaway")
    made.append(model)
    return model


def _network(name: str, entry: dict[str, Any], layers: list[nn.Module]) -> nn.Module:
    if name == "WithLinear":
        return _with_linear(entry, layers)
    model = object.__new__(NETWORKS[name])  # an MLP is rebuilt from its layers, whatever was done to them since
    nn.Sequential.__init__(model, *layers)
    if isinstance(model, nn.CNN):
        model.input_shape = tuple(whole(n, "a size") for n in field(entry, "input_shape", list, name))
        if not 2 <= len(model.input_shape) <= 3 or math.prod(model.input_shape) > LARGEST:
            raise FileError(f"it is damaged (its input shape is {model.input_shape})")
    if isinstance(model, nn.CNN | nn.Recurrent | nn.TabM):
        model.about = text(entry, "about", name)
    if isinstance(model, nn.MLP):
        model.widths = tuple(whole(n, "a width") for n in field(entry, "widths", list, name))
        model.activation = text(entry, "activation", name)
    return model


def _with_linear(entry: dict[str, Any], layers: list[Any]) -> nn.Module:
    if not layers or not isinstance(layers[-1], nn.FoundLinear):
        raise FileError("it is damaged (WithLinear holds no linear model)")
    *layers, linear = layers
    sees = layers.pop() if entry.get("sees") is True and layers else None  # files of older versions say nothing of it
    return nn.WithLinear(nn.Sequential(*layers), linear, text(entry, "link", "WithLinear"), sees)


def _last_state(layers: list[Any]) -> nn.Module:
    if len(layers) != 1:
        raise FileError(f"it is damaged (LastState holds {len(layers)} layers)")
    return nn.LastState(layers[0])


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
