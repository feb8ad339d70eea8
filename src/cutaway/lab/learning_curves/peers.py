"""The models that a network is compared with: scikit-learn's, on rows encoded as the network's are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def peers(task: str) -> dict[str, Callable[[int], Any]]:
    """Make for each model a function of its seed that gives an estimator to fit; forests and boosting as they come."""
    from sklearn import ensemble
    from sklearn.linear_model import LogisticRegression, RidgeCV

    from ...data.limits import ALPHAS, LINEAR_STEPS
    from ...estimators import Classifier, Regressor

    numbers = task == "regression"
    network, ending = (Regressor, "Regressor") if numbers else (Classifier, "Classifier")
    forest, boosting = (getattr(ensemble, name + ending) for name in ("RandomForest", "HistGradientBoosting"))
    return {
        "network": lambda seed: network(random_state=seed, threads=1),
        "ridge regression" if numbers else "logistic regression": lambda _: Encoded(
            RidgeCV(ALPHAS) if numbers else LogisticRegression(max_iter=LINEAR_STEPS["table"]), task),
        "random forest": lambda seed: Encoded(forest(random_state=seed), task),
        "gradient boosting": lambda seed: Encoded(boosting(random_state=seed), task),
    }


class Encoded:
    """A scikit-learn model on any table, images or sequences: text, dates and gaps become numbers first."""

    def __init__(self, model: Any, task: str) -> None:
        self.model, self.task = model, task

    def fit(self, X: Any, y: Any) -> Encoded:
        from ...data import TargetEncoder
        from ...estimators.baseline import Baseline, linear_features
        from ...estimators.inputs import kind_of

        kind = kind_of(X)
        encoder, target = kind.encoder(X, None, embed=False), TargetEncoder(self.task).fit(y)
        Z, T = linear_features(kind, encoder, X), target.transform(y, np.float64)
        self.model.fit(Z, T if self.task == "regression" else T.astype(np.int64))
        self.fitted = Baseline(self.model, kind, encoder, target, "")
        return self

    @property
    def classes_(self) -> np.ndarray:
        return self.fitted.target_encoder_.classes[self.model.classes_]

    def predict(self, X: Any) -> np.ndarray:
        return self.fitted.predict(X)

    def predict_proba(self, X: Any) -> np.ndarray:
        return self.fitted.predict_proba(X)
