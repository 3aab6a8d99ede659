"""Formulas as SVG in the page, in its own colour: no script, no fonts, no network."""

from html import escape

import ziamath
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

ziamath.config.svg2 = False  # whole paths: references to glyphs of another formula could clash
SIZE = 19  # pixels, a little above the text's 16, whose letters are wider


def drawn(tex: str, inline: bool) -> str:
    """The formula as an element that stands on the line's baseline and is read aloud as TeX."""
    formula = ziamath.Latex(tex, size=SIZE, inline=inline, color="currentColor")
    name = f'<svg role="img" aria-label="{escape(tex, quote=True)}"'
    name += f' style="vertical-align: {formula.getyofst():.2f}px"'
    return formula.svg().replace("<svg", name, 1)


def inline(translator: HTML5Translator, node: nodes.math) -> None:
    """A formula in a line of text."""
    translator.body.append(drawn(node.astext(), inline=True))
    raise nodes.SkipNode


def block(translator: HTML5Translator, node: nodes.math_block) -> None:
    """A formula on a line of its own; a wide one scrolls."""
    translator.body.append(f'<div class="formula">{drawn(node.astext(), inline=False)}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Makes it known to Sphinx as `html_math_renderer`."""
    app.add_html_math_renderer("svg", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
