"""Commands under torchrun: the first rank conducts them, and the others train what it trains.

So records, claims, checkpoints and what is printed are the first rank's alone, and ranks never
differ about what is missing. What a rank runs of a batch is in shares.py.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from lightning_fabric import Fabric

from sssam.lab.specs import Record, Run
from sssam.lab.training import hardware
from sssam.lab.training.hardware import FailedTogetherError, LostRankError
from sssam.lab.training.train import train

#: Arguments of `train` that the first rank keeps: loggers, and the callback of epochs.
_OWN = frozenset({"logged", "on_epoch"})


@contextmanager
def leading(accelerator: str) -> Iterator[Callable[..., Record] | None]:
    """On the first rank, yields what trains a run on all ranks, with `train`'s arguments.

    On other ranks it trains along until the first one's block ends, and yields None: there is
    nothing left to do. Without torchrun it yields `train`. All have this accelerator.

    Raises:
        LostRankError: from training, where another rank has ended.
        ValueError: hardware that torchrun's ranks can't have.
    """
    given: dict[str, Any] = {"accelerator": accelerator}
    if hardware.world() == 1:
        yield partial(train, **given)
        return
    fabric = hardware.fabric(accelerator, "32-true")
    if fabric.global_rank:
        _follow(fabric)
        yield None
        return
    leader = _Leader(fabric, given)
    try:
        yield leader
    finally:
        if not leader.busy:
            leader.dismiss()


class _Leader:
    """Trains on all ranks; `busy` while it does, and after a failure that left ranks apart."""

    def __init__(self, fabric: Fabric, given: dict[str, Any]) -> None:
        self.fabric, self.given, self.busy = fabric, given, False

    def __call__(self, run: Run, **how: Any) -> Record:
        settings = {**how, **self.given}
        if self.busy:
            raise LostRankError(_LOST)
        self.busy = True
        try:
            self.fabric.broadcast((run, {k: v for k, v in settings.items() if k not in _OWN}))
            record = train(run, **settings)
        except FailedTogetherError:
            self.busy = False
            raise
        except Exception as error:
            if hardware.lost_rank(error):
                raise LostRankError(_LOST) from error
            raise
        self.busy = False
        return record

    def dismiss(self) -> None:
        """Lets the other ranks end."""
        self.fabric.broadcast(None)


def _follow(fabric: Fabric) -> None:
    """Trains what the first rank trains; an error that is not all ranks' ends this process."""
    nothing: Any = None
    while (order := fabric.broadcast(nothing)) is not None:
        run, how = order
        try:
            train(run, **how)
        except FailedTogetherError:
            continue


_LOST = (
    "another rank has ended, so this one can't go on. What is finished is kept, and the same "
    "command goes on from there: by itself with `torchrun --max-restarts N`"
)
