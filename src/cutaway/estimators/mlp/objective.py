"""What the drop-ins minimise: scikit-learn's losses, the penalty of large weights, and their mean over a batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...autodiff import Tensor, apply
from ...losses import matching


def _summed(rule: str, **settings: Any) -> Callable:
    """Give one loss a sample: the sum over its outputs. (Our rules give the mean.)"""

    def loss(z: Tensor, y: Tensor) -> Tensor:
        found = apply(rule, *matching(rule, z, y), **settings)
        l = found[0] if isinstance(found, tuple) else found
        return l if z.shape[1] == 1 else l * float(z.shape[1])

    return loss


def _of_classes(z: Tensor, y: Tensor) -> Tensor:
    return apply("cross_entropy", z, y)[0]


#: One loss a sample (n,) from raw outputs z (n, outputs) and targets, by the name that scikit-learn gives it.
LOSSES: dict[str, Callable] = {
    "squared_error": _summed("half_mse"), "absolute_error": _summed("mae"), "huber": _summed("huber", delta=1.0),
    "poisson": _summed("poisson"), "log_loss": _of_classes, "binary_log_loss": _summed("binary_cross_entropy"),
}


#: What the house calls them.
OURS = {"log_loss": "cross_entropy", "binary_log_loss": "binary_cross_entropy"}


class Objective:
    """J = (Σ w ℓ + α/2 Σ ‖W‖²) / Σ w over a batch: the penalty is shared by its rows, as scikit-learn has it.

    loss: a name in LOSSES. own: a function (z, y) -> J in its place, called with weight=w where rows have weights.
    """

    def __init__(self, loss: str, alpha: float, own: Callable | None = None) -> None:
        self.loss, self.alpha, self.own = LOSSES[loss], float(alpha), own
        self.__name__ = getattr(own, "__name__", "loss") if own is not None else OURS.get(loss, loss)

    def __call__(self, z: Tensor, y: Tensor, weight: Tensor | None = None) -> Tensor:
        P, l = self.penalty(z), self.loss(z, y)
        if self.own is None:
            return apply("penalized_mean", l, weight, P)
        J = self.own(z, y) if weight is None else self.own(z, y, weight=weight)
        return J + apply("penalized_mean", l * 0.0, weight, P) if self.alpha else J

    def penalty(self, z: Tensor) -> Tensor:
        """Add up α/2 Σ ‖W‖² of the layers that z came through: the tape knows them."""
        entries = z.tape.entries if self.alpha and z.tape is not None else ()
        parts = [apply("penalty", e.inputs[1], strength=self.alpha) for e in list(entries) if e.op.name == "linear"]
        return sum(parts[1:], start=parts[0]) if parts else Tensor(z.data.dtype.type(0))
