"""The small values that methods are made of: when, direction, metric, samples, mix."""

from sssam.roles.along import Along
from sssam.roles.auto import Auto
from sssam.roles.direction import Direction, Fresh, Momentum
from sssam.roles.masks import Only, Stochastic
from sssam.roles.memory import Friendly, Last, Stale
from sssam.roles.metric import Adaptive, Euclidean, Metric, Unnormalized
from sssam.roles.mix import Corrected, Gap, Kept, Mix, Perturbed, Store, Weighted
from sssam.roles.noise import Noisy, Random
from sssam.roles.samples import All, Chosen, Hardest, Rising, Samples
from sssam.roles.strength import Strength, WithRate
from sssam.roles.threshold import Decision, GradientWhen, Threshold
from sssam.roles.when import Every, Scheduled, When
from sssam.roles.zscores import ZScores
from sssam.schedules.progress import Progress

__all__ = [
    "Adaptive",
    "All",
    "Along",
    "Auto",
    "Chosen",
    "Corrected",
    "Decision",
    "Direction",
    "Euclidean",
    "Every",
    "Fresh",
    "Friendly",
    "Gap",
    "GradientWhen",
    "Hardest",
    "Kept",
    "Last",
    "Metric",
    "Mix",
    "Momentum",
    "Noisy",
    "Only",
    "Perturbed",
    "Progress",
    "Random",
    "Rising",
    "Samples",
    "Scheduled",
    "Stale",
    "Stochastic",
    "Store",
    "Strength",
    "Threshold",
    "Unnormalized",
    "Weighted",
    "When",
    "WithRate",
    "ZScores",
]
