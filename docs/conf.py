"""The site: `make docs` builds it into build/docs, with warnings as errors.

The source directory is the whole tree, so that pages link to studies and scripts as they lie.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]

project = "sssam"
author = "The sssam maintainers"
copyright = "2026, the sssam maintainers, Apache-2.0"
root_doc = "docs/index"
include_patterns = [
    "docs/*.md",
    "docs/tutorials/*.py",
    "docs/api/*.rst",
    "benchmarks/README.md",
    "studies/PLAN.md",
    "studies/**/README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
]
exclude_patterns = [".venv", "build", "results"]

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "myst_nb",
    "sphinx_copybutton",
    "docstrings",
    "formulas",
    "links",
]

# Markdown: as on GitHub, with its anchors, and with formulas between dollar signs.
myst_enable_extensions = ["dollarmath", "colon_fence", "attrs_inline"]
myst_heading_anchors = 4
myst_links_external_new_tab = False

# Tutorials are scripts in the percent format; each is run once for each change of it.
nb_custom_formats = {".py": ["jupytext.reads", {"fmt": "py:percent"}]}
nb_execution_mode = "cache"
nb_execution_cache_path = str(ROOT / "build" / "notebooks")
nb_execution_timeout = -1
nb_execution_raise_on_error = True
nb_merge_streams = True
nb_output_stderr = "remove"

autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_class_signature = "mixed"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
default_role = "py:obj"
python_use_unqualified_type_names = True

html_theme = "furo"
html_title = "sssam"
html_static_path = ["static"]
html_css_files = ["site.css"]
templates_path = ["templates"]
html_additional_pages = {"index": "root.html"}
html_show_sphinx = False
html_copy_source = False
html_theme_options = {"navigation_with_keys": True}
html_math_renderer = "svg"
copybutton_prompt_text = r"\$ |>>> |\.\.\. "
copybutton_prompt_is_regexp = True
pygments_style = "friendly"
pygments_dark_style = "github-dark"
