"""Lightning without the callback and by hand: right, or refused where it would be wrong."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import sssam
from tests.integrations import by_hand
from tests.integrations.lightning_runs import BATCHES, SIZE, Module, build, fit

pytestmark = [
    # Lightning's advice on loader workers, on this machine's cores; nothing that a loop does.
    pytest.mark.filterwarnings("ignore:The 'train_dataloader' does not have many workers"),
    # Lightning reads data trees by a name that torch has deprecated.
    pytest.mark.filterwarnings("ignore:.*LeafSpec.*is deprecated:FutureWarning"),
]


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
        fit(build(ours=False, **settings), module)


def test_manual_optimisation_by_a_closure_needs_no_callback() -> None:
    manual, automatic = fit(build(ours=False), Manual(closed=True)), Module(1.0)
    sharp = sssam.unwrap(manual.optimizers())
    assert sharp.steps == 2 * BATCHES
    assert sharp.propagations == 2.0
    automatic.configure_optimizers = lambda: type(automatic).configure_optimizers(automatic)[0]
    automatic.on_train_batch_end = lambda *args: None
    by_hand.equal(fit(build(), automatic).net, manual.net)


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

    trainer = build("16-mixed", ours=False)
    manual = fit(trainer, TwoLines(closed=False))
    assert manual.sharp.steps == trainer.global_step == 2 * BATCHES
    automatic = Module(1.0)
    automatic.configure_optimizers = lambda: type(automatic).configure_optimizers(automatic)[0]
    automatic.on_train_batch_end = lambda *args: None
    by_hand.equal(fit(build("16-mixed"), automatic).net, manual.net)


def test_an_ascent_on_a_part_of_the_batch_by_the_phase_without_the_callback() -> None:
    class Part(Module):
        def training_step(self, batch: Any, batch_idx: int) -> Tensor:
            k = SIZE // 2 if self.sharp.phase == "ascent" else SIZE
            return super().training_step([part[:k] for part in batch], batch_idx)

    module = fit(build(ours=False), Part(1.0, ascent_fraction=0.5))
    assert module.sharp.propagations == 1.5


def test_the_callback_refuses_manual_optimisation_at_the_start() -> None:
    module = Manual(closed=True)
    with pytest.raises(ValueError, match="is for automatic optimisation"):
        fit(build(), module)
    assert module.norms == []


def test_equal_masks_are_refused_at_the_first_step_whatever_the_draw() -> None:
    with pytest.raises(RuntimeError, match=r"ascend\(\) can't serve this optimizer"):
        fit(build(), Module(0.0, rng="same-mask"))


def test_the_callback_refuses_an_optimizer_that_is_not_ours() -> None:
    class Bare(Module):
        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.net.parameters(), lr=0.1)

    with pytest.raises(ValueError, match="must return a sharpness-aware optimizer"):
        fit(build(), Bare())
