"""A comparison with flatness -> its two figures: eigenvalues of all rows, landscapes of a few."""

from collections.abc import Iterator, Sequence
from functools import partial

from sssam.lab.comparison.headline import cheapest
from sssam.lab.comparison.values import Comparison, Variant, VariantFlatness
from sssam.lab.report import flatness_table
from sssam.lab.report.eigenvalues import eigenvalues
from sssam.lab.report.figure import Figure
from sssam.lab.report.landscape import Along, curves


def flat_figures(comparison: Comparison) -> Iterator[Figure]:
    """What there are numbers for."""
    if any(row.flatness for row in comparison.variants):
        yield _eigenvalues(comparison)
    few = [(row, row.flatness) for row in chosen(comparison) if row.flatness]
    drawn = [(row, f) for row, f in few if any(loss is not None for loss in f.curve.loss)]
    if drawn:
        yield _landscape(drawn)


def chosen(comparison: Comparison) -> list[Variant]:
    """The rows whose landscapes are drawn: base, SAM, and the cheapest that keeps SAM's gain.

    Where none is shown to keep it, the cheapest scheduled row stands for those.
    """
    third = cheapest(comparison)
    if third is None:
        apart = [r for r in comparison.candidates if r.role in ("scheduled", "part") and r.flatness]
        third = min(apart, key=lambda row: row.cost or 0.0, default=None)
    return [row for row in (comparison.base, comparison.sam, third) if row is not None]


def _eigenvalues(comparison: Comparison) -> Figure:
    measured = [(row.label, row.flatness) for row in comparison.variants if row.flatness]
    ranked = sorted(measured, key=lambda each: each[1].eigenvalue.mean)
    ends = " to ".join(f"{f.eigenvalue.mean:.3g} ({label})" for label, f in (ranked[0], ranked[-1]))
    return Figure(
        name="flatness",
        short="Flatness",
        title="How sharply the loss curves at the solutions",
        caption="The largest eigenvalue of the Hessian of the training loss at the trained "
        f"weights, {flatness_table.told(comparison)}: means over seeds with their 95% intervals. "
        "To the left is flatter.",
        alt=f"Plot of the top Hessian eigenvalue of {len(measured)} rows, from {ends}. "
        f"{flatness_table.ratio(comparison)}".strip(),
        draw=partial(eigenvalues, comparison),
        half=True,
    )


def _landscape(rows: Sequence[tuple[Variant, VariantFlatness]]) -> Figure:
    lines = [
        Along(f"{row.label}, seed {f.seed}", f.curve.x, f.curve.loss, row.role) for row, f in rows
    ]
    note = "d is the same for all rows. One run a row, at the first seed that was measured."
    return landscape(lines, note)._replace(half=True)


def landscape(lines: Sequence[Along], note: str) -> Figure:
    """The losses along random directions; `note` is what is said of these lines alone."""
    ranges = ", ".join(
        f"{line.name} from {known.get(0.0, min(known.values())):.3g} to {max(known.values()):.3g}"
        for line in lines
        if (known := {x: y for x, y in zip(line.x, line.loss, strict=True) if y is not None})
    )
    return Figure(
        name="landscape",
        short="Landscape",
        title="The loss along a random direction",
        caption="Training loss at w + x d, with d a random direction whose filters are as long as "
        "the model's (Li et al., 2018); biases and normalisation layers do not move. " + note,
        alt=f"Line plot of the training loss along a random direction: {ranges}.",
        draw=partial(curves, lines),
    )
