"""Engines run instructions. `compile` turns a model, a loss and an optimizer into a program on one of them."""

from ..program import Program
from .availability import available
from .choice import check_choice
from .compile import compile, evaluator, example_input
from .cpu.native import compile_seconds, cores
from .plan import bytes_needed
from .precision import checked_precision
from .registry import ENGINES

__all__ = ["ENGINES", "Program", "available", "bytes_needed", "check_choice", "checked_precision", "compile",
           "compile_seconds", "cores", "evaluator", "example_input"]
