"""The flatness of a comparison's rows as the cells of a table, and in words."""

from sssam.lab.comparison.values import Comparison, Variant, VariantFlatness, VariantRise
from sssam.lab.report.cells import EMPTY, Cell, measured
from sssam.lab.stats import Interval


def cells(comparison: Comparison) -> list[list[Cell]]:
    """The table of flatness, a line a row with the label first; empty if nothing was measured."""
    rows = [row for row in comparison.variants if row.flatness is not None]
    return [_cells(row, row.flatness) for row in rows if row.flatness is not None]


def _cells(row: Variant, found: VariantFlatness) -> list[Cell]:
    return [
        Cell("row", row.label, sort=row.label),
        measured("training loss", found.loss, _figures),
        measured("top eigenvalue", found.eigenvalue, _figures),
        measured("trace", found.trace, _figures),
        *(_rise(rise) for rise in found.rises),
        Cell("models", str(found.n), sort=str(found.n)),
    ]


def _rise(rise: VariantRise) -> Cell:
    kind = "adaptive " if rise.adaptive else ""
    name = f"{kind}rise, \N{GREEK SMALL LETTER RHO} {rise.rho:g}"
    if rise.worst is None:
        return Cell(name, EMPTY, "without bound")
    return measured(name, rise.worst, _figures)


def _figures(value: float) -> str:
    """Three significant digits, zeros at the end too.

    >>> _figures(0.039), _figures(120.4)
    ('0.0390', '120')
    """
    return f"{value:#.3g}".removesuffix(".")


def told(comparison: Comparison) -> str:
    """On how many samples and models the table rests."""
    found = [row.flatness for row in comparison.variants if row.flatness is not None]
    return f"on the first {found[0].samples:,} training samples" if found else "unmeasured"


def ratio(comparison: Comparison) -> str:
    """One sentence: the largest eigenvalue of SAM's models beside the base optimizer's."""
    base, sam = (row and row.flatness for row in (comparison.base, comparison.sam))
    if not base or not sam:
        return ""
    return (
        f"The top eigenvalue is {_with_ends(base.eigenvalue)} for base and "
        f"{_with_ends(sam.eigenvalue)} for SAM."
    )


def _with_ends(value: Interval) -> str:
    cell = measured("", value, _figures)
    return f"{cell.text} {cell.note}".strip()
