"""What a page that is whole in itself is made of: a template, safe text, its data, its library."""

import base64
import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import vl_convert
from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup, escape

from sssam.lab.report.files import VEGA_LITE

#: The library for all charts, under the one name that the page's script uses.
_SNIPPET = "window.vegaEmbed = vegaEmbed;"
_CODE = re.compile(r"`([^`]+)`")
#: What a line must not be broken in.
_WHOLE = re.compile(r"\[[+-]?\d[\d.]*, [+-]?\d[\d.]*\]|\d points?\b")
#: A minus sign, in ASCII: before a digit, and after nothing or what opens.
_MINUS = re.compile(r"(?<![\w.])-(?=\d)")


def environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(part), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["typeset"] = typeset
    return environment


def typeset(text: str) -> Markup:
    """Text, escaped, with true minus signs, curly apostrophes, and what is in backticks as code.

    Intervals are not broken over lines, nor numbers from their "points".
    """
    whole = _WHOLE.sub(lambda found: found[0].replace(" ", "\N{NO-BREAK SPACE}"), text)
    curly = _MINUS.sub("\N{MINUS SIGN}", whole).replace("'", "\N{RIGHT SINGLE QUOTATION MARK}")
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(curly))))


def embedded(value: Mapping[str, Any]) -> Markup:
    """JSON that no HTML parser can leave: not one "<" is in it."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))


def data_address(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def part(name: str) -> str:
    return files("sssam.lab.report").joinpath(name).read_text(encoding="utf-8")


@cache
def library() -> str:
    """Vega, Vega-Lite and Vega-Embed in one script, which holds no end of a script."""
    bundle = str(vl_convert.javascript_bundle(_SNIPPET, vl_version=VEGA_LITE))
    return bundle.replace("</script", "<\\/script").replace("<!--", "<\\!--")
