"""What Lightning does between the micro-batches of a step, and in the steps that are none."""

from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

import sssam
from tests.integrations import by_hand
from tests.integrations.lightning_runs import BATCHES, SIZE, Module, build, fit, pl, samples

pytestmark = [
    # Lightning's advice on loader workers, on this machine's cores; nothing that a loop does.
    pytest.mark.filterwarnings("ignore:The '.*_dataloader' does not have many workers"),
    # Lightning reads data trees by a name that torch has deprecated.
    pytest.mark.filterwarnings("ignore:.*LeafSpec.*is deprecated:FutureWarning"),
]
KINDS = {
    "SAM": {},
    "part": {"ascent_fraction": 0.5},
    "MSAM": {"rho": 0.3},
}


class Kind(Module):
    """A method of these, and the weights after each step of four micro-batches."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name, self.after = name, list[Tensor]()

    def configure_optimizers(self) -> Any:
        base = torch.optim.SGD(self.net.parameters(), lr=0.1, momentum=0.9)
        method = sssam.MSAM if self.name == "MSAM" else sssam.SAM
        return method(base, model=self.net, **KINDS[self.name])  # type: ignore[operator]

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        if batch_idx % 4 == 3:
            self.after.append(self.vector)

    @property
    def vector(self) -> Tensor:
        return nn.utils.parameters_to_vector(self.net.parameters()).detach()


class Validated(Kind):
    """It notes the weights that each validation sees."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.seen: list[Tensor] = []

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.seen.append(self.vector)


@pytest.mark.parametrize("name", KINDS)
def test_validation_and_checkpoints_amid_a_step_see_w_and_change_nothing(
    name: str, tmp_path: Path
) -> None:
    """After the third of four micro-batches, and after two of the next four."""
    saves = pl.callbacks.ModelCheckpoint(tmp_path, save_top_k=-1, save_on_train_epoch_end=False)
    more: dict[str, Any] = {"val_check_interval": 3, "num_sanity_val_steps": 0}
    more |= {"callbacks": [saves], "enable_checkpointing": True}
    validated = Validated(name)
    loader = DataLoader([torch.zeros(1)])
    fit(build(accumulate_grad_batches=4, **more), validated, val_dataloaders=loader)
    plain = fit(build(accumulate_grad_batches=4), Kind(name))
    by_hand.close(validated.net, plain.net)
    assert validated.sharp.propagations == plain.sharp.propagations
    close: Any = torch.testing.assert_close
    for seen, expected in zip(validated.seen[1:], plain.after, strict=False):
        close(seen, expected, rtol=1e-5, atol=1e-6)
    assert len(validated.seen) == 4
    saved = [torch.load(path, weights_only=True)["state_dict"] for path in tmp_path.iterdir()]
    for state in saved:
        names = [f"net.{name}" for name, _ in validated.net.named_parameters()]
        weights = torch.cat([state[name].flatten() for name in names])
        assert any(torch.equal(weights, seen) for seen in validated.seen)
    assert len(saved) == 3


class Drawn(Dataset[Any]):
    """Samples, each with a number drawn in this process, as augmentations are."""

    def __init__(self) -> None:
        self.numbers: list[float] = []

    def __len__(self) -> int:
        return BATCHES * SIZE

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        self.numbers.append(torch.rand(()).item())
        x, y = samples()
        return x[i], y[i]


@pytest.mark.parametrize("name", KINDS)
def test_what_a_loader_draws_between_micro_batches_is_not_drawn_again(name: str) -> None:
    data = Drawn()
    torch.manual_seed(5)
    trainer = build(accumulate_grad_batches=4)
    trainer.fit(Kind(name), DataLoader(data, batch_size=SIZE))
    assert len(set(data.numbers)) == 2 * BATCHES * SIZE


@pytest.mark.parametrize("name", KINDS)
def test_batch_norm_s_epoch_after_averaging_makes_no_step(name: str) -> None:
    swa = pl.callbacks.StochasticWeightAveraging(swa_lrs=0.05, swa_epoch_start=1)
    module = fit(build(max_epochs=3, callbacks=[swa]), Kind(name))
    assert module.sharp.steps == 3 * BATCHES
    average = dict(swa._average_model.named_parameters())
    assert all(torch.equal(p, average[n]) for n, p in module.named_parameters())


def test_a_training_step_may_take_entries_out_of_its_batch() -> None:
    class Popping(Module):
        def training_step(self, batch: Any, batch_idx: int) -> Tensor:
            return super().training_step((batch.pop("x"), batch.pop("y")), batch_idx)

    rows = [{"x": x, "y": y} for x, y in zip(*samples(), strict=True)]
    module = Popping(1.0)
    build(max_epochs=1).fit(module, DataLoader(rows, batch_size=SIZE))
    assert module.sharp.ascents == BATCHES


def test_an_exception_amid_a_step_leaves_w_to_what_is_saved_of_it() -> None:
    class Failing(Kind):
        def training_step(self, batch: Any, batch_idx: int) -> Tensor:
            loss = super().training_step(batch, batch_idx)
            if self.sharp.steps == 1 and batch_idx % 4 == 1:
                raise OSError("a torn file")
            return loss

    class Saving(pl.Callback):  # type: ignore[misc]
        def on_exception(self, trainer: Any, module: Any, exception: BaseException) -> None:
            self.saved = module.vector

    module, saving = Failing("MSAM"), Saving()
    with pytest.raises(OSError, match="a torn file"):
        fit(build(accumulate_grad_batches=4, callbacks=[saving]), module)
    assert torch.equal(saving.saved, module.after[0])


def test_a_fit_after_one_that_an_exception_ended_takes_the_same_parts() -> None:
    class Counting(Kind):
        sizes: ClassVar[list[int]] = []

        def training_step(self, batch: Any, batch_idx: int) -> Tensor:
            self.sizes.append(len(batch[0]))
            if len(self.sizes) == 1:
                raise OSError("a torn file")
            return super().training_step(batch, batch_idx)

    module, trainer = Counting("part"), build(max_epochs=1)
    loader = DataLoader(TensorDataset(*samples()), batch_size=4 * SIZE)
    with pytest.raises(OSError, match="a torn file"):
        trainer.fit(module, loader)
    trainer.fit(module, loader)
    assert module.sizes == [2 * SIZE, *[2 * SIZE, 4 * SIZE] * (BATCHES // 4)]
