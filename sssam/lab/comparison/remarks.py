"""What is to be known beside the headline and the table, one computed sentence each."""

import math
import statistics
from collections.abc import Sequence

from sssam.lab.comparison.headline import counted, counted_points, points
from sssam.lab.comparison.values import Comparison, Variant
from sssam.lab.stats import Interval

#: Beyond how many standard deviations of its draws a row's mean cost is remarked on.
_DEVIATIONS = 3
#: Beyond which part of the expected cost, where the steps are not drawn independently.
_PART = 0.05
#: Of costs, in propagations a step: a schedule's blocks take whole steps, a part whole samples.
_ROUNDING = 0.01


def remarks(comparison: Comparison) -> list[str]:
    """What a reader must know beside the table, one sentence each."""
    return [
        *_about_seeds(comparison),
        *_about_margin(comparison),
        *_about_share(comparison),
        *_about_noise(comparison),
        *_about_bootstrap(comparison),
        *_about_outcomes(comparison),
        *_about_cost(comparison),
        *_about_control(comparison),
    ]


def _about_seeds(comparison: Comparison) -> list[str]:
    counts = [row.accuracy.n for row in comparison.variants if row.accuracy is not None]
    if counts and max(counts) == 1:
        return ["A single seed gives means without intervals; it can't tell chance from effect."]
    rows = [row for row in comparison.candidates if row.detectable and row.runs.finished]
    if not rows or comparison.sam is None or not comparison.sam.runs.finished:
        return []
    seeds = sorted({row.to_sam.n for row in rows if row.to_sam is not None})
    few = f"{seeds[0]} to " if len(seeds) > 1 else ""
    found = statistics.median_high(row.detectable or 0.0 for row in rows)
    needed = [row.seeds_needed for row in rows if row.seeds_needed is not None]
    margin = counted_points(comparison.task.margin)
    wanted = f"; one as large as the margin, {margin}, takes {_median(needed)}" if needed else ""
    return [
        f"{few}{counted(seeds[-1], 'seed')} find a true difference to SAM of {found:.1f} "
        f"points four times in five{wanted} (medians over the rows). Smaller ones may stay unseen."
    ]


def _about_share(comparison: Comparison) -> list[str]:
    """How many rows are shown to keep the task's share of SAM's gain."""
    share = f"{100 * comparison.task.share:g}%"
    tested = [row for row in comparison.candidates if row.share or row.share_p_value is not None]
    gain = _gain(comparison)
    if not tested or gain is None or gain.low is None:
        return []
    if not gain.above_zero:
        return [
            "The interval of SAM's own gain is not wholly above 0, so no row is tested to keep it, "
            "and no share of it is identified."
        ]
    holding = [row for row in tested if row.holds_share]
    verb = "is" if 1 in (len(holding), len(tested)) else "are"
    return [
        f"{len(holding)} of {counted(len(tested), 'row')} {verb} shown to keep at least {share} of "
        "SAM's gain, a share that was fixed with the task."
    ]


def _about_margin(comparison: Comparison) -> list[str]:
    """Where a row within the margin may have lost more of SAM's gain than the share allows."""
    gain, margin = _gain(comparison), comparison.task.margin
    if gain is None or not gain.above_zero or not any(row.holds for row in comparison.candidates):
        return []
    part = margin / gain.mean
    if part <= 1 - comparison.task.share:
        return []
    told, lost = f"{100 * part:.0f}% of SAM's gain", "that much"
    if part >= 1:
        told, lost = "no smaller than SAM's gain", "nearly all"
    return [
        f"The margin, {counted_points(margin)}, is {told}: a row that is shown to keep the gain "
        f"within it may have lost {lost} of it. The share is the stricter test here."
    ]


def _gain(comparison: Comparison) -> Interval | None:
    """SAM's own, None where it or the base optimizer came to no good end."""
    base, sam = comparison.base, comparison.sam
    if base is None or sam is None or not (base.runs.finished and sam.runs.finished):
        return None
    return sam.to_base


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
    rows = comparison.variants
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
    for row in comparison.variants:
        if row.runs.diverged:
            rough = ", and with both kinds its intervals are rough" if row.runs.finished else ""
            they = "it counts" if row.runs.diverged == 1 else "they count"
            said.append(
                f"{row.runs.diverged} of {counted(row.runs.total, 'run')} of {row.label} diverged; "
                f"{they} in the row's mean with the {comparison.task.metric} at the end{rough}."
            )
        if row.runs.failed:
            kept = "is left out; its record holds"
            if row.runs.failed > 1:
                kept = "are left out; their records hold"
            said.append(
                f"{row.runs.failed} of {counted(row.runs.total, 'run')} of {row.label} failed and "
                f"{kept} the error."
            )
    if any(row.runs.diverged for row in comparison.variants):
        said.append(
            "Diverged means that the loss or the weights stopped being finite, or that the model "
            "ended no better than a constant answer, as one of very few steps can too."
        )
    return said


def _about_cost(comparison: Comparison) -> list[str]:
    """Variants whose runs cost something else than is expected over these very steps."""
    said = []
    for row in comparison.variants:
        expected = row.expected_propagations
        if row.propagations is None or expected is None:
            continue
        took = f"The runs of {row.label} took {row.propagations:.2f} propagations a step, where"
        if abs(row.propagations - expected) > _by_chance(row, expected):
            why = "; runs that diverged may have stopped early" if row.runs.diverged else ""
            said.append(f"{took} {expected:.2f} are expected{why}.")
    return said


def _ascent(row: Variant, expected: float) -> float:
    """What an ascent costs, in propagations: less than 1 on part of a batch."""
    schedule = row.method.scheduling_function()
    mean = schedule.mean_probability(row.draws.steps) if schedule and row.draws else 0.0
    return (expected - 1) / mean if mean else row.method.ascent_fraction


def _by_chance(row: Variant, expected: float) -> float:
    """How far the mean cost over a row's runs may lie from the expected one by its draws."""
    schedule, runs = row.method.scheduling_function(), row.runs.finished + row.runs.diverged
    if schedule is None or row.draws is None or row.method.options.get("draws") == "systematic":
        return _PART * expected
    variance = schedule.variance(row.draws.steps) / max(1, runs)
    return _DEVIATIONS * _ascent(row, expected) * math.sqrt(variance) + _ROUNDING


def _about_control(comparison: Comparison) -> list[str]:
    """The compute-matched control beside SAM: whether more training alone would do."""
    if comparison.base is None or not comparison.base.runs.finished:
        return []
    ended = [row for row in comparison.candidates if row.runs.finished]
    gains = [row for row in ended if row.role == "control" and row.to_base]
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
