"""A comparison as the cells of two tables, for the page, for Markdown and for the terminal alike.

The first is the finding; the second says how sure it is, and docs/statistics.md what it means.
"""

from sssam.lab.comparison.headline import counted_points
from sssam.lab.comparison.values import Comparison, Variant
from sssam.lab.report import flatness_table
from sssam.lab.report.cells import (
    EMPTY,
    Cell,
    as_markdown,
    claimed,
    claimed_share,
    difference,
    escaped,
    in_words,
    measured,
    number,
    share,
)
from sssam.lab.specs import Task
from sssam.lab.stats import Noise


def cells(row: Variant, metric: str = "accuracy") -> list[Cell]:
    """All cells of a row, the label first; `metric` is the task's name of what is measured."""
    return [
        Cell("row", row.label, sort=row.label),
        measured(metric, row.accuracy, "{:.2f}".format),
        difference("to SAM", row.to_sam),
        difference("to base", row.to_base),
        _verdict(row),
        share(row.share),
        _propagations(row),
        number("expected", row.expected_propagations, "{:.3f}"),
        number("time", row.relative_time, "{:.2f}"),
        _runs(row),
    ]


def certainties(comparison: Comparison) -> list[list[Cell]]:
    """The second table, a line a row; empty where no difference has an interval, as of one seed."""
    if all(row.to_sam is None or row.to_sam.low is None for row in comparison.variants):
        return []
    return [certainty(row, comparison.task) for row in comparison.variants]


def certainty(row: Variant, task: Task) -> list[Cell]:
    """How sure the row's difference to SAM is, the label first: all cells of the second table."""
    return [
        Cell("row", row.label, sort=row.label),
        difference("to SAM, by t", row.to_sam),
        difference("by bootstrap", row.to_sam_bootstrap),
        claimed_share(
            f"keeps {100 * task.share:g}%", row.share, row.share_p_value, row.holds_share
        ),
        number("finds", row.detectable, "{:.2f}"),
        number(f"seeds for {counted_points(task.margin)}", row.seeds_needed, "{:,}"),
        *_spreads(row.noise),
    ]


def columns(comparison: Comparison) -> list[str]:
    """The names of the columns, in their order."""
    return [cell.name for cell in cells(comparison.variants[0], comparison.task.metric)]


def markdown(comparison: Comparison) -> str:
    """The comparison as Markdown: the headline, the table, the remarks, the table of certainty."""
    lines = [
        f"**{escaped(comparison.headline)}** {escaped(comparison.support)}".rstrip(),
        "",
        *as_markdown([cells(row, comparison.task.metric) for row in comparison.variants]),
        "",
        *(f"- {escaped(remark)}" for remark in comparison.remarks),
    ]
    if sure := certainties(comparison):
        lines += ["", "How sure the differences to SAM are, in points:", "", *as_markdown(sure)]
    if flat := flatness_table.cells(comparison):
        told = flatness_table.told(comparison)
        heading = f"How flat the training loss is at the trained models, {told}:"
        lines += ["", heading, "", *as_markdown(flat)]
    return "\n".join(lines).rstrip() + "\n"


def _spreads(noise: Noise | None) -> list[Cell]:
    known = noise and (noise.seeds, noise.test, noise.training, noise.shared)
    names = ("spread over seeds", "of the test set", "of the training", "shared error")
    values = known or (None,) * len(names)
    return [number(n, value, "{:.2f}") for n, value in zip(names, values, strict=True)]


def _verdict(row: Variant) -> Cell:
    """In words, since a colour or a sign alone would not be read by all."""
    if row.keeps is None:
        return Cell("keeps gain", EMPTY)
    if row.keeps and not row.holds:
        return Cell("keeps gain", "alone", in_words(row.p_value), "1")
    return claimed("keeps gain", row.p_value, row.holds)


def _propagations(row: Variant) -> Cell:
    if row.propagations is None:
        return Cell("propagations", EMPTY)
    spread = f"± {row.spread:.3f}" if row.spread and row.spread >= 0.0005 else ""
    length = f"x {row.method.length} steps" if row.method.length != 1 else ""
    return Cell("propagations", f"{row.propagations:.3f}", spread or length, repr(row.cost))


def _runs(row: Variant) -> Cell:
    runs = row.runs
    apart = {"diverged": runs.diverged, "failed": runs.failed, "missing": runs.missing}
    note = ", ".join(f"{count} {name}" for name, count in apart.items() if count)
    return Cell("runs", str(runs.total - runs.missing), note, str(runs.finished))
