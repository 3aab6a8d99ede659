"""What the laboratory adds to a step, over a bare training loop on the same task, side by side.

`python -m benchmarks.lab_overhead [--blocks N] [--out FILE]` trains two copies of one network in
turn, an epoch of each a block, so that a drift of the machine's speed meets both alike: one by the
laboratory's own loop (`sssam.lab.training.loop.run_epoch`), the other by the loop that one would
write by hand. A second copy of the bare loop shows the noise of the method. The aims: at most 3%
on the CIFAR ResNet, and at most 0.2 ms a step on the tiniest network.
"""

import statistics
from functools import partial

import torch
from lightning_fabric import Fabric
from torch.nn.functional import cross_entropy

from benchmarks.blocks import Times, run, timed
from sssam.lab.specs import DataSpec, Method, ModelSpec, Run, Task
from sssam.lab.tasks.examples import Examples
from sssam.lab.training import loop
from sssam.lab.training.prepare import prepare
from sssam.lab.training.state import SplitData, Training

#: The model, the shape of an image (None: the digits as they are), batch size, steps in a block.
PROBLEMS: dict[str, tuple[ModelSpec, tuple[int, int, int] | None, int, int]] = {
    "MLP 64-8-10, batch 32": (ModelSpec(name="mlp", widths=(8,)), None, 32, 40),
    "ResNet-8 on 1 x 32 x 32, batch 64": (ModelSpec(name="resnet8"), (1, 32, 32), 64, 6),
}


def prepared(problem: str, epochs: int) -> Training:
    """A run of the plain optimizer before its first step, on random images where a shape is set."""
    model, shape, batch, steps = PROBLEMS[problem]
    data = DataSpec(name="digits", train=batch * steps, validation=32)
    task = Task(name="overhead", data=data, model=model, epochs=epochs, batch_size=batch)
    bare = Run(task=task, method=Method(label="base", kind="base"), seed=0)
    training = prepare(bare, Fabric(accelerator="cpu", devices=1))
    if shape is not None:
        images = torch.randn(batch * steps, *shape)
        train = Examples(images, training.split.train.targets)
        training.split = SplitData(train, *training.split[1:])
    return training


def bare_epoch(training: Training) -> None:
    """The same epoch as one would write it by hand, with the same network, data and optimizer."""
    network, base, rate = training.network, training.base, training.scheduler
    images, labels = training.split.train.inputs, training.split.train.targets
    for index in torch.randperm(len(labels)).split(training.run.task.batch_size):
        base.zero_grad()
        loss = cross_entropy(network(images[index]), labels[index])
        loss.backward()
        base.step()
        rate.step()


def measure(problem: str, blocks: int) -> Times:
    """Milliseconds a step, for each row and block; a block is an epoch."""
    kinds = {"bare": bare_epoch, "bare again": bare_epoch, "laboratory": loop.run_epoch}
    rows = {name: partial(epoch, prepared(problem, blocks + 1)) for name, epoch in kinds.items()}
    return timed(rows, PROBLEMS[problem][3], blocks)


def summary(times: Times) -> dict[str, dict[str, float]]:
    """For each row: median time, median of what it adds to the bare block beside it, quartiles."""
    rows = {}
    for name, values in times.items():
        added = [t - b for t, b in zip(values, times["bare"], strict=True)]
        shares = [t / b - 1 for t, b in zip(values, times["bare"], strict=True)]
        low, middle, high = statistics.quantiles(added, n=4)
        rows[name] = {
            "blocks": len(values),
            "milliseconds": statistics.median(values),
            "added_milliseconds": middle,
            "added_lower_quartile": low,
            "added_upper_quartile": high,
            "added_share": statistics.median(shares),
        }
    return rows


def line(name: str, row: dict[str, float]) -> str:
    """A row's summary as text."""
    spread = f"{row['added_lower_quartile']:.3f} to {row['added_upper_quartile']:.3f}"
    added = f"+ {row['added_milliseconds']:.3f} ms ({spread})"
    return f"{name:12s} {row['milliseconds']:8.3f} ms  {added}  {row['added_share']:+.1%}"


if __name__ == "__main__":
    run(__doc__, PROBLEMS, 100, measure, summary, line)
