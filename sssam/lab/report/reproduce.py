"""How to make a comparison again: the command, and the source that it was made with."""

import shlex

from sssam.lab import tasks
from sssam.lab.comparison.values import Comparison
from sssam.lab.specs import Task


def command(comparison: Comparison) -> str:
    """The command that makes the comparison; empty where the command line can't say it."""
    task = comparison.task
    known = _named(task)
    if known is None or known.model_copy(update=_of_the_run(task, known)) != task:
        return ""
    default = [row.model_copy(update={"rho": 0.0}) for row in tasks.untuned_rows(task)]
    shown = [row.method.model_copy(update={"rho": 0.0}) for row in comparison.variants]
    seeds = list(range(len(comparison.seeds)))
    if any(row not in default for row in shown) or list(comparison.seeds) != seeds:
        return ""
    return shlex.join(
        ["sssam", "compare", tasks.word(task), *_options(comparison, known, len(default))]
    )


def _options(comparison: Comparison, known: Task, rows: int) -> list[str]:
    task, words = comparison.task, list[str]()
    if len(comparison.variants) < rows:
        words += ["--methods", ",".join(row.label for row in comparison.variants)]
    words += ["--seeds", str(len(comparison.seeds))]
    if task.epochs != known.epochs:
        words += ["--epochs", str(task.epochs)]
    if task.name in tasks.TASKS and task.data.path is not None:
        words += ["--data", task.data.path]
    if any(row.flatness is not None for row in comparison.variants):
        words += ["--flatness"]
    return words


def _named(task: Task) -> Task | None:
    """The task that the command line makes of the word for it; None where it makes none by now.

    A data set on the hub has no such word here: to look it up takes a network.
    """
    if task.name in tasks.TASKS:
        return tasks.TASKS[task.name]
    if task.code is None and task.data.path is None:
        return None
    try:
        return tasks.find(tasks.word(task))
    except Exception:  # a user's file can raise anything
        return None


def _of_the_run(task: Task, known: Task) -> dict[str, object]:
    """What the command line can say of a task, and where and which its data are."""
    data = known.data.model_copy(
        update={"path": task.data.path, "fingerprint": task.data.fingerprint}
    )
    return {"epochs": task.epochs, "data": data}
