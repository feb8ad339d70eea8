"""What `Trace.explain` answers: a number, the formula behind it, and everything that went into it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ...errors import ArgumentError
from ...shown import Shown
from ..traces.record import Record
from .difference import Difference
from .paths import Paths
from .text import explanation_json, text

MOST_TERMS = 1000


@dataclass(frozen=True)
class Factor:
    """A number and what it is."""

    symbol: str
    value: float


@dataclass(frozen=True)
class Term:
    """One part of a sum. source: the name and index of the number it came from, which `expand` explains."""

    factors: tuple[Factor, ...]
    value: float
    source: tuple[str, tuple[int, ...]] | None = None
    sample: int | None = None
    time: int | None = None


@dataclass(repr=False)
class Explanation(Shown):
    """What `Trace.explain` gives for a value or a gradient; `print` it.

    value: the number itself, as traced. formula: of the operation that made it, or that it went into. equation: that
    formula for this one number. terms: what is added up, the largest first (a thousand at most), `rest` and
    `rest_count` what was left of them. parts: other numbers that the formula names. by_sample, by_time: sums of terms.
    difference: a central difference beside a gradient. paths: every way to J (found when first asked for).
    """

    kind: str
    name: str
    index: tuple[int, ...]
    symbol: str
    value: float
    step: int
    operation: str = ""
    layer: str = ""
    formula: str = ""
    equation: str = ""
    terms: list[Term] = field(default_factory=list)
    rest: float = 0.0
    rest_count: int = 0
    parts: list[Factor] = field(default_factory=list)
    by_sample: dict[int, float] = field(default_factory=dict)
    by_time: dict[int, float] = field(default_factory=dict)
    difference: Difference | None = None
    then: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    inner: Explanation | None = None
    trace: Record | None = None
    _expand: Callable[[Term], Explanation] | None = None
    _paths: Callable[[], Paths | None] | None = None

    @property
    def total(self) -> float:
        """The sum of all terms: `value`, but for rounding."""
        return float(sum(t.value for t in self.terms)) + self.rest

    def expand(self, term: int = 0) -> Explanation:
        """Explain what a term came from, one layer further: its δ, or the input that was weighted."""
        if not self.terms:
            raise ArgumentError(f"{self.symbol} is not made of anything that is added up: it has no terms to expand")
        if not 0 <= term < len(self.terms):
            raise ArgumentError(f"{self.symbol} has terms 0 to {len(self.terms) - 1}, got {term!r}")
        chosen = self.terms[term]
        if chosen.source is None or self._expand is None:
            raise ArgumentError(f"term {term} of {self.symbol} is not made of anything: it is where the step begins")
        return self._expand(chosen)

    @cached_property
    def paths(self) -> Paths | None:
        """The ways from this number to J, a product of local derivatives each; None for a value."""
        return self._paths() if self._paths is not None else None

    def __repr__(self) -> str:
        what = f"∂J/∂{self.symbol}" if self.kind == "gradient" else self.symbol
        return f"Explanation({what} = {self.value:.6g}, {len(self.terms) + self.rest_count} terms)"

    def __str__(self) -> str:
        return text(self)

    def to_json(self) -> dict[str, Any]:
        """Give plain data, for pages and other tools: terms, parts, paths with symbols and numbers."""
        return explanation_json(self)
