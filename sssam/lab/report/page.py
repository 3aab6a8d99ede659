"""A comparison -> one page that is whole in itself, and the same as Markdown, CSV and figures."""

from base64 import b64encode
from collections.abc import Callable, Sequence
from pathlib import Path

from sssam.lab.comparison.values import Comparison
from sssam.lab.report import captions, html, sentences, table
from sssam.lab.report.cells import Cell
from sssam.lab.report.cost import Axis
from sssam.lab.report.exports import accuracies_csv, variants_csv
from sssam.lab.report.facts import facts, settings
from sssam.lab.report.figure import Figure
from sssam.lab.report.figures import figures
from sssam.lab.report.files import KINDS, save
from sssam.lab.report.key import Key
from sssam.lab.report.text import signed
from sssam.runtime.files import write_whole

#: The CSV files, which are in the page too, for one that is sent alone.
_TABLES: dict[str, Callable[[Comparison], str]] = {
    "comparison.csv": variants_csv,
    "accuracies.csv": accuracies_csv,
}


def write(
    comparison: Comparison, directory: Path, command: str = "", axis: Axis = "passes"
) -> list[Path]:
    """Writes the page, Markdown, JSON, CSV, and each figure as SVG, PDF and PNG.

    Args:
        comparison: what to show.
        directory: made if it is missing; each file is written whole or not at all.
        command: what makes the comparison again.
        axis: the price over which the main figure is drawn first, and in files.

    Returns:
        The paths: the page, the texts, and the figures, the main one first.

    Raises:
        OSError: the directory or a file could not be written.
    """
    (directory / "figures").mkdir(parents=True, exist_ok=True)
    drawn = figures(comparison, axis)
    contents = {
        "comparison.html": page(comparison, drawn, command),
        "comparison.md": table.markdown(comparison),
        "comparison.json": comparison.model_dump_json(indent=1) + "\n",
        **{name: text(comparison) for name, text in _TABLES.items()},
    }
    for name, content in contents.items():
        write_whole(directory / name, content.encode())
    paths = [directory / name for name in contents]
    for each in drawn:
        names = [directory / "figures" / f"{each.name}{kind}" for kind in KINDS]
        paths += save(each.chart(), *names)
    return paths


def page(comparison: Comparison, drawn: Sequence[Figure] | None = None, command: str = "") -> str:
    """The page as HTML: about 1.6 megabytes, nearly all of it the library that draws the charts.

    Every name is escaped by the template, and the embedded JSON holds no "<".

    Args:
        comparison: what to show.
        drawn: the figures; default those of the comparison.
        command: what makes the comparison again.
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
        numbers=_numbers(comparison),
        figures=chosen,
        variants=table.cells(comparison),
        notes=table.notes(comparison),
        flatness=table.flatness(comparison),
        about=captions.NOTES,
        looks={v.label: key[v.label] for v in comparison.variants},
        facts=facts(comparison),
        settings=[settings(variant) for variant in comparison.variants],
        command=command,
        embedded={name: _embedded(text(comparison)) for name, text in _TABLES.items()},
    )


def _embedded(text: str) -> str:
    """A CSV file as the address of a link."""
    return f"data:text/csv;charset=utf-8;base64,{b64encode(text.encode()).decode()}"


def _numbers(comparison: Comparison) -> list[Cell]:
    """The few numbers under the headline; only where it names a variant."""
    winner = comparison.winner
    if winner is None or winner.to_base is None or winner.cost is None:
        return []
    gain = Cell("gain over the base", signed(winner.to_base.mean), "points")
    passes = Cell("passes", f"{winner.cost:.2f}", "times the base's")
    if winner.seconds is None or winner.has_noisy_clock:
        return [gain, passes]
    return [gain, passes, Cell("seconds", f"{winner.seconds:.2f}", "times the base's")]
