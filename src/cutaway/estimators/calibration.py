"""Calibration: one temperature, found on rows held back, that makes a classifier as sure as it is right.

Raw outputs z are divided by the temperature T before they become probabilities (Guo et al., "On calibration of modern
neural networks", 2017). T > 1 makes a network less sure of what it says, T < 1 surer; the likeliest class stays the
likeliest. The epoch whose weights are kept is chosen by the loss at its own best temperature (Berta et al., "Rethinking
early stopping: refine, then calibrate", 2025): how sure a network is can be mended afterwards, what it confuses cannot.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..data.limits import CLOSE_TEMPERATURE as CLOSE
from ..data.limits import ROWS_FOR_ITS_OWN_TEMPERATURE as PRIOR
from ..data.limits import TEMPERATURE_STEPS as STEPS
from ..train.past import Past
from .held import answered

# ---- of an estimator -------------------------------------------------------------------------------------------------


def announce(estimator: Any) -> None:
    """Write into the design of an estimator that is about to be fitted whether, and why, it will be calibrated."""
    design = estimator.design_
    if not estimator.calibrate:
        design.calibration, design.reasons["calibration"] = "none", "as asked: probabilities are the network's own"
    elif not _can(estimator):
        design.calibration, design.reasons["calibration"] = "none", "every row gets the same probabilities"
    elif estimator.validation is None or not (design.validation or isinstance(estimator.validation, tuple | list)):
        design.calibration = "none"
        design.reasons["calibration"] = "no rows are held back to compare with: probabilities are the network's own"
    else:
        design.calibration = "one temperature, found after training"
        design.reasons["calibration"] = "rows not learnt from say how sure it may be; it chooses the epoch, too"
        if estimator._monitor() != (calibrated_loss, "min"):
            design.reasons["calibration"] = "rows not learnt from say how sure it may be"


def monitor(estimator: Any) -> Any:
    """The score by which the epoch is chosen: for "loss" the loss at its best temperature, if there will be one.

    A loss of the caller's own is left as it is: what it minimises may be no likelihood.
    """
    asked = estimator.monitor in ("loss", "val_loss") if isinstance(estimator.monitor, str) else False
    chosen = asked and estimator.calibrate and not callable(estimator.loss) and _can(estimator)
    return (calibrated_loss, "min") if chosen else estimator.monitor


def calibrate(estimator: Any, past: Past) -> None:
    """Find the temperature of a trained estimator on the rows that its run held back, weighed as its loss weighs them.

    With class_weight these are weights of classes, too: what they shift on purpose, probabilities of rare classes, is
    not shifted back.
    """
    design = estimator.design_
    if past.held_out is None or not estimator.calibrate or not _can(estimator):
        return
    held = answered(estimator, past.held_out)
    if not np.isfinite(held.z).all():
        return
    estimator.temperature_ = best_temperature(held.z, held.y, held.weight)
    design.calibration = f"temperature {estimator.temperature_:.3g}"


def _can(estimator: Any) -> bool:
    """Whether there is something to be sure of: several classes, and columns that tell them apart."""
    one_class = estimator.design_.task == "multiclass" and estimator.design_.n_out == 1
    return not one_class and not getattr(estimator.encoder_, "blank", False)


# ---- of outputs ------------------------------------------------------------------------------------------------------


def best_temperature(z: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None) -> float:
    """Find the temperature T at which outputs z (n, outputs) have the smallest mean loss on targets y.

    y: class numbers (n,), for one output a class; or 0 and 1 in the shape of z, each output a label of its own. weight:
    one number a row. β = 1/T minimises Σ w ℓ(β z, y) / Σ w + (β - 1 - log β) · PRIOR / n, which is convex in β and has
    one minimum, at β = 1 without rows: few rows, all of them right, would ask for a temperature of zero.

    >>> z, y = np.array([[3.0], [3.0], [3.0], [-3.0]] * 250), np.array([1, 1, 0, 0] * 250)
    >>> T = best_temperature(z, y)
    >>> round(float(1 / (1 + np.exp(-3 / T))), 2)       # three of four are right, and it was .95 sure
    0.76
    """
    behind, w = _behind(z, y, weight)
    return 1 / _best(behind, w, PRIOR / len(z))


def calibrated_loss(z: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None) -> float:
    """The mean loss of outputs z on targets y, in nats, at the temperature that suits them best; NaN for outputs that
    are not finite. Arguments are those of `best_temperature`."""
    if not np.isfinite(z).all():
        return float("nan")
    behind, w = _behind(z, y, weight)
    return _moments(_best(behind, w, PRIOR / len(z)), behind, w)[0]


def _behind(z: Any, y: Any, weight: Any) -> tuple[np.ndarray, np.ndarray]:
    """How far each output is ahead of the right one, (rows, outputs), and weights that sum to 1.

    The loss of a row is log Σ exp of these. Of a label that holds or not, the right output is 0 ahead of itself, and
    the other one z ahead where it does not hold, -z where it does.
    """
    z, y = np.asarray(z, np.float64), np.asarray(y)
    z = z.reshape(len(z), -1)
    w = np.ones(len(z)) if weight is None else np.asarray(weight, np.float64)
    if y.ndim == 1 and z.shape[1] > 1:
        return z - z[np.arange(len(z)), y.astype(np.intp)][:, None], w / w.sum()
    ahead = (z * (1 - 2 * y.reshape(z.shape))).reshape(-1)
    return np.stack([np.zeros_like(ahead), ahead], axis=1), np.repeat(w, z.shape[1]) / (w.sum() * z.shape[1])


def _moments(beta: float, behind: np.ndarray, w: np.ndarray) -> tuple[float, float, float]:
    """The mean loss at β = 1/T, its slope and its curvature in β: the mean and the variance of `behind` by softmax."""
    s = beta * behind
    top = s.max(axis=1, keepdims=True)
    p = np.exp(s - top)
    total = p.sum(axis=1, keepdims=True)
    p /= total
    mean = (p * behind).sum(axis=1)
    variance = (p * np.square(behind - mean[:, None])).sum(axis=1)
    return float(w @ (top + np.log(total))[:, 0]), float(w @ mean), float(w @ variance)


def _best(behind: np.ndarray, w: np.ndarray, prior: float) -> float:
    """β by Newton's method on a convex function, kept between the points where its slope is known to fall and rise."""
    low, high, beta = 0.0, np.inf, 1.0
    for _ in range(STEPS):
        _, slope, curvature = _moments(beta, behind, w)
        slope += prior * (1 - 1 / beta)
        low, high = (low, beta) if slope > 0 else (beta, high)
        ahead = beta - slope / (curvature + prior / beta**2)
        if not low <= ahead <= high:
            ahead = 2 * beta if high == np.inf else (low + high) / 2
        if abs(ahead - beta) <= CLOSE * beta:
            return ahead
        beta = ahead
    return beta
