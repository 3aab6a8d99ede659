"""Lightning: automatic optimisation with accumulation and clipping, and one callback more."""

import lightning.pytorch as pl
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

import sssam
from sssam.integrations.lightning import SharpnessAwareCallback


class Digits(pl.LightningModule):
    """A usual module; SS-SAM is in configure_optimizers alone."""

    def __init__(self) -> None:
        super().__init__()
        layers = [nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 10)]
        self.net = nn.Sequential(*layers)

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        """The loss of a batch."""
        return cross_entropy(self.net(batch[0]), batch[1])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """SS-SAM around SGD."""
        base = torch.optim.SGD(self.net.parameters(), lr=0.05, momentum=0.9)
        ramp, total_steps = sssam.schedules.linear(0, 1), self.trainer.estimated_stepping_batches
        return sssam.SSSAM(base, schedule=ramp, total_steps=int(total_steps), model=self)


torch.manual_seed(0)
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
loader = DataLoader(TensorDataset(x[:1400], y[:1400]), batch_size=32, shuffle=True)
module = Digits()
quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
steps = {"accumulate_grad_batches": 2, "gradient_clip_val": 1.0, "precision": "bf16-mixed"}
callbacks = [SharpnessAwareCallback()]
trainer = pl.Trainer(accelerator="cpu", max_epochs=10, callbacks=callbacks, **steps, **quiet)
trainer.fit(module, loader)

accuracy = (module.net.eval()(x[1400:]).argmax(1) == y[1400:]).float().mean().item()
spent = sssam.unwrap(module.optimizers()).propagations
print(f"accuracy {accuracy:.3f}, {spent:.2f} propagations a step")
