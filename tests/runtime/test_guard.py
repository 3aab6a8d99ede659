"""Buffers and random generators end each step as a plain step would leave them."""

import random
import subprocess
import sys
import warnings
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import sssam
from sssam.schedules import constant
from tests.problems import BASES, Problem, by_closure, by_passes, closure, same

Form = Callable[[nn.Module, torch.optim.Optimizer, torch.Tensor, torch.Tensor], None]


def _model() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(
        nn.utils.parametrizations.spectral_norm(nn.Linear(6, 8)),
        nn.BatchNorm1d(8),
        nn.Dropout(0.4),
        nn.Linear(8, 3),
    )


def _closure(
    model: nn.Module, optimizer: torch.optim.Optimizer, x: torch.Tensor, y: torch.Tensor
) -> None:
    def run() -> torch.Tensor:
        optimizer.zero_grad()
        loss = cross_entropy(model(x), y)
        loss.backward()
        return loss

    optimizer.step(run)


def _two_lines(
    model: nn.Module, optimizer: torch.optim.Optimizer, x: torch.Tensor, y: torch.Tensor
) -> None:
    cross_entropy(model(x), y).backward()
    if optimizer.ascend():
        cross_entropy(model(x), y).backward()
    optimizer.step()
    optimizer.zero_grad()


def _passes(
    model: nn.Module, optimizer: torch.optim.Optimizer, x: torch.Tensor, y: torch.Tensor
) -> None:
    for p in optimizer.passes((x, y)):
        p.backward(cross_entropy(model(p.x), p.y))
    optimizer.step()


@pytest.mark.parametrize("form", [_closure, _two_lines, _passes])
@pytest.mark.parametrize("method", [sssam.SAM, sssam.ASAM, sssam.LookSAM])
def test_one_step_leaves_the_traces_of_a_plain_step(method: type, form: Form) -> None:
    x, y = torch.randn(16, 6), torch.randint(3, (16,))
    plain, model = _model(), _model()
    base = torch.optim.SGD(model.parameters(), lr=0.0)  # the buffers alone are to differ
    optimizer = method(base, rho=0.5, model=model)
    for _ in range(5):
        state = torch.get_rng_state()
        cross_entropy(plain(x), y).backward()
        after_plain = torch.get_rng_state()
        torch.set_rng_state(state)
        objects = [(id(b), b.data_ptr()) for b in model.buffers()]
        form(model, optimizer, x, y)
        assert same(list(model.buffers()), list(plain.buffers()))
        assert [(id(b), b.data_ptr()) for b in model.buffers()] == objects
        assert torch.equal(torch.get_rng_state(), after_plain)


def test_a_part_batch_ascent_leaves_the_statistics_of_the_whole_batch() -> None:
    x, y = torch.randn(16, 6), torch.randint(3, (16,))
    for form in ("closure", "two lines", "passes"):
        norm = nn.BatchNorm1d(6)  # the first layer: its statistics do not depend on the weights
        model = nn.Sequential(norm, nn.Linear(6, 3))
        optimizer = sssam.SAM(
            torch.optim.SGD(model.parameters(), lr=0.1), ascent_fraction=0.25, model=model
        )
        if form == "closure":

            def run(model: nn.Module = model, optimizer: sssam.SAM = optimizer) -> torch.Tensor:
                k = 4 if optimizer.phase == "ascent" else 16
                optimizer.zero_grad()
                loss = cross_entropy(model(x[:k]), y[:k])
                loss.backward()
                return loss

            optimizer.step(run)
        elif form == "passes":
            _passes(model, optimizer, x, y)
        else:
            assert optimizer.will_ascend
            cross_entropy(model(x[:4]), y[:4]).backward()
            optimizer.ascend()
            cross_entropy(model(x), y).backward()
            optimizer.step()
        assert optimizer.propagations == 1.25
        assert norm.num_batches_tracked == 1
        torch.testing.assert_close(norm.running_mean, 0.1 * x.mean(0))


class Draws(nn.Module):
    """Draws from each global generator in its forward pass."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x) * (1 + 0.1 * random.random()) * (
            1 + 0.1 * np.random.rand()
        ) + torch.rand(3)


def _states() -> tuple[object, ...]:
    name, keys, *rest = np.random.get_state()
    return (
        random.getstate(),
        name,
        keys.tobytes(),
        tuple(rest),
        torch.get_rng_state().numpy().tobytes(),
    )


@pytest.mark.parametrize("form", [_closure, _two_lines, _passes])
def test_every_generator_is_put_back(form: Form) -> None:
    x, y = torch.randn(8, 6), torch.randint(3, (8,))
    ends = []
    for p in (0, 1):
        random.seed(3)
        np.random.seed(3)
        torch.manual_seed(3)
        model = Draws()
        optimizer = sssam.SSSAM(
            torch.optim.SGD(model.parameters(), lr=0.1),
            schedule=constant(p),
            total_steps=9,
            model=model,
        )
        for _ in range(5):
            form(model, optimizer, x, y)
        ends.append(_states())
    assert ends[0] == ends[1]


def by_will_ascend(problem: Problem, optimizer: sssam.SAM, steps: int) -> None:
    for t in range(steps):
        if optimizer.will_ascend:
            problem.loss(t).backward()
            assert optimizer.ascend()
        problem.loss(t).backward()
        optimizer.step()
        optimizer.zero_grad()


@pytest.mark.parametrize("drive", [by_closure, by_passes, by_will_ascend])
def test_same_mask_gives_both_passes_equal_dropout(drive: Callable[..., object]) -> None:
    masks: list[torch.Tensor] = []
    problem = Problem(dropout=0.5)
    problem.model[3].register_forward_hook(lambda m, i, o: masks.append(o == 0))
    optimizer = sssam.SAM(BASES["momentum"](problem.params), rng="same-mask", model=problem.model)
    drive(problem, optimizer, 4)
    pairs = list(zip(masks[::2], masks[1::2], strict=True))
    assert all(torch.equal(one, other) for one, other in pairs)
    assert not torch.equal(pairs[0][0], pairs[1][0])
    masks.clear()
    restoring = sssam.SAM(BASES["momentum"](problem.params), model=problem.model)
    drive(problem, restoring, 1)
    assert not torch.equal(masks[0], masks[1])


def test_same_mask_in_two_lines_asks_for_will_ascend() -> None:
    problem = Problem()
    optimizer = sssam.SAM(BASES["momentum"](problem.params), rng="same-mask", model=problem.model)
    problem.loss(0).backward()
    with pytest.raises(RuntimeError, match=r"same-mask.*will_ascend is read; use step\(closure\)"):
        optimizer.ascend()


def test_data_order_does_not_depend_on_the_method() -> None:
    data = torch.utils.data.TensorDataset(torch.arange(12.0)[:, None])
    orders = []
    for p in (0, 1):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(1, 4), nn.Dropout(0.5), nn.Linear(4, 1))
        optimizer = sssam.SSSAM(
            torch.optim.SGD(model.parameters(), lr=0.01),
            schedule=constant(p),
            total_steps=99,
            model=model,
        )
        order = []
        for _ in range(3):
            for (x,) in torch.utils.data.DataLoader(data, batch_size=4, shuffle=True):
                order += x[:, 0].tolist()
                for q in optimizer.passes((x, x)):
                    q.backward((model(q.x) - q.y).square().mean())
                optimizer.step()
        orders.append(order)
    assert orders[0] == orders[1]


def test_without_a_model_one_warning_at_the_first_extra_pass() -> None:
    problem = Problem()
    optimizer = sssam.SAM(BASES["momentum"](problem.params))
    with pytest.warns(UserWarning, match="model=False"):
        optimizer.step(closure(problem, optimizer, 0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimizer.step(closure(problem, optimizer, 1))
        silent = sssam.SAM(BASES["momentum"](problem.params), model=False)
        silent.step(closure(problem, silent, 0))
        plain = sssam.SSSAM(BASES["momentum"](problem.params), schedule=constant(0), total_steps=3)
        plain.step(closure(problem, plain, 0))


def test_replaced_buffers_are_put_back() -> None:
    class Replacing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(6, 3)
            self.register_buffer("calls", torch.zeros(()))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.calls = self.calls + 1
            return self.linear(x)

    model = Replacing()
    optimizer = sssam.SAM(torch.optim.SGD(model.parameters(), lr=0.1), model=model)
    _closure(model, optimizer, torch.randn(8, 6), torch.randint(3, (8,)))
    assert model.calls == 1


def test_preserve_buffers_serves_a_loop_without_model() -> None:
    problem = Problem(norm=True)
    with sssam.preserve_buffers(problem.model):
        problem.loss(0)
    assert problem.model[1].num_batches_tracked == 0


def _made_in_inference_mode() -> torch.Tensor:
    with torch.inference_mode():
        return torch.ones(3)


@pytest.mark.parametrize(
    "table",
    [
        _made_in_inference_mode(),
        torch.zeros(1).expand(3),
        torch.zeros(1, 1).expand(1, 3),
        torch.eye(3).to_sparse(),
        torch.zeros(0),
    ],
    ids=["made in inference mode", "expanded", "expanded along one", "sparse", "empty"],
)
def test_buffers_that_nobody_can_write_to_are_left_alone(table: torch.Tensor) -> None:
    """A table that an evaluation made, a mask of one number: a plain step bears them, too."""
    problem = Problem(norm=True)
    problem.model.register_buffer("table", table)
    optimizer = sssam.SAM(BASES["momentum"](problem.params), model=problem.model)
    optimizer.step(closure(problem, optimizer, 0))
    assert problem.model.table is table
    assert problem.model[1].num_batches_tracked == 1


def test_a_program_that_ends_amid_a_step_ends_without_a_word() -> None:
    text = (
        "import torch, sssam; w = torch.nn.Parameter(torch.ones(4));"
        "o = sssam.SAM(torch.optim.SGD([w], lr=0.1), model=False);"
        "(w**2).sum().backward(); o.ascend()"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stderr == ""
