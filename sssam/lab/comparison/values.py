"""What a study found, as a value: the variants that tables, figures and pages are made from."""

from typing import Literal

from pydantic import Field

from sssam.lab.comparison.details import Ascents, CurvePoint, Outcomes, Reason, VariantFlatness
from sssam.lab.specs import Environment, Method, Spec, Task, Timing, Tuning
from sssam.lab.stats import ONE_SIDED, Interval


class Claim(Spec):
    """A variant beside the best control that costs no more.

    `control` is the label of that control, the best of them by mean validation accuracy (early
    stopping apart, whose score is its best epoch's), and `difference` the variant's test accuracy
    less the control's, in points, paired by seed, with the error of a test set that the seeds
    share. `p_value` is one-sided and the largest over `controls` (all that cost no more) and over
    all seeds and the commonly finished ones, so that no luck in the choice of the control can make
    a claim; `hardest` is the control that it is of, and `to_hardest` the difference to that.
    `adjusted` is Holm's over the variants, in which one that is refused counts as 1. Both are None
    where the claim is refused, for which the comparison's `reasons` name the variant. `detectable`
    is the true difference that these seeds detect with power 0.8, `seeds_needed` how many detect
    one as large as the margin; None: fewer than three seeds, or no number is enough.
    """

    control: str
    difference: Interval
    controls: tuple[str, ...] = ()
    hardest: str
    to_hardest: Interval
    p_value: float | None = None
    adjusted: float | None = None
    detectable: float | None = None
    seeds_needed: int | None = None

    @property
    def established(self) -> bool:
        """Whether the variant is above every control that costs no more, after adjustment."""
        return self.adjusted is not None and self.adjusted < ONE_SIDED


class Variant(Spec):
    """One method, over the seeds.

    Accuracies and differences are in percentage points of test accuracy; differences are paired by
    seed, with the error of a test set that the seeds share. `validation` is the mean validation
    accuracy, which chooses references. `cost` is the passes of the whole run, and `seconds` its
    time, both in those of the base's run; `propagations` is the mean of passes a step. `share` of
    SAM's gain and `non_inferior` (within the task's margin of SAM, and above the task's share of
    its gain; `non_inferior_p` is Holm's over all but base and SAM) are there only where SAM's own
    gain is clear. None: not measured, or not defined.
    """

    method: Method
    runs: Outcomes
    accuracies: dict[int, float] = Field(default_factory=dict)
    accuracy: Interval | None = None
    validation: float | None = None
    cost: float | None = None
    time: Timing | None = None
    claim: Claim | None = None
    claim_in_seconds: Claim | None = None
    to_base: Interval | None = None
    to_sam: Interval | None = None
    share: Interval | None = None
    non_inferior: bool | None = None
    non_inferior_p: float | None = None
    propagations: float | None = None
    expected_propagations: float | None = None
    curve: tuple[CurvePoint, ...] = ()
    draws: Ascents | None = None
    flatness: VariantFlatness | None = None

    @property
    def label(self) -> str:
        return self.method.label

    @property
    def is_complete(self) -> bool:
        """Whether every run that the study asks for has an accuracy: none failed, none missing."""
        return self.runs.total > 0 and self.runs.failed + self.runs.missing == 0

    @property
    def is_control(self) -> bool:
        """Whether it is the base optimizer, at any length, averaged or stopped early."""
        return self.method.kind == "base"

    @property
    def seconds(self) -> float | None:
        """Time of the whole run in that of the base's run; None where it was not measured.

        A run of the base optimizer at any length takes what its passes take.
        """
        if self.takes_base_steps:
            return self.cost
        return None if self.time is None or self.steps is None else self.time.ratio * self.steps

    @property
    def seconds_range(self) -> tuple[float, float] | None:
        """The ends of the 95% interval of `seconds`; both are the same where it was not timed."""
        if self.takes_base_steps or self.time is None or self.steps is None:
            return None if self.seconds is None else (self.seconds, self.seconds)
        return self.time.low * self.steps, self.time.high * self.steps

    @property
    def has_noisy_clock(self) -> bool:
        """Whether that interval is too wide for `seconds` to be stated as a price."""
        return not self.takes_base_steps and self.time is not None and not self.time.steady

    @property
    def steps(self) -> float | None:
        """Steps of the whole run, in those of the base's run; None where nothing was counted."""
        return self.cost / self.propagations if self.cost and self.propagations else None

    @property
    def takes_base_steps(self) -> bool:
        """Whether a step is the base's own: `time` then shows the noise of the clock alone."""
        return self.is_control and self.method.average == "none"

    @property
    def role(self) -> Literal["base", "control", "sam", "part", "scheduled", "other"]:
        """What the variant is in the comparison; figures give each role one colour."""
        method = self.method
        if method.kind == "base":
            return "base" if method.is_plain and method.length == 1 else "control"
        if method.ascent_fraction < 1:
            return "part"
        if method.kind == "sam" and method.options.get("mix", 1) == 1 and method.is_plain:
            return "sam"
        return "scheduled" if method.kind == "sssam" else "other"


class Comparison(Spec):
    """All that is known of a study, as numbers; `report.sentences` has the words.

    `best` is the label of the variant with the largest clear gain over the base at up to
    `claims.CHEAP` times its passes, and `is_best_in_seconds` whether that holds in seconds too,
    None where it was not timed or the clock was too noisy. `reasons` say why nothing is claimed of
    some variants or of all. `tuning` is what was tuned over what, `note` the study's own sentence
    on it, and `untuned` are variants whose rho was not tuned on this task. `seeds_added` were added
    after the study was fixed; at `mixed_seeds` records of one pair are of unlike environments.
    `other_data` counts by fingerprint the records that are left out since their data differ,
    `without_flatness` by reason the runs whose flatness was asked for and is not known; without
    `has_test_error` no record says what was right by example. `environments` are the distinct ones,
    whatever their times and commits; `commits` are all of these.
    """

    task: Task
    seeds: tuple[int, ...]
    variants: tuple[Variant, ...]
    best: str | None = None
    is_best_in_seconds: bool | None = None
    reasons: tuple[Reason, ...] = ()
    tuning: tuple[Tuning, ...] = ()
    note: str = ""
    untuned: tuple[str, ...] = ()
    seeds_added: tuple[int, ...] = ()
    mixed_seeds: tuple[int, ...] = ()
    other_data: dict[str, int] = Field(default_factory=dict)
    without_flatness: dict[str, int] = Field(default_factory=dict)
    has_test_error: bool = True
    environments: tuple[Environment, ...] = ()
    commits: tuple[str, ...] = ()

    @property
    def base(self) -> Variant | None:
        """The base optimizer's variant, of several the best on validation data; None if none is."""
        return self._best("base")

    @property
    def sam(self) -> Variant | None:
        """SAM's variant, of several the best on validation data; None if there is none."""
        return self._best("sam")

    @property
    def winner(self) -> Variant | None:
        """The variant that the headline names; None where it names none."""
        return next((v for v in self.variants if v.label == self.best), None)

    @property
    def candidates(self) -> tuple[Variant, ...]:
        """The variants of which something may be claimed: all but the controls, SAM among them."""
        return tuple(v for v in self.variants if not v.is_control)

    @property
    def missing(self) -> int:
        """Runs that the study asks for and that have no record."""
        return sum(variant.runs.missing for variant in self.variants)

    def _best(self, role: str) -> Variant | None:
        """The best of a role, among complete ones where there are any: failures don't choose."""
        every = [v for v in self.variants if v.accuracy is not None and v.role == role]
        some = [v for v in every if v.is_complete] or every
        return max(some, key=lambda v: v.validation or 0.0, default=None)
