"""Engines run instructions. `compile` turns a model, a loss and an optimizer into a program on one of them."""

from . import native
from .compile import ENGINES, Program, compile, evaluator, example_input

__all__ = ["ENGINES", "Program", "compile", "evaluator", "example_input", "native"]
