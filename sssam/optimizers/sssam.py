"""SS-SAM: a coin at each step, with a scheduled probability, between SAM and the base optimizer."""

from sssam.core.checks import count
from sssam.methods import Ascent, Switch
from sssam.optimizers.sam import Base, ball, mixed
from sssam.roles.along import Rule
from sssam.roles.along import along as turned
from sssam.roles.auto import Rho
from sssam.roles.direction import Fresh
from sssam.roles.strength import How, Strength
from sssam.roles.when import Scheduled
from sssam.runtime import unfinished
from sssam.runtime.guard import Rng
from sssam.runtime.optimizer import SharpnessAware
from sssam.runtime.ranks import Model, PerturbationScope
from sssam.schedules import Schedule
from sssam.schedules.draws import Draws, Kind
from sssam.schedules.progress import Clock, Progress


class SSSAM(SharpnessAware):
    """Stochastic Scheduled SAM: SAM steps with a scheduled probability, a cost chosen beforehand.

    At step t of T, X_t ~ Bernoulli(p(t)); X_t = 1 is a SAM step, X_t = 0 the base optimizer's.

    Cost: 1 + ascent_steps * ascent_fraction * mean(p) propagations a step, expected. Memory: 0
    copies of the parameters kept, 1 at the peak; one more with a mix, and with several ascent
    steps. Loop: any form; `will_ascend` is known before the first pass.

    Args:
        base: a built torch optimizer, or a list of several.
        schedule: p, a scheduling function of `sssam.schedules`.
        total_steps: T, the optimizer steps of the whole training, at least 1. A training that
            ends long before its sharpness-aware steps come draws a warning. May be left out
            where progress is something else than t / T.
        progress: `sssam.Deadline(seconds)`, or a first value of what the loop sets before each
            step, `optimizer.progress = u`: then p is a function of it, `late(f)` begins at
            u >= 1 - f (its `first` is not used), and the costs are not known beforehand. Neither
            systematic draws nor strength="total". Default: t / T, until it is set.
        rho: radius, at least 0. Default 0.05; a param group's own "sssam_rho" entry goes first.
            "auto": as in `SAM`, experimental.
        seed: of the draws, at least 0. Default 0. All ranks must use the same.
        draws: "bernoulli" (the paper's, default) or "systematic": as probable at each step, but
            the count is within one of the expected one at each moment.
        strength: "fixed" (default) uses rho; "per-step" rho / max(p(t), strength_floor) and "total"
            rho / mean(p) make up for the skipped steps.
        strength_floor: in (0, 1]. Default 0.1.
        mix: alpha of G-RST's (1 - alpha) g(w) + alpha g(w + e), at least 0. Default 1.
        adaptive: whether SAM steps are ASAM's, with `eta`. Default False.
        eta: ASAM's, at least 0. Default 0.01.
        ascent_fraction: the part of the batch that the pass at w uses on SAM steps, in (0, 1].
            Default 1.
        ascent_steps, along: see `SAM`. Default 1, "gradient".
        model, rng, perturbation: see `SharpnessAware`. A mix can't be "per_rank".

    Raises:
        TypeError, ValueError: an argument outside its range, with the range and the remedy; a
            schedule that leaves [0, 1] at some step, named; a strength above ten times rho.

    >>> from sssam.schedules import linear
    >>> import torch
    >>> model = torch.nn.Linear(2, 1)
    >>> base = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    >>> optimizer = SSSAM(base, schedule=linear(0, 1), total_steps=1001, model=model)
    >>> round(optimizer.expected_propagations, 3)
    1.5

    Reference: "SS-SAM: Stochastic Scheduled Sharpness-Aware Minimization for Efficiently Training
    Deep Neural Networks", Zhao, Zhang, Hu, 2022, arXiv 2203.09962; `mix` is from its second
    version, "Randomized Sharpness-Aware Training". The authors' code mixes with g(w) / ||g(w)||
    unless its `norm_perturbations` is off. `draws="systematic"`, `strength`, `ascent_fraction` and
    `adaptive` are ours.
    """

    def __init__(
        self,
        base: Base,
        *,
        schedule: Schedule,
        total_steps: int | None = None,
        progress: Clock | float | None = None,
        rho: Rho = 0.05,
        seed: int = 0,
        draws: Kind = "bernoulli",
        strength: How = "fixed",
        strength_floor: float = 0.1,
        mix: float = 1.0,
        adaptive: bool = False,
        eta: float = 0.01,
        ascent_fraction: float = 1.0,
        ascent_steps: int = 1,
        along: Rule = "gradient",
        model: Model = None,
        rng: Rng = "restore",
        perturbation: PerturbationScope = "global",
    ) -> None:
        if total_steps is not None:
            count("total_steps", total_steps, 1, remedy="give epochs * len(loader)")
        drawn, pace = Draws(schedule, total_steps, seed, draws), Progress(progress)
        factor = Strength(schedule, total_steps, strength, strength_floor, pace)
        made_up = None if strength == "fixed" else factor
        direction = turned(Fresh(ascent_fraction), along)
        metric = ball(rho, ascent_fraction, along, adaptive, eta)
        sharp = Ascent(direction, metric, mixed(mix), made_up, steps=ascent_steps)
        method = Switch(Scheduled(drawn, pace), sharp)
        super().__init__(
            base,
            method,
            total_steps=total_steps,
            model=model,
            rng=rng,
            perturbation=perturbation,
        )
        unfinished.watch(self._training, schedule)
