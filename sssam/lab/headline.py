"""The sentences about a comparison: each is computed, and claims only what its intervals bear."""

from sssam.lab.comparison import Comparison, Row
from sssam.lab.stats import Interval


def signed(value: float, digits: int = 1) -> str:
    """A difference with its sign; what rounds to zero has none.

    >>> signed(6.84), signed(-0.26), signed(-0.01)
    ('+6.8', '-0.3', '0.0')
    """
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text


def points(difference: Interval, digits: int = 1) -> str:
    """A difference in percentage points with its interval.

    >>> points(Interval(6.84, 6.3, 7.4, 20))
    '+6.8 points [+6.3, +7.4]'
    """
    text = f"{signed(difference.mean, digits)} points"
    if difference.low is None or difference.high is None:
        return text
    return f"{text} [{signed(difference.low, digits)}, {signed(difference.high, digits)}]"


def counted(n: int, noun: str) -> str:
    """A number with its noun, in the plural where it is not one."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def counted_points(value: float) -> str:
    """A distance in percentage points, without sign."""
    return f"{value:g} point" if value == 1 else f"{value:g} points"


def headline(comparison: Comparison) -> str:
    """The one sentence at the head: which rows keep SAM's gain, and the cheapest of them."""
    asked = sum(row.runs.total for row in comparison.rows)
    missing = f" ({comparison.missing} of {asked} runs are missing)" if comparison.missing else ""
    seeds = counted(len(comparison.seeds), "seed")
    return f"On {comparison.task.name}, {seeds}{missing}: {_finding(comparison)}."


def support(comparison: Comparison) -> str:
    """What the headline rests on, where it says of a row that it keeps SAM's gain; else empty."""
    best = cheapest(comparison)
    if best is None or best.to_sam is None:
        return ""
    cheaper = [row for row in comparison.candidates if _is_cheaper(row, comparison.sam)]
    holding = [row for row in cheaper if row.holds]
    margin = counted_points(comparison.task.margin)
    return (
        f"Its difference to SAM is {points(best.to_sam)}, paired by seed; the margin is {margin}. "
        f"{_others(holding, cheaper)}."
    )


def cheapest(comparison: Comparison) -> Row | None:
    """The cheapest row that is shown to keep SAM's gain at less than SAM's cost, if any is.

    None too where SAM's own gain is not shown, since there is nothing to keep.
    """
    sam = comparison.sam
    if sam is None or sam.to_base is None or not sam.to_base.above_zero:
        return None
    holding = [row for row in comparison.candidates if row.holds and _is_cheaper(row, sam)]
    return min(holding, key=lambda row: row.cost or 0.0, default=None)


def _finding(comparison: Comparison) -> str:
    sam = comparison.sam
    if sam is None or comparison.base is None:
        absent = "SAM" if sam is None else "the base optimizer"
        return f"there is no run of {absent}, so nothing is said of keeping SAM's gain"
    if sam.to_base is None:
        return "SAM and the base optimizer share no seed, so nothing is said of SAM's gain"
    if sam.to_base.low is None:
        return (
            f"SAM and the base optimizer differ by {points(sam.to_base)}, on a single seed: "
            "nothing is claimed without an interval"
        )
    if not sam.to_base.above_zero:
        return _no_gain(sam.to_base)
    return _kept(comparison, sam, sam.to_base)


def _no_gain(gain: Interval) -> str:
    if gain.below_zero:
        return f"SAM loses against the base optimizer, by {points(gain)}; no gain is there to keep"
    return (
        f"SAM brings nothing that these seeds can show, {points(gain)} over the base optimizer; "
        "no gain is there to keep"
    )


def _kept(comparison: Comparison, sam: Row, gain: Interval) -> str:
    best = cheapest(comparison)
    if best is not None:
        return (
            f"{best.label} keeps SAM's gain of {points(gain)} at {spent(best)} instead of "
            f"{sam.cost:.2f}"
        )
    over_base = f"SAM gains {points(gain)} over the base optimizer"
    if not any(_is_cheaper(row, sam) for row in comparison.candidates):
        return f"{over_base}; no cheaper row was measured"
    margin = counted_points(comparison.task.margin)
    return f"{over_base}; no cheaper row is shown to keep that within {margin}"


def _is_cheaper(row: Row, sam: Row | None) -> bool:
    if sam is None or row.cost is None or sam.cost is None:
        return False
    return row.cost < sam.cost


def _others(holding: list[Row], cheaper: list[Row]) -> str:
    if len(cheaper) == 1:
        return "It is the only row cheaper than SAM"
    if len(holding) == len(cheaper):
        return f"All {len(cheaper)} rows cheaper than SAM are shown to keep its gain"
    return (
        f"{len(holding)} of the {len(cheaper)} rows cheaper than SAM "
        f"{'is' if len(holding) == 1 else 'are'} shown to keep its gain"
    )


def spent(row: Row) -> str:
    """What a row costs, in words: propagations a step, of a run as long as base's."""
    cost = f"{row.cost:.2f} propagations a step"
    return cost if row.method.length == 1 else f"{cost} of the base optimizer's run"


def remarks(comparison: Comparison) -> list[str]:
    """What a reader must know beside the table, one sentence each."""
    return [
        *_about_seeds(comparison),
        *_about_outcomes(comparison),
        *_about_control(comparison),
        *_about_pairing(comparison),
    ]


def _about_seeds(comparison: Comparison) -> list[str]:
    if len(comparison.seeds) == 1:
        return ["A single seed gives means without intervals; it can't tell chance from effect."]
    found = sorted(row.detectable for row in comparison.candidates if row.detectable)
    if not found:
        return []
    middle = found[len(found) // 2]
    return [
        f"{counted(len(comparison.seeds), 'seed')} find a true difference to SAM of {middle:.1f} "
        "points four times in five (median over the rows); smaller ones may stay unseen."
    ]


def _about_outcomes(comparison: Comparison) -> list[str]:
    said = []
    for row in comparison.rows:
        if row.runs.diverged:
            said.append(
                f"{row.runs.diverged} of {row.runs.total} runs of {row.label} diverged; they "
                "count in its mean with the accuracy that they ended at."
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


def _about_pairing(comparison: Comparison) -> list[str]:
    if len(comparison.environments) < 2:
        return []
    return [
        f"The records come from {len(comparison.environments)} environments, so their times are "
        "not comparable throughout."
    ]
