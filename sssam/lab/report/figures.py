"""A comparison -> its figures: each with a title, a caption, and words for who can't see it."""

from collections.abc import Iterator
from functools import partial

from sssam.lab import tuned
from sssam.lab.comparison.headline import counted, counted_points
from sssam.lab.comparison.values import Comparison, Variant
from sssam.lab.report.contrasts import Contrast
from sssam.lab.report.curves import Quantity, curves
from sssam.lab.report.figure import Drawing, Figure
from sssam.lab.report.files import render, save
from sssam.lab.report.flatness_figures import flat_figures
from sssam.lab.report.forest import forest
from sssam.lab.report.front import front
from sssam.lab.report.places import named
from sssam.lab.report.schedules import Band, schedules
from sssam.lab.report.sensitivity import sensitivity, tuned_rows
from sssam.lab.report.tradeoff import tradeoff

__all__ = ["Drawing", "Figure", "figures", "render", "save"]


#: The most rows that a figure draws as lines: more of them could not be told apart.
MOST = 12


def figures(comparison: Comparison, tried: tuned.Tuned | None = None) -> list[Figure]:
    """All figures that the comparison has data for, the main one first.

    The main figure is missing only where no run was measured. `tried` holds the radii that the
    comparison's own were chosen among; default those that are kept for its task.
    """
    return list(_figures(comparison, tried))


def _figures(comparison: Comparison, tried: tuned.Tuned | None) -> Iterator[Figure]:
    measured = [row for row in comparison.variants if row.accuracy is not None]
    if measured:
        yield _tradeoff(comparison, measured)
    if any(row.to_sam is not None for row in measured):
        yield _contrasts(comparison)
    some = _some(comparison)
    if any(row.curve for row in some.variants):
        yield _curves(some, "validation_accuracy", len(measured))
    if any(point.train_loss is not None for row in some.variants for point in row.curve):
        yield _curves(some, "train_loss", len(measured))
    bands = [band for row in some.variants for band in _band(row)]
    if bands:
        yield _schedules(bands, measured)
    values = (tried or tuned.read(comparison.task)) if measured else None
    if values is not None and tuned_rows(values, some.variants):
        yield _sensitivity(values, some, len(tuned_rows(values, measured)))
    yield from flat_figures(comparison)


def _some(comparison: Comparison) -> Comparison:
    """The comparison with as many rows as lines can be told apart: what matters most, then others.

    These are base and SAM, the Pareto front, and the first of the others.
    """
    measured = [row for row in comparison.variants if row.accuracy is not None]
    first = [row for row in (comparison.base, comparison.sam) if row is not None]
    ranked = list(dict.fromkeys(row.label for row in (*first, *front(comparison), *measured)))
    kept = set(ranked[:MOST])
    return comparison.model_copy(
        update={"variants": tuple(row for row in measured if row.label in kept)}
    )


def _tradeoff(comparison: Comparison, rows: list[Variant]) -> Figure:
    best = ", ".join(
        f"{row.label} {row.accuracy.mean:.1f}% at {row.cost:.2f}"
        for row in front(comparison)
        if row.accuracy is not None
    )
    return Figure(
        name="accuracy-against-propagations",
        short="Gain and cost",
        title="What each row brings, and what it costs",
        caption=f"Mean test {comparison.task.metric} over seeds with its 95% interval, against the "
        "propagations of the whole run; the base optimizer's run is 1. The dotted lines are the "
        "base optimizer and SAM; the grey steps are the Pareto front of the means, on which no row "
        "is both cheaper and better. Rows of equal cost are drawn side by side, rows far below the "
        "others at the lower edge. These intervals hold what seeds share; the paired differences "
        "below are what rows are judged by." + _unnamed(comparison, len(rows)),
        alt=f"Scatter plot of {len(rows)} rows. {comparison.headline} On the Pareto front: {best}.",
        draw=partial(tradeoff, comparison),
    )


def _unnamed(comparison: Comparison, rows: int) -> str:
    """What names the figure leaves out, in its layouts."""
    if len(named(comparison, narrow=False)) < rows:
        return " Base, SAM and the front alone are named; pointing at others tells their names."
    if len(named(comparison, narrow=True)) < rows:
        return " On a narrow screen base, SAM and the front alone are named."
    return ""


def _contrasts(comparison: Comparison) -> Figure:
    task = comparison.task
    return forest(
        [
            Contrast(row.label, row.role, row.to_sam, row.holds)
            for row in comparison.variants
            if row.to_sam is not None
        ],
        task.margin,
        title="How close each row comes to SAM",
        axis=f"difference to SAM\npercentage points of test {task.metric}",
        begins="Differences to SAM, paired by seed, with 95% intervals. The shaded part begins "
        f"{counted_points(task.margin)} below SAM, the margin that was fixed with the task",
        gain="SAM's gain",
    )


def _curves(comparison: Comparison, quantity: Quantity, measured: int) -> Figure:
    loss = quantity == "train_loss"
    curved = [row for row in comparison.variants if row.curve]
    apart = [row for row in curved if row in (comparison.base, comparison.sam)]
    ends = [f"{row.label} {_last(row, quantity)}" for row in apart or curved]
    metric = comparison.task.metric
    what = "Training loss" if loss else f"Validation {metric}"
    how = (
        "The loss is taken at the weights w themselves, on a fixed subset of the training samples, "
        "since the loss that a step returns does not compare across methods. "
        if loss
        else f"The {metric} on validation data, after each epoch. "
    )
    return Figure(
        name="training-loss" if loss else "validation-accuracy",
        short="Training loss" if loss else "Validation",
        title=f"{what} over what was spent",
        caption=how + "Means over the finished runs; each line ends where its run ends, and the "
        "key ranks the rows by their ends. Where heights span much, they are those of the "
        f"logarithm of the {'loss' if loss else 'error'}."
        + _left_out(len(comparison.variants), measured),
        alt=f"Line plot of {what.lower()} against propagations; at the end: {', '.join(ends)}.",
        draw=partial(curves, comparison, quantity),
    )


def _left_out(drawn: int, measured: int) -> str:
    if drawn == measured:
        return ""
    return (
        f" Drawn are {drawn} of {measured} rows: base, SAM, the Pareto front, and the first of "
        "the others; the files beside this page hold all."
    )


def _last(row: Variant, quantity: Quantity) -> str:
    if quantity == "validation_accuracy":
        return f"{100 * row.curve[-1].validation_accuracy:.1f}%"
    loss = row.curve[-1].train_loss
    return "unknown" if loss is None else f"{loss:.3f}"


def _schedules(bands: list[Band], rows: list[Variant]) -> Figure:
    seed = next(row.draws.seed for row in rows if row.draws is not None)
    scheduled = sum(row.method.schedule is not None and row.draws is not None for row in rows)
    taken = ", ".join(f"{b.name} {sum(b.taken)} of {len(b.taken)} steps" for b in bands)
    return Figure(
        name="schedules",
        short="Schedules",
        title="When the sharpness-aware steps fell",
        caption="The curve is the probability of a sharpness-aware step; the strip below it shows "
        f"the steps that were drawn at seed {seed}." + _left_out(len(bands), scheduled),
        alt=f"Probability curves of {len(bands)} schedules; sharpness-aware were: {taken}.",
        draw=partial(schedules, bands),
    )


def _sensitivity(values: tuned.Tuned, comparison: Comparison, rows: int) -> Figure:
    shown = tuned_rows(values, comparison.variants)
    chosen = ", ".join(f"{row.label} {row.rho:g}" for row in shown)
    radii = [score.rho for row in shown for score in row.scores if score.rho > 0]
    seeds = f"{counted(len(values.seeds), 'seed')} that the comparison does not use"
    return Figure(
        name="rho-sensitivity",
        short="Radius \N{GREEK SMALL LETTER RHO}",
        title="How much depends on \N{GREEK SMALL LETTER RHO}",
        caption=f"Mean accuracy on validation data at each radius that was tried, over {seeds}; "
        "diverged runs count with what they reached. The points are the radii that were chosen, "
        "the key ranks the rows by what these reached. The heights are those of the logarithm of "
        "the error where it spans much." + _left_out(len(shown), rows),
        alt=f"Line plot of validation accuracy against rho, from {min(radii):g} to "
        f"{max(radii):g}; chosen were: {chosen}.",
        draw=partial(sensitivity, values, comparison.variants),
    )


def _band(row: Variant) -> list[Band]:
    schedule, draws = row.method.scheduling_function(), row.draws
    if schedule is None or draws is None:
        return []
    steps = set(draws.taken())
    taken = [step in steps for step in range(draws.steps)]
    return [Band(row.label, row.role, schedule.probabilities(draws.steps), taken)]
