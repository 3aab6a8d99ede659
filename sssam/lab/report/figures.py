"""A comparison -> its figures, each with words for who can't see it."""

from collections.abc import Iterator, Sequence
from functools import partial

from sssam.lab.comparison.values import Comparison, Variant
from sssam.lab.report.captions import Drawing, Figure
from sssam.lab.report.cost import AXES, CostAxis, accuracy_against_cost, below, priced
from sssam.lab.report.forest import ForestLine, forest
from sssam.lab.report.key import Key, named
from sssam.lab.report.lines import curves, sensitivity, with_rho
from sssam.lab.report.schedules import Band, schedules
from sssam.lab.report.sentences import headline
from sssam.lab.report.text import claim_p, counted, listed, points, ranged

#: The most variants that a figure draws as lines: more of them could not be distinguished.
MOST = 12


def figures(comparison: Comparison) -> list[Figure]:
    """All figures that the comparison has data for, the main one first."""
    return list(_figures(comparison))


def _figures(comparison: Comparison) -> Iterator[Figure]:
    key, some = Key.of(comparison), _some(comparison)
    axes = [axis for axis in AXES if _has(comparison, axis)]
    if axes:
        yield _cost(comparison, axes, key)
    if any(variant.claim is not None for variant in comparison.variants):
        yield _differences(comparison)
    if any(variant.curve for variant in some.variants):
        yield _curves(some, key, len(comparison.variants))
    if bands := [band for variant in some.variants for band in _band(variant)]:
        taken = ", ".join(f"{b.name} {sum(b.taken)} of {len(b.taken)} steps" for b in bands)
        words = f"Probability curves of {len(bands)} schedules; sharpness-aware were: {taken}."
        yield Figure("schedules", words, {"": partial(schedules, bands)})
    if with_rho(comparison.tuning, some.variants):
        yield _sensitivity(some, key)


def _has(comparison: Comparison, axis: CostAxis) -> bool:
    """Whether an axis has a place for more than the base, whose price is 1 on every axis."""
    drawn = priced(comparison, axis)
    return bool(drawn) and (axis == "passes" or any(not v.is_control for v in drawn))


def _some(comparison: Comparison) -> Comparison:
    """The comparison with as many variants as lines can show, what matters most first."""
    measured = [v for v in comparison.variants if v.accuracy is not None]
    ranked = named(comparison)
    ranked += [v.label for v in measured if not v.is_control] + [v.label for v in measured]
    kept = set(list(dict.fromkeys(ranked))[:MOST])
    return comparison.model_copy(update={"variants": tuple(v for v in measured if v.label in kept)})


def _cost(comparison: Comparison, axes: Sequence[CostAxis], key: Key) -> Figure:
    drawn, out = priced(comparison, axes[0]), below(comparison, axes[0])
    far = [f"{v.label} {ranged(v.accuracy, '{:.1f}'.format)}" for v in out if v.accuracy]
    return Figure(
        "accuracy-against-cost",
        f"Scatter plot of {counted(len(drawn), 'variant')}. {headline(comparison)}",
        {axis: partial(accuracy_against_cost, comparison, axis, key) for axis in axes},
        key.looks(v.label for v in drawn),
        metric=comparison.task.metric,
        more=f"Below the figure: {listed(far)}." if far else "",
    )


def _differences(comparison: Comparison) -> Figure:
    lines = [
        ForestLine(
            f"{v.label} over {claim.control}",
            v.role,
            claim.difference,
            ", ".join(filter(None, (points(claim.difference, 2), claim_p(claim)))),
            claim.established,
        )
        for v in comparison.variants
        if (claim := v.claim) is not None
    ]
    clear = sum(line.clear for line in lines)
    best = max(lines, key=lambda line: line.value.mean)
    return Figure(
        "differences",
        f"Forest plot of {counted(len(lines), 'difference')}, {clear} of them clear; the highest "
        f"is {best.label}, {best.text}.",
        {"": partial(forest, lines)},
        metric=comparison.task.metric,
    )


def _curves(some: Comparison, key: Key, of: int) -> Figure:
    curved, metric = [v for v in some.variants if v.curve], some.task.metric
    ends = [f"{v.label} {100 * v.curve[-1].validation_accuracy:.1f}%" for v in curved]
    views: dict[str, Drawing] = {"validation": partial(curves, some, "validation_accuracy", key)}
    if any(point.train_loss is not None for v in curved for point in v.curve):
        views["loss"] = partial(curves, some, "train_loss", key)
    drawn = len(some.variants)
    return Figure(
        "curves",
        f"Line plot of validation {metric} against passes; at the end: {', '.join(ends)}.",
        views,
        key.looks(v.label for v in curved),
        metric=metric,
        more=f"Drawn are {drawn} of {of} variants." if drawn < of else "",
    )


def _band(variant: Variant) -> list[Band]:
    schedule, draws = variant.method.scheduling_function(), variant.draws
    if schedule is None or draws is None:
        return []
    probabilities = schedule.probabilities(draws.steps)
    return [Band(variant.label, variant.role, probabilities, draws.taken())]


def _sensitivity(some: Comparison, key: Key) -> Figure:
    tuning, metric = with_rho(some.tuning, some.variants), some.task.metric
    chosen = ", ".join(f"{each.label} {each.values['rho']}" for each in tuning)
    return Figure(
        "rho-sensitivity",
        f"Line plot of validation {metric} against rho; chosen were: {chosen}.",
        {"": partial(sensitivity, tuning, metric, key)},
        key.looks(each.label for each in tuning),
        metric=metric,
    )
