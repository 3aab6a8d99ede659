"""Docstrings are plain text with backticks: what reStructuredText would read in it is escaped."""

import re

from sphinx.application import Sphinx

#: Code between backticks stays; a formula's bar, star and last underscore are no markup.
CODE = re.compile(r"(``?[^`]+``?)")
MARKUP = re.compile(r"(\||\*|(?<=\w)_(?=\W|$))")


def escape(
    app: object, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Escapes the text of a docstring in place; indented literal blocks and examples stay."""
    literal: int | None = None
    for number, line in enumerate(lines):
        depth = len(line) - len(line.lstrip())
        if literal is not None and line.strip() and depth <= literal:
            literal = None
        if literal is None and not line.lstrip().startswith(">>>"):
            parts = CODE.split(line)
            parts[::2] = [MARKUP.sub(r"\\\1", part) for part in parts[::2]]
            lines[number] = "".join(parts)
        if line.rstrip().endswith("::"):
            literal = depth


def put_together(
    app: object, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """What a return value is stands before a colon too, which napoleon takes for its type."""
    types = [line for line in lines if line.startswith(":rtype: ")]
    for number, line in enumerate(lines):
        if types and line.startswith(":returns: "):
            lines.remove(types[0])
            returned = types.pop(0).removeprefix(":rtype: ")
            lines[number] = f":returns: {returned}: {line.removeprefix(':returns: ')}"


def setup(app: Sphinx) -> dict[str, bool]:
    """Runs before and after napoleon, which writes markup of its own."""
    app.connect("autodoc-process-docstring", escape, priority=100)
    app.connect("autodoc-process-docstring", put_together, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
