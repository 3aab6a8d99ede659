"""How a comparison was made, in paragraphs: the task, the pairing, the words, the machine."""

from typing import NamedTuple

from sssam.lab.comparison.headline import counted, counted_points
from sssam.lab.comparison.values import Comparison
from sssam.lab.specs import Environment, Task
from sssam.lab.stats import BOOTSTRAP_SEEDS
from sssam.lab.tuned import Tuned


class Paragraph(NamedTuple):
    """A heading and what stands under it."""

    title: str
    text: str


def explained(comparison: Comparison) -> list[Paragraph]:
    """The paragraphs below a comparison, in their order; each tells what the records hold."""
    paragraphs = [
        Paragraph("Task", _task(comparison.task)),
        Paragraph("Seeds", _seeds(comparison)),
        Paragraph("Choice of \N{GREEK SMALL LETTER RHO}", comparison.note or _UNTOLD),
        Paragraph("What it means to keep SAM's gain", _keeping(comparison.task)),
        Paragraph("Propagations", _PROPAGATIONS),
    ]
    paragraphs += [Paragraph("Machine", _machine(each)) for each in comparison.environments]
    if comparison.commits:
        paragraphs.append(Paragraph("Source", f"Commit {', '.join(comparison.commits)}."))
    return paragraphs


_UNTOLD = "It was given with each row; this comparison does not know how it was chosen."

_PROPAGATIONS = (
    "One propagation is a forward and a backward pass of one batch, as the base optimizer runs one "
    "a step. What was really run is counted, a forward as one third and a backward as two; an "
    "ascent on part of a batch counts for that part. The expected count is the schedule's mean "
    "over the very steps of the run."
)


def _task(task: Task) -> str:
    data, model = task.data, task.model
    parts = [task.name if data.name == task.name else f"{task.name}: {data.name}"]
    parts += [f"{data.train:,} training samples"] if data.train else []
    parts += [f"{data.validation:,} validation samples"] if data.validation else []
    noise = data.label_noise
    parts += [f"each training label drawn anew with probability {noise:g}"] if noise else []
    sizes = "-".join(map(str, model.widths))
    parts.append(f"model {model.name}" + (f" with hidden layers {sizes}" if sizes else ""))
    rate = f"{task.anneal} learning rate with peak {task.learning_rate:g}"
    if task.anneal == "constant":
        rate = f"constant learning rate {task.learning_rate:g}"
    momentum = f" with momentum {task.momentum:g}" if task.optimizer == "sgd" else ""
    parts.append(f"{task.optimizer.upper()}{momentum}, {rate}, weight decay {task.weight_decay:g}")
    parts.append(f"{task.epochs} epochs in batches of {task.batch_size}")
    return "; ".join(parts) + "."


def _seeds(comparison: Comparison) -> str:
    seeds = comparison.seeds
    which = f"{seeds[0]} to {seeds[-1]}" if _consecutive(seeds) else ", ".join(map(str, seeds))
    return (
        f"{counted(len(seeds), 'seed')}: {which}. A seed fixes the split of the data, the noise, "
        "the initial weights, the order of the batches and the augmentation, equally for all rows, "
        "so that rows are compared in pairs. Intervals are Student's t over seeds; from "
        f"{BOOTSTRAP_SEEDS} seeds on the bootstrap's (BCa) stand beside them, which are too short "
        "below."
    )


def _consecutive(seeds: tuple[int, ...]) -> bool:
    return len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[0] + len(seeds)))


def _keeping(task: Task) -> str:
    return (
        "Two things, both by paired 95% intervals: the row's difference to SAM lies wholly above "
        f"-{counted_points(task.margin)}, a margin that was fixed with the task, and its "
        "difference to the base optimizer lies wholly above 0. Of the p-values of the two the "
        "larger counts; they are adjusted by Holm's method over all rows that are neither base nor "
        "SAM, and below 0.025 a row is said to keep the gain. No row is tested where the interval "
        "of SAM's own gain is not wholly above 0. A row that passes alone, without the adjustment, "
        "is marked so. "
        f"Beside that, a row is tested to keep at least {100 * task.share:g}% of SAM's gain, by "
        "Student's t on its gain less that part of SAM's, seed by seed, adjusted likewise; it is "
        "not identified where the interval of SAM's own gain is not wholly above 0."
    )


def _machine(environment: Environment) -> str:
    first = environment.time.replace("T", " ").replace("+00:00", " UTC")
    versions = ", ".join(f"{name} {version}" for name, version in environment.versions.items())
    return (
        f"{environment.processor}, {counted(environment.cores, 'core')}, "
        f"{counted(environment.threads, 'thread')} a run, device {environment.device}; "
        f"{environment.platform}; {versions}. First record {first}."
    )


def tuning(task: Task, values: Tuned) -> str:
    """How the rho of the task's rows was chosen: on what, on which seeds, and by which command."""
    grid = ", ".join(f"{rho:g}" for rho in values.grid)
    text = (
        f"The rho of each row is the one with the best mean {task.metric} on validation samples, "
        f"over {counted(len(values.seeds), 'seed')} ({values.seeds[0]} to {values.seeds[-1]}) "
        f"other than the comparison's, among {grid}. It was chosen by `{values.command}`."
    )
    if not values.chosen_for(task):
        return f"{text} It was chosen with the task's own settings, from which this run differs."
    return text
