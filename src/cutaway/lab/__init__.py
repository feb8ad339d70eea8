"""The lab: the lecture's claims as experiments, on loss surfaces, on data that ships and on your own.

Every experiment trains with the rules, programs and engines that train any model; none has code of its own for that.
"""

from .descents.descend import Descent, descend
from .descents.escape import Escape, escape
from .descents.surfaces import Surface, surface
from .functions.approximation import Approximation, approximation
from .functions.bend import Bend, bend
from .functions.boundary import Boundary, boundary
from .functions.collapse import Collapse, collapse
from .functions.hinges import Hinges, hinges
from .landscapes.between import Between, between
from .landscapes.landscape import Landscape, landscape
from .landscapes.slices import SlicePaths, trajectory
from .layers.features import Features, features
from .learning_curves.scaling import Scaling, scaling
from .races.race import race
from .races.race_result import Race
from .steps.batch_advice import BatchAdvice, batch_size
from .steps.batches import Batches, batches
from .steps.lr_find import LearningRates, lr_find
from .steps.shuffling import Shuffling, shuffling

__all__ = [
    "Approximation", "BatchAdvice", "Batches", "Bend", "Between", "Boundary", "Collapse", "Descent", "Escape",
    "Features", "Hinges", "Landscape", "LearningRates", "Race", "Scaling", "Shuffling", "SlicePaths", "Surface",
    "approximation", "batch_size", "batches", "bend", "between", "boundary", "collapse", "descend", "escape",
    "features", "hinges", "landscape", "lr_find", "race", "scaling", "shuffling", "surface", "trajectory",
]
