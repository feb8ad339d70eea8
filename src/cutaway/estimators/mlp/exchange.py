"""scikit-learn's networks as drop-ins and back, by what was learnt: no file, no pickle, every weight to the bit."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
from sklearn import neural_network
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from ...errors import ArgumentError
from ...program import State
from ..passes import state_of
from ..running import RUNS_ON
from .base import MLPEstimator
from .classifier import MLPClassifier
from .gaps import Gaps
from .onnx import ACTIVATIONS
from .regressor import MLPRegressor
from .solvers import ChangingRate, optimizer_for

THEIRS: dict[type, Any] = {MLPClassifier: neural_network.MLPClassifier, MLPRegressor: neural_network.MLPRegressor}
#: Learnt attributes that mean the same on both sides.
ALIKE = ("n_features_in_", "feature_names_in_", "n_outputs_", "n_layers_", "n_iter_", "t_", "out_activation_", "loss_",
         "loss_curve_", "best_loss_", "validation_scores_", "best_validation_score_", "_no_improvement_count",
         "classes_", "_label_binarizer", "_random_state")
#: How scikit-learn names the optimizer's vectors, ours by name, and which sign they have there.
VECTORS = {"adam": {"m": ("ms", 1), "v": ("vs", 1)}, "sgd": {"v": ("velocities", -1)}}


def from_sklearn(theirs: Any) -> Any:
    """Make a drop-in of a fitted MLPClassifier or MLPRegressor of scikit-learn's, which it leaves as it is.

    Weights are equal to the bit, predictions up to the order of sums. partial_fit and warm_start go on from it, with
    the averages of the optimizer. What it cannot do is fill gaps, since scikit-learn's saw none: NaN raises DataError.
    """
    kind = next((ours for ours, kind in THEIRS.items() if type(theirs) is kind), None)
    if kind is None:
        raise ArgumentError(f"a network of scikit-learn's is an MLPClassifier or an MLPRegressor, got "
                            f"{type(theirs).__name__}")
    check_is_fitted(theirs)
    mlp = kind(**clone(theirs).get_params())
    _copy(theirs, mlp)
    mlp.coefs_, mlp.intercepts_ = [np.array(W) for W in theirs.coefs_], [np.array(b) for b in theirs.intercepts_]
    mlp._gaps = Gaps.unknown(mlp.n_features_in_)
    mlp._network()
    if getattr(mlp, "best_validation_score_", None) is not None:
        mlp._best = mlp.model_.theta.copy()
    steps = getattr(theirs, "_optimizer", None)
    if steps is not None and mlp.solver in VECTORS:
        rate = mlp.learning_rate_init if mlp.solver == "adam" else steps.learning_rate
        mlp._rate, mlp.learning_rate_ = ChangingRate(rate), rate
        state = State(mlp.model_, optimizer_for(mlp, mlp._rate))
        for name, (there, sign) in VECTORS[mlp.solver].items():
            for (W, b), parts in zip(_pairs(state), _by_layer(getattr(steps, there)), strict=True):
                state.part(W, name)[...], state.part(b, name)[...] = sign * parts[0].T, sign * parts[1]
        mlp._solver_state = state.copy(state.vectors) | {"t": getattr(steps, "t", 0)}
    return mlp


def to_sklearn(mlp: Any) -> Any:
    """Make scikit-learn's own network of a fitted drop-in. Raises ArgumentError for what scikit-learn's has not."""
    if not isinstance(mlp, MLPEstimator) or type(mlp) not in THEIRS:
        raise ArgumentError('layout="sklearn" is for a trained MLPClassifier or MLPRegressor of cutaway.sklearn, got '
                            f"{type(mlp).__name__}")
    check_is_fitted(mlp)
    _refuse_more(mlp)
    kind = THEIRS[type(mlp)]
    given, network = clone(mlp).get_params(), mlp._network()
    theirs = kind(**{name: value for name, value in given.items() if name in kind._get_param_names()})
    _copy(mlp, theirs)
    theirs.coefs_ = [np.array(W, order="C") for W in mlp.coefs_]
    theirs.intercepts_ = [np.array(b) for b in mlp.intercepts_]
    theirs._best_coefs = [W.copy() for W in theirs.coefs_]
    theirs._best_intercepts = [b.copy() for b in theirs.intercepts_]
    program = getattr(mlp, "_program", None)
    kept = getattr(mlp, "_solver_state", None) if program is None else state_of(program)
    if kept is not None and mlp.solver in VECTORS:
        state = State(network, optimizer_for(mlp, mlp._rate))
        state.put({name: value for name, value in kept.items() if name != "t"})
        vars(theirs)["_optimizer"] = steps = _optimizer(mlp, [*theirs.coefs_, *theirs.intercepts_])
        for name, (there, sign) in VECTORS[mlp.solver].items():
            parts = [(sign * state.part(W, name).T, sign * state.part(b, name)) for W, b in _pairs(state)]
            setattr(steps, there, [np.array(part[k], order="C") for k in (0, 1) for part in parts])
        if mlp.solver == "adam":
            steps.t = int(kept["t"])
        else:
            steps.learning_rate = mlp._rate.now
    return theirs


def _optimizer(mlp: Any, weights: list[np.ndarray]) -> Any:
    """scikit-learn's optimizer, as its fit makes it."""
    from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer

    if mlp.solver == "adam":
        return AdamOptimizer(weights, mlp.learning_rate_init, mlp.beta_1, mlp.beta_2, mlp.epsilon)
    return SGDOptimizer(weights, mlp.learning_rate_init, mlp.learning_rate, mlp.momentum, mlp.nesterovs_momentum,
                        mlp.power_t)


def _copy(source: Any, target: Any) -> None:
    for name in ALIKE:
        if name in vars(source):
            setattr(target, name, deepcopy(vars(source)[name]))


def _pairs(state: State) -> list[tuple[str, str]]:
    """The names of each layer's weight and bias."""
    names = list(state.parameters)
    return list(zip(names[::2], names[1::2], strict=True))


def _by_layer(arrays: list[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pair what scikit-learn lists as all coefs, then all intercepts."""
    half = len(arrays) // 2
    return list(zip(arrays[:half], arrays[half:], strict=True))


def _refuse_more(mlp: Any) -> None:
    """Raise ArgumentError for what would be lost: scikit-learn's network could not be trained on as this one is."""
    own, kind = mlp.get_params(), THEIRS[type(mlp)]
    usual = type(mlp)().get_params()
    more = [f"{name}={own[name]!r:.40}" for name in sorted(own.keys() - {*kind._get_param_names(), *RUNS_ON})
            if not (own[name] is usual[name] or own[name] == usual[name])]
    if mlp.activation not in ACTIVATIONS:
        more.append(f"activation={mlp.activation!r}")
    if isinstance(mlp, MLPRegressor) and mlp.loss not in ("squared_error", "poisson"):
        more.append(f"loss={mlp.loss!r:.40}")
    if len(mlp._gaps.columns):
        more.append("columns that say where gaps were")
    if more:
        raise ArgumentError(f"this {type(mlp).__name__} has {', '.join(more)}, which scikit-learn's has not: fit one "
                            "without, or ct.export it as ONNX")
