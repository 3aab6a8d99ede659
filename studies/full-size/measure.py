"""What the studies of this folder cost, and that their tasks run: writes `cost.json`.

    python studies/full-size/measure.py cifar100-resnet18 imagenet-resnet50

On made-up data of the real form each task is trained for two steps of few samples by three
methods, on the CPU. Floating-point operations are counted by torch for one sample, and multiplied
by what the study file asks for; hours are at an assumed throughput, which README.md gives reasons
for.
"""

import argparse
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from unittest.mock import patch

import small_data
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from sssam.lab.runs import checks
from sssam.lab.specs import BASE, Method, Run, Task
from sssam.lab.studies import studyfile
from sssam.lab.studies.design import Study
from sssam.lab.studies.variants import VARIANT
from sssam.lab.tasks import problems
from sssam.lab.tasks.problem import Problem, run_model
from sssam.lab.training import hardware, methods, weights
from sssam.lab.training.evaluate import FIXED_SUBSET
from sssam.lab.training.prepare import prepare
from sssam.lab.training.train import train

HERE = Path(__file__).parent
#: Operations a second of an A100 in bfloat16, by its data sheet.
PEAK = 312e12


class Size(NamedTuple):
    """Samples that train, validate and test; and the part of `PEAK` that is assumed."""

    train: int
    validation: int
    test: int
    share: float


SIZES = {
    "cifar100-resnet18": Size(45_000, 5_000, 10_000, 0.1),
    "cifar100-wrn": Size(45_000, 5_000, 10_000, 0.2),
    "imagenet-resnet50": Size(1_261_167, 20_000, 50_000, 0.2),
    "language-124m": Size(153_600, 2_048, 4_096, 0.3),
}
#: How two steps are tried, each of two samples.
SMALL = {"batch_size": 2, "epochs": 1, "precision": "32-true", "learning_rate": 1e-3}
#: Tokens of a block of the real text, less one.
LENGTH = 1_024
LATE = {"kind": "sssam", "schedule": "late(0.5)", "ascent_fraction": 0.125, "average": "ema"}
TRIED = {"base": None, "SAM": {"kind": "sam"}, "late half 1/8, EMA": LATE}


class Planned(NamedTuple):
    """The runs of one variant: those that tune, those that compare; passes a step of each."""

    method: Method
    tuning: int
    comparing: int
    passes: float


def planned(study: Study) -> list[Planned]:
    """All variants of a study's task, controls too, with the most runs that each may take."""
    (part,) = study.parts
    counts = [
        (each.start, each.count(study.trials) * each.tuned) for each in (part.base, *part.variants)
    ]
    counts += [(control, 0) for control in part.controls]
    seeds, tuning = len(study.seeds), len(study.tuning_seeds)
    return [Planned(m, trials * tuning, seeds, passes(m)) for m, trials in counts]


def passes(method: Method) -> float:
    """Expected forward-backward passes a step."""
    model = nn.Linear(2, 2)
    base = torch.optim.SGD(model.parameters(), lr=0.1)
    made = methods.build(method, base, total_steps=10_000, seed=0, model=model)
    return methods.expected_propagations(made) or 1.0


def operations(task: Task, plan: Planned, size: Size, forward: int, both: int, norm: bool) -> float:
    """Floating-point operations of all runs of a variant, evaluations after each epoch with them.

    `forward` and `both` are those of a sample, forward and in a pass forward and back. With batch
    norm (`norm`) an average is refreshed by a forward over the training set after each epoch.
    """
    epochs = Run(task=task, method=plan.method, seed=0).epochs
    seen = size.validation + FIXED_SUBSET
    seen += size.train * (norm and plan.method.average != "none")
    run = epochs * (size.train * both * plan.passes + seen * forward)
    return (plan.tuning + plan.comparing) * run + plan.comparing * size.test * forward


def counted(problem: Problem, sample: tuple[Any, Any]) -> tuple[int, int]:
    """Operations of one sample: forward, and forward and back; of images nothing is computed.

    A multiplication with an addition is two. Attention counts whole, its masked half too.
    """
    device = "meta" if sample[0].is_floating_point() else "cpu"  # Transformers reads its masks
    model = problem.model.to(device)
    inputs, targets = (each.unsqueeze(0).to(device) for each in sample)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        losses = problem.loss(run_model(model, inputs), targets)
        forward = counter.get_total_flops()
        losses.mean().backward()
    return forward, counter.get_total_flops()


def full(sample: tuple[Any, Any]) -> tuple[Any, Any]:
    """A sample at its real size: of text, a whole block."""
    inputs, targets = (torch.as_tensor(each) for each in sample)
    if inputs.is_floating_point():
        return inputs, targets
    return inputs.new_zeros(LENGTH + 1), targets.new_zeros(LENGTH)


def stored(task: Task) -> dict[str, int]:
    """Bytes of float32 weights, of their gradients, and of what else methods keep beside them.

    SAM keeps a copy of the weights while they are moved; EMA is another.
    """
    training = prepare(Run(task=task, method=BASE, seed=0), hardware.fabric("cpu", "32-true"))
    parameters = list(training.network.parameters())
    for each in parameters:
        each.grad = torch.zeros_like(each)
    training.base.step()
    kept = [
        t for s in training.base.state.values() for t in s.values() if isinstance(t, torch.Tensor)
    ]
    size = sum(p.nbytes for p in parameters)
    state = sum(t.nbytes for t in kept)
    return {"weights": size, "gradients": size, "optimizer": state, "sam": size, "ema": size}


def steps(task: Task) -> dict[str, Any]:
    """Two steps by each of three methods, through the laboratory: records in short."""
    found = {}
    for label, given in TRIED.items():
        method = (
            BASE
            if given is None
            else VARIANT.validate_python({**given, "rho": 0.05}).tunable(task).start
        )
        record = train(Run(task=task, method=method, seed=0))
        found[label] = {
            "steps": record.steps,
            "passes": round(record.propagations, 4),
            "train_loss": record.train_loss,
        }
        print(task.name, label, found[label], flush=True)
    return found


def measured(name: str, study: Study) -> dict[str, Any]:
    """All numbers of one study."""
    size, task = SIZES[name], study.parts[0].task
    small = task.model_copy(update=SMALL)
    problem = problems.make(task, 0)
    norm = weights.needs_refresh(problem.model)
    parameters = sum(p.numel() for p in problem.model.parameters())
    first = next(iter(problem.train.batches(torch.arange(1), 1, 0)))[1:]
    forward, both = counted(problem, full((first[0][0], first[1][0])))
    plans = planned(study)
    total = sum(operations(task, plan, size, forward, both, norm) for plan in plans)
    return {
        "parameters": parameters,
        "operations_forward": forward,
        "operations_pass": both,
        "bytes": stored(small),
        "cpu_steps": steps(small),
        "tuning_runs": sum(plan.tuning for plan in plans),
        "comparing_runs": sum(plan.comparing for plan in plans),
        "operations": total,
        "base_steps": round(total / (both * task.batch_size)),
        "assumed_share": size.share,
        "hours_base_run": size.train * task.epochs * both / (size.share * PEAK) / 3600,
        "hours": total / (size.share * PEAK) / 3600,
    }


@contextmanager
def on_made_up_data() -> Iterator[None]:
    """The variables that the tasks look at name small folders."""
    untried = patch.object(problems, "tried", return_value=True)  # the steps below try each task
    unchecked = patch.object(checks, "check")  # each variant would be built over each network
    with (
        TemporaryDirectory() as place,
        patch.dict(os.environ, small_data.folders(Path(place))),
        untried,
        unchecked,
    ):
        yield


def main() -> None:
    """Measures the studies that are named, and keeps the others' numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="+", choices=SIZES)
    path = HERE / "cost.json"
    with on_made_up_data():
        for name in parser.parse_args().names:
            found = measured(name, studyfile.read(HERE / f"{name}.toml"))
            environment = hardware.describe(torch.device("cpu"), "32-true").model_dump(mode="json")
            before = json.loads(path.read_text())["studies"] if path.exists() else {}
            known = {**before, name: {**found, "environment": environment}}
            content = {"peak": PEAK, "studies": {n: known[n] for n in SIZES if n in known}}
            path.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
