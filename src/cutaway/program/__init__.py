"""Programs: a recorded model compiled to a flat list of instructions on values, without memory."""

from .build import Listing, evaluation, gradient_name, reworded, training
from .engine import Engine
from .feed import batch_and_threads
from .instruction import Instruction, Rows, ShapeOf, Value, constant
from .listing import lines_of, short, table, title
from .places import Place, places
from .profile import Profile, not_finite, operations
from .program import Program, too_large
from .record import SEED, STEP, Recorded, Step, evaluated, trace_model
from .state import Snapshot, State

__all__ = [
    "SEED", "STEP", "Engine", "Instruction", "Listing", "Place", "Profile", "Program", "Recorded", "Rows", "ShapeOf",
    "Snapshot", "State", "Step", "Value", "batch_and_threads", "constant", "evaluated", "evaluation", "gradient_name",
    "lines_of", "not_finite", "operations", "places", "reworded", "short", "table", "title", "too_large",
    "trace_model", "training",
]
