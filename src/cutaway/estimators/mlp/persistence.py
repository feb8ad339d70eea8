"""The drop-ins as plain values beside their networks, and back: what `ct.save` and `ct.load` use."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.validation import check_is_fitted

from ... import files
from ...errors import ArgumentError, FileError
from ...nn import Module
from ...text import jsonable
from ...train import History
from ..description import argument_from_json, kept_arguments
from .classifier import MLPClassifier
from .gaps import Gaps
from .regressor import MLPRegressor

FITTED = ("n_features_in_", "n_outputs_", "n_layers_", "n_iter_", "t_", "out_activation_", "loss_", "loss_curve_",
          "best_loss_", "validation_scores_", "best_validation_score_", "learning_rate_", "stopped_",
          "_no_improvement_count")
LINKS = ("identity", "exp", "logistic", "softmax")


def parts(mlp: Any) -> tuple[Module, dict[str, Any], Any]:
    """The network, everything else, and no example: its first layer says what it takes."""
    check_is_fitted(mlp)
    model = mlp._network()
    kept, left_out = kept_arguments(mlp)
    extra: dict[str, Any] = {
        "arguments": {name: value for name, value in kept.items() if name not in ("callbacks", "validation_data")},
        "left_out": left_out,
        "fitted": {name: jsonable(getattr(mlp, name)) for name in FITTED if hasattr(mlp, name)},
        "history": {name: column.tolist() for name, column in mlp.history_.columns().items()}
                   if hasattr(mlp, "history_") else None,
        "names": mlp.feature_names_in_.tolist() if hasattr(mlp, "feature_names_in_") else None,
        "gaps": {"columns": mlp._gaps.columns.tolist(), "means": mlp._gaps.means.tolist()},
    }
    if isinstance(mlp, MLPClassifier):
        labels = mlp.classes_.tolist()
        if not all(isinstance(label, str | int | float | bool) for label in labels):
            raise ArgumentError(f"classes {labels[:3]} cannot be saved: use text or numbers as labels.")
        extra["labels"] = {"kind": mlp._label_binarizer.y_type_, "classes": labels}
    return model, extra, None


def rebuild(kind: type, model: Module, extra: dict[str, Any]) -> Any:
    """The estimator that `parts` took apart."""
    arguments = {name: argument_from_json(value) for name, value in extra["arguments"].items()}
    mlp: Any = kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in arguments.items()})
    fitted = extra["fitted"]
    for name in FITTED:
        if name in fitted:
            setattr(mlp, name, fitted[name])
    _numbers_again(mlp)
    mlp._left_out = list(extra.get("left_out", ()))
    if extra.get("history"):
        mlp.history_ = History()
        mlp.history_.extend({name: np.array(column, float) for name, column in extra["history"].items()})
    mlp._gaps = Gaps.__new__(Gaps)
    mlp._gaps.features = mlp.n_features_in_
    mlp._gaps.columns = np.array(extra["gaps"]["columns"], np.intp)
    mlp._gaps.means = np.array(extra["gaps"]["means"], np.float64)
    if mlp._gaps.means.shape != (mlp.n_features_in_,) or mlp.out_activation_ not in LINKS:
        raise FileError("its features and what fills their gaps differ in number")
    if extra["names"] is not None:
        mlp.feature_names_in_ = np.array(extra["names"], dtype=object)
    if kind is MLPClassifier:
        classes = np.array(extra["labels"]["classes"])
        several = extra["labels"]["kind"].startswith("multilabel")
        mlp._label_binarizer = LabelBinarizer().fit(np.eye(len(classes), dtype=int) if several else classes)
        mlp.classes_ = mlp._label_binarizer.classes_
    mlp._show(model)
    if getattr(mlp, "best_validation_score_", None) is not None:
        mlp._best = model.theta.copy()  # they are the weights of that score
    if len(mlp.coefs_[0]) != mlp._gaps.width or len(mlp.intercepts_[-1]) != mlp.n_outputs_:
        raise FileError("its network does not fit its features and outputs")
    return mlp


def _numbers_again(mlp: Any) -> None:
    """Give back what `jsonable` wrote as None, as not finite; files of before lack what passes go on from."""
    def back(name: str, instead: float) -> None:
        value = getattr(mlp, name, None)
        setattr(mlp, name, [instead if one is None else one for one in value] if isinstance(value, list)
                else instead if value is None else value)

    if not hasattr(mlp, "best_loss_"):
        return  # lbfgs
    back("loss_curve_", np.nan)
    if mlp.validation_scores_ is not None:
        back("validation_scores_", np.nan)
        back("best_validation_score_", -np.inf)
    if not mlp.early_stopping:
        back("best_loss_", np.inf)
    back("_no_improvement_count", 0)


for kind in (MLPClassifier, MLPRegressor):
    files.register(kind.__name__, kind, parts, partial(rebuild, kind))
