"""The networks of a forecaster: a linear map on the lags, an MLP, or the mean of both, chosen on later windows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import nn
from ..nn import Module
from ..optim import AdamW
from ..optim.schedules import cosine
from ..train.fit import fit
from .linear import ridge_path
from .trial import BETTER, ROOM
from .window_sets import scaled
from .windows import WindowRows

NETWORKS = ("auto", "linear", "mlp", "both")
NAMES = {"linear": "linear", "both": "mean of linear and MLP", "mlp": "MLP"}
#: Windows with fewer of which an MLP is not tried, and with fewer of which it is small; its hidden widths.
FEWEST_FOR_MLP, FEW_WINDOWS, SMALL, LARGE = 60, 1500, [32], [128, 64]
#: Updates, windows of each, the highest rate, dropout and weight decay of an MLP, and epochs without gain to its end.
UPDATES, BATCH, RATE, DROPOUT, DECAY, PATIENCE = 1500, 128, 2e-3, 0.1, 1e-2, 8


@dataclass
class Choice:
    """Which network it is to be, after how many epochs its MLP was best; asked: nobody chose; compared: others were
    tried."""

    part: str
    epochs: int = 0
    asked: bool = False
    compared: bool = False


def choose(sets: Sequence[tuple[WindowRows, WindowRows]], alpha: float, asked: Any, error: Callable[[Any], float],
           tried: list[tuple[str, float]]) -> tuple[Choice, list[np.ndarray]]:
    """Train the networks in question on the windows of each fold, and choose by the error of their outputs on those
    held back. Gives the choice, and its outputs for these."""
    deep = asked.network != "linear" and (asked.network != "auto" or len(sets[-1][0]) >= FEWEST_FOR_MLP)
    answers: dict[str, list[np.ndarray]] = {part: [] for part in (("linear", "both", "mlp") if deep else ("linear",))}
    epochs = 0
    for train, held in sets:
        T = scaled(train)
        outer = float(np.abs(T).max()) * ROOM
        linear = np.clip(ridge_path(train.X, T).answers(held.X, alpha), -outer, outer)
        answers["linear"].append(linear)
        if deep:
            aims = np.where(np.isfinite(held.y), (held.y - held.base) / held.scale[:, None], 0)
            net = mlp(train.X.shape[1], T.shape[1], len(train))
            run = trained(net, train.X, T, asked.seed, asked.threads, (held.X, np.clip(aims, -outer, outer)))
            z = np.clip(outputs(net, held.X), -outer, outer)
            answers["mlp"].append(z)
            answers["both"].append((linear + z) / 2)
            epochs = max(1, run.best_epoch or run.epochs_done)
    if not deep:
        return Choice("linear", asked=asked.network == "linear"), answers["linear"]
    errors = {part: error([(held, z) for (_, held), z in zip(sets, found, strict=True)])
              for part, found in answers.items()}
    tried += [(NAMES[part], e) for part, e in errors.items()]
    best = "linear"
    for part in ("both", "mlp"):
        best = part if errors[part] < BETTER * errors[best] else best
    best = best if asked.network == "auto" else asked.network
    return Choice(best, epochs, asked.network != "auto", True), answers[best]


def build(choice: Choice, X: np.ndarray, T: np.ndarray, alpha: float, seed: int, threads: int | None
          ) -> tuple[Module, dict[str, list[float]]]:
    """The network of a choice, learnt from all windows; and the loss of each epoch of its MLP."""
    map_ = nn.FoundLinear(X.shape[1], T.shape[1])
    map_.init(seed)
    history: dict[str, list[float]] = {}
    map_.weight.data[...], map_.bias.data[...] = ridge_path(X, T).at(alpha)
    if choice.part == "linear":
        return map_, history
    net = mlp(X.shape[1], T.shape[1], len(X))
    run = trained(net, X, T, seed, threads, epochs=choice.epochs)
    history = {"loss": [float(v) for v in run.history["loss"]]}
    if choice.part == "mlp":
        return net, history
    linear, deep = nn.FoundLinear(X.shape[1], T.shape[1]), mlp(X.shape[1], T.shape[1], len(X))
    both = nn.Ensemble([linear, deep])
    both.init(seed)
    linear.weight.data[...], linear.bias.data[...] = map_.weight.data, map_.bias.data
    deep.load_state_dict(net.state_dict())
    return both, history


def mlp(n_in: int, n_out: int, windows: int) -> Module:
    """The perceptron for so many windows."""
    return nn.MLP(n_in, SMALL if windows < FEW_WINDOWS else LARGE, n_out, dropout=DROPOUT)


def trained(net: Module, X: np.ndarray, T: np.ndarray, seed: int, threads: int | None, validation: Any = None,
            epochs: int | None = None) -> Any:
    """Train a network on windows; by the absolute error, whose best answer is the median."""
    batch = min(BATCH, max(8, len(X) // 8))
    each = -(-len(X) // batch)
    whole = max(5, min(100, -(-UPDATES // each)))
    held = None if validation is None else tuple(part.astype(np.float32) for part in validation)
    return fit(net.init(seed), X.astype(np.float32), T.astype(np.float32), loss="mae",
               optimizer=AdamW(cosine(RATE, steps=whole * each), weight_decay=DECAY),
               epochs=epochs or whole, batch_size=batch, validation=held, seed=seed,
               early_stopping=PATIENCE if held else None, threads=threads, progress=False)


def outputs(net: Module, X: np.ndarray) -> np.ndarray:
    """The raw outputs for rows X, float64 (n, horizon)."""
    return np.asarray(net.predict(X.astype(np.float32)), np.float64).reshape(len(X), -1)
