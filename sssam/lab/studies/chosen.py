"""What was chosen among grids, as the values of a task that the package keeps."""

from collections.abc import Sequence

from sssam.lab.specs import REVISION, Environment, Task
from sssam.lab.studies.tune import Choice
from sssam.lab.tuned import Row, Score, Tuned


def as_tuned(
    task: Task,
    choices: Sequence[Choice],
    seeds: Sequence[int],
    command: str,
    environment: Environment,
) -> Tuned:
    """What was chosen for a task, as a value to keep."""
    data = task.data.model_copy(update={"path": None})
    radii = {t.method.rho for choice in choices for t in choice.trials if choice.grid.tuned}
    return Tuned(
        task=task.name,
        command=command,
        recipe=task.model_copy(update={"data": data}),
        revision=REVISION,
        seeds=tuple(seeds),
        grid=tuple(sorted(radii)),
        rows=tuple(map(_row, choices)),
        environment=environment,
    )


def _row(choice: Choice) -> Row:
    scores = [
        Score(rho=t.method.rho, mean=t.mean, spread=t.spread, n=t.n, diverged=t.diverged)
        for t in choice.trials
    ]
    return Row(label=choice.grid.label, rho=choice.method.rho, scores=tuple(scores))
