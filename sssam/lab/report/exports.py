"""A comparison -> CSV and JSON: what the page shows, as plain numbers for data frames."""

import json
from collections.abc import Iterator
from typing import Any

from sssam.lab.comparison.values import Comparison, Variant
from sssam.lab.report.spreadsheet import leaves, table

#: What of a variant is no number, or is many.
_NOT_IN_LINES: Any = {
    **dict.fromkeys(("method", "accuracies", "curve", "draws"), True),
    "flatness": {"curve", "rises"},
}


def variants_csv(comparison: Comparison) -> str:
    """One line a variant, unrounded; a part of a value is named `value.part`.

    Empty cells were not measured. A label that a spreadsheet would take for a formula has an
    apostrophe before it.
    """
    flat = [dict(_flat(each)) for each in comparison.variants]
    names = dict.fromkeys(name for each in flat for name in each)
    whole = {name.rpartition(".")[0] for name in names}
    return table([name for name in names if name not in whole], flat)


def curves_csv(comparison: Comparison) -> str:
    """One line an epoch of each variant, as means over its finished runs; accuracies in [0, 1]."""
    points = [
        {"variant": each.label, **point.model_dump()}
        for each in comparison.variants
        for point in each.curve
    ]
    return table(["variant", "epoch", "passes", "train_loss", "validation_accuracy"], points)


def accuracies_csv(comparison: Comparison) -> str:
    """One line a run: its variant, its seed and its test accuracy in percent."""
    found = [
        {"variant": each.label, "seed": seed, "accuracy": accuracy}
        for each in comparison.variants
        for seed, accuracy in each.accuracies.items()
    ]
    return table(["variant", "seed", "accuracy"], found)


def as_json(comparison: Comparison) -> str:
    """All of it; `Comparison.model_validate_json` reads it back."""
    return comparison.model_dump_json(indent=1) + "\n"


def _flat(each: Variant) -> Iterator[tuple[str, Any]]:
    """The cells of a variant by name: its method first, then what was measured."""
    method = each.method
    schedule = method.scheduling_function()
    yield from {
        "variant": method.label,
        "kind": method.kind,
        "rho": method.rho,
        "schedule": "" if schedule is None else repr(schedule),
        "options": json.dumps(dict(method.options)) if method.options else "",
        "length": method.length,
    }.items()
    measured = each.model_dump(mode="json", exclude=_NOT_IN_LINES)
    yield from leaves(measured)
