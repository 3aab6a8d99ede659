"""The claim of a comparison: a variant against every control that costs no more."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from sssam.lab import stats
from sssam.lab.comparison.contrasts import LEAST_SEEDS, p_value
from sssam.lab.comparison.details import Reason, ReasonKind
from sssam.lab.comparison.results import Results, contrast, differences, shared_error, unlike
from sssam.lab.comparison.values import Claim, Comparison, Variant

#: Prices within this ratio are one price, to the control's good.
SAME_PRICE = 1.02
#: Up to how many times the base's price a variant may cost to be named in the headline.
CHEAP = 1.1

#: The ends of a variant's price: it counts at the upper one, a control at the lower one.
Price = Callable[[Variant], tuple[float, float] | None]


class _Answer(NamedTuple):
    """A claim, its p-value not adjusted yet, with what speaks against it."""

    claim: Claim | None
    reasons: list[Reason]


def claimed(comparison: Comparison, results: Mapping[str, Results]) -> Comparison:
    """The comparison with its claims, the variant that its headline names, and the reasons.

    Every variant that is no control is beside all controls that cost no more, in passes, and, where
    it was timed, in seconds: itself at the upper end of its interval, controls at the lower one.
    """
    of_all = _of_all(comparison)
    prices: tuple[Price, Price] = (_passes, lambda variant: variant.seconds_range)
    passes, seconds = (
        {v.label: _answer(v, comparison, results, price) for v in comparison.candidates}
        for price in prices
    )
    claims, in_seconds = (_adjusted(each, of_all) for each in (passes, seconds))
    variants = tuple(
        v.model_copy(
            update={"claim": claims.get(v.label), "claim_in_seconds": in_seconds.get(v.label)}
        )
        for v in comparison.variants
    )
    of_some = _merged(reason for each in passes.values() for reason in each.reasons)
    update = {"variants": variants, "reasons": (*of_all, *of_some)}
    judged = comparison.model_copy(update=update)
    return judged.model_copy(update=_best(judged))


def _passes(variant: Variant) -> tuple[float, float] | None:
    return None if variant.cost is None else (variant.cost, variant.cost)


def _of_all(comparison: Comparison) -> list[Reason]:
    """Why nothing is claimed of any variant."""
    few = len(comparison.seeds) < LEAST_SEEDS
    reasons = [Reason(kind="few_seeds", seeds=comparison.seeds)] if few else []
    bases = {v.label for v in comparison.variants if v.role == "base"}
    if not any(each.label in bases and each.trials > 1 for each in comparison.tuning):
        reasons.append(Reason(kind="untuned_base"))
    return reasons


def _answer(
    variant: Variant, comparison: Comparison, results: Mapping[str, Results], price: Price
) -> _Answer:
    """The claim of one variant, with the largest p-value over its controls."""
    controls, base = _controls(variant, comparison, price), comparison.base
    own, label = results[variant.label], (variant.label,)
    reasons = [] if variant.is_complete else [Reason(kind="incomplete", variants=label)]
    if all(control is base for control in controls):
        reasons.append(Reason(kind="no_control", variants=label))
    unfinished = tuple(control.label for control in controls if not control.is_complete)
    if unfinished:
        reasons.append(Reason(kind="incomplete_control", controls=unfinished, variants=label))
    others = {control.label: results[control.label] for control in controls}
    reasons += _unlike(variant.label, own, others, comparison.seeds)
    measured = [c for c in controls if len(differences([(1, own), (-1, results[c.label])]))]
    if not measured:
        return _Answer(None, reasons)
    also = next((results[c.label] for c in controls if c is base), None)
    p_values = {c.label: p_value([(1, own), (-1, results[c.label])], also=also) for c in measured}
    lost = tuple(label for label, p in p_values.items() if p is None)
    if lost and len(comparison.seeds) >= LEAST_SEEDS and not unfinished and variant.is_complete:
        reasons.append(Reason(kind="diverged", controls=lost, variants=label))
    return _Answer(_claim(own, measured, p_values, results, comparison.task.margin), reasons)


def _controls(variant: Variant, comparison: Comparison, price: Price) -> list[Variant]:
    """The controls that cost no more; one of which no run finished is none, but for the base."""
    own = price(variant)
    if own is None:
        return []
    some = [v for v in comparison.variants if v.is_control and (v.runs.finished or _is_open(v))]
    lowest = [(v.cost or 0.0) if (ends := price(v)) is None else ends[0] for v in some]
    return [v for v, least in zip(some, lowest, strict=True) if least <= SAME_PRICE * own[1]]


def _is_open(control: Variant) -> bool:
    """Whether a variant may still be a control: it is the base, or runs are missing or failed."""
    return control.role == "base" or not control.is_complete


def _unlike(
    label: str, own: Results, others: Mapping[str, Results], seeds: Sequence[int]
) -> list[Reason]:
    """Pairs that differ in more than the method."""
    pairs: dict[ReasonKind, dict[str, list[int]]] = {
        "unlike_test": {k: unlike(own.test, each.test) for k, each in others.items()},
        "unlike_samples": {k: unlike(own.samples, each.samples) for k, each in others.items()},
    }
    return [
        Reason(
            kind=kind,
            variants=(label,),
            controls=tuple(control for control, places in found.items() if places),
            seeds=tuple(sorted({seeds[i] for places in found.values() for i in places})),
        )
        for kind, found in pairs.items()
        if any(found.values())
    ]


def _claim(
    own: Results,
    controls: Sequence[Variant],
    p_values: Mapping[str, float | None],
    results: Mapping[str, Results],
    margin: float,
) -> Claim:
    # Early stopping has the best of many epochs, which is above the mean of any one epoch.
    comparable = [c for c in controls if c.method.patience is None] or controls
    best = max(comparable, key=lambda control: control.validation or 0.0).label
    known = {label: 1.0 if p is None else p for label, p in p_values.items()}
    hardest = max(known, key=known.__getitem__)
    terms = [(1, own), (-1, results[best])]
    values, shared = differences(terms), shared_error(terms)
    return Claim(
        control=best,
        difference=contrast(terms),
        controls=tuple(known),
        hardest=hardest,
        to_hardest=contrast([(1, own), (-1, results[hardest])]),
        p_value=known[hardest],
        detectable=stats.detectable(values, shared),
        seeds_needed=stats.seeds_needed(values, margin, shared),
    )


def _adjusted(answers: Mapping[str, _Answer], of_all: Sequence[Reason]) -> dict[str, Claim]:
    """Holm's over all that were asked; what is refused counts as 1, and has no p-value."""
    p_values = [
        None if of_all or reasons or claim is None else claim.p_value
        for claim, reasons in answers.values()
    ]
    adjusted = zip(p_values, stats.holm(p_values), strict=True)
    return {
        label: claim.model_copy(update={"p_value": p, "adjusted": q})
        for (label, (claim, _)), (p, q) in zip(answers.items(), adjusted, strict=True)
        if claim is not None
    }


def _merged(reasons: Iterable[Reason]) -> list[Reason]:
    """Reasons that are equal but for the variant, as one."""
    merged: dict[Reason, tuple[str, ...]] = {}
    for reason in reasons:
        key = reason.model_copy(update={"variants": ()})
        merged[key] = (*merged.get(key, ()), *reason.variants)
    return [key.model_copy(update={"variants": labels}) for key, labels in merged.items()]


def _best(comparison: Comparison) -> dict[str, object]:
    """The variant with the largest clear gain over the base at about its price, or none.

    Those that cost no more in seconds either go first; `is_best_in_seconds` says whether it does,
    and holds against the controls of that price; None where its seconds are not known.
    """
    some = [
        v
        for v in comparison.candidates
        if v.claim is not None
        and v.claim.established
        and (v.cost or np.inf) <= CHEAP
        and v.to_base is not None
        and v.to_base.above_zero
    ]
    unknown = [v for v in some if v.time is None or v.has_noisy_clock]
    in_both = [v for v in some if _in_seconds(v)] or unknown or some
    best = max(in_both, key=lambda v: v.to_base.mean if v.to_base else 0.0, default=None)
    if best is None:
        return {"best": None, "is_best_in_seconds": None}
    timed = None if best in unknown else _in_seconds(best)
    return {"best": best.label, "is_best_in_seconds": timed}


def _in_seconds(variant: Variant) -> bool:
    claim = variant.claim_in_seconds
    cheap = variant.seconds is not None and variant.seconds <= CHEAP
    return cheap and not variant.has_noisy_clock and claim is not None and claim.established
