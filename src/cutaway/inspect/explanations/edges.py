"""The derivatives between two values, those that are not zero, number by number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...rules import OPS, bf16
from ..traces.record import Record, TracedInstruction


@dataclass(frozen=True)
class Edges:
    """The derivatives of `target` by `source` that are not zero: target's places `to`, source's places `by` (in flat
    arrays), and the numbers `d`."""

    source: str
    target: str
    to: np.ndarray
    by: np.ndarray
    d: np.ndarray
    op: str
    operand: str

    def where(self, kept: np.ndarray) -> Edges:
        return Edges(self.source, self.target, self.to[kept], self.by[kept], self.d[kept], self.op, self.operand)


def array(trace: Record, name: str) -> np.ndarray:
    """Get a traced array as it was during the step, real numbers in double."""
    a = trace[name]
    return a.astype(np.float64) if a.dtype.kind == "f" else a


def factor(trace: Record, i: TracedInstruction, operand: str) -> np.ndarray:
    """Get an operand's array as the instruction multiplied it: in bf16 where it rounds the factors of its products."""
    a = array(trace, i.operands[operand])
    return bf16(a) if i.rounded and operand in (OPS[i.op].products or ()) else a
