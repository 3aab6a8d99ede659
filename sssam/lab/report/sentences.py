"""All words about a comparison: its headline, remarks, captions and notes, from numbers alone."""

from collections.abc import Callable, Mapping, Sequence

from sssam.lab.comparison.claims import CHEAP
from sssam.lab.comparison.parts import Reason
from sssam.lab.comparison.pool import PooledVariant
from sssam.lab.comparison.values import Comparison, Variant
from sssam.lab.report.text import counted, listed, points
from sssam.lab.specs import Tuning

PASS = (
    "A pass is a forward and a backward pass on a batch; plain training takes one a step, SAM two."
)
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


def price(variant: Variant | PooledVariant) -> str:
    """Both prices of a run, in words; passes never stand alone."""
    passes = "unknown" if variant.cost is None else f"{variant.cost:.2f}"
    if variant.seconds is None:
        return f"{passes} times the base's passes (its seconds are not known)"
    if isinstance(variant, Variant) and variant.has_noisy_clock:
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
    """That nothing is claimed, and why: of all variants, or since no difference is clear."""
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
    known = tuned(comparison.tuning)
    known += [comparison.note] if comparison.note and not known else []
    refused = [
        f"Nothing is claimed of {listed(reason.variants, 4)}: {WHY[reason.kind](reason)}."
        for reason in comparison.reasons
        if reason.variants
    ]
    power = [detected(comparison)] if detected(comparison) else []
    return [*([NOT_TUNED] if untuned else []), *known, *power, *refused, *_caveats(comparison)]


def detected(comparison: Comparison) -> str:
    """What so many seeds detect; empty where no variant is beside a control on three of them."""
    claims = [v.claim for v in comparison.variants if v.claim is not None and v.claim.detectable]
    if not claims:
        return ""
    found = max(claim.detectable or 0.0 for claim in claims)
    needed = [claim.seeds_needed for claim in claims if claim.seeds_needed is not None]
    enough = counted(max(needed, default=0), "seed") if len(needed) == len(claims) else "no seeds"
    margin = counted(comparison.task.margin, "point")
    return (
        f"With {counted(len(comparison.seeds), 'seed')}, a real {found:.1f}-point difference "
        "between a variant and its control is detected 80% of the time, before the adjustment for "
        f"several variants; for {margin}, {enough} are enough."
    )


def _caveats(comparison: Comparison) -> list[str]:
    """What else may lie in the numbers, of what applies."""
    variants, tuning = comparison.variants, comparison.tuning
    ends = [f"{t.label} ({listed([*map(_name, t.at_end)])})" for t in tuning if t.at_end]
    noisy = [v.label for v in variants if v.has_noisy_clock]
    added, mixed = len(comparison.seeds_added), comparison.mixed_seeds
    other, flat = comparison.other_data, comparison.without_flatness
    return [
        sentence
        for applies, sentence in (
            (
                comparison.untuned,
                f"rho was not tuned here for {listed(comparison.untuned, 4)}: another may do "
                "better (`--trials`).",
            ),
            (added, f"Added after the study was fixed: {counted(added, 'seed')}."),
            (
                mixed,
                f"Pairs of unlike environments, so rounding may be in the difference{_at(mixed)}.",
            ),
            (other, f"Left out, since their data differ: {_runs(other)}."),
            (ends, f"The best value lies at an end of its grid: {'; '.join(ends)}."),
            (
                noisy,
                f"The seconds of {listed(noisy, 4)} are too uncertain to state as a price (an "
                "interval wider than 10%).",
            ),
            (
                not comparison.has_test_error,
                "The records do not say which examples were right, so the error of a test set that "
                "all seeds share is left out of the intervals.",
            ),
            (flat, f"Flatness is not known of: {_runs(flat)}."),
        )
        if applies
    ]


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


#: What stands below each figure; see `report.figures` for what they show.
CAPTIONS = {
    "accuracy-against-cost": "Mean test {metric} over seeds with its 95% interval, over the price "
    "of a whole run. The line is the base trained for shorter and longer: what its own passes "
    "buy. What lies above the line and the averages is more than the base buys at that price. "
    "Variants of equal price stand side by side; pointing at one shows its numbers.",
    "differences": "Difference in test {metric} to the best control that costs no more (chosen on "
    "validation data), in percentage points, paired by seed, with its 95% interval. A full point "
    "is clearly above every such control, after Holm's adjustment for all variants; p is the "
    "largest over these controls.",
    "validation-accuracy": "The {metric} on validation data after each epoch, as means over the "
    "finished runs; each line ends where its runs end. Early epochs may lie below the axis.",
    "training-loss": "The loss at the weights w themselves, after each epoch, on a fixed subset of "
    "the training samples: the loss that a step returns does not compare across methods. Losses "
    "over two decades have a logarithmic axis.",
    "schedules": "The curve is the probability of a sharpness-aware step; the strip below it shows "
    "the steps that were drawn at the first seed.",
    "rho-sensitivity": "Mean validation {metric} at each radius that was tried, over seeds that "
    "the comparison does not use, each at the best of the other settings tried with it. The points "
    "are the radii that were chosen; diverged runs count with what they reached.",
    "flatness": "The largest eigenvalue of the Hessian of the training loss at the trained "
    "weights, as means over seeds with 95% intervals. To the left is flatter.",
    "landscape": "Training loss at w + x d, with d a random direction whose filters are as long as "
    "the model's (Li et al., 2018); biases and normalisation layers do not move. One run a line.",
    "between": "Training loss on the straight line between the weights of both; batch norm's "
    "statistics are found anew at each point. The barrier is the highest rise above the straight "
    "line between the losses at the ends.",
    "surface": "Training loss over the plane of two random directions whose filters are as long as "
    "the model's (Li et al., 2018). The cross is the model.",
    "pooled": "The part of the base's test error that a variant removes beyond the best control "
    "that costs no more: the mean over tasks of equal weight, with its 95% interval; the ticks are "
    "the single tasks. A full point is clearly above the controls, after Holm's adjustment.",
}
NOTES = {
    "variants": "{metric} in %, differences in percentage points, paired by seed, with 95% "
    "intervals. The best control is that on validation data; p is one-sided, the largest over all "
    "controls that cost no more, adjusted over the variants by Holm's method, and names its "
    "control where that is another one. Passes and seconds are those of a whole run over the "
    "base's; seconds are measured apart, in short interleaved blocks. Select a column's name to "
    "sort.",
    "sam": "Non-inferior to SAM: at most {margin} below it, with at least {share:.0%} of "
    "its gain, both fixed with the task, after Holm's adjustment. The share of the gain has "
    "Fieller's interval.",
    "flatness": "Means over seeds with 95% intervals, in evaluation mode, on the first samples of "
    "the training set. The top eigenvalue and the trace (Hutchinson's estimate) are of the Hessian "
    "of the training loss; a rise is the largest that gradient ascent found within a radius of the "
    "weights, or, adaptive, within ASAM's ellipsoid.",
    "pooled": "In % of the base's test error: means over tasks of equal weight with 95% intervals "
    "by Student's t with Welch's and Satterthwaite's degrees of freedom; then the tasks won, tied "
    "and lost against the best control, and each of them. p is against each task's hardest "
    "control, adjusted over the variants by Holm's method. The claim is of these tasks in the "
    "mean: not of each, and not of tasks at large.",
    "repeat": "Run it where the directory of results lies. Runs that have a record are not trained "
    "again; move the records away to train all of them anew. Equal seeds give equal numbers on one "
    "machine with equal versions; on another the last digits, and seconds, may differ.",
}
