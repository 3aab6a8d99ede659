"""The command `sssam`: one file a command, which loads what it needs when it is called."""

from collections.abc import Callable, Sequence

from cyclopts import App, CycloptsError

from sssam import __version__
from sssam.lab.cli.compare import compare
from sssam.lab.cli.exchange import export, import_
from sssam.lab.cli.init import init
from sssam.lab.cli.lists import methods, tasks
from sssam.lab.cli.plan import plan
from sssam.lab.cli.refusals import FailedError, RefusedError, TerminatedError, line, terminable
from sssam.lab.cli.report import report
from sssam.lab.cli.rho import rho
from sssam.lab.cli.search import search
from sssam.lab.cli.time import time
from sssam.lab.cli.train import train

#: The commands in the order of their use, each with an example's arguments.
COMMANDS: dict[Callable[..., int], str] = {
    compare: "my_task.py --trials 12",
    report: "sssam-results/noisy-digits",
    train: "noisy-digits --method SAM --checkpoint sam.pt",
    time: "noisy-digits --variants SAM looksam",
    plan: "--budget 1.25 --total-steps 10000 --out plan.svg",
    rho: "my_task.py --out rho.svg",
    search: "noisy-digits --budgets 1.1 1.25",
    init: "my_task.py",
    methods: "",
    tasks: "",
    export: "sssam-results/noisy-digits --out records.jsonl.gz",
    import_: "records.jsonl.gz sssam-results/noisy-digits",
}


app = App(
    name="sssam",
    version=__version__,
    help="Sharpness-aware training at a cost that you choose: compare it, train with it, plan it.",
    help_epilogue="Begin with `sssam compare`: no network is needed, and about two minutes.",
    suppress_keyboard_interrupt=False,
)
for _place, (_command, _example) in enumerate(COMMANDS.items()):
    _words = f"sssam {_command.__name__.strip('_')} {_example}".strip()
    app.command(
        _command, name=_words.split()[1], help_epilogue=f"Example: `{_words}`", sort_key=_place
    )
app.register_install_completion_command(
    help="Install completion of commands and options for your shell.", help_epilogue=""
)


def main(words: Sequence[str] | None = None) -> int:
    """The command line: 0 if all went well, 2 for bad input, 130 for Ctrl-C, 143 for SIGTERM.

    1 if a disk, a file or a cluster failed, or if runs of a study failed. `words` default to those
    of the process.
    """
    try:
        with terminable():
            code = app(words, exit_on_error=False, print_error=False, result_action="return_value")
    except (CycloptsError, RefusedError) as error:
        return _ended(line(error), 2)
    except (OSError, FailedError) as error:
        return _ended(line(error), 1)
    except KeyboardInterrupt as stop:
        terminated = isinstance(stop, TerminatedError)
        by = "stopped by SIGTERM" if terminated else "stopped"
        text = "; ".join([by, *getattr(stop, "__notes__", ())])
        return _ended(text, 143 if terminated else 130)
    return code if isinstance(code, int) else 0


def _ended(text: str, code: int) -> int:
    from sssam.lab.cli import terminal

    terminal.note(f"sssam: {text}")
    return code
