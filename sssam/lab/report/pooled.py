"""Comparisons on several tasks -> what they say together, as a table."""

from collections.abc import Sequence
from pathlib import Path

from sssam.lab.comparison.claims import CHEAP
from sssam.lab.comparison.pool import Pooled, PooledVariant, pool
from sssam.lab.comparison.values import Comparison
from sssam.lab.report.captions import NOTES
from sssam.lab.report.table import CONTROL, SAM
from sssam.lab.report.text import (
    Cell,
    as_markdown,
    counted,
    difference,
    escaped,
    listed,
    number,
    p_value,
    ranged,
)
from sssam.lab.stats import Interval
from sssam.runtime.files import write_whole


def write(made: Sequence[Comparison], directory: Path) -> tuple[str, Path | None]:
    """Writes `pooled.md` and `pooled.json`; the headline, or why there is none, and the table."""
    try:
        pooled = pool(made)
    except ValueError as error:
        return f"Not pooled over the tasks: {error}", None
    write_whole(directory / "pooled.json", (pooled.model_dump_json(indent=1) + "\n").encode())
    write_whole(directory / "pooled.md", markdown(pooled).encode())
    return headline(pooled), directory / "pooled.md"


def markdown(pooled: Pooled) -> str:
    """The headline, the table, and what is to be known beside it."""
    rows = as_markdown([_cells(each, pooled.tasks) for each in pooled.variants])
    notes = [f"- {escaped(note)}" for note in [*_remarks(pooled), NOTES["pooled"]]]
    return "\n".join([f"**{escaped(headline(pooled))}**", "", *rows, "", *notes]) + "\n"


def headline(pooled: Pooled) -> str:
    """The finding in one sentence."""
    over = f"Over {counted(len(pooled.tasks), 'task')} of equal weight"
    clear = [v for v in pooled.variants if v.established and v.cost and v.cost <= CHEAP]
    if not clear:
        return (
            f"{over}, no variant at up to {CHEAP:g} times the base's price is clearly above the "
            "best controls that cost no more."
        )
    best = max(clear, key=lambda each: each.to_base.mean)
    won, tied, lost = best.counts
    seconds = "unknown" if best.seconds is None else f"{best.seconds:.2f}"
    return (
        f"{over}, {best.label} removes {percent(best.to_base)} of the base's error for "
        f"{best.cost:.2f} times the base's passes and {seconds} times its seconds, and "
        f"{percent(best.to_control)} more than the best controls that cost no more "
        f"({counted(won, 'task')} won, {tied} tied, {lost} lost)."
    )


def _cells(each: PooledVariant, tasks: Sequence[str]) -> list[Cell]:
    won, tied, lost = each.counts if each.by_task else (None, None, None)
    return [
        Cell("variant", each.label, sort=each.label),
        difference("over base", each.to_base),
        difference(CONTROL, each.to_control, more=p_value(each.p_value), strong=each.established),
        number("passes", each.cost, "{:.3f}"),
        number("seconds", each.seconds, "{:.2f}"),
        difference(SAM, each.to_sam),
        number("won", won, "{}"),
        number("tied", tied, "{}"),
        number("lost", lost, "{}"),
        *(difference(f"on {task}", each.by_task.get(task)) for task in tasks),
    ]


def _remarks(pooled: Pooled) -> list[str]:
    out = pooled.left_out
    left = [f"Left out, since not every task has them: {listed(out)}."] if out else []
    related = [
        f"{one} and {other} split the same data by the same seeds; their errors may be related, "
        "and the intervals then too short."
        for one, other in pooled.related
    ]
    return [*left, *related]


def percent(value: Interval | None) -> str:
    """A relative reduction of the error with its interval.

    >>> percent(Interval(6.84, 6.3, 7.4, 20))
    '6.8% [6.3, 7.4]'
    """
    return "nothing" if value is None else ranged(value, "{:.1f}".format, "%")
