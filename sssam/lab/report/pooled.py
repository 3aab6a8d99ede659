"""Comparisons on several tasks -> an index page that links them, and what they say together."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from sssam.lab.comparison.pool import Pooled, PooledVariant, pool
from sssam.lab.comparison.values import Comparison
from sssam.lab.report import html
from sssam.lab.report.captions import NOTES, Figure
from sssam.lab.report.forest import Line, forest
from sssam.lab.report.key import Key
from sssam.lab.report.sentences import headline, percent, pooled_headline, pooled_remarks
from sssam.lab.report.table import CONTROL, SAM
from sssam.lab.report.text import Cell, counted, difference, number, p_value
from sssam.runtime.files import write_whole


def pooled(comparisons: Sequence[Comparison]) -> Pooled | str:
    """What two or more comparisons say together, or why they can't."""
    try:
        return pool(comparisons)
    except ValueError as error:
        return f"Not pooled over the tasks: {error}"


def write(
    name: str, made: Mapping[str, Comparison], found: Pooled | str, directory: Path
) -> tuple[Path, ...]:
    """Writes `index.html`, and what was pooled as `pooled.json`; their paths.

    Args:
        name: of the study.
        made: the tasks' comparisons by the names of their folders in the directory, in order.
        found: as `pooled` gives it.
        directory: of the study.
    """
    contents = {"index.html": page(name, made, found)}
    if isinstance(found, Pooled):
        contents["pooled.json"] = found.model_dump_json(indent=1) + "\n"
    for file, text in contents.items():
        write_whole(directory / file, text.encode())
    return tuple(directory / file for file in contents)


def page(name: str, made: Mapping[str, Comparison], found: Pooled | str) -> str:
    """The index page as HTML: whole in itself, but for the links to the pages of the tasks."""
    first, *_ = made.values()
    key, known = Key.of(first), found if isinstance(found, Pooled) else None
    drawn = _figures(known, {v.label: v.role for v in first.variants}) if known else []
    return html.render(
        "pooled.html",
        drawn,
        name=name,
        headline=pooled_headline(known) if known else found,
        figures=drawn,
        tasks=[
            (f"{folder}/comparison.html", each.task.name, headline(each))
            for folder, each in made.items()
        ],
        lines=cells(known) if known else [],
        looks={v.label: key[v.label] for v in first.variants},
        note=NOTES["pooled"],
        remarks=pooled_remarks(known) if known else [],
    )


def _figures(found: Pooled, roles: Mapping[str, str]) -> list[Figure]:
    """The forest plot of the errors that variants remove, where one has a difference."""
    lines = [
        Line(
            each.label,
            roles[each.label],
            each.to_control,
            percent(each.to_control),
            each.established,
            [part.mean for part in each.by_task.values()],
        )
        for each in found.variants
        if each.to_control is not None
    ]
    if not lines:
        return []
    best = max(lines, key=lambda line: line.value.mean)
    words = f"Forest plot of {counted(len(lines), 'variant')}; the highest is {best.label}, "
    title = ["% of the base's error, mean over tasks"]
    views = {"": partial(forest, lines, title, "control")}
    return [Figure("pooled", f"{words}{best.text}.", views)]


def cells(found: Pooled) -> list[list[Cell]]:
    """The pooled table, a line a variant with the label first; at its end each task's part."""
    return [_cells(each, found.tasks) for each in found.variants]


def _cells(each: PooledVariant, tasks: Sequence[str]) -> list[Cell]:
    won, tied, lost = each.counts if each.by_task else (None, None, None)
    return [
        Cell("variant", each.label, sort=each.label),
        difference("over base", each.to_base),
        difference(CONTROL, each.to_control, more=p_value(each.p_value), strong=each.established),
        number("passes", each.cost, "{:.3f}", best="low"),
        number("seconds", each.seconds, "{:.2f}", best="low"),
        difference(SAM, each.to_sam),
        number("won", won, "{}"),
        number("tied", tied, "{}", best="low"),
        number("lost", lost, "{}", best="low"),
        *(difference(f"on {task}", each.by_task.get(task)) for task in tasks),
    ]
