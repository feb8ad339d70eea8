"""Seeing inside: what a training step does, what a network's layers look for, what they make of an image or sequence.

Reads programs and their memory, and computes nothing with code of its own: every value is one that the model's own
program wrote.
"""

from .diagnosis.diagnose import Watch, diagnose
from .diagnosis.finding import Diagnosis, Finding
from .effect import Effects
from .effects import effects
from .feature_maps import FeatureMaps, feature_maps
from .filters import Filters, filters
from .network_drawing import NetworkDrawing, draw
from .neuron import Neuron, neuron
from .states import States, states
from .stepping.fork import Comparison, compare
from .stepping.of_run import session_of
from .stepping.session import Session, step
from .summary import Summary, summary
from .traces.parse import read_trace
from .traces.recorder import Recorder
from .traces.replay import trace, trace_run
from .traces.trace import Trace, Traces
from .where import Where, where
from .why import Why, why

__all__ = [
    "Comparison", "Diagnosis", "Effects", "FeatureMaps", "Filters", "Finding", "NetworkDrawing", "Neuron", "Recorder",
    "Session", "States", "Summary", "Trace", "Traces", "Watch", "Where", "Why", "compare", "diagnose", "draw",
    "effects", "feature_maps", "filters", "neuron", "read_trace", "session_of", "states", "step", "summary", "trace",
    "trace_run", "where", "why",
]
