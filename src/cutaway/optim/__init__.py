"""Optimizers, learning-rate schedules, and transforms of the gradient: pure rules on one flat vector."""

from .. import habits
from . import schedules
from .optimizers import (
    OPTIMIZERS,
    SGD,
    AdaGrad,
    Adam,
    AdamW,
    AMSGrad,
    HeavyBall,
    Momentum,
    Nesterov,
    Optimizer,
    Prepare,
    RMSProp,
    RMSPropOutside,
)
from .schedules import Schedule
from .transforms import average, clip, l1, l2

__all__ = [
    "OPTIMIZERS", "SGD", "AMSGrad", "AdaGrad", "Adam", "AdamW", "HeavyBall", "Momentum", "Nesterov", "Optimizer",
    "Prepare", "RMSProp", "RMSPropOutside", "Schedule", "average", "clip", "l1", "l2",
    "schedules",
]


def __getattr__(name: str):
    raise habits.UnknownName("ct.optim", name, habits.OPTIM, lambda: __all__)
