"""An estimator in a file: what `ct.save` and `ct.load` know of each kind."""

from __future__ import annotations

from typing import Any

from .. import files
from ..nn import Module
from .base import Estimator
from .classifier import Classifier
from .regressor import Regressor


def parts(estimator: Estimator) -> tuple[Module, dict[str, Any], Any]:
    """The network, everything else, and two rows as the network takes them."""
    description = estimator.to_description()
    return estimator.model_, description, example(estimator)


def example(estimator: Estimator) -> Any:
    return estimator.inputs_.example(estimator.encoder_)


for kind in (Classifier, Regressor):
    files.register(kind.__name__, kind, parts, kind.from_description, example)
