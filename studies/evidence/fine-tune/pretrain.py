"""Pre-trains the network of `fine_tune.py` and writes `studies/evidence/data/fine-tune.pt`.

    python studies/evidence/fine-tune/pretrain.py --cifar CIFAR

CIFAR is a folder with `train*.parquet` and `test*.parquet` of CIFAR-10 in the hub's layout. The
25,000 training images of the first five classes are trained on for eight epochs, four minutes of
one core. The images of the other five, the 5,000 of the test set first, are for `fine_tune.py`.
`--swapped` trains on the last five and leaves the first for `swapped.py`.
"""

import argparse
import io
from pathlib import Path

import numpy as np
import pyarrow.parquet
import torch
from fine_tune import DATA, network
from PIL import Image
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import CosineAnnealingLR

from sssam.lab.tasks import augment

EPOCHS, BATCH = 8, 125


def read(cifar: Path, part: str) -> tuple[Tensor, Tensor]:
    """Images in uint8, (n, 3, 32, 32), and their labels."""
    (path,) = cifar.glob(f"{part}*.parquet")
    table = pyarrow.parquet.read_table(path).to_pydict()
    images = [np.asarray(Image.open(io.BytesIO(each["bytes"]))) for each in table["img"]]
    return torch.tensor(np.stack(images)).permute(0, 3, 1, 2), torch.tensor(table["label"])


def pretrained(x: Tensor, y: Tensor) -> dict[str, Tensor]:
    """Weights and buffers but those of the last layer, after SGD with an annealed rate."""
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    scheduler = CosineAnnealingLR(optimizer, EPOCHS * (len(x) // BATCH))
    for epoch in range(EPOCHS):
        changed, right = augment.draw("shifts and flips", len(x), x, seed=0, epoch=epoch), 0
        for index in torch.randperm(len(x)).split(BATCH):
            outputs = model(changed(x[index], index))
            cross_entropy(outputs, y[index]).backward()
            optimizer.step()
            optimizer.zero_grad()
            scheduler.step()
            right += int((outputs.argmax(1) == y[index]).sum())
        print(f"epoch {epoch + 1} of {EPOCHS}: {100 * right / len(x):.1f}% of the training images")
    return {k: v for k, v in model.state_dict().items() if not k.startswith("head.")}


def main() -> None:
    """Everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cifar", type=Path, required=True)
    parser.add_argument("--swapped", action="store_true")
    given = parser.parse_args()
    torch.manual_seed(0)
    train, test = read(given.cifar, "train"), read(given.cifar, "test")
    if given.swapped:
        train, test = ((x, (y + 5) % 10) for x, y in (train, test))
    known = train[1] < 5
    shares = train[0][known] / 255
    mean, deviation = (f((0, 2, 3), keepdim=True)[0] for f in (shares.mean, shares.std))
    weights = pretrained((shares - mean) / deviation, train[1][known])
    others = [(x[y >= 5], y[y >= 5] - 5) for x, y in (test, train)]
    x, y = (torch.cat(parts) for parts in zip(*others, strict=True))
    DATA.parent.mkdir(exist_ok=True)
    content = {"images": x, "labels": y, "mean": mean, "deviation": deviation}
    content |= {f"weights.{k}": v for k, v in weights.items()}
    torch.save(content, DATA.with_stem("fine-tune-swapped") if given.swapped else DATA)


if __name__ == "__main__":
    main()
