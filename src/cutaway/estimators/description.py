"""What was fitted besides a network's weights, as plain values, and an estimator from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.base import is_regressor

from ..data import TargetEncoder
from ..described import described
from ..errors import FileError
from ..nn import Module, TableInput
from ..train import History
from .arguments import seed_of
from .design import Design
from .found_linear import place_of
from .inputs import KINDS
from .intervals import Intervals
from .thresholds import place_of as place_of_class


def describe(estimator: Any) -> dict[str, Any]:
    """Describe what was fitted besides the weights, as plain values."""
    kept, left_out = kept_arguments(estimator)
    fitted: dict[str, Any] = {
        "arguments": kept,
        "left_out": left_out,
        "seed": estimator._seed,
        "passes": getattr(estimator, "_passes", 0),
        "encoder": estimator.encoder_.to_json(),
        "target": estimator.target_encoder_.to_json(),
        "design": estimator.design_.to_json(),
        "columns": estimator.inputs_.n_raw(estimator.encoder_),
        "names": estimator.feature_names_in_.tolist() if hasattr(estimator, "feature_names_in_") else None,
        "limits": estimator.limits_.tolist() if hasattr(estimator, "limits_") else None,
        "temperature": getattr(estimator, "temperature_", 1.0),
        "threshold": getattr(estimator, "threshold_", None),
        "positive": None,
        "intervals": None if getattr(estimator, "intervals_", None) is None else estimator.intervals_.to_json(),
        "history": None,
    }
    if fitted["threshold"] is not None:
        fitted["positive"] = place_of_class(estimator.positive_, estimator.target_encoder_)
    if hasattr(estimator, "history_"):
        fitted["history"] = {name: column.tolist() for name, column in estimator.history_.columns().items()}
    return fitted


def rebuild(kind: type, module: Module, description: dict[str, Any]) -> Any:
    """The estimator that `describe` described. Raises FileError for a description that it cannot have given."""
    given = described(_Fitted, {name: description[name] for name in _Fitted.__annotations__ if name in description})
    estimator = kind(**{name: argument_from_json(value) for name, value in given.arguments.items()})
    estimator._check_arguments()
    estimator._seed = seed_of(estimator.random_state) if given.seed is None else given.seed
    estimator._passes, estimator._left_out = given.passes, given.left_out
    inputs = KINDS.get(given.design.get("inputs", "table"))
    if inputs is None:
        raise FileError(f"it is damaged (its inputs are {given.design['inputs']!r:.40})")
    encoder, target = inputs.kind.from_json(given.encoder), TargetEncoder.from_json(given.target)
    design = Design.from_json(given.design, encoder, target)
    outputs = (2, target.n_outputs) if target.task == "binary" else (target.n_outputs,)
    if is_regressor(estimator) and estimator.levels:
        outputs = (len(estimator.levels),)
    if (design.n_in, design.task) != (inputs.n_in(encoder), target.task) or design.n_out not in outputs:
        raise FileError("it is damaged (its design does not fit its encoders)")
    if design.dtype not in ("float32", "float64") or given.columns != inputs.n_raw(encoder):
        raise FileError(f"it is damaged (it encodes {given.columns:,} columns as {design.dtype!r:.20})")
    design.front = next((layer for _, layer in module.named_modules() if isinstance(layer, TableInput)), None)
    if (place := place_of(module)) is not None:
        design.found = place.weight.data.copy(), place.bias.data.copy()
    estimator.model_, estimator.encoder_, estimator.target_encoder_, estimator.design_ = module, encoder, target, design
    inputs.named(encoder, kind.__name__)
    if inputs.name == "table":
        estimator.n_features_in_ = given.columns
    if given.names is not None:
        estimator.feature_names_in_ = np.array(given.names, dtype=object)
    if is_regressor(estimator):
        estimator.limits_ = np.array(given.limits)
        if estimator.limits_.shape != (2, target.n_outputs):
            raise FileError("it is damaged (its limits do not fit its outputs)")
        if given.intervals is not None:
            estimator.intervals_ = Intervals.from_json(given.intervals, target.n_outputs)
    if given.temperature != 1:
        if not 0 < given.temperature < float("inf"):
            raise FileError(f"it is damaged (its temperature is {given.temperature})")
        estimator.temperature_ = given.temperature
    if given.threshold is not None:
        labels = getattr(target, "classes", np.arange(0)).tolist()
        if is_regressor(estimator) or given.positive not in range(len(labels)) or not 0 < given.threshold < 1:
            raise FileError(f"it is damaged (its threshold is {given.threshold} for class {given.positive})")
        estimator.positive_, estimator.threshold_ = labels[given.positive], given.threshold
    if given.history is not None:
        estimator.history_ = History()
        if len(set(map(len, given.history.values()))) > 1:
            raise FileError("it is damaged (the columns of its history are of different lengths)")
        if given.history:
            estimator.history_.extend({name: np.array(column) for name, column in given.history.items()})
    return estimator


@dataclass
class _Fitted:
    """What `describe` gives."""

    arguments: dict[str, Any]
    encoder: dict[str, Any]
    target: dict[str, Any]
    design: dict[str, Any]
    columns: int
    names: list[str] | None
    limits: list[list[float]] | None
    history: dict[str, list[float | int]] | None
    left_out: list[str] = field(default_factory=list)
    seed: int | None = None
    passes: int = 0
    temperature: float = 1.0  # of classifiers
    threshold: float | None = None  # of classifiers, with the place of its class
    positive: int | None = None
    intervals: dict[str, Any] | None = None  # of regressors


def kept_arguments(estimator: Any) -> tuple[dict[str, Any], list[str]]:
    """The constructor's arguments as plain values, and the names of those given that a file cannot hold."""
    given, defaults = estimator.get_params(deep=False), type(estimator)().get_params(deep=False)
    given.pop("callbacks")  # which look at the training, and are no part of what was learnt
    kept = {name: argument_to_json(value) for name, value in given.items() if keeps(value)}
    left_out = [name for name, value in given.items() if name not in kept and value is not defaults[name]]
    if "network" in left_out:  # without which it would start nothing
        kept.pop("start", None)
    return kept, left_out


def keeps(value: Any) -> bool:
    """Whether a constructor's argument is plain. Modules, functions, optimizers and data are left at their defaults."""
    if isinstance(value, list | tuple | dict):
        return all(keeps(part) for part in (value.items() if isinstance(value, dict) else value))
    return value is None or isinstance(value, bool | int | float | str | np.bool_ | np.integer | np.floating)


def argument_to_json(value: Any) -> Any:
    """The JSON of a constructor's plain argument; the keys of a dict, class weights say, may be of any type."""
    if isinstance(value, dict):
        return {"pairs": [[argument_to_json(key), argument_to_json(part)] for key, part in value.items()]}
    if isinstance(value, list | tuple):
        return [argument_to_json(part) for part in value]
    return value.item() if isinstance(value, np.generic) else value


def argument_from_json(value: Any) -> Any:
    """The argument that `argument_to_json` wrote.

    >>> argument_from_json(argument_to_json({1: 0.5, "a": 2}))
    {1: 0.5, 'a': 2}
    """
    return {key: argument_from_json(part) for key, part in value["pairs"]} if isinstance(value, dict) else value
