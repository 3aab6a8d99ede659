"""What a study found, as a value: the rows that tables, figures and pages are made from."""

from typing import Literal

from pydantic import Field

from sssam.lab.comparison.reasons import Caveat, Reason
from sssam.lab.specs import Environment, Method, Spec, Task, Timing, Tuning
from sssam.lab.specs.flatness import Profile
from sssam.lab.stats import ONE_SIDED, Interval, Noise, Ratio


class Outcomes(Spec):
    """How many of a row's runs ended how; missing runs have no record yet."""

    finished: int = 0
    diverged: int = 0
    failed: int = 0
    missing: int = 0

    @property
    def total(self) -> int:
        """The runs that the study asks for."""
        return self.finished + self.diverged + self.failed + self.missing


class CurvePoint(Spec):
    """The end of one epoch, as means over the finished runs.

    `passes` is what was spent until then, in epochs of the base optimizer.
    """

    epoch: int
    passes: float
    train_loss: float | None
    validation_accuracy: float


class Draws(Spec):
    """Which steps of one run were sharpness-aware: bit i of `int(ascended, 16)` is step i."""

    seed: int
    steps: int
    ascended: str

    def taken(self) -> list[int]:
        """The sharpness-aware steps, rising."""
        bits = int(self.ascended, 16)
        return [step for step in range(self.steps) if bits >> step & 1]


class VariantRise(Spec):
    """How far the loss rises within `rho` at worst; None where of some run it has no bound."""

    rho: float
    adaptive: bool
    worst: Interval | None


class VariantFlatness(Spec):
    """How flat the training loss is at a row's trained models, as means over the `n` measured.

    `samples` is how many training samples the loss is the mean over; `eigenvalue` the largest of
    its Hessian, `trace` that of the Hessian. `curve` is the loss along a random direction, of the
    run of `seed`, the first one measured.
    """

    n: int
    samples: int
    loss: Interval
    eigenvalue: Interval
    trace: Interval
    rises: tuple[VariantRise, ...] = ()
    seed: int
    curve: Profile


class Claim(Spec):
    """A variant beside the best control that costs no more.

    `control` is the label of that control, the best of them by mean validation accuracy, and
    `difference` the variant's test accuracy less the control's, in points, paired by seed, with the
    error of a test set that the seeds share. `p_value` is one-sided and the largest over `controls`
    (all that cost no more) and over all seeds and the commonly finished ones, so that no luck in
    the choice of the control can make a claim; `hardest` is the control that it is of. Both are
    None where the claim is refused, for which the comparison's `reasons` name the variant.
    `adjusted` is Holm's over the variants, in which a variant that is refused counts as 1.
    """

    control: str
    difference: Interval
    controls: tuple[str, ...] = ()
    hardest: str
    p_value: float | None = None
    adjusted: float | None = None

    @property
    def established(self) -> bool:
        """Whether the variant is above every control that costs no more, after adjustment."""
        return self.adjusted is not None and self.adjusted < ONE_SIDED


class Variant(Spec):
    """One method, over the seeds.

    Accuracies and their differences are in percentage points of test accuracy; differences are
    paired by seed, and `accuracies` are by seed. `propagations` is the mean a step, `spread` its
    standard deviation over runs, `relative_time` the median over seeds of the run's time over the
    base optimizer's. `p_value`, that the row keeps SAM's gain within the task's margin, and
    `share_p_value`, that it keeps at least the task's share of it, are Holm's over all rows that
    are neither base nor SAM; both are None where SAM's own gain is not shown. `detectable` is the
    true difference to SAM that these seeds find with power 0.8, `seeds_needed` how many one as
    large as the margin needs, `noise` where the spread of the difference to SAM comes from. None:
    not measured, or not defined.
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
    non_inferior: bool | None = None
    non_inferior_p: float | None = None
    to_sam: Interval | None = None
    to_base: Interval | None = None
    to_sam_bootstrap: Interval | None = None
    to_base_bootstrap: Interval | None = None
    share: Ratio | None = None
    share_p_value: float | None = None
    keeps: bool | None = None
    p_value: float | None = None
    detectable: float | None = None
    seeds_needed: int | None = None
    noise: Noise | None = None
    propagations: float | None = None
    spread: float | None = None
    expected_propagations: float | None = None
    relative_time: float | None = None
    curve: tuple[CurvePoint, ...] = ()
    draws: Draws | None = None
    flatness: VariantFlatness | None = None

    @property
    def label(self) -> str:
        """The method's label."""
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

        A run of the base optimizer at another length takes what its passes take.
        """
        if self.cost is None or not self.propagations:
            return None
        if self.time is not None:
            return self.time.ratio * self.cost / self.propagations
        return self.cost if self.is_control and self.method.average == "none" else None

    @property
    def holds(self) -> bool:
        """Whether the row keeps SAM's gain also after Holm's adjustment for all rows."""
        return bool(self.keeps) and self.p_value is not None and self.p_value < ONE_SIDED

    @property
    def holds_share(self) -> bool:
        """Whether the row keeps the task's share of SAM's gain, after Holm's adjustment."""
        return self.share_p_value is not None and self.share_p_value < ONE_SIDED

    @property
    def role(self) -> Literal["base", "control", "sam", "part", "scheduled", "other"]:
        """What the row is in the comparison; figures give each role one colour."""
        method = self.method
        averaged = method.average != "none" or method.patience is not None
        if method.kind == "base":
            return "control" if averaged or method.length != 1 else "base"
        if method.ascent_fraction < 1:
            return "part"
        if method.kind == "sam" and method.options.get("mix", 1) == 1 and not averaged:
            return "sam"
        return "scheduled" if method.kind == "sssam" else "other"


class Comparison(Spec):
    """All that is shown of a study; it holds no sentence that its numbers do not bear.

    `headline` is the finding, `support` the numbers that it rests on, `remarks` what else is to be
    known; `tuning` says how each row's rho was chosen, and `untuned` names the
    rows whose rho was not tuned on this task. `environments` are
    the distinct ones, whatever their times and commits; `commits` are all of these.
    """

    task: Task
    seeds: tuple[int, ...]
    variants: tuple[Variant, ...]
    headline: str = ""
    support: str = ""
    remarks: tuple[str, ...] = ()
    note: str = ""
    tuning: tuple[Tuning, ...] = ()
    best: str | None = None
    is_best_in_seconds: bool | None = None
    reasons: tuple[Reason, ...] = ()
    caveats: tuple[Caveat, ...] = ()
    untuned: tuple[str, ...] = ()
    environments: tuple[Environment, ...] = ()
    commits: tuple[str, ...] = ()

    @property
    def base(self) -> Variant | None:
        """The base optimizer's variant, of several the best on validation data; None if none is."""
        return self._best("base")

    @property
    def sam(self) -> Variant | None:
        """SAM's variant, chosen alike."""
        return self._best("sam")

    @property
    def candidates(self) -> tuple[Variant, ...]:
        """The measured rows that are neither base nor SAM, in their order."""
        apart = (self.base, self.sam)
        return tuple(r for r in self.variants if r.accuracy is not None and r not in apart)

    @property
    def missing(self) -> int:
        """Runs that the study asks for and that have no record."""
        return sum(row.runs.missing for row in self.variants)

    def _best(self, role: str) -> Variant | None:
        """Of the complete ones, where there are any; failed runs must not choose the reference."""
        every = [v for v in self.variants if v.accuracy is not None and v.role == role]
        some = [v for v in every if v.is_complete] or every
        return max(some, key=lambda v: v.validation or 0.0, default=None)
