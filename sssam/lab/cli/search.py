"""`sssam search`."""

from typing import Annotated

from cyclopts import Parameter, validators

from sssam.lab.cli.options import MANY, SEEDS, EngineOptions, Out, TaskOptions, Whole
from sssam.lab.cli.refusals import refusing

Budget = Annotated[float, Parameter(validator=validators.Number(gt=1, lte=2))]
Fraction = Annotated[float, Parameter(validator=validators.Number(gt=0, lte=1))]


def search(
    task: str = "noisy-digits",
    *,
    budgets: Annotated[tuple[Budget, ...], MANY] = (1.1, 1.25, 1.5),
    fractions: Annotated[tuple[Fraction, ...], MANY] = (1.0,),
    trials: Whole = 20,
    seeds: Annotated[int, SEEDS] = 12,
    out: Out = None,
    options: TaskOptions = TaskOptions(),  # noqa: B008 -- frozen
    how: EngineOptions = EngineOptions(),  # noqa: B008 -- frozen
) -> int:
    """Find the schedule, with its rho, that gains most at a budget of propagations.

    Every trial costs exactly its budget, and is judged on validation data alone. What is found is
    then compared with the base, its controls and SAM, all tuned in as many trials, on fresh seeds
    and on the test set. The same command goes on where it was stopped.

    Args:
        task: What is trained, as in sssam compare.
        budgets: Propagations a step, above 1 and at most 2 (SAM); one schedule is chosen for each.
            Default 1.1 1.25 1.5.
        fractions: Parts of a batch that the ascent pass may take, in (0, 1], each by itself;
            default 1.
        trials: Settings that are tried for each budget, for the base and for SAM.
        seeds: How many paired seeds the comparison has, counted from 0.
        out: Directory of records and results; default sssam-results/TASK-search.
    """
    from sssam.lab.cli import results, studies
    from sssam.lab.studies import conduct, words

    with refusing():
        chosen = studies.task(task, options)
        study = words.search(chosen, budgets, fractions, trials=trials, seeds=seeds)
        folder = studies.results(study.name, out)
        target = studies.Target(conduct.continued(study, folder), folder)
    return results.show(target, *studies.run(target, how), how.quiet)
