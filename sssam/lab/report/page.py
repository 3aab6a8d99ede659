"""A comparison -> one page that is whole in itself, and the same as Markdown, JSON and figures."""

from base64 import b64encode
from pathlib import Path

from sssam.lab.comparison.values import Comparison
from sssam.lab.report import captions, html, sentences, table
from sssam.lab.report.facts import facts, settings
from sssam.lab.report.figures import figures
from sssam.lab.report.files import save
from sssam.lab.report.key import Key
from sssam.runtime.files import write_whole


def write(comparison: Comparison, directory: Path, command: str = "") -> list[Path]:
    """Writes the page, Markdown, JSON, and each figure as SVG and PDF.

    Args:
        comparison: what to show.
        directory: made if it is missing; each file is written whole or not at all.
        command: what makes the comparison again.

    Returns:
        The paths: the page, the texts, and the figures, the main one first.
    """
    (directory / "figures").mkdir(parents=True, exist_ok=True)
    contents = {
        "comparison.html": page(comparison, command),
        "comparison.md": table.markdown(comparison),
        "comparison.json": comparison.model_dump_json(indent=1) + "\n",
    }
    for name, content in contents.items():
        write_whole(directory / name, content.encode())
    saved = []
    for figure in figures(comparison):
        for view, chart in figure.charts().items():
            name = "-".join(filter(None, (figure.name, view)))
            paths = (directory / "figures" / f"{name}{kind}" for kind in (".svg", ".pdf"))
            saved += save(chart, *paths)
    return [*(directory / name for name in contents), *saved]


def page(comparison: Comparison, command: str = "") -> str:
    """The page as HTML: about 1.6 megabytes, nearly all of it the library that draws the charts.

    Every name is escaped by the template, and the embedded JSON holds no "<". `command` makes the
    comparison again. All numbers are in the page as JSON, for one that is sent alone.
    """
    drawn, key = figures(comparison), Key.of(comparison)
    return html.render(
        drawn,
        name=comparison.task.name,
        headline=sentences.headline(comparison),
        support=sentences.support(comparison),
        remarks=sentences.remarks(comparison),
        figures=drawn,
        variants=table.cells(comparison),
        notes=table.notes(comparison),
        flatness=table.flatness(comparison),
        about=captions.NOTES,
        looks={v.label: key[v.label] for v in comparison.variants},
        facts=facts(comparison),
        settings=[settings(variant) for variant in comparison.variants],
        command=command,
        numbers=b64encode(comparison.model_dump_json().encode()).decode(),
    )
