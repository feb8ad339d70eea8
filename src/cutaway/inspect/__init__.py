"""Seeing inside: what a network's layers look for, and what they make of an image or a sequence.

Reads programs and their memory, and computes nothing with code of its own: every value is one that the model's own
evaluation program wrote.
"""

from .feature_maps import FeatureMaps, feature_maps
from .filters import Filters, filters
from .states import States, states

__all__ = ["FeatureMaps", "Filters", "States", "feature_maps", "filters", "states"]
