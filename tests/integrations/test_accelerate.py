"""An Accelerate loop: the two lines through `sssam.unwrap`, scaled, accumulated, clipped."""

import copy
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.amp import GradScaler
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, TensorDataset

import sssam
from sssam.schedules import constant
from tests.integrations import by_hand

accelerate = pytest.importorskip("accelerate", reason="accelerate is not installed")

STEPS, MICRO = 10, 2


def _model() -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 3))


def _data() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    return torch.randn(80, 5, generator=generator), torch.randint(3, (80,), generator=generator)


class Loop:
    """The loop of `examples/accelerate_loop.py`, over 10 steps of 2 micro-batches of 4."""

    def __init__(self, p: float, mix: float = 1.0, precision: str = "no"):
        """`precision` is Accelerate's; "scaled" is fp16's scaler without fp16's rounding."""
        scaled = precision in ("fp16", "scaled")
        # Accelerate keeps the precision of the first Accelerator for the whole process.
        accelerate.state.AcceleratorState._reset_state(reset_partial_state=True)
        self.accelerator = accelerate.Accelerator(
            cpu=True,
            gradient_accumulation_steps=MICRO,
            mixed_precision="fp16" if scaled else precision,
        )
        if scaled:  # Accelerate makes one on GPUs alone; all that it does with it runs here too
            self.accelerator.scaler = GradScaler("cpu", init_scale=2.0**8)
        self.accelerator.native_amp = precision in ("bf16", "fp16")
        net = _model()
        base = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
        built = sssam.SSSAM(
            base, schedule=constant(p), total_steps=STEPS, rho=0.1, mix=mix, model=net
        )
        loader = DataLoader(TensorDataset(*_data()), batch_size=4)
        prepared = self.accelerator.prepare(net, built, loader, StepLR(built, 2, 0.5))
        self.model, self.optimizer, self.loader, self.scheduler = prepared
        self.accelerator.native_amp = precision != "no"
        self.sharp = sssam.unwrap(self.optimizer)
        self.rates: list[float] = []

    def run(
        self, first: int = 0, last: int = STEPS, overflows: frozenset[int] = frozenset()
    ) -> "Loop":
        accelerator, sharp = self.accelerator, self.sharp
        parts: list[Any] = []
        for i, (x, y) in enumerate(self.loader):
            t = i // MICRO
            if not first <= t < last:
                continue
            parts.append((x, y))
            factor = math.inf if t in overflows else 1.0
            with accelerator.accumulate(self.model):
                accelerator.backward(cross_entropy(self.model(x), y) * factor)
                if accelerator.sync_gradients:
                    if sharp.ascend(scaler=accelerator.scaler):
                        for a, b in parts:
                            accelerator.backward(cross_entropy(self.model(a), b) * factor)
                    sharp.conclude(scaler=accelerator.scaler)
                    accelerator.clip_grad_norm_(self.model.parameters(), 0.2)
                    parts = []
                self.optimizer.step()
                self.scheduler.step()
                self.optimizer.zero_grad()
            self.rates.append(self.scheduler.get_last_lr()[0])
        return self


@pytest.mark.parametrize("precision", ["no", "bf16", "fp16"])
@pytest.mark.parametrize("mix", [1.0, 0.4])
def test_it_equals_a_loop_by_hand(mix: float, precision: str) -> None:
    loop = Loop(0.5, mix, precision)
    model = copy.deepcopy(_model())
    base = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    scheduler = StepLR(base, 2, 0.5)
    loop.run()
    trial = sssam.Draws(constant(0.5), STEPS, seed=0)
    x, y = _data()
    narrow, scale = torch.bfloat16, 1.0
    if precision == "fp16":
        narrow, scale = torch.float16, 2.0**8
    for t in range(STEPS):

        def loss(at: slice) -> Tensor:
            with torch.autocast("cpu", dtype=narrow, enabled=precision != "no"):
                logits = model(x[at])
            return cross_entropy(logits.float(), y[at]) * (scale / MICRO)

        parts = [slice(8 * t, 8 * t + 4), slice(8 * t + 4, 8 * t + 8)]
        losses = [lambda at=at: loss(at) for at in parts]
        by_hand.step(model, base, losses, sharp=trial(t), rho=0.1, mix=mix, clip=0.2, scale=scale)
        scheduler.step()
    by_hand.close(loop.model, model)
    assert loop.sharp.ascents == sum(trial(t) for t in range(STEPS))
    assert (
        loop.sharp.counters.forwards == loop.sharp.counters.backwards == STEPS + loop.sharp.ascents
    )
    assert loop.rates[-1] == scheduler.get_last_lr()[0]


@pytest.mark.parametrize("mix", [1.0, 0.4])
def test_a_scale_that_is_a_power_of_two_changes_nothing(mix: float) -> None:
    by_hand.equal(Loop(0.5, mix).run().model, Loop(0.5, mix, "scaled").run().model)


def test_the_schedule_waits_on_the_steps_that_the_scaler_skips() -> None:
    runs = [Loop(p, precision="fp16").run(overflows=frozenset({1, 4})) for p in (0.0, 1.0)]
    assert runs[0].rates == runs[1].rates
    assert [run.sharp.steps for run in runs] == [STEPS - 2] * 2
    assert [run.accelerator.scaler.get_scale() for run in runs] == [2.0**6] * 2
    assert all(torch.isfinite(p).all() for p in runs[1].model.parameters())
    assert runs[0].rates[-1] == 0.1 * 0.5**4  # 8 steps taken, halved every 2


def test_a_run_resumed_from_a_checkpoint_equals_the_uncut_one(tmp_path: Path) -> None:
    whole = Loop(0.5, 0.4, "fp16").run()
    cut = Loop(0.5, 0.4, "fp16").run(last=6)
    cut.accelerator.save_state(str(tmp_path))
    resumed = Loop(0.5, 0.4, "fp16")
    resumed.accelerator.load_state(str(tmp_path))
    resumed.run(first=6)
    by_hand.equal(whole.model, resumed.model)
    assert whole.sharp.propagations == resumed.sharp.propagations
    assert whole.rates[-1] == resumed.rates[-1]


def test_clipping_before_conclude_is_an_error_where_something_is_scaled() -> None:
    loop = Loop(1.0, 0.4, "fp16")
    x, y = _data()
    loop.accelerator.backward(cross_entropy(loop.model(x), y))
    loop.sharp.ascend(scaler=loop.accelerator.scaler)
    loop.accelerator.backward(cross_entropy(loop.model(x), y))
    loop.accelerator.clip_grad_norm_(loop.model.parameters(), 1.0)
    with pytest.raises(RuntimeError, match=r"unscale_\(optimizer\) was called before conclude\(\)"):
        loop.sharp.conclude(scaler=loop.accelerator.scaler)


def test_a_closure_under_accelerate_s_scaler_is_refused_at_the_first_step() -> None:
    loop = Loop(0.0, precision="fp16")
    x, y = _data()

    def closure() -> Tensor:
        loop.optimizer.zero_grad()
        loss = cross_entropy(loop.model(x), y)
        loop.accelerator.backward(loss)
        return loss

    with pytest.raises(AssertionError, match="Attempted step but _scale is None"):
        loop.optimizer.step(closure)


def test_a_loop_without_the_two_lines_is_refused_at_the_first_step() -> None:
    loop = Loop(0.0)
    x, y = _data()
    loop.accelerator.backward(cross_entropy(loop.model(x), y))
    with pytest.raises(RuntimeError, match=r"the second pass would never happen"):
        loop.optimizer.step()
