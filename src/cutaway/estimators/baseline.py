"""A plain linear model on the same encoded rows: what a network has to beat. On small tables it may win.

Of images it sees every pixel (`wide.py`). Of sequences it sees random convolutions (`shapes.py`); of short ones, and
where order counts, every time step: if lengths differ, shorter ones end in zeros, and each feature's mean, deviation,
smallest, largest and last value stand beside the steps.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..data import TargetEncoder
from ..data.limits import FEWEST_OF_LINEAR, ROWS_A_FEATURE, WIDE_ALPHAS, WIDE_EXPANDED
from ..data.limits import LINEAR_STEPS as STEPS
from ..data.limits import MOST_SHAPED as SEEN
from ..data.limits import WIDE_AT_ONCE as BLOCK
from ..data.limits import WIDE_ROW as WIDE
from ..data.limits import WIDE_ROW_OF_CLASSES as WIDE_OF_CLASSES
from ..data.targets import as_target
from .inputs import Inputs, kind_of, take
from .plain_numbers import laid_out
from .ridge import Ridge
from .shapes import RidgeOfClasses, Shapes, by_shapes
from .weights import row_weights, with_class_weights
from .wide import WideLinear, affordable, drawn

FIRST = np.arange(1)


class Baseline:
    """A fitted linear model with `predict`, `predict_proba` (classes) and `score`; made by `baseline`.

    `name` says what it is, and how many rows it learnt from where all would take too long. shapes: what makes numbers
    of encoded sequences.
    """

    def __init__(self, model: Any, kind: Inputs, encoder: Any, target: TargetEncoder, name: str,
                 shapes: Shapes | None = None) -> None:
        self.model, self.kind, self.encoder_, self.target_encoder_, self.name = model, kind, encoder, target, name
        self.shapes = shapes

    def encode(self, X: Any) -> np.ndarray:
        """The rows of X as the model takes them: (n, features)."""
        X = self.kind.read(X, self.encoder_).X
        if self.shapes is not None:
            return self.shapes.transform(self.encoder_.transform(X))
        return linear_features(self.kind, self.encoder_, X)

    def predict(self, X: Any) -> np.ndarray:
        """Predict numbers in the target's unit, or classes: (n,) or (n, outputs)."""
        return np.concatenate([self._predict_encoded(Z) for Z in self.blocks(X)])

    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict probabilities of classes (n, classes), or of labels (n, labels)."""
        return np.concatenate([self._probabilities(Z) for Z in self.blocks(X)])

    def said(self, Z: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Predict encoded rows; where there are classes, give their probabilities, too."""
        classifies = "regression" not in self.target_encoder_.task
        return self._predict_encoded(Z), self._probabilities(Z) if classifies else None

    def _predict_encoded(self, Z: np.ndarray) -> np.ndarray:
        return self.target_encoder_.inverse(self.model.predict(Z))

    def _probabilities(self, Z: np.ndarray) -> np.ndarray:
        return self.model.predict_proba(Z)

    def blocks(self, X: Any) -> Iterator[np.ndarray]:
        """Encode rows; wide ones some at a time."""
        if not isinstance(self.model, WideLinear):
            yield self.encode(X)
            return
        X = self.kind.read(X, self.encoder_).X
        n, step = self.kind.count(X), max(1, BLOCK // self.model.n_features_in_)
        for start in range(0, n, step):
            rows = np.arange(start, min(start + step, n))
            yield linear_features(self.kind, self.encoder_, self.kind.take(X, rows))

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Score predictions: R² for numbers, the share right for classes; y may be left out where X brings it."""
        from sklearn.metrics import accuracy_score, r2_score

        X, y = self.kind.with_target(X, y, self.encoder_)
        metric = r2_score if "regression" in self.target_encoder_.task else accuracy_score
        return float(metric(as_target(y)[0], self.predict(X), sample_weight=sample_weight))

    def __repr__(self) -> str:
        return f"Baseline({self.name}, {self.model.n_features_in_} features)"


def baseline(X: Any, y: Any = None, task: str | None = None, sample_weight: Any = None, *,
             like: Any = None) -> Baseline:
    """The linear model to compare a network with: ridge regression, or logistic regression for classes.

    X is any table, images or sequences (n rows), y its target, as ct.design takes them. `like`, a fitted Classifier or
    Regressor, lends its encoders and weights of classes, so that both see the same. Of a table it learns from a
    thousand rows for each encoded feature (20,000 at least): all others would change its errors by a thousandth.

    >>> import cutaway as ct
    >>> from cutaway.estimators import baseline
    >>> X, y = ct.datasets.load("iris")
    >>> baseline(X, y).score(X, y) > 0.9
    True
    """
    kind = kind_of(X) if like is None else like.inputs_
    read = kind.read(X, None if like is None else like.encoder_)
    y = read.y if y is None else y
    if like is not None:
        encoder, target = like.encoder_, like.target_encoder_
    else:
        target = TargetEncoder(task).fit(y, sample_weight)
        encoder = kind.encoder(read.X, sample_weight, read.names, target=target, y=y)
    rows, X, name = kind.count(read.X), read.X, "ridge regression"
    if "regression" not in target.task:
        name = "logistic regression"
    table, sees_shapes = kind.name == "table", by_shapes(kind, encoder)
    width = len(encoder.expanded_names) if table else linear_features(kind, encoder, kind.take(X, FIRST)).shape[1]
    wide = not table and not sees_shapes and width > (WIDE if "regression" in target.task else WIDE_OF_CLASSES)
    few = min(width, kind.n_in(encoder) + WIDE_EXPANDED) if table else width
    kept = max(FEWEST_OF_LINEAR, ROWS_A_FEATURE * few) if table else affordable(rows, width) if wide else rows
    if sees_shapes:
        kept, name = min(rows, SEEN), "ridge regression on random convolutions"
    if kept < rows:
        chosen = drawn(rows, kept)
        X, y = kind.take(X, chosen), take(y, chosen)
        sample_weight = None if sample_weight is None else np.asarray(sample_weight)[chosen]
        why = "all would take too long" if not table else f"all would lower its error by some {width / kept:.1%}"
        name += f" (fitted to {kept:,} of the {rows:,} training {kind.many}: {why})"
    shapes = Shapes().fit(encoder.transform(X)) if sees_shapes else None
    Z = linear_features(kind, encoder, X) if shapes is None else shapes.transform(encoder.transform(X))
    T = target.transform(y, np.float64)
    if "regression" not in target.task:
        T = T.astype(np.int64)
    if like is not None and getattr(like, "class_weight", None) is not None:
        sample_weight = row_weights(sample_weight, len(Z))
        sample_weight = with_class_weights(sample_weight, like.class_weight, target.classes, T)
    if shapes is not None:
        numbers = "regression" in target.task
        model: Any = Ridge(WIDE_ALPHAS) if numbers else RidgeOfClasses(target.task, target.n_outputs)
        return Baseline(model.fit(Z, T, sample_weight), kind, encoder, target, name, shapes)
    if "regression" in target.task and not wide:
        return Baseline(laid_out(Ridge(), encoder).fit(Z, T, sample_weight), kind, encoder, target, name)
    from sklearn import config_context
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    with warnings.catch_warnings(), config_context(enable_metadata_routing=True):
        warnings.simplefilter("ignore", ConvergenceWarning)  # so many steps are near enough for a comparison
        if wide:
            fitted = WideLinear(target.task, target.n_outputs).fit(Z, T, sample_weight)
            return Baseline(fitted, kind, encoder, target, name)
        model = LogisticRegression(max_iter=STEPS[kind.name])
        if target.task == "multilabel":
            model = OneVsRestClassifier(model.set_fit_request(sample_weight=True))
        model = laid_out(model, encoder)
        model.fit(Z, T, **({} if sample_weight is None else {"sample_weight": sample_weight}))
    return Baseline(model, kind, encoder, target, name)


def linear_features(kind: Inputs, encoder: Any, X: Any) -> np.ndarray:
    """The rows of X as the linear model takes them, encoded as for the network."""
    dtype = np.float32 if kind.name == "images" else np.float64  # many large images take much memory
    return kind.flat(encoder.transform(X, dtype), encoder).astype(np.float64, copy=False)
