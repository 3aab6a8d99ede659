"""What the settings of a variant were chosen among, on which seeds, and how the trials scored."""

from typing import Annotated

from pydantic import Field

from sssam.lab.specs.base import Name, Spec, Whole

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
