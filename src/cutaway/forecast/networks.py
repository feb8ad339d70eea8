"""The networks of a forecaster's members: a linear map on the lags, found at once; an MLP, a GRU, an LSTM or filters
along time (TCN), trained."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from .. import nn
from ..estimators.ridge import Ridge
from ..nn import Module
from ..optim import AdamW
from ..optim.schedules import cosine
from ..train.fit import fit
from .linear import ridge_path
from .trial import ROOM, Candidate, FoldTrial
from .window_sets import scaled
from .windows import Layout

#: Windows with fewer of which an MLP is not tried, and with fewer of which it is small; its hidden widths.
FEWEST_FOR_MLP, FEW_WINDOWS, SMALL, LARGE = 60, 1500, [32], [128, 64]
#: Updates, windows of each, the highest rate, dropout and weight decay of an MLP, and epochs without gain to its end.
UPDATES, BATCH, RATE, DROPOUT, DECAY, PATIENCE = 1500, 128, 2e-3, 0.1, 1e-2, 8
#: Of what reads lags step by step: its neurons, the lags, windows and updates at most, and filters behind each other.
WIDTH, MOST_READ, MOST_TRAINED, FEWER_UPDATES, MOST_FILTERS = 16, 96, 4000, 600, 6
#: Networks that are trained, in words.
NAMES = {"mlp": "MLP", "gru": "GRU", "lstm": "LSTM", "tcn": "filters along time (TCN)"}
STEP_BY_STEP = ("gru", "lstm", "tcn")


def tried(part: str, trial: FoldTrial, layout: Layout, seed: int, runs_on: dict[str, Any]) -> Candidate:
    """The candidate that is a trained network, learnt from the windows of each fold, with the epochs that it took.
    runs_on: the arguments of ct.fit that say what trains it."""
    if part in STEP_BY_STEP:
        layout = replace(layout, lags=min(layout.lags, MOST_READ))
    sets, z, epochs = trial.sets(layout, MOST_TRAINED if part in STEP_BY_STEP else 0), [], 0
    for train, held in sets:
        T = scaled(train)
        outer = float(np.abs(T).max()) * ROOM
        aims = np.where(np.isfinite(held.y), (held.y - held.base) / held.scale[:, None], 0)
        net = network(part, train.X.shape[1], T.shape[1], len(train), layout.lags)
        run = trained(net, train.X, T, seed, runs_on, (held.X, np.clip(aims, -outer, outer)))
        z.append(np.clip(outputs(net, held.X), -outer, outer))
        epochs = max(1, run.best_epoch or run.epochs_done)
    return trial.scored(Candidate(NAMES[part], layout, part, 0.0, epochs), [held for _, held in sets], z)


def learnt(one: Candidate, X: np.ndarray, T: np.ndarray, seed: int, runs_on: dict[str, Any]
           ) -> tuple[Module, dict[str, list[float]]]:
    """The network of a candidate, learnt from all windows; and the loss of each epoch where it is trained."""
    if one.part in NAMES:
        net = network(one.part, X.shape[1], T.shape[1], len(X), one.layout.lags)
        run = trained(net, X, T, seed, runs_on, epochs=one.epochs)
        return net, {"loss": [float(v) for v in run.history["loss"]]}
    map_ = nn.FoundLinear(X.shape[1], T.shape[1])
    map_.init(seed)
    if one.part == "linear":
        map_.weight.data[...], map_.bias.data[...] = ridge_path(X, T).at(one.alpha)
    elif one.part == "ridge":  # else it stays zero: nothing is added to what was taken out
        found = Ridge().fit(X, T)
        map_.weight.data[...], map_.bias.data[...] = found.coef.T, found.intercept
    return map_, {}


def network(part: str, n_in: int, n_out: int, windows: int, lags: int) -> Module:
    """The network for so many windows: a perceptron, or one that reads the lags step by step beside a linear map."""
    if part == "mlp":
        return nn.MLP(n_in, SMALL if windows < FEW_WINDOWS else LARGE, n_out, dropout=DROPOUT)
    if part == "tcn":  # each filter reads steps twice as far apart as the one before; as many as the lags have room for
        layers: list[Module] = [nn.Conv1d(1, WIDTH, min(lags, 3)), nn.ReLU()]
        dilation, left = 2, lags - 2
        while left > 2 * dilation and len(layers) < 2 * MOST_FILTERS:
            layers += [nn.Conv1d(WIDTH, WIDTH, 3, dilation=dilation), nn.ReLU()]
            left, dilation = left - 2 * dilation, 2 * dilation
        inner: Module = nn.Sequential(*layers)
    else:
        inner = nn.LastState((nn.GRU if part == "gru" else nn.LSTM)(1, WIDTH))
    return nn.Lagged(inner, nn.Linear(WIDTH + n_in, n_out), lags)


def trained(net: Module, X: np.ndarray, T: np.ndarray, seed: int, runs_on: dict[str, Any], validation: Any = None,
            epochs: int | None = None) -> Any:
    """Train a network on windows; by the absolute error, whose best answer is the median."""
    batch = min(BATCH, max(8, len(X) // 8))
    each = -(-len(X) // batch)
    updates = FEWER_UPDATES if isinstance(net, nn.Lagged) else UPDATES
    whole = max(5, min(100, -(-updates // each)))
    held = None if validation is None else tuple(part.astype(np.float32) for part in validation)
    return fit(net.init(seed), X.astype(np.float32), T.astype(np.float32), loss="mae",
               optimizer=AdamW(cosine(RATE, steps=whole * each), weight_decay=DECAY),
               epochs=epochs or whole, batch_size=batch, validation=held, seed=seed,
               early_stopping=PATIENCE if held else None, progress=False, **runs_on)


def outputs(net: Module, X: np.ndarray) -> np.ndarray:
    """The raw outputs for rows X, float64 (n, horizon)."""
    return np.asarray(net.predict(X.astype(np.float32)), np.float64).reshape(len(X), -1)
