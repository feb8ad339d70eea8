"""What experiments begin with: a model with the first weights of any seed, the loss that suits it, and what y holds."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from ..data import TargetEncoder
from ..data.targets import as_target
from ..errors import ArgumentError, DataError, ShapeError
from ..inspect.reading import training_of
from ..nn import Module
from ..train.feeding import target

#: More classes than this are no experiment on a screen, and of most of them too few rows are held out to score on.
MOST_CLASSES = 100


def opened(model: Any, X: Any, y: Any, loss: Any) -> tuple[Any, Any, Any, Any]:
    """Read model, X, y and loss as experiments take them: an estimator gives its network, encoded rows and loss."""
    if isinstance(model, Module) or not hasattr(model, "fit"):
        return model, X, y, loss
    arguments = training_of(model, X, y, None if loss == "auto" else loss, None, None)
    return arguments["model"], arguments["X"], arguments["y"], arguments["loss"]


def fresh(model: Module | Callable[[], Module], seed: int) -> Module:
    """Make a model with initial weights of this seed: a copy of `model`, or what the function `model()` makes.

    >>> import cutaway as ct
    >>> net = ct.nn.MLP(2, [4], 1)
    >>> bool((fresh(net, 3).theta == fresh(lambda: ct.nn.MLP(2, [4], 1), 3).theta).all())
    True
    """
    if hasattr(model, "model_") and not isinstance(model, Module):
        model = model.model_
    made: Any = copy.deepcopy(model) if isinstance(model, Module) else model() if callable(model) else None
    if not isinstance(made, Module):
        raise ArgumentError(f"model must be a ct.nn.Module, or a function () that makes one, got {model!r}")
    return made.init(seed)


def loss_for(loss: Any, model: Module, X: Any, y: Any, learns: bool = False) -> Any:
    """The loss asked for; where that is "auto", what the targets and outputs suggest.

    Class numbers for several outputs: cross_entropy. Targets of zero and one for a single output: binary_cross_entropy.
    Other targets: mse. Raises DataError for a y that is no numbers and, where a
    model learns from it, the same in all rows.
    """
    if loss != "auto":
        return loss
    y = target(y, classes=False)
    if learns and len(y) and (y == y[0]).all():
        raise DataError(f"y is the same for all rows ({y.ravel()[0]:g}): there is nothing to learn; give loss= to "
                        "train on it all the same")
    outputs = model.predict(X[:2]).shape[-1]
    whole = y.dtype.kind in "iub" or bool((y == np.round(y)).all())
    if y.ndim == 1 and outputs > 1 and whole:
        return "cross_entropy"
    return "binary_cross_entropy" if whole and y.min() >= 0 and y.max() <= 1 else "mse"


def judged(y: Any, rows: int, outputs: int = 0) -> tuple[list[Any], np.ndarray]:
    """The labels in y and the number of each row's, or no labels and the numbers: as the estimators take y.

    >>> judged(["a", "b", "a", "b"], 4)[0], judged([310_000, 289_900, 415_500], 3)[0]
    (['a', 'b'], [])

    outputs: of a network whose classes y numbers, however many there are. Raises ShapeError unless y is (rows,),
    DataError for gaps and for more than 100 classes.
    """
    values, _ = as_target(y)
    if values.shape != (rows,):
        raise ShapeError(f"y has shape {values.shape}: give one class or number for each of {rows:,} rows")
    known = TargetEncoder(constant=True)
    numbered = values.dtype.kind in "iu" and values.min() >= 0 and values.max() < outputs
    known.fit(values)
    if known.task == "regression" and not numbered:
        return [], np.asarray(known.inverse(known.transform(values, np.float64)))
    known = TargetEncoder("multiclass", constant=True).fit(values)
    labels = known.classes.tolist()
    if len(labels) > max(MOST_CLASSES, outputs):
        raise DataError(f"y has {len(labels):,} different labels ({', '.join(map(repr, labels[:3]))}, ...): give at "
                        f"most {MOST_CLASSES} classes, or numbers")
    return labels, known.transform(values)
