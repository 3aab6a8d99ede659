"""A comparison -> one page that is whole in itself, and the same as Markdown, CSV and figures."""

from base64 import b64encode
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from sssam.lab.comparison.values import Comparison
from sssam.lab.report import html, sentences, table
from sssam.lab.report.cells import Cell
from sssam.lab.report.cost import Axis
from sssam.lab.report.exports import accuracies_csv, as_json, curves_csv, variants_csv
from sssam.lab.report.facts import facts, settings
from sssam.lab.report.figure import Figure
from sssam.lab.report.figures import figures
from sssam.lab.report.files import KINDS, save
from sssam.lab.report.key import Key
from sssam.lab.report.text import signed
from sssam.runtime.files import write_whole

#: The text files by name: what links to them say, and what they hold.
_TEXTS: dict[str, tuple[str, Callable[[Comparison], str]]] = {
    "comparison.md": ("the table as Markdown", table.markdown),
    "comparison.json": ("all of it as JSON", as_json),
    "comparison.csv": ("the variants as CSV", variants_csv),
    "accuracies.csv": ("each seed as CSV", accuracies_csv),
    "curves.csv": ("the curves as CSV", curves_csv),
}
#: Those that are in the page too, for one that is sent alone.
_EMBEDDED = ("comparison.csv", "accuracies.csv")


class Written(NamedTuple):
    """The files of a comparison: its page, the same as texts, and its figures, the main first.

    The texts are Markdown, JSON, and CSV of the variants, of each seed and of each epoch.
    """

    page: Path
    texts: tuple[Path, ...]
    figures: tuple[Path, ...]


class Live(NamedTuple):
    """What a page says that is written anew while its study runs: runs that ended, of how many.

    `seconds` is after how long the page reads itself anew, until its reader pauses it.
    """

    done: int
    total: int
    seconds: int


def write(
    comparison: Comparison, directory: Path, command: str = "", axis: Axis = "passes"
) -> Written:
    """Writes the page, Markdown, CSV, JSON, and each figure as SVG, PDF and PNG.

    Args:
        comparison: what to show.
        directory: made if it is missing; each file is written whole or not at all.
        command: what makes the comparison again.
        axis: the price over which the main figure is drawn first, and in files.

    Raises:
        OSError: the directory or a file could not be written.
    """
    (directory / "figures").mkdir(parents=True, exist_ok=True)
    drawn = figures(comparison, axis)
    contents = {name: text(comparison) for name, (_, text) in _TEXTS.items()}
    contents["comparison.html"] = page(comparison, drawn, command)
    for name, content in contents.items():
        write_whole(directory / name, content.encode())
    paths = list[Path]()
    for figure in drawn:
        names = [directory / "figures" / f"{figure.name}{kind}" for kind in KINDS]
        paths += save(figure.chart(), *names)
    texts = tuple(directory / name for name in _TEXTS)
    return Written(directory / "comparison.html", texts, tuple(paths))


def page(
    comparison: Comparison,
    drawn: Sequence[Figure] | None = None,
    command: str = "",
    live: Live | None = None,
) -> str:
    """The page as HTML: about 1.6 megabytes, nearly all of it the library that draws the charts.

    Every name is escaped by the template, and the embedded JSON holds no "<".

    Args:
        comparison: what to show.
        drawn: the figures; default those of the comparison.
        command: what makes the comparison again.
        live: the page is one of a study that still runs.
    """
    chosen = figures(comparison) if drawn is None else drawn
    key = Key.of(comparison)
    return html.render(
        "report.html",
        chosen,
        name=comparison.task.name,
        live=live,
        headline=sentences.headline(comparison),
        support=sentences.support(comparison),
        remarks=sentences.remarks(comparison),
        numbers=_numbers(comparison),
        figures=chosen,
        variants=table.cells(comparison),
        notes=table.notes(comparison),
        flatness=table.flatness(comparison),
        about=sentences.NOTES,
        looks={v.label: key[v.label] for v in comparison.variants},
        facts=facts(comparison),
        settings=[settings(variant) for variant in comparison.variants],
        command=command,
        files={name: title for name, (title, _) in _TEXTS.items()},
        embedded={name: _embedded(_TEXTS[name][1](comparison)) for name in _EMBEDDED},
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
