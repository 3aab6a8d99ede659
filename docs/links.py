"""Links to scripts and to comparisons, which are no pages of the site, download the file."""

import re

from sphinx.application import Sphinx

#: All scripts but tutorials, which are pages.
FILE = re.compile(r"\]\((?!\w+:|tutorials/)([^)#\s]*/[^)#\s]+\.py|[^)#\s]+comparison\.md)\)")


def download(app: Sphinx, docname: str, source: list[str]) -> None:
    """Rewrites the Markdown of a page before it is parsed; on GitHub the links work as they are."""
    source[0] = FILE.sub(r"](path:\1)", source[0])


def setup(app: Sphinx) -> dict[str, bool]:
    """Connects to the reading of each page."""
    app.connect("source-read", download)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
