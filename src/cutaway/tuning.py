"""Search spaces for tuners that ask a trial for each value, as Optuna's does: around what `ct.design` chooses.

>>> import cutaway as ct
>>> X, y = ct.datasets.load("iris")
>>> plan = ct.design(X, y)
>>> ct.tuning.chosen(plan)["lr"] == plan.lr
True

An objective then is `ct.Classifier(**ct.tuning.suggest(trial, plan))` and a score; docs/tuning.md shows it whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from .errors import ArgumentError
from .estimators import Design
from .estimators.design import plan as plan_again
from .estimators.inputs import KINDS
from .estimators.presets import DEFAULT
from .optim.schedules import AUTO
from .text import short

__all__ = ["chosen", "suggest"]


@dataclass(frozen=True)
class _Between:
    """Numbers between two: whole ones, or by powers."""

    low: float
    high: float
    log: bool = True

    def ask(self, trial: Any, name: str) -> Any:
        ask = trial.suggest_int if isinstance(self.low, int) else trial.suggest_float
        return ask(name, self.low, self.high, log=self.log)


@dataclass(frozen=True)
class _OneOf:
    """One of some values."""

    values: tuple[Any, ...]

    def ask(self, trial: Any, name: str) -> Any:
        return trial.suggest_categorical(name, list(self.values))


Range = _Between | _OneOf


def suggest(trial: Any, plan: Design) -> dict[str, Any]:
    """Ask a trial for the values of a network's search space, and give them as arguments of an estimator.

    trial: Optuna's (a Trial, or a finished one, such as study.best_trial), or anything with its suggest_float,
    suggest_int and suggest_categorical. plan: what ct.design says of the data. What a trial leaves as the plan has it
    is left to the estimator: with the values of `chosen` it trains what it trains without arguments, bit for bit.

    Of all networks the learning rate, weight decay, dropout and rows a batch; of a table's also width and number of
    layers, bins and members; of images' filters, the layer behind them, and whether images vary; of sequences' filters,
    or cell, units, layers and directions.

    >>> import cutaway as ct
    >>> X, y = ct.datasets.make("moons", n=500, seed=0)
    >>> plan = ct.design(X, y)
    >>> class Same:
    ...     def suggest_float(self, name, low, high, log): return ct.tuning.chosen(plan)[name]
    ...     suggest_int = suggest_float
    ...     def suggest_categorical(self, name, choices): return ct.tuning.chosen(plan)[name]
    >>> ct.tuning.suggest(Same(), plan)
    {}
    """
    given = {name: found.range.ask(trial, name) for name, found in _space(plan).items()}
    changed = {name: value for name, value in given.items() if value != _plain(_space(plan)[name].value)}
    arguments: dict[str, Any] = {}
    if plan.inputs == "table" and plan.preset not in ("", DEFAULT):
        arguments["preset"] = plan.preset
    network = {name: changed[name] for name in changed if name in ("dropout", *plan.spec)}
    if "hidden_width" in changed or "hidden_layers" in changed:
        network["hidden"] = [given["hidden_width"]] * given.get("hidden_layers", 1)
        network |= {"linear": plan.spec["linear"]} if "linear" in plan.spec else {}  # stays beside other layers, too
    if "filters" in changed:
        network["channels"] = [max(1, n * given["filters"] // plan.spec["channels"][0]) for n in plan.spec["channels"]]
    if network:
        arguments["network"] = network
    if "batch_size" in changed:
        arguments["batch_size"] = given["batch_size"]
    if "lr" in changed or "weight_decay" in changed:
        around = plan
        if "batch_size" in changed:  # which has other epochs, over which the rate rises and falls
            around = plan_again(KINDS[plan.inputs], plan.rows, plan.encoder, plan.target_encoder,  # type: ignore[arg-type]
                                plan.validation or 0.1, given["batch_size"], preset=plan.preset or DEFAULT)
        arguments["optimizer"] = replace(around, lr=given["lr"], weight_decay=given["weight_decay"]).optimizer()
    return arguments


def chosen(plan: Design) -> dict[str, Any]:
    """The values of the search space that ct.design chose, by name: what a study tries first, enqueued.

    >>> import cutaway as ct
    >>> X, y = ct.datasets.make("moons", n=500, seed=0)
    >>> ct.tuning.chosen(ct.design(X, y))
    {'lr': 0.002, 'weight_decay': 0.01, 'dropout': 0.1, 'batch_size': 32, 'hidden_width': 128, 'hidden_layers': 2, \
'members': 4, 'bins': 16}
    """
    return {name: _plain(found.value) for name, found in _space(plan).items()}


@dataclass(frozen=True)
class _Found:
    """A value that was designed, and the range around it."""

    value: Any
    range: Range


def _space(plan: Design) -> dict[str, _Found]:
    """All that is searched for a design, by name. Each range holds the design's own value."""
    if not isinstance(plan, Design):
        raise ArgumentError(f"a search space is made around a design, got {short(repr(plan), 60)}: "
                            "give ct.design(X, y).")
    if plan.kind not in _SPACES:
        raise ArgumentError(f"there is no search space for a network of kind {plan.kind!r}: there are "
                            f"{', '.join(_SPACES)}.")
    if plan.lr == AUTO:
        raise ArgumentError('the plan\'s lr is "auto", and the search asks for one: set plan.lr to a number first.')
    lr, batch = float(plan.lr), plan.batch_size
    space = {"lr": _Found(lr, _Between(lr / 10, lr * 10)),
             "weight_decay": _Found(plan.weight_decay, _around(plan.weight_decay, 1e-4, 0.3)),
             "dropout": _Found(plan.dropout, _around(plan.dropout, 0.0, 0.5, log=False))}
    if batch < plan.train_rows:
        space["batch_size"] = _Found(batch, _around(batch, max(8, batch // 4), min(4 * batch, plan.train_rows)))
    return space | _SPACES[plan.kind](plan)


def _around(value: Any, low: Any, high: Any, log: bool = True) -> _Between:
    """Numbers between two, that hold the value."""
    return _Between(min(low, value), max(high, value), log)


def _hidden(plan: Design) -> dict[str, _Found]:
    return {"hidden_width": _Found(plan.hidden[0], _around(plan.hidden[0], 32, 512))} if plan.hidden else {}


def _table(plan: Design) -> dict[str, _Found]:
    space = _hidden(plan)
    if space:
        space["hidden_layers"] = _Found(len(plan.hidden), _around(len(plan.hidden), 1, 4, log=False))
        space["members"] = _Found(plan.members, _around(plan.members, 1, 8))
    bins = plan.spec.get("bins", 0)
    return space | {"bins": _Found(bins, _OneOf(tuple(sorted({0, 8, 16, 32, 48, bins}))))}


def _images(plan: Design) -> dict[str, _Found]:
    first, augment = plan.spec["channels"][0], plan.spec["augment"]
    return {"filters": _Found(first, _around(first, 8, 64)), **_hidden(plan),
            "augment": _Found(bool(augment), _OneOf((True, False))),
            "norm": _Found(plan.spec["norm"], _OneOf((None, "batch")))}


def _filters(plan: Design) -> dict[str, _Found]:
    first = plan.spec["channels"][0]
    return {"filters": _Found(first, _around(first, 16, 256)),
            "members": _Found(plan.members, _around(plan.members, 1, 8))}


def _recurrent(plan: Design) -> dict[str, _Found]:
    spec = plan.spec
    return {"cell": _Found(spec["cell"], _OneOf(("gru", "lstm", "rnn"))),
            "width": _Found(spec["width"], _around(spec["width"], 16, 256)),
            "layers": _Found(spec["layers"], _around(spec["layers"], 1, 3, log=False)),
            "bidirectional": _Found(spec["bidirectional"], _OneOf((True, False)))}


_SPACES: dict[str, Callable[[Design], dict[str, _Found]]] = {
    "mlp": _table, "cnn": _images, "fcn": _filters, "recurrent": _recurrent}


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
