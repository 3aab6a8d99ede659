"""A comparison -> one page that is whole in itself, and the same as Markdown, CSV and figures."""

from collections.abc import Callable, Sequence
from itertools import compress
from pathlib import Path
from typing import Any, NamedTuple

from markupsafe import Markup

from sssam.lab.comparison.headline import cheapest, signed
from sssam.lab.comparison.values import Comparison, Variant
from sssam.lab.report import flatness_table, reproduce
from sssam.lab.report.cells import Cell, Line
from sssam.lab.report.explain import explained
from sssam.lab.report.exports import accuracies_csv, as_json, curves_csv, rows_csv
from sssam.lab.report.figures import Figure, figures
from sssam.lab.report.files import render, rendered
from sssam.lab.report.table import cells, certainties, markdown
from sssam.lab.report.webpage import data_address, embedded, environment, library, part
from sssam.lab.tuned import Tuned
from sssam.runtime.files import write_whole

#: The text files by name: what links to them say, their kind, and what they hold.
_TEXTS: dict[str, tuple[str, str, Callable[[Comparison], str]]] = {
    "comparison.md": ("the tables as Markdown", "text/markdown", markdown),
    "comparison.json": ("all of it as JSON", "application/json", as_json),
    "comparison.csv": ("the rows as CSV", "text/csv", rows_csv),
    "accuracies.csv": ("each seed as CSV", "text/csv", accuracies_csv),
    "curves.csv": ("the curves as CSV", "text/csv", curves_csv),
}


#: Bytes of a text file from which on the page does not hold it too.
_LONG = 150_000


class Written(NamedTuple):
    """The files of a comparison: its page, the same as texts, and its figures, the main first.

    The texts are Markdown, JSON, and CSV of the rows, of each seed and of each epoch.
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
    comparison: Comparison,
    directory: Path,
    further: Sequence[Figure] = (),
    command: str = "",
    tried: Tuned | None = None,
) -> Written:
    """Writes the page, Markdown, CSV, JSON, and each figure as SVG, PDF and PNG.

    Args:
        comparison: what to show.
        directory: made if it is missing; each file is written whole or not at all.
        further: figures that the comparison itself has no numbers for, such as loss landscapes.
        command: what makes the comparison again, where that is no plain `sssam compare`.
        tried: the radii that the comparison's own were chosen among; default those that are kept
            for its task.

    Raises:
        OSError: the directory or a file could not be written.
    """
    (directory / "figures").mkdir(parents=True, exist_ok=True)
    drawn = [*figures(comparison, tried), *further]
    for name, (_, _, text) in _TEXTS.items():
        write_whole(directory / name, text(comparison).encode())
    whole = page(comparison, drawn, command=command)
    write_whole(directory / "comparison.html", whole.encode())
    files = [path for figure in drawn for path in _files(figure, directory / "figures")]
    texts = (directory / name for name in _TEXTS)
    return Written(directory / "comparison.html", tuple(texts), tuple(files))


def _downloads(comparison: Comparison) -> list[dict[str, str]]:
    """The text files, within the page; long ones lie beside it alone."""
    contents = {name: text(comparison).encode() for name, (_, _, text) in _TEXTS.items()}
    return [
        {"name": name, "title": title, "address": data_address(kind, contents[name])}
        for name, (title, kind, _) in _TEXTS.items()
        if len(contents[name]) <= _LONG
    ]


def _files(figure: Figure, folder: Path) -> list[Path]:
    """Writes a figure for papers: 760 pixels wide, ink on white."""
    contents = {folder / f"{figure.name}.{kind}": c for kind, c in rendered(figure.chart()).items()}
    for path, content in contents.items():
        write_whole(path, content)
    return list(contents)


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
        command: what makes the comparison again; default the `sssam compare` that does, if any.
        live: the page is one of a study that still runs.
    """
    chosen = figures(comparison) if drawn is None else drawn
    template = environment().get_template("report.html")
    return template.render(
        comparison=comparison,
        live=live,
        numbers=_numbers(comparison),
        figures=[_shown(figure, pictured=figure is chosen[0]) for figure in chosen],
        tables=_tables(comparison),
        flat=flatness_table.told(comparison),
        paragraphs=explained(comparison),
        settings=[_settings(row) for row in comparison.variants],
        command=command or reproduce.command(comparison),
        repeating=reproduce.repeating(comparison, bool(command) and not command.endswith(".toml")),
        downloads=_downloads(comparison),
        specifications=embedded(_specifications(chosen)),
        style=Markup(part("report.css")),
        script=Markup(part("report.js")),
        library=Markup(library()),
    )


def _tables(comparison: Comparison) -> dict[str, list[Line]]:
    """The finding; where they were measured, flatness, and how sure the differences to SAM are."""
    lines = {
        "finding": [cells(row, comparison.task.metric) for row in comparison.variants],
        "flatness": flatness_table.cells(comparison),
        "certainty": _measured(certainties(comparison)),
    }
    roles = {row.label: row.role for row in comparison.variants}
    return {
        name: [Line(roles[line[0].text], line) for line in table] for name, table in lines.items()
    }


def _measured(lines: list[list[Cell]]) -> list[list[Cell]]:
    """The lines without the columns that hold nothing in any of them."""
    kept = [any(cell.sort or cell.note for cell in column) for column in zip(*lines, strict=True)]
    return [list(compress(line, kept)) for line in lines]


def _shown(figure: Figure, pictured: bool) -> dict[str, Any]:
    """A figure's words, and if asked for a picture of it, for readers without scripts."""
    image = data_address("image/svg+xml", render(figure.chart(), "svg")) if pictured else ""
    words = {k: getattr(figure, k) for k in ("name", "title", "caption", "alt", "half")}
    return {**words, "short": figure.short or figure.title, "image": image}


def _specifications(chosen: Sequence[Figure]) -> dict[str, Any]:
    """Each figure's layouts, and once for all of them the data that they share."""
    data: dict[str, Any] = {}
    layouts = {
        figure.name: {
            name: _without_data(figure.specification(narrow), data)
            for name, narrow in (("wide", False), ("narrow", True))
        }
        for figure in chosen
    }
    return {"layouts": layouts, "data": data}


def _without_data(specification: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    """The specification with its data moved to `data`; names are hashes, so equal data are one."""
    own = specification.pop("datasets", {})
    data |= own
    return {**specification, "uses": list(own)}


def _numbers(comparison: Comparison) -> list[dict[str, str]]:
    """The few numbers under the headline; each only where the records bear it."""
    sam, cheap = comparison.sam, cheapest(comparison)
    if sam is None or sam.to_base is None or not sam.to_base.above_zero:
        return []
    numbers = [{"name": "SAM's gain", "value": signed(sam.to_base.mean), "unit": "points"}]
    if cheap is not None and cheap.cost is not None and cheap.to_base is not None:
        name = f"gain of {cheap.label}"
        numbers += [
            {"name": name, "value": signed(cheap.to_base.mean), "unit": "points"},
            {"name": "its propagations a step", "value": f"{cheap.cost:.2f}", "unit": "of SAM's 2"},
        ]
    if cheap is not None and cheap.relative_time is not None:
        unit = "of the base optimizer's"
        numbers.append({"name": "its time", "value": f"{cheap.relative_time:.2f}", "unit": unit})
    return numbers


def _settings(row: Variant) -> dict[str, str]:
    method, schedule = row.method, row.method.scheduling_function()
    others = dict(method.options) | ({"length": method.length} if method.length != 1 else {})
    return {
        "label": method.label,
        "rho": "" if method.kind == "base" else f"{method.rho:g}",
        "schedule": "" if schedule is None else repr(schedule),
        "others": ", ".join(f"{k} = {v}" for k, v in others.items()),
    }
