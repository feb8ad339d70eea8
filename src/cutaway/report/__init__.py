"""Pages for a browser that need nothing but themselves: what a fit found (Findings, write_report), and traced steps
(trace_page, which is imported when one is written)."""

from .findings import ColumnFacts, Findings, Score, TargetFacts
from .page import write_report

__all__ = ["ColumnFacts", "Findings", "Score", "TargetFacts", "write_report"]
