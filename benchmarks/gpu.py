"""On a GPU: its tests, no waiting for it, and step times; one command of a few minutes.

`python -m benchmarks.gpu --out FILE` runs `tests/runtime/test_gpu.py`, then steps of each contender
under `torch.cuda.set_sync_debug_mode("error")`, then times them in blocks in turn: a ResNet-18 on
128 images of 224 x 224 over SGD, and a transformer of 124 million weights on 8 x 1,024 tokens over
fused AdamW; in float32, under bfloat16 autocast, and compiled. `--tiny --device cpu` runs all of it
small on any machine, without the tests.
"""

import argparse
import copy
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from benchmarks.blocks import Block, timed
from benchmarks.contenders import Step, own
from benchmarks.problems import Autocast, Mean
from benchmarks.step_times import line, summary
from sssam.lab.training.hardware import describe

CONTENDERS = ["base", "base again", "two passes", "SSSAM, p = 0", "SAM", "MSAM"]
CONTENDERS += ["SAM at half the steps, ascent on 1/8"]
TESTS = "tests/runtime/test_gpu.py"


class Mode(NamedTuple):
    """How the passes run."""

    label: str
    autocast: bool = False
    compiled: bool = False


MODES = [
    Mode("float32"),
    Mode("bfloat16 autocast", autocast=True),
    Mode("bfloat16 autocast, compiled", autocast=True, compiled=True),
]


class Block18(nn.Module):
    """A block of ResNet-18: two convolutions with batch norm, and the input added."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.one = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.two = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norms = nn.ModuleList(nn.BatchNorm2d(outputs) for _ in range(2))
        self.way = nn.Conv2d(inputs, outputs, 1, stride) if stride > 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """From (n, inputs, h, w) to (n, outputs, h / stride, w / stride)."""
        inner = self.norms[0](self.one(x)).relu()
        outer: Tensor = self.norms[1](self.two(inner)) + self.way(x)
        return outer.relu()


def resnet18(width: int) -> nn.Module:
    """ResNet-18, its first stage `width` channels wide: 64 in the paper of He et al. (2015)."""
    stem = [nn.Conv2d(3, width, 7, 2, 3, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
    widths = [width, width, 2 * width, 4 * width, 8 * width]
    stages = [
        block
        for i, (inputs, outputs) in enumerate(pairwise(widths))
        for block in (Block18(inputs, outputs, 2 if i else 1), Block18(outputs, outputs, 1))
    ]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8 * width, 10)]
    return nn.Sequential(*stem, nn.MaxPool2d(3, 2, 1), *stages, *head)


def transformer(width: int, depth: int, tokens: int) -> nn.Module:
    """An encoder with an embedding: 124 million weights at 768, 12 and 50,257, as GPT-2's."""
    layer = nn.TransformerEncoderLayer(
        width, max(width // 64, 1), 4 * width, dropout=0.0, batch_first=True, norm_first=True
    )
    layers = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
    return nn.Sequential(nn.Embedding(tokens, width), layers, Mean(), nn.Linear(width, 10))


class Case(NamedTuple):
    """A model with its base and a batch."""

    label: str
    model: nn.Module
    base: str
    x: Tensor
    y: Tensor


def cases(tiny: bool) -> Iterator[Case]:
    """The two models and their batches, on the host."""
    n, side, width = (16, 32, 8) if tiny else (128, 224, 64)
    y = torch.randint(10, (n,))
    yield Case("ResNet-18", resnet18(width), "SGD", torch.randn(n, 3, side, side), y)
    n, length, sizes = (16, 8, (64, 1, 100)) if tiny else (8, 1024, (768, 12, 50_257))
    x, y = torch.randint(sizes[-1], (n, length)), torch.randint(10, (n,))
    yield Case("transformer", transformer(*sizes), "fused AdamW", x, y)


@contextmanager
def no_waiting(device: torch.device) -> Iterator[None]:
    """An error wherever the host waits for a GPU; nothing on the host."""
    if device.type != "cuda":
        yield
        return
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


def _block(step: Step, steps: int, device: torch.device) -> Block:
    def run() -> None:
        for _ in range(steps):
            step()
        if device.type == "cuda":
            torch.cuda.synchronize()

    return run


def measure(case: Case, mode: Mode, device: torch.device, steps: int, rounds: int) -> Any:
    """Milliseconds a step of each contender, in blocks in turn, once none of them waits."""
    x, y = case.x.to(device), case.y.to(device)
    kinds: dict[str, Block] = {}
    builds = own(case.base)
    for label in CONTENDERS:
        model = copy.deepcopy(case.model).to(device)
        model = Autocast(model) if mode.autocast else model
        step = builds[label](torch.compile(model) if mode.compiled else model, x, y)
        for _ in range(4):  # what is made or compiled once is made here
            step()
        with no_waiting(device):
            step()
            step()
        kinds[label] = _block(step, steps, device)
    return timed(kinds, steps, rounds)


def _tests() -> str:
    """The last line of what pytest says."""
    command = [sys.executable, "-m", "pytest", "-q", TESTS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout.strip().splitlines() or [done.stderr])[-1]


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tiny", action="store_true", help="small models, nothing compiled")
    parser.add_argument("--blocks", type=int, default=9)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    device, found = torch.device(options.device), {}
    tests = "not run" if options.tiny else _tests()
    print(tests)
    for case in cases(options.tiny):
        for mode in MODES[: 2 if options.tiny else None]:
            steps = 2 if options.tiny else 10
            times = measure(case, mode, device, steps, options.blocks)
            label = f"{case.label}, {case.base}, {mode.label}"
            found[label] = {"summary": summary(times), "milliseconds": times}
            print(f"\n{label}")
            for name, values in summary(times).items():
                print(f"  {line(name, values)}", flush=True)
    if options.out is not None:
        environment = describe(device, "32-true").model_dump()
        record = {"environment": environment, "tests": tests, "steps": found}
        options.out.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
