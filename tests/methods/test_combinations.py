"""Every when x direction x metric x samples x mix: it trains under all invariants, or is refused.

A refusal comes when the method is composed, and names both parts that don't go together.
"""

import itertools
import warnings
from typing import Any

import pytest
import torch

import sssam
from sssam.methods import Ascent, Enhanced, GradientSwitch, Method, Reuse, Switch
from sssam.roles import (
    Adaptive,
    All,
    Along,
    Corrected,
    Euclidean,
    Every,
    Fresh,
    Friendly,
    Gap,
    Hardest,
    Kept,
    Last,
    Momentum,
    Noisy,
    Only,
    Perturbed,
    Random,
    Rising,
    Scheduled,
    Stale,
    Stochastic,
    Store,
    Threshold,
    Unnormalized,
    Weighted,
    ZScores,
)
from sssam.schedules import constant, linear
from tests.problems import BASES, Problem, by_best, same

STEPS = 12
WHENS: dict[str, Any] = {
    "always": None,
    "scheduled": Scheduled(sssam.Draws(linear(0, 1), STEPS, 1)),
    "every": Every(3),
    "threshold": Threshold(STEPS),
}
DIRECTIONS = [
    Fresh(),
    Fresh(0.25),
    Momentum(),
    Friendly(1.0, 0.9),
    Friendly(1.0, 0.9, fraction=0.25),
    Stale(),
    Stale(0.5),
    Last(),
    Random(),
    Noisy(Fresh(0.5), 1.0),
]
SAMPLES = [All(), Hardest(0.5), Rising(0.5)]
MIXES = [Perturbed(), Weighted(0.5), Store(), Kept(), Gap(0.1), Corrected(0.5)]


def _metrics(problem: Problem) -> list[Any]:
    chosen = [problem.params[0], problem.params[2]]
    return [
        Euclidean(0.1),
        Adaptive(0.5),
        Unnormalized(0.1),
        Only(Euclidean(0.1), chosen),
        Stochastic(Euclidean(0.1), 0.5),
    ]


def _switched(when: Any, ascent: Method) -> Method:
    if when is None:
        return ascent
    return GradientSwitch(when, ascent) if isinstance(when, Threshold) else Switch(when, ascent)


def _plain() -> tuple[Problem, torch.Tensor]:
    torch.manual_seed(0)
    problem = Problem(dropout=0.2, norm=True)
    by_best(problem, BASES["momentum"](problem.params), STEPS)
    return problem, torch.get_rng_state()


PLAIN, PLAIN_RNG = _plain()


def _check_invariants(problem: Problem, method: Method) -> None:
    """Trains, and looks at what must hold for all methods."""
    torch.manual_seed(0)
    optimizer = sssam.SharpnessAware(
        BASES["momentum"](problem.params), method, total_steps=STEPS, model=problem.model
    )
    before = [(id(p), p.data_ptr()) for p in problem.params]
    forwards, backwards = [], []
    last = problem.model[-1]
    hooks = [
        last.register_forward_hook(lambda m, i, output: forwards.append(len(output))),
        last.register_full_backward_hook(lambda m, i, grads: backwards.append(len(grads[0]))),
    ]
    by_best(problem, optimizer, STEPS)
    for hook in hooks:
        hook.remove()
    assert [(id(p), p.data_ptr()) for p in problem.params] == before
    assert not optimizer._training.weights.moved
    assert all(torch.isfinite(p).all() for p in problem.params)
    assert sum(forwards) / 32 == pytest.approx(optimizer.counters.forwards, abs=1e-9)
    assert sum(backwards) / 32 == pytest.approx(optimizer.counters.backwards, abs=1e-9)
    assert optimizer.steps == STEPS
    assert torch.equal(torch.get_rng_state(), PLAIN_RNG)
    assert problem.model[1].num_batches_tracked == PLAIN.model[1].num_batches_tracked
    if not method.facts.decides_late and "Scheduled" not in repr(method):  # what is drawn varies
        assert optimizer.propagations == pytest.approx(optimizer.expected_propagations)


FREE = (Momentum, Last, Random)
IN_PART = [Fresh(0.25), Friendly(1.0, 0.9, fraction=0.25), Stale(0.5), Noisy(Fresh(0.5), 1.0)]
USES_FIRST = (Weighted, Store, Gap, Corrected)


def _clash(when: Any, direction: Any, samples: Any, mix: Any) -> tuple[Any, Any] | None:
    """The two parts that don't go together, by a list of rules of the tests' own."""
    pairs = [
        (isinstance(direction, FREE) and isinstance(mix, USES_FIRST), (mix, direction)),
        (isinstance(direction, Last) and not isinstance(mix, Kept), (direction, mix)),
        (
            isinstance(samples, Rising) and (isinstance(direction, FREE) or direction in IN_PART),
            (samples, direction),
        ),
        (isinstance(samples, Hardest) and direction in IN_PART, (samples, direction)),
        (isinstance(when, Threshold) and direction in IN_PART, (when, direction)),
        (isinstance(when, Threshold) and not isinstance(samples, All), (when, samples)),
    ]
    return next((parts for clash, parts in pairs if clash), None)


@pytest.mark.parametrize("direction", DIRECTIONS, ids=repr)
@pytest.mark.parametrize("when", WHENS)
def test_every_combination(when: str, direction: Any) -> None:
    for samples, mix, number in itertools.product(SAMPLES, MIXES, range(5)):
        problem = Problem(dropout=0.2, norm=True)
        metric, clash = _metrics(problem)[number], _clash(WHENS[when], direction, samples, mix)
        if clash is None:
            ascent = Ascent(direction, metric, mix, samples=samples)
            _check_invariants(problem, _switched(WHENS[when], ascent))
            continue
        with pytest.raises(ValueError) as refusal:
            _switched(WHENS[when], Ascent(direction, metric, mix, samples=samples))
        assert all(repr(part) in str(refusal.value) for part in clash)


SAM = Ascent(Fresh(), Euclidean(0.1))
LOOK = Switch(Every(3), Ascent(Fresh(), Euclidean(0.1), Store()), Reuse(0.5))
MSAM = Ascent(Momentum(), Euclidean(0.3))
COIN = Scheduled(sssam.Draws(constant(0.5), STEPS, 2))
NAMED: dict[str, Method] = {
    "scheduled LookSAM": Switch(COIN, LOOK),
    "scheduled ASAM": Switch(COIN, Ascent(Fresh(), Adaptive(0.5))),
    "Momentum-SAM between SAM steps": Switch(Every(3), SAM, MSAM),
    "Momentum-SAM before a scheduled SAM on a part": Switch(
        COIN, Ascent(Fresh(0.25), Euclidean(0.1)), MSAM
    ),
    "a coin within a period": Switch(Every(2), Switch(COIN, SAM), MSAM),
    "random steps between those of the last direction": Switch(
        Every(2), Ascent(Last(), Euclidean(0.1), Kept()), Ascent(Random(), Euclidean(0.1))
    ),
    "AE-SAM that chooses between two methods": GradientSwitch(Threshold(STEPS), SAM, Reuse(0.5)),
    "AE-SAM within a period": Switch(Every(2), GradientSwitch(Threshold(STEPS), SAM), MSAM),
    "two steps along the sign, over coordinates that stand out": Switch(
        COIN, Ascent(Along(Fresh(), "sign"), ZScores(Euclidean(0.1), 50), steps=2)
    ),
    "three steps of the hardest samples": Ascent(
        Fresh(), Euclidean(0.1), samples=Hardest(0.5), steps=3
    ),
    "two steps, then the samples that rise most, with a mix": Ascent(
        Fresh(), Euclidean(0.1), Weighted(0.5), samples=Rising(0.5), steps=2
    ),
    "IRE over scheduled SAM": Enhanced(Switch(COIN, SAM), 1.0, every=3),
    "IRE over LookSAM": Enhanced(LOOK, 0.5, every=2, start=3),
    "functional SAM in two steps at every third step": Switch(
        Every(3), Ascent(Fresh(), Euclidean(0.1), steps=2, functional=True)
    ),
    "K-SAM at scheduled steps": Switch(
        COIN, Ascent(Fresh(), Euclidean(0.1), samples=Hardest(0.25))
    ),
}


@pytest.mark.parametrize("name", NAMED)
def test_combinations_that_no_paper_has(name: str) -> None:
    _check_invariants(Problem(dropout=0.2, norm=True), NAMED[name])


PARTS = {
    "SAM": (sssam.SAM, {}),
    "ASAM": (sssam.ASAM, {}),
    "SSSAM": (sssam.SSSAM, {"schedule": constant(1.0), "total_steps": STEPS}),
    "USAM": (sssam.USAM, {}),
    "AsyncSAM": (sssam.AsyncSAM, {}),
    "MicroSAM": (sssam.MicroSAM, {}),
}


@pytest.mark.parametrize("name", PARTS)
def test_an_ascent_on_a_part_of_the_batch(name: str) -> None:
    kind, settings = PARTS[name]
    problem = Problem(norm=True)
    optimizer = kind(
        BASES["momentum"](problem.params), ascent_fraction=0.25, model=problem.model, **settings
    )
    by_best(problem, optimizer, STEPS)
    assert optimizer.propagations == optimizer.expected_propagations == 1.25


def test_a_method_that_needs_the_batch_says_so_at_step_0_whatever_the_draw() -> None:
    for p in (0.0, 1.0):
        problem = Problem()
        coin = Scheduled(sssam.Draws(constant(p), STEPS))
        method = Switch(coin, Ascent(Fresh(), Euclidean(0.1), samples=Hardest(0.25)))
        optimizer = sssam.SharpnessAware(BASES["sgd"](problem.params), method, model=False)
        with pytest.raises(RuntimeError, match=r"step\(closure\) can't serve .* optimizer\.passes"):
            optimizer.step(lambda problem=problem: problem.loss(0))
        problem.loss(0).backward()
        with pytest.raises(RuntimeError, match=r"ascend\(\) can't serve .* optimizer\.passes"):
            optimizer.ascend()


def test_no_warning_comes_of_a_whole_model_that_is_given() -> None:
    problem = Problem(norm=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        by_best(problem, sssam.ESAM(BASES["sgd"](problem.params), model=problem.model), 3)
    assert not same(problem.params, Problem(norm=True).params)
