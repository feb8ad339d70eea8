"""Tensors and the tape: which rules ran, in order; backward is the tape in reverse."""

from . import ops
from .tape import Entry, Recording, Runtime, Tape, current_scope, record, recording, scope
from .tensor import Tensor, apply, assign, differentiate, grad

__all__ = [
    "Entry", "Recording", "Runtime", "Tape", "Tensor", "apply", "assign", "current_scope", "differentiate", "grad",
    "ops", "record", "recording", "scope",
]
