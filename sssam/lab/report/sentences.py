"""All sentences about comparisons: headlines and remarks, from numbers alone."""

from collections.abc import Callable, Mapping, Sequence

from sssam.lab.comparison.claims import CHEAP
from sssam.lab.comparison.details import Reason
from sssam.lab.comparison.values import Comparison, Variant
from sssam.lab.report.text import counted, listed, points
from sssam.lab.specs import Tuning

NOT_TUNED = "The base is not tuned here, so no gain over it is claimed."


def headline(comparison: Comparison) -> str:
    """The finding: the variant with the largest clear gain at about the base's price, or none."""
    winner = comparison.winner
    over = f"On {comparison.task.name}, "
    seeds = _seeds(comparison)
    if winner is None or winner.to_base is None or winner.claim is None:
        return f"{over}{_none(comparison)} ({seeds})."
    return (
        f"{over}{winner.label} gains {points(winner.to_base)} over the base for {price(winner)}, "
        f"and {points(winner.claim.difference)} over {winner.claim.control}, of the controls that "
        f"cost no more the best on validation data ({seeds})."
    )


def _seeds(comparison: Comparison) -> str:
    seeds, missing = counted(len(comparison.seeds), "seed"), comparison.missing
    total = sum(variant.runs.total for variant in comparison.variants)
    return f"{seeds}; {missing} of {total} runs missing" if missing else seeds


def price(variant: Variant) -> str:
    """Both prices of a run, in words; passes never stand alone."""
    passes = "unknown" if variant.cost is None else f"{variant.cost:.2f}"
    if variant.seconds is None:
        return f"{passes} times the base's passes (its seconds are not known)"
    if variant.has_noisy_clock:
        return f"{passes} times the base's passes (the clock was too noisy to state its seconds)"
    return f"{passes} times the base's passes and {variant.seconds:.2f} times its seconds"


def support(comparison: Comparison) -> str:
    """What stands below the headline: how it fares in seconds, or what came nearest."""
    winner = comparison.winner
    if winner is not None and comparison.is_best_in_seconds is False:
        if (winner.seconds or 0.0) > CHEAP:
            return f"Counted in seconds, that price is above {CHEAP:g} times the base's."
        return (
            "Counted in seconds, it is not clearly more accurate than every control that costs no "
            "more."
        )
    claims = [(v, v.claim) for v in comparison.candidates if v.claim is not None]
    if winner is not None or not claims or _of_all(comparison):
        return ""
    nearest, claim = max(claims, key=lambda each: each[1].difference.mean)
    return (
        f"The largest difference to such a control is that of {nearest.label}: "
        f"{points(claim.difference)} to {claim.control}, for {price(nearest)}."
    )


def _none(comparison: Comparison) -> str:
    """The sentence that says that nothing is claimed, and why."""
    if of_all := _of_all(comparison):
        return f"nothing is claimed: {WHY[of_all[0].kind](of_all[0])}"
    if all(variant.claim is None for variant in comparison.variants):
        return "nothing is claimed: no variant was compared with a control of the base"
    return (
        f"no variant at up to {CHEAP:g} times the base's price is clearly more accurate than the "
        "best control that costs no more"
    )


def _of_all(comparison: Comparison) -> list[Reason]:
    """Why nothing is claimed of any variant."""
    return [reason for reason in comparison.reasons if not reason.variants]


def remarks(comparison: Comparison) -> list[str]:
    """What a reader must know beside the table, one sentence each; first what was tuned."""
    untuned = any(reason.kind == "untuned_base" for reason in comparison.reasons)
    known = tuned(comparison.tuning) or [comparison.note]
    refused = [
        f"Nothing is claimed of {listed(reason.variants, 4)}: {WHY[reason.kind](reason)}."
        for reason in comparison.reasons
        if reason.variants
    ]
    first = [NOT_TUNED] if untuned else []
    every = [*first, *known, detected(comparison), *refused, *_caveats(comparison)]
    return [remark for remark in every if remark]


def detected(comparison: Comparison) -> str:
    """What so many seeds detect; empty where no variant is beside a control on three of them."""
    claims = [v.claim for v in comparison.variants if v.claim is not None and v.claim.detectable]
    if not claims:
        return ""
    detectable = max(claim.detectable or 0.0 for claim in claims)
    needed = [claim.seeds_needed for claim in claims if claim.seeds_needed is not None]
    enough = f"{counted(max(needed, default=0), 'seed')} are enough"
    if len(needed) < len(claims):
        enough = "no number of seeds is enough on this test set"
    margin = counted(comparison.task.margin, "point")
    return (
        f"With {counted(len(comparison.seeds), 'seed')}, a real {detectable:.1f}-point difference "
        "between a variant and its control is detected 80% of the time, before the adjustment for "
        f"several variants; for {margin}, {enough}."
    )


def _caveats(comparison: Comparison) -> list[str]:
    """What else may lie in the numbers, of what applies."""
    variants, tuning = comparison.variants, comparison.tuning
    ends = [f"{t.label} ({listed([*map(_name, t.at_end)])})" for t in tuning if t.at_end]
    noisy = [v.label for v in variants if v.has_noisy_clock]
    added, mixed = len(comparison.seeds_added), comparison.mixed_seeds
    caveats = {
        f"rho was not tuned here for {listed(comparison.untuned, 4)}: another may do better "
        "(`--trials`).": comparison.untuned,
        f"Added after the study was fixed: {counted(added, 'seed')}.": added,
        f"Pairs of unlike environments, so rounding may be in the difference{_at(mixed)}.": mixed,
        f"Left out, since their data differ: {_runs(comparison.other_data)}.": (
            comparison.other_data
        ),
        f"The best value lies at an end of its grid: {'; '.join(ends)}.": ends,
        f"The seconds of {listed(noisy, 4)} are too uncertain to state as a price (an interval "
        "wider than 10%).": noisy,
        "The records do not say which examples were right, so the error of a test set that all "
        "seeds share is left out of the intervals.": not comparison.has_test_error,
        f"Flatness is not known of: {_runs(comparison.without_flatness)}.": (
            comparison.without_flatness
        ),
    }
    return [sentence for sentence, applies in caveats.items() if applies]


def tuned(tuning: Sequence[Tuning]) -> list[str]:
    """What was chosen among what, one sentence for the base and for all of equal grids."""
    alike: dict[str, list[Tuning]] = {}
    for each in tuning:
        over = f"{counted(each.trials, 'trial')} on {counted(len(each.seeds), 'seed')}"
        alike.setdefault(f"{over}: {_grids(each)}", []).append(each)
    return [
        f"Tuned on validation data, {how}. Chosen: {'; '.join(map(_chosen, some))}."
        for how, some in alike.items()
    ]


def _grids(tuning: Tuning) -> str:
    """What was tried of each setting; those for which the trials did not suffice come last."""
    tried = {name: grid for name, grid in tuning.grids.items() if len(grid) > 1}
    grids = [f"{_name(n)} in {', '.join(map(_short, grid))}" for n, grid in tried.items()]
    single = [_name(name) for name in tuning.grids if name not in tried]
    return "; ".join([*grids, f"too few trials to vary {listed(single)}"] if single else grids)


def _chosen(tuning: Tuning) -> str:
    values = [f"{_name(name)} {_short(value)}" for name, value in tuning.values.items()]
    return f"{tuning.label} {listed(values)}"


def _name(setting: str) -> str:
    return setting.replace("_", " ")


def _short(value: bool | float | str) -> str:
    return f"{value:g}" if isinstance(value, (int, float)) and value is not True else str(value)


def _at(seeds: Sequence[int]) -> str:
    return f" at {counted(len(seeds), 'seed')}" if seeds else ""


#: Why a variant, or every variant, is claimed nothing of: the end of a sentence.
WHY: Mapping[str, Callable[[Reason], str]] = {
    "few_seeds": lambda r: "it takes at least five seeds",
    "untuned_base": lambda r: "the base's recipe was not tuned on this task",
    "no_control": lambda r: "but for the base itself, no control that costs no more was compared",
    "incomplete": lambda r: "some of its runs failed or are missing",
    "incomplete_control": lambda r: f"runs of its control {listed(r.controls, 3)} are missing",
    "diverged": lambda r: "runs diverged, and too few seeds are left at which none did",
    "unlike_test": lambda r: f"it was judged on other test examples{_at(r.seeds)}",
    "unlike_samples": lambda r: f"it was trained on other examples{_at(r.seeds)}",
}


def _runs(counts: Mapping[str, int]) -> str:
    return "; ".join(f"{counted(n, 'run')} ({name})" for name, n in counts.items())
