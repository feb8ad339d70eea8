"""What the drop-ins' constructors take, as scikit-learn documents it, and what is said of anything else."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any

import numpy as np

from ...arguments import is_whole
from ...errors import ArgumentError
from ...nn import ACTIVATIONS
from ..running import check_runs_on

ACTIVATION_NAMES = {"logistic": "sigmoid"}  # scikit-learn's own names, where ours differ
SOLVERS = ("adam", "sgd", "lbfgs")
RATES = ("constant", "invscaling", "adaptive")

Check = tuple[Callable[[Any], bool], str]


def _among(*names: str) -> Check:
    return lambda v: isinstance(v, str) and v in names, f"one of {', '.join(names)}"


def _whole(least: int) -> Check:
    return lambda v: is_whole(v, least), f"a whole number of at least {least}"


def _real(good: Callable[[Any], bool], words: str) -> Check:
    return lambda v: isinstance(v, Real) and not isinstance(v, bool) and bool(good(v)), words


def _is_flag(v: Any) -> bool:
    return isinstance(v, bool | np.bool_)


FLAG: Check = (_is_flag, "True or False")
NOT_NEGATIVE = _real(lambda v: 0 <= v < np.inf, "a number of at least 0")
POSITIVE = _real(lambda v: 0 < v < np.inf, "a number above 0")
SHARE = _real(lambda v: 0 <= v < 1, "a number from 0 up to, but less than 1")

CHECKS: dict[str, Check] = {
    "activation": _among(*ACTIVATIONS, *ACTIVATION_NAMES),
    "solver": _among(*SOLVERS),
    "alpha": NOT_NEGATIVE,
    "batch_size": (lambda v: v == "auto" if isinstance(v, str) else is_whole(v, 1),
                   '"auto" or a whole number of at least 1'),
    "learning_rate": _among(*RATES),
    "learning_rate_init": POSITIVE,
    "power_t": NOT_NEGATIVE,
    "max_iter": _whole(1),
    "shuffle": FLAG,
    "tol": NOT_NEGATIVE,
    "verbose": (lambda v: _is_flag(v) or is_whole(v, 0), "True, False or a whole number"),
    "warm_start": FLAG,
    "momentum": _real(lambda v: 0 <= v <= 1, "a number from 0 to 1"),
    "nesterovs_momentum": FLAG,
    "early_stopping": FLAG,
    "validation_fraction": SHARE,
    "beta_1": SHARE,
    "beta_2": SHARE,
    "epsilon": POSITIVE,
    "n_iter_no_change": (lambda v: is_whole(v, 1) or (isinstance(v, float) and v == np.inf),
                         "a whole number of at least 1, or np.inf"),
    "max_fun": _whole(1),
    "dropout": SHARE,
    "validation_data": (lambda v: v is None or (isinstance(v, tuple | list) and len(v) in (2, 3)),
                        "None, (X, y) or (X, y, sample_weight)"),
    "callbacks": (lambda v: isinstance(v, tuple | list) and all(map(callable, v)), "a list of functions of one event"),
    "threads": (lambda v: v is None or is_whole(v, 1), "None or a whole number of at least 1"),
}


#: Arguments of ours that solver="lbfgs" could not use, and why. (scikit-learn's own are ignored as it ignores them.)
NOT_FOR_LBFGS = {
    "dropout": "lbfgs minimises one fixed function of all rows",
    "validation_data": "lbfgs has no epochs after which rows could be scored; call score afterwards",
    "callbacks": "lbfgs has no epochs to tell of",
}


def check_arguments(estimator: Any) -> None:
    """Raise ArgumentError for the first argument outside its values."""
    kind = type(estimator).__name__
    for name, (good, words) in CHECKS.items():
        value = getattr(estimator, name)
        if not good(value):
            raise ArgumentError(f"{kind}: {name} is {value!r}: give {words}.")
    hidden_widths(estimator.hidden_layer_sizes)
    check_runs_on(estimator)
    if not callable(estimator.loss) and estimator.loss not in estimator.losses:
        raise ArgumentError(
            f"{kind}: loss is {estimator.loss!r}: give one of {', '.join(estimator.losses)}, or a function (z, y) -> J "
            "of raw outputs and targets."
        )
    if estimator.solver == "lbfgs":
        for name, why in NOT_FOR_LBFGS.items():
            if getattr(estimator, name):
                raise ArgumentError(f"{kind}: {name} needs solver='adam' or 'sgd': {why}.")


def hidden_widths(sizes: Any) -> list[int]:
    """Read hidden_layer_sizes as a list: a number is one layer, () none."""
    widths = [sizes] if np.ndim(sizes) == 0 else list(sizes)
    if not all(is_whole(w, 1) for w in widths):
        raise ArgumentError(f"hidden_layer_sizes must be > 0, got {widths}: give whole numbers, such as (64, 32).")
    return [int(w) for w in widths]
