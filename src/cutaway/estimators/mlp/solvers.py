"""How the drop-ins find weights: scikit-learn's forms of Adam and momentum, its learning rates and orders, L-BFGS."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning

from ...engines import ENGINES, compile
from ...errors import warn
from ...nn import Module
from ...optim import SGD, Adam, Optimizer
from ...rules.namespace import NUMPY as xp
from ..running import runs_on


def adam_epsilon_hat(theta, g, m, v, *, t, lr, beta1, beta2, eps):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    return theta - lr * (1 - beta2**t) ** 0.5 / (1 - beta1**t) * m / (xp.sqrt(v) + eps), m, v


@dataclass(frozen=True)
class AdamEpsilonHat(Optimizer, listed=False):
    """Adam in the form that section 2 of its paper ends with.

    The same as ct.optim.Adam but for ε, which counts for more in early steps: up to 1 / √(1 - β₂) times.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    rule: ClassVar[Callable] = staticmethod(adam_epsilon_hat)
    equations: ClassVar = (*Adam.equations[:2], "θ ← θ - η √(1 - β₂ᵗ) / (1 - β₁ᵗ) m / (√v + ε)")


def momentum_steps(theta, g, v, *, lr, beta):
    v = beta * v + lr * g
    return theta - v, v


@dataclass(frozen=True)
class MomentumSteps(Optimizer, listed=False):
    """ct.optim.HeavyBall with v as the step itself.

    While the rate is constant the steps are the same; when it changes, those under way keep their length.
    """

    beta: float = 0.9
    rule: ClassVar[Callable] = staticmethod(momentum_steps)
    equations: ClassVar = ("v ← β v + η g", "θ ← θ - v")

    def __post_init__(self) -> None:
        """Let β = 1 through, steps that never tire, as scikit-learn does."""


def nesterov_steps(theta, g, v, *, lr, beta):
    v = beta * v + lr * g
    return theta - (beta * v + lr * g), v


@dataclass(frozen=True)
class NesterovSteps(MomentumSteps, listed=False):
    """ct.optim.Nesterov with v as the step itself."""

    rule: ClassVar[Callable] = staticmethod(nesterov_steps)
    equations: ClassVar = ("v ← β v + η g", "θ ← θ - (β v + η g)")


class ChangingRate:
    """A learning rate that changes between epochs, for reasons found while training; steps of the past keep theirs."""

    def __init__(self, lr: float) -> None:
        self.firsts, self.rates = [1], [float(lr)]

    def __call__(self, t: int) -> float:
        return self.rates[bisect_right(self.firsts, t) - 1]

    def __repr__(self) -> str:
        return f"{self.now:g}"

    @property
    def now(self) -> float:
        return self.rates[-1]

    def change(self, lr: float, after: int) -> None:
        """The rate of the steps after this one."""
        if lr != self.now:
            self.firsts.append(after + 1)
            self.rates.append(float(lr))


def optimizer_for(mlp: Any, rate: ChangingRate) -> Optimizer:
    """The optimizer that the arguments of an MLPClassifier or MLPRegressor ask for."""
    if mlp.solver == "adam":
        return AdamEpsilonHat(rate.now, float(mlp.beta_1), float(mlp.beta_2), float(mlp.epsilon))
    kind = NesterovSteps if mlp.nesterovs_momentum else MomentumSteps
    lr: Any = rate.now if mlp.learning_rate == "constant" else rate
    return kind(lr, float(mlp.momentum))


class Orders:
    """The rows of each epoch, shuffled as scikit-learn shuffles them, each epoch's order from the last one's.

    Epochs of the past can be asked for again (a step of theirs is traced); chance is then drawn from a copy.
    """

    def __init__(self, random_state: np.random.RandomState) -> None:
        self.random_state, self.start = random_state, random_state.get_state()
        self.epoch, self.order = 0, np.zeros(0, np.intp)

    def __call__(self, rows: np.ndarray, epoch: int) -> np.ndarray:
        if epoch <= self.epoch:
            again = np.random.RandomState()
            again.set_state(self.start)
            return Orders(again)(rows, epoch)
        self.order = self.order if self.epoch else rows
        while self.epoch < epoch:
            self.order, self.epoch = shuffled(self.order, self.random_state), self.epoch + 1
        return self.order


def shuffled(rows: np.ndarray, random_state: np.random.RandomState) -> np.ndarray:
    """Draw an order as sklearn.utils.shuffle does."""
    places = np.arange(len(rows))
    random_state.shuffle(places)
    return rows[places]


def lbfgs(mlp: Any, model: Module, objective: Callable, X: np.ndarray, y: np.ndarray,
          w: np.ndarray | None) -> None:
    """Minimise the objective over all rows by SciPy's L-BFGS-B; sets mlp's n_iter_, loss_ and loss_curve_.

    Value and gradient come from a program whose update moves nothing.
    """
    program = compile(model, objective, SGD(0.0), len(y), X[:2], y[:2], weighted=w is not None,
                      keep_all=not ENGINES[mlp.engine].exact, **runs_on(mlp))  # g is read
    program.feed(X, y, w)
    engine, g = program.engine, program.engine.listing.block["g"]

    def value_and_gradient(theta: np.ndarray) -> tuple[float, np.ndarray]:
        model.theta = theta
        losses = program.run()
        if not len(losses):  # beyond the finite numbers: the line search turns back
            return np.inf, np.zeros(len(theta))
        return float(losses[0]), engine.read(g).astype(np.float64)

    curve: list[float] = []

    def note(intermediate_result: Any) -> None:
        curve.append(float(intermediate_result.fun))
        if mlp.verbose:
            print(f"Iteration {len(curve)}, loss = {curve[-1]:.8f}")

    options = {"maxfun": mlp.max_fun, "maxiter": mlp.max_iter, "gtol": mlp.tol}
    found = minimize(value_and_gradient, model.theta.astype(np.float64), method="L-BFGS-B", jac=True, options=options,
                     callback=note)
    model.theta = found.x
    mlp.n_iter_, mlp.loss_, mlp.loss_curve_ = min(int(found.nit), mlp.max_iter), float(found.fun), curve
    if found.status != 0:
        warn(
            f"lbfgs failed to converge after {mlp.n_iter_} iterations (status={found.status}): {found.message}. Allow "
            "more iterations (max_iter, max_fun) or scale the data.", ConvergenceWarning,
        )
