"""Seeing inside: what a training step does, what a network's layers look for, what they make of an image or sequence.

Reads programs and their memory, and computes nothing with code of its own: every value is one that the model's own
program wrote.
"""

from .diagnose import Watch, diagnose
from .diagnosis import Diagnosis, Finding
from .feature_maps import FeatureMaps, feature_maps
from .filters import Filters, filters
from .network_drawing import NetworkDrawing, draw
from .neuron import Neuron, neuron
from .recorder import Recorder
from .replay import trace, trace_run
from .states import States, states
from .summary import Summary, summary
from .trace import Trace, Traces
from .trace_format import read_trace

__all__ = [
    "Diagnosis", "FeatureMaps", "Filters", "Finding", "NetworkDrawing", "Neuron", "Recorder", "States", "Summary",
    "Trace", "Traces", "Watch", "diagnose", "draw", "feature_maps", "filters", "neuron", "read_trace", "states",
    "summary", "trace", "trace_run",
]  # fmt: skip
