"""The optimizers that a page trains with: the run's own and the lecture's six, each with its equations in pieces."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...optim import SGD, AdaGrad, Adam, AdamW, Momentum, Optimizer, RMSProp
from ..equations import GREEK, Equation, stated

#: The rates that the page proposes for each.
SIX = {"SGD": SGD(0.1), "Momentum": Momentum(0.1), "AdaGrad": AdaGrad(0.05), "RMSProp": RMSProp(0.005),
       "Adam": Adam(0.005), "AdamW": AdamW(0.005)}

ADAM = (("momentum", "-η m"), ("adaptive scaling", "-η m / (√v + ε)"), ("bias correction", "-η m̂ / (√v̂ + ε)"))
#: The step as far as it goes with each ingredient, in symbols as they are after the step; words as `explain_update` has
#: them, which takes a step apart by the rules themselves.
PARTS: dict[str, tuple[tuple[str, str], ...]] = {
    "sgd": (),
    "momentum": (("momentum", "-η v"),),
    "heavy_ball": (("momentum", "-η v"),),
    "nesterov": (("momentum", "-η (g + β v)"),),
    "adagrad": (("adaptive scaling", "-η g / (√G + ε)"),),
    "rmsprop": (("adaptive scaling", "-η g / √(E + ε)"),),
    "rmsprop_outside": (("adaptive scaling", "-η g / (√E + ε)"),),
    "adam": ADAM,
    "adamw": (*ADAM, ("decoupled decay", "-η m̂ / (√v̂ + ε) - η λ θ")),
}


def choices(own: Optimizer) -> dict[str, Optimizer]:
    """Name the optimizers of a page, the run's own first; a schedule's place is taken by the page's own rate.

    >>> list(choices(Adam(0.1)))
    ['Adam', 'SGD', 'Momentum', 'AdaGrad', 'RMSProp', 'AdamW']
    """
    first = replace(own, lr=own.rate(1))
    name = type(own).__name__
    plain = not own.prepare and not own.average
    return {name if plain else f"{name}, as trained": first} | {
        other: opt for other, opt in SIX.items() if other != name or not plain}


def described(name: str, opt: Optimizer) -> dict[str, Any]:
    """What the page knows of an optimizer: its settings by name and by symbol, its equations, and its step in parts."""
    settings = {"lr": opt.rate(1)} | {s: getattr(opt, s) for s in opt.settings if s != "lr"}
    parts = [("gradient", "-η g"), *PARTS.get(opt.name, ())]
    return {
        "name": name, "settings": settings, "vectors": list(opt.vectors),
        "symbols": {s: GREEK.get(s, s) for s in settings if s != "lr"} | {"lr": "η" if "alpha" in settings else "α"},
        "prepared": [repr(p) for p in opt.prepare],
        "equations": [[e.gives, e.text, e.pieces] for e in stated(type(opt))],
        "parts": [[part, text, Equation("Δθ", text).pieces] for part, text in parts],
    }
