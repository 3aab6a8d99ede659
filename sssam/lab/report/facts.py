"""How a comparison was made, as names and values: the task, its recipe, the seeds, the machine."""

from typing import NamedTuple

from sssam.lab.comparison.values import Comparison, Variant
from sssam.lab.report.text import counted
from sssam.lab.specs import Environment, Task


class Fact(NamedTuple):
    """A name and its value."""

    name: str
    value: str


def facts(comparison: Comparison) -> list[Fact]:
    """What the records hold beside their numbers, in the order of the page."""
    task, seeds = comparison.task, comparison.seeds
    found = [
        Fact("data", _data(task)),
        Fact("model", " ".join([task.model.name, "-".join(map(str, task.model.widths))]).strip()),
        Fact("recipe of the base", _recipe(task)),
        Fact("length", f"{counted(task.epochs, 'epoch')} in batches of {task.batch_size}"),
        Fact("seeds", f"{len(seeds)}: {_numbers(seeds)}; equal split, noise, first weights, order"),
    ]
    found += [Fact("machine", _machine(each)) for each in comparison.environments]
    found += [Fact("versions", _versions(each)) for each in comparison.environments[:1]]
    if comparison.commits:
        found.append(Fact("commit of sssam", ", ".join(comparison.commits)))
    return found


def settings(variant: Variant) -> dict[str, str]:
    """The hyperparameters of a variant, by the columns of their table."""
    method, schedule = variant.method, variant.method.scheduling_function()
    apart = {"label", "kind", "rho", "schedule", "options", "revision"}
    others = method.model_dump(exclude=apart, exclude_defaults=True) | dict(method.options)
    return {
        "variant": method.label,
        "kind": method.kind,
        "\N{GREEK SMALL LETTER RHO}": "" if method.kind == "base" else f"{method.rho:g}",
        "schedule": "" if schedule is None else repr(schedule),
        "otherwise": ", ".join(f"{name} = {value}" for name, value in others.items()),
    }


def _data(task: Task) -> str:
    data = task.data
    sizes = {"training": data.train, "validation": data.validation}
    parts = [data.name, *(f"{n:,} {what} samples" for what, n in sizes.items() if n)]
    if data.label_noise:
        parts.append(f"each training label drawn anew with probability {data.label_noise:g}")
    return "; ".join(parts)


def _recipe(task: Task) -> str:
    momentum = f", momentum {task.momentum:g}" if task.optimizer == "sgd" else ""
    return (
        f"{task.optimizer.upper()}{momentum}, learning rate {task.learning_rate:g} "
        f"({task.anneal}), weight decay {task.weight_decay:g}"
    )


def _numbers(seeds: tuple[int, ...]) -> str:
    if list(seeds) == list(range(seeds[0], seeds[0] + len(seeds))) and len(seeds) > 2:
        return f"{seeds[0]} to {seeds[-1]}"
    return ", ".join(map(str, seeds))


def _machine(environment: Environment) -> str:
    return (
        f"{environment.processor}, {counted(environment.cores, 'core')}, "
        f"{counted(environment.threads, 'thread')} a run, device {environment.device}; "
        f"{environment.platform}; first record {environment.time}"
    )


def _versions(environment: Environment) -> str:
    return ", ".join(f"{name} {version}" for name, version in environment.versions.items())
