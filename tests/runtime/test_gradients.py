"""Gradients by other people's conventions: signs, views of one tensor, what stands beforehand."""

import gc
import warnings
import weakref
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import sssam
from sssam.schedules import constant
from tests.problems import Problem, same
from tests.table import TABLE

SIGNED = ["SAM", "ASAM", "GSAM", "WSAM", "USAM", "S2SAM", "MSAM", "LookSAM", "FriendlySAM"]


def _ends(name: str, maximize: bool) -> Tensor:
    torch.manual_seed(0)
    model, x = nn.Linear(4, 1), torch.randn(16, 4)
    base = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, maximize=maximize)
    optimizer = getattr(sssam, name)(base, rho=0.3, model=model)
    for _ in range(6):
        for p in optimizer.passes(x):
            p.backward((model(p.batch) ** 4).mean() * (-1 if maximize else 1))
        optimizer.step()
    return model.weight.detach()


@pytest.mark.parametrize("name", SIGNED)
def test_maximizing_minus_f_is_minimizing_f_to_the_bit(name: str) -> None:
    assert torch.equal(_ends(name, True), _ends(name, False))


def test_one_group_can_be_maximized_beside_another() -> None:
    """A game: each player's perturbation makes its own aim worse."""
    moved = []
    for maximize in (True, False):
        one, other = (nn.Parameter(torch.ones(2)) for _ in range(2))
        groups = [{"params": [one]}, {"params": [other], "maximize": maximize}]
        optimizer = sssam.SAM(torch.optim.SGD(groups, lr=0.1), rho=0.1, model=False)
        (one.sum() + other.sum()).backward()
        optimizer.ascend()
        moved.append((float(one[0].detach() - 1), float(other[0].detach() - 1)))
    assert moved[0] == pytest.approx((0.05, -0.05))
    assert moved[1] == pytest.approx((0.05, 0.05))


def _flat(model: nn.Linear, are_views: bool) -> Tensor:
    params = list(model.parameters())
    flat = torch.zeros(sum(p.numel() for p in params) + 1)
    for p, start in zip(params, (0, params[0].numel()), strict=False):
        view = flat[start : start + p.numel()].view_as(p)
        storage: Any = flat.untyped_storage()
        p.grad = view if are_views else torch.empty(0).set_(storage, start, p.shape, p.stride())
    return flat


@pytest.mark.parametrize("form", ["plain", "two lines", "passes", "closure"])
@pytest.mark.parametrize("are_views", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_gradients_that_are_pieces_of_one_tensor_stay_in_it(
    form: str, are_views: bool, bias: bool
) -> None:
    """It is clipped, or reduced over ranks, as a whole before the update."""
    torch.manual_seed(0)
    model, x = nn.Linear(4, 3, bias=bias), torch.randn(16, 4)
    flat, base = _flat(model, are_views), torch.optim.SGD(model.parameters(), lr=1.0)
    before = model.weight.detach().clone()

    def loss() -> Tensor:
        return model(x).pow(2).mean()

    optimizer: Any = base if form == "plain" else sssam.SAM(base, rho=0.0, model=model)
    if form == "passes":
        for p in optimizer.passes(x):
            p.backward(model(p.batch).pow(2).mean())
    elif form == "closure":

        def closure() -> Tensor:
            optimizer.zero_grad(set_to_none=False)
            made = loss()
            made.backward()
            flat.mul_(0.01)
            return made

        optimizer.step(closure)
    else:
        loss().backward()
        if form == "two lines":
            assert optimizer.ascend()
            loss().backward()
            optimizer.conclude()
    if form != "closure":
        flat.mul_(0.01)
        optimizer.step()
    torch.manual_seed(0)
    twin = nn.Linear(4, 3, bias=bias)
    twin(x).pow(2).mean().backward()
    assert twin.weight.grad is not None
    torch.testing.assert_close(model.weight.detach(), before - 0.01 * twin.weight.grad)
    assert model.weight.grad is not None
    assert model.weight.grad.data_ptr() == flat.data_ptr()


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_a_backward_before_the_closure_is_not_added_to_its_own(p: float) -> None:
    """`loss.backward(); optimizer.step(closure)`, the form of the most copied SAM."""
    ends = []
    for before in (True, False):
        problem = Problem()
        optimizer = sssam.SSSAM(
            torch.optim.SGD(problem.params, lr=0.1, momentum=0.9),
            schedule=constant(p),
            total_steps=9,
            model=problem.model,
        )

        def closure(problem: Problem = problem, t: int = 0) -> Tensor:
            loss = problem.loss(0)
            loss.backward()
            return loss

        for _ in range(3):
            if before:
                problem.loss(0).backward()
            optimizer.step(closure)
            optimizer.zero_grad()
        ends.append(problem.params)
    assert same(*ends)


@pytest.mark.parametrize("name", ["SAM", "LookSAM", "FriendlySAM", "S2SAM", "AsyncSAM"])
def test_parameters_that_were_replaced_are_let_go(name: str) -> None:
    """Densification and pruning put new parameters in the place of old ones."""
    first = nn.Parameter(torch.randn(4, 2))
    base = torch.optim.SGD([first], lr=0.1)
    del first
    optimizer = getattr(sssam, name)(base, rho=0.1, model=False)
    own, replaced = base.param_groups[0]["params"], []
    for _ in range(6):
        for _ in range(3):
            for p in optimizer.passes(torch.ones(2)):
                p.backward((own[0] ** 2).sum())
            optimizer.step()
        replaced.append(weakref.ref(own[0]))
        own[0] = nn.Parameter(torch.cat([own[0].detach(), torch.randn(1, 2)]))
        optimizer.zero_grad()
        del p
    gc.collect()
    assert sum(ref() is not None for ref in replaced) <= 1


def test_a_run_whose_perturbations_are_all_void_warns_once() -> None:
    w = nn.Parameter(torch.zeros(3))
    optimizer = sssam.SAM(torch.optim.SGD([w], lr=0.1), model=False)

    def step() -> None:
        for p in optimizer.passes(torch.ones(2)):
            p.backward((w * 0.0).sum())
        optimizer.step()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(19):
            step()
    with pytest.warns(UserWarning, match="all 20 perturbations so far came to nothing"):
        step()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        step()
        optimizer.state_dict()
    assert optimizer.counters.voided == 21


def test_the_table_has_the_methods_that_are_signed_here() -> None:
    assert set(SIGNED) <= set(TABLE)
