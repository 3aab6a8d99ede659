"""Arrays in, numbers out: intervals over seeds, paired contrasts, and what they allow one to say.

Everything here is two-sided at 95% unless named otherwise, and works in the unit of its input.
`docs/statistics.md` has the derivations.
"""

from sssam.lab.stats.adjust import holm
from sssam.lab.stats.blocks import equal_p_value
from sssam.lab.stats.estimates import (
    LEVEL,
    ONE_SIDED,
    Estimate,
    Interval,
    Values,
    estimate,
    interval,
    paired,
    pooled,
)
from sssam.lab.stats.noise import Noise, noise, shared_error
from sssam.lab.stats.power import detectable, seeds_needed
from sssam.lab.stats.shares import Ratio, share

__all__ = [
    "LEVEL",
    "ONE_SIDED",
    "Estimate",
    "Interval",
    "Noise",
    "Ratio",
    "Values",
    "detectable",
    "equal_p_value",
    "estimate",
    "holm",
    "interval",
    "noise",
    "paired",
    "pooled",
    "seeds_needed",
    "share",
    "shared_error",
]
