"""Weights as Keras has them: which layer there each one here is, how its arrays lie, where they stand in files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ArgumentError, ShapeError, warn
from .parameter import Buffer, Parameter
from .tree import Tree
from .weight_files import NO_WEIGHTS

Arrays = list[np.ndarray]
#: Parts of names that say where a variable stands, not of what layer it is.
STRUCTURE = ("layers", "layer", "cell", "cells", "vars", "rnn", "stacked_rnn_cells", "time_distributed",
             "bidirectional")
#: The order of a layer's variables in its list, by their names.
ORDER = ("kernel", "depthwise_kernel", "recurrent_kernel", "embeddings", "gamma", "beta", "bias", "moving_mean",
         "moving_variance")
EPSILON = 1e-3  # of Keras' normalisations, unless told otherwise


@dataclass
class KerasLayer:
    """A layer of Keras' that stands for one here, or for one direction of one of its levels.

    name: what it is called here. kind: its class there, as in file names. path: where its variables lie in a weights
    file. leaves: their names. out gives their arrays from ours by name, back ours from theirs.
    """

    name: str
    kind: str
    path: tuple[str, ...]
    leaves: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    out: Callable[[], Arrays]
    back: Callable[[Arrays], dict[str, np.ndarray]]

    @property
    def side(self) -> str:
        return _side(self.path)

    def __str__(self) -> str:
        return f"{self.name or 'the layer'} ({_forms(self.leaves, self.shapes)})"


@dataclass
class _Group:
    """The variables of one layer in what is loaded."""

    path: tuple[str, ...]
    leaves: tuple[str, ...]
    arrays: Arrays

    def __post_init__(self) -> None:
        named = [_class(part)[0] for part in self.path if _class(part)[0] not in STRUCTURE]
        self.kind = named[-1] if named and named[-1] in KINDS else None
        self.shapes = tuple(a.shape for a in self.arrays)
        self.side = _side(self.path)
        self.name = "/".join(self.path) or "the state"

    def __str__(self) -> str:
        return f"{self.name} ({_forms(self.leaves, self.shapes)})"

    def fits(self, layer: KerasLayer) -> bool:
        """Whether the arrays may be this layer's; a depthwise kernel is one of as many groups as there are channels."""
        kind = "conv2d" if self.kind == "depthwise_conv2d" else self.kind
        return kind in (None, layer.kind) and self.shapes == layer.shapes and self.side in ("", layer.side)


def _forms(leaves: tuple[str, ...], shapes: tuple[tuple[int, ...], ...]) -> str:
    return ", ".join(f"{leaf} {shape}" for leaf, shape in zip(leaves, shapes, strict=True))


def _side(path: tuple[str, ...]) -> str:
    return next((word for part in path for word in ("forward", "backward") if part.startswith(word)), "")


def _class(part: str) -> tuple[str, int]:
    """Split a part of a path into a class and its number: "dense_1" is ("dense", 1), "dense" is ("dense", 0)."""
    part = re.sub(r"^(forward|backward)_(?=.)", "", part)
    found = re.fullmatch(r"(.*?)(?:_(\d+))?", part, re.DOTALL)
    assert found is not None
    name = found[1].removesuffix("_cell") if found[1].removesuffix("_cell") in KINDS else found[1]
    return name, int(found[2] or 0) if len(found[2] or "") < 10 else 0


# ---- what each layer is there ----------------------------------------------------------------------------------------


def _plain(*pairs: tuple[str, str], turned: Callable[[np.ndarray], np.ndarray] = lambda a: a,
           turned_back: Callable[[np.ndarray], np.ndarray] = lambda a: a) -> tuple:
    """Pairs (ours, theirs) of names; the first array is turned."""
    def out(own: Mapping[str, np.ndarray]) -> Arrays:
        return [turned(own[mine]) if k == 0 else own[mine] for k, (mine, _) in enumerate(pairs) if mine in own]

    def back(arrays: Arrays) -> dict[str, np.ndarray]:
        return {mine: turned_back(a) if k == 0 else a
                for k, ((mine, _), a) in enumerate(zip(pairs, arrays, strict=False))}

    return tuple(theirs for _, theirs in pairs), out, back


_NORM = (("weight", "gamma"), ("bias", "beta"))
KINDS: dict[str, tuple] = {
    "dense": _plain(("weight", "kernel"), ("bias", "bias"), turned=np.transpose, turned_back=np.transpose),
    **dict.fromkeys(("conv1d", "conv2d"), _plain(
        ("weight", "kernel"), ("bias", "bias"), turned=lambda W: np.moveaxis(W, 0, -1),
        turned_back=lambda W: np.moveaxis(W, -1, 0))),
    "batch_normalization": _plain(*_NORM, ("running_mean", "moving_mean"), ("running_var", "moving_variance")),
    "layer_normalization": _plain(*_NORM),
    "embedding": _plain(("weight", "embeddings")),
}
RECURRENT = ("simple_rnn", "lstm", "gru")
KINDS |= dict.fromkeys((*RECURRENT, "depthwise_conv2d"), ())


def _gates(kind: str, a: np.ndarray) -> np.ndarray:
    """Reorder rows r, z, n of a GRU to z, r, h, or back; those of the others lie alike: i, f, g (c there), o."""
    return a.reshape(3, -1, *a.shape[1:])[[1, 0, 2]].reshape(a.shape) if kind == "gru" else a


def _scan(kind: str, key: str, bias: bool) -> tuple:
    """One direction of one level of a recurrent layer: Keras has one bias, a GRU two in one array."""
    def out(own: Mapping[str, np.ndarray]) -> Arrays:
        both = [_gates(kind, own[f"{part}_{key}"]) for part in ("weight_ih", "weight_hh")]
        biases = [_gates(kind, own[f"{part}_{key}"]) for part in ("bias_ih", "bias_hh") if bias]
        one = [np.stack(biases) if kind == "gru" else biases[0] + biases[1]] if bias else []
        return [*(W.T for W in both), *one]

    def back(arrays: Arrays) -> dict[str, np.ndarray]:
        found = {f"weight_ih_{key}": _gates(kind, arrays[0].T), f"weight_hh_{key}": _gates(kind, arrays[1].T)}
        if bias:
            two = arrays[2] if kind == "gru" else (arrays[2], np.zeros_like(arrays[2]))
            found |= {f"{part}_{key}": _gates(kind, b) for part, b in zip(("bias_ih", "bias_hh"), two, strict=True)}
        return found

    return ("kernel", "recurrent_kernel", *(["bias"] if bias else [])), out, back


def refuse_without(model: Tree, library: str) -> None:
    """Raise ArgumentError for the first layer of ours that another library has not."""
    for name, module in model.named_modules():
        of_ours = type(module).__module__.partition(".")[0] == __name__.partition(".")[0]
        if module.elsewhere is None or (of_ours and not module.elsewhere and _own(module)):
            raise ArgumentError(f"{name or 'the model'} ({type(module).__name__}) has no counterpart in {library}: "
                                "weights go by layout where all layers with weights are Linear, convolutions, RNN, "
                                "LSTM, GRU, Embedding, BatchNorm or LayerNorm")


def _own(module: Tree) -> list[str]:
    """The names of a module's own weights, not of those of modules inside it."""
    return [key for key, value in vars(module).items() if isinstance(value, Parameter | Buffer)]


def keras_layers(model: Tree) -> list[KerasLayer]:
    """List the layers that Keras would have for a model's, in order. Raises ArgumentError for what it has not."""
    refuse_without(model, "Keras")
    return list(_found(model, "", ()))


def _found(module: Any, name: str, path: tuple[str, ...]) -> Iterator[KerasLayer]:
    """Give a module's layers; `path` is where this module stands in a weights file."""
    own, layer = _inside(module, name)
    if layer.elsewhere in RECURRENT:
        if layer.layers > 1:
            raise ArgumentError(f"{name or repr(module)} has {layer.layers} levels, which are layers of their own in "
                                "Keras: put it into a Sequential")
        yield from _levels(layer, own, [path])
        return
    if module.elsewhere:
        if more := {*_own(module)} - {"weight", "bias", "running_mean", "running_var"}:
            raise ArgumentError(f"{name or 'the model'} ({type(module).__name__}) has {', '.join(sorted(more))}, which "
                                f"{module.elsewhere} has not in Keras: give these arrays by our names")
        yield _layer(name, module.elsewhere, (*path, "vars"), KINDS[module.elsewhere], module, name)
        return
    kept = _own(module)
    if kept:
        raise ArgumentError(f"{name or 'the model'} ({type(module).__name__}) has {', '.join(kept)}, for which no "
                            "layer of Keras stands: give these arrays by our names")
    if module.on_images == "chain":
        yield from _in_list(module.layers, [f"{name}.{n}" if name else n for n, _ in module.children()],
                            (*path, "layers"))
        return
    for key, value in vars(module).items():
        if isinstance(value, Tree):
            yield from _found(value, f"{name}.{key}" if name else key, (*path, key))
        elif isinstance(value, list | tuple | dict):
            pairs = list(value.items() if isinstance(value, dict) else enumerate(value))
            pairs = [(k, m) for k, m in pairs if isinstance(m, Tree)]
            yield from _in_list([m for _, m in pairs], [f"{name}.{key}.{k}".lstrip(".") for k, _ in pairs],
                                (*path, key))


def _in_list(modules: Any, names: list[str], path: tuple[str, ...]) -> Iterator[KerasLayer]:
    """Number the layers in a list by their classes, as Keras does: dense, dense_1, lstm, dense_2."""
    seen: dict[str, int] = {}
    counted: set[int] = set()

    def place(kind: str) -> tuple[str, ...]:
        seen[kind] = seen.get(kind, -1) + 1
        return (*path, f"{kind}_{seen[kind]}" if seen[kind] else kind)

    for module, name in zip(modules, names, strict=True):
        own, layer = _inside(module, name)
        if id(module) in counted:  # one that stands twice is one
            continue
        counted.add(id(module))
        if layer.elsewhere in RECURRENT:
            kind = "bidirectional" if layer.bidirectional else layer.elsewhere
            yield from _levels(layer, own, [place(kind) for _ in range(layer.layers)])
        else:
            yield from _found(module, name, place(module.elsewhere or _snake(module)))


def _snake(module: Any) -> str:
    """The name of a class in a weights file: MaxPool is max_pool there."""
    if module.on_images == "chain":
        return "sequential"
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(module).__name__).lower()


def _inside(module: Any, name: str) -> tuple[str, Any]:
    """The layer that a LastState is around, with its name; of any other module itself."""
    if module.elsewhere != "around":
        return name, module
    inner, layer = next(module.children())
    return (f"{name}.{inner}" if name else inner), layer


def _levels(layer: Any, name: str, paths: list[tuple[str, ...]]) -> Iterator[KerasLayer]:
    """Give a recurrent layer's levels and directions, each a cell there."""
    for level, path in enumerate(paths):
        for direction in range(layer.directions):
            key = f"l{level}{'_reverse' * direction}"
            inside = ("backward_layer" if direction else "forward_layer",) if layer.bidirectional else ()
            where = name if len(paths) * layer.directions == 1 else f"{name}.{key}"
            how = _scan(layer.elsewhere, key, layer.bias)
            yield _layer(where, layer.elsewhere, (*path, *inside, "cell", "vars"), how, layer, name)


def _layer(name: str, kind: str, path: tuple[str, ...], how: tuple, module: Any, own: str) -> KerasLayer:
    leaves, out, back = how
    there = {key: t.data for key, t in [*module.named_parameters(), *module.named_buffers()]}
    shapes = tuple(a.shape for a in out(there))
    prefix = f"{own}." if own else ""

    def with_names(arrays: Arrays) -> dict[str, np.ndarray]:
        return {f"{prefix}{key}": a for key, a in back(arrays).items()}

    return KerasLayer(name, kind, path, leaves[: len(shapes)], shapes, lambda: out(there), with_names)


# ---- out and in ------------------------------------------------------------------------------------------------------


def keras_state(model: Tree) -> dict[str, np.ndarray]:
    """Give a model's weights as a weights file of Keras' has them, by their places there."""
    found: dict[str, np.ndarray] = {}
    for layer in keras_layers(model):
        found |= {"/".join((*layer.path, str(k))): a for k, a in enumerate(layer.out())}
    return found


def from_keras(model: Tree, state: Any, shown: Callable[[str, Any], np.ndarray]) -> dict[str, np.ndarray]:
    """Turn weights of Keras' into arrays by our names. `shown` makes an array of one with a name.

    state: arrays by name, by Keras' paths or a weights file's; a list of arrays in order, as get_weights() gives them;
    a Keras model. Raises ArgumentError or ShapeError for what does not fit, or could be meant in two ways.
    """
    layers = keras_layers(model)
    if not isinstance(state, Mapping):
        listed = state.get_weights() if callable(getattr(state, "get_weights", None)) else state
        if not isinstance(listed, list | tuple):
            raise ArgumentError(f"Keras' weights are arrays by name, a list of arrays, a file or a model, got "
                                f"{type(state).__name__}")
        state = {f"arr_{k}": a for k, a in enumerate(listed)}
    arrays = {str(k): shown(str(k), v) for k, v in state.items()}
    if arrays and all(re.fullmatch(r"arr_\d+", name) for name in arrays):
        pairs = _in_order(layers, [arrays[k] for k in sorted(arrays, key=lambda k: int(k[4:]))])
    else:
        pairs = _by_name(layers, _grouped(arrays))
    found: dict[str, np.ndarray] = {}
    for layer, parts in pairs:
        _warn_of_epsilon(model, layer)
        found |= layer.back(parts)
    tensors = [*model.named_parameters(), *model.named_buffers()]
    return {name: found[name] for name, _ in tensors}


def _in_order(layers: list[KerasLayer], arrays: Arrays) -> list[tuple[KerasLayer, Arrays]]:
    wanted = [(layer, leaf, shape) for layer in layers
              for leaf, shape in zip(layer.leaves, layer.shapes, strict=True)]
    for k, ((layer, leaf, shape), a) in enumerate(zip(wanted, arrays, strict=False)):
        if a.shape != shape:
            raise ShapeError(f"{layer.name or 'the layer'} wants {leaf} {shape}, but array {k} has shape {a.shape}"
                             + _reset(layer.kind, a))
    if len(wanted) != len(arrays):
        raise ArgumentError(f"the state has {len(arrays)} arrays, and this model {len(wanted)}: "
                            f"{'; '.join(map(str, layers))}")
    rest = iter(arrays)
    return [(layer, [next(rest) for _ in layer.shapes]) for layer in layers]


def _reset(kind: str, last: np.ndarray) -> str:
    return (". One bias means reset_after=False, where the reset gate acts before the matrix product: there is no such "
            "layer here") if kind == "gru" and last.ndim == 1 else ""


def _grouped(arrays: dict[str, np.ndarray]) -> list[_Group]:
    """Gather variables by the layer that they belong to."""
    groups: dict[tuple[str, ...], dict[str, np.ndarray]] = {}
    for name, a in arrays.items():
        *parents, leaf = name.strip("/").split("/")
        path = tuple(parents)
        if {*NO_WEIGHTS} & {*path} or leaf == "seed_generator_state":
            continue
        groups.setdefault(path, {})[leaf.removesuffix(":0")] = a

    def rank(leaf: str) -> tuple:
        return (0, int(leaf), "") if leaf.isdecimal() else (1, ORDER.index(leaf) if leaf in ORDER else 99, leaf)

    found = []
    for path, parts in groups.items():
        leaves = tuple(sorted(parts, key=rank))
        part = [parts[leaf] for leaf in leaves]
        group = _Group(path, leaves, part)
        if group.kind == "depthwise_conv2d" and part[0].ndim == 4:
            kernel = part[0].reshape(*part[0].shape[:2], 1, -1)
            group = _Group(path, leaves, [kernel, *part[1:]])
        found.append(group)
    return found


def _by_name(layers: list[KerasLayer], groups: list[_Group]) -> list[tuple[KerasLayer, Arrays]]:
    """Pair layers with what is loaded: by our own names, else by shapes and, of equal shapes, by numbers."""
    ours = {layer.name: layer for layer in layers}
    if groups and all(group.name.replace("/", ".") in ours for group in groups) and len(groups) == len(layers):
        pairs = [(ours[group.name.replace("/", ".")], group) for group in groups]
        for layer, group in pairs:
            if group.shapes != layer.shapes:
                raise ShapeError(f"{layer}, but the state has {group}")
        return [(layer, group.arrays) for layer, group in pairs]
    left, paired = list(groups), list[tuple[KerasLayer, _Group]]()
    for key in dict.fromkeys((layer.kind, layer.side, layer.shapes) for layer in layers):
        alike = [layer for layer in layers if (layer.kind, layer.side, layer.shapes) == key]
        fitting = [group for group in left if group.fits(alike[0])]
        if len(fitting) < len(alike):
            _refuse_lack(alike, fitting, left)
        others = [layer for layer in layers if layer not in alike and any(g.fits(layer) for g in fitting)]
        if len(fitting) > len(alike) or others:
            raise ArgumentError(f"{_and(alike)} could be any of {_and(fitting)}. {SAY_WHICH}")
        paired += zip(alike, _ordered(alike, fitting), strict=True)
        left = [group for group in left if group not in fitting]
    if left:
        raise ArgumentError(f"the state has {_and(left)}, for which this model has no layer; it has {_and(layers)}")
    return [(layer, group.arrays) for layer, group in paired]


SAY_WHICH = ("Give get_weights(), which is in order, or the arrays by our names: "
             '{"layer1/kernel": ..., "layer1/bias": ...}')


def _and(things: Any) -> str:
    names = [str(thing) for thing in things]
    return "; ".join(names[:6]) + (f"; and {len(names) - 6} more" if len(names) > 6 else "")


def _refuse_lack(alike: list[KerasLayer], fitting: list[_Group], left: list[_Group]) -> None:
    layer = alike[len(fitting)]
    same = [group for group in left if group.kind in (None, layer.kind) and group not in fitting]
    said = f"there is {_and(same)}" if same else f"there is none of its kind among {_and(left)}" if left else (
        "the state has no more arrays")
    bent = next((_reset("gru", g.arrays[-1]) for g in same if layer.kind == "gru" and len(g.arrays) == 3), "")
    if layer.kind == "batch_normalization" and any(len(g.arrays) == 3 for g in same):
        bent = (". Of three arrays, gamma or beta is left out, and the file does not say which: give four, ones for "
                "gamma or zeros for beta")
    raise ShapeError(f"no weights fit {layer}: {said}{bent}")


def _ordered(alike: list[KerasLayer], fitting: list[_Group]) -> list[_Group]:
    """Put what fits several layers alike into order, by the numbers in its names, or refuse."""
    if len(alike) == 1:
        return fitting
    depths = [_depths([layer.path for layer in alike]), _depths([group.path for group in fitting])]
    if sorted(depths[0]) == sorted(depths[1]) and len(set(depths[0])) > 1:  # nested alike: one depth after the other
        found: dict[int, _Group] = {}
        for depth in set(depths[0]):
            at = [k for k, d in enumerate(depths[0]) if d == depth]
            found |= zip(at, _ordered([alike[k] for k in at],
                                      [g for g, d in zip(fitting, depths[1], strict=True) if d == depth]), strict=True)
        return [found[k] for k in range(len(alike))]
    keys = [tuple(map(_class, group.path)) for group in fitting]
    classes = {tuple(name for name, _ in key) for key in keys}
    numbers = {tuple(number for _, number in key) for key in keys}
    if len(classes) > 1 or len(numbers) < len(keys):
        raise ArgumentError(f"{_and(alike)} have the same shapes, and the names {_and(fitting)} do not say which is "
                            f"which. {SAY_WHICH}")
    return [group for _, group in sorted(zip(keys, fitting, strict=True), key=lambda pair: pair[0])]


def _depths(paths: list[tuple[str, ...]]) -> list[int]:
    """How many chains of layers hold each of these, beyond those that hold all."""
    depths = [sum(_class(part)[0] == "sequential" for part in path) for path in paths]
    return [depth - min(depths) for depth in depths]


def _warn_of_epsilon(model: Tree, layer: KerasLayer) -> None:
    if layer.kind not in ("batch_normalization", "layer_normalization"):
        return
    norm = next(m for name, m in model.named_modules() if name == layer.name)
    if norm.eps == 1e-5:
        warn(f"{layer.name or 'the layer'} has eps=1e-5, and Keras' own is {EPSILON:g} unless told otherwise, which no "
             f"weights say: build it as {type(norm).__name__}({norm.width}, eps={EPSILON:g}) if it is that there")
