"""What looks into a drop-in goes by: its rows as the network takes them, and what ct.fit would train it with."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ...errors import DataError
from ...optim import SGD
from ..weights import row_weights
from .solvers import ChangingRate, optimizer_for


def fit_arguments(mlp: Any, X: Any, y: Any, sample_weight: Any = None) -> dict[str, Any]:
    """Make the arguments of ct.fit to train a drop-in's network on these rows, as its loss and its layers have them.

    model, X and y (encoded), sample_weight, loss (with the penalty of large weights) and optimizer, by name. That of
    lbfgs moves nothing: it takes no steps of its own.
    """
    Z, y = mlp.encode(X), np.asarray(y)
    if len(y) != len(Z):
        raise DataError(f"X has {len(Z)} rows, y {len(y)}: give y one value a row.")
    T = mlp._targets(y, False, learning=False)
    w = mlp._weighed(T, row_weights(sample_weight, len(y)), False)
    rate = mlp._rate.now if hasattr(mlp, "_rate") else mlp.learning_rate_init
    optimizer = SGD(0.0) if mlp.solver == "lbfgs" else optimizer_for(mlp, ChangingRate(rate))
    T = T if T.dtype.kind == "i" else T.astype(mlp._dtype)
    loss = mlp._objective(1.0 if w is None else w.mean())
    return {"model": mlp._network(), "X": Z, "y": T, "sample_weight": w, "loss": loss, "optimizer": optimizer}


def input_names(mlp: Any) -> list[str]:
    """Name a drop-in's inputs: columns, and for those that had gaps, where the gaps were."""
    check_is_fitted(mlp)
    known = getattr(mlp, "feature_names_in_", None)
    names = [f"x{k}" for k in range(mlp.n_features_in_)] if known is None else list(map(str, known))
    return names + [f"{names[k]} missing" for k in mlp._gaps.columns]
