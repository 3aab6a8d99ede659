"""Facts that are read off a method's generator: with roles of the tests' own, too."""

from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch

import sssam
from sssam.core.passes import Pass, Passes, Perturbation, Result, Signal, Step, Update
from sssam.core.vectors import Vector, add, scale
from sssam.methods import (
    PLAIN,
    Ascent,
    GradientSwitch,
    Method,
    Parallel,
    Reuse,
    Switch,
)
from sssam.roles import (
    Euclidean,
    Every,
    Fresh,
    Gap,
    Hardest,
    Last,
    Momentum,
    Only,
    Rising,
    Stale,
    Stochastic,
    Store,
    Threshold,
    Weighted,
)
from tests.problems import BASES, Problem, by_passes

E = Euclidean(0.1)
SAM = Ascent(Fresh(), E)

#: opening, ascent fraction, needs the batch, keeps, cost, critical, transient
READ: dict[str, tuple[Method, tuple[str, float, bool, set[str], float, float, int]]] = {
    "plain": (PLAIN, ("any", 1.0, False, set(), 1.0, 1.0, 0)),
    "SAM": (SAM, ("at w", 1.0, False, set(), 2.0, 2.0, 1)),
    "a quarter": (Ascent(Fresh(0.25), E), ("at w", 0.25, False, set(), 1.25, 1.25, 1)),
    "mixed": (Ascent(Fresh(), E, Weighted(0.5)), ("at w", 1.0, False, set(), 2.0, 2.0, 2)),
    "momentum": (Ascent(Momentum(), E), ("moved", 1.0, False, set(), 1.0, 1.0, 1)),
    "stale": (Ascent(Stale(0.5), E), ("at w", 0.5, False, {"stale"}, 1.5, 1.0, 2)),
    "hardest": (
        Ascent(Fresh(), E, samples=Hardest(0.3)),
        ("at w", 1.0, True, set(), 0.6 + 1 / 3, 0.6 + 1 / 3, 1),
    ),
    "rising": (
        Ascent(Fresh(), E, samples=Rising(0.3)),
        ("at w", 1.0, True, set(), 1.3 + 1 / 3, 1.3 + 1 / 3, 1),
    ),
    "rising, chosen by what a later pass brings": (
        Ascent(Stale(), E, samples=Rising(0.3)),
        ("at w", 1.0, True, {"stale"}, 1.3 + 1 / 3, 1.3, 2),
    ),
    "parallel": (Parallel(E, 0.2), ("moved", 1.0, True, {"h"}, 2.0, 1.0, 2)),
    "reuse": (Reuse(0.5), ("at w", 1.0, False, {"v"}, 1.0, 1.0, 0)),
    "mixed openings": (
        Switch(Every(2), SAM, Ascent(Momentum(), E)),
        ("mixed", 1.0, False, set(), 2.0, 2.0, 1),
    ),
}


@pytest.mark.parametrize("name", READ)
def test_what_is_read(name: str) -> None:
    method, expected = READ[name]
    facts = method.facts
    found = (facts.opening, facts.ascent_fraction, facts.needs_batch, set(facts.keeps))
    assert found == expected[:4]
    critical, cost = facts.critical, facts.cost.later
    assert (cost, critical) == pytest.approx(expected[4:6], abs=1e-12)
    assert facts.transient == expected[6]


def test_a_plain_step_is_told_from_one_that_looks_like_it() -> None:
    assert PLAIN.facts.plain
    assert Reuse(0.0).facts.plain
    assert not Reuse(0.5).facts.plain
    assert not Ascent(Momentum(), E).facts.plain
    assert not GradientSwitch(Threshold(9), PLAIN).facts.plain


def test_metrics_over_some_of_the_tensors_depend_on_the_pass_at_w() -> None:
    """Of a model that is not at hand in the dry run, and of masks that may leave nothing."""
    chosen = [torch.nn.Parameter(torch.ones(2))]
    for metric in (Only(E, chosen), Stochastic(E, 1e-6)):
        assert Ascent(Fresh(), metric).facts.critical == 2.0


def test_why_ranks_can_not_keep_the_ascent_pass_to_themselves() -> None:
    assert not SAM.facts.binds_ranks
    assert Ascent(Fresh(), E, Gap(0.1)).facts.binds_ranks.startswith("update uses the gradient")
    assert Ascent(Fresh(), E, Store()).facts.binds_ranks.startswith("memory is made of its first")
    assert not Ascent(Fresh(), E, Weighted(1.0)).facts.binds_ranks
    watched = GradientSwitch(Threshold(9), SAM)
    assert watched.facts.binds_ranks.startswith("decision rests on the gradient")


def test_the_first_step_counts_in_the_cost_of_a_short_run() -> None:
    method = Parallel(E, 0.2)
    assert method.cost(4) == 1.75
    assert method.cost(None) == 2.0


def test_a_direction_that_nothing_keeps_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Last.* is what the step before kept, .*Perturbed"):
        Ascent(Last(), E)
    assert Reuse(0.5).facts.lacks == {"v"}
    whole = Switch(Every(2), Ascent(Fresh(), E, Store()), Reuse(0.5))
    assert whole.facts.lacks == set()


@dataclass(frozen=True)
class Halves:
    """A direction of the tests' own: half the gradient, and half of what was kept of the last."""

    fraction: ClassVar[float] = 1.0

    def signal(self, step: Step, gradient: Vector) -> Signal:
        """(g + k) / 2, k the one before."""
        mean = scale(add(gradient, step.recall("k")), 0.5)
        return Signal(mean, {"k": {i: part.clone() for i, part in gradient.items()}})


@dataclass(frozen=True)
class TwoAscents(Method):
    """A method of the tests' own: e is made from the gradient at w + half of it."""

    rho: float

    def passes(self, step: Step, first: Result | None = None) -> Passes:
        """Three passes."""
        first = first if first is not None else (yield Pass("ascent"))
        e = E.perturbation(first.gradient, step, 0.5)
        again = yield Pass("ascent", move=e)
        with torch.no_grad():
            e = Perturbation(scale(again.gradient, self.rho))
        return Update((yield Pass("descent", move=e)).gradient)


def test_roles_and_methods_of_one_s_own() -> None:
    own = Ascent(Halves(), E).facts
    assert own.keeps == {"k"}
    assert own.binds_ranks.startswith("memory")
    assert TwoAscents(0.1).facts.critical == TwoAscents(0.1).facts.cost.later == 3.0
    problem = Problem()
    optimizer = sssam.SharpnessAware(BASES["sgd"](problem.params), TwoAscents(0.1), model=False)
    by_passes(problem, optimizer, 3)
    assert optimizer.propagations == optimizer.expected_propagations == 3.0


def test_a_dry_run_draws_no_random_number() -> None:
    before = torch.get_rng_state()
    for method, _ in READ.values():
        _ = type(method).facts.func(method)  # type: ignore[attr-defined]
    assert torch.equal(torch.get_rng_state(), before)
