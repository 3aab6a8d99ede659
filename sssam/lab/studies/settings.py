"""The values among which each setting is tuned, where a study says "tune"."""

from collections.abc import Mapping

from torch.nn.modules.dropout import _DropoutNd

from sssam.lab import tasks
from sssam.lab.specs import Task
from sssam.lab.studies.design import Axis
from sssam.lab.tasks.problem import cross_entropy
from sssam.lab.training import methods

#: What is multiplied with the default rho of a kind's class for the first radii that are tried.
FACTORS = (0.25, 1.0, 4.0, 16.0)

#: First radii of kinds that need another range: isotropic noise acts at far larger ones, and IRE,
#: which has none by default, takes SAM's.
RADII: Mapping[str, tuple[float, ...]] = {
    "random": (0.625, 2.5, 10.0, 40.0),
    "ire": (0.0125, 0.05, 0.2, 0.8),
}

#: First weight decays of a task that has none, where its optimizer decouples them from the loss.
DECAYS = {"adamw": (0.0, 0.01, 0.1)}

#: The most of a label's weight, or of a layer's units, that is given up.
MOST = 0.9


def radii(kind: str) -> Axis:
    """The axis of the rho of a kind that has one."""
    default = methods.default_rho(kind)
    values = RADII.get(kind, tuple(float(f"{default * factor:.3g}") for factor in FACTORS))
    return Axis(values=values, start=values[1], grows=True)


def recipe(task: Task) -> dict[str, Axis]:
    """The axes of the recipe's settings that a task has, each starting where the task stands.

    A task has weight decay unless the optimizer is its own, label smoothing if its loss is the
    cross-entropy, and dropout if its model has such a layer.
    """
    rate = task.learning_rate
    axes = {"learning_rate": Axis(values=(rate / 2, rate, rate * 2), start=rate, grows=True)}
    survey = tasks.survey(task)
    if task.optimizer != "own":
        axes["weight_decay"] = _decay(task)
    if survey.problem.loss is cross_entropy:
        axes["label_smoothing"] = Axis(values=(0.0, 0.1, 0.3), start=0.0, grows=True, most=MOST)
    dropped = [m.p for m in survey.problem.model.modules() if isinstance(m, _DropoutNd)]
    if dropped and dropped[0] <= MOST:
        values = tuple(sorted({0.0, 0.2, 0.5, dropped[0]}))
        axes["dropout"] = Axis(values=values, start=dropped[0], grows=True, most=MOST)
    return axes


def _decay(task: Task) -> Axis:
    decay = task.weight_decay
    if decay:
        return Axis(values=(decay, 4 * decay, 16 * decay), start=decay, grows=True)
    values = DECAYS.get(task.optimizer, (0.0, 5e-4, 5e-3))
    return Axis(values=values, start=0.0, grows=True)


def axis(name: str, kind: str, task: Task) -> Axis:
    """The axis of a setting by its name.

    Raises:
        ValueError: the task or the kind does not have it, or its values must be given.
    """
    if name == "rho":
        return radii(kind)
    known = recipe(task)
    if name not in known:
        raise ValueError(
            f"{name} can't be tuned on task {task.name!r}: of its recipe, {', '.join(known)} can; "
            "give a value, or a list of values"
        )
    return known[name]
