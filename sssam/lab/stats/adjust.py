"""The adjustment of p-values for many variants."""

from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's adjustment of a family of p-values, in their order (1979, Scand. J. Stat. 6:65-70).

    None, for what was not tested, stays None and is not counted.

    >>> holm([0.01, 0.04, None, 0.03])
    [0.03, 0.06, None, 0.06]
    """
    tested = np.array([p for p in p_values if p is not None])
    order = tested.argsort(kind="stable")
    steps = np.maximum.accumulate(tested[order] * np.arange(len(tested), 0, -1))
    adjusted = np.empty(len(tested))
    adjusted[order] = np.minimum(steps, 1.0)
    found = iter(adjusted.tolist())
    return [None if p is None else next(found) for p in p_values]
