"""How to make a comparison again: the command, and the source that it was made with."""

import shlex

from sssam.lab import tasks
from sssam.lab.comparison import Comparison
from sssam.lab.specs import Task


def command(comparison: Comparison) -> str:
    """The command that makes the comparison; empty where the command line can't say it."""
    task = comparison.task
    if task.name not in tasks.TASKS or not _is_built_in(task):
        return ""
    known = [row.model_copy(update={"rho": 0.0}) for row in tasks.untuned_rows(task)]
    shown = [row.method.model_copy(update={"rho": 0.0}) for row in comparison.rows]
    seeds = list(range(len(comparison.seeds)))
    if any(row not in known for row in shown) or list(comparison.seeds) != seeds:
        return ""
    return shlex.join(["sssam", "compare", task.name, *_options(comparison, len(known))])


def repeating(comparison: Comparison) -> str:
    """What the command needs, and what to expect of a second time."""
    commits = ", ".join(f"`{commit}`" for commit in comparison.commits)
    source = f" The records were made at commit {commits} of sssam." if commits else ""
    return (
        "Runs that have a record are not trained again, so the same command in the same directory "
        "only shows what is there; in an empty one it trains all of them anew." + source + " Equal "
        "seeds give equal numbers on one machine with equal versions; on another the last digits, "
        "and times, may differ."
    )


def _options(comparison: Comparison, rows: int) -> list[str]:
    task, words = comparison.task, list[str]()
    if len(comparison.rows) < rows:
        words += ["--methods", ",".join(row.label for row in comparison.rows)]
    words += ["--seeds", str(len(comparison.seeds))]
    if task.epochs != tasks.TASKS[task.name].epochs:
        words += ["--epochs", str(task.epochs)]
    if task.data.path is not None:
        words += ["--data", task.data.path]
    return words


def _is_built_in(task: Task) -> bool:
    """Whether only what the command line can say differs from the task of that name."""
    given = {"epochs": task.epochs, "data": task.data}
    known = tasks.TASKS[task.name]
    of_the_run = {"path": task.data.path, "fingerprint": task.data.fingerprint}
    return (
        known.model_copy(update=given) == task
        and known.data.model_copy(update=of_the_run) == task.data
    )
