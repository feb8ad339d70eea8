"""Changes as Python: an optimizer with another rate, a layer put in, by the names of `ct.fit`'s arguments."""

from __future__ import annotations

import re
from dataclasses import MISSING, fields
from typing import Any

from ...nn import Module
from ...optim import AdamW, Optimizer
from ...optim.transforms import L1, L2, ClipNorm, ClipValue

WRAPPED = {ClipNorm: "ct.optim.clip({}, norm={:g})", ClipValue: "ct.optim.clip({}, value={:g})",
           L1: "ct.optim.l1({}, {:g})", L2: "ct.optim.l2({}, {:g})"}


def written(optimizer: Optimizer | None, factor: float = 1.0) -> str:
    """Write an optimizer as code, its learning rate times a factor.

    >>> import cutaway as ct
    >>> written(ct.optim.clip(ct.optim.Momentum(0.1, beta=0.8), norm=1), 0.1)
    'ct.optim.clip(ct.optim.Momentum(0.01, beta=0.8), norm=1)'
    >>> written(ct.optim.AdamW(ct.optim.schedules.cosine(0.003)), 10)
    'ct.optim.AdamW(ct.optim.schedules.cosine(0.03))'
    """
    optimizer = AdamW(1e-3) if optimizer is None else optimizer
    others = [f"{f.name}={getattr(optimizer, f.name)!r}" for f in fields(optimizer)
              if f.name not in ("lr", "prepare") and f.default is not MISSING
              and getattr(optimizer, f.name) != f.default]
    text = f"ct.optim.{type(optimizer).__name__}({', '.join([_rate(optimizer.lr, factor), *others])})"
    for step in optimizer.prepare[::-1]:
        if type(step) in WRAPPED:
            text = WRAPPED[type(step)].format(text, next(iter(vars(step).values())))
    return text


def _rate(lr: Any, factor: float) -> str:
    if not callable(lr):
        return f"{float(lr) * factor:.3g}"
    peak, label = getattr(lr, "lr", None), repr(lr)
    if peak is None or f"{peak:g}" not in label:  # a function of one's own
        return f"{float(lr(1)) * factor:.3g}"
    label = label.replace(f"{peak:g}", f"{peak * factor:.3g}", 1)
    return re.sub(r"\b(constant|step|exponential|cosine|one_cycle|warmup)\(", r"ct.optim.schedules.\1(", label)


def at_rate(optimizer: Optimizer | None, factor: float) -> str:
    """Write as code the change to a learning rate that is `factor` times as large."""
    return f"optimizer = {written(optimizer, factor)}"


def place_of(model: Module, wanted: Module, name: str = "model") -> str | None:
    """Write where a layer stands, as code: model.layers[2]. None where code cannot name it.

    >>> import cutaway as ct
    >>> net = ct.nn.MLP(2, [4], 1)
    >>> place_of(net, net[1])
    'model.layers[1]'
    """
    if model is wanted:
        return name
    for key, value in vars(model).items():
        if not key.isidentifier():
            continue
        inner: list[tuple[str, Any]] = [(f"{name}.{key}", value)]
        if isinstance(value, list | tuple):
            inner = [(f"{name}.{key}[{i}]", part) for i, part in enumerate(value)]
        for place, part in inner:
            found = place_of(part, wanted, place) if isinstance(part, Module) else None
            if found:
                return found
    return None


def instead(model: Module, olds: list[Module], new: str) -> str | None:
    """Write as code that each of these layers is replaced by a new one."""
    places = [place_of(model, old) for old in olds]
    if not places or None in places:
        return None
    if len(places) > 1 and all(re.fullmatch(r"model\.layers\[\d+\]", str(place)) for place in places):
        numbers = ", ".join(re.findall(r"\d+", " ".join(map(str, places))))
        return f"for i in ({numbers}): model.layers[i] = {new}"
    return "; ".join(f"{place} = {new}" for place in places)


def behind(model: Module, layer: Module, new: str) -> str | None:
    """Write as code that a new layer is put behind another: into a Sequential's list, or around the layer."""
    place = place_of(model, layer)
    if place is None:
        return None
    inside = re.fullmatch(r"(.+\.layers)\[(\d+)\]", place)
    if inside:
        return f"{inside[1]}.insert({int(inside[2]) + 1}, {new})"
    return f"{place} = ct.nn.Sequential({place}, {new})"


def drawn_anew(model: Module, name: str) -> str:
    """Write as code that a layer's weights are drawn again as suits a ReLU, and its bias is put back to zero."""
    layer = layer_called(model, name)
    place = place_of(model, layer) if layer is not None and hasattr(layer, "weight") else None
    if place is None:
        return "model.init(1)"
    change = f"{place}.weight.data[...] = ct.nn.init.he_normal(np.random.default_rng(0), {place}.weight.shape)"
    return change + (f"; {place}.bias.data[...] = 0" if getattr(layer, "bias", None) is not None else "")


def layer_called(model: Module, name: str) -> Module | None:
    """Find the layer of this name; for layer1@2 the layer1 that ran a second time."""
    return dict(model.named_modules()).get(name.split("@")[0])


def activations_of(model: Module, op: str) -> list[Module]:
    """Find all activation layers of one kind."""
    return [m for _, m in model.named_modules() if getattr(m, "op", "") == op]
