"""Why a comparison claims nothing of a variant, and what else a reader must know: as values."""

from typing import Literal

from pydantic import Field

from sssam.lab.specs import Spec

ReasonKind = Literal[
    "few_seeds",  # fewer than `contrasts.LEAST_SEEDS` seeds
    "untuned_base",  # the base's recipe was not tuned on this task
    "no_control",  # nothing that costs no more is compared, or the base at its own length alone
    "incomplete",  # of the variants runs failed or are missing
    "incomplete_control",  # the same of controls that cost no more
    "diverged",  # too few seeds are left at which variant, control and base finished
    "unlike_test",  # variant and control were not judged on the same test examples
    "unlike_samples",  # they did not train on the same examples in the same order
    "sam_gain_unclear",  # SAM is not above the base: nothing is said beside it
]

CaveatKind = Literal[
    "diverged",  # `counts`: diverged runs by label
    "failed",  # the same of failed runs
    "missing",  # of runs without a record
    "seeds_added",  # `seeds` that were added after the study was fixed
    "unlike_weights",  # at `seeds`, `variants` did not start from the others' weights
    "environments",  # `values`: what differs between the records' environments, with its values
    "mixed_pairs",  # at `seeds`, records of one pair are of unlike environments
    "other_data",  # `values`: the fingerprints of data of which `counts` records are left out
    "untuned",  # rho of `variants` was not tuned on this task
    "grid_end",  # `values`: by label, the settings whose best value lies at an end of the grid
    "noisy_clock",  # the time of `variants` is too uncertain to be stated
    "price_differs",  # `numbers`: by label, seconds over passes, beyond a tenth from 1
    "unexpected_cost",  # `numbers`: by label, expected passes a step, where others were measured
    "test_error_unknown",  # records do not say what was right by example: its error is left out
    "no_flatness",  # `counts`: by reason, runs whose flatness is not known
]


class Reason(Spec):
    """Why nothing is claimed of `variants`, or of any where they are empty.

    `controls` and `seeds` are those at which it fails, where it is of some alone.
    """

    kind: ReasonKind
    variants: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()


class Caveat(Spec):
    """What a reader must know beside the numbers; the comments of `CaveatKind` name its fields."""

    kind: CaveatKind
    variants: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
    counts: dict[str, int] = Field(default_factory=dict)
    numbers: dict[str, float] = Field(default_factory=dict)
    values: dict[str, tuple[str, ...]] = Field(default_factory=dict)
