"""An update taken apart: what the gradient alone would do, and what momentum, scaling and decay add.

Each part is the difference that one ingredient makes: the optimizer's own rule is evaluated in double precision beside
the simpler rule that lacks it. Gradient descent becomes momentum, momentum becomes Adam without bias correction
(t = ∞), that becomes Adam, and Adam becomes AdamW.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...errors import ArgumentError
from ...optim import SGD, Adam, AMSGrad, Momentum, Optimizer
from ...optim.stated import update_words
from ...shown import Shown
from ..reading import unknown
from ..traces.record import Record
from .symbols import Symbols, indexed
from .text import update_json, update_text

WORDS = {"ClipNorm": "clipping to a length", "ClipValue": "clipping each entry", "L1": "L1 in the gradient",
         "L2": "L2 in the gradient"}


@dataclass(frozen=True)
class UpdatePart:
    """One part of a step: its name, its formula, the number it adds, and the step as it is with it."""

    name: str
    formula: str
    value: float
    so_far: float

    @property
    def factor(self) -> float:
        """The step with this part divided by the step without it."""
        without = self.so_far - self.value
        return self.so_far / without if without else math.nan


@dataclass(repr=False)
class UpdateExplanation(Shown):
    """What `explain_update` gives: θ' - θ of one weight, split into parts that add up to it.

    value: the step that was taken. before, after: the weight. gradient: as backward gave it. state, state_after: the
    optimizer's own numbers. rounding: what single precision made of the sum of the parts. decay: what weight decay, as
    L2 in the gradient or decoupled, did to this step, and `decoupled`, what -η λ θ would be.
    """

    name: str
    index: tuple[int, ...]
    symbol: str
    optimizer: str
    formula: str
    step: int
    lr: float
    before: float
    after: float
    gradient: float
    state: dict[str, float]
    state_after: dict[str, float]
    parts: list[UpdatePart]
    decay: float | None = None
    decoupled: float | None = None
    notes: list[str] = field(default_factory=list)

    kind = "update"

    @property
    def value(self) -> float:
        return self.after - self.before

    @property
    def rounding(self) -> float:
        return self.value - sum(p.value for p in self.parts)

    def __repr__(self) -> str:
        return f"UpdateExplanation(Δ{self.symbol} = {self.value:.6g}: {', '.join(p.name for p in self.parts)})"

    def __str__(self) -> str:
        return update_text(self)

    def to_json(self) -> dict[str, Any]:
        return update_json(self)


def explain_update(trace: Record, name: str, *index: int) -> UpdateExplanation:
    """Split one weight's step into parts. See `Trace.explain`."""
    name = trace.name(name)
    if name not in trace.parameters:
        raise unknown("parameter", name, trace.parameters)
    if not trace.parameters[name].trained:
        raise ArgumentError(f"{name} is frozen (requires_grad=False): the optimizer leaves it untouched")
    if not trace.about.finite:
        raise ArgumentError("J or a gradient was not finite in this step: the update did not take place")
    if trace.instructions[-1].phase != "update":
        raise ArgumentError(f"the step stands before its update: nothing has happened to {name} yet")
    if trace.origin is None:
        raise ArgumentError("this trace came from a file, which does not hold the optimizer's rule: trace it again")
    place = indexed(trace, name, index)
    opt: Optimizer = trace.origin.optimizer
    if opt.by_parameter:
        raise ArgumentError(f"{type(opt).__name__} updates whole parameters at a time, so that no number's step stands "
                            f"by itself: t.update({name!r}) has them all")
    update, at = trace.update(name), trace.parameters[name].lo + place
    theta, g = np.asarray(trace["θ"], np.float64), np.asarray(trace["g"], np.float64)
    state = {s: np.array([a.flat[place]], np.float64) for s, a in update.state.items()}
    one = theta[at : at + 1]
    parts: list[UpdatePart] = []

    def add(part: str, formula: str, so_far: float) -> None:
        parts.append(UpdatePart(part, formula, so_far - (parts[-1].so_far if parts else 0.0), so_far))

    sgd = SGD(opt.lr)
    add("gradient", "-η g", _step(sgd, one, g[at : at + 1], {}, trace.about.step))
    for prepare in opt.prepare:
        g = prepare.apply(g, theta)
        kind = type(prepare).__name__
        add(WORDS.get(kind, kind), repr(prepare), _step(sgd, one, g[at : at + 1], {}, trace.about.step))
    decays = opt.decays(trace.parameters[name].shape)
    for part, formula, so_far in _ingredients(opt, one, g[at : at + 1], state, trace.about.step, decays):
        add(part, formula, so_far)
    decay, decoupled = _decay(opt, theta, np.asarray(trace["g"], np.float64), at, state, trace.about.step, decays)
    start, end = (float(a.flat[place]) for a in (update.before, update.after))
    index = tuple(int(k) for k in np.unravel_index(place, trace.parameters[name].shape))
    about = trace.about
    return UpdateExplanation(
        name, index, Symbols.of(trace)(name, place), about.optimizer, _formula(opt), about.step, about.lr, start, end,
        float(trace.grad(name).flat[place]), {s: float(a[0]) for s, a in state.items()},
        {s: float(a.flat[place]) for s, a in update.state_after.items()}, parts, decay, decoupled,
    )


def _formula(opt: Optimizer) -> str:
    """Write the update as a formula; for Adam's kind only the last line: the parts say where m̂ and v̂ come from."""
    lines = opt.equations
    return lines[-1] if any(" = " in line for line in lines) else update_words(type(opt))


def _step(opt: Optimizer, theta: np.ndarray, g: np.ndarray, state: dict[str, np.ndarray], t: float,
          **changed: Any) -> float:
    """Compute θ' - θ of one weight by an optimizer's rule, with some settings changed."""
    settings = {s: getattr(opt, s) for s in opt.settings} | {"lr": opt.rate(int(t) if math.isfinite(t) else 1)}
    if opt.uses_step:
        settings["t"] = t
    results = type(opt).rule(theta, g, *(state[s] for s in opt.state_names), **settings | changed)
    return float((results[0] if isinstance(results, tuple) else results)[0] - theta[0])


def _ingredients(opt: Optimizer, theta: np.ndarray, g: np.ndarray, state: dict[str, np.ndarray], t: int,
                 decays: bool) -> Iterator[tuple[str, str, float]]:
    """List the name, the formula and the step so far, for each thing that a rule adds to gradient descent."""
    rate: Any = opt.rate(t)
    if opt.name in ("momentum", "heavy_ball", "nesterov"):
        look = " + β v'" if opt.name == "nesterov" else ""
        mean = "β v + g" if opt.name != "momentum" else "β v + (1 - β) g"
        yield "momentum", f"-η ({'g' + look if look else mean}) in place of -η g", _step(opt, theta, g, state, t)
    elif opt.name in ("adagrad", "rmsprop", "rmsprop_outside"):
        scale = {"adagrad": "√G + ε", "rmsprop": "√(E + ε)", "rmsprop_outside": "√E + ε"}[opt.name]
        yield "adaptive scaling", f"÷ ({scale})", _step(opt, theta, g, state, t)
    elif opt.name in ("adam", "amsgrad", "adamw"):
        own: Any = opt
        average = _step(Momentum(rate, beta=own.beta1), theta, g, {"v": state["m"]}, t)
        yield "momentum", "m = β₁ m + (1 - β₁) g in place of g", average
        plain: Any = AMSGrad if opt.name == "amsgrad" else Adam
        adam = plain(rate, own.beta1, own.beta2, own.eps)
        root = "√(largest v)" if opt.name == "amsgrad" else "√v"
        yield "adaptive scaling", f"÷ ({root} + ε)", _step(adam, theta, g, state, math.inf)
        yield "bias correction", "m̂ = m / (1 - β₁ᵗ), v̂ = v / (1 - β₂ᵗ)", _step(adam, theta, g, state, t)
        if opt.name == "adamw":
            decay = own.weight_decay if decays else 0.0
            label = "-η λ θ" if decays else f"-η λ θ, but decay={own.decay!r} leaves this one out"
            yield "decoupled decay", label, _step(opt, theta, g, state, t, weight_decay=decay, lr=rate)
    elif opt.name != "sgd":
        yield f"{type(opt).__name__}'s rule", opt.name, _step(opt, theta, g, state, t)


def _decay(opt: Optimizer, theta: np.ndarray, g: np.ndarray, at: int, state: dict[str, np.ndarray], t: int,
           decays: bool) -> tuple[float | None, float | None]:
    """Compute what weight decay does to this step, and -η λ θ: AdamW makes the two equal, L2 behind Adam does not."""
    own: Any = opt
    one = theta[at : at + 1]
    strength = sum(p.weight for p in own.prepare if type(p).__name__ == "L2")
    if strength:

        def step(prepare: Callable[[Any], bool]) -> float:
            seen = g
            for p in own.prepare:
                seen = p.apply(seen, theta) if prepare(p) else seen
            return _step(opt, one, seen[at : at + 1], state, t)

        return step(lambda p: True) - step(lambda p: type(p).__name__ != "L2"), -opt.rate(t) * strength * float(one[0])
    if "weight_decay" in opt.settings and decays:
        seen = g
        for p in own.prepare:
            seen = p.apply(seen, theta)
        seen = seen[at : at + 1]
        effect = _step(opt, one, seen, state, t) - _step(opt, one, seen, state, t, weight_decay=0.0)
        return effect, -opt.rate(t) * own.weight_decay * float(one[0])
    return None, None
