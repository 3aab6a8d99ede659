"""The adjustment of p-values for many variants."""

from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's adjustment of a family of p-values, in their order (1979, Scand. J. Stat. 6:65-70).

    None, for what was refused, stays None and counts as 1, so that what is tested does not depend
    on what was measured.

    >>> holm([0.01, 0.04, None, 0.02])
    [0.04, 0.08, None, 0.06]
    """
    p = np.array([1.0 if each is None else each for each in p_values])
    order = p.argsort(kind="stable")
    adjusted = np.empty(len(p))
    adjusted[order] = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)).clip(max=1.0)
    found = zip(p_values, adjusted.tolist(), strict=True)
    return [None if before is None else after for before, after in found]
