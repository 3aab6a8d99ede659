"""The sentences about a comparison: each is computed, and claims only what its intervals bear."""

from collections.abc import Sequence

from sssam.lab.comparison.values import Comparison, Outcomes, Variant
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


def listed(names: Sequence[str], most: int | None = None) -> str:
    """Names in a row, the last after "and"; beyond `most` of them, how many more there are.

    >>> listed(["a", "b", "c"]), listed(["a", "b", "c"], most=1)
    ('a, b and c', 'a and 2 more')
    """
    shown = list(names)
    if most is not None and len(shown) > most:
        shown = [*shown[:most], f"{len(shown) - most} more"]
    return " and ".join(part for part in (", ".join(shown[:-1]), *shown[-1:]) if part)


def counted_points(value: float) -> str:
    """A distance in percentage points, without sign."""
    return f"{value:g} point" if value == 1 else f"{value:g} points"


def headline(comparison: Comparison) -> str:
    """The one sentence at the head: the cheapest row that is non-inferior to SAM.

    Runs that are missing, diverged or failed are counted in it; where none of base's or SAM's came
    to a good end, it claims nothing.
    """
    seeds = counted(len(comparison.seeds), "seed")
    found = _unfinished(comparison) or _finding(comparison) + _lost(comparison)
    return f"On {comparison.task.name}, {seeds}{_apart(comparison)}: {found}."


def _apart(comparison: Comparison) -> str:
    """The runs that did not finish, in brackets, how many of how many ended how."""
    runs = [row.runs for row in comparison.variants]
    missing = sum(each.missing for each in runs)
    counts = {
        "is missing" if missing == 1 else "are missing": missing,
        "diverged": sum(each.diverged for each in runs),
        "failed": sum(each.failed for each in runs),
    }
    of = f" of {sum(each.total for each in runs)} runs"
    told = list[str]()
    for what, count in counts.items():
        if count:
            told.append(f"{count}{'' if told else of} {what}")
    return f" ({', '.join(told)})" if told else ""


def _unfinished(comparison: Comparison) -> str:
    """What is said where all runs of the study, or of base or SAM, diverged or failed."""
    if not any(row.runs.finished for row in comparison.variants) and comparison.variants:
        return _none("any row", [row.runs for row in comparison.variants])
    said = [_none(row.label, [row.runs]) for row in _ends(comparison) if not row.runs.finished]
    return next(filter(None, said), "")


def _ends(comparison: Comparison) -> list[Variant]:
    """The rows of base and SAM, also where all of their runs failed, so that none is measured."""
    asked = [[r for r in comparison.variants if r.role == role] for role in ("base", "sam")]
    measured = (comparison.base, comparison.sam)
    return [m or rows[0] for m, rows in zip(measured, asked, strict=True) if m or rows]


def _lost(comparison: Comparison) -> str:
    """What is added where base and SAM finished, and no run of any other row."""
    others = [row.runs for row in comparison.candidates]
    if not others or any(runs.finished for runs in others):
        return ""
    found = _none("any other row", others)
    return f"; {found}" if found else ""


def _none(of: str, runs: Sequence[Outcomes]) -> str:
    """No run of these finished; empty where none has ended."""
    diverged, failed = (sum(getattr(r, how) for r in runs) for how in ("diverged", "failed"))
    if not diverged + failed:
        return ""
    how = "diverged" if not failed else "failed" if not diverged else "diverged or failed"
    every = "all that ended" if any(r.missing for r in runs) else "all"
    return f"no run of {of} finished, {every} {how}, so nothing is claimed"


def support(comparison: Comparison) -> str:
    """What the headline rests on, where it names a row that is non-inferior to SAM; else empty."""
    best = cheapest(comparison)
    if best is None or best.to_sam is None:
        return ""
    cheaper = [row for row in comparison.candidates if _is_cheaper(row, comparison.sam)]
    holding = [row for row in cheaper if _holds(row)]
    margin = counted_points(comparison.task.margin)
    return (
        f"Its difference to SAM is {points(best.to_sam)}, paired by seed; the margin is {margin}. "
        f"{_others(holding, cheaper)}."
    )


def cheapest(comparison: Comparison) -> Variant | None:
    """The cheapest row shown to be within the margin and to keep the task's share of SAM's gain.

    None too where SAM's own gain is not shown, since there is nothing to keep, and where no run of
    SAM or of the base optimizer finished. A row none of whose runs finished is passed over.
    """
    sam = comparison.sam
    if sam is None or sam.to_base is None or not sam.to_base.above_zero:
        return None
    if _unfinished(comparison):
        return None
    ended = [row for row in comparison.candidates if row.runs.finished]
    holding = [row for row in ended if _holds(row) and _is_cheaper(row, sam)]
    return min(holding, key=lambda row: row.cost or 0.0, default=None)


def _holds(row: Variant) -> bool:
    # The margin alone lets a row through that is well below SAM, where SAM's gain is small.
    return row.holds and row.holds_share


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
        return f"SAM does worse than the base optimizer, {points(gain)}; there is no gain to keep"
    return (
        f"SAM brings nothing that these seeds can show, {points(gain)} over the base optimizer, so "
        "no row is said to keep a gain"
    )


def _kept(comparison: Comparison, sam: Variant, gain: Interval) -> str:
    best = cheapest(comparison)
    if best is not None:
        return (
            f"{best.label} is non-inferior to SAM at {spent(best)} instead of {sam.cost:.2f}; SAM "
            f"is {points(gain)} above a base whose recipe was not tuned here"
        )
    over_base = f"SAM gains {points(gain)} over the base optimizer"
    if not any(_is_cheaper(row, sam) for row in comparison.candidates):
        return f"{over_base}; no cheaper row was measured"
    margin = counted_points(comparison.task.margin)
    return f"{over_base}; no cheaper row is shown to keep that within {margin}"


def _is_cheaper(row: Variant, sam: Variant | None) -> bool:
    if sam is None or row.cost is None or sam.cost is None:
        return False
    return round(row.cost, 2) < round(sam.cost, 2)  # as they are told


def _others(holding: list[Variant], cheaper: list[Variant]) -> str:
    if len(cheaper) == 1:
        return "It is the only row cheaper than SAM"
    if len(holding) == len(cheaper):
        every = "Both" if len(cheaper) == 2 else f"All {len(cheaper)}"
        return f"{every} rows cheaper than SAM are shown to be non-inferior to it"
    return (
        f"{len(holding)} of the {len(cheaper)} rows cheaper than SAM "
        f"{'is' if len(holding) == 1 else 'are'} shown to be non-inferior to it"
    )


def spent(row: Variant) -> str:
    """What a row costs, in words: propagations a step, of a run as long as base's."""
    cost = f"{row.cost:.2f} propagations a step"
    return cost if row.method.length == 1 else f"{cost} of the base optimizer's run"
