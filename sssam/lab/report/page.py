"""A comparison -> one page that is whole in itself, and the same as Markdown, CSV and figures."""

from base64 import b64encode
from collections.abc import Callable, Sequence
from pathlib import Path

from sssam.lab.comparison.values import Comparison, Variant
from sssam.lab.report import captions, html, sentences, table
from sssam.lab.report.exports import accuracies_csv, variants_csv
from sssam.lab.report.figure import Figure
from sssam.lab.report.figures import figures
from sssam.lab.report.files import KINDS, save
from sssam.lab.report.key import Key
from sssam.lab.specs import Spec
from sssam.lab.specs.base import leaves
from sssam.runtime.files import write_whole

#: The CSV files, which are in the page too, for one that is sent alone.
_TABLES: dict[str, Callable[[Comparison], str]] = {
    "comparison.csv": variants_csv,
    "accuracies.csv": accuracies_csv,
}


def write(comparison: Comparison, directory: Path, command: str = "") -> list[Path]:
    """Writes the page, Markdown, JSON, CSV, and each figure as SVG, PDF and PNG.

    Args:
        comparison: what to show.
        directory: made if it is missing; each file is written whole or not at all.
        command: what makes the comparison again.

    Returns:
        The paths: the page, the texts, and the figures, the main one first.
    """
    (directory / "figures").mkdir(parents=True, exist_ok=True)
    drawn = figures(comparison)
    contents = {
        "comparison.html": page(comparison, drawn, command),
        "comparison.md": table.markdown(comparison),
        "comparison.json": comparison.model_dump_json(indent=1) + "\n",
        **{name: text(comparison) for name, text in _TABLES.items()},
    }
    for name, content in contents.items():
        write_whole(directory / name, content.encode())
    saved = []
    for figure in drawn:
        for view, chart in figure.charts().items():
            name = "-".join(filter(None, (figure.name, view)))
            saved += save(chart, *(directory / "figures" / f"{name}{kind}" for kind in KINDS))
    return [*(directory / name for name in contents), *saved]


def page(comparison: Comparison, drawn: Sequence[Figure] | None = None, command: str = "") -> str:
    """The page as HTML: about 1.6 megabytes, nearly all of it the library that draws the charts.

    Every name is escaped by the template, and the embedded JSON holds no "<". `drawn` are the
    figures, by default those of the comparison; `command` makes the comparison again.
    """
    chosen = figures(comparison) if drawn is None else drawn
    key = Key.of(comparison)
    return html.render(
        "report.html",
        chosen,
        name=comparison.task.name,
        headline=sentences.headline(comparison),
        support=sentences.support(comparison),
        remarks=sentences.remarks(comparison),
        figures=chosen,
        variants=table.cells(comparison),
        notes=table.notes(comparison),
        flatness=table.flatness(comparison),
        about=captions.NOTES,
        looks={v.label: key[v.label] for v in comparison.variants},
        facts=facts(comparison),
        settings=[settings(variant) for variant in comparison.variants],
        command=command,
        embedded={
            name: b64encode(text(comparison).encode()).decode() for name, text in _TABLES.items()
        },
    )


_SEEDS = "each fixes the split, the label noise, the first weights and the order of the batches"


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
