"""The study of one task, from what a command says of it."""

from collections.abc import Sequence

from sssam.lab.specs import Method, Task
from sssam.lab.specs.flatness import OF_STUDY
from sssam.lab.studies import defaults, settings, words
from sssam.lab.studies.design import TRIALS, TUNING_SEEDS, Part, Study, Tunable

#: Seeds on which a task is tuned that is compared without a study file.
_TUNING_SEEDS = TUNING_SEEDS[:3]


def study(
    task: Task,
    variants: Sequence[str] = (),
    *,
    trials: int = 0,
    controls: bool = True,
    seeds: int = defaults.SEEDS,
    flatness: bool = False,
) -> Study:
    """A comparison of variants with the base on a task.

    `variants` are words as `words.parse` reads them, and `trials` those of the base's recipe and of
    each variant's rho; 0 leaves both as they are. Seeds are counted from 0.
    """
    axes = settings.recipe(task) if trials else {}
    chosen = words.parse(task, [word for word in variants if word != "base"], bool(trials))
    named = {variant.label for variant in chosen}
    known = defaults.controls(task) if controls else ()
    part = Part(
        task=task,
        base=Tunable(method=Method(label="base", kind="base"), axes=axes),
        controls=tuple(control for control in known if control.label not in named),
        variants=tuple(chosen),
    )
    return Study(
        name=task.name,
        parts=(part,),
        seeds=tuple(range(seeds)),
        tuning_seeds=_TUNING_SEEDS,
        trials=trials or TRIALS,
        flatness=OF_STUDY if flatness else None,
    )


def variant(task: Task, word: str) -> Method:
    """The one variant that a word names, where its tuning would start.

    Raises:
        ValueError: it names none, or several.
    """
    if word == "base":
        return Method(label="base", kind="base")
    named = words.parse(task, [word])
    if len(named) != 1:
        raise ValueError(f"--method is {word!r}, which names {len(named)} variants: name one")
    return named[0].start
