"""Seeing inside: what a training step does, what a network's layers look for, what they make of an image or sequence.

Reads programs and their memory, and computes nothing with code of its own: every value is one that the model's own
program wrote.
"""

from .diagnose import Watch, diagnose
from .diagnosis import Diagnosis, Finding
from .feature_maps import FeatureMaps, feature_maps
from .filters import Filters, filters
from .fork import Comparison, compare
from .network_drawing import NetworkDrawing, draw
from .neuron import Neuron, neuron
from .recorder import Recorder
from .replay import trace, trace_run
from .session import Session, step
from .states import States, states
from .summary import Summary, summary
from .trace import Trace, Traces
from .trace_format import read_trace

__all__ = [
    "Comparison", "Diagnosis", "FeatureMaps", "Filters", "Finding", "NetworkDrawing", "Neuron", "Recorder", "Session",
    "States", "Summary", "Trace", "Traces", "Watch", "compare", "diagnose", "draw", "feature_maps", "filters",
    "neuron", "read_trace", "states", "step", "summary", "trace", "trace_run",
]  # fmt: skip
