"""Arrays in, numbers out: intervals over seeds, paired contrasts, and what they allow one to say.

Everything here is two-sided at 95% unless named otherwise, and works in the unit of its input.
`docs/statistics.md` has the derivations.
"""

from sssam.lab.stats.intervals import (
    ONE_SIDED,
    Interval,
    holm,
    interval,
    pooled,
    shared_error,
)
from sssam.lab.stats.power import detectable, seeds_needed
from sssam.lab.stats.shares import share

__all__ = [
    "ONE_SIDED",
    "Interval",
    "detectable",
    "holm",
    "interval",
    "pooled",
    "seeds_needed",
    "share",
    "shared_error",
]
