"""Arrays in, numbers out: intervals over seeds, paired contrasts, and what they allow one to say.

Everything here is two-sided at 95% unless named otherwise, and works in the unit of its input.
`docs/statistics.md` has the derivations.
"""

from sssam.lab.stats.blocks import equal_p_value
from sssam.lab.stats.claims import (
    holm,
    keeps,
    keeps_p_value,
    keeps_share_p_value,
    pooled_share_p_value,
    share_contrast,
)
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
from sssam.lab.stats.noise import Noise, noise
from sssam.lab.stats.power import detectable, seeds_needed
from sssam.lab.stats.resampling import BOOTSTRAP_SEEDS, bootstrap
from sssam.lab.stats.shares import Ratio, pooled_share, share

__all__ = [
    "BOOTSTRAP_SEEDS",
    "LEVEL",
    "ONE_SIDED",
    "Estimate",
    "Interval",
    "Noise",
    "Ratio",
    "Values",
    "bootstrap",
    "detectable",
    "equal_p_value",
    "estimate",
    "holm",
    "interval",
    "keeps",
    "keeps_p_value",
    "keeps_share_p_value",
    "noise",
    "paired",
    "pooled",
    "pooled_share",
    "pooled_share_p_value",
    "seeds_needed",
    "share",
    "share_contrast",
]
