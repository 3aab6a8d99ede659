"""Settings of every test: one thread, no random state that one test leaves to another.

Processes that tests start have one thread too: beside other work, threads that wait for each other
take up to eight times as long.

Ctrl-C interrupts, also where the shell started the tests in the background and had it ignored.
"""

import os
import signal

import pytest
import torch

#: Doctests are collected from no conftest: several are modules of one name.
collect_ignore_glob = ["*conftest.py"]

signal.signal(signal.SIGINT, signal.default_int_handler)
torch.set_num_threads(1)
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)
