"""A comparison in print: page, tables, figures, Markdown and JSON."""
