"""Engines run instructions. `compile` turns a model, a loss and an optimizer into a program on one of them."""

from ..program import Program
from .compile import compile, evaluator, example_input
from .cpu import native
from .found import ENGINES
from .plan import bytes_needed

__all__ = ["ENGINES", "Program", "bytes_needed", "compile", "evaluator", "example_input", "native"]
