"""A comparison in print: page, tables, figures, Markdown, CSV and JSON."""
