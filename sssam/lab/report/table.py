"""A comparison as tables of cells, for the page, for Markdown and for the terminal alike."""

from sssam.lab.comparison.details import VariantRise
from sssam.lab.comparison.values import Comparison, Variant
from sssam.lab.report.captions import NOTES
from sssam.lab.report.sentences import headline, remarks, support
from sssam.lab.report.text import (
    EMPTY,
    Cell,
    as_markdown,
    claim_p,
    counted,
    difference,
    escaped,
    measured,
    number,
)
from sssam.lab.stats import Interval

#: The columns beside the best control that costs no more, and beside SAM.
CONTROL, SAM, SHARE = "over best control", "over SAM", "share of SAM's gain"


def cells(comparison: Comparison) -> list[list[Cell]]:
    """The table of all variants, a line each with the label first; all lines have equal columns.

    What is beside SAM stands in it only where SAM's own gain over the base is clear.
    """
    whole = any(v.is_complete for v in comparison.variants)
    runs = not whole or any(v.runs.finished < v.runs.total for v in comparison.variants)
    sam = _has_gain(comparison)
    return [_cells(v, comparison, sam, runs) for v in comparison.variants]


def _cells(variant: Variant, comparison: Comparison, sam: bool, runs: bool) -> list[Cell]:
    return [
        Cell("variant", variant.label, sort=variant.label),
        measured(comparison.task.metric, variant.accuracy, "{:.2f}".format),
        difference("over base", variant.to_base),
        _control(variant),
        number("passes", variant.cost, "{:.3f}", best="low"),
        _seconds(variant),
        *(_beside_sam(variant) if sam else []),
        *([_runs(variant)] if runs else []),
    ]


def _control(variant: Variant) -> Cell:
    claim = variant.claim
    if claim is None:
        return difference(CONTROL, None)
    more = ", ".join(filter(None, (f"to {claim.control}", claim_p(claim))))
    return difference(CONTROL, claim.difference, more=more, strong=claim.established)


def _seconds(variant: Variant) -> Cell:
    time, steps = None if variant.takes_base_steps else variant.time, variant.steps or 1.0
    note = "" if time is None else f"[{steps * time.low:.2f}, {steps * time.high:.2f}]"
    return number("seconds", variant.seconds, "{:.2f}", best="low", note=note)


def _has_gain(comparison: Comparison) -> bool:
    sam = comparison.sam
    return sam is not None and sam.to_base is not None and sam.to_base.above_zero


def _beside_sam(variant: Variant) -> list[Cell]:
    more = ""
    if variant.non_inferior is not None and not variant.is_control:
        more = "non-inferior" if variant.non_inferior else "not established"
    to_sam = difference(SAM, variant.to_sam, more=more, strong=bool(variant.non_inferior))
    return [to_sam, _share(None if variant.is_control else variant.share)]


def _share(share: Interval | None) -> Cell:
    cell = measured(SHARE, share, lambda part: f"{100 * part:.0f}")
    return cell if cell.empty else cell._replace(text=f"{cell.text}%")


def _runs(variant: Variant) -> Cell:
    runs = variant.runs
    apart = {"diverged": runs.diverged, "failed": runs.failed, "missing": runs.missing}
    note = ", ".join(f"{count} {name}" for name, count in apart.items() if count)
    return number("runs", runs.total - runs.missing, "{}", note=note)


def flatness(comparison: Comparison) -> list[list[Cell]]:
    """The table of flatness, a line a variant with the label first; empty if none was measured."""
    return [
        [
            Cell("variant", variant.label, sort=variant.label),
            measured("training loss", found.loss, _figures, best="low"),
            measured("top eigenvalue", found.eigenvalue, _figures, best="low"),
            measured("trace", found.trace, _figures, best="low"),
            *(_rise(rise) for rise in found.rises),
            number("models", found.n, "{}"),
        ]
        for variant in comparison.variants
        if (found := variant.flatness) is not None
    ]


def _rise(rise: VariantRise) -> Cell:
    kind = "adaptive " if rise.adaptive else ""
    name = f"{kind}rise, \N{GREEK SMALL LETTER RHO} {rise.rho:g}"
    if rise.worst is None:
        return Cell(name, EMPTY, "without bound", best="low")
    return measured(name, rise.worst, _figures, best="low")


def _figures(value: float) -> str:
    """Three significant digits, zeros at the end too.

    >>> _figures(0.039), _figures(120.4)
    ('0.0390', '120')
    """
    return f"{value:#.3g}".removesuffix(".")


def notes(comparison: Comparison) -> list[str]:
    """What the columns of the table of variants mean."""
    task = comparison.task
    notes = [NOTES["variants"].format(metric=task.metric.capitalize())]
    beside = NOTES["sam"].format(margin=counted(task.margin, "point"), share=task.share)
    return [*notes, beside] if _has_gain(comparison) else notes


def markdown(comparison: Comparison) -> str:
    """The comparison as Markdown: the headline, the table, its notes and remarks, flatness."""
    lines = [
        f"**{escaped(headline(comparison))}** {escaped(support(comparison))}".rstrip(),
        "",
        *as_markdown(cells(comparison)),
        "",
        *(f"- {escaped(remark)}" for remark in [*remarks(comparison), *notes(comparison)]),
    ]
    if flat := flatness(comparison):
        lines += ["", "How flat the training loss is at the trained models:", ""]
        lines += [*as_markdown(flat), "", NOTES["flatness"]]
    return "\n".join(lines).rstrip() + "\n"
