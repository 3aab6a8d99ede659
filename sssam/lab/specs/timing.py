"""What a variant's step takes over the base's, measured apart; and the file a study keeps it in."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from sssam.lab.specs.base import Spec, Whole
from sssam.lab.specs.invalid import complaint
from sssam.lab.specs.record import Environment
from sssam.runtime.files import write_whole

#: The file of a study's directory, beside its records.
FILE = "timings.json"

#: How far apart, as a ratio, the ends of an interval may lie before the clock was too noisy: what a
#: price in seconds may differ by from one in passes before both must be named.
STEADY = 1.1

Positive = Annotated[float, Field(gt=0)]


class Timing(Spec):
    """Seconds of a variant's mean step over those of the base's, in short blocks side by side.

    `ratio` is the median over `blocks` of the ratio to the base's block beside it, of a whole run:
    plain and sharpness-aware steps are weighted as the schedule expects them, and what averages of
    the weights take is in it. `low` and `high` are the 95% interval of that median, by order
    statistics; `quartiles` are those of the blocks' ratios. Each block is of `steps` steps;
    `seconds` is the median of a step of the variant, `base_seconds` of one of the base.
    """

    ratio: Positive
    low: Positive
    high: Positive
    quartiles: tuple[Positive, Positive]
    blocks: Whole
    steps: Whole
    seconds: Positive
    base_seconds: Positive
    environment: Environment

    @property
    def steady(self) -> bool:
        """Whether the interval is narrow enough for a price in seconds to be stated."""
        return self.high <= STEADY * self.low


_Timings = TypeAdapter(dict[str, Timing])


def write(timings: Mapping[str, Timing], directory: Path) -> Path:
    """Writes the timings of a study, by `Run.variant`, whole or not at all; returns the path.

    Those that the directory has of other variants are kept; raises as `read`.
    """
    merged = {**read(directory), **timings}
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / FILE
    write_whole(path, _Timings.dump_json(merged, indent=1) + b"\n")
    return path


def read(directory: Path) -> dict[str, Timing]:
    """The timings of a study's directory, by `Run.variant`; none where none were measured.

    Raises:
        ValueError: the file holds no timings.
    """
    path = directory / FILE
    if not path.is_file():
        return {}
    try:
        return _Timings.validate_json(path.read_bytes())
    except ValidationError as error:
        raise ValueError(
            f"{str(path)!r} holds no timings: {complaint(error)}; delete it and measure again"
        ) from error
