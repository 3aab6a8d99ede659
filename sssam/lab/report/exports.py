"""A comparison -> CSV: what the page shows, as plain numbers for data frames."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from sssam.lab.comparison.values import Comparison, Variant
from sssam.lab.specs.base import leaves

#: What of a variant is no number, or is many.
_NOT_IN_LINES: Any = {
    **dict.fromkeys(("method", "accuracies", "curve", "draws"), True),
    "flatness": {"curve", "rises"},
}
#: A cell that begins with one of these is a formula to a spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def variants_csv(comparison: Comparison) -> str:
    """One line a variant, unrounded; a part of a value is named `value.part`.

    Empty cells were not measured. A label that a spreadsheet would take for a formula has an
    apostrophe before it.
    """
    flat = [_flat(each) for each in comparison.variants]
    names = dict.fromkeys(name for each in flat for name in each)
    whole = {name.rpartition(".")[0] for name in names}
    return _table([name for name in names if name not in whole], flat)


def accuracies_csv(comparison: Comparison) -> str:
    """One line a run: its variant, its seed and its test accuracy in percent."""
    found = [
        {"variant": each.label, "seed": seed, "accuracy": accuracy}
        for each in comparison.variants
        for seed, accuracy in each.accuracies.items()
    ]
    return _table(["variant", "seed", "accuracy"], found)


def _flat(each: Variant) -> dict[str, Any]:
    """The cells of a variant by name: its method first, then what was measured."""
    method, schedule = each.method, each.method.scheduling_function()
    return {
        "variant": method.label,
        "kind": method.kind,
        "rho": method.rho,
        "schedule": "" if schedule is None else repr(schedule),
        "options": json.dumps(dict(method.options)) if method.options else "",
        "length": method.length,
        **dict(leaves(each.model_dump(mode="json", exclude=_NOT_IN_LINES))),
    }


def _table(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        formulas = {k: f"'{v}" for k, v in row.items() if str(v)[:1] in _FORMULA and type(v) is str}
        writer.writerow({**row, **formulas})
    return text.getvalue()
