"""Lightning's automatic optimisation with the callback: what it equals, to the last digit."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import StepLR

import sssam
from sssam.schedules import constant
from tests.integrations import by_hand
from tests.integrations.lightning_runs import (
    BATCHES,
    SCALE,
    SIZE,
    Module,
    build,
    fit,
    network,
    pl,
    samples,
)

pytestmark = [
    # Lightning's advice on loader workers, on this machine's cores; nothing that a loop does.
    pytest.mark.filterwarnings("ignore:The 'train_dataloader' does not have many workers"),
    # Lightning reads data trees by a name that torch has deprecated.
    pytest.mark.filterwarnings("ignore:.*LeafSpec.*is deprecated:FutureWarning"),
]


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "16-mixed"])
@pytest.mark.parametrize(
    ("mix", "micro", "part"), [(1.0, 1, 1.0), (0.4, 1, 1.0), (0.4, 3, 1.0), (0.4, 3, 0.5)]
)
def test_it_equals_a_loop_by_hand(mix: float, micro: int, part: float, precision: str) -> None:
    """With clipping, a schedule, and 8 micro-batches an epoch in steps of 3, 3 and 2."""
    trainer = build(precision, accumulate_grad_batches=micro, gradient_clip_val=0.2)
    module = fit(trainer, Module(0.5, mix=mix, ascent_fraction=part))

    net = network()
    base = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    scheduler = StepLR(base, 3, 0.5)
    draws = sssam.Draws(constant(0.5), 100, seed=0)
    x, y = samples()
    steps = [range(i, min(i + micro, BATCHES)) for i in range(0, BATCHES, micro)] * 2
    for t, batches in enumerate(steps):
        narrow, scale = torch.bfloat16, 1.0
        if precision == "16-mixed":
            narrow, scale = torch.float16, SCALE * 2 ** (t // 4)

        def loss(i: int, n: int, narrow: torch.dtype = narrow, scale: float = scale) -> Tensor:
            cut = slice(i * SIZE, i * SIZE + n)
            with torch.autocast("cpu", narrow, precision != "32-true", cache_enabled=False):
                value = cross_entropy(net(x[cut]), y[cut])
            return value / micro * scale

        losses = [lambda i=i: loss(i, SIZE) for i in batches]
        ascent = [lambda i=i: loss(i, int(SIZE * part)) for i in batches] if part < 1 else None
        how: dict[str, Any] = {
            "sharp": draws(t),
            "rho": 0.1,
            "mix": mix,
            "clip": 0.2,
            "scale": scale,
        }
        by_hand.step(net, base, losses, ascent=ascent, **how)
        scheduler.step()
    by_hand.close(module.net, net)
    sharp = module.sharp
    assert sharp.steps == trainer.global_step == len(steps)
    assert sharp.ascents == sum(draws(t) for t in range(len(steps)))
    assert sharp.counters.forwards == sharp.counters.backwards == len(steps) + part * sharp.ascents
    assert 0 < sharp.ascents < len(steps)
    assert module.rates[-1] == scheduler.get_last_lr()[0]
    assert len(module.norms) == len(steps)  # the hook is told once a step


@pytest.mark.parametrize("kind", [sssam.S2SAM, sssam.MicroSAM, sssam.USAM])
def test_part_batch_and_one_pass_methods_equal_the_closure(kind: Any) -> None:
    """With dropout, whose masks show that a part leaves no trace on the generator."""
    fraction = 0.5
    more = {} if kind is sssam.S2SAM else {"ascent_fraction": fraction}

    class Other(Module):
        def configure_optimizers(self) -> Any:
            base = torch.optim.SGD(self.net.parameters(), lr=0.1, momentum=0.9)
            optimizer = kind(base, model=self.net, **more)
            return [optimizer], [{"scheduler": StepLR(optimizer, 3), "interval": "step"}]

    class Parts(Other):
        def training_step(self, batch: Any, batch_idx: int) -> Tensor:
            n = int(SIZE * fraction) if self.sharp.phase == "ascent" else SIZE
            return super().training_step([part[:n] for part in batch], batch_idx)

    kinds = [(False, Parts), (True, Other)]
    runs = [fit(build(ours=ours), module(dropout=0.2)) for ours, module in kinds]
    by_hand.equal(runs[0].net, runs[1].net)
    assert runs[0].sharp.propagations == runs[1].sharp.propagations


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "16-mixed", "64-true", "bf16-true"])
def test_without_ascents_it_is_the_base_optimizer_to_the_bit(precision: str) -> None:
    class Bare(Module):
        def configure_optimizers(self) -> Any:
            base = torch.optim.SGD(self.net.parameters(), lr=0.1, momentum=0.9)
            return [base], [{"scheduler": StepLR(base, 3, 0.5), "interval": "step"}]

    runs: list[Module] = []
    for module, ours in ((Bare(dropout=0.2), False), (Module(0.0, dropout=0.2), True)):
        trainer = build(precision, ours, accumulate_grad_batches=3, gradient_clip_val=0.2)
        runs.append(fit(trainer, module, shuffle=True))
    by_hand.equal(runs[0].net, runs[1].net)
    assert runs[0].logged == runs[1].logged
    assert runs[0].norms == runs[1].norms
    assert runs[0].rates == runs[1].rates


def test_the_closure_alone_is_right_where_nothing_is_clipped_or_accumulated() -> None:
    """Without the callback too: Lightning's closure is then one whole pass."""
    for precision in ("32-true", "bf16-mixed"):
        runs = [
            fit(build(precision, ours), Module(0.5, dropout=0.2, mix=0.4), shuffle=True)
            for ours in (False, True)
        ]
        by_hand.equal(runs[0].net, runs[1].net)
        assert runs[0].sharp.propagations == runs[1].sharp.propagations


def test_what_the_second_pass_logs_is_dropped() -> None:
    sharp, plain = fit(build(), Module(1.0)), fit(build(), Module(0.0))
    assert sharp.logged[0] == pytest.approx(plain.logged[0], rel=0.2)
    alone = fit(build(ours=False), Module(1.0))
    assert alone.logged[0] > sharp.logged[0]  # the mean with the losses at w + e


@pytest.mark.parametrize("precision", ["32-true", "16-mixed"])
def test_a_run_resumed_from_a_checkpoint_equals_the_uncut_one(
    tmp_path: Path, precision: str
) -> None:
    def trainer(epochs: int) -> Any:
        more: dict[str, Any] = {
            "max_epochs": epochs,
            "accumulate_grad_batches": 2,
            "gradient_clip_val": 0.2,
        }
        return build(precision, **more)

    whole = fit(trainer(4), Module(0.5, mix=0.4))
    cut = trainer(2)
    fit(cut, Module(0.5, mix=0.4))
    cut.save_checkpoint(tmp_path / "cut.ckpt")
    resumed = fit(trainer(4), Module(0.5, mix=0.4), ckpt_path=str(tmp_path / "cut.ckpt"))
    by_hand.equal(whole.net, resumed.net)
    assert whole.sharp.propagations == resumed.sharp.propagations
    assert whole.rates[-1] == resumed.rates[-1]


class Notes(pl.Callback):  # type: ignore[misc]
    """The weights where Lightning validates and saves."""

    def __init__(self) -> None:
        self.weights: list[Tensor] = []

    def on_train_batch_end(self, trainer: Any, module: Module, *args: Any) -> None:
        self.weights.append(torch.cat([p.detach().flatten() for p in module.net.parameters()]))


def test_a_step_that_the_scaler_skips_is_skipped_whole() -> None:
    runs = []
    for p in (0.0, 1.0):
        module, notes = Module(p), Notes()
        module.overflows = frozenset({2, 3, 7})
        trainer = build("16-mixed", max_epochs=1, callbacks=[notes])
        runs.append(fit(trainer, module))
        assert module.sharp.steps == BATCHES - 3
        assert trainer.precision_plugin.scaler.get_scale() == SCALE / 2**3
        for t in range(1, BATCHES):
            skipped = torch.equal(notes.weights[t], notes.weights[t - 1])
            assert skipped == (t in module.overflows)
    assert runs[0].rates == runs[1].rates  # Lightning's own schedule runs on, as without ours


@pytest.mark.filterwarnings("ignore:`training_step` returned `None`")  # once in a process
def test_a_training_step_that_returns_none_is_no_step() -> None:
    class Skipping(Module):
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            loss = super().training_step(batch, batch_idx)
            return None if batch_idx == 1 else loss

    for precision in ("32-true", "16-mixed"):
        module = fit(build(precision, max_epochs=1), Skipping(1.0))
        assert module.sharp.steps == BATCHES - 1


def test_an_exception_in_the_second_pass_leaves_w() -> None:
    class Failing(Module):
        calls = 0

        def training_step(self, batch: Any, batch_idx: int) -> Any:
            self.calls += 1
            if self.calls == 2:
                raise OSError("a torn file")
            self.before = copy.deepcopy(self.net.state_dict())
            return super().training_step(batch, batch_idx)

    module = Failing(1.0)
    with pytest.raises(OSError, match="a torn file"):
        fit(build(), module)
    parameters = dict(module.net.named_parameters())
    assert all(torch.equal(p, module.before[name]) for name, p in parameters.items())


def test_a_method_that_moves_before_the_first_pass() -> None:
    class Momentum(Module):
        def configure_optimizers(self) -> Any:
            base = torch.optim.SGD(self.net.parameters(), lr=0.1, momentum=0.9)
            optimizer = sssam.MSAM(base, model=self.net)
            return [optimizer], [{"scheduler": StepLR(optimizer, 3), "interval": "step"}]

    runs = [fit(build(ours=ours), Momentum(), shuffle=True) for ours in (False, True)]
    by_hand.equal(runs[0].net, runs[1].net)
    assert runs[1].sharp.counters.forwards == runs[1].sharp.ascents == 2 * BATCHES
