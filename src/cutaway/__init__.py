"""Cutaway: deep learning with the casing off."""

from .autodiff import Tensor, grad, ops
