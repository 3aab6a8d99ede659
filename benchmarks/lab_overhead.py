"""What the laboratory adds to a step, over a bare training loop on the same task, side by side.

`python -m benchmarks.lab_overhead [--blocks N] [--out FILE]` trains two copies of one network in
turn, an epoch of each a block, so that a drift of the machine's speed meets both alike: one by the
laboratory's own loop (`sssam.lab.training.loop.run_epoch`), the other by the loop that one would
write by hand. A second copy of the bare loop shows the noise of the method. The aims: at most 3%
on the CIFAR ResNet, and at most 0.2 ms a step on the tiniest network.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch.nn.functional import cross_entropy

from sssam.lab.examples import Examples
from sssam.lab.specs import DataSpec, Method, ModelSpec, Run, Task
from sssam.lab.training import loop
from sssam.lab.training.environment import describe
from sssam.lab.training.loop import Parts, Training
from sssam.lab.training.prepare import prepare

#: The model, the shape of an image (None: the digits as they are), batch size, steps in a block.
PROBLEMS: dict[str, tuple[ModelSpec, tuple[int, int, int] | None, int, int]] = {
    "MLP 64-8-10, batch 32": (ModelSpec(name="mlp", widths=(8,)), None, 32, 40),
    "ResNet-8 on 1 x 32 x 32, batch 64": (ModelSpec(name="resnet8"), (1, 32, 32), 64, 6),
}
Block = Callable[[], object]


def prepared(problem: str, epochs: int) -> Training:
    """A run of the plain optimizer before its first step, on random images where a shape is set."""
    model, shape, batch, steps = PROBLEMS[problem]
    data = DataSpec(name="digits", train=batch * steps, validation=32)
    task = Task(name="overhead", data=data, model=model, epochs=epochs, batch_size=batch)
    run = Run(task=task, method=Method(label="base", kind="base"), seed=0)
    training = prepare(run, Fabric(accelerator="cpu", devices=1))
    if shape is not None:
        images = torch.randn(batch * steps, *shape)
        train = Examples(images, training.split.train.targets)
        training.split = Parts(train, *training.split[1:])
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


def measure(problem: str, blocks: int) -> dict[str, list[float]]:
    """Milliseconds a step, for each row and block; the first block warms up and is left out."""
    steps = PROBLEMS[problem][3]
    kinds = {"bare": bare_epoch, "bare again": bare_epoch, "laboratory": loop.run_epoch}
    rows = {name: (epoch, prepared(problem, blocks + 1)) for name, epoch in kinds.items()}
    times: dict[str, list[float]] = {name: [] for name in rows}
    for _ in range(blocks + 1):
        for name, (epoch, training) in rows.items():
            start = time.perf_counter()
            epoch(training)
            times[name].append((time.perf_counter() - start) / steps * 1e3)
    return {name: values[1:] for name, values in times.items()}


def summary(times: dict[str, list[float]]) -> dict[str, dict[str, float]]:
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


def main() -> None:
    """Measure, print a table for each problem, and write the raw times if a file is named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--blocks", type=int, default=100)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    record = {"environment": describe(torch.device("cpu"), "32-true").model_dump(), "problems": {}}
    for problem in PROBLEMS:
        times = measure(problem, options.blocks)
        rows = summary(times)
        record["problems"][problem] = {"summary": rows, "milliseconds": times}
        print(f"\n{problem}: {options.blocks} blocks")
        for name, row in rows.items():
            spread = f"{row['added_lower_quartile']:.3f} to {row['added_upper_quartile']:.3f}"
            added = f"+ {row['added_milliseconds']:.3f} ms ({spread})"
            print(f"  {name:12s} {row['milliseconds']:8.3f} ms  {added}  {row['added_share']:+.1%}")
    if options.out is not None:
        options.out.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
