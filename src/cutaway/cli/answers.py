"""What a model answers to rows: predictions and probabilities, and labels said from other probabilities on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..data.limits import ROWS_AT_ONCE as ROWS
from ..errors import CutawayError, TrainingError

#: Predictions, and the probabilities of classes or labels where there are any.
Answered = tuple[np.ndarray, np.ndarray | None]


def answers(models: list[Any], X: Any, classifies: bool) -> list[Answered]:
    """Predict the rows of X, with the probabilities of classes, by each model.

    The first is an estimator, the others are Baselines that see what it sees. Tables are encoded some rows at a time,
    once for all. Raises TrainingError for a model that gives no finite numbers.
    """
    if models[0].inputs_.name == "table":
        rows = [[model.said(Z) for model in models] for Z in encoded(models[0], X)]
        pieces: list[Any] = list(zip(*rows, strict=True))
    else:  # each encodes what it sees, once for predictions and probabilities
        blocks = [[models[0].encode(X)], *(linear.blocks(X) for linear in models[1:])]
        pieces = [[model.said(Z) for Z in some] for model, some in zip(models, blocks, strict=True)]
    each = [(np.concatenate([predicted for predicted, _ in some]),
             np.concatenate([probability for _, probability in some]) if classifies else None) for some in pieces]
    for predicted, probability in each:
        if not np.isfinite(predicted if probability is None else probability).all():
            raise TrainingError("The network's outputs are not finite: it diverged and is not written. "
                                "Try a lower --lr.")
    return each


def encoded(model: Any, X: Any) -> Iterator[Any]:
    """Encode the rows of a table, some at a time; messages number rows as all together have them."""
    if X.shape[0] <= ROWS or not hasattr(X, "iloc"):
        yield model.encode(X)
        return
    for start in range(0, len(X), ROWS):
        try:
            Z = model.encode(X.iloc[start : start + ROWS])
        except CutawayError:
            model.encode(X)
            raise
        yield Z


def decided(model: Any, predicted: np.ndarray, probability: Any, thresholds: dict[int, float]) -> np.ndarray:
    """Predict where labels are said from other probabilities on than usual; of several labels the likeliest wins.

    Between two classes, below the threshold of one the other is said.
    """
    if not thresholds:
        return predicted
    p = np.array(probability)
    if model.target_encoder_.task == "multilabel":
        said = np.array(predicted)
        for j, value in thresholds.items():
            said[:, j] = p[:, j] >= value
        return said
    for j, value in thresholds.items():  # above its threshold it beats all, below it loses to all
        p[:, j] = np.where(p[:, j] >= value, p[:, j] + 1, p[:, j] - 1)
    return model.classes_[p.argmax(axis=1)]


def doubted(model: Any, X: Any, where: str) -> None:
    """Say on the error stream what in the rows is unlike training."""
    say_doubts(model.doubts(X), where)


def say_doubts(found: Any, where: str, column: bool = False) -> None:
    """Say on the error stream what is doubtful. `column`: a column of the output says it too."""
    from .terminal import warn

    if found.worth_a_note:
        which = "the column doubt says which" if column else "predict --doubt adds a column that says which"
        head, *rest = found.lines()
        warn("\n  ".join([f"{where}: {head}:", *rest]) + f"\n  Predictions for them are guesses; {which}.")
