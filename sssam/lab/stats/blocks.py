"""Whether any of several treatments differ, where each seed is a block that tries all of them."""

from collections.abc import Sequence

import numpy as np
from scipy import special


def equal_p_value(treatments: Sequence[Sequence[float]]) -> float | None:
    """The p-value of no difference, by the F test of randomised blocks (Fisher, 1925).

    With two treatments it is the paired t-test's, two-sided.

    Args:
        treatments: of each treatment its values, one a block, in the same order of blocks.

    Returns:
        In [0, 1], and 1 where all values of each block are equal; None for fewer than two
        treatments or blocks.

    Raises:
        ValueError: the treatments differ in length.

    >>> round(equal_p_value([[1.0, 2.0, 3.0], [1.1, 2.2, 3.3]]), 4)
    0.0742
    """
    if len(treatments) < 2 or min(map(len, treatments)) < 2:
        return None
    values = np.array(treatments, dtype=np.float64)
    means = values.mean(1, keepdims=True) - values.mean()
    left = values - values.mean(0) - means
    blocks = values.shape[1]
    between = blocks * float((means**2).sum()) / (len(values) - 1)
    within = float((left**2).sum()) / ((len(values) - 1) * (blocks - 1))
    if between <= _DUST:
        return 1.0
    if within <= _DUST:
        return 0.0
    degrees = len(values) - 1, (len(values) - 1) * (blocks - 1)
    return float(special.fdtrc(*degrees, between / within))


#: Mean squares below this are rounding, of accuracies in [0, 1] or in points.
_DUST = 1e-20
