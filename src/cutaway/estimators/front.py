"""What a table's network begins with where categories come as codes: an embedding for each of them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from ..autodiff import Tensor, ops
from ..data.limits import CODE_WIDTH
from ..nn import Buffer, Module, Parameter


class CodesEmbedded(Module):
    """Rows (n, features) with each code replaced by a learnt vector: (n, width).

    codes: {feature: how many codes it has}. The other features stay as they are, in order; the vectors follow them.
    """

    def __init__(self, features: int, codes: dict[int, int]) -> None:
        self.features, self.codes = features, dict(codes)
        borders = [-1, *codes, features]
        self.plain = [(a + 1, b) for a, b in pairwise(borders) if a + 1 < b]
        self.width = features - len(codes) + sum(map(code_width, codes.values()))
        for i, size in enumerate(codes.values()):
            setattr(self, f"places{i}", Buffer(np.arange(float(size))))
            setattr(self, f"weight{i}", Parameter((size, code_width(size)), small))

    def forward(self, x: Tensor) -> Tensor:
        parts = [ops.index(x, (slice(None), slice(a, b))) for a, b in self.plain]
        for i, feature in enumerate(self.codes):
            code = ops.index(x, (slice(None), slice(feature, feature + 1)))
            hot = ops.relu(1.0 - ops.abs(code - getattr(self, f"places{i}")))
            parts.append(hot @ getattr(self, f"weight{i}"))
        return ops.concat(parts, axis=1) if len(parts) > 1 else parts[0]

    def describe(self) -> str:
        return f"{self.features} -> {self.width}"


def code_width(codes: int) -> int:
    """Choose the numbers of an embedding of so many codes."""
    return min(CODE_WIDTH, codes)


def small(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Draw small numbers, so that all levels are nearly alike at first."""
    return rng.normal(0.0, 0.1, shape)
