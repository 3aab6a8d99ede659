"""`sssam choosing`."""

from sssam.lab.cli.refusals import refusing


def choosing() -> int:
    """Print the table of all methods: when, where, which gradient, what each costs and needs."""
    from rich.markdown import Markdown

    from sssam.lab import choosing as tables
    from sssam.lab.cli import terminal

    output, _ = terminal.consoles()
    with refusing():
        table = tables.choosing(tables.measured())
    output.print(Markdown(table) if output.is_terminal else table, soft_wrap=True, markup=False)
    return 0
