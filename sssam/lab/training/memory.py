"""The most memory that a stretch of work took, on a device whose earlier peaks don't count."""

from pathlib import Path

import torch

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class Peak:
    """The peak from its construction on.

    On CUDA it is what torch's allocator held for tensors. On the CPU it is the resident size of the
    whole process: Python and torch (some 0.3 GB) and what earlier work has left are in it; only
    Linux can count it anew in a process that has worked before, by `/proc/self/clear_refs`.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._counts = _counts_anew(device)

    def bytes(self) -> int | None:
        """The peak so far, in bytes; None where the system can't tell it for this stretch alone."""
        if not self._counts:
            return None
        if self._device.type == "cuda":
            return torch.cuda.max_memory_allocated(self._device)
        lines = _STATUS.read_text().splitlines()
        found = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
        return 1024 * int(found[0]) if found else None


def _counts_anew(device: torch.device) -> bool:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    if device.type != "cpu":
        return device.type == "cuda"
    try:
        _RESET.write_text("5")  # proc(5): resets the peak resident set size
    except OSError:
        return False
    return True
