"""A comparison -> CSV and JSON: what the page shows, as plain numbers for data frames."""

import json
from collections.abc import Iterator
from typing import Any

from sssam.lab.comparison.values import Comparison, Variant
from sssam.lab.runs.spreadsheet import leaves, table

#: What of a row is no number, or is many.
_NOT_IN_LINES: Any = {
    **dict.fromkeys(("method", "accuracies", "curve", "draws"), True),
    "flatness": {"curve", "rises"},
}


def rows_csv(comparison: Comparison) -> str:
    """One line a row of the comparison, unrounded; a part of a value is named `value.part`.

    Empty cells were not measured. A label that a spreadsheet would take for a formula has an
    apostrophe before it.
    """
    flat = [dict(_flat(row)) for row in comparison.variants]
    names = dict.fromkeys(name for row in flat for name in row)
    whole = {name.rpartition(".")[0] for name in names}
    return table([name for name in names if name not in whole], flat)


def curves_csv(comparison: Comparison) -> str:
    """One line an epoch of each row, as means over its finished runs; accuracies in [0, 1]."""
    points = [
        {"row": row.label, **point.model_dump()}
        for row in comparison.variants
        for point in row.curve
    ]
    return table(["row", "epoch", "passes", "train_loss", "validation_accuracy"], points)


def accuracies_csv(comparison: Comparison) -> str:
    """One line a run: its row, its seed and its test accuracy in percent."""
    found = [
        {"row": row.label, "seed": seed, "accuracy": accuracy}
        for row in comparison.variants
        for seed, accuracy in row.accuracies.items()
    ]
    return table(["row", "seed", "accuracy"], found)


def as_json(comparison: Comparison) -> str:
    """All of it; `Comparison.model_validate_json` reads it back."""
    return comparison.model_dump_json(indent=1) + "\n"


def _flat(row: Variant) -> Iterator[tuple[str, Any]]:
    """The cells of a row by name: its method first, then what was measured."""
    method = row.method
    schedule = method.scheduling_function()
    yield from {
        "row": method.label,
        "kind": method.kind,
        "rho": method.rho,
        "schedule": "" if schedule is None else repr(schedule),
        "options": json.dumps(dict(method.options)) if method.options else "",
        "length": method.length,
    }.items()
    measured = row.model_dump(mode="json", exclude=_NOT_IN_LINES)
    yield from leaves(measured)
