"""Programs: a recorded model compiled to a flat list of instructions over one block of memory."""

from .build import Listing, evaluation, gradient_name, training
from .engine import Engine
from .instruction import Instruction, Rows, ShapeOf, Value
from .listing import lines_of, short, table, title
from .plan import Plan, fenced, plan
from .record import SEED, STEP, Recorded, Step, evaluated, lengths_of, named_inputs, rows_of, trace_model
from .state import Snapshot, State
from .twin import Swap, twin

__all__ = [
    "SEED", "STEP", "Engine", "Instruction", "Listing", "Plan", "Recorded", "Rows", "ShapeOf", "Snapshot", "State",
    "Step", "Swap", "Value", "evaluated", "evaluation", "fenced", "gradient_name", "lengths_of", "lines_of",
    "named_inputs", "plan", "rows_of", "short", "table", "title", "trace_model", "training", "twin",
]
