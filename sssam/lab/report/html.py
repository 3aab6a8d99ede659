"""What a page that is whole in itself is made of: a template, safe text, its data, its library."""

import json
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import vl_convert
from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup, escape

from sssam.lab.report.captions import PASS, Figure
from sssam.lab.report.files import VEGA_LITE
from sssam.lab.report.theme import PAGE

_CODE = re.compile(r"`([^`]+)`")
#: What a line must not be broken in.
_WHOLE = re.compile(r"\[[+-]?\d[\d.]*, [+-]?\d[\d.]*\]|\d points?\b")
#: A minus sign, in ASCII: before a digit, and after nothing or what opens.
_MINUS = re.compile(r"(?<![\w.])-(?=\d)")


def render(drawn: Sequence[Figure], **values: object) -> str:
    """The page, of its values and with its charts, style, script and library."""
    environment = Environment(
        loader=FunctionLoader(_part), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["typeset"] = typeset
    return environment.get_template("report.html").render(
        values,
        about_passes=PASS,
        specifications=_specifications(drawn),
        style=Markup(_part("report.css")),
        script=Markup(_part("report.js")),
        library=Markup(_library()),
    )


def typeset(text: str) -> Markup:
    """Text, escaped, with true minus signs, curly apostrophes, and what is in backticks as code.

    Intervals are not broken over lines, nor numbers from their "points".
    """
    whole = _WHOLE.sub(lambda found: found[0].replace(" ", "\N{NO-BREAK SPACE}"), text)
    curly = _MINUS.sub("\N{MINUS SIGN}", whole).replace("'", "\N{RIGHT SINGLE QUOTATION MARK}")
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(curly))))


def _specifications(drawn: Sequence[Figure]) -> Markup:
    """Each figure's views as JSON that no HTML parser can leave: not one "<" is in it."""
    charts = {figure.name: figure.charts(PAGE, "container") for figure in drawn}
    views = {name: {v: c.to_dict() for v, c in each.items()} for name, each in charts.items()}
    text = json.dumps(views, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))


def _part(name: str) -> str:
    return files("sssam.lab.report").joinpath(name).read_text(encoding="utf-8")


@cache
def _library() -> str:
    """Vega, Vega-Lite and Vega-Embed in one script, which holds no end of a script."""
    snippet = "window.vegaEmbed = vegaEmbed;"  # the name that the page's script uses
    bundle = str(vl_convert.javascript_bundle(snippet, vl_version=VEGA_LITE))
    return bundle.replace("</script", "<\\/script").replace("<!--", "<\\!--")
