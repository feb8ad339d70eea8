"""An estimator as plain values beside its network, and back: what `ct.save` and `ct.load` use."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import files
from ..data import TargetEncoder
from ..nn import Module
from ..train import History
from .base import Estimator
from .classifier import Classifier
from .design import Design
from .inputs import KINDS
from .regressor import Regressor


def parts(estimator: Estimator) -> tuple[Module, dict[str, Any], Any]:
    """The network, everything else, and two rows as the network takes them."""
    description = estimator.to_description()
    return estimator.model_, description, estimator.inputs_.example(estimator.encoder_)


def describe(estimator: Estimator) -> dict[str, Any]:
    """What was fitted besides the weights, as plain values."""
    fitted: dict[str, Any] = {
        "arguments": {name: plain(value) for name, value in estimator.get_params(deep=False).items() if keeps(value)},
        "encoder": estimator.encoder_.to_json(),
        "target": estimator.target_encoder_.to_json(),
        "design": estimator.design_.to_json(),
        "columns": estimator.n_features_in_,
        "names": estimator.feature_names_in_.tolist() if hasattr(estimator, "feature_names_in_") else None,
        "limits": estimator.limits_.tolist() if hasattr(estimator, "limits_") else None,
        "history": None,
    }
    if hasattr(estimator, "history_"):
        fitted["history"] = {name: column.tolist() for name, column in estimator.history_.columns().items()}
    return fitted


def rebuild(kind: type[Estimator], module: Module, description: dict[str, Any]) -> Any:
    """The estimator that `describe` described."""
    arguments = {name: from_plain(value) for name, value in description["arguments"].items()}
    estimator = kind(**arguments)
    encoder = KINDS[description["design"].get("inputs", "table")].kind.from_json(description["encoder"])
    target = TargetEncoder.from_json(description["target"])
    estimator.model_, estimator.encoder_, estimator.target_encoder_ = module, encoder, target
    estimator.design_ = Design.from_json(description["design"], encoder, target)
    estimator.n_features_in_ = description["columns"]
    if description["names"] is not None:
        estimator.feature_names_in_ = np.array(description["names"], dtype=object)
    if description["limits"] is not None:
        estimator.limits_ = np.array(description["limits"])
    if description["history"] is not None:
        estimator.history_ = History()
        if description["history"]:
            estimator.history_.extend({name: np.array(column) for name, column in description["history"].items()})
    return estimator


def keeps(value: Any) -> bool:
    """Whether a constructor's argument is plain. Modules, functions, optimizers and data are left at their defaults."""
    if isinstance(value, list | tuple | dict):
        return all(keeps(part) for part in (value.items() if isinstance(value, dict) else value))
    return value is None or isinstance(value, bool | int | float | str | np.bool_ | np.integer | np.floating)


def plain(value: Any) -> Any:
    """A plain value as JSON; the keys of a dict may be of any type."""
    if isinstance(value, dict):
        return {"pairs": [[plain(key), plain(part)] for key, part in value.items()]}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return value.item() if isinstance(value, np.generic) else value


def from_plain(value: Any) -> Any:
    """
    >>> from_plain(plain({1: 0.5, "a": 2}))
    {1: 0.5, 'a': 2}
    """
    return {key: from_plain(part) for key, part in value["pairs"]} if isinstance(value, dict) else value


for kind in (Classifier, Regressor):
    files.register(kind.__name__, kind, parts, kind.from_description)
