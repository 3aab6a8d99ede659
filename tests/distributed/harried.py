"""`harried.py HOW SCRIPT FILE`, under torchrun: the script, disturbed once between two passes.

HOW is the name of a signal, which the first rank sends to torchrun as a scheduler or Ctrl-C does;
"error", which the second rank alone raises; or "calm".
"""

import os
import runpy
import signal
import sys
import threading
from typing import Any
from unittest.mock import patch

from sssam.runtime.batch_pass import BatchPass

#: A pass at w + e of about the 70th step: between two checkpoints, and where many steps ascend.
AT = 80


def _send(how: str) -> None:
    """Tell torchrun, and go on when it has told this rank in its turn."""
    number, arrived = signal.Signals[how], threading.Event()
    theirs: Any = signal.getsignal(number)

    def handle(*arguments: Any) -> None:
        theirs(*arguments)
        arrived.set()

    signal.signal(number, handle)
    os.kill(os.getppid(), number)
    if not arrived.wait(60):
        raise TimeoutError(f"torchrun did not pass {how} on")


def main(how: str, script: str, *arguments: str) -> None:
    """Run the script with that disturbance."""
    passes, backward = 0, BatchPass.backward
    rank, first_life = os.environ["RANK"], os.environ["TORCHELASTIC_RESTART_COUNT"] == "0"

    def disturbed(self: BatchPass, loss: Any) -> None:
        nonlocal passes
        passes += 1
        if passes >= AT and self.phase == "descent" and first_life and disturb:
            disturb.pop()()
        backward(self, loss)

    def fail() -> None:
        raise RuntimeError("a fault of one rank")

    disturb: list[Any] = []
    if how == "error" and rank == "1":
        disturb = [fail]
    elif how.startswith("SIG") and rank == "0":
        disturb = [lambda: _send(how)]
    sys.argv = [script, *arguments]
    with patch.object(BatchPass, "backward", disturbed):
        runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main(*sys.argv[1:])
