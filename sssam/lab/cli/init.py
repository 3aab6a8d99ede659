"""`sssam init`."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators

NewFile = Annotated[
    Path, Parameter(validator=validators.Path(file_okay=False, dir_okay=False, ext="py"))
]


def init(file: NewFile = Path("my_task.py")) -> int:
    """Write a task file to fill in, which runs as it is.

    Args:
        file: The Python file to write; one that exists is left as it is.
    """
    import inspect

    from sssam.lab.cli import terminal
    from sssam.lab.cli.refusals import refusing
    from sssam.lab.tasks import template

    with refusing():
        file.write_text(inspect.getsource(template), encoding="utf-8")
    terminal.say(f"Written: {file}. It runs as it is: sssam compare {file} --trials 12")
    return 0
