"""`sssam search`."""

from functools import partial
from typing import Annotated

from sssam.lab.cli.options import (
    AT_LEAST_0,
    MANY,
    SEEDS,
    EngineOptions,
    Out,
    Seeds,
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
    generation: Whole = 8,
    sampler_seed: Annotated[int, AT_LEAST_0] = 0,
    out: Out = None,
    confirm: Seeds = None,
    options: TaskOptions = TaskOptions(),  # noqa: B008 -- frozen
    how: EngineOptions = EngineOptions(),  # noqa: B008 -- frozen
) -> int:
    """Search for schedules, each with its rho, that gain most at a budget of propagations.

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
        generation: Trials of a search that are drawn before any of them is learnt from, and can be
            trained at once.
        sampler_seed: Of the sampler; equal seeds give equal trials.
        out: Directory of records and results; default sssam-results/TASK-search.
        confirm: Compare what was found with the base optimizer and SAM, on this many fresh seeds
            and on the test set, in the folder confirm; 10 or more tell something.
    """
    from sssam.lab import search as searching
    from sssam.lab.cli import results, studies, terminal
    from sssam.lab.runs import checks
    from sssam.lab.search import design
    from sssam.lab.search.results import cells
    from sssam.runtime.files import write_whole

    with studies.failing():
        with refusing():
            designs = design.designs(
                budgets,
                task=studies.task(task, options),
                seeds=tuple(range(design.FIRST_SEED, design.FIRST_SEED + seeds)),
                rho=rho,
                fractions=fractions,
                generation=generation,
                seed=sampler_seed,
            )
            folder = studies.results(f"{designs[0].task.name}-search", out)
            trainer = studies.trainer(folder, how)
            checks.check_runs([each.example() for each in designs])
            folder.mkdir(parents=True, exist_ok=True)
        found = searching.search(designs, trials, partial(trainer, title="searching"))
        trainer.say_if_nothing_was_trained()
        if not how.quiet:
            terminal.draw(cells(found), wrapped="schedule")
            terminal.say("* on the Pareto front over budgets", style="dim")
        write_whole(folder / "search.json", found.model_dump_json().encode() + b"\n")
        terminal.say("", f"Written: {folder / 'search.json'}")
        code = results.failed(trainer.stored.values())
        if confirm is None:
            return code
        with refusing():
            target = studies.Target(searching.confirm(found, confirm), folder / "confirm")
            trainer = studies.begin(target, how)
        return max(code, results.show(target, *studies.run(target, trainer), how.quiet))
