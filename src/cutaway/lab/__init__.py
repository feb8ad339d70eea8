"""The lab: the lecture's claims as experiments, on loss surfaces, on data that ships and on your own.

Every experiment trains with the rules, programs and engines that train any model; none has code of its own for that.
"""

from .approximation import Approximation, approximation
from .batch_advice import BatchAdvice, batch_size
from .batches import Batches, batches
from .bend import Bend, bend
from .between import Between, between
from .boundary import Boundary, boundary
from .collapse import Collapse, collapse
from .descend import Descent, descend
from .escape import Escape, escape
from .features import Features, features
from .hinges import Hinges, hinges
from .landscape import Landscape, landscape
from .lr_find import LearningRates, lr_find
from .race import race
from .race_result import Race
from .scaling import Scaling, scaling
from .shuffling import Shuffling, shuffling
from .slices import SlicePaths, trajectory
from .surfaces import Surface, surface

__all__ = [
    "Approximation", "BatchAdvice", "Batches", "Bend", "Between", "Boundary", "Collapse", "Descent", "Escape",
    "Features", "Hinges", "Landscape", "LearningRates", "Race", "Scaling", "Shuffling", "SlicePaths", "Surface",
    "approximation", "batch_size", "batches", "bend", "between", "boundary", "collapse", "descend", "escape",
    "features", "hinges", "landscape", "lr_find", "race", "scaling", "shuffling", "surface", "trajectory",
]  # fmt: skip
