"""What a fit found, as data (Findings), and as one HTML page that needs nothing but itself (write_report)."""

from .findings import ColumnFacts, Findings, Score, TargetFacts
from .page import write_report

__all__ = ["ColumnFacts", "Findings", "Score", "TargetFacts", "write_report"]
