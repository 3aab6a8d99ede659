"""What a row is said to do: the p-values behind each claim, and their adjustment for many rows."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sssam.lab.stats.estimates import (
    Estimate,
    Interval,
    Values,
    difference,
    estimate,
    finite,
    pooled,
)


def keeps(to_sam: Interval, to_base: Interval, margin: float) -> bool:
    """Whether SAM's gain is kept: not inferior to SAM by `margin`, and truly better than base.

    Both are read off the paired intervals: the lower end of `to_sam` lies above `-margin`, and the
    lower end of `to_base` above zero. `margin` is above 0, in the unit of the intervals.
    """
    return to_sam.low is not None and to_sam.low > -margin and to_base.above_zero


def keeps_p_value(to_sam: Values | Estimate, to_base: Values | Estimate, margin: float) -> float:
    """The one-sided p-value against "does not keep", from the paired differences to SAM and base.

    Keeping is two claims at once, so it is the larger of their p-values (an intersection-union
    test; Berger 1982, Technometrics 24:295-300); below 0.025 it says the same as `keeps`.
    """
    return max(_estimated(to_sam).above(-margin), _estimated(to_base).above(0.0))


def share_contrast(gain: Values, sam_gain: Values, share: float) -> npt.NDArray[np.float64]:
    """By seed, how far a gain lies above a share of SAM's: `gain - share * sam_gain`.

    Args:
        gain: of the method over base, by seed, shape (seeds,).
        sam_gain: of SAM over base, by seed, the same shape.
        share: above 0 and at most 1.

    Raises:
        ValueError: a share out of its range, lengths that differ, or a value that is not finite.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share is {share}, must be above 0 and at most 1: a part of SAM's gain")
    return difference(gain, share * finite(sam_gain))


def keeps_share_p_value(gain: Values, sam_gain: Values, share: float) -> float | None:
    """The one-sided p-value against "keeps less than `share` of SAM's gain", paired by seed.

    None, "not identified", where the 95% interval of SAM's own gain is not wholly above zero: then
    there is no gain to keep a share of. That gate is one test for all rows and comes first, so the
    p-values behind it are adjusted among themselves alone (a fixed sequence of tests).

    Args:
        gain: of the method over base, by seed, shape (seeds,).
        sam_gain: of SAM over base, by seed, the same shape.
        share: above 0 and at most 1.

    Raises:
        ValueError: a share out of its range, lengths that differ, or a value that is not finite.
    """
    return pooled_share_p_value([(gain, sam_gain)], share)


def pooled_share_p_value(samples: Sequence[tuple[Values, Values]], share: float) -> float | None:
    """The same for the mean over independent tasks of equal weight, each a pair as above.

    Raises:
        ValueError: as above, or no tasks.
    """
    contrast = pooled([estimate(share_contrast(gain, sam, share)) for gain, sam in samples])
    sam_gain = pooled([estimate(sam) for _, sam in samples])
    return contrast.above(0.0) if sam_gain.interval().above_zero else None


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's adjustment of a family of p-values, in their order (1979, Scand. J. Stat. 6:65-70).

    None, for what was not tested, stays None and is not counted.

    >>> holm([0.01, 0.04, None, 0.03])
    [0.03, 0.06, None, 0.06]
    """
    tested = np.array([p for p in p_values if p is not None])
    # As statsmodels' `multipletests`, which collects all garbage at each call: half a second.
    order = tested.argsort(kind="stable")
    steps = np.maximum.accumulate(tested[order] * np.arange(len(tested), 0, -1))
    adjusted = np.empty(len(tested))
    adjusted[order] = np.minimum(steps, 1.0)
    found = iter(adjusted.tolist())
    return [None if p is None else next(found) for p in p_values]


def _estimated(values: Values | Estimate) -> Estimate:
    return values if isinstance(values, Estimate) else estimate(values)
