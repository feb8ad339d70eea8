"""The networks of cutaway.sklearn as graphs: gaps filled, the network, and answers as their predict gives them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from ..estimators.mlp import persistence
from .arrays import concatenate, where
from .graph import OnnxArray, OnnxGraph
from .network import Evaluation
from .outputs import LABEL, OUTPUTS, PREDICTION, PROBABILITIES, answers


class DropInSide:
    """Rows of numbers (rows, features), whose gaps become means; columns that had some in training say where."""

    def __init__(self, features: int, gaps: dict[str, Any], dtype: Any) -> None:
        self.features, self.dtype = features, dtype
        self.columns, self.means = np.array(gaps["columns"], np.int64), np.array(gaps["means"], float)

    def write(self, g: OnnxGraph) -> dict[str, OnnxArray]:
        X = g.input("X", float, (None, self.features), f"rows of {self.features} numbers, NaN for a gap")
        g.scope = "gaps"
        missing = g("IsNaN", X)
        filled = where(missing, self.means, X)
        if len(self.columns):
            filled = concatenate([filled, missing.astype(float)[:, self.columns]], 1)
        g.scope = ""
        return {"x": filled.astype(self.dtype)}

    def feed(self, X: Any) -> dict[str, np.ndarray]:
        return {"X": np.asarray(X.toarray() if hasattr(X, "toarray") else X, float)}


def write_drop_in(g: OnnxGraph, mlp: Any) -> tuple[DropInSide, dict[str, Any]]:
    """Write a drop-in's graph: give what feeds it, and what else the file shall say."""
    network, extra, _ = persistence.parts(mlp)
    side = DropInSide(mlp.n_features_in_, extra["gaps"], network.dtype)
    evaluation = Evaluation.of(network, None)
    z = evaluation.write(g, side.write(g))
    g.scope = "answer"
    if not hasattr(mlp, "classes_"):
        y = (g("Exp", z) if mlp.out_activation_ == "exp" else z).astype(float)  # in the network's precision, as there
        y = g("Squeeze", y, np.array([1]), shape=(None,)) if mlp.n_outputs_ == 1 else y
        g.output(PREDICTION, y, "what predict gives")
        g.output(OUTPUTS, z, "what the network says")
        return side, {}
    classes, multilabel = mlp.classes_, extra["labels"]["kind"].startswith("multilabel")
    if multilabel:
        p = 1.0 / (g("Exp", -z.astype(float)) + 1.0)
        label = where(p > 0.5, g.constant(1, np.int64), g.constant(0, np.int64))
        g.output(LABEL, label, "1 for each label that is likelier than not, else 0")
        g.output(PROBABILITIES, p.astype(np.float32), f"of {', '.join(map(str, classes.tolist())):.2000}, in order")
        g.output(OUTPUTS, z, "what the network says")
    else:
        soft = mlp.out_activation_ == "softmax" or len(classes) == 1
        design = SimpleNamespace(n_out=mlp.n_outputs_, task="multiclass" if soft else "binary",
                                 link="softmax" if soft else "sigmoid")
        answers(g, SimpleNamespace(design_=design, classes_=classes, temperature_=1.0, threshold_=None), z, None)
    return side, {"classes": classes.tolist()}
