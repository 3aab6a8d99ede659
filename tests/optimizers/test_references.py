"""Iterates that authors' code and independent packages gave, committed as numbers.

Where they depart from the papers (docs/methods.md), that is made up for here, and nothing is left.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch

import sssam
from sssam.core.passes import Perturbation, Step, Update
from sssam.core.vectors import Vector, add, norm, scale, unit
from sssam.methods import Ascent, Method, Switch
from sssam.optimizers.sam import mixed
from sssam.roles import Euclidean, Every, Fresh, Kept, Last, Rising, Stochastic, Weighted
from sssam.schedules import late
from tests.naive import loop
from tests.problems import Matrices, Problem, by_best, flat

FILE = json.loads((Path(__file__).parents[1] / "reference" / "iterates.json").read_text())
RUNS: dict[str, Any] = FILE["runs"]
STEPS = 20


def problem_at(start: str) -> Problem:
    problem = (
        Matrices() if start == "matrices" else Problem(norm="layer" if start == "norm" else False)
    )
    values, at = torch.tensor(FILE["starts"][start], dtype=torch.float64), 0
    for p in problem.params:
        p.data = values[at : at + p.numel()].reshape(p.shape).clone()
        at += p.numel()
    return problem


def sgd(problem: Problem) -> torch.optim.Optimizer:
    return torch.optim.SGD(problem.params, lr=0.05, momentum=0.9)


def agrees(
    name: str,
    problem: Problem,
    optimizer: torch.optim.Optimizer,
    close: float = 1e-10,
    first: int = 0,
) -> bool:
    iterates = RUNS[name]["iterates"]
    for t in range(first, STEPS):
        by_best(problem, optimizer, 1, t)
        theirs = iterates.get(str(t + 1))
        if theirs is not None:
            there = torch.tensor(theirs, dtype=torch.float64)
            if not torch.allclose(flat(problem.params), there, rtol=0, atol=close):
                return False
    return True


def _wrapped(problem: Problem, method: Method) -> sssam.SharpnessAware:
    return sssam.SharpnessAware(sgd(problem), method, model=problem.model)


SAME: dict[str, tuple[Any, dict[str, Any]]] = {
    "SAM, davda54": (sssam.SAM, {"rho": 0.1}),
    "SAM, SamsungLabs": (sssam.SAM, {"rho": 0.1}),
    "SAM, optax": (sssam.SAM, {"rho": 0.1}),
    "SAM, pytorch_optimizer": (sssam.SAM, {"rho": 0.1}),
    "unifiedsam 1": (sssam.SAM, {"rho": 0.1}),
    "unifiedsam 0": (sssam.USAM, {"rho": 0.1}),
    "ASAM, SamsungLabs on matrices": (sssam.ASAM, {"rho": 0.5, "eta": 0.01}),
    "ASAM, davda54": (sssam.ASAM, {"rho": 0.5, "eta": 0.0}),
    "GSAM, juntang-zhuang": (sssam.GSAM, {"rho": 0.1, "alpha": 0.2}),
    "GSAM, pytorch_optimizer": (sssam.GSAM, {"rho": 0.1, "alpha": 0.2}),
    "WSAM, intelligent-machine-learning": (sssam.WSAM, {"rho": 0.1, "gamma": 0.7}),
    "WSAM, intelligent-machine-learning, coupled": (
        sssam.WSAM,
        {"rho": 0.1, "gamma": 0.7, "decoupled": False},
    ),
    "WSAM, pytorch_optimizer": (sssam.WSAM, {"rho": 0.1, "gamma": 0.7}),
    "WSAM, pytorch_optimizer, coupled": (
        sssam.WSAM,
        {"rho": 0.1, "gamma": 0.7, "decoupled": False},
    ),
    "LookSAM, MarlonBecker": (sssam.LookSAM, {"rho": 0.1, "k": 5, "alpha": 0.5}),
    "MSAM, MarlonBecker": (sssam.MSAM, {"rho": 0.3}),
    "SAMON": (sssam.SAMON, {"rho": 0.2}),
    "SAMON, adaptive": (sssam.SAMON, {"rho": 0.5, "adaptive": True}),
    "temperon": (sssam.SSSAM, {"schedule": late(0.4), "total_steps": STEPS, "rho": 0.1}),
}


@pytest.mark.parametrize("name", SAME)
def test_they_give_the_same_iterates(name: str) -> None:
    kind, settings = SAME[name]
    problem = problem_at(RUNS[name].get("start", "layers"))
    # pytorch_optimizer sums the squares of a gradient in float32, whatever its type.
    close = 1e-8 if "pytorch_optimizer" in name else 1e-10
    assert agrees(name, problem, kind(sgd(problem), **settings, model=problem.model), close)


def test_sampa_of_its_authors_on_two_ranks_is_sampa_in_one_process() -> None:
    """Without momentum, which their y would have too."""
    problem = problem_at("layers")
    base = torch.optim.SGD(problem.params, lr=0.05)
    optimizer = sssam.SAMPa(base, rho=0.1, lam=0.2, model=problem.model)
    assert agrees("SAMPa, LIONS-EPFL", problem, optimizer)


@dataclass(frozen=True)
class Drawn:
    """A coin whose draws are given."""

    coins: tuple[bool, ...]

    def acts(self, t: int) -> bool:
        return self.coins[t]

    def rate(self, total_steps: int | None) -> float:
        return sum(self.coins) / len(self.coins)


def _drawn(run: dict[str, Any], mix: Any) -> Method:
    return Switch(Drawn(tuple(run["coins"])), Ascent(Fresh(), Euclidean(0.1), mix))


@pytest.mark.parametrize(("name", "mix"), [("SSSAM", 1.0), ("G-RST", 0.6)])
def test_sssam_of_its_authors_at_the_steps_that_they_drew(name: str, mix: float) -> None:
    """Their loop, schedule and draws, in JAX: only the draws are taken over, the rest is ours."""
    run = RUNS[f"{name}, zhaoyang-0204"]
    assert 5 < sum(run["coins"]) < 15
    problem = problem_at("layers")
    method = _drawn(run, mixed(mix))
    assert repr(method.on) == repr(
        sssam.SSSAM(sgd(problem), schedule=late(1), total_steps=STEPS, rho=0.1, mix=mix).method.on
    )
    assert agrees(f"{name}, zhaoyang-0204", problem, _wrapped(problem, method))


# Where they depart from the papers ---------------------------------------------------------------


@dataclass(frozen=True)
class Padded(Euclidean):
    """Their e = rho d / (||d|| + eps), whose eps of 1e-7 is more than rounding."""

    def perturbation(
        self, direction: Vector, step: Step, strength: float, *, overwrite: bool = False
    ) -> Perturbation:
        length = norm(direction) + 1e-7
        return Perturbation({i: d * (self.rho * strength / length) for i, d in direction.items()})


@pytest.mark.parametrize("name", ["ESAM, selection", "ESAM, masks", "ESAM"])
def test_esam_keeps_one_sample_fewer_and_draws_its_own_masks(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RUNS[name]
    masks, beta = run["masks"], run["settings"]["beta"]
    monkeypatch.setattr(Stochastic, "moves", lambda self, t, i: masks[t][i])
    gamma = 1.0 if run["settings"]["gamma"] == 1 else 15 / 32
    method = Ascent(Fresh(), Stochastic(Padded(0.1), beta), samples=Rising(gamma))
    problem = problem_at("layers")
    assert agrees(name, problem, _wrapped(problem, method))


@dataclass(frozen=True)
class OnWeights(Euclidean):
    """ASAM with T = 1 outside weight matrices."""

    def perturbation(
        self, direction: Vector, step: Step, strength: float, *, overwrite: bool = False
    ) -> Perturbation:
        w = {i: step.params[i].detach() for i in direction}
        t = {i: p.abs() + 0.01 if p.ndim > 1 else torch.ones_like(p) for i, p in w.items()}
        length = norm({i: t[i] * d for i, d in direction.items()})
        return Perturbation({i: self.rho * t[i] ** 2 * d / length for i, d in direction.items()})


def test_asam_takes_t_1_outside_weights() -> None:
    problem, ours = problem_at("layers"), problem_at("layers")
    assert agrees("ASAM, SamsungLabs", problem, _wrapped(problem, Ascent(Fresh(), OnWeights(0.5))))
    assert not agrees("ASAM, SamsungLabs", ours, sssam.ASAM(sgd(ours), rho=0.5, model=False))


@pytest.mark.parametrize("name", ["FriendlySAM, nblt", "FriendlySAM, pytorch_optimizer"])
def test_friendly_sam_takes_off_the_mean_of_the_step_before(name: str) -> None:
    """That is the paper's with another sigma, from m = g instead of m = (1 - lam) g."""
    sigma, lam = 0.8, 0.9
    same = 1 / (lam / sigma + 1 - lam)  # sigma = same lam / (1 - same (1 - lam))
    problem, ours = problem_at("layers"), problem_at("layers")
    optimizer = sssam.FriendlySAM(sgd(problem), rho=0.1, sigma=same, lam=lam, model=False)
    by_best(problem, optimizer, 1)
    for kept in optimizer._training.memory.values():
        kept["m"] /= 1 - lam
    close = 1e-8 if "pytorch_optimizer" in name else 1e-10
    assert agrees(name, problem, optimizer, close, first=1)
    assert not agrees(name, ours, sssam.FriendlySAM(sgd(ours), rho=0.1, sigma=0.8, model=False))


class UnitFirst(Weighted):
    """(1 - alpha) u(g) + alpha g_s."""

    def update(self, step: Step, g: Vector, perturbed: Vector, moved: Perturbation) -> Update:
        return Update(add(scale(unit(g), 1.0 - self.alpha), scale(perturbed, self.alpha)))


def test_g_rst_mixes_with_the_gradient_at_w_normalised() -> None:
    """By a setting of theirs that is on unless switched off."""
    name = "G-RST, zhaoyang-0204, normed"
    problem, ours = problem_at("layers"), problem_at("layers")
    assert agrees(name, problem, _wrapped(problem, _drawn(RUNS[name], UnitFirst(0.6))))
    assert not agrees(name, ours, _wrapped(ours, _drawn(RUNS[name], Weighted(0.6))))


def test_s2_sam_begins_with_a_sam_step() -> None:
    first = Ascent(Fresh(), Euclidean(0.1), Kept())
    problem, ours = problem_at("layers"), problem_at("layers")
    method = Switch(Every(STEPS), first, Ascent(Last(), Euclidean(0.1), Kept()))
    assert agrees("S2SAM, jjsrf", problem, _wrapped(problem, method))
    assert not agrees("S2SAM, jjsrf", ours, sssam.S2SAM(sgd(ours), rho=0.1, model=False))


class PerTensor(loop.Naive):
    """LookSAM with a projection in each tensor by itself."""

    sizes: ClassVar[list[int]] = [48, 8, 24, 3]

    def direction(
        self, t: int, w: torch.Tensor, grad: loop.Grad, momentum: torch.Tensor | None
    ) -> torch.Tensor:
        g = grad(w, 1.0)
        parts = g.split(self.sizes)
        if t % 5:
            kept = self.kept["v"].split(self.sizes)
            turned = [
                a + 0.5 * a.norm() * v / (v.norm() + 1e-8) for a, v in zip(parts, kept, strict=True)
            ]
            return torch.cat(turned)
        steep = grad(w + 0.1 * g / g.norm(), 1.0)
        pairs = zip(parts, steep.split(self.sizes), strict=True)
        self.kept["v"] = torch.cat([b - (a @ b) / (a @ a) * a for a, b in pairs])
        return steep


def test_looksam_of_pytorch_optimizer_projects_each_tensor_by_itself() -> None:
    name = "LookSAM, pytorch_optimizer"
    problem, ours = problem_at("layers"), problem_at("layers")
    theirs = torch.tensor(RUNS[name]["iterates"]["20"], dtype=torch.float64)
    twin = loop.train(problem, sgd(problem), PerTensor(), STEPS)[-1]
    torch.testing.assert_close(twin, theirs, rtol=0, atol=1e-7)
    looksam = sssam.LookSAM(sgd(ours), rho=0.1, k=5, alpha=0.5, model=False)
    assert not agrees(name, ours, looksam, 1e-4)


@pytest.mark.parametrize("raw", [True, False])
def test_temperon_copies_the_momentum_as_it_is(raw: bool) -> None:
    """SGD's sum, 1 / (1 - 0.9) times too long for Muon's average; the relay converts it."""
    problem = problem_at("matrices")
    relay = sssam.Relay(sgd(problem), torch.optim.Muon(problem.params, lr=0.02), at=12)
    optimizer = sssam.SSSAM(relay, schedule=late(0.4), total_steps=STEPS, rho=0.1, model=False)
    by_best(problem, optimizer, 12)
    if raw:
        for state in relay.state.values():
            state["momentum_buffer"] /= 1 - 0.9
    assert agrees("temperon to Muon", problem, optimizer, 1e-8, first=12) == raw
