"""What came of a run: a `Record`, with its curves and where it was made; and of a tuning."""

from typing import Annotated, Literal

from pydantic import Field

from sssam.lab.specs.base import Name, Spec, Whole
from sssam.lab.specs.flatness import Flatness
from sssam.lab.specs.run import Run

Accuracy = Annotated[float, Field(ge=0, le=1)]


class Point(Spec):
    """One point of a run's curves, at the end of an epoch; the loss is at w, on a fixed subset.

    `step` is the number of steps taken, `propagations` what they cost together, in passes of a
    batch; `train_loss` is None where it is not finite.
    """

    step: int
    propagations: float
    train_loss: float | None
    validation_accuracy: float
    learning_rate: float


class Environment(Spec):
    """Where and with what a record was made."""

    time: str
    processor: str
    cores: int
    threads: int
    device: str
    platform: str
    versions: dict[str, str]
    commit: str | None = None


class Record(Spec):
    """What came of a run.

    Accuracies are in [0, 1]; `correct` and `ascended` are bit sets as hexadecimal text (bit i of
    `int(text, 16)` is test example i, or step i); `propagations` and `expected_propagations` are
    means a step, in units of one forward-backward pass of the base optimizer's batch;
    `seconds` is the training alone, without evaluation; `peak_memory` in bytes is what torch's
    allocator took on CUDA, None elsewhere. `sample_hash` is of the examples and labels of the first
    `task.epochs` epochs, whether a run is shorter or longer, so it is equal for all methods of a
    seed, but for runs that diverged and stopped early; `initial_hash` is of the first weights;
    `test_hash` of the test labels in their order, so it is equal over seeds where they share a test
    set.

    `outcome` "diverged" means that the loss or the weights stopped being finite, or that the model
    ended at or below chance; its accuracy is still what was measured.

    Accuracies and `train_loss` are those of the weights that the method has evaluated: the last
    ones, an average, or those of the best epoch. Where batch norm is refreshed for an average, its
    forwards are in `forwards` and in `propagations`, and its time in `seconds`.

    `flatness` is there where it was asked for when the run was trained; `flatness_error` is the
    reason where it could not be measured.
    """

    run: Run
    outcome: Literal["finished", "diverged", "failed"]
    error: str | None = None
    steps: int = 0
    train_loss: float | None = None
    validation_accuracy: Accuracy | None = None
    test_accuracy: Accuracy | None = None
    correct: str = "0x0"
    test_size: int = 0
    ascended: str = "0x0"
    forwards: float = 0.0
    backwards: float = 0.0
    propagations: float | None = None
    expected_propagations: float | None = None
    seconds: float = 0.0
    peak_memory: int | None = None
    curve: tuple[Point, ...] = ()
    sample_hash: str = ""
    initial_hash: str = ""
    test_hash: str = ""
    flatness: Flatness | None = None
    flatness_error: str | None = None
    environment: Environment | None = None

    @property
    def cost(self) -> float | None:
        """Passes of the whole run, in those of a base run of the task's length.

        A run that was stopped early costs what it ran; None where nothing was counted.
        """
        if self.propagations is None:
            return None
        epochs = len(self.curve) or self.run.epochs
        return self.propagations * epochs / self.run.task.epochs

    @property
    def id(self) -> str:
        """The id of the run that this is the record of."""
        return self.run.id


#: The value of a setting: of a numeric one, or of an option by name.
Value = bool | int | float | str


class Score(Spec):
    """Validation accuracy, in [0, 1], of one trial over the tuning seeds.

    `values` are those of the settings that were tuned; `spread` is the sample standard deviation
    over seeds. Diverged runs count with what they reached, failed ones as 0.
    """

    values: dict[str, Value]
    mean: float
    spread: float
    diverged: Annotated[int, Field(ge=0)] = 0


class Tuning(Spec):
    """What was chosen for one variant, or for the base's recipe, by mean validation accuracy.

    `label` is the variant's; that of the base stands for the recipe, from which all variants start.
    `values` are those chosen, and `grids` all that were tried, in rising order, each by the name of
    the setting: "rho", "learning_rate", "weight_decay", "label_smoothing", "dropout", or an option
    of the variant's kind. `trials` is the number of combinations that were tried, each on every one
    of `seeds`. `at_end` names the settings whose best value is the smallest or largest tried, and
    not a bound of its range such as no weight decay: a wider grid could hold a better one.
    """

    label: Name
    values: dict[str, Value]
    grids: dict[str, tuple[Value, ...]]
    trials: Whole
    seeds: Annotated[tuple[int, ...], Field(min_length=1)]
    at_end: tuple[str, ...] = ()
    scores: tuple[Score, ...] = ()
