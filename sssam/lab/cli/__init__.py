"""The command `sssam`: one file a command, each of which is imported when it is called."""

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from types import MappingProxyType

from cyclopts import App, CycloptsError

from sssam.lab.cli.refusals import (
    FAILED,
    USAGE,
    FailedError,
    RefusedError,
    StoppedError,
    said,
)
from sssam.lab.runs.stop import terminable

#: The commands in the order of their use, each with the function that it is and its help in short.
COMMANDS = MappingProxyType(
    {
        "compare": ("compare:compare", "Tune, train over several seeds, and compare."),
        "run": ("run:run", "Train what a study file asks for and has no record yet."),
        "report": ("report:report", "Write the page of a study's directory; --live watches it."),
        "train": ("train:train", "Train one run, and write its record."),
        "time": ("time:time", "Measure each variant's seconds over the base's."),
        "plan": ("plan:plan", "See what each family of schedules would do at a budget."),
        "rho": ("rho:rho", "See how far the loss rises at each rho, and begin there."),
        "search": ("search:search", "Search for schedules that bring most at a budget."),
        "sharpness": ("sharpness:sharpness", "Measure the flatness of a trained model."),
        "export": ("exchange:export", "Write a study's records as JSON lines."),
        "import": ("exchange:import_", "Take the records of a JSON-lines file into a directory."),
    }
)


def _version() -> str:
    try:
        return version("sssam")
    except PackageNotFoundError:
        return "unknown: sssam is used from a source tree that is not installed"


app = App(
    name="sssam",
    version=_version,
    help="Sharpness-aware training at a cost that you choose: compare it, train with it, plan it.",
    help_epilogue="Begin with `sssam compare`: it needs no network and takes a few minutes.",
    suppress_keyboard_interrupt=False,
)
for _place, (_name, (_function, _help)) in enumerate(COMMANDS.items()):
    app.command(f"{__name__}.{_function}", name=_name, help=_help, sort_key=_place)


def main(words: Sequence[str] | None = None) -> int:
    """The command line: 0 if all went well, 2 for bad input, 130 for Ctrl-C, 143 for SIGTERM.

    1 if a disk, a file or a cluster failed, or if runs of a study failed. `words` default to those
    of the process.
    """
    try:
        with terminable():
            code = app(words, exit_on_error=False, print_error=False, result_action="return_value")
    except (CycloptsError, RefusedError) as error:
        return _ended(error, USAGE)
    except (OSError, FailedError) as error:
        return _ended(error, FAILED)
    except StoppedError as stop:
        return _ended(stop, stop.code)
    except KeyboardInterrupt as interrupt:
        stopped = StoppedError("", interrupt)
        return _ended(stopped, stopped.code)
    return code if isinstance(code, int) else 0


def _ended(error: Exception, code: int) -> int:
    """Prints one line, however long."""
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True, highlight=False)
    console.print(Text(f"sssam: {said(error)}"), soft_wrap=True)
    return code
