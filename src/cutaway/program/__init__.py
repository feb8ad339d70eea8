"""Programs: a recorded model compiled to a flat list of instructions on values, without memory."""

from .build import Listing, evaluation, gradient_name, reworded, training
from .engine import Engine
from .instruction import Instruction, Rows, ShapeOf, Value, constant
from .listing import lines_of, short, table, title
from .places import Place, places
from .record import SEED, STEP, Recorded, Step, evaluated, trace_model
from .state import Snapshot, State

__all__ = [
    "SEED", "STEP", "Engine", "Instruction", "Listing", "Place", "Recorded", "Rows", "ShapeOf", "Snapshot", "State",
    "Step", "Value", "constant", "evaluated", "evaluation", "gradient_name", "lines_of", "places", "reworded", "short",
    "table", "title", "trace_model", "training",
]
