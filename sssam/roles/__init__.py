"""The small values that methods are made of: when, direction, metric, mix."""

from sssam.roles.direction import Direction, Fresh, Momentum
from sssam.roles.metric import Adaptive, Euclidean, Metric
from sssam.roles.mix import Mix, Perturbed, Store, Weighted
from sssam.roles.strength import Strength
from sssam.roles.when import Every, Scheduled, When

__all__ = [
    "Adaptive",
    "Direction",
    "Euclidean",
    "Every",
    "Fresh",
    "Metric",
    "Mix",
    "Momentum",
    "Perturbed",
    "Scheduled",
    "Store",
    "Strength",
    "Weighted",
    "When",
]
