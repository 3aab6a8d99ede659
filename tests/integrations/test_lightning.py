"""Lightning's automatic optimisation: right with the callback, refused where it would be wrong."""

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

pl = pytest.importorskip("lightning.pytorch", reason="lightning is not installed")
from lightning.pytorch.plugins.precision import MixedPrecision  # noqa: E402

from sssam.integrations.lightning import SharpnessAwareCallback  # noqa: E402

BATCHES, SIZE, SCALE = 8, 4, 2.0**8

pytestmark = [
    pytest.mark.xdist_group("trainers"),
    # Lightning's advice on loader workers, on this machine's cores; nothing that a loop does.
    pytest.mark.filterwarnings("ignore:The 'train_dataloader' does not have many workers"),
    # Lightning reads data trees by a name that torch has deprecated.
    pytest.mark.filterwarnings("ignore:.*LeafSpec.*is deprecated:FutureWarning"),
]


def _data() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(BATCHES * SIZE, 5, generator=generator)
    return x, torch.randint(3, (len(x),), generator=generator)


def _net(dropout: float = 0.0) -> nn.Sequential:
    torch.manual_seed(1)
    layers = [nn.Linear(5, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Dropout(dropout), nn.Linear(8, 3)]
    return nn.Sequential(*layers)


class Module(pl.LightningModule):  # type: ignore[misc]
    """A usual module: it knows nothing of sharpness but in configure_optimizers."""

    def __init__(self, p: float = 0.5, dropout: float = 0.0, **more: Any) -> None:
        super().__init__()
        self.net, self.p, self.more = _net(dropout), p, more
        self.overflows: frozenset[int] = frozenset()
        self.rates: list[float] = []
        self.norms: list[float] = []
        self.logged: list[float] = []

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        x, y = batch
        loss = cross_entropy(self.net(x), y)
        self.log("loss", loss, on_epoch=True, on_step=False)
        return loss * (math.inf if batch_idx in self.overflows else 1.0)

    def configure_optimizers(self) -> Any:
        base = torch.optim.SGD(self.net.parameters(), lr=0.1, momentum=0.9)
        schedule = constant(self.p)
        settings = {"rho": 0.1, "model": self.net, **self.more}
        optimizer = sssam.SSSAM(base, schedule=schedule, total_steps=100, **settings)
        return [optimizer], [{"scheduler": StepLR(optimizer, 3, 0.5), "interval": "step"}]

    def on_before_optimizer_step(self, optimizer: Any) -> None:
        grads = [p.grad for p in self.net.parameters() if p.grad is not None]
        self.norms.append(nn.utils.get_total_norm(grads).item())

    def on_train_batch_end(self, *args: Any) -> None:
        self.rates.append(self.lr_schedulers().get_last_lr()[0])

    def on_train_epoch_end(self) -> None:
        self.logged.append(self.trainer.callback_metrics["loss"].item())

    @property
    def sharp(self) -> sssam.SharpnessAware:
        return sssam.unwrap(self.optimizers())


def _trainer(precision: str = "32-true", ours: bool = True, **more: Any) -> Any:
    settings = {
        "accelerator": "cpu",
        "devices": 1,
        "max_epochs": 2,
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        **more,
    }
    if precision == "16-mixed":  # by its name, Lightning takes bf16 instead on a CPU
        scaler = GradScaler("cpu", init_scale=SCALE, growth_interval=4)
        settings["plugins"] = [MixedPrecision("16-mixed", "cpu", scaler)]
    else:
        settings["precision"] = precision
    callbacks = [SharpnessAwareCallback()] if ours else []
    return pl.Trainer(callbacks=callbacks + settings.pop("callbacks", []), **settings)


def _fit(trainer: Any, module: Module, shuffle: bool = False, **more: Any) -> Module:
    loader = DataLoader(TensorDataset(*_data()), batch_size=SIZE, shuffle=shuffle)
    torch.manual_seed(5)
    trainer.fit(module, loader, **more)
    return module


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "16-mixed"])
@pytest.mark.parametrize(("mix", "micro"), [(1.0, 1), (0.4, 1), (0.4, 3)])
def test_it_equals_a_loop_by_hand(mix: float, micro: int, precision: str) -> None:
    """With clipping, a schedule, and 8 micro-batches an epoch in steps of 3, 3 and 2."""
    trainer = _trainer(precision, accumulate_grad_batches=micro, gradient_clip_val=0.2)
    module = _fit(trainer, Module(0.5, mix=mix))

    net = _net()
    base = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    scheduler = StepLR(base, 3, 0.5)
    trial = sssam.Draws(constant(0.5), 100, seed=0)
    x, y = _data()
    steps = [range(i, min(i + micro, BATCHES)) for i in range(0, BATCHES, micro)] * 2
    for t, batches in enumerate(steps):
        narrow, scale = torch.bfloat16, 1.0
        if precision == "16-mixed":
            narrow, scale = torch.float16, SCALE * 2 ** (t // 4)

        def loss(i: int, narrow: torch.dtype = narrow, scale: float = scale) -> Tensor:
            part = slice(i * SIZE, (i + 1) * SIZE)
            with torch.autocast("cpu", narrow, precision != "32-true", cache_enabled=False):
                value = cross_entropy(net(x[part]), y[part])
            return value / micro * scale

        losses = [lambda i=i: loss(i) for i in batches]
        by_hand.step(net, base, losses, sharp=trial(t), rho=0.1, mix=mix, clip=0.2, scale=scale)
        scheduler.step()
    by_hand.close(module.net, net)
    sharp = module.sharp
    assert sharp.steps == trainer.global_step == len(steps)
    assert sharp.ascents == sum(trial(t) for t in range(len(steps)))
    assert sharp.forwards == sharp.backwards == len(steps) + sharp.ascents
    assert 0 < sharp.ascents < len(steps)
    assert module.rates[-1] == scheduler.get_last_lr()[0]
    assert len(module.norms) == len(steps)  # the hook is told once a step


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "16-mixed", "64-true", "bf16-true"])
def test_without_ascents_it_is_the_base_optimizer_to_the_bit(precision: str) -> None:
    class Bare(Module):
        def configure_optimizers(self) -> Any:
            base = torch.optim.SGD(self.net.parameters(), lr=0.1, momentum=0.9)
            return [base], [{"scheduler": StepLR(base, 3, 0.5), "interval": "step"}]

    runs: list[Module] = []
    for module, ours in ((Bare(dropout=0.2), False), (Module(0.0, dropout=0.2), True)):
        trainer = _trainer(precision, ours, accumulate_grad_batches=3, gradient_clip_val=0.2)
        runs.append(_fit(trainer, module, shuffle=True))
    by_hand.equal(runs[0].net, runs[1].net)
    assert runs[0].logged == runs[1].logged
    assert runs[0].norms == runs[1].norms
    assert runs[0].rates == runs[1].rates


def test_the_closure_alone_is_right_where_nothing_is_clipped_or_accumulated() -> None:
    """Without the callback too: Lightning's closure is then one whole pass."""
    for precision in ("32-true", "bf16-mixed"):
        runs = [
            _fit(_trainer(precision, ours), Module(0.5, dropout=0.2, mix=0.4), shuffle=True)
            for ours in (False, True)
        ]
        by_hand.equal(runs[0].net, runs[1].net)
        assert runs[0].sharp.propagations == runs[1].sharp.propagations


def test_what_the_second_pass_logs_is_dropped() -> None:
    sharp, plain = _fit(_trainer(), Module(1.0)), _fit(_trainer(), Module(0.0))
    assert sharp.logged[0] == pytest.approx(plain.logged[0], rel=0.2)
    alone = _fit(_trainer(ours=False), Module(1.0))
    assert alone.logged[0] > sharp.logged[0]  # the mean with the losses at w + e


@pytest.mark.parametrize("precision", ["32-true", "16-mixed"])
def test_a_run_resumed_from_a_checkpoint_equals_the_uncut_one(
    tmp_path: Path, precision: str
) -> None:
    def build(epochs: int) -> Any:
        more = {"max_epochs": epochs, "accumulate_grad_batches": 2, "gradient_clip_val": 0.2}
        return _trainer(precision, **more)

    whole = _fit(build(4), Module(0.5, mix=0.4))
    cut = build(2)
    _fit(cut, Module(0.5, mix=0.4))
    cut.save_checkpoint(tmp_path / "cut.ckpt")
    resumed = _fit(build(4), Module(0.5, mix=0.4), ckpt_path=str(tmp_path / "cut.ckpt"))
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
        trainer = _trainer("16-mixed", max_epochs=1, callbacks=[notes])
        runs.append(_fit(trainer, module))
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
        module = _fit(_trainer(precision, max_epochs=1), Skipping(1.0))
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
        _fit(_trainer(), module)
    parameters = dict(module.net.named_parameters())
    assert all(torch.equal(p, module.before[name]) for name, p in parameters.items())


def test_a_method_that_moves_before_the_first_pass() -> None:
    class Momentum(Module):
        def configure_optimizers(self) -> Any:
            base = torch.optim.SGD(self.net.parameters(), lr=0.1, momentum=0.9)
            optimizer = sssam.MSAM(base, model=self.net)
            return [optimizer], [{"scheduler": StepLR(optimizer, 3), "interval": "step"}]

    runs = [_fit(_trainer(ours=ours), Momentum(), shuffle=True) for ours in (False, True)]
    by_hand.equal(runs[0].net, runs[1].net)
    assert runs[1].sharp.forwards == runs[1].sharp.ascents == 2 * BATCHES


class Clipping(Module):
    """A module that clips in its own way."""

    def configure_gradient_clipping(self, optimizer: Any, *args: Any, **kwargs: Any) -> None:
        nn.utils.clip_grad_value_(self.net.parameters(), 0.1)


class Manual(Module):
    """A module that steps itself, by a closure or without one."""

    def __init__(self, closed: bool) -> None:
        super().__init__(1.0)
        self.automatic_optimization = False
        self.closed = closed

    def training_step(self, batch: Any, batch_idx: int) -> None:
        optimizer = self.optimizers()

        def closure() -> Tensor:
            optimizer.zero_grad()
            loss = cross_entropy(self.net(batch[0]), batch[1])
            self.log("loss", loss.detach())
            self.manual_backward(loss)
            return loss

        if self.closed:
            optimizer.step(closure)
        else:
            closure()
            optimizer.step()


@pytest.mark.parametrize(
    ("module", "settings", "text"),
    [
        (Module(0.0), {"accumulate_grad_batches": 2}, "holds the last micro-batch alone"),
        (Module(0.0), {"gradient_clip_val": 0.5}, "clips inside the closure"),
        (Clipping(0.0), {}, "clips inside the closure"),
        (Module(0.0), {"precision": "16-mixed"}, "the second pass would never happen"),
        (Manual(closed=False), {}, "can't end a step in manual optimisation"),
    ],
)
def test_without_the_callback_what_would_be_wrong_is_refused_at_the_first_step(
    module: Module, settings: dict[str, Any], text: str
) -> None:
    with pytest.raises(RuntimeError, match=text):
        _fit(_trainer(ours=False, **settings), module)


def test_manual_optimisation_by_a_closure_needs_no_callback() -> None:
    manual, automatic = _fit(_trainer(ours=False), Manual(closed=True)), Module(1.0)
    sharp = sssam.unwrap(manual.optimizers())
    assert sharp.steps == 2 * BATCHES
    assert sharp.propagations == 2.0
    automatic.configure_optimizers = lambda: type(automatic).configure_optimizers(automatic)[0]
    automatic.on_train_batch_end = lambda *args: None
    by_hand.equal(_fit(_trainer(), automatic).net, manual.net)


def test_manual_optimisation_in_float16_by_two_lines() -> None:
    class TwoLines(Manual):
        def training_step(self, batch: Any, batch_idx: int) -> None:
            optimizer = self.optimizers()
            optimizer.zero_grad()
            self.manual_backward(cross_entropy(self.net(batch[0]), batch[1]))
            if optimizer.ascend():  # with the scaler that the plugin has
                self.manual_backward(cross_entropy(self.net(batch[0]), batch[1]))
            optimizer.step()
            self.log("loss", 0.0)

    trainer = _trainer("16-mixed", ours=False)
    manual = _fit(trainer, TwoLines(closed=False))
    assert manual.sharp.steps == trainer.global_step == 2 * BATCHES
    automatic = Module(1.0)
    automatic.configure_optimizers = lambda: type(automatic).configure_optimizers(automatic)[0]
    automatic.on_train_batch_end = lambda *args: None
    by_hand.equal(_fit(_trainer("16-mixed"), automatic).net, manual.net)


def test_an_ascent_on_a_part_of_the_batch_by_the_phase_without_the_callback() -> None:
    class Part(Module):
        def training_step(self, batch: Any, batch_idx: int) -> Tensor:
            k = SIZE // 2 if self.sharp.phase == "ascent" else SIZE
            return super().training_step([part[:k] for part in batch], batch_idx)

    module = _fit(_trainer(ours=False), Part(1.0, ascent_fraction=0.5))
    assert module.sharp.propagations == 1.5


@pytest.mark.parametrize(
    ("module", "text"),
    [
        (Manual(closed=True), "is for automatic optimisation"),
        (Module(0.0, ascent_fraction=0.5), r"ascent_fraction=0\.5: the callback runs whole"),
    ],
)
def test_the_callback_refuses_at_the_start_what_it_can_not_make_right(
    module: Module, text: str
) -> None:
    with pytest.raises(ValueError, match=text):
        _fit(_trainer(), module)
    assert module.norms == []


def test_equal_masks_are_refused_at_the_first_step_whatever_the_draw() -> None:
    with pytest.raises(RuntimeError, match=r"ascend\(\) can't serve this optimizer"):
        _fit(_trainer(), Module(0.0, rng="same-mask"))


def test_the_callback_refuses_an_optimizer_that_is_not_ours() -> None:
    class Bare(Module):
        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.net.parameters(), lr=0.1)

    with pytest.raises(ValueError, match="must return a sharpness-aware optimizer"):
        _fit(_trainer(), Bare())
