"""The claim of a comparison: a variant against every control that costs no more."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from sssam.lab import stats
from sssam.lab.comparison.contrasts import LEAST_SEEDS, p_value
from sssam.lab.comparison.reasons import Reason, ReasonKind
from sssam.lab.comparison.results import Results, contrast, differences, outcomes, shared, unlike
from sssam.lab.comparison.values import Claim, Comparison, Variant

#: Prices within this ratio are one price, to the control's good.
SAME_PRICE = 1.02
#: Up to how many times the base's price a variant may cost to be named in the headline.
CHEAP = 1.1

Price = Callable[[Variant], float | None]


class _Asked(NamedTuple):
    """A claim with what speaks against it."""

    claim: Claim | None
    reasons: list[Reason]

    @property
    def p_value(self) -> float | None:
        return None if self.claim is None or self.reasons else self.claim.p_value


class _Field(NamedTuple):
    """What a variant is compared within, and the prices at which controls cost no more."""

    comparison: Comparison
    results: Mapping[str, Results]
    price: Price
    control_price: Price


def claimed(comparison: Comparison, results: Mapping[str, Results]) -> Comparison:
    """The comparison with its claims, the variant that its headline names, and the reasons.

    Every variant that is no control is beside all controls that cost no more, in passes, and, where
    it was timed, in seconds: itself at the upper end of its interval, controls at the lower one.
    """
    of_all = _of_all(comparison)
    in_passes = _Field(comparison, results, lambda v: v.cost, lambda v: v.cost)
    passes = {v.label: _asked(v, in_passes) for v in comparison.candidates}
    in_seconds = in_passes._replace(price=_most_seconds, control_price=_least_seconds)
    timed = [v for v in comparison.candidates if v.seconds is not None]
    seconds = {v.label: _asked(v, in_seconds) for v in timed}
    claims = _adjusted(passes, of_all), _adjusted(seconds, of_all)
    variants = tuple(_with_claims(v, *claims, comparison, results) for v in comparison.variants)
    of_some = _merged([reason for each in passes.values() for reason in each.reasons])
    reasons = (*of_all, *of_some, *comparison.reasons)
    found = comparison.model_copy(update={"variants": variants, "reasons": reasons})
    return found.model_copy(update=_best(found))


def _least_seconds(variant: Variant) -> float | None:
    return None if variant.seconds_range is None else variant.seconds_range[0]


def _most_seconds(variant: Variant) -> float | None:
    return None if variant.seconds_range is None else variant.seconds_range[1]


def _of_all(comparison: Comparison) -> list[Reason]:
    """Why nothing is claimed of any variant."""
    reasons = []
    if len(comparison.seeds) < LEAST_SEEDS:
        reasons.append(Reason(kind="few_seeds", seeds=comparison.seeds))
    bases = {v.label for v in comparison.variants if v.role == "base"}
    if not any(each.label in bases and each.trials > 1 for each in comparison.tuning):
        reasons.append(Reason(kind="untuned_base"))
    return reasons


def _asked(variant: Variant, field: _Field) -> _Asked:
    """The claim of one variant, its p-value not adjusted yet."""
    controls, results, seeds = _controls(variant, field), field.results, field.comparison.seeds
    label, base = (variant.label,), field.comparison.base
    reasons = [] if variant.is_complete else [Reason(kind="incomplete", variants=label)]
    if all(control is base for control in controls):
        reasons.append(Reason(kind="no_control", variants=label))
    unfinished = tuple(control.label for control in controls if not control.is_complete)
    if unfinished:
        reasons.append(Reason(kind="incomplete_control", controls=unfinished, variants=label))
    own = results[variant.label]
    reasons += _unlike(variant.label, own, controls, results, seeds)
    measured = [c for c in controls if len(differences([(1, own), (-1, results[c.label])]))]
    if not measured:
        return _Asked(None, reasons)
    also = next((results[c.label] for c in controls if c is base), None)
    p_values = {c.label: p_value([(1, own), (-1, results[c.label])], also=also) for c in measured}
    lost = tuple(label for label, p in p_values.items() if p is None)
    if lost and len(seeds) >= LEAST_SEEDS and not unfinished and variant.is_complete:
        reasons.append(Reason(kind="diverged", controls=lost, variants=label))
    return _Asked(_claim(own, measured, p_values, results), reasons)


def _controls(variant: Variant, field: _Field) -> list[Variant]:
    """The controls that cost no more; one of which no run finished is none, but for the base."""
    most, every = field.price(variant), field.comparison.variants
    if most is None:
        return []
    some = [v for v in every if v.is_control and (v.runs.finished or _is_open(v))]
    return [v for v in some if (field.control_price(v) or v.cost or 0.0) <= SAME_PRICE * most]


def _is_open(control: Variant) -> bool:
    """Whether it still may be a control: it is the base, or runs are missing or failed."""
    return control.role == "base" or not control.is_complete


def _unlike(
    label: str,
    own: Results,
    controls: Sequence[Variant],
    results: Mapping[str, Results],
    seeds: Sequence[int],
) -> list[Reason]:
    """Pairs that differ in more than the method."""
    reasons = []
    pairs: tuple[tuple[ReasonKind, str], ...] = (
        ("unlike_test", "test"),
        ("unlike_samples", "samples"),
    )
    for kind, name in pairs:
        mine, others = getattr(own, name), {c.label: results[c.label] for c in controls}
        found = {k: unlike(mine, getattr(each, name)) for k, each in others.items()}
        at = sorted({seeds[i] for places in found.values() for i in places})
        if at:
            odd = tuple(control for control, places in found.items() if places)
            reasons.append(Reason(kind=kind, variants=(label,), controls=odd, seeds=tuple(at)))
    return reasons


def _claim(
    own: Results,
    controls: Sequence[Variant],
    p_values: Mapping[str, float | None],
    results: Mapping[str, Results],
) -> Claim:
    # Early stopping has the best of many epochs, which is above the mean of any one epoch.
    comparable = [c for c in controls if c.method.patience is None] or controls
    best = max(comparable, key=lambda control: control.validation or 0.0).label
    known = {label: 1.0 if p is None else p for label, p in p_values.items()}
    hardest = max(known, key=known.__getitem__)
    return Claim(
        control=best,
        difference=contrast([(1, own), (-1, results[best])]).interval(),
        controls=tuple(known),
        hardest=hardest,
        to_hardest=contrast([(1, own), (-1, results[hardest])]).interval(),
        p_value=known[hardest],
    )


def _adjusted(asked: Mapping[str, _Asked], of_all: Sequence[Reason]) -> dict[str, Claim]:
    """Holm's over all that were asked; what is refused counts as 1, and has no p-value."""
    p_values = [None if of_all else each.p_value for each in asked.values()]
    adjusted = stats.holm([1.0 if p is None else p for p in p_values])
    claims = {}
    for (label, each), p, q in zip(asked.items(), p_values, adjusted, strict=True):
        if each.claim is not None:
            update = {"p_value": p, "adjusted": None if p is None else q}
            claims[label] = each.claim.model_copy(update=update)
    return claims


def _with_claims(
    variant: Variant,
    passes: Mapping[str, Claim],
    seconds: Mapping[str, Claim],
    comparison: Comparison,
    results: Mapping[str, Results],
) -> Variant:
    claim = passes.get(variant.label)
    update: dict[str, object] = {"claim": claim, "claim_in_seconds": seconds.get(variant.label)}
    if claim is not None:
        terms = [(1, results[variant.label]), (-1, results[claim.control])]
        values, table = differences(terms), outcomes(terms[0][1], terms[1][1])
        update |= {
            "detectable": stats.detectable(values),
            "seeds_needed": stats.seeds_needed(values, comparison.task.margin),
            "noise": None if table is None else stats.noise(table, shared(terms)),
        }
    return variant.model_copy(update=update)


def _merged(reasons: Sequence[Reason]) -> list[Reason]:
    """Reasons that are equal but for the variant, as one."""
    found: dict[str, Reason] = {}
    for reason in reasons:
        key = reason.model_dump_json(exclude={"variants"})
        before = found[key].variants if key in found else ()
        found[key] = reason.model_copy(update={"variants": (*before, *reason.variants)})
    return list(found.values())


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
    holding = [v for v in some if _in_seconds(v)] or unknown or some
    best = max(holding, key=lambda v: v.to_base.mean if v.to_base else 0.0, default=None)
    if best is None:
        return {"best": None, "is_best_in_seconds": None}
    timed = None if best in unknown else _in_seconds(best)
    return {"best": best.label, "is_best_in_seconds": timed}


def _in_seconds(variant: Variant) -> bool:
    claim = variant.claim_in_seconds
    cheap = variant.seconds is not None and variant.seconds <= CHEAP
    cheap = cheap and not variant.has_noisy_clock
    return cheap and claim is not None and claim.established
