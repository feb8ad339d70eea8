"""Cutaway: deep learning with the casing off."""

from . import losses, nn, optim
from .autodiff import Tensor, grad, ops
from .engines import Program, compile
from .random import seed

__all__ = ["Program", "Tensor", "compile", "grad", "losses", "nn", "ops", "optim", "seed"]
__version__ = "0.1.0"
