"""The figure of differences to SAM: those on one task, and the means over several."""

from collections.abc import Sequence
from functools import partial
from itertools import compress

from sssam.lab.comparison.headline import counted, counted_points, points
from sssam.lab.report.contrasts import Contrast, below
from sssam.lab.report.contrasts import forest as chart
from sssam.lab.report.figure import Figure


def forest(
    found: Sequence[Contrast], margin: float, title: str, axis: str, begins: str, gain: str
) -> Figure:
    """The forest plot and its words; rows far below the margin are named in the caption alone.

    Args:
        found: at least one row.
        margin: in percentage points.
        title: of the figure.
        axis: the title of the axis, in two lines.
        begins: the caption's first words, up to how far below SAM the shaded part begins.
        gain: what a row is shown to keep, such as "SAM's gain".
    """
    out = below([row.difference for row in found], margin)
    shown = list(compress(found, (not far for far in out)))
    left_out = "; ".join(f"{row.label} {points(row.difference)}" for row in compress(found, out))
    best = max(shown, key=lambda row: row.difference.mean)
    holding = sum(row.holds for row in shown)
    return Figure(
        name="difference-to-sam",
        short="Beside SAM",
        title=title,
        caption=f"{begins}: a full point is shown to keep {gain}, after Holm's adjustment for all "
        "rows; a hollow one is not."
        + (f" Too far below to be drawn: {left_out}." if left_out else ""),
        alt=f"Forest plot of {counted(len(shown), 'row')}: {holding} "
        f"{'is' if holding == 1 else 'are'} shown to keep {gain} within {counted_points(margin)}; "
        f"the highest is {best.label}, {points(best.difference)}.",
        draw=partial(chart, shown, margin, axis.split("\n")),
    )
