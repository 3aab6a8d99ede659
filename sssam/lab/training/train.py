"""One run -> one record, on Lightning Fabric; a run that was cut goes on where it stood."""

import math
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import torch

from sssam.lab import tasks
from sssam.lab.specs import Point, Record, Run
from sssam.lab.specs.flatness import FlatnessSettings
from sssam.lab.specs.seeds import derived
from sssam.lab.tasks.examples import Examples, Streamed
from sssam.lab.training import (
    checkpoints,
    evaluate,
    hardware,
    loop,
    methods,
    order,
    weights,
)
from sssam.lab.training import flatness as solutions
from sssam.lab.training.evaluate import Judged
from sssam.lab.training.prepare import prepare
from sssam.lab.training.state import Training


def train(
    run: Run,
    *,
    checkpoint: Path | None = None,
    least_seconds: float = 0.0,
    flatness: FlatnessSettings | None = None,
    accelerator: str = "cpu",
    threads: int = 1,
    test: bool = True,
    on_epoch: Callable[[Sequence[Point]], object] | None = None,
) -> Record:
    """Trains one run and measures it; the same run gives the same record, times apart.

    The test set is touched once, at the end, or not at all. A run whose loss or weights stop being
    finite stops at the end of that epoch, and its record says "diverged".

    Args:
        run: what to train.
        checkpoint: a file to go on from, where it exists, and to keep the state in.
        least_seconds: between two checkpoints, or the start and the first.
        flatness: what is measured of the trained model; whatever that raises is the record's
            `flatness_error`.
        accelerator: "cpu", "cuda", "mps" or "auto", as Fabric takes them.
        threads: torch's threads while this trains, at least 1; results can depend on them.
        test: whether the test set is measured. If not, the record's fields of it stay empty, as do
            the losses of all epochs but the last, and "diverged" is judged by the validation set:
            for a search, which must not see the test.
        on_epoch: called at the end of each epoch with the curve so far.

    Raises:
        ValueError, FileNotFoundError: a hyperparameter out of range, a checkpoint of another run,
            data that do not exist.
        OSError: a checkpoint could not be written.
    """
    tasks.check(run.task)
    fabric = hardware.fabric(accelerator, run.task.precision)
    with alone(threads, run.seed, fabric.device):
        if fabric.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(fabric.device)
        training = prepare(run, fabric)
        if checkpoint is not None and checkpoint.exists():
            checkpoints.restore(training, checkpoints.load(checkpoint, run))
        kept = monotonic()
        for curve in _epochs(training, test):
            if checkpoint is not None and monotonic() - kept >= least_seconds:
                checkpoints.save(checkpoint, run, checkpoints.state(training))
                kept = monotonic()
            if on_epoch is not None:
                on_epoch(curve)
        record = _record(training, test)
        return record if flatness is None else _with_flatness(record, training, flatness)


def _epochs(training: Training, test: bool) -> Iterator[Sequence[Point]]:
    """Trains until the end, an early stop or a loss that is not finite; a search skips losses."""
    position, last = training.position, training.run.epochs
    always = test or training.run.method.patience is not None
    while position.epoch < last and position.finite and not weights.stopped(training):
        loop.run_epoch(training)
        with weights.evaluated(training):
            position.curve.append(_point(training, always or position.epoch == last))
            weights.keep(training)
        yield tuple(position.curve)


def _point(training: Training, with_loss: bool) -> Point:
    split, position = training.split, training.position
    few = split.train.head(evaluate.FIXED_SUBSET)
    loss = _judged(training, few).loss if with_loss else math.nan
    return Point(
        step=position.step,
        propagations=training.propagations,
        train_loss=loss if math.isfinite(loss) else None,
        validation_accuracy=_judged(training, split.validation).accuracy,
        learning_rate=position.rate,
    )


def _record(training: Training, test: bool) -> Record:
    """Measures the test set, once, or leaves it alone; and gathers what the run was."""
    position, split = training.position, training.split
    weights.take(training)
    judged = _judged(training, split.test if test else split.validation)
    forwards, backwards, device = *training.passes, training.fabric.device
    point = position.curve[weights.evaluated_epoch(training) - 1]
    return Record(
        run=training.run,
        outcome="diverged" if judged.guessing or not position.finite else "finished",
        steps=position.step,
        train_loss=point.train_loss,
        validation_accuracy=point.validation_accuracy,
        ascended=hex(sum(1 << step for step in position.ascended)),
        forwards=forwards,
        backwards=backwards,
        propagations=training.propagations / position.step,
        expected_propagations=_expected(training),
        seconds=position.seconds,
        peak_memory=torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None,
        curve=tuple(position.curve),
        sample_hash=order.sample_hash(training),
        initial_hash=position.initial,
        environment=hardware.describe(device, training.run.task.precision),
        test_accuracy=judged.accuracy if test else None,
        correct=judged.bits if test else "0x0",
        test_size=len(judged.scores) if test else 0,
        test_hash=judged.targets if test else "",
    )


def _expected(training: Training) -> float | None:
    """Expected passes a step, the refresh of batch norm among them; None with early stopping."""
    run, expected = training.run, methods.expected_propagations(training.optimizer)
    if expected is None or run.method.patience is not None:
        return None
    once = training.average is not None and weights.needs_refresh(training.network)
    return expected + once / (3 * run.epochs)


def _with_flatness(record: Record, training: Training, settings: FlatnessSettings) -> Record:
    """Measures the model, on the CPU in float32."""
    try:
        model = training.network.state_dict()
        solution = solutions.solution(record.run, model, settings.samples)
        return record.model_copy(update={"flatness": solutions.measure(solution, settings)})
    except (Exception, SystemExit) as error:  # a record outlives what a user's own task raises
        reason = traceback.format_exception_only(error)[-1].strip()
        return record.model_copy(update={"flatness_error": reason})


def _judged(training: Training, examples: Examples | Streamed) -> Judged:
    problem = training.problem
    return evaluate.judge(training.model, examples, problem.loss, problem.metric)


@contextmanager
def alone(threads: int, seed: int, device: torch.device) -> Iterator[None]:
    """Torch's threads and global generators for the time of a run, then as they were."""
    before, on_cuda = torch.get_num_threads(), device.type == "cuda"
    torch.set_num_threads(threads)
    try:
        with torch.random.fork_rng(devices=[device] if on_cuda else []):
            torch.default_generator.manual_seed(derived("global", seed))
            if on_cuda:
                torch.cuda.manual_seed(derived("global", seed))
            yield
    finally:
        torch.set_num_threads(before)
