"""A comparison as names and values: CSV for data frames, and the facts of how it was made."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from sssam.lab.comparison.values import Comparison, Variant
from sssam.lab.specs import Spec
from sssam.lab.specs.base import leaves

#: What of a variant is no number, or is many.
_NOT_IN_LINES: Any = {
    **dict.fromkeys(("method", "accuracies", "curve", "draws"), True),
    "flatness": {"rises"},
}
#: A cell that begins with one of these is a formula to a spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_SEEDS = "each fixes the split, the label noise, the first weights and the order of the batches"


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


def facts(comparison: Comparison) -> dict[str, str]:
    """What the records hold beside their numbers, in the order of the page."""
    found = _named(comparison.task, "name", "code")
    found["seeds"] = f"{', '.join(map(str, comparison.seeds))}: {_SEEDS}, equally for all variants"
    for i, environment in enumerate(comparison.environments):
        where = f"machine {i + 1}, " if i else ""
        values = _named(environment, "time", "commit", "versions")
        found |= {f"{where}{name}": value for name, value in values.items()}
        versions = (f"{name} {version}" for name, version in environment.versions.items())
        found[f"{where}versions"] = ", ".join(versions)
    return found | ({"commit": ", ".join(comparison.commits)} if comparison.commits else {})


def settings(variant: Variant) -> dict[str, str]:
    """The hyperparameters of a variant, by the columns of their table."""
    method, schedule = variant.method, variant.method.scheduling_function()
    apart = {"label", "kind", "rho", "schedule", "options", "revision"}
    others = method.model_dump(exclude=apart, exclude_defaults=True) | dict(method.options)
    return {
        "variant": method.label,
        "kind": method.kind,
        "\N{GREEK SMALL LETTER RHO}": "" if method.kind == "base" else method.radius,
        "schedule": "" if schedule is None else repr(schedule),
        "otherwise": ", ".join(f"{name} = {value}" for name, value in others.items()),
    }


def _named(spec: Spec, *apart: str) -> dict[str, str]:
    """The values of a specification by their names, but for some."""
    values = spec.model_dump(exclude=set(apart), exclude_none=True)
    names = ((name.replace(".", ", ").replace("_", " "), v) for name, v in leaves(values))
    return {name: ", ".join(map(str, v)) if isinstance(v, tuple) else str(v) for name, v in names}
