"""What is to be known beside the headline and the table, one computed sentence each."""

import statistics
from collections.abc import Sequence

from sssam.lab.analysis.comparison import Comparison
from sssam.lab.analysis.headline import counted, counted_points, points
from sssam.lab.stats import Interval


def remarks(comparison: Comparison) -> list[str]:
    """What a reader must know beside the table, one sentence each."""
    return [
        *_about_seeds(comparison),
        *_about_share(comparison),
        *_about_noise(comparison),
        *_about_bootstrap(comparison),
        *_about_outcomes(comparison),
        *_about_control(comparison),
    ]


def _about_seeds(comparison: Comparison) -> list[str]:
    if len(comparison.seeds) == 1:
        return ["A single seed gives means without intervals; it can't tell chance from effect."]
    rows = [row for row in comparison.candidates if row.detectable]
    if not rows:
        return []
    found = statistics.median_high(row.detectable or 0.0 for row in rows)
    needed = [row.seeds_needed for row in rows if row.seeds_needed is not None]
    margin = counted_points(comparison.task.margin)
    wanted = f"; one as large as the margin, {margin}, takes {_median(needed)}" if needed else ""
    return [
        f"{counted(len(comparison.seeds), 'seed')} find a true difference to SAM of {found:.1f} "
        f"points four times in five{wanted} (medians over the rows). Smaller ones may stay unseen."
    ]


def _about_share(comparison: Comparison) -> list[str]:
    """How many rows are shown to keep the task's share of SAM's gain."""
    share = f"{100 * comparison.task.share:g}%"
    tested = [row for row in comparison.candidates if row.share is not None]
    if not tested or len(comparison.seeds) == 1:
        return []
    if all(row.share_p_value is None for row in tested):
        return [
            "The interval of SAM's own gain is not wholly above 0, so no share of it is identified."
        ]
    holding = [row for row in tested if row.holds_share]
    return [
        f"{len(holding)} of {counted(len(tested), 'row')} {'is' if len(holding) == 1 else 'are'} "
        f"shown to keep at least {share} of SAM's gain, a share that was fixed with the task."
    ]


def _about_noise(comparison: Comparison) -> list[str]:
    """Seed noise beside test-set noise, at the row of the median spread."""
    known = [row.noise for row in comparison.candidates if row.noise is not None]
    if not known:
        return []
    noise = sorted(known, key=lambda each: each.seeds)[len(known) // 2]
    sentence = (
        f"Over seeds the paired differences to SAM spread by {noise.seeds:.2f} points (a standard "
        f"deviation, in the median row); a test set of {noise.examples:,} examples, drawn anew for "
        f"each, would spread them by {noise.test:.2f} alone."
    )
    if noise.shared is None:
        return [sentence]
    return [
        f"{sentence} All seeds share one test set, so intervals are for these very examples: for "
        f"others the means have a standard error of {noise.shared:.2f} more, that no seed lessens."
    ]


def _about_bootstrap(comparison: Comparison) -> list[str]:
    """How far the bootstrap's intervals are from t's, where there are seeds enough for both."""
    rows = comparison.rows
    pairs = [(row.to_sam, row.to_sam_bootstrap) for row in rows]
    pairs += [(row.to_base, row.to_base_bootstrap) for row in rows]
    gaps = [_gap(t, other) for t, other in pairs if t is not None and other is not None]
    if not gaps:
        return []
    return [
        "The bootstrap's intervals of the differences (BCa) end at most "
        f"{max(gaps):.2f} points from Student's t's."
    ]


def _gap(one: Interval, other: Interval) -> float:
    ends = zip((one.low, one.high), (other.low, other.high), strict=True)
    return max(abs(a - b) for a, b in ends if a is not None and b is not None)


def _median(needed: Sequence[int]) -> str:
    return f"{statistics.median_high(needed):,}"


def _about_outcomes(comparison: Comparison) -> list[str]:
    said = []
    for row in comparison.rows:
        if row.runs.diverged:
            said.append(
                f"{row.runs.diverged} of {row.runs.total} runs of {row.label} diverged; they "
                f"count in its mean with the {comparison.task.metric} that they ended at."
            )
        if row.runs.failed:
            said.append(
                f"{row.runs.failed} of {row.runs.total} runs of {row.label} failed and are left "
                "out; their records hold the error."
            )
    return said


def _about_control(comparison: Comparison) -> list[str]:
    """The compute-matched control beside SAM: whether more training alone would do."""
    gains = [row for row in comparison.candidates if row.role == "control" and row.to_base]
    return [
        f"{row.label} costs {row.cost:.2f} without any sharpness-aware step and "
        f"{_beside_base(row.to_base)} {points(row.to_base)} beside the base optimizer."
        for row in gains
        if row.to_base is not None and row.to_base.low is not None and row.cost is not None
    ]


def _beside_base(difference: Interval) -> str:
    if difference.above_zero:
        return "gains:"
    return "does worse:" if difference.below_zero else "shows no gain:"
