"""Engines run instructions. `compile` turns a model, a loss and an optimizer into a program on one of them."""

from .compile import ENGINES, Program, compile, evaluator, example_input
from .cpu import native

__all__ = ["ENGINES", "Program", "compile", "evaluator", "example_input", "native"]
