"""Comparisons on several tasks -> an index page that links them, and what they say together."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup

from sssam.lab.comparison.headline import counted, counted_points, listed, points
from sssam.lab.comparison.pool import Pooled, PooledVariant, pool
from sssam.lab.comparison.values import Comparison
from sssam.lab.report.cells import (
    Cell,
    Line,
    as_markdown,
    claimed,
    claimed_share,
    difference,
    escaped,
    share,
)
from sssam.lab.report.contrasts import Contrast
from sssam.lab.report.figure import Figure
from sssam.lab.report.files import render
from sssam.lab.report.forest import forest
from sssam.lab.report.theme import DRAWN, Width
from sssam.lab.report.webpage import embedded, environment, part
from sssam.runtime.files import write_whole


class Together(NamedTuple):
    """What several tasks say together; without `pooled`, `reason` tells why that is nothing."""

    pooled: Pooled | None
    reason: str = ""


def pooled(comparisons: Sequence[Comparison]) -> Together:
    """What two or more comparisons say together, or why they can't."""
    try:
        return Together(pool(comparisons))
    except ValueError as error:
        return Together(None, f"Not pooled over the tasks: {error}")


def write(
    name: str, made: Mapping[str, Comparison], together: Together, directory: Path
) -> tuple[Path, ...]:
    """Writes `index.html`, and of what was pooled `pooled.md` and `pooled.json`; their paths.

    Args:
        name: of the study.
        made: the tasks' comparisons by the names of their folders in the directory, in order.
        together: as `pooled` gives it.
        directory: of the study.

    Raises:
        OSError: a file could not be written.
    """
    contents = {"index.html": page(name, made, together)}
    if together.pooled is not None:
        contents["pooled.md"] = markdown(together.pooled)
        contents["pooled.json"] = together.pooled.model_dump_json(indent=1) + "\n"
    for file, text in contents.items():
        write_whole(directory / file, text.encode())
    return tuple(directory / file for file in contents)


def page(name: str, made: Mapping[str, Comparison], together: Together) -> str:
    """The index page as HTML: whole in itself, but for the links to the pages of the tasks."""
    found, (any_, *_) = together.pooled, made.values()
    roles = {row.label: row.role for row in any_.variants}
    figure = contrasts(found, roles) if found else None
    return (
        environment()
        .get_template("pooled.html")
        .render(
            name=name,
            headline=headline(found) if found else together.reason,
            figure=figure,
            drawings=_drawings(figure) if figure else {},
            tasks=[(f"{folder}/comparison.html", each) for folder, each in made.items()],
            lines=[Line(roles[row[0].text], row) for row in cells(found)] if found else [],
            note=_note(found) if found else "",
            remarks=remarks(found) if found else [],
            specifications=embedded({"layouts": {}, "data": {}}),
            style=Markup(part("report.css")),
            script=Markup(part("report.js")),
        )
    )


def contrasts(found: Pooled, roles: Mapping[str, str]) -> Figure | None:
    """The forest plot of the rows' mean differences to SAM; None where no row has one."""
    rows = [
        Contrast(
            label=row.label,
            role=roles[row.label],
            difference=row.to_sam,
            holds=row.holds,
            parts=[each.mean for each in row.by_task.values()],
        )
        for row in found.variants
        if row.to_sam is not None
    ]
    if not rows:
        return None
    return forest(
        rows,
        found.margin,
        title="How close each row comes to SAM in the mean",
        axis="mean difference to SAM over the tasks\npercentage points",
        begins="Mean differences to SAM with 95% intervals; the ticks are the single tasks. The "
        f"shaded part begins {counted_points(found.margin)} below SAM, the mean of the tasks' "
        "margins",
        gain="SAM's mean gain",
    )


def _drawings(figure: Figure) -> dict[str, Markup]:
    """The figure drawn for wide and for narrow screens, in the colours of the page.

    Vectors that are drawn beforehand: one figure is not worth a library of 1.5 megabytes.
    """
    sizes: dict[str, tuple[Width, bool]] = {"wide": (960, False), "narrow": (330, True)}
    drawn = {}
    for layout, (width, narrow) in sizes.items():
        chart = figure.draw(DRAWN, width, narrow).properties(description=figure.alt)
        drawn[layout] = Markup(render(chart, "svg").decode())  # Vega escapes texts
    return drawn


def headline(found: Pooled) -> str:
    """The finding in one sentence."""
    over = f"Over {counted(len(found.tasks), 'task')}, each with the same weight"
    gain = next((row.to_base for row in found.variants if row.to_sam is None), None)
    if gain is None:
        return f"{over}: SAM brings nothing that they can show in the mean."
    if gain.below_zero:
        return f"{over}: SAM does worse than the base optimizer in the mean, {points(gain)}."
    if not gain.above_zero:
        told = f"{points(gain)} over the base optimizer"
        return f"{over}: SAM brings nothing that they can show in the mean, {told}."
    holding = [row.label for row in found.variants if row.holds]
    mean = f"SAM's mean gain of {points(gain)}"
    if not holding:
        return f"{over}: no row is shown to keep {mean}."
    return f"{over}: {listed(holding, 4)} {'keeps' if len(holding) == 1 else 'keep'} {mean}."


def remarks(found: Pooled) -> list[str]:
    """What is to be known beside the table."""
    out = found.left_out
    left = [f"Left out, since not every task has them: {listed(out)}."] if out else []
    return [*left, *found.remarks]


def cells(found: Pooled) -> list[list[Cell]]:
    """The pooled table, a line a row with the label first; at its end each task's difference."""
    return [_cells(row, found) for row in found.variants]


def _cells(row: PooledVariant, found: Pooled) -> list[Cell]:
    kept = claimed_share(
        f"keeps {100 * found.share:g}%", row.share, row.share_p_value, row.holds_share
    )
    return [
        Cell("row", row.label, sort=row.label),
        difference("to SAM", row.to_sam),
        difference("to base", row.to_base),
        claimed("keeps gain", row.p_value, row.holds),
        share(row.share),
        kept,
        *(difference(f"to SAM on {task}", row.by_task.get(task)) for task in found.tasks),
    ]


def markdown(found: Pooled) -> str:
    """The pooled table as Markdown, with its headline and what is to be known."""
    lines = [f"**{escaped(headline(found))}** {escaped(_note(found))}", ""]
    if found.variants:
        lines += [*as_markdown(cells(found)), ""]
    lines += [f"- {escaped(remark)}" for remark in remarks(found)]
    return "\n".join(lines).rstrip() + "\n"


def _note(found: Pooled) -> str:
    return (
        "Means over the tasks of paired differences in percentage points, with 95% intervals by "
        "Student's t with Welch's and Satterthwaite's degrees of freedom; the margin is "
        f"{counted_points(found.margin)}, the mean of the tasks'. The claim is of these tasks in "
        "the mean: not of each, and not of tasks at large."
    )
