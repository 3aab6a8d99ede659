"""Pre-trains the network of `sequences.py` and writes `studies/evidence/data/sequences.pt`.

    pip install --target PACKAGES --no-deps mnist1d
    PYTHONPATH=PACKAGES python studies/evidence/sequences/pretrain.py

60,000 sequences are drawn; on those of the digits 0 to 4 the network trains for 20 epochs of AdamW,
a minute of one core. The others are for `sequences.py`.
"""

import numpy as np
import torch
from mnist1d.data import get_dataset_args, make_dataset
from sequences import DATA, network
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import OneCycleLR

EPOCHS, BATCH = 20, 100


def drawn() -> tuple[Tensor, Tensor]:
    """Sequences (n, 1, 40) and their digits."""
    settings = get_dataset_args()
    settings.num_samples, settings.seed = 60_000, 11
    made = make_dataset(settings)
    x, y = (np.concatenate([made[k], made[f"{k}_test"]]) for k in ("x", "y"))
    return torch.tensor(x, dtype=torch.float32)[:, None], torch.tensor(y)


def pretrained(x: Tensor, y: Tensor) -> dict[str, Tensor]:
    """Weights but those of the last layer."""
    model = network()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.01)
    scheduler = OneCycleLR(optimizer, 0.01, EPOCHS * -(-len(x) // BATCH), pct_start=0.1)
    for epoch in range(EPOCHS):
        right = 0
        for index in torch.randperm(len(x)).split(BATCH):
            outputs = model(x[index])
            cross_entropy(outputs, y[index]).backward()
            optimizer.step()
            optimizer.zero_grad()
            scheduler.step()
            right += int((outputs.argmax(1) == y[index]).sum())
        print(f"epoch {epoch + 1} of {EPOCHS}: {100 * right / len(x):.1f}% of them")
    last = list(model.state_dict())[-2:]
    return {k: v for k, v in model.state_dict().items() if k not in last}


def main() -> None:
    """Everything."""
    torch.manual_seed(0)
    x, y = drawn()
    known = y < 5
    weights = pretrained(x[known], y[known])
    DATA.parent.mkdir(exist_ok=True)
    content = {"sequences": x[~known], "labels": y[~known] - 5}
    torch.save(content | {f"weights.{k}": v for k, v in weights.items()}, DATA)


if __name__ == "__main__":
    main()
