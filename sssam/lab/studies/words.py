"""Variants from the words of a command line, by label, kind or settings; and the study of them."""

import tomllib
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from sssam.lab.runs import checks
from sssam.lab.specs import BASE, Method, Task
from sssam.lab.specs.flatness import FlatnessSettings
from sssam.lab.specs.invalid import complaint, nearest
from sssam.lab.studies import defaults, settings
from sssam.lab.studies.design import TRIALS, TUNING_SEEDS, Part, Study, Tunable
from sssam.lab.studies.variants import VARIANT
from sssam.lab.training import methods


def parse(task: Task, words: Sequence[str], rho: defaults.Rho = None) -> list[Tunable]:
    """The variants that words name; the default ones for none.

    Each word is the label of a default variant or control, in any case; a kind, such as `esam`; a
    kind with settings as in a study file, such as `looksam:k=5,rho=0.1` or
    `sssam:schedule='late(0.5)'`; `default`; or `all`, for a variant of every kind that suits the
    task. A rho that is not given is `rho`, as in a study file; for None its class's default.

    Raises:
        ValueError: no such label or kind (with the nearest), a setting that the kind does not have,
            a value out of its range.
    """
    every = (variant for word in words or ["default"] for variant in _named(word, task, rho))
    return list({variant.label: variant for variant in every}.values())


def _named(word: str, task: Task, rho: defaults.Rho) -> list[Tunable]:
    known = list(defaults.variants(task, rho))
    if word.casefold() == "default":
        return known
    if word.casefold() == "all":
        every = (_of_kind(kind, {}, task, rho) for kind in methods.KINDS if kind != "base")
        return [each for each in every if suits(each.start, task)]
    controls = (Tunable(method=each) for each in defaults.controls(task))
    by_label = {each.label: each for each in [*known, *controls]}
    for label, each in by_label.items():
        if label.casefold() == word.casefold():
            return [each]
    kind, colon, rest = word.partition(":")
    if kind.casefold() not in methods.KINDS:
        raise ValueError(nearest("variant", word, [*by_label, *methods.KINDS]))
    given = {"label": word, **_settings(rest, word)} if colon else {}
    try:
        return [_of_kind(kind.casefold(), given, task, rho)]
    except ValidationError as error:
        raise ValueError(f"variant {word!r}: {complaint(error, given=given)}") from error


def _of_kind(kind: str, given: dict[str, Any], task: Task, rho: defaults.Rho) -> Tunable:
    table = {**given}
    if "schedule" in methods.arguments(kind):
        table.setdefault("schedule", "linear(0, 1)")  # the paper's
    if rho is not None and methods.default_rho(kind):
        table.setdefault("rho", rho)
    return VARIANT.validate_python({"kind": kind, **table}).tunable(task)


def suits(method: Method, task: Task) -> bool:
    """Whether the method can train the task: SAM-ON needs norm layers, ESAM a loss a sample."""
    try:
        checks.check(task, [method])
    except checks.MethodError:
        return False
    return True


def _settings(text: str, word: str) -> dict[str, Any]:
    try:
        return dict(tomllib.loads(f"settings = {{{text}}}")["settings"])
    except tomllib.TOMLDecodeError as error:
        raise ValueError(
            f"variant {word!r}: can't read {text!r}; settings are those of a study file, numbers "
            "as they are and words in quotes, such as k=5,rho=0.1 or schedule='late(0.5)'"
        ) from error


def study(
    task: Task,
    variants: Sequence[str] = (),
    *,
    trials: int = 0,
    controls: bool = True,
    seeds: int = defaults.SEEDS,
    flatness: bool = False,
    rho: defaults.Rho = "tune",
) -> Study:
    """A comparison of variants with the base on a task.

    `variants` are words as `parse` reads them, and `trials` those of the base's recipe and of
    each variant's `rho`; 0 leaves both as they are. Seeds are counted from 0.
    """
    chosen = parse(task, [word for word in variants if word != "base"], rho if trials else None)
    named = {variant.label for variant in chosen}
    known = defaults.controls(task) if controls else ()
    part = Part(
        task=task,
        base=Tunable(method=BASE, axes=settings.recipe(task) if trials else {}),
        controls=tuple(control for control in known if control.label not in named),
        variants=tuple(chosen),
    )
    return Study(
        name=task.name,
        parts=(part,),
        seeds=tuple(range(seeds)),
        tuning_seeds=TUNING_SEEDS[:3],
        trials=trials or TRIALS,
        flatness=FlatnessSettings() if flatness else None,
    )


def search(
    task: Task, budgets: Sequence[float], fractions: Sequence[float], *, trials: int, seeds: int
) -> Study:
    """A comparison of SAM with the best schedule and rho at each budget.

    They are chosen by the tuning of the study, among all families of schedules that can meet the
    budget, with ascents on each of the `fractions` of a batch that can cost it. Draws are
    systematic, so that each run costs its budget to one step.

    Raises:
        ValueError: a budget that no fraction can cost.
    """
    variants = [
        _of_kind("sssam", _searched(budget, fraction), task, "tune")
        for budget in dict.fromkeys(budgets)
        for fraction in [f for f in fractions if budget <= 1 + f] or fractions[:1]
    ]
    made = study(task, ["SAM"], trials=trials, seeds=seeds)
    (part,) = made.parts
    part = part.model_copy(update={"variants": (*part.variants, *variants)})
    return made.model_copy(update={"name": f"{task.name}-search", "parts": (part,)})


def _searched(budget: float, fraction: float) -> dict[str, Any]:
    part = {} if fraction == 1 else {"ascent_fraction": fraction}
    label = f"found {budget:g}" + (f", ascent on {fraction:g}" if part else "")
    given = {"label": label, "schedule": "tune", "budget": budget, "draws": "systematic"}
    return {**given, **part}


def variant(task: Task, word: str) -> Method:
    """The one variant that a word names, where its tuning would start.

    Raises:
        ValueError: it names none, or several.
    """
    if word == "base":
        return BASE
    named = parse(task, [word])
    if len(named) != 1:
        raise ValueError(f"--method is {word!r}, which names {len(named)} variants: name one")
    return named[0].start
