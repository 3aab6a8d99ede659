"""How a comparison was made: what its records hold beside their numbers, by name."""

from sssam.lab.comparison.values import Comparison, Variant
from sssam.lab.specs import Spec
from sssam.lab.specs.base import leaves

_SEEDS = "each fixes the split, the label noise, the first weights and the order of the batches"


def facts(comparison: Comparison) -> dict[str, str]:
    """What the records hold beside their numbers, in the order of the page."""
    listed = _named(comparison.task, "name", "code")
    listed["seeds"] = f"{', '.join(map(str, comparison.seeds))}: {_SEEDS}, equally for all variants"
    for i, environment in enumerate(comparison.environments):
        where = f"machine {i + 1}, " if i else ""
        values = _named(environment, "time", "commit", "versions")
        listed |= {f"{where}{name}": value for name, value in values.items()}
        versions = (f"{name} {version}" for name, version in environment.versions.items())
        listed[f"{where}versions"] = ", ".join(versions)
    return listed | ({"commit": ", ".join(comparison.commits)} if comparison.commits else {})


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
