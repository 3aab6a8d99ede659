"""What commands leave and print at their end: pages, tables, and the runs that failed."""

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from sssam.lab.cli import terminal
from sssam.lab.cli.studies import Target
from sssam.lab.comparison.values import Comparison
from sssam.lab.report import live, pooled
from sssam.lab.report import page as pages
from sssam.lab.report.cost import Axis
from sssam.lab.report.sentences import headline
from sssam.lab.report.text import counted
from sssam.lab.specs import Record, Tuning
from sssam.lab.studies import conduct
from sssam.lab.studies.conduct import Decided
from sssam.lab.studies.design import Part, Study


def failures(
    study_: Study, decided: Sequence[Decided], stored: Mapping[str, Record], console: Console
) -> int:
    """Lists the study's runs that failed, with the end of what they raised; returns the exit code.

    Runs that diverged are results: the headline counts them, and the exit code is that of success.
    """
    asked = {run.id for each in decided for run in conduct.wanted(study_, each)}
    tuned = {part.task.name for part in study_.parts if part.tuned}
    of_study = [
        record
        for record in stored.values()
        if record.id in asked
        or (record.run.seed in study_.tuning_seeds and record.run.task.name in tuned)
    ]
    return failed(of_study, console, "--retry-failed trains them anew")


def failed(found: Iterable[Record], console: Console, remedy: str) -> int:
    """Lists those of the records whose runs failed, alike ones together; returns the exit code."""
    bad = [record for record in found if record.outcome == "failed"]
    alike: dict[str, list[Record]] = {}
    for record in bad:
        last = (record.error or "unknown").strip().splitlines()[-1]
        alike.setdefault(last, []).append(record)
    for last, those in alike.items():
        run, more = those[0].run, f" and {len(those) - 1} more" if len(those) > 1 else ""
        text = f"failed: {run.method.label} on {run.task.name}, seed {run.seed}{more}: {last}"
        console.print(Text(f"{text} (record {those[0].id})"), soft_wrap=True)
    if bad:
        kept = f"each record keeps its traceback, and {remedy}"
        console.print(Text(f"{len(bad)} of the study's runs failed; {kept}"), soft_wrap=True)
    return 1 if bad else 0


def show(
    what: Target,
    decided: Sequence[Decided],
    stored: Mapping[str, Record],
    quiet: bool,
    command: str,
    axis: Axis = "passes",
) -> list[Comparison]:
    """Writes, prints and returns the comparison of each task, and what they say together.

    `axis` is the price that the main figure shows first.
    """
    output, _ = terminal.consoles()
    made = dict[str, Comparison]()
    for each in decided:
        comparison = conduct.compared(what.study, each, stored.values(), what.directory)
        folder = conduct.folder(what.study, each.part, what.directory)
        written = pages.write(comparison, folder, command=command, axis=axis)
        if quiet:
            output.print(Text(headline(comparison)))
        else:
            terminal.show(comparison, output)
        output.print(Text(f"\nThe page: {written.page}"), soft_wrap=True)
        made[folder.name] = comparison
    if len(made) > 1:
        _pooled(made, what, quiet, output)
    return list(made.values())


def follow(what: Target, command: str) -> None:
    """Writes the page of each task anew as records come in, until no run is missing."""
    output, _ = terminal.consoles()
    for part in what.study.parts:
        folder = conduct.folder(what.study, part, what.directory)
        output.print(Text(f"The page: {folder / 'comparison.html'}"), soft_wrap=True)
        by_now = _by_now(what, part)
        live.live(what.directory / conduct.RECORDS, by_now, out=folder, command=command)


def _by_now(what: Target, part: Part) -> Callable[[list[Record]], Comparison]:
    """From records to what can be shown by now; while the tuning goes on, that is little."""

    def compared(found: list[Record]) -> Comparison:
        by_id = {record.id: record for record in found}
        try:
            decided = conduct.decide(what.study, part, conduct.reader(by_id, part.task.name))
        except conduct.UnfinishedError as unfinished:
            note = f"{unfinished}: until then, what is tuned has no runs."
            part_ = part.model_copy(update={"note": note.capitalize()})
            return conduct.compared(what.study, conduct.undecided(part_), found)
        return conduct.compared(what.study, decided, found, what.directory)

    return compared


def _pooled(made: Mapping[str, Comparison], what: Target, quiet: bool, output: Console) -> None:
    """What several tasks say together, each with the same weight, and the page that links them."""
    found = pooled.pooled(list(made.values()))
    index, *_ = pooled.write(what.study.name, made, found, what.directory)
    if isinstance(found, str):
        output.print(Text(f"\n{found}"), soft_wrap=True)
    else:
        output.print(Text(f"\n{pooled.headline(found)}", style="bold"))
        if not quiet and found.variants:
            output.print(terminal.drawn(pooled.cells(found)))
    output.print(Text(f"\nThe page of all tasks: {index}"), soft_wrap=True)


def repeat(directory: Path) -> str:
    """The command that makes a study's comparison again, from its directory alone."""
    return shlex.join(["sssam", "compare", str(directory)])


def describe(task: str, tuning: Tuning) -> str:
    """One line on what was tuned for a variant, and how well it did."""
    best = next(score for score in tuning.scores if score.values == tuning.values)
    values = ", ".join(f"{name} {value}" for name, value in tuning.values.items())
    ends = f"; at the end of its grid: {', '.join(tuning.at_end)}" if tuning.at_end else ""
    seeds = counted(len(tuning.seeds), "seed")
    return (
        f"{tuning.label} on {task}: {values}, the best of {counted(tuning.trials, 'trial')}; "
        f"validation accuracy {100 * best.mean:.2f}% over {seeds}{ends}"
    )


def of_run(record: Record) -> str:
    """One line on a run that was trained by itself."""
    accuracy = "unknown" if record.test_accuracy is None else f"{100 * record.test_accuracy:.2f}%"
    spent = "unknown" if record.propagations is None else f"{record.propagations:.3f}"
    return (
        f"{record.run.method.label} on {record.run.task.name}, seed {record.run.seed}: "
        f"{record.outcome}; test accuracy {accuracy}; {spent} propagations a step over "
        f"{record.steps} steps; {record.seconds:.1f} s"
    )
