"""What the constructors of Classifier and Regressor take; everything given is used, or refused with the reason."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import is_whole
from ..data.column_kinds import asked_kinds
from ..data.limits import VALIDATION as SHARE
from ..data.splits import asked_split
from ..engines import checked_precision
from ..errors import ArgumentError
from ..nn import Module
from ..optim import Optimizer
from ..train.events import checked_callbacks
from ..train.monitor import monitored
from .networks import check_network
from .notes import tell
from .presets import check_preset

STARTS = ("new", "as is")


def check_arguments(estimator: Any) -> None:
    """Raise ArgumentError for the first argument outside its values, or that could not be used beside the others."""
    e = estimator
    check_network(e.network)
    check_preset(e.preset)
    if e.start not in STARTS:
        raise ArgumentError(f'start is {e.start!r}: give "new" (weights drawn anew) or "as is" (those it has).')
    if e.start == "as is" and not (isinstance(e.network, Module) or callable(e.network)):
        raise ArgumentError(
            f'start="as is" keeps the weights of a network that you hand over, but network is {e.network!r}: give '
            "network=, a ct.nn.Module, such as ct.load(...)."
        )
    check_whole("epochs", e.epochs, None)
    if not isinstance(e.batch_size, str) or e.batch_size not in ("auto", "full"):
        check_whole("batch_size", e.batch_size)
    check_share(e.validation)
    if not isinstance(e.early_stopping, bool | np.bool_ | None):
        check_whole("early_stopping", e.early_stopping, 0)
    monitored(e.monitor, {})
    if e.validation is None and (unused := scored_only(e)):
        raise ArgumentError(
            f"{unused} needs rows that are not learnt from, and validation is None: give a share such as 0.1, or "
            "(X, y)."
        )
    name = e.monitor[0] if isinstance(e.monitor, tuple | list) else e.monitor
    if isinstance(name, str) and name.removeprefix("val_") not in e.monitors:
        raise ArgumentError(
            f"monitor is {e.monitor!r}: a {type(e).__name__} goes by {', '.join(map(repr, e.monitors))}, or by a "
            'function (z, y) of yours with its direction, (gini, "max").'
        )
    if e.optimizer is not None and not isinstance(e.optimizer, Optimizer):
        raise ArgumentError(f"optimizer is {e.optimizer!r}: give None or one of ct.optim, such as AdamW(1e-3).")
    limit = e.time_limit
    if limit is not None and not (isinstance(limit, int | float | np.number) and limit > 0):
        raise ArgumentError(f"time_limit is {limit!r}: give None or a number of seconds above zero.")
    checked_callbacks(e.callbacks)
    checked_precision(e.precision)
    asked_split(e.split, f"split is {e.split!r}")
    asked_kinds(e.columns)
    if not isinstance(e.verbose, bool | np.bool_ | int | None):
        raise ArgumentError(f"verbose is {e.verbose!r}: give True, to see a bar of progress, or False.")
    if isinstance(e.loss, str):
        known = sorted({name for names in e.losses_for.values() for name in names})
        if e.loss not in known:
            raise ArgumentError(
                f"loss is {e.loss!r}: a {type(e).__name__} takes None, a function (z, y) -> J, or one of "
                f"{', '.join(known)}."
            )
    elif e.loss is not None and not callable(e.loss):
        raise ArgumentError(f"loss is {e.loss!r}: give None, a name or a function (z, y) -> J.")


def refuse_left_out(estimator: Any, *names: str) -> None:
    """Raise for an argument that the model's file could not hold and that nobody has given again."""
    missed = [name for name in names if name in getattr(estimator, "_left_out", ())]
    if not missed:
        return
    fresh = type(estimator)()
    if missed := [name for name in missed if getattr(estimator, name) is getattr(fresh, name)]:
        named = ", ".join(f"{name}=..." for name in missed)
        raise ArgumentError(
            f"this model was trained with {' and '.join(missed)} of its maker's, which a file cannot hold: give that "
            f"again before training goes on, set_params({named})."
        )


def scored_only(estimator: Any) -> str:
    """The arguments given that only rows held back can serve, in words; "" if there are none."""
    whole = estimator.early_stopping not in (True, False, None, 0)
    given = {"early_stopping": whole, "monitor": estimator.monitor != "loss",
             "threshold": getattr(estimator, "threshold", None) == "f1"}
    return " and ".join(f"{name}={getattr(estimator, name)!r}" for name, asked in given.items() if asked)


def tell_of_no_validation(estimator: Any, rows: int, fewest: int) -> None:
    """Warn where so few rows are all learnt from that what was asked of rows held back cannot be done."""
    unused = scored_only(estimator)
    if isinstance(estimator.validation, float) and estimator.validation != SHARE:
        unused = " and ".join(filter(None, (f"validation={estimator.validation:g}", unused)))
    if unused:
        tell(f"{unused} is not used: with fewer than {fewest} rows (here {rows}) none are held back. To have it, give "
             "validation=(X, y).")


def tell_of_fit_only(estimator: Any) -> None:
    """Warn of arguments that are for fit, where partial_fit begins an estimator with them."""
    e = estimator
    asked = {"validation": isinstance(e.validation, tuple | list), "time_limit": e.time_limit is not None,
             "callbacks": bool(checked_callbacks(e.callbacks))}
    unused = " and ".join(filter(None, [*(name for name, given in asked.items() if given), scored_only(e)]))
    if unused:
        tell(f"{unused}: for fit alone. partial_fit makes one pass over the rows that it is given, and scores none: "
             "call score(X, y) between passes.")


def seed_of(random_state: Any) -> int:
    """The seed that a random_state stands for: a whole number is itself, None is a new one each time."""
    if random_state is None:
        return int(np.random.default_rng().integers(2**31))
    if is_whole(random_state, 0):
        return int(random_state)
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**31))
    raise ArgumentError(f"random_state is {random_state!r}: give a whole number of at least 0, or None.")


def check_whole(name: str, value: Any, *others: Any) -> None:
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
        if any(value is other or (isinstance(value, int | np.integer) and value == other) for other in others):
            return
        words = "".join(f", or {other!r}" for other in others)
        raise ArgumentError(f"{name} is {value!r}: give a whole number of at least 1{words}.")


def check_share(validation: Any) -> None:
    if validation is None or (isinstance(validation, tuple | list) and len(validation) in (2, 3)):
        return
    if not isinstance(validation, float) or not 0 < validation < 1:
        raise ArgumentError(
            f"validation is {validation!r}: give a share of the rows between 0 and 1, None, or data of your own, "
            "(X, y) or (X, y, sample_weight)."
        )


