"""A comparison -> its figures: each with a title, a caption, and words for who can't see it."""

from collections.abc import Iterator, Sequence
from functools import partial

from sssam.lab.comparison.values import Comparison, Variant
from sssam.lab.report.cells import claim_p
from sssam.lab.report.cost import AXES, Axis, accuracy_against_cost, below, priced
from sssam.lab.report.figure import Figure
from sssam.lab.report.flatness import along
from sssam.lab.report.forest import Line, forest
from sssam.lab.report.key import Key, named
from sssam.lab.report.lines import Quantity, curves, sensitivity, with_rho
from sssam.lab.report.schedules import Band, schedules
from sssam.lab.report.sentences import CAPTIONS, headline
from sssam.lab.report.text import counted, listed, points, ranged

#: The most variants that a figure draws as lines: more of them could not be told apart.
MOST = 12


def figures(comparison: Comparison, axis: Axis = "passes") -> list[Figure]:
    """All figures that the comparison has data for, the main one first.

    `axis` is the price that the main figure shows first, where it was measured.
    """
    return list(_figures(comparison, axis))


def _figures(comparison: Comparison, axis: Axis) -> Iterator[Figure]:
    key, some = Key.of(comparison), _some(comparison)
    axes = [name for name in sorted(AXES, key=lambda name: name != axis) if _has(comparison, name)]
    if axes:
        yield _cost(comparison, axes, key)
    if any(variant.claim is not None for variant in comparison.variants):
        yield _differences(comparison)
    left = f" Drawn are {len(some.variants)} of {len(comparison.variants)} variants."
    left = left if len(some.variants) < len(comparison.variants) else ""
    if any(variant.curve for variant in some.variants):
        yield _curves(some, "validation_accuracy", key, left)
    if any(p.train_loss is not None for v in some.variants for p in v.curve):
        yield _curves(some, "train_loss", key, left)
    if bands := [band for variant in some.variants for band in _band(variant)]:
        yield _schedules(bands)
    if with_rho(comparison.tuning, some.variants):
        yield _sensitivity(some, key)
    yield from _flatness(comparison, key)


def _has(comparison: Comparison, axis: Axis) -> bool:
    """Whether an axis has a place for more than the base, whose price is 1 on every axis."""
    drawn = priced(comparison, axis)
    return bool(drawn) and (axis == "passes" or any(not v.is_control for v in drawn))


def _some(comparison: Comparison) -> Comparison:
    """The comparison with as many variants as lines can be told apart, what matters most first."""
    measured = [v for v in comparison.variants if v.accuracy is not None]
    ranked = named(comparison)
    ranked += [v.label for v in measured if not v.is_control] + [v.label for v in measured]
    kept = set(list(dict.fromkeys(ranked))[:MOST])
    return comparison.model_copy(update={"variants": tuple(v for v in measured if v.label in kept)})


def _cost(comparison: Comparison, axes: Sequence[Axis], key: Key) -> Figure:
    drawn, out = priced(comparison, axes[0]), below(comparison, axes[0])
    far = [
        f"{v.label} {ranged(v.accuracy, '{:.1f}'.format)}" for v in out if v.accuracy is not None
    ]
    unseen = f" Below the figure: {listed(far)}." if far else ""
    metric = comparison.task.metric
    return Figure(
        name="accuracy-against-cost",
        short="Accuracy and cost",
        title="What accuracy each price buys",
        caption=CAPTIONS["accuracy-against-cost"].format(metric=metric) + unseen,
        alt=f"Scatter plot of {counted(len(drawn), 'variant')}. {headline(comparison)}",
        views={axis: partial(accuracy_against_cost, comparison, axis, key) for axis in axes},
        key=tuple(key.looks(v.label for v in drawn)),
    )


def _differences(comparison: Comparison) -> Figure:
    lines = [
        Line(
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
    title = ["percentage points above", "the best control"]
    return Figure(
        name="differences",
        short="Beside the controls",
        title="More than the base buys at that price?",
        caption=CAPTIONS["differences"].format(metric=comparison.task.metric),
        alt=f"Forest plot of {counted(len(lines), 'difference')}, {clear} of them clear; the "
        f"highest is {best.label}, {best.text}.",
        views={"": partial(forest, lines, title, "control")},
    )


def _curves(some: Comparison, quantity: Quantity, key: Key, left: str) -> Figure:
    loss, metric = quantity == "train_loss", some.task.metric
    name = "training-loss" if loss else "validation-accuracy"
    curved = [v for v in some.variants if v.curve]
    ends = ", ".join(f"{v.label} {_last(v, quantity)}" for v in curved)
    what = "Training loss" if loss else f"Validation {metric}"
    return Figure(
        name=name,
        short="Training loss" if loss else "Validation",
        title=f"{what} over what was spent",
        caption=CAPTIONS[name].format(metric=metric) + left,
        alt=f"Line plot of {what.lower()} against passes; at the end: {ends}.",
        views={"": partial(curves, some, quantity, key)},
        key=tuple(key.looks(v.label for v in curved)),
    )


def _last(variant: Variant, quantity: Quantity) -> str:
    if quantity == "validation_accuracy":
        return f"{100 * variant.curve[-1].validation_accuracy:.1f}%"
    loss = variant.curve[-1].train_loss
    return "unknown" if loss is None else f"{loss:.3f}"


def _schedules(bands: Sequence[Band]) -> Figure:
    taken = ", ".join(f"{b.name} {sum(b.taken)} of {len(b.taken)} steps" for b in bands)
    return Figure(
        name="schedules",
        short="Schedules",
        title="When the sharpness-aware steps fell",
        caption=CAPTIONS["schedules"],
        alt=f"Probability curves of {len(bands)} schedules; sharpness-aware were: {taken}.",
        views={"": partial(schedules, bands)},
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
        name="rho-sensitivity",
        short="Radius \N{GREEK SMALL LETTER RHO}",
        title="How much depends on \N{GREEK SMALL LETTER RHO}",
        caption=CAPTIONS["rho-sensitivity"].format(metric=metric),
        alt=f"Line plot of validation {metric} against rho; chosen were: {chosen}.",
        views={"": partial(sensitivity, tuning, metric, key)},
        key=tuple(key.looks(each.label for each in tuning)),
    )


def _flatness(comparison: Comparison, key: Key) -> Iterator[Figure]:
    """The eigenvalues of all variants; the landscapes of base, SAM and that of the headline."""
    measured = [(v, v.flatness) for v in comparison.variants if v.flatness]
    lines = [
        Line(v.label, v.role, f.eigenvalue, ranged(f.eigenvalue, "{:.3g}".format))
        for v, f in measured
    ]
    if lines:
        title = ["top eigenvalue of the Hessian", "of the training loss"]
        yield Figure(
            name="flatness",
            short="Flatness",
            title="How sharply the loss curves at the solutions",
            caption=CAPTIONS["flatness"],
            alt=f"Top Hessian eigenvalues: {'; '.join(f'{e.label} {e.text}' for e in lines)}.",
            views={"": partial(forest, lines, title, "")},
            half=True,
        )
    profiles = {v.label: f.curve for v, f in measured if v.label in named(comparison)}
    seeds = listed(sorted({str(f.seed) for _, f in measured}))
    if drawn := along(profiles, key):
        yield drawn._replace(half=True, caption=f"{drawn.caption} Seed {seeds}.")
