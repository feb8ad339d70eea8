"""Pages for a browser that need nothing but themselves: what a fit found (Findings, write_report), a traced step."""

from .findings import ColumnFacts, Findings, Score, TargetFacts
from .page import write_report
from .trace_page import trace_page, write_trace_page

__all__ = ["ColumnFacts", "Findings", "Score", "TargetFacts", "trace_page", "write_report", "write_trace_page"]
