"""A comparison -> one page that is whole in itself, and the same as Markdown, JSON, SVG and PNG."""

import base64
import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import vl_convert
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from sssam.lab.comparison import Comparison, Row
from sssam.lab.explain import explained
from sssam.lab.figures import VEGA_LITE, Figure, figures, render
from sssam.lab.headline import cheapest, signed
from sssam.lab.records import write_whole
from sssam.lab.table import Cell, cells, columns, markdown

#: The library for all charts, under the one name that the page's script uses.
_SNIPPET = "window.vegaEmbed = vegaEmbed;"
#: A minus sign, in ASCII: before a digit, and after nothing or what opens.
_CODE = re.compile(r"`([^`]+)`")
_MINUS = re.compile(r"(?<![\w.])-(?=\d)")


class Written(NamedTuple):
    """The files of a comparison."""

    page: Path
    markdown: Path
    json: Path
    svg: Path | None
    png: Path | None


def write(comparison: Comparison, directory: Path) -> Written:
    """Writes page, Markdown, JSON and the main figure into a directory, which is made if missing.

    Raises:
        OSError: the directory or a file could not be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    drawn = figures(comparison)
    contents = {
        "comparison.md": markdown(comparison).encode(),
        "comparison.json": comparison.model_dump_json(indent=1).encode() + b"\n",
        "comparison.html": page(comparison, drawn).encode(),
    }
    if drawn:
        chart = drawn[0].draw()
        contents |= {f"comparison.{kind}": render(chart, kind) for kind in ("svg", "png")}
    for name, content in contents.items():
        write_whole(directory / name, content)
    paths = {name.rpartition(".")[2]: directory / name for name in contents}
    return Written(paths["html"], paths["md"], paths["json"], paths.get("svg"), paths.get("png"))


def page(comparison: Comparison, drawn: list[Figure] | None = None) -> str:
    """The page as HTML: about a megabyte, nearly all of it the library that draws the charts.

    Every name is escaped by the template, and the embedded JSON holds no "<".
    """
    chosen = figures(comparison) if drawn is None else drawn
    template = _environment().from_string(_part("report.html"))
    return template.render(
        comparison=comparison,
        numbers=_numbers(comparison),
        figures=[_shown(figure, pictured=figure is chosen[0]) for figure in chosen],
        columns=[{"name": name} for name in columns(comparison)],
        rows=[_Shown(row.role, cells(row)) for row in comparison.rows],
        paragraphs=explained(comparison),
        settings=[_settings(row) for row in comparison.rows],
        download=_data("application/json", comparison.model_dump_json(indent=1).encode()),
        specifications=_json({figure.name: _layouts(figure) for figure in chosen}),
        style=Markup(_part("report.css")),
        script=Markup(_part("report.js")),
        library=Markup(_library()),
    )


class _Shown(NamedTuple):
    """A row of the page's table."""

    role: str
    cells: list[Cell]


def _shown(figure: Figure, pictured: bool) -> dict[str, str]:
    """A figure's words, and if asked for a picture of it, for readers without scripts."""
    image = _data("image/svg+xml", render(figure.draw(), "svg")) if pictured else ""
    return {**{k: getattr(figure, k) for k in ("name", "title", "caption", "alt")}, "image": image}


def _layouts(figure: Figure) -> dict[str, Any]:
    wide, narrow = figure.specification(narrow=False), figure.specification(narrow=True)
    return {"wide": wide} if wide == narrow else {"wide": wide, "narrow": narrow}


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


def _settings(row: Row) -> dict[str, str]:
    method, schedule = row.method, row.method.scheduling_function()
    others = dict(method.options) | ({"length": method.length} if method.length > 1 else {})
    return {
        "label": method.label,
        "rho": "" if method.kind == "base" else f"{method.rho:g}",
        "schedule": "" if schedule is None else repr(schedule),
        "others": ", ".join(f"{k} = {v}" for k, v in others.items()),
    }


def _environment() -> Environment:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters["typeset"] = _typeset
    return environment


def _typeset(text: str) -> Markup:
    """Text, escaped, with true minus signs, curly apostrophes, and what is in backticks as code."""
    curly = _MINUS.sub("\N{MINUS SIGN}", text).replace("'", "\N{RIGHT SINGLE QUOTATION MARK}")
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(curly))))


def _json(value: Mapping[str, Any]) -> Markup:
    """JSON that no HTML parser can leave: not one "<" is in it."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))


def _data(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _part(name: str) -> str:
    return files("sssam.lab").joinpath(name).read_text(encoding="utf-8")


@cache
def _library() -> str:
    """Vega, Vega-Lite and Vega-Embed in one script, which holds no end of a script."""
    bundle = str(vl_convert.javascript_bundle(_SNIPPET, vl_version=VEGA_LITE))
    return bundle.replace("</script", "<\\/script").replace("<!--", "<\\!--")
