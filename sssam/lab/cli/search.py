"""`sssam search`."""

import math
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from sssam.lab.cli.options import Flag, HowStudies
from sssam.lab.cli.refusals import refusing

if TYPE_CHECKING:
    from sssam.lab.search import Design, Results


def search(
    task: str = "noisy-digits",
    *,
    budgets: str = "1.1,1.25,1.5",
    trials: int = 30,
    seeds: int = 3,
    rho: str = "0.02,2",
    fractions: str = "1",
    knots: int = 5,
    generation: int = 8,
    halve: Annotated[bool, Parameter(negative="--no-halve")] = True,
    sampler: Literal["tpe", "random"] = "tpe",
    sampler_seed: int = 0,
    out: Path | None = None,
    confirming: Annotated[int | None, Parameter(name="--confirm")] = None,
    epochs: int | None = None,
    data: Path | None = None,
    quiet: Flag = False,
    how: HowStudies = HowStudies(),  # noqa: B008 -- frozen
) -> int:
    """Search for schedules, each with its rho, that bring most at a budget of propagations.

    Every trial costs exactly its budget, and is judged on validation data alone. The same command
    goes on where it was stopped, and with more trials further. The exit code is 1 if runs failed.

    Args:
        task: What is trained, as in sssam compare.
        budgets: Propagations a step, above 1 and at most 2 (SAM), separated by commas; each is a
            search of its own.
        trials: Of each search, at least 1; the same command with more goes on.
        seeds: Validation seeds of a trial, counted from 2000; at least 1.
        rho: Range of the radius, LOW,HIGH.
        fractions: Parts of a batch that the ascent pass may take, in (0, 1], separated by commas.
        knots: Pieces of the free forms, 2 to 20.
        generation: Trials of a search that are drawn before any of them is learnt from, and can be
            trained at once; at least 1.
        halve: Give up the lesser half of each generation after its first seed.
        sampler: Of Optuna's: tpe learns from earlier trials, random does not.
        sampler_seed: Of the sampler; equal seeds give equal trials.
        out: Directory of records and results; default sssam-results/TASK-search.
        confirming: Compare what was found with the base optimizer and SAM, on this many fresh seeds
            and on the test set, in the folder confirm; 10 or more tell something.
        epochs: Length of the training, at least 1; default the task's own.
        data: Where the task's data lie, for a task that does not bring its own.
        quiet: No progress and no table.
    """
    from sssam.lab.cli import arguments, results, studies, terminal, training
    from sssam.lab.runs import checks
    from sssam.lab.runs.progress import Purpose
    from sssam.lab.search import confirm
    from sssam.lab.search import search as run_search
    from sssam.lab.search.design import FIRST_SEED

    with training.leading(how) as train:
        if train is None:  # another rank, which has trained along
            return 0
        _, errors = terminal.consoles()
        with refusing():
            count = arguments.seeds(seeds, "validation seeds")
            shared = {
                "task": arguments.task(task, epochs, data),
                "sampler": sampler,
                "seeds": tuple(range(FIRST_SEED, FIRST_SEED + count)),
                "rho": tuple(numbers("--rho", rho)),
                "fractions": tuple(numbers("--fractions", fractions)),
                "knots": knots,
                "generation": generation,
                "halve": halve,
                "seed": sampler_seed,
            }
            designs = [_design(budget=each, **shared) for each in numbers("--budgets", budgets)]
            arguments.at_least_one("--trials", trials, "trials of each search")
            if confirming is not None:
                arguments.seeds(confirming, "fresh seeds", "--confirm")
            folder = arguments.results(designs[0].task.name, out, "-search")
            where, settings = training.engine(how), training.settings(how, train)
            trainer = training.Trainer(folder, where, settings, quiet, how.retry_failed)
            checks.check_runs([design.example() for design in designs])
        searching = partial(trainer, purpose=Purpose("searching", choosing=True))
        found = run_search(designs, trials, searching)
        _show(found, folder, quiet)
        code = results.failed(trainer.stored.values(), errors, "--retry-failed trains them anew")
        if confirming is not None:
            with refusing():
                study = confirm.study(found, confirming)
                what = studies.Target(study, arguments.directory(folder / "confirm"))
                trainer = studies.trainer(what, how, train, quiet)
            decided, stored = studies.run(what, trainer)
            results.show(what, decided, stored, quiet, results.repeat(what.directory))
            code = max(code, results.failures(what.study, decided, stored, errors))
        return code


def numbers(name: str, text: str) -> list[float]:
    """The numbers between commas, each once.

    Raises:
        ValueError: there is none, one stands twice, or something is no number.
    """
    try:
        found = [float(piece) for piece in text.split(",")]
    except ValueError:
        found = []
    if not found or len(set(found)) < len(found) or not all(map(math.isfinite, found)):
        raise ValueError(f"{name} is {text!r}, must be numbers separated by commas, each once")
    return found


def _design(**values: object) -> "Design":
    from pydantic import ValidationError

    from sssam.lab.search import Design
    from sssam.lab.specs.invalid import complaint

    try:
        return Design.model_validate(values)
    except ValidationError as error:
        raise ValueError(complaint(error, Design.model_fields)) from error


def _show(found: "Results", folder: Path, quiet: bool) -> None:
    """Writes and prints what was found."""
    from rich.text import Text

    from sssam.lab.cli import terminal
    from sssam.lab.report import files
    from sssam.lab.search import report
    from sssam.runtime.files import write_whole

    output, _ = terminal.consoles()
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "search.json", found.model_dump_json().encode() + b"\n")
    if not quiet:
        output.print(report.table(found))
    if found.front():
        path = files.save(report.front(found), folder / "front.svg")
        output.print(Text(f"\nThe front: {path}; all trials: {folder / 'search.json'}"))
