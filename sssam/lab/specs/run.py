"""What is run: a `Task` and a `Method` make, with a seed, a `Run`."""

import hashlib
import json
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, model_validator

from sssam.lab.specs.base import Name, Spec, Whole
from sssam.schedules import Schedule, from_dict

#: Raised by hand when the numbers that a run produces change, so that old records are not mixed in.
REVISION = 1

#: The same for the kinds of method whose numbers alone changed; kinds left out have revision 1.
KIND_REVISIONS: dict[str, int] = {}

#: Of weights and passes, as Fabric names them; "16-mixed" scales its losses against underflow. Not
#: "16-true": without float32 weights, updates below a weight's last place are lost.
Precision = Literal["32-true", "64-true", "bf16-mixed", "bf16-true", "16-mixed"]

#: A number above 0; whole ones are kept as whole numbers, so that equal lengths have equal ids.
Length = Annotated[int | float, Field(gt=0), AfterValidator(lambda x: int(x) if x == int(x) else x)]


class DataSpec(Spec):
    """Which examples, and how they are split; the split depends on the run's seed too.

    `fingerprint` is of the data's content, so that two runs on data that differ are two runs, and
    data that were moved stay the same; `path` says only where they lie. `target` names the column
    of the labels. `test` is the number of test examples: they are drawn once, before any seed, from
    data without a test set of their own.
    """

    name: str
    path: str | None = None
    fingerprint: str | None = None
    train: Whole | None = None
    validation: Whole | None = None
    test: Whole | None = None
    label_noise: Annotated[float, Field(ge=0, le=1)] = 0.0
    target: str | None = None
    length: None = Field(default=None, exclude=True)  # in records made before 0.2, of texts


def _augment(given: object) -> object:
    """Read from records: once a truth value, which ids of runs still stand for."""
    return {True: "shifts and flips", False: "none"}[given] if isinstance(given, bool) else given


#: What is drawn anew for each image at each epoch. Two of the values are written as truth values.
Augment = Annotated[
    Literal["none", "shifts", "shifts and flips"],
    BeforeValidator(_augment),
    PlainSerializer(lambda kind: {"none": False, "shifts and flips": True}.get(kind, kind)),
]


class ModelSpec(Spec):
    """A model by name; `widths` are those of its layers, as many as the model takes."""

    name: str
    widths: tuple[Whole, ...] = ()
    options: dict[str, None] = Field(default={}, exclude=True, max_length=0)  # as `length`

    @property
    def text(self) -> str:
        """The name with the widths, such as "mlp 256-256"."""
        return " ".join([self.name, "-".join(map(str, self.widths))]).strip()


class Code(Spec):
    """A function in a user's file; `sha256` is of the source and of the files that it depends on.

    `path` is absolute, and says only where the file lies.
    """

    path: str
    function: str
    sha256: str


class Task(Spec):
    """What is trained, and how: everything that is equal across the methods compared.

    A variant is non-inferior to SAM when it is less than `margin` percentage points below it and
    its gain over the base is above the `share`, in (0, 1], of SAM's. Both are fixed with the task.
    `batch_size` is that of all ranks together. `precision` is that of the training. `augment`
    shifts each image by up to an eighth of its side and flips it from left to right, anew at each
    epoch. `optimizer` "own" is a user's function. `metric` is the name of what is measured, for
    tables. `code` is the user's function that makes model and data, where `data` and `model` are
    named "code".
    """

    name: Name
    data: DataSpec
    model: ModelSpec
    epochs: Whole = 40
    batch_size: Whole = 64
    optimizer: Literal["sgd", "adamw", "own"] = "sgd"
    learning_rate: Annotated[float, Field(gt=0)] = 0.1
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    weight_decay: Annotated[float, Field(ge=0)] = 5e-4
    anneal: Literal["one-cycle", "cosine", "constant"] = "one-cycle"
    augment: Augment = "none"
    precision: Precision = "32-true"
    margin: Annotated[float, Field(gt=0)] = 1.0
    share: Annotated[float, Field(gt=0, le=1)] = 0.8
    metric: Name = "accuracy"
    code: Code | None = None


#: The weights that are evaluated: the last ones, or an average of them.
Average = Literal["none", "ema", "sema", "swa", "lawa"]


class Method(Spec):
    """One variant of a comparison: an optimizer and its hyperparameters.

    `kind` is a name of `sssam.lab.training.methods.KINDS`; `rho` is a radius in weight space, or
    "auto" where the method finds its own; `schedule` is a schedule's `to_dict()`; `options` are
    further arguments of the kind's class by their names there; `length` multiplies the epochs (2
    costs what SAM does, 0.25 a quarter of the training), and the learning rate is annealed over
    what results; `learning_rate` and `weight_decay` stand in for the task's where they were tuned,
    or set for this variant; `label_smoothing`, in [0, 1), is that of the training loss (Szegedy et
    al., 2016, arXiv 1512.00567); `dropout`, in [0, 1), is the probability of every dropout layer of
    the model, None as the model has it. `revision` is raised where the numbers that a kind produces
    change, so that its old records are not mixed in.

    `average` says which weights are evaluated: the last ones, their exponential moving average
    ("ema"), one that is put back into the weights after each epoch ("sema", arXiv 2402.09240),
    their running mean ("swa", arXiv 1803.05407), or that of the ends of epochs ("lawa", arXiv
    2209.14981), with batch norm's statistics refreshed. It begins at `average_start`, progress in
    [0, 1): None is 0 for the first two and 0.75 for the others. `average_horizon`, in (0, 1], is
    the part of the run's steps, for "sema" of an epoch's, over which a moving average forgets: its
    decay is 1 - 1 / (average_horizon * steps). `patience` stops a run after so many epochs without
    a better validation score, and evaluates the best epoch's weights.
    """

    label: Name
    kind: str
    rho: Annotated[float, Field(ge=0)] | Literal["auto"] = 0.0
    schedule: dict[str, Any] | None = None
    options: dict[str, bool | int | float | str] = Field(default_factory=dict)
    length: Length = 1
    learning_rate: Annotated[float, Field(gt=0)] | None = None
    weight_decay: Annotated[float, Field(ge=0)] | None = None
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    dropout: Annotated[float, Field(ge=0, lt=1)] | None = None
    average: Average = "none"
    average_start: Annotated[float, Field(ge=0, lt=1)] | None = None
    average_horizon: Annotated[float, Field(gt=0, le=1)] = 0.2
    patience: Whole | None = None
    revision: int = Field(default_factory=lambda values: KIND_REVISIONS.get(values["kind"], 1))

    @model_validator(mode="after")
    def _averages(self) -> Self:
        """Refuses an option of the average that the average asked for does not have."""
        moving: tuple[Average, ...] = ("ema", "sema")
        takes = {"average_start": (*moving, "swa", "lawa"), "average_horizon": moving}
        for name, averages in takes.items():
            value = getattr(self, name)
            if self.average not in averages and value != type(self).model_fields[name].default:
                raise ValueError(
                    f"{name} is {value:g} with average {self.average!r}, must be left out: it is "
                    f"for {', '.join(map(repr, averages))}"
                )
        return self

    @property
    def radius(self) -> str:
        """rho as a text."""
        return self.rho if isinstance(self.rho, str) else f"{self.rho:g}"

    @property
    def is_plain(self) -> bool:
        """Whether the run's last weights are evaluated: no average, no early stopping."""
        return self.average == "none" and self.patience is None

    @property
    def averaged_from(self) -> float:
        """The progress at which the average of the weights begins, in [0, 1]; 1 without one."""
        start = {"none": 1.0, "ema": 0.0, "sema": 0.0, "swa": 0.75, "lawa": 0.75}[self.average]
        return start if self.average_start is None else self.average_start

    @property
    def ascent_fraction(self) -> float:
        """The part of a batch that the ascent pass is asked to take, 1 where nothing is asked."""
        return float(self.options.get("ascent_fraction", 1.0))

    def scheduling_function(self) -> Schedule | None:
        """The schedule as a value, or None for a method that has none."""
        return None if self.schedule is None else from_dict(self.schedule)


#: The base optimizer itself, at its whole length.
BASE = Method(label="base", kind="base")


class Run(Spec):
    """One training run; all that determines its numbers, and nothing else."""

    task: Task
    method: Method
    seed: Annotated[int, Field(ge=0)]
    revision: int = REVISION

    @property
    def epochs(self) -> int:
        """The task's epochs times the method's length, rounded, at least 1."""
        return max(1, round(self.task.epochs * self.method.length))

    def total_steps(self, examples: int) -> int:
        """Steps on a training set of that size; the last batch of an epoch may be smaller."""
        return self.epochs * -(-examples // self.task.batch_size)

    @property
    def id(self) -> str:
        """The first 16 hexadecimal digits of the SHA-256 of the canonical JSON.

        Left out are labels, what a comparison alone uses, where the data lie, and what has its
        default: so a field that is added with a default leaves the ids of before as they are.
        """
        return self._hash()

    @property
    def variant(self) -> str:
        """The id without the seed: equal for the runs of one method on one task."""
        return self._hash("seed")

    def _hash(self, *left_out: str) -> str:
        apart: Any = {
            "method": {"label"},
            "task": {
                **dict.fromkeys(("name", "margin", "share", "metric"), True),
                "data": {"path"},
                "code": {"path"},
            },
            **dict.fromkeys(left_out, True),
        }
        content = self.model_dump(mode="json", exclude=apart, exclude_defaults=True)
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]
