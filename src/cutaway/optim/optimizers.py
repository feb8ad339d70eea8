"""Optimizers: each is a pure rule on one flat vector, in the lecture's symbols, and a class that holds its settings.

A rule takes the weights, the gradient and its state vectors, then the step number t (from 1) and the settings; it
returns the new weights and the new state. The same text becomes the CPU's fused update loop. A rule that has to know
where a parameter ends, or which numbers stand in one row, takes one parameter after the other (`by_parameter`), and
runs in NumPy.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar

import numpy as np

from .. import habits
from ..errors import ArgumentError, ShapeError
from ..rules.namespace import NUMPY as xp
from .schedules import AUTO, Rate, Schedule, known

OPTIMIZERS: dict[str, type[Optimizer]] = {}
AVERAGE = "average"  # the name of the vector that holds the average of the weights


def average_weights(average, theta, *, t, decay):
    """After t steps Σ decay^(t - s) θ_s / Σ decay^(t - s), from θ after step s = 1 on: no start at zero to mend."""
    return average + (theta - average) * ((1 - decay) / (1 - decay**t))


@dataclass(frozen=True)
class Optimizer:
    """The base of all optimizers: `init` makes the state, `update` applies the rule. Both are pure.

    lr: the learning rate, a schedule, or "auto", for ct.fit to find one before it trains (train/rate.py).
    prepare: what is done to the gradient first; average: the decay of an average of the weights (see transforms.py).
    equations: what the rule does, a line for each symbol in the order in which it is worked out, θ last. Pages and
    explanations show them beside the numbers, and they end the docstring; without them the rule's own text is shown.
    by_parameter: whether the rule takes one parameter after the other, each in its shape, as a rule must that looks at
    a matrix's rows or a layer's length. Otherwise it takes stretches of θ, number by number, and gets a fused loop.

    >>> import numpy as np, cutaway as ct
    >>> opt = ct.optim.SGD(0.1)
    >>> theta, state = opt.update(np.array([1.0]), np.array([2.0]), opt.init(np.array([1.0])))
    >>> theta
    array([0.8])
    """

    lr: Rate | Schedule
    prepare: tuple[Prepare, ...] = field(default=(), kw_only=True, repr=False)
    average: float = field(default=0.0, kw_only=True, repr=False)
    rule: ClassVar[Callable]
    equations: ClassVar[tuple[str, ...]] = ()
    by_parameter: ClassVar[bool] = False

    def __new__(cls, *given: Any, **named: Any) -> Optimizer:
        taken = [f.name for f in fields(cls)]
        habits.check_keywords(cls.__name__, named, taken)
        if given and isinstance(given[0], list | tuple | dict | Iterator):
            raise ArgumentError(
                f"{cls.__name__} takes a learning rate first, and no parameters: ct.fit(net, ..., "
                f"optimizer=ct.optim.{cls.__name__}(lr)) names the network"
            )
        return super().__new__(cls)

    def __getattr__(self, name: str) -> Any:
        raise habits.UnknownName(type(self).__name__, name, habits.OPTIMIZER, lambda: dir(type(self)))

    def __init_subclass__(cls, listed: bool = True) -> None:
        """Enter a subclass into the table of optimizers to choose from, unless listed=False (a variant for one use)."""
        if listed:
            OPTIMIZERS[cls.__name__] = cls
        own = vars(cls)
        if "shapes" in own:
            cls.by_parameter = True
        if "rule" in own and "equations" not in own:
            cls.equations = ()  # those that it inherits are of another rule
        if wrong := [line for line in cls.equations if not re.match(r"\S+ [←=] .", line)]:
            raise ArgumentError(f'{cls.__name__}: an equation is text such as "v ← β v + g", got {wrong[0]!r}')
        if "equations" in own and cls.__doc__:
            cls.__doc__ = f"{cls.__doc__.rstrip()}\n\n    {'; '.join(cls.equations)}\n    "

    def __post_init__(self) -> None:
        number = isinstance(self.lr, int | float | np.number) and 0 <= self.lr < float("inf")
        if not number and not callable(self.lr) and self.lr != AUTO:
            raise ArgumentError(
                f'{type(self).__name__}: lr must be a number >= 0, a schedule, or "auto" (for ct.fit), got {self.lr!r}'
            )
        for f in fields(self):
            value = getattr(self, f.name)
            if f.name.startswith("beta") or f.name in ("alpha", "average"):
                if not 0 <= value < 1:
                    raise ArgumentError(f"{type(self).__name__}: {f.name} must lie in [0, 1), got {value!r}")
            elif isinstance(value, int | float) and not value >= 0:
                raise ArgumentError(f"{type(self).__name__}: {f.name} must not be negative, got {value!r}")

    @property
    def name(self) -> str:
        return type(self).rule.__name__

    @property
    def state_names(self) -> tuple[str, ...]:
        """The rule's state vectors: "m", "v" for Adam."""
        code = type(self).rule.__code__
        return code.co_varnames[2 : code.co_argcount]

    @property
    def vectors(self) -> tuple[str, ...]:
        """What an optimizer keeps from step to step: its rule's state, and the average of the weights if asked for."""
        return self.state_names + (AVERAGE,) * bool(self.average)

    def shapes(self, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        """Say the shape of each state vector's part for a parameter of this shape: the parameter's. A subclass may say
        otherwise, {"R": shape[:-1]} keeps a number for each row of a matrix, and its rule then works `by_parameter`."""
        return dict.fromkeys(self.state_names, shape)

    def start(self, name: str, shape: tuple[int, ...]) -> Any:
        """Say what a state vector's part of this shape begins with, a number or an array: 0. A subclass may say
        otherwise, such as a first estimate of a scale, or the identity matrix."""
        return 0.0

    def layout(self, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        """Check the shapes for a parameter of this shape: there must be one for each of the rule's state vectors."""
        found, names = self.shapes(shape), self.state_names
        if set(found) != set(names):
            raise ArgumentError(f"{type(self).__name__}: its rule's state is {', '.join(names) or 'none'}, but its "
                                f"shapes() gives {', '.join(found) or 'none'} for a parameter of shape {shape}: "
                                "name each vector once in both, with the shape (0,) where a parameter needs none")
        return {name: tuple(found[name]) for name in names} | ({AVERAGE: shape} if self.average else {})

    def begin(self, name: str, part: np.ndarray) -> None:
        """Write what a state vector begins with into its part for a parameter, which holds zeros."""
        if name == AVERAGE:
            return
        given = self.start(name, part.shape)
        if isinstance(given, float) and given == 0:
            return
        start = np.asarray(given)
        if start.shape and start.shape != part.shape:
            raise ArgumentError(f"{type(self).__name__}: {name} has shape {part.shape}, but its start() gives numbers "
                                f"of shape {start.shape}: give an array of that shape, or one number")
        if start.any():
            part[...] = start

    @property
    def settings(self) -> tuple[str, ...]:
        """Names of the numbers the rule takes besides t."""
        code = type(self).rule.__code__
        return tuple(n for n in code.co_varnames[code.co_argcount :][: code.co_kwonlyargcount] if n != "t")

    @property
    def uses_step(self) -> bool:
        """Whether the rule names the step number t, as Adam's bias correction does."""
        code = type(self).rule.__code__
        return "t" in code.co_varnames[code.co_argcount :][: code.co_kwonlyargcount]

    @property
    def compiled_as(self) -> tuple[Any, ...]:
        """What a program is compiled for, of its optimizer: all but the numbers that it hands to the rule as it runs. A
        rule that goes `by_parameter` may have shapes that follow from any setting."""
        handed = ("lr", *(() if self.by_parameter else self.settings))
        fixed = (getattr(self, f.name) for f in fields(self) if f.name not in handed)
        return type(self), callable(self.lr), *(v if _hashable(v) else id(v) for v in fixed)

    def rate(self, t: int) -> float:
        """Compute the learning rate of step t (from 1)."""
        rate: Any = self.lr
        if not callable(rate):
            return known(rate)
        found = rate(t)
        try:
            return float(found)
        except (TypeError, ValueError):
            raise ArgumentError(f"the learning rate of step {t} must be a number, but lr gives {found!r}") from None

    @property
    def wants_rate(self) -> bool:
        """Whether the learning rate, or its schedule's peak, is "auto": still to be found."""
        return (self.lr.lr if isinstance(self.lr, Schedule) else self.lr) == AUTO

    def at(self, lr: Rate) -> Optimizer:
        """Give this optimizer another learning rate; a schedule gets it as its peak."""
        return replace(self, lr=self.lr.at(lr) if isinstance(self.lr, Schedule) else lr)

    def decays(self, shape: tuple[int, ...]) -> bool:
        """Whether weight decay applies to a parameter of this shape."""
        return getattr(self, "decay", "all") != "matrices" or len(shape) > 1

    def init(self, theta: np.ndarray, decays: np.ndarray | None = None) -> dict[str, Any]:
        """Make fresh state for weights that are one parameter, or a range of θ: zeros like theta where the optimizer
        does not say otherwise, and t = 0. decays (0 or 1 a weight) exempts weights from weight decay."""
        theta = np.asarray(theta)
        state: dict[str, Any] = {"t": 0}
        for name, shape in self.layout(theta.shape).items():
            state[name] = np.zeros(shape, theta.dtype)
            self.begin(name, state[name])
        if decays is not None:
            state["decays"] = np.asarray(decays, theta.dtype)
        return state

    def update(self, theta: np.ndarray, grad: np.ndarray, state: dict[str, Any]) -> tuple[np.ndarray, dict[str, Any]]:
        """Do one step: (theta, gradient, state) -> (new theta, new state). The arguments stay as they are."""
        theta, grad = np.asarray(theta), np.asarray(grad)
        if theta.shape != grad.shape:
            raise ShapeError(f"theta has shape {theta.shape}, its gradient {grad.shape}: they must be equal")
        for step in self.prepare:
            grad = step.apply(grad, theta)
        t = state["t"] + 1
        settings = {name: getattr(self, name) for name in self.settings} | {"lr": self.rate(t)}
        if self.uses_step:
            settings["t"] = t
        if "decays" in state and "weight_decay" in settings:
            settings["weight_decay"] = settings["weight_decay"] * state["decays"]
        results = type(self).rule(theta, grad, *(state[name] for name in self.state_names), **settings)
        theta, *new = results if isinstance(results, tuple) else (results,)
        state = state | dict(zip(self.state_names, new, strict=True)) | {"t": t}
        if self.average:
            state[AVERAGE] = average_weights(state[AVERAGE], theta, t=t, decay=self.average)
        return theta, state

    def for_run(self, steps: int) -> Optimizer:
        """Stretch the optimizer's schedule over a run of `steps` steps."""
        return replace(self, lr=self.lr.for_run(steps)) if isinstance(self.lr, Schedule) else self


def _hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:  # a list, or something that holds one
        return False
    return True


@dataclass(frozen=True)
class Prepare:
    """Something done to the gradient before the optimizer's rule sees it: see transforms.py.

    scope: "range" if every entry is treated by itself, "once" if the rule looks at the whole gradient.
    """

    scope: ClassVar[str] = "range"
    rule: ClassVar[Callable]

    def apply(self, g: np.ndarray, theta: np.ndarray) -> np.ndarray:
        """Compute the gradient that the optimizer sees."""
        return type(self).rule(g, theta, **vars(self))


def sgd(theta, g, *, lr):
    return theta - lr * g


@dataclass(frozen=True)
class SGD(Optimizer):
    """Gradient descent, the lecture's basic update. On mini-batches it is stochastic."""

    momentum: None = field(default=None, repr=False)
    rule: ClassVar[Callable] = staticmethod(sgd)
    equations: ClassVar = ("θ ← θ - α g",)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.momentum is not None:
            raise ArgumentError(
                f"SGD has no momentum: use ct.optim.Momentum(lr, beta={self.momentum}), whose velocity is the average "
                f"v = beta v + (1 - beta) g, or ct.optim.HeavyBall(lr, beta={self.momentum}), PyTorch's v = beta v + g."
                " At equal lr the average's steps are (1 - beta) times as long."
            )


def momentum(theta, g, v, *, lr, beta):
    v = beta * v + (1 - beta) * g
    return theta - lr * v, v


@dataclass(frozen=True)
class Momentum(Optimizer):
    """A heavy ball that averages past gradients."""

    beta: float = 0.9
    rule: ClassVar[Callable] = staticmethod(momentum)
    equations: ClassVar = ("v ← β v + (1 - β) g", "θ ← θ - α v")


def heavy_ball(theta, g, v, *, lr, beta):
    v = beta * v + g
    return theta - lr * v, v


@dataclass(frozen=True)
class HeavyBall(Optimizer):
    """Momentum as PyTorch, optax and (at a constant rate) Keras have it: its steps are 1 / (1 - β) times those of
    Momentum."""

    beta: float = 0.9
    rule: ClassVar[Callable] = staticmethod(heavy_ball)
    equations: ClassVar = ("v ← β v + g", "θ ← θ - α v")


def nesterov(theta, g, v, *, lr, beta):
    v = beta * v + g
    return theta - lr * (g + beta * v), v


@dataclass(frozen=True)
class Nesterov(Optimizer):
    """Momentum that looks ahead (Nesterov, 1983)."""

    beta: float = 0.9
    rule: ClassVar[Callable] = staticmethod(nesterov)
    equations: ClassVar = ("v ← β v + g", "θ ← θ - α (g + β v)")


def adagrad(theta, g, G, *, lr, eps):
    G = G + g * g
    return theta - lr * g / (xp.sqrt(G) + eps), G


@dataclass(frozen=True)
class AdaGrad(Optimizer):
    """A learning rate per weight that only shrinks."""

    eps: float = 1e-8
    rule: ClassVar[Callable] = staticmethod(adagrad)
    equations: ClassVar = ("G ← G + g²", "θ ← θ - η g / (√G + ε)")


def rmsprop(theta, g, E, *, lr, alpha, eps):
    E = alpha * E + (1 - alpha) * g * g
    return theta - lr * g / xp.sqrt(E + eps), E


@dataclass(frozen=True)
class RMSProp(Optimizer):
    """AdaGrad that forgets, with ε inside the root as in the lecture."""

    alpha: float = 0.9
    eps: float = 1e-8
    rule: ClassVar[Callable] = staticmethod(rmsprop)
    equations: ClassVar = ("E ← α E + (1 - α) g²", "θ ← θ - η g / √(E + ε)")


def rmsprop_outside(theta, g, E, *, lr, alpha, eps):
    E = alpha * E + (1 - alpha) * g * g
    return theta - lr * g / (xp.sqrt(E) + eps), E


@dataclass(frozen=True)
class RMSPropOutside(Optimizer):
    """RMSProp with ε outside the root, as PyTorch has it.

    PyTorch's α is .99 (its first step is then 3.16 times as long); Keras and optax have ε inside, as RMSProp.
    """

    alpha: float = 0.9
    eps: float = 1e-8
    rule: ClassVar[Callable] = staticmethod(rmsprop_outside)
    equations: ClassVar = ("E ← α E + (1 - α) g²", "θ ← θ - η g / (√E + ε)")


def adam(theta, g, m, v, *, t, lr, beta1, beta2, eps):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    return theta - lr * (m / (1 - beta1**t)) / (xp.sqrt(v / (1 - beta2**t)) + eps), m, v


@dataclass(frozen=True)
class Adam(Optimizer):
    """Momentum and a learning rate per weight (Kingma and Ba, 2015)."""

    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    rule: ClassVar[Callable] = staticmethod(adam)
    equations: ClassVar = ("m ← β₁ m + (1 - β₁) g", "v ← β₂ v + (1 - β₂) g²", "m̂ = m / (1 - β₁ᵗ)",
                           "v̂ = v / (1 - β₂ᵗ)", "θ ← θ - η m̂ / (√v̂ + ε)")


def amsgrad(theta, g, m, v, top, *, t, lr, beta1, beta2, eps):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    top = xp.maximum(top, v)
    return theta - lr * (m / (1 - beta1**t)) / (xp.sqrt(top / (1 - beta2**t)) + eps), m, v, top


@dataclass(frozen=True)
class AMSGrad(Optimizer):
    """Adam whose scale never shrinks (Reddi et al., 2018): the largest v so far stands in Adam's v̂."""

    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    rule: ClassVar[Callable] = staticmethod(amsgrad)
    equations: ClassVar = (*Adam.equations[:2], "top ← max(top, v)", "m̂ = m / (1 - β₁ᵗ)", "v̂ = top / (1 - β₂ᵗ)",
                           Adam.equations[-1])


def adamw(theta, g, m, v, *, t, lr, beta1, beta2, eps, weight_decay):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    step = lr * (m / (1 - beta1**t)) / (xp.sqrt(v / (1 - beta2**t)) + eps)
    return theta - step - lr * weight_decay * theta, m, v


@dataclass(frozen=True)
class AdamW(Optimizer):
    """Adam's step, then decoupled weight decay, both from the old θ (Loshchilov and Hutter, 2019). The default.

    decay "all" decays every parameter, "matrices" leaves out biases and the
    parameters of normalisation.
    """

    weight_decay: float = 0.01
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    decay: str = "all"
    rule: ClassVar[Callable] = staticmethod(adamw)
    equations: ClassVar = (*Adam.equations[:-1], "θ ← θ - η m̂ / (√v̂ + ε) - η λ θ")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.decay not in ("all", "matrices"):
            raise ArgumentError(f'AdamW: decay must be "all" or "matrices", got {self.decay!r}')


def chosen(optimizer: Any) -> Optimizer:
    """The optimizer that somebody gave, AdamW(1e-3) if None; refuses what is none."""
    if not isinstance(optimizer, Optimizer | None):
        raise ArgumentError(f"optimizer must be one of ct.optim's, such as ct.optim.AdamW(1e-3), got {optimizer!r}")
    return AdamW(1e-3) if optimizer is None else optimizer
