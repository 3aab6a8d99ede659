import sys
from pathlib import Path

import pytest
import torch

from sssam.lab.training import memory

CPU = torch.device("cpu")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts a process's peak anew")
def test_a_peak_counts_what_was_freed_and_nothing_from_before():
    megabyte = 2**20
    peak = memory.Peak(CPU)
    bytearray(128 * megabyte)
    high = peak.bytes()
    low = memory.Peak(CPU).bytes()
    assert high - low > 100 * megabyte


def test_a_system_that_cannot_count_anew_tells_nothing(monkeypatch):
    monkeypatch.setattr(memory, "_RESET", Path("/absent/clear_refs"))
    assert memory.Peak(CPU).bytes() is None


def test_a_device_whose_memory_is_not_counted():
    assert memory.Peak(torch.device("meta")).bytes() is None
