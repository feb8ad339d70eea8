"""Where there is nothing to learn: a target that never varies, a table of which no column says anything."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..data import TargetEncoder
from ..nn import Linear
from .notes import tell


def tell_of_constants(encoder: Any, target: TargetEncoder) -> None:
    """Warn of what makes predictions constant."""
    if getattr(encoder, "blank", False):
        tell(f"Nothing can be learnt from X ({encoder.whys()}): every row gets the same prediction.")
    if target.still:
        named = ", ".join(map(repr, target.still[:5])) + (", ..." if len(target.still) > 5 else "")
        what = "one class" if target.task in ("binary", "multiclass") else "the same in every row"
        tell(f"Nothing can be learnt of the target {named}: it is {what}, and so is every prediction.")


def answer_constant(estimator: Any, T: np.ndarray, weights: np.ndarray | None) -> None:
    """Answer where no feature says anything, as suits all rows best: the targets' mean or the classes' shares.

    Training comes near them; the last layer's bias has them exactly.
    """
    last = [layer for _, layer in estimator.model_.named_modules() if isinstance(layer, Linear)][-1:]
    link = estimator.design_.link
    if not getattr(estimator.encoder_, "blank", False) or not last or last[0].bias is None or link == "rising":
        return
    rows = np.eye(estimator.design_.n_out)[T.astype(int)] if link == "softmax" else T.reshape(len(T), -1)
    mean = np.average(rows.astype(np.float64), axis=0, weights=weights)
    if link != "identity":
        mean = np.clip(mean, 1e-6, 1 - 1e-6)
        mean = np.log(mean) if link == "softmax" else np.log(mean / (1 - mean))
    last[0].weight.data[...], last[0].bias.data[...] = 0, mean
