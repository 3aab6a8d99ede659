"""`sssam search`."""

from functools import partial
from typing import Annotated, Literal

from sssam.lab.cli.options import (
    AT_LEAST_0,
    MANY,
    SEEDS,
    EngineOptions,
    Out,
    Seeds,
    Switch,
    TaskOptions,
    Whole,
)
from sssam.lab.cli.refusals import refusing

Numbers = Annotated[tuple[float, ...], MANY]


def search(
    task: str = "noisy-digits",
    *,
    budgets: Numbers = (1.1, 1.25, 1.5),
    trials: Whole = 30,
    seeds: Annotated[int, SEEDS] = 3,
    rho: Annotated[tuple[float, float], MANY] = (0.02, 2.0),
    fractions: Numbers = (1.0,),
    knots: int = 5,
    generation: Whole = 8,
    halve: Switch = True,
    sampler: Literal["tpe", "random"] = "tpe",
    sampler_seed: Annotated[int, AT_LEAST_0] = 0,
    out: Out = None,
    confirm: Seeds = None,
    options: TaskOptions = TaskOptions(),  # noqa: B008 -- frozen
    how: EngineOptions = EngineOptions(),  # noqa: B008 -- frozen
) -> int:
    """Search for schedules, each with its rho, that bring most at a budget of propagations.

    Every trial costs exactly its budget, and is judged on validation data alone. The same command
    goes on where it was stopped, and with more trials further. The exit code is 1 if runs failed.

    Args:
        task: What is trained, as in sssam compare.
        budgets: Propagations a step, above 1 and at most 2 (SAM); each is a search of its own.
            Default 1.1 1.25 1.5.
        trials: Of each search; the same command with more goes on.
        seeds: Validation seeds of a trial, counted from 2000.
        rho: Range of the radius, from the first number to the second. Default 0.02 2.
        fractions: Parts of a batch that the ascent pass may take, in (0, 1]; default 1.
        knots: Pieces of the free forms, 2 to 20.
        generation: Trials of a search that are drawn before any of them is learnt from, and can be
            trained at once.
        halve: Give up the lesser half of each generation after its first seed; by default it is.
        sampler: Of Optuna's: tpe learns from earlier trials, random does not.
        sampler_seed: Of the sampler; equal seeds give equal trials.
        out: Directory of records and results; default sssam-results/TASK-search.
        confirm: Compare what was found with the base optimizer and SAM, on this many fresh seeds
            and on the test set, in the folder confirm; 10 or more tell something.
    """
    from sssam.lab.cli import results, studies, terminal, training
    from sssam.lab.runs import checks
    from sssam.lab.runs.progress import Purpose
    from sssam.lab.search import confirm as confirming
    from sssam.lab.search import design, report
    from sssam.lab.search import search as run_search

    with training.failing():
        with refusing():
            designs = design.designs(
                budgets,
                task=studies.task(task, options),
                seeds=tuple(range(design.FIRST_SEED, design.FIRST_SEED + seeds)),
                sampler=sampler,
                rho=rho,
                fractions=fractions,
                knots=knots,
                generation=generation,
                halve=halve,
                seed=sampler_seed,
            )
            folder = studies.results(f"{designs[0].task.name}-search", out)
            trainer = training.trainer(folder, how)
            checks.check_runs([each.example() for each in designs])
            folder.mkdir(parents=True, exist_ok=True)
        searching = partial(trainer, purpose=Purpose("searching", choosing=True))
        found = run_search(designs, trials, searching)
        trainer.say_if_nothing_was_trained()
        written = report.write(found, folder)
        if not how.quiet:
            terminal.consoles()[0].print(report.table(found))
        terminal.say("", *(f"Written: {path}" for path in written))
        code = results.failed(trainer.stored.values())
        if confirm is not None:
            with refusing():
                what = studies.Target(confirming.study(found, confirm), folder / "confirm")
                trainer = studies.trainer(what, how)
            results.show(what, *studies.run(what, trainer), how.quiet)
            code = max(code, results.failed(trainer.stored.values()))
        return code
